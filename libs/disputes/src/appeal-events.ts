import type { Event, Instant } from '@recourse/eventing';
import type { Findings } from './case.js';
import type { PersonDecision } from './award.js';
import type { Explanation } from './policy-table.js';

/** Who may appeal: the buyer against what he was refused, the merchant against what he is to bear. */
export type Appellant = 'buyer' | 'merchant';

interface OfVerdict {
  readonly disputeId: string;
  /** Of the verdict that is appealed; also its refund's id. */
  readonly verdictId: string;
  readonly orderId: string;
  readonly platform: string;
  readonly merchant: string;
  readonly buyer: string;
}

/** What a ruling says of one unit, with the facts as they stood then. */
export interface RuledUnit extends Findings {
  readonly unitNo: number;
  readonly outcome: 'upheld' | 'changed';
}

/** A unit that a ruling changes, and in whose favour: for the buyer what is left of its price, for the merchant what he bears of it. */
export type ChangedUnit = PersonDecision & { readonly unitNo: number; readonly for: Appellant };

export type AppealEvent =
  /** The verdict does not become final until another person has ruled. Each party appeals a verdict once. S79 */
  | Event<
      'AppealLodged',
      OfVerdict & {
        /** `{verdictId}.a{n}` */
        readonly appealId: string;
        readonly by: Appellant;
        readonly units: readonly number[];
        /** Vault reference of what the appellant says. */
        readonly reason?: string;
        readonly lodgedBy: string;
        readonly lodgedAt: Instant;
        readonly until: Instant;
      }
    >
  | Event<
      'AppealWithdrawn',
      OfVerdict & {
        readonly appealId: string;
        readonly by: Appellant;
        readonly withdrawnBy: string;
        readonly withdrawnAt: Instant;
        /** The other party's appeal goes on, up to here. */
        readonly rulingUntil?: Instant;
        /** With no other appeal the verdict becomes final after it. */
        readonly appealUntil: Instant;
      }
    >
  /** The platform is late: a supervisor has the rest, then it is decided for whoever appealed. K13 */
  | Event<'AppealEscalated', { readonly disputeId: string; readonly verdictId: string; readonly until: Instant }>
  /** Ends every open appeal of the verdict. What changes is in the events of the same append. */
  | Event<
      'AppealRuled',
      OfVerdict & {
        readonly appeals: readonly string[];
        readonly outcome: 'upheld' | 'changed';
        readonly units: readonly RuledUnit[];
        readonly decidedBy: 'person' | 'overdue';
        /** Subject of the person who ruled. */
        readonly person?: string;
        readonly explanation: Explanation;
        readonly basis: readonly string[];
        readonly ruledAt: Instant;
      }
    >;

export type AppealCommand =
  /** Without `units`: every one that the party may appeal. */
  | {
      readonly type: 'LodgeAppeal';
      readonly verdictId: string;
      readonly by: Appellant;
      readonly units?: readonly number[];
      /** Vault reference. */
      readonly reason?: string;
      readonly subject: string;
    }
  | { readonly type: 'WithdrawAppeal'; readonly verdictId: string; readonly by: Appellant; readonly subject: string }
  /** On all open appeals of the verdict; units that are not named are upheld. */
  | {
      readonly type: 'RuleOnAppeal';
      readonly verdictId: string;
      readonly person: string;
      readonly units: readonly ChangedUnit[];
      readonly explanation: Explanation;
    };

export type AppealRejection =
  'AlreadyAppealed' | 'AppealTooLate' | 'VerdictIsFinal' | 'NothingToAppeal' | 'UnderAppeal' | 'NotUnderAppeal' | 'SameReviewer';
