import { consistentBoxes, intersection, ordinaryBox, valuesIn, type FactBox, type FactSpace } from './fact-space.js';
import { askedOf, factNames, factValues, type Facts, type PolicyRule } from './policy-table.js';

/** Nodes of a diagram. Tables of this size need fewer; more facts stay bounded by this number, not by their product. */
const maxNodes = 400_000;

/** What a list of rules does in a part of the fact space, for one group of combinations. */
export interface Turn {
  /** Index of the rule that matches first, for each of the rule lists; -1 where none does. */
  readonly rules: readonly number[];
  readonly count: number;
  /** One of these combinations; an ordinary one, or else one that can happen, if there is any. */
  readonly witness: Facts;
  /** How many of them can happen. */
  readonly consistent: number;
}

interface Outcome {
  readonly rules: readonly number[];
}
/** One per value of the level's fact: a node of the next level from 0, or an outcome, -1 for the first. */
type Node = readonly number[];
interface Hit {
  count: number;
  readonly level: number;
  readonly node: number;
  readonly value: number;
}

/** Parts of a region that need no further question. */
const everything = -1;
const nothing = -2;

/** For each list the rules that are still possible, the first in the lowest bit. */
type State = readonly bigint[];
const lowest = (bits: bigint): bigint => bits & -bits;

/** Things of different keys, numbered from 0 as they come. */
class Numbered<Item> {
  readonly items: Item[] = [];
  private readonly numbers = new Map<string, number>();

  numberOf(key: string, item: Item): number {
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const number = this.items.push(item) - 1;
    this.numbers.set(key, number);
    return number;
  }
}

/** Which rules of a list stay possible while the facts become known one after the other. */
class Matching {
  readonly start: bigint;
  /** For each level and value: the rules that accept it. */
  private readonly accepting: readonly (readonly bigint[])[];
  /** For each level: the rules that ask for nothing from there on. */
  private readonly settled: readonly bigint[];

  constructor(rules: readonly PolicyRule[], facts: readonly (keyof Facts)[], space: FactSpace) {
    const bitsOf = (holds: (rule: PolicyRule) => boolean): bigint =>
      rules.reduce((bits, rule, i) => (holds(rule) ? bits | (1n << BigInt(i)) : bits), 0n);
    this.accepting = facts.map((fact) =>
      space[fact].map((value) => bitsOf((rule) => askedOf(rule, fact)?.includes(value) ?? true)),
    );
    this.settled = Array.from({ length: facts.length + 1 }, (_, level) =>
      bitsOf((rule) => facts.slice(level).every((fact) => askedOf(rule, fact) === undefined)),
    );
    this.start = this.cut(
      0,
      bitsOf(() => true),
    );
  }

  /** What is left of the possible rules when the level's fact has this value. */
  after(level: number, value: number, alive: bigint): bigint {
    return this.cut(level + 1, alive & (this.accepting[level]?.[value] ?? 0n));
  }

  /** The rule that matches whatever the facts from a level on are, -1 when none can; undefined while it depends on them. */
  decided(level: number, alive: bigint): number | undefined {
    if (alive === 0n) return -1;
    const first = lowest(alive);
    return (first & this.settledAt(level)) === 0n ? undefined : first.toString(2).length - 1;
  }

  /** Behind a rule that has nothing left to ask no other gets its turn. */
  private cut(level: number, alive: bigint): bigint {
    const first = lowest(alive & this.settledAt(level));
    return first === 0n ? alive : alive & (first | (first - 1n));
  }

  private settledAt(level: number): bigint {
    return this.settled[level] ?? 0n;
  }
}

/**
 * First match over the whole fact space, exactly: a decision diagram, one level for each fact, in which combinations that leave
 * the same rules possible are one node. Its size follows what the rules tell apart and not the number of combinations.
 */
export class DecisionDiagram {
  private constructor(
    private readonly space: FactSpace,
    private readonly facts: readonly (keyof Facts)[],
    private readonly levels: readonly (readonly Node[])[],
    private readonly outcomes: readonly Outcome[],
  ) {}

