import type { Instant } from '@recourse/eventing';
import type { EventReference, UnitFacts } from '@recourse/orders/events';
import type { Appellant } from './appeal-events.js';
import type { CaseFile, ConfirmedTags, OverrideProposal, UnitVerdict } from './dispute.js';
import type { EvidenceKind } from './evidence.js';
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

/** One thing that a side has submitted. */
export interface Piece {
  readonly evidenceId: string;
  readonly by: 'buyer' | 'merchant';
  readonly kind: EvidenceKind;
  readonly from: EventReference;
  readonly submittedAt: Instant;
  /** As the submitter says. S43 */
  readonly problemAt: Instant | undefined;
  readonly capturedAt: Instant | undefined;
  /** What a person found in a chat. */
  readonly tags: Learned<ConfirmedTags> | undefined;
}

export interface Evidence {
  readonly pieces: readonly Piece[];
  /** The most that the merchant promised in a chat; it binds him. S46 */
  readonly promise: Learned<'reissue' | 'refund'> | undefined;
  /** The buyer's first piece that shows an activation failure. */
  readonly activationFailure: EventReference | undefined;
}

/** An appeal that waits for its ruling. */
export interface OpenAppeal {
  readonly appealId: string;
  readonly by: Appellant;
  readonly units: readonly number[];
  /** Subject of who lodged it. */
  readonly lodgedBy: string;
  readonly until: Instant;
  readonly escalated: boolean;
}

export interface Verdict {
  readonly verdictId: string;
  readonly appealUntil: Instant;
  readonly refused: readonly number[];
  readonly final: boolean;
  readonly units: readonly Pick<UnitVerdict, 'unitNo' | 'liable' | 'remedy' | 'bearer' | 'refund' | 'merchantPart'>[];
  /** S61: once, by two people. */
  readonly override: { readonly is: 'none' | 'done' } | { readonly is: 'proposed'; readonly proposal: OverrideProposal };
  /** Each party once, also if the appeal was withdrawn. */
  readonly appealedBy: readonly Appellant[];
  readonly appeals: readonly OpenAppeal[];
  /** By an appeal, or it was given on one: nothing more is said of it. */
  readonly ruled: boolean;
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
  /** Whoever decided, ruled, or stood behind an override here: an appeal is for others. S79 */
  readonly judges: ReadonlySet<string>;
}
export type Dispute =
  | { readonly status: 'unknown'; readonly revision: 0 }
  | DraftCase
  | SubmittedCase
  | (Omit<DraftCase, 'status'> & { readonly status: 'lapsed' })
  | { readonly status: 'withdrawn'; readonly revision: number; readonly file: CaseFile };

export const isOver = (unit: CaseUnit): boolean => isIn('decided', 'resolved')(unit);
