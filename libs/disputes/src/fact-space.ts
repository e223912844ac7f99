import { askedOf, factNames, factValues, type Facts, type PolicyRule } from './policy-table.js';

/** A part of the fact space: a fact left out may have any value. What a rule asks is a box too. */
export type FactBox = PolicyRule['when'];
/** The values that each fact may take. */
export type FactSpace = { readonly [Fact in keyof Facts]: readonly Facts[Fact][] };

/** Nodes of a diagram. Every table over twelve facts of this size needs fewer; more facts stay bounded by this number, not by their product. */
const maxNodes = 400_000;

/** The values of a fact in a box, in the order of the space. */
export const valuesIn = (box: FactBox, fact: keyof Facts, space: FactSpace = factValues): readonly string[] => {
  const asked = askedOf({ when: box }, fact);
  return asked === undefined ? space[fact] : space[fact].filter((value) => asked.includes(value));
};
/** How many combinations of facts a box holds. */
export const sizeOf = (box: FactBox, space: FactSpace = factValues): number =>
  factNames.reduce((product, fact) => product * valuesIn(box, fact, space).length, 1);

/** The combinations that can happen: an undelivered unit has no clock and nothing to verify, a delivered one has a clock. */
const consistentBoxes: readonly FactBox[] = [
  { delivered: 'yes', afterSale: ['before', 'at', 'after'] },
  { delivered: 'no', revealed: 'no', afterSale: 'none', sevenDay: 'none', verification: 'none', reissue: 'none' },
];
/** Where an example is looked for first, since people know such cases. */
const ordinary: FactBox = {
  delivered: 'yes',
  platformFailure: 'no',
  afterSale: ['before', 'at', 'after'],
  sevenDay: 'none',
  activationFailureEvidence: 'no',
};
const intersection = (one: FactBox, other: FactBox): FactBox =>
  Object.fromEntries(
    factNames
      .filter((fact) => one[fact] !== undefined || other[fact] !== undefined)
      .map((fact) => [fact, valuesIn(one, fact).filter((value) => valuesIn(other, fact).includes(value))]),
  );

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

const lowest = (bits: bigint): bigint => bits & -bits;

/**
 * First match over the whole fact space, exactly: a decision diagram, one level for each fact, in which combinations that leave
 * the same rules possible are one node. Its size follows what the rules tell apart and not the number of combinations.
 */
export class DecisionDiagram {
  /** Facts with few values come first, which makes the widest level as narrow as can be. */
  private readonly facts: readonly (keyof Facts)[];
  private readonly levels: readonly (readonly Node[])[];
  private readonly outcomes: readonly Outcome[];

  private constructor(
    private readonly space: FactSpace,
    facts: readonly (keyof Facts)[],
    levels: readonly (readonly Node[])[],
    outcomes: readonly Outcome[],
  ) {
    this.facts = facts;
    this.levels = levels;
    this.outcomes = outcomes;
  }

  /** @returns undefined for lists that tell apart more than `limit` situations */
  static of(
    lists: readonly (readonly PolicyRule[])[],
    space: FactSpace = factValues,
    limit = maxNodes,
  ): DecisionDiagram | undefined {
    const facts = factNames.toSorted((one, other) => space[one].length - space[other].length);
    const bitsOf = (rules: readonly PolicyRule[], holds: (rule: PolicyRule) => boolean): bigint =>
      rules.reduce((bits, rule, i) => (holds(rule) ? bits | (1n << BigInt(i)) : bits), 0n);
    // For each list, level and value: the rules that accept it; and the rules that ask nothing from a level on.
    const accepting = lists.map((rules) =>
      facts.map((fact) => space[fact].map((value) => bitsOf(rules, (rule) => askedOf(rule, fact)?.includes(value) ?? true))),
    );
    const settled = lists.map((rules) =>
      Array.from({ length: facts.length + 1 }, (_, level) =>
        bitsOf(rules, (rule) => facts.slice(level).every((fact) => askedOf(rule, fact) === undefined)),
      ),
    );
    /** Behind a rule that has nothing left to ask no other gets its turn. */
    const cut = (list: number, level: number, alive: bigint): bigint => {
      const first = lowest(alive & (settled[list]?.[level] ?? 0n));
      return first === 0n ? alive : alive & (first | (first - 1n));
    };
    const outcomes: Outcome[] = [];
    const outcomeIds = new Map<string, number>();
    const outcomeOf = (level: number, state: readonly bigint[]): number | undefined => {
      const isDecided = state.every((alive, list) => alive === 0n || (lowest(alive) & (settled[list]?.[level] ?? 0n)) !== 0n);
      if (!isDecided) return undefined;
      const rules = state.map((alive) => (alive === 0n ? -1 : lowest(alive).toString(2).length - 1));
      const key = rules.join();
      const known = outcomeIds.get(key);
      if (known !== undefined) return known;
      outcomes.push({ rules });
      outcomeIds.set(key, -outcomes.length);
      return -outcomes.length;
    };

    const start = lists.map((rules, list) =>
      cut(
        list,
        0,
        bitsOf(rules, () => true),
      ),
    );
    const levels: Node[][] = [];
    let states: (readonly bigint[])[] = [start];
    let nodes = 0;
    for (const [level, fact] of facts.entries()) {
      const next: (readonly bigint[])[] = [];
      const ids = new Map<string, number>();
      const targetOf = (state: readonly bigint[]): number => {
        const outcome = outcomeOf(level + 1, state);
        if (outcome !== undefined) return outcome;
        const key = state.map((alive) => alive.toString(36)).join();
        const known = ids.get(key);
        if (known !== undefined) return known;
        ids.set(key, next.length);
        next.push(state);
        return next.length - 1;
      };
      levels.push([]);
      for (const state of states) {
        nodes += 1;
        if (nodes > limit) return undefined;
        levels[level]?.push(
          space[fact].map((_, value) =>
            targetOf(state.map((alive, list) => cut(list, level + 1, alive & (accepting[list]?.[level]?.[value] ?? 0n)))),
          ),
        );
      }
      states = next;
    }
    return new DecisionDiagram(space, facts, levels, outcomes);
  }

  /** Which rules get their turn in a box, how often, and an example of each. */
  within(box: FactBox): readonly Turn[] {
    const all = this.hitsIn(box);
    const [known, ...consistent] = [ordinary, ...consistentBoxes].map((part) => this.hitsIn(intersection(box, part)));
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
