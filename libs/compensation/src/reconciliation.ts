import {
  type CommandOf,
  type DataOf,
  type Decider,
  type Event,
  eventsOf,
  type Instant,
  reject,
  type Rejection,
} from '@recourse/eventing';
import { isPositive, type Money } from '@recourse/money';

/** What a line of a rail's bill is, in the rail's words. */
export type BillLineKind = 'capture' | 'transfer' | 'reversal' | 'fee' | 'refund' | 'other';

interface Place {
  /** `{rail}.{day}.{line of the bill}` */
  readonly differenceId: string;
  readonly platform: string;
  readonly rail: string;
  /** Calendar day of Asia/Shanghai. */
  readonly day: string;
}
/** `out`: the gateway has less than our books say; `in`: more. The amount is more than nothing. */
interface Sum extends Place {
  readonly direction: 'in' | 'out';
  readonly amount: Money;
}
/** A line as the comparison of a bill finds it. */
export interface DifferenceLine {
  readonly lineId: string;
  readonly kind: BillLineKind;
  readonly direction: 'in' | 'out';
  readonly amount: Money;
  /** Ours, where the rail names one. */
  readonly key?: string;
  /** What the rail calls the payment that the line is about. */
  readonly reference?: string;
  /** The order that this payment paid. */
  readonly orderId?: string;
  /** By the rail. */
  readonly occurredAt: Instant;
}
/** Why the money moved after all: a refund that somebody made past us, or what our own books have learnt since. */
export type Clearing =
  { readonly kind: 'refunded-outside'; readonly refundId: string } | { readonly kind: 'explained'; readonly reason: string };

export type ReconciliationEvent =
  /** A line of the rail's bill that our books do not have, or not with this amount. */
  | Event<'DifferenceBooked', Sum & Omit<DifferenceLine, 'direction' | 'amount'> & { readonly bookedAt: Instant }>
  /** Somebody says that it is this refund, made outside; its payout is asked, and until it answers nobody else clears it. */
  | Event<'DifferenceAssigned', Sum & { readonly refundId: string; readonly assignedBy: string; readonly assignedAt: Instant }>
  /** The payout could not take it: it is open again. */
  | Event<'DifferenceReleased', Place & { readonly refundId: string; readonly why: string; readonly releasedAt: Instant }>
  | Event<'DifferenceCleared', Sum & { readonly into: Clearing; readonly by: string; readonly clearedAt: Instant }>
  | Event<
      'DifferenceWriteOffProposed',
      Sum & { readonly reason: string; readonly proposedBy: string; readonly proposedAt: Instant }
    >
  /** Nobody can say why, and two people stand behind it: the platform's loss, or its gain. */
  | Event<
      'DifferenceWrittenOff',
      Sum & {
        readonly reason: string;
        readonly proposedBy: string;
        readonly approvedBy: string;
        readonly writtenOffAt: Instant;
      }
    >;

export type ReconciliationCommand =
  | {
      readonly type: 'BookDifferences';
      readonly platform: string;
      readonly rail: string;
      readonly day: string;
      readonly lines: readonly DifferenceLine[];
      /** Lines on which bill and books agree by now. */
      readonly agreed: readonly string[];
      readonly subject: string;
    }
  | { readonly type: 'AssignDifference'; readonly differenceId: string; readonly refundId: string; readonly subject: string }
  | { readonly type: 'ReleaseDifference'; readonly differenceId: string; readonly refundId: string; readonly why: string }
  /** The refund's payout has taken it. */
  | { readonly type: 'ClearDifference'; readonly differenceId: string; readonly refundId: string }
  | {
      readonly type: 'ProposeDifferenceWriteOff';
      readonly differenceId: string;
      readonly reason: string;
      readonly subject: string;
    }
  | { readonly type: 'ApproveDifferenceWriteOff'; readonly differenceId: string; readonly subject: string };