  /** @returns undefined for lists that tell apart more than `limit` situations */
  static of(
    lists: readonly (readonly PolicyRule[])[],
    space: FactSpace = factValues,
    limit = maxNodes,
  ): DecisionDiagram | undefined {
    // What most rules ask settles most of them, so it comes first: what is left to tell apart stays little.
    const askedBy = (fact: keyof Facts): number =>
      lists.reduce((count, rules) => count + rules.filter((rule) => askedOf(rule, fact) !== undefined).length, 0);
    const facts = factNames.toSorted((one, other) => askedBy(other) - askedBy(one) || space[one].length - space[other].length);
    const matching = lists.map((rules) => new Matching(rules, facts, space));
    const outcomes = new Numbered<Outcome>();
    const levels: Node[][] = [];
    let states: readonly State[] = [matching.map((list) => list.start)];
    let nodes = 0;
    for (const [level, fact] of facts.entries()) {
      nodes += states.length;
      const next = new Numbered<State>();
      const targetOf = (state: State): number => {
        const rules = matching.map((list, i) => list.decided(level + 1, state[i] ?? 0n));
        return rules.every((rule) => rule !== undefined)
          ? -1 - outcomes.numberOf(rules.join(), { rules })
          : next.numberOf(state.map((alive) => alive.toString(36)).join(), state);
      };
      const found: Node[] = [];
      for (const state of states) {
        found.push(space[fact].map((_, value) => targetOf(matching.map((list, i) => list.after(level, value, state[i] ?? 0n)))));
        if (nodes + next.items.length > limit) return undefined;
      }
      levels.push(found);
      states = next.items;
    }
    return new DecisionDiagram(space, facts, levels, outcomes.items);
  }

  /** Which rules get their turn in a box, how often, and an example of each. */
  within(box: FactBox): readonly Turn[] {
    const all = this.hitsIn(box);
    const [known, ...consistent] = [ordinaryBox, ...consistentBoxes].map((part) => this.hitsIn(intersection(box, part)));
    return [...all.hits].map(([outcome, hit]) => {
      const shown = [known, ...consistent].find((part) => part?.hits.has(outcome)) ?? all;
      return {
        rules: this.outcomes[-outcome - 1]?.rules ?? [],
        count: hit.count,
        witness: shown.witnessOf(shown.hits.get(outcome) ?? hit),
        consistent: consistent.reduce((sum, { hits }) => sum + (hits.get(outcome)?.count ?? 0), 0),
      };
    });
  }

  /**
   * The combinations in which these rules get their turn, as boxes that do not overlap.
   * @param limit how many boxes are looked at before those that can be joined are joined
   * @returns the boxes, and whether they are all
   */
  boxesOf(rules: readonly number[], limit: number): { readonly boxes: readonly FactBox[]; readonly areAll: boolean } {
    const region = this.regionOf(-1 - this.outcomes.findIndex((one) => one.rules.join() === rules.join()));
    const found: Values[] = [];
    let areAll = true;
    const follow = (level: number, part: number, path: Values): void => {
      const byPart = new Map<number, number[]>();
      for (const [value, next] of (region.levels[level]?.[part] ?? []).entries())
        if (next !== nothing) byPart.set(next, [...(byPart.get(next) ?? []), value]);
      for (const [next, values] of byPart) {
        if (found.length >= limit) areAll = false;
        else if (next === everything) found.push([...path, values]);
        else follow(level + 1, next, [...path, values]);
      }
    };
    if (region.root === everything) found.push([]);
    else if (region.root !== nothing) follow(0, region.root, []);
    const whole = found.map((path) => this.facts.map((fact, level) => path[level] ?? [...this.space[fact].keys()]));
    return { boxes: joined(whole).map((values) => this.boxOf(values)), areAll };
  }

