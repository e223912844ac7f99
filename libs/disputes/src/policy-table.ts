import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { ClaimReason, EventReference, Liability, ProductKind, PromiseMinimums } from '@recourse/orders/events';

export type VerificationOutcome =
  | 'UNUSED'
  | 'ACTIVATED_BEFORE_SALE'
  | 'ACTIVATED_AFTER_REVEAL'
  | 'CREDITED'
  | 'NOT_CREDITED'
  | 'EXPIRED'
  | 'INVALID'
  /** The key is good, but worth less than what was sold. */
  | 'WRONG_VALUE'
  /** This top-up is the second credit of one wish. S58 */
  | 'DUPLICATE'
  | 'INCONCLUSIVE'; // S53

/** Everything a rule may ask about one unit: finite facts, so that a table can be proven complete. Times enter as before, at or after. */
export interface Facts {
  readonly reason: ClaimReason;
  readonly productKind: ProductKind;
  readonly delivered: 'yes' | 'no';
  readonly revealed: 'yes' | 'no';
  readonly platformFailure: 'yes' | 'no';
  /** The submitted claim against the end of the after-sale window; `none` when nothing was delivered. */
  readonly afterSale: 'before' | 'at' | 'after' | 'none';
  /** The submitted claim against the end of the seven-day promise; `none` when the offer makes none. */
  readonly sevenDay: 'before' | 'at' | 'after' | 'none';
  readonly activationFailureEvidence: 'yes' | 'no'; // S27, S40, S45
  readonly verification: VerificationOutcome | 'none';
  readonly reissuePromised: 'yes' | 'no';
  readonly reissue: 'none' | 'missed' | 'failed';
  readonly merchantAnswer: 'none' | 'accepted' | 'contested' | 'silent';
  /** The buyer confirmed by itself, when he bought, that what he has opened is not taken back. S21 */
  readonly noReturnConsent: 'yes' | 'no';
  /** A chat is strong only if the merchant both confirms the problem and promises a remedy. S46 */
  readonly chat: 'none' | 'weak' | 'strong';
  /** The trade, the time of the problem and the responsible party are shown, by whoever shows them. S41 */
  readonly evidence: 'complete' | 'incomplete';
  /** What the merchant promised in a chat that is part of the case; it binds him. S46 */
  readonly merchantPromise: 'none' | 'reissue' | 'refund';
  /** Both sides had their time for evidence after the claim was contested. K13 */
  readonly evidencePhase: 'none' | 'over';
}

type LaterFact = 'noReturnConsent' | 'chat' | 'evidence' | 'merchantPromise' | 'evidencePhase';
/** As a verdict recorded them: one of an earlier build has fewer, and no rule of its policy asked for the others. */
export type RecordedFacts = Omit<Facts, LaterFact> & Partial<Pick<Facts, LaterFact>>;

/** What a rule does with the unit. Only `decide` ends it; a person decides after `review`. */
export type RuleOutcome =
  | { readonly do: 'verify' }
  | { readonly do: 'await-reissue' }
  | { readonly do: 'await-merchant' }
  /** Both sides may give evidence; K13 says how long. */
  | { readonly do: 'await-evidence' }
  | { readonly do: 'review' }
  | ({ readonly do: 'decide' } & Decision);

/** The part of a verdict that a rule or a person decides. Liable, remedy and bearer are independent. K1 */
export interface Decision {
  readonly liable: Liability;
  readonly remedy: 'NONE' | 'PARTIAL_REFUND' | 'FULL_REFUND';
  readonly bearer: 'merchant' | 'platform' | 'shared' | 'none';
  /** PARTIAL_REFUND: so much of the unit's price, 1 to 99. K7 */
  readonly refundPercent?: number;
  /** Bearer `shared`: so much of the refund is the merchant's to bear, 1 to 99. K1 */
  readonly merchantPercent?: number;
}

export interface Explanation {
  readonly zh: string;
  readonly en: string;
}

/** Ids that no table may use: a unit comes to a person by this one when its buyer asked for one. K14 */
export const personRequestedRule = 'person-requested';

/** Rules are tried in order, first match wins. A fact left out of `when` matches anything; a list matches any of its values. */
export interface PolicyRule {
  readonly id: string;
  readonly when: { readonly [Fact in keyof Facts]?: Facts[Fact] | readonly Facts[Fact][] };
  readonly then: RuleOutcome;
  readonly explanation: Explanation;
  /** Requirement ids, contract clauses or law. */
  readonly basis: readonly string[];
}