export type ReconciliationRejection =
  | 'AmountNotPositive'
  | 'TooManyDifferences'
  | 'DifferenceUnknown'
  | 'DifferenceSettled'
  | 'ClearingUnderway'
  | 'NotARefund'
  | 'AlreadyProposed'
  | 'NotProposed'
  | 'SameSubject';

interface Proposal {
  readonly reason: string;
  readonly proposedBy: string;
}
type Difference = { readonly sum: Sum; readonly kind: BillLineKind } & (
  | { readonly status: 'open'; readonly proposal: Proposal | undefined }
  | {
      readonly status: 'assigned';
      readonly proposal: Proposal | undefined;
      readonly refundId: string;
      readonly assignedBy: string;
    }
  | { readonly status: 'settled' }
);
/** Every difference of the day, by id; one that is settled stays, so that its line is not booked again. */
export interface Reconciliation {
  readonly differences: ReadonlyMap<string, Difference>;
}

/** A rail and a day have no more; beyond that something else is wrong, and a stream stays short enough to be read whole. */
export const maxDifferences = 1_000;

const event = eventsOf<ReconciliationEvent>();
type Decided = readonly ReconciliationEvent[] | Rejection<ReconciliationRejection>;

export const reconciliationId = (rail: string, day: string): string => `${rail}.${day}`;
export const differenceIdOf = (rail: string, day: string, lineId: string): string => `${rail}.${day}.${lineId}`;

const differenceShape = /^([A-Za-z0-9_-]+\.\d{4}-\d{2}-\d{2})\.([A-Za-z0-9_-]+)$/;
/** Id of the stream that a difference stands in; undefined for what is not the id of one. */
export const reconciliationOf = (differenceId: string): string | undefined => differenceShape.exec(differenceId)?.[1];

/** Stream `reconciliation-{rail}.{day}`: what a rail's bill of a day has and our books do not, and what became of it. */
export const reconciliation: Decider<ReconciliationCommand, Reconciliation, ReconciliationEvent, ReconciliationRejection> = {
  category: 'reconciliation',
  initial: { differences: new Map() },
  events: {
    DifferenceBooked: 1,
    DifferenceAssigned: 1,
    DifferenceReleased: 1,
    DifferenceCleared: 1,
    DifferenceWriteOffProposed: 1,
    DifferenceWrittenOff: 1,
  },
  decide: (command, state) => {
    if (command.type === 'BookDifferences') return book(command, command.at, state);
    const difference = state.differences.get(command.differenceId);
    if (difference === undefined) return reject('DifferenceUnknown', 'no difference with this id was booked');
    if (difference.status === 'settled') return command.type === 'ReleaseDifference' ? [] : settled;
    const { sum, proposal } = difference;
    switch (command.type) {
      case 'AssignDifference': {
        const { refundId, subject, at } = command;
        if (difference.status === 'assigned') return difference.refundId === refundId ? [] : underway;
        if (sum.direction === 'in' || difference.kind === 'fee')
          return reject('NotARefund', "a rail's fee, and money that came in, are no refunds");
        return [event('DifferenceAssigned', { ...sum, refundId, assignedBy: subject, assignedAt: at })];
      }
      case 'ReleaseDifference': {
        const { refundId, why, at } = command;
        if (difference.status !== 'assigned' || difference.refundId !== refundId) return [];
        return [event('DifferenceReleased', { ...placeOf(sum), refundId, why, releasedAt: at })];
      }
      case 'ClearDifference': {
        const { refundId, at } = command;
        // The payout takes only what was assigned to it, and keeps others from it until then.
        if (difference.status !== 'assigned' || difference.refundId !== refundId) return underway;
        const into = { kind: 'refunded-outside', refundId } as const;
        return [event('DifferenceCleared', { ...sum, into, by: difference.assignedBy, clearedAt: at })];
      }
      case 'ProposeDifferenceWriteOff': {
        const { reason, subject, at } = command;
        if (difference.status === 'assigned') return underway;
        if (proposal?.proposedBy === subject && proposal.reason === reason) return [];
        if (proposal !== undefined)
          return reject(
            'AlreadyProposed',
            `${proposal.proposedBy} has proposed to write this off; another person can approve it`,
          );
        return [event('DifferenceWriteOffProposed', { ...sum, reason, proposedBy: subject, proposedAt: at })];
      }
      case 'ApproveDifferenceWriteOff': {
        const { subject, at } = command;
        if (difference.status === 'assigned') return underway;
        if (proposal === undefined) return reject('NotProposed', 'nobody has proposed to write this off; propose it first');
        if (proposal.proposedBy === subject)
          return reject('SameSubject', 'another person than the one who proposed it approves it');
        return [event('DifferenceWrittenOff', { ...sum, ...proposal, approvedBy: subject, writtenOffAt: at })];
      }
    }
  },
  evolve: (state, happened) => {
    const { differenceId } = happened.data;
    const before = state.differences.get(differenceId);
    const after = happened.type === 'DifferenceBooked' ? bookedOf(happened.data) : before && next(before, happened);
    if (after === undefined) throw new Error(`${happened.type} stands before DifferenceBooked`);
    return { differences: new Map(state.differences).set(differenceId, after) };
  },
};