  private boxOf(values: Values): FactBox {
    const asked = this.facts.flatMap((fact, level) => {
      const inside = values[level] ?? [];
      return inside.length === this.space[fact].length ? [] : [[fact, inside.map((value) => this.space[fact][value])] as const];
    });
    const byFact = new Map<string, unknown>(asked);
    return Object.fromEntries(factNames.filter((fact) => byFact.has(fact)).map((fact) => [fact, byFact.get(fact)]));
  }

  /** The diagram of one outcome alone: nodes from which the same values lead to it are one part. */
  private regionOf(outcome: number): { readonly root: number; readonly levels: readonly (readonly Node[])[] } {
    const levels: Node[][] = [];
    let below: readonly number[] = [];
    for (let level = this.levels.length - 1; level >= 0; level -= 1) {
      const parts: Node[] = [];
      const known = new Map<string, number>();
      below = (this.levels[level] ?? []).map((targets) => {
        const node = targets.map((target) =>
          target === outcome ? everything : target < 0 ? nothing : (below[target] ?? nothing),
        );
        for (const same of [everything, nothing]) if (node.every((part) => part === same)) return same;
        const key = node.join();
        const part = known.get(key) ?? parts.push(node) - 1;
        known.set(key, part);
        return part;
      });
      levels[level] = parts;
    }
    return { root: below[0] ?? nothing, levels };
  }

  private hitsIn(box: FactBox) {
    const values = this.facts.map((fact) => {
      const inside = valuesIn(box, fact, this.space);
      return [...this.space[fact].entries()].filter(([, value]) => inside.includes(value)).map(([index]) => index);
    });
    // How many combinations of the facts below a level are in the box.
    const below = values.map((_, level) => values.slice(level + 1).reduce((product, inside) => product * inside.length, 1));
    const hits = new Map<number, Hit>();
    const origins: (readonly [node: number, value: number] | undefined)[][] = [[undefined]];
    let ways: number[] = values.some((inside) => inside.length === 0) ? [] : [1];
    for (const [level, nodes] of this.levels.entries()) {
      const nextWays: number[] = [];
      const nextOrigins: (readonly [number, number])[] = [];
      for (const [node, targets] of nodes.entries()) {
        const way = ways[node];
        if (way === undefined) continue;
        for (const value of values[level] ?? []) {
          const target = targets[value] ?? 0;
          if (target >= 0) {
            nextWays[target] = (nextWays[target] ?? 0) + way;
            nextOrigins[target] ??= [node, value];
            continue;
          }
          const count = way * (below[level] ?? 1);
          const hit = hits.get(target);
          if (hit === undefined) hits.set(target, { count, level, node, value });
          else hit.count += count;
        }
      }
      ways = nextWays;
      origins.push(nextOrigins);
    }
    const witnessOf = ({ level, node, value }: Hit): Facts => {
      const path = values.map((inside) => inside[0] ?? 0);
      path[level] = value;
      for (let at = level, place = origins[at]?.[node]; place !== undefined; at -= 1, place = origins[at]?.[place[0]])
        path[at - 1] = place[1];
      const byFact = new Map(this.facts.map((fact, i) => [fact, this.space[fact][path[i] ?? 0]] as const));
      return Object.fromEntries(factNames.map((fact) => [fact, byFact.get(fact)])) as unknown as Facts;
    };
    return { hits, witnessOf };
  }
}

/** Indices of the values of each fact. */
type Values = readonly (readonly number[])[];

/** Joins boxes that differ in one fact only, until none do. */
function joined(boxes: readonly Values[]): readonly Values[] {
  let list = boxes;
  for (let before = Infinity; list.length < before;) {
    before = list.length;
    const facts = list[0]?.length ?? 0;
    for (let fact = 0; fact < facts; fact += 1) {
      const groups = new Map<string, Values>();
      for (const box of list) {
        const key = box.map((values, i) => (i === fact ? '*' : values.join('.'))).join();
        const other = groups.get(key);
        const union = [...(other?.[fact] ?? []), ...(box[fact] ?? [])].toSorted((one, two) => one - two);
        groups.set(key, box.with(fact, union));
      }
      list = [...groups.values()];
    }
  }
  return list;
}
