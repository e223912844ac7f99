import type { Instant } from '@recourse/eventing';
import type { EventReference, UnitFacts } from '@recourse/orders/events';
import type { CaseFile, OverrideProposal, UnitVerdict } from './dispute.js';
import type { Facts, FactSource, VerificationOutcome } from './policy-table.js';

/** A fact that came after the claim, and the event it came with. */
export interface Learned<Value> {
  readonly value: Value;
  readonly from: EventReference;
}

/** What the policy was applied to. */
export interface Findings {
  readonly facts: Facts;
  readonly sources: readonly FactSource[];
}

export type UnitStatus =
  /** Nothing is awaited: the policy says what comes next. A review that the unit came from had to end by `reviewUntil`. */
  | { readonly is: 'submitted'; readonly reviewUntil?: Instant }
  | { readonly is: 'verifying'; readonly until: Instant; readonly rule: string }
  | { readonly is: 'awaiting-reissue'; readonly until: Instant }
  | { readonly is: 'awaiting-buyer-check'; readonly until: Instant }
  | { readonly is: 'awaiting-merchant'; readonly until: Instant }
  | { readonly is: 'awaiting-evidence'; readonly until: Instant }
  /** The findings are those that brought the unit to a person: the verdict must re-derive from them (I7). */
  | ({ readonly is: 'under-review'; readonly until: Instant; readonly escalated: boolean; readonly rule: string } & Findings)
  | { readonly is: 'decided'; readonly verdictId: string }
  | { readonly is: 'resolved' };

export interface CaseUnit {
  readonly unitNo: number;
  readonly claimed: UnitFacts;
  readonly status: UnitStatus;
  readonly verification: Learned<VerificationOutcome> | undefined;
  readonly reissue: Learned<'missed' | 'failed'> | undefined;
  readonly merchantAnswer: Learned<'accepted' | 'contested' | 'silent'> | undefined;
  readonly evidencePhase: Learned<'over'> | undefined;
}
export type UnitIn<Is extends UnitStatus['is']> = CaseUnit & { readonly status: Extract<UnitStatus, { is: Is }> };
export const isIn =
  <Is extends UnitStatus['is']>(...statuses: readonly Is[]) =>
  (unit: CaseUnit): unit is UnitIn<Is> =>
    (statuses as readonly string[]).includes(unit.status.is);

export interface Evidence {
  readonly ids: ReadonlySet<string>;
  /** The buyer's first piece that shows an activation failure. */
  readonly activationFailure: EventReference | undefined;
}

export interface Verdict {
  readonly verdictId: string;
  readonly appealUntil: Instant;
  readonly refused: readonly number[];
  readonly final: boolean;
  readonly units: readonly Pick<UnitVerdict, 'unitNo' | 'liable' | 'remedy' | 'bearer' | 'refund'>[];
  /** S61: once, by two people. */
  readonly override: { readonly is: 'none' | 'done' } | { readonly is: 'proposed'; readonly proposal: OverrideProposal };
}

/** Units that an incident of the platform was attested for, and the event of the order that says so. S11 */
export type Attested = ReadonlyMap<number, EventReference>;

/** A case that can still move. `revision` is that of the next event of the stream. */
export interface DraftCase {
  readonly status: 'draft';
  readonly revision: number;
  readonly file: CaseFile;
  /** When the claim stopped the clock. S77 */
  readonly openedAt: Instant;
  readonly until: Instant;
  readonly evidence: Evidence;
  readonly attested: Attested;
}
export interface SubmittedCase {
  readonly status: 'submitted';
  readonly revision: number;
  readonly file: CaseFile;
  readonly openedAt: Instant;
  readonly reissueUntil: Instant;
  readonly evidence: Evidence;
  /** The buyer asked for a person: no rule refuses him any more. K14 */
  readonly personRequested: boolean;
  readonly attested: Attested;
  readonly units: readonly CaseUnit[];
  readonly verdicts: readonly Verdict[];
}
export type Dispute =
  | { readonly status: 'unknown'; readonly revision: 0 }
  | DraftCase
  | SubmittedCase
  | (Omit<DraftCase, 'status'> & { readonly status: 'lapsed' })
  | { readonly status: 'withdrawn'; readonly revision: number; readonly file: CaseFile };

export const isOver = (unit: CaseUnit): boolean => isIn('decided', 'resolved')(unit);
