import type { EvidenceKind, UnitVerdict, VerificationOutcome, Explanation } from '@recourse/disputes';
import { isInstant } from '@recourse/eventing';
import type { AfterSalePromise, ClaimReason, Liability, ProductKind, SettlementMode } from '@recourse/orders';

/** Something that somebody does; without a moment it is done in the moment of the act before. */
export type Act = (
  | { readonly does: 'place' | 'pay' | 'submit' | 'withdraw' | 'wait' }
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
  | {
      readonly does: 'decide';
      readonly units: readonly {
        readonly unit: number;
        readonly liable: Liability;
        readonly remedy: UnitVerdict['remedy'];
        readonly bearer: UnitVerdict['bearer'];
      }[];
      readonly explanation: Explanation;
    }
  | { readonly does: 'record-incident'; readonly title: Explanation; readonly system: string; readonly units: readonly number[] }
) & {
  readonly at?: string;
  /** It is refused, with this code. */
  readonly refused?: string;
};

/** A step of the case or of the units' money, as it must come. */
export interface ExpectedStep {
  readonly at: string;
  /** An event of the case. */
  readonly event: string;
  readonly units?: readonly number[];
  readonly rule?: string;
  readonly until?: string;
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
  readonly facts: Readonly<Record<string, string>>;
}
export interface ExpectedMoney {
  readonly at: string;
  readonly unit: number;
  readonly to: 'buyer' | 'merchant';
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

const acts: Readonly<Record<Act['does'], Shape>> = {
  place: {},
  pay: {},
  submit: {},
  withdraw: {},
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
  decide: { units: Array.isArray, explanation: isBothTexts },
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
  const common: Shape = { does: isText, 'at?': isMoment, 'refused?': isText };
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