const settled = reject('DifferenceSettled', 'this difference is cleared or written off already');
const underway = reject('ClearingUnderway', 'a refund is asked whether this difference is its payment; wait for the answer');

function book(
  command: CommandOf<ReconciliationCommand, 'BookDifferences'>,
  at: Instant,
  { differences }: Reconciliation,
): Decided {
  const { platform, rail, day, lines, agreed, subject } = command;
  const fresh = new Map(
    lines
      .map((line) => [differenceIdOf(rail, day, line.lineId), line] as const)
      .filter(([differenceId]) => !differences.has(differenceId)),
  );
  if ([...fresh.values()].some(({ amount }) => !isPositive(amount)))
    return reject('AmountNotPositive', 'a difference is one minor unit or more');
  if (differences.size + fresh.size > maxDifferences)
    return reject('TooManyDifferences', `a rail and a day have ${maxDifferences} differences at most; look at the rail first`);
  const reason = 'bill and books agree by now';
  return [
    ...[...fresh].map(([differenceId, { direction, amount, ...line }]) =>
      event('DifferenceBooked', { differenceId, platform, rail, day, direction, amount, ...line, bookedAt: at }),
    ),
    ...agreed.flatMap((lineId) => {
      const known = differences.get(differenceIdOf(rail, day, lineId));
      return known?.status === 'open' && known.sum.platform === platform
        ? [event('DifferenceCleared', { ...known.sum, into: { kind: 'explained', reason }, by: subject, clearedAt: at })]
        : [];
    }),
  ];
}

const placeOf = ({ differenceId, platform, rail, day }: Place): Place => ({ differenceId, platform, rail, day });
const sumOf = ({ direction, amount, ...place }: Sum): Sum => ({ ...placeOf(place), direction, amount });

const bookedOf = (data: DataOf<ReconciliationEvent, 'DifferenceBooked'>): Difference => ({
  sum: sumOf(data),
  kind: data.kind,
  status: 'open',
  proposal: undefined,
});

function next(before: Difference, { type, data }: Exclude<ReconciliationEvent, { type: 'DifferenceBooked' }>): Difference {
  const { sum, kind } = before;
  const proposal = before.status === 'settled' ? undefined : before.proposal;
  switch (type) {
    case 'DifferenceAssigned':
      return { sum, kind, proposal, status: 'assigned', refundId: data.refundId, assignedBy: data.assignedBy };
    case 'DifferenceReleased':
      return { sum, kind, proposal, status: 'open' };
    case 'DifferenceWriteOffProposed':
      return { sum, kind, status: 'open', proposal: { reason: data.reason, proposedBy: data.proposedBy } };
    case 'DifferenceCleared':
    case 'DifferenceWrittenOff':
      return { sum, kind, status: 'settled' };
  }
}
