import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { ClaimReason } from '@recourse/orders/events';
import {
  askedOf,
  factNames,
  factValues,
  type Decision,
  type Facts,
  type PolicyRule,
  type PolicyTable,
  type RecordedFacts,
  type RuleOutcome,
} from './policy-table.js';
import { forPerson, ruleFor } from './policy-step.js';
import { without } from './without.js';

/** Who makes a fact known that is not known yet. */
export type Supplier = 'buyer' | 'merchant' | 'verifier' | 'platform';
/** Values that lead somewhere, fact by fact. */
export type OnAnswers = { readonly [Fact in keyof Facts]?: readonly Facts[Fact][] };

/** One way in which a claim can end: by the rule alone, by the reissue that a rule asks for, or by a person to whom a rule sends it. */
export type Outcome = { readonly rule: string; readonly when: OnAnswers } & (
  ({ readonly by: 'rule' } & Decision) | { readonly by: 'reissue'; readonly remedy: 'REISSUE' } | { readonly by: 'person' }
);

/** A fact that is not known and can still change what follows. */
export interface Missing {
  readonly fact: keyof Facts;
  readonly from: Supplier;
  /** The values that would change it, compared with what is known now. */
  readonly values: readonly string[];
  /** False: only together with something else that is missing. */
  readonly alone: boolean;
  /** Evidence that changes something alone: the rule that gets its turn first with each of these values. */
  readonly leadsTo?: Readonly<Record<string, string>>;
}

/** What a claim leads to, as far as it can be known; the reasons for which it is the same. */
export interface Prospect {
  readonly reasons: readonly ClaimReason[];
  /** The rule that gets its turn first, and what it does. */
  readonly rule: string;
  readonly next: RuleOutcome;
  readonly outcomes: readonly Outcome[];
  readonly missing: readonly Missing[];
}
export interface ProspectSet {
  readonly prospects: readonly Prospect[];
  /** SHA-256 of the prospects, 64 hex: the same for the same. */
  readonly fingerprint: string;
}

/** The fact that a step makes known, and by whom. A rule that asks for what is known leads to a person. */
const asks: Readonly<Record<RuleOutcome['do'], { readonly fact: keyof Facts; readonly from: Supplier } | undefined>> = {
  verify: { fact: 'verification', from: 'verifier' },
  'await-reissue': { fact: 'reissue', from: 'merchant' },
  'await-merchant': { fact: 'merchantAnswer', from: 'merchant' },
  'await-evidence': { fact: 'evidencePhase', from: 'platform' },
  review: undefined,
  decide: undefined,
};
/** What the buyer may add unasked, from the least to the most. */
const evidence = {
  activationFailureEvidence: ['no', 'yes'],
  chat: ['none', 'weak', 'strong'],
  evidence: ['incomplete', 'complete'],
  merchantPromise: ['none', 'reissue', 'refund'],
} as const satisfies { readonly [Fact in keyof Facts]?: readonly Facts[Fact][] };
type EvidenceFact = keyof typeof evidence;
const evidenceFacts = Object.keys(evidence) as EvidenceFact[];
const unknown = 'none';
const askedFacts = new Set<keyof Facts>(Object.values(asks).flatMap((step) => (step === undefined ? [] : [step.fact])));

/** Of one policy, at some 5 KiB each: enough for the situations that a platform's units are in; another is worked out again. */
const maxKept = 256;

/** What claims lead to under one policy, worked out once for each combination of facts. */
export class PolicyProspects {
  private readonly kept = new Map<string, ProspectSet>();

  constructor(readonly table: PolicyTable) {}

  /**
   * @param reasons in the order of the answer; `facts.reason` is not looked at
   * @param personRequested the buyer asked for a person: no rule refuses him any more. K14
   */
  of(facts: RecordedFacts, reasons: readonly ClaimReason[], personRequested = false): ProspectSet {
    const key = [personRequested, ...reasons, ...factNames.map((fact) => (fact === 'reason' ? '' : (facts[fact] ?? '')))].join();
    const known = this.kept.get(key);
    if (known !== undefined) return known;
    const prospects = grouped(reasons.map((reason) => prospectOf({ table: this.table, personRequested }, { ...facts, reason })));
    const made = { prospects, fingerprint: bytesToHex(sha256(utf8ToBytes(JSON.stringify(prospects)))) };
    const [oldest] = this.kept.keys();
    if (this.kept.size >= maxKept && oldest !== undefined) this.kept.delete(oldest);
    this.kept.set(key, made);
    return made;
  }

  /** Undefined for one that it does not have. */
  find(id: string): PolicyRule | undefined {
    return [...this.table.rules, forPerson].find((rule) => rule.id === id);
  }

  /** @throws Error for a rule the policy does not have */
  rule(id: string): PolicyRule {
    const found = this.find(id);
    if (found === undefined) throw new Error(`policy ${this.table.id} version ${this.table.version} has no rule ${id}`);
    return found;
  }
}

/** What a unit under review leads to: a person decides, whatever rule brought it there. */
export function reviewOf(reason: ClaimReason, rule: string): ProspectSet {
  const outcomes = [{ rule, by: 'person', when: {} }] as const;
  return {
    prospects: [{ reasons: [reason], rule, next: { do: 'review' }, outcomes, missing: [] }],
    fingerprint: `review ${reason} ${rule}`,
  };
}

/** A policy as it is applied to a case. */
interface Applied {
  readonly table: PolicyTable;
  readonly personRequested: boolean;
}
const ruleOf = ({ table, personRequested }: Applied, facts: RecordedFacts): PolicyRule => ruleFor(table, facts, personRequested);

