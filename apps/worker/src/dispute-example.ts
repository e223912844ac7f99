import type { Decision, EvidenceKind, Explanation, VerificationOutcome } from '@recourse/disputes';
import type { Appellant, ConfirmedTags, DisputeEvent } from '@recourse/disputes/events';
import { isInstant } from '@recourse/eventing';
import type { AfterSalePromise, ClaimReason, ProductKind, SettlementMode } from '@recourse/orders';

/** What a person says of one unit. */
export interface UnitDecision extends Decision {
  readonly unit: number;
  /** PARTIAL_REFUND without `refundPercent`: how much, in yuan. */
  readonly amount?: string;
}
/** In whose favour a ruling changes the verdict on one unit. */
export interface UnitRuling extends UnitDecision {
  readonly for: Appellant;
}

/** Something that somebody does; without a moment it is done in the moment of the act before. */
export type Act = (
  | { readonly does: 'place' | 'pay' | 'submit' | 'withdraw' | 'request-person' | 'wait' }
  | { readonly does: 'deliver' | 'reveal' | 'confirm' | 'report-failure'; readonly units: readonly number[] }
  | {
      readonly does: 'claim';
      readonly units: readonly number[];
      readonly reason: ClaimReason;
      readonly draft?: boolean;
      readonly showsActivationFailure?: boolean;
    }
  | {
      readonly does: 'evidence';
      readonly by: 'buyer' | 'merchant';
      readonly kind: EvidenceKind;
      readonly showsActivationFailure: boolean;
    }
  | { readonly does: 'verifier'; readonly units: readonly number[]; readonly outcome: VerificationOutcome }
  | { readonly does: 'replace'; readonly units: readonly number[] }
  | { readonly does: 'check'; readonly works: boolean }
  | { readonly does: 'answer'; readonly answer: 'accepted' | 'contested' }
  /** Of the last chat of the case. */
  | ({ readonly does: 'tag'; readonly by: 'arbitrator' | 'merchant' } & ConfirmedTags)
  | { readonly does: 'decide'; readonly units: readonly UnitDecision[]; readonly explanation: Explanation }
  /** The last verdict of the case. */
  | { readonly does: 'appeal'; readonly by: Appellant; readonly units?: readonly number[] }
  | { readonly does: 'withdraw-appeal'; readonly by: Appellant }
  | {
      readonly does: 'rule';
      readonly person: string;
      /** Those that change; the others are upheld. */
      readonly units: readonly UnitRuling[];
      readonly explanation: Explanation;
    }
  | { readonly does: 'record-incident'; readonly title: Explanation; readonly system: string; readonly units: readonly number[] }
) & {
  readonly at?: string;
  /** It is refused, with this code. */
  readonly refused?: string;
  /** It counts from its moment, but was so slow that it is stored only after this event of the case. */
  readonly storedAfter?: DisputeEvent['type'];
};

/** A step of the case or of the units' money, as it must come. */
export interface ExpectedStep {
  readonly at: string;
  /** An event of the case. */
  readonly event: string;
  readonly units?: readonly number[];
  readonly rule?: string;
  readonly until?: string;
  /** Whose appeal it is, and what became of all of a verdict. */
  readonly appealBy?: string;
  readonly outcome?: string;
  /** What the merchant promised in a chat. */
  readonly promise?: string;
}
export interface ExpectedVerdict {
  readonly at: string;
  readonly rule: string;
  readonly decidedBy: string;
  readonly unit: number;
  readonly liable: string;
  readonly remedy: string;
  readonly bearer: string;
  readonly refund: string;
  readonly refundPercent?: number;
  /** Of a refund that both bear: what the merchant bears. */
  readonly merchantPart?: string;
  /** By verdicts before this one. */
  readonly refundedBefore?: string;
  readonly facts: Readonly<Record<string, string>>;
}
export interface ExpectedMoney {
  readonly at: string;
  readonly unit?: number;
  /** Where one amount is for several. */
  readonly units?: readonly number[];
  /** `escrow`, `fund`: what was approved for the buyer and not paid yet goes back to where it came from. */
  readonly to: 'buyer' | 'merchant' | 'escrow' | 'fund';
  readonly amount: string;
  readonly source: string;
  /** Of what the buyer gets: who finally bears it, and the fee that the platform gives back. */
  readonly merchantBears?: string;
  readonly platformBears?: string;
  readonly feeGivenBack?: string;
  /** Of what the merchant gets: the fee that was taken. */
  readonly fee?: string;
}
export interface Expected {
  readonly steps: readonly ExpectedStep[];
  readonly verdicts: readonly ExpectedVerdict[];
  readonly money: readonly ExpectedMoney[];
}