export interface PolicyTable {
  readonly id: string;
  readonly version: number;
  readonly title: Explanation;
  /** The least that an offer judged by this policy may promise; a table without them leaves it to the offers. S25, S82 */
  readonly minimums?: PromiseMinimums;
  readonly rules: readonly PolicyRule[];
}

/** A fact with the events it was derived from. */
export interface FactSource {
  readonly fact: keyof Facts;
  readonly from: readonly EventReference[];
}

const every = <Value extends string>(values: Readonly<Record<Value, true>>) => Object.keys(values) as Value[];

/** The whole fact space: a value that is missing here does not compile. */
export const factValues: { readonly [Fact in keyof Facts]: readonly Facts[Fact][] } = {
  reason: every<ClaimReason>({
    'key-invalid': true,
    'key-used': true,
    'key-expired': true,
    'not-credited': true,
    'not-delivered': true,
    'wrong-face-value': true,
    'duplicate-recharge': true,
    'merchant-absent': true,
    'platform-failure': true,
    'wrong-account': true,
    'own-cancellation': true,
    dislike: true,
    'seven-day': true,
  }),
  productKind: every<ProductKind>({ 'game-card': true, 'phone-top-up': true, membership: true }),
  delivered: ['yes', 'no'],
  revealed: ['yes', 'no'],
  platformFailure: ['yes', 'no'],
  afterSale: every<Facts['afterSale']>({ before: true, at: true, after: true, none: true }),
  sevenDay: every<Facts['sevenDay']>({ before: true, at: true, after: true, none: true }),
  activationFailureEvidence: ['yes', 'no'],
  verification: every<Facts['verification']>({
    none: true,
    UNUSED: true,
    ACTIVATED_BEFORE_SALE: true,
    ACTIVATED_AFTER_REVEAL: true,
    CREDITED: true,
    NOT_CREDITED: true,
    EXPIRED: true,
    INVALID: true,
    WRONG_VALUE: true,
    DUPLICATE: true,
    INCONCLUSIVE: true,
  }),
  reissuePromised: ['yes', 'no'],
  reissue: every<Facts['reissue']>({ none: true, missed: true, failed: true }),
  merchantAnswer: every<Facts['merchantAnswer']>({ none: true, accepted: true, contested: true, silent: true }),
  noReturnConsent: ['yes', 'no'],
  chat: every<Facts['chat']>({ none: true, weak: true, strong: true }),
  evidence: ['complete', 'incomplete'],
  merchantPromise: every<Facts['merchantPromise']>({ none: true, reissue: true, refund: true }),
  evidencePhase: ['none', 'over'],
};
export const factNames = Object.keys(factValues) as (keyof Facts)[];

/** The values of a fact that a rule accepts; undefined when it does not ask. */
export const askedOf = ({ when }: Pick<PolicyRule, 'when'>, fact: keyof Facts): readonly string[] | undefined => {
  const asked: string | readonly string[] | undefined = when[fact];
  return typeof asked === 'string' ? [asked] : asked;
};

const matches = (rule: PolicyRule, facts: RecordedFacts): boolean => {
  for (const fact in rule.when) {
    const asked: string | readonly string[] | undefined = rule.when[fact as keyof Facts];
    const value = facts[fact as keyof Facts];
    if (asked === undefined || asked === value) continue;
    if (value === undefined || typeof asked === 'string' || !asked.includes(value)) return false;
  }
  return true;
};

/** The first rule that matches. A validated table ends in a catch-all, so that there always is one. @throws Error for any other table */
export function matchRule(table: PolicyTable, facts: RecordedFacts): PolicyRule {
  const rule = table.rules.find((candidate) => matches(candidate, facts));
  if (rule === undefined) throw new Error(`policy ${table.id} version ${table.version} has no rule for ${JSON.stringify(facts)}`);
  return rule;
}

/** JSON with sorted keys and no blanks, so that one table has one text. Nesting is as deep as the validated table's. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).filter(([, inner]) => inner !== undefined);
  const sorted = members.toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `{${sorted.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`;
}

/** SHA-256 of the table's canonical JSON in UTF-8, 64 hex: what an order freezes and a verdict names. */
export const policyHash = (table: PolicyTable): string => bytesToHex(sha256(utf8ToBytes(canonicalJson(table))));
