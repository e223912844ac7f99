import type { DataOf, Recorded } from '@recourse/eventing';
import type { DomainEvent } from '@recourse/ledger';
import { median, rounded } from './statistics.js';

export type RefundKind = 'escrow' | 'fund';

/** What happens to a refund between its verdict and the moment the read models show all of it. */
export type Milestone =
  | 'verdict'
  | 'approved'
  | 'funded'
  | 'payout requested'
  | 'transfer submitted'
  | 'succeeded'
  | 'debited'
  | 'reimbursed'
  | 'read models';

const fromEscrow: readonly Milestone[] = [
  'verdict',
  'approved',
  'funded',
  'payout requested',
  'transfer submitted',
  'succeeded',
  'read models',
];
/** In order of occurrence. A refund from escrow leaves nothing to debit. */
export const milestonesOf: Readonly<Record<RefundKind, readonly Milestone[]>> = {
  escrow: fromEscrow,
  fund: [...fromEscrow.slice(0, -1), 'debited', 'reimbursed', 'read models'],
};

/** One refund's way. Moments are in ms since 1970. */
export interface Journey {
  readonly kind: RefundKind;
  readonly atMs: Map<Milestone, number>;
  /** Of its latest event so far. */
  position: bigint;
}

interface Mark<Type extends DomainEvent['type']> {
  readonly milestone: Milestone;
  readonly refundId: (data: DataOf<DomainEvent, Type>) => string;
}
const marks: { readonly [Type in DomainEvent['type']]?: Mark<Type> } = {
  VerdictReached: { milestone: 'verdict', refundId: (data) => data.verdictId },
  RefundApproved: { milestone: 'approved', refundId: (data) => data.refundId },
  RefundFundedFromEscrow: { milestone: 'funded', refundId: (data) => data.refundId },
  FundsReserved: { milestone: 'funded', refundId: (data) => data.refundId },
  PayoutRequested: { milestone: 'payout requested', refundId: (data) => data.payoutId },
  TransferSubmitted: { milestone: 'transfer submitted', refundId: (data) => data.payoutId },
  PayoutSucceeded: { milestone: 'succeeded', refundId: (data) => data.payoutId },
  DepositDebited: { milestone: 'debited', refundId: (data) => data.refundId },
  FundReimbursed: { milestone: 'reimbursed', refundId: (data) => data.refundId },
};

/** Follows the refunds of these ids through the log. */
export class Journeys {
  readonly all: ReadonlyMap<string, Journey>;
  #ended = 0;

  constructor(kind: RefundKind, refundIds: readonly string[]) {
    this.all = new Map(refundIds.map((id) => [id, { kind, atMs: new Map<Milestone, number>(), position: 0n }]));
  }

  /** Refunds of which every event is in the log. */
  get ended(): number {
    return this.#ended;
  }

  take(event: Recorded<DomainEvent>): void {
    const mark = marks[event.type] as Mark<DomainEvent['type']> | undefined;
    const journey = mark && this.all.get(mark.refundId(event.data));
    if (mark === undefined || journey === undefined || journey.atMs.has(mark.milestone)) return;
    journey.atMs.set(mark.milestone, Date.parse(event.metadata.recordedAt));
    journey.position = event.position;
    if (mark.milestone === milestonesOf[journey.kind].at(-2)) this.#ended += 1;
  }

  /** The read models have shown everything up to `position` since `atMs`. */
  shown(position: bigint, atMs: number): void {
    for (const { kind, atMs: known, position: last } of this.all.values()) {
      const hasEnded = known.has(milestonesOf[kind].at(-2) ?? 'verdict');
      if (hasEnded && last <= position && !known.has('read models')) known.set('read models', atMs);
    }
  }
}

/** From the verdict until the read models show the last of it. @throws RangeError for a journey that has not ended */
export const durationMs = (journey: Journey): number => momentOf(journey, 'read models') - momentOf(journey, 'verdict');

function momentOf({ atMs }: Journey, milestone: Milestone): number {
  const moment = atMs.get(milestone);
  if (moment === undefined) throw new RangeError(`a refund was never ${milestone}`);
  return moment;
}

export interface Stage {
  /** From the milestone before it to this one. */
  readonly stage: Milestone;
  readonly medianMs: number;
  /** Of the time that all refunds together took, 0 to 1. */
  readonly share: number;
}

/** @throws RangeError when a journey has not ended, or there is none */
export function stagesOf(kind: RefundKind, journeys: readonly Journey[]): Stage[] {
  const wholeMs = journeys.reduce((sum, journey) => sum + durationMs(journey), 0);
  const milestones = milestonesOf[kind];
  return milestones.slice(1).map((stage, index) => {
    const took = journeys.map((journey) => momentOf(journey, stage) - momentOf(journey, milestones[index] ?? 'verdict'));
    return {
      stage,
      medianMs: rounded(median(took)),
      share: wholeMs === 0 ? 0 : rounded(took.reduce((sum, ms) => sum + ms, 0) / wholeMs),
    };
  });
}