export interface DisputeExample {
  readonly title: Explanation;
  readonly comment: Explanation;
  readonly requirements: readonly string[];
  readonly policy: 'default';
  readonly order: {
    readonly productKind: ProductKind;
    readonly settlement: SettlementMode;
    readonly promise: AfterSalePromise;
    readonly product: string;
    readonly unitPrice: string;
    readonly quantity: number;
    readonly fee: string;
    readonly noReturnConsent?: true;
  };
  readonly story: readonly Act[];
  readonly expected: Expected;
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== '';
const isAmount = (value: unknown): boolean => typeof value === 'string' && /^\d+\.\d\d$/.test(value);

/** What a member must be; a question mark where it may be absent. */
type Shape = Readonly<Record<string, (value: unknown) => boolean>>;

const isUnits = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every(Number.isSafeInteger);
const isBothTexts = (value: unknown): boolean => isObject(value) && isText(value['zh']) && isText(value['en']);
const isFlag = (value: unknown): boolean => typeof value === 'boolean';
const isMoment = (value: unknown): boolean => typeof value === 'string' && isInstant(value);
const isWhole = (value: unknown): boolean => Number.isSafeInteger(value);
const isEach =
  (shape: Shape) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every((one) => faultsOf('', one, shape).length === 0);

const decisionShape: Shape = {
  unit: isWhole,
  liable: isText,
  remedy: isText,
  bearer: isText,
  'refundPercent?': isWhole,
  'merchantPercent?': isWhole,
  'amount?': isAmount,
};

const acts: Readonly<Record<Act['does'], Shape>> = {
  place: {},
  pay: {},
  submit: {},
  withdraw: {},
  'request-person': {},
  wait: {},
  deliver: { units: isUnits },
  reveal: { units: isUnits },
  confirm: { units: isUnits },
  'report-failure': { units: isUnits },
  claim: { units: isUnits, reason: isText, 'draft?': isFlag, 'showsActivationFailure?': isFlag },
  evidence: { by: isText, kind: isText, showsActivationFailure: isFlag },
  verifier: { units: isUnits, outcome: isText },
  replace: { units: isUnits },
  check: { works: isFlag },
  answer: { answer: isText },
  tag: { by: isText, problemConfirmed: isFlag, merchantPromised: isText },
  decide: { units: isEach(decisionShape), explanation: isBothTexts },
  appeal: { by: isText, 'units?': isUnits },
  'withdraw-appeal': { by: isText },
  rule: { person: isText, units: isEach({ ...decisionShape, for: isText }), explanation: isBothTexts },
  'record-incident': { title: isBothTexts, system: isText, units: isUnits },
};
const exampleShape: Shape = {
  title: isBothTexts,
  comment: isBothTexts,
  requirements: (value) => Array.isArray(value) && value.length > 0 && value.every((id) => /^[SK]\d\d?$/.test(String(id))),
  policy: (value) => value === 'default',
  order: isObject,
  story: (value) => Array.isArray(value) && value.length > 0,
  expected: isObject,
};
const orderShape: Shape = {
  productKind: isText,
  settlement: isText,
  promise: isObject,
  product: isText,
  unitPrice: isAmount,
  quantity: isWhole,
  fee: isAmount,
  'noReturnConsent?': (value) => value === true,
};
const promiseShape: Shape = { afterSaleHours: isWhole, deliverWithinHours: isWhole, reissue: isFlag, sevenDay: isFlag };
const expectedShape: Shape = { steps: Array.isArray, verdicts: Array.isArray, money: Array.isArray };

/** Exactly these members: one that nobody reads would tell a story that never was tried. */
function faultsOf(where: string, value: unknown, shape: Shape): string[] {
  if (!isObject(value)) return [`${where} is not an object`];
  const names = new Map(
    Object.entries(shape).map(([name, fits]) => [name.replace('?', ''), { fits, isOptional: name.endsWith('?') }]),
  );
  return [
    ...Object.keys(value)
      .filter((name) => !names.has(name))
      .map((name) => `${where}.${name} is not known`),
    ...[...names].flatMap(([name, { fits, isOptional }]) => {
      const member = value[name];
      if (member === undefined) return isOptional ? [] : [`${where}.${name} is missing`];
      return fits(member) ? [] : [`${where}.${name} is not what it must be: ${JSON.stringify(member)}`];
    }),
  ];
}

function actFaults(act: unknown, index: number): string[] {
  const where = `story[${index}]`;
  const does = isObject(act) ? act['does'] : undefined;
  if (typeof does !== 'string' || !Object.hasOwn(acts, does))
    return [`${where}.does is not one of ${Object.keys(acts).join(', ')}`];
  const common: Shape = { does: isText, 'at?': isMoment, 'refused?': isText, 'storedAfter?': isText };
  return faultsOf(where, act, { ...common, ...acts[does as Act['does']] });
}

/** @throws Error that names every member that is missing, unknown or not what it must be */
export function readExample(name: string, text: string): DisputeExample {
  const value = JSON.parse(text) as Json;
  const order = isObject(value) ? value['order'] : undefined;
  const story = isObject(value) && Array.isArray(value['story']) ? (value['story'] as unknown[]) : [];
  const faults = [
    ...faultsOf('example', value, exampleShape),
    ...faultsOf('order', order, orderShape),
    ...faultsOf('order.promise', isObject(order) ? order['promise'] : undefined, promiseShape),
    ...story.flatMap(actFaults),
    ...(story.length > 0 && !(isObject(story[0]) && isMoment(story[0]['at'])) ? ['story[0].at is missing'] : []),
    ...faultsOf('expected', isObject(value) ? value['expected'] : undefined, expectedShape),
  ];
  if (faults.length > 0) throw new Error(`${name}: ${faults.join('; ')}`);
  return value as unknown as DisputeExample;
}