function grouped(all: readonly Prospect[]): readonly Prospect[] {
  const groups = Map.groupBy(all, (prospect) => JSON.stringify(without(prospect, 'reasons')));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ ...first, reasons: group.flatMap(({ reasons }) => reasons) }];
  });
}

function prospectOf({ table: whole, personRequested }: Applied, facts: RecordedFacts): Prospect {
  const applied = { table: { ...whole, rules: rulesLeft(whole.rules, facts) }, personRequested };
  const rule = ruleOf(applied, facts);
  return {
    reasons: [facts.reason],
    rule: rule.id,
    next: rule.then,
    outcomes: walk(applied, facts),
    missing: missingIn(applied, facts),
  };
}

/** Rules that can still match when only what is open becomes known. */
function rulesLeft(rules: readonly PolicyRule[], facts: RecordedFacts): readonly PolicyRule[] {
  const open = (fact: keyof Facts): boolean => fact in evidence || (askedFacts.has(fact) && facts[fact] === unknown);
  const fixed = factNames.filter((fact) => !open(fact));
  return rules.filter((rule) =>
    fixed.every((fact) => {
      const asked = askedOf(rule, fact);
      return asked === undefined || asked.includes(facts[fact] ?? '');
    }),
  );
}

/** Follows the policy from what is known, trying every answer to what it asks. Each step makes one fact known, so it ends. */
function walk(applied: Applied, facts: RecordedFacts): readonly Outcome[] {
  const { id: rule, then } = ruleOf(applied, facts);
  if (then.do === 'decide') return [{ rule, by: 'rule', ...without(then, 'do'), when: {} }];
  const asked = asks[then.do];
  // Nobody can be asked about what was never delivered. S49
  const isAnswerable =
    asked !== undefined && facts[asked.fact] === unknown && (then.do !== 'verify' || facts.delivered === 'yes');
  if (!isAnswerable) return [{ rule, by: 'person', when: {} }];
  const values = factValues[asked.fact].filter((value) => value !== unknown);
  const ways = values.flatMap((value) => walk(applied, { ...facts, [asked.fact]: value }).map((way) => [value, way] as const));
  const reissued: readonly Outcome[] = then.do === 'await-reissue' ? [{ rule, by: 'reissue', remedy: 'REISSUE', when: {} }] : [];
  return [...reissued, ...joined(asked.fact, ways)];
}

/** Ways that differ only in the answer are one. */
function joined(fact: keyof Facts, ways: readonly (readonly [string, Outcome])[]): readonly Outcome[] {
  const groups = Map.groupBy(ways, ([, way]) => JSON.stringify(way));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const [, way] = first;
    return [{ ...way, when: { [fact]: group.map(([value]) => value), ...way.when } }];
  });
}

/** Evidence as the buyer may still complete it: everything from what he has on. */
const within = (fact: EvidenceFact, facts: RecordedFacts): readonly string[] => {
  const values: readonly string[] = evidence[fact];
  return values.slice(Math.max(0, values.indexOf(facts[fact] ?? '')));
};

function missingIn(applied: Applied, facts: RecordedFacts): readonly Missing[] {
  const asked = evidenceFacts.filter((fact) => applied.table.rules.some((rule) => askedOf(rule, fact) !== undefined));
  const cases = asked.reduce<readonly RecordedFacts[]>(
    (all, fact) => all.flatMap((one) => within(fact, facts).map((value) => ({ ...one, [fact]: value }))),
    [facts],
  );
  const ends = new Map(cases.map((one) => [keyOf(asked, one), JSON.stringify([ruleOf(applied, one).id, walk(applied, one)])]));
  const endOf = (one: RecordedFacts): string | undefined => ends.get(keyOf(asked, one));
  const supplied = asked.flatMap((fact): Missing[] => {
    const given = cases.filter((one) => one[fact] === facts[fact]);
    const others = within(fact, facts).filter((value) => value !== facts[fact]);
    const changing = (among: readonly RecordedFacts[]) =>
      others.filter((value) => among.some((one) => endOf(one) !== endOf({ ...one, [fact]: value })));
    const [alone, ever] = [changing([facts]), changing(given)];
    if (ever.length === 0) return [];
    if (alone.length === 0) return [{ fact, from: 'buyer', values: ever, alone: false }];
    const leadsTo = Object.fromEntries(alone.map((value) => [value, ruleOf(applied, { ...facts, [fact]: value }).id]));
    return [{ fact, from: 'buyer', values: alone, alone: true, leadsTo }];
  });
  return [...answersAwaited(applied, facts), ...supplied];
}

const keyOf = (asked: readonly EvidenceFact[], facts: RecordedFacts): string => asked.map((fact) => facts[fact]).join();

/** Answers that the policy asks for on the way from here, in the order in which it does. */
function answersAwaited(applied: Applied, facts: RecordedFacts): readonly Missing[] {
  const found = new Map<keyof Facts, Missing>();
  const suppliers = new Map(Object.values(asks).flatMap((step) => (step === undefined ? [] : [[step.fact, step.from]])));
  for (const { when } of walk(applied, facts))
    for (const fact of factNames) {
      const from = suppliers.get(fact);
      if (when[fact] === undefined || from === undefined) continue;
      const values = factValues[fact].filter((value) => value !== unknown);
      found.set(fact, { fact, from, values, alone: true });
    }
  return [...found.values()];
}
