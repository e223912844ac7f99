import { add, subtract, zero, type Money } from '@recourse/money';
import type { UnitMoney } from './decision-money.js';
import type { UnitComparison, UnitEnd } from './policy-simulation.js';

/** Who gets and bears what, under the old verdicts and under the new; only units whose new end is known. */
export interface MoneyChange {
  readonly asset: string;
  readonly old: UnitMoney;
  readonly new: UnitMoney;
  /** What the buyers were refunded for units whose new end nobody can know. */
  readonly open: Money;
}
export interface SimulationCount {
  readonly units: number;
  readonly changed: number;
  /** Of these, they would go to a person. */
  readonly toPerson: number;
  /** Of these, something would be asked that was not. */
  readonly asked: number;
  /** They would end at an earlier step, changed or not. */
  readonly sooner: number;
  readonly money: readonly MoneyChange[];
}
export interface RuleCount extends SimulationCount {
  /** Who decided, and by which rule. */
  readonly old: string;
  readonly new: string;
}
export interface MerchantCount extends SimulationCount {
  readonly platform: string;
  readonly merchant: string;
}
export interface SimulationReport extends SimulationCount {
  readonly verdicts: number;
  readonly changedVerdicts: number;
  /** Ended without a verdict, by a reissued key. */
  readonly reissued: number;
  readonly byRule: readonly RuleCount[];
  readonly byMerchant: readonly MerchantCount[];
  /** Units of rules or merchants beyond the number that is kept; they are in the totals. */
  readonly unlisted: { readonly byRule: number; readonly byMerchant: number };
}

/** Rows kept of each kind. */
const maxGroups = 10_000;

const nameOf = (end: UnitEnd): string => {
  switch (end.is) {
    case 'decided':
      return end.by === 'rule' ? end.rule : `${end.rule} (${end.by})`;
    case 'reissued':
      return 'reissued';
    case 'review':
      return `${end.rule} (review)`;
    case 'asks':
      return `${end.rule} (${end.step})`;
  }
};
const moneyIn = (end: UnitEnd, asset: string): UnitMoney | undefined => {
  if (end.is === 'decided') return end.money;
  return end.is === 'reissued' ? noMoney(asset) : undefined;
};
const noMoney = (asset: string): UnitMoney => ({ buyer: zero(asset), merchant: zero(asset), platform: zero(asset) });
const plus = (one: UnitMoney, other: UnitMoney): UnitMoney => ({
  buyer: add(one.buyer, other.buyer),
  merchant: add(one.merchant, other.merchant),
  platform: add(one.platform, other.platform),
});

class Count {
  #units = 0;
  #changed = 0;
  #toPerson = 0;
  #asked = 0;
  #sooner = 0;
  readonly #money = new Map<string, MoneyChange>();

  add({ old, new: end, changed, sooner, price: { asset } }: UnitComparison): void {
    this.#units += 1;
    if (changed) this.#changed += 1;
    if (end.is === 'review') this.#toPerson += 1;
    if (end.is === 'asks') this.#asked += 1;
    if (sooner) this.#sooner += 1;
    const so = this.#money.get(asset) ?? { asset, old: noMoney(asset), new: noMoney(asset), open: zero(asset) };
    const [was, is] = [moneyIn(old, asset) ?? noMoney(asset), moneyIn(end, asset)];
    this.#money.set(
      asset,
      is === undefined ? { ...so, open: add(so.open, was.buyer) } : { ...so, old: plus(so.old, was), new: plus(so.new, is) },
    );
  }

  value(): SimulationCount {
    return {
      units: this.#units,
      changed: this.#changed,
      toPerson: this.#toPerson,
      asked: this.#asked,
      sooner: this.#sooner,
      money: [...this.#money.values()].toSorted((one, other) => (one.asset < other.asset ? -1 : 1)),
    };
  }
}

/** Counts of a bounded number of groups. */
class Groups<Key> {
  readonly #groups = new Map<string, readonly [Key, Count]>();
  unlisted = 0;

  add(key: Key, comparison: UnitComparison): void {
    const name = JSON.stringify(key);
    let group = this.#groups.get(name);
    if (group === undefined) {
      if (this.#groups.size >= maxGroups) {
        this.unlisted += 1;
        return;
      }
      group = [key, new Count()];
      this.#groups.set(name, group);
    }
    group[1].add(comparison);
  }

  /** Those with most changes first. */
  values(): readonly (Key & SimulationCount)[] {
    return [...this.#groups.values()]
      .map(([key, count]) => ({ ...key, ...count.value() }))
      .toSorted((one, two) => two.changed - one.changed || two.units - one.units);
  }
}

/** Adds up what a simulation compares; of the units themselves nothing is kept. */
export class SimulationTotals {
  #verdicts = 0;
  #changedVerdicts = 0;
  #reissued = 0;
  readonly #all = new Count();
  readonly #rules = new Groups<{ readonly old: string; readonly new: string }>();
  readonly #merchants = new Groups<{ readonly platform: string; readonly merchant: string }>();

  /** Units that ended with one event. */
  add(ended: readonly UnitComparison[]): void {
    const [first] = ended;
    if (first === undefined) return;
    if (first.verdictId === undefined) this.#reissued += ended.length;
    else {
      this.#verdicts += 1;
      if (ended.some(({ changed }) => changed)) this.#changedVerdicts += 1;
    }
    for (const unit of ended) {
      this.#all.add(unit);
      this.#rules.add({ old: nameOf(unit.old), new: nameOf(unit.new) }, unit);
      this.#merchants.add({ platform: unit.platform, merchant: unit.merchant }, unit);
    }
  }

  report(): SimulationReport {
    return {
      verdicts: this.#verdicts,
      changedVerdicts: this.#changedVerdicts,
      reissued: this.#reissued,
      ...this.#all.value(),
      byRule: this.#rules.values(),
      byMerchant: this.#merchants.values(),
      unlisted: { byRule: this.#rules.unlisted, byMerchant: this.#merchants.unlisted },
    };
  }
}

/** What the change is: new less old. */
export const changeOf = ({ old, new: now }: MoneyChange): UnitMoney => ({
  buyer: subtract(now.buyer, old.buyer),
  merchant: subtract(now.merchant, old.merchant),
  platform: subtract(now.platform, old.platform),
});
