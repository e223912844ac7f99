import type { PromiseMinimums } from '@recourse/orders/events';
import { DecisionDiagram, type Turn } from './decision-diagram.js';
import { sizeOf, type FactBox, type FactSpace } from './fact-space.js';
import { canonicalJson, factValues, type Facts, type PolicyRule, type PolicyTable, type RuleOutcome } from './policy-table.js';

/** Combinations of facts; of these, `possible` can happen: an undelivered unit has no clock and nothing to verify. */
export interface Extent {
  readonly count: number;
  readonly possible: number;
  /** One of them, a possible one if there is any. */
  readonly witness: Facts;
}
/** What a rule does; undecided where no rule of the table matches. */
export interface Answer {
  readonly rule?: string;
  readonly outcome: RuleOutcome | { readonly do: 'undecided' };
}
export type ChangedField = 'step' | (typeof decisionFields)[number];
const decisionFields = ['liable', 'remedy', 'bearer', 'refundPercent', 'merchantPercent'] as const;

/** Facts that came to one rule and come to another now, or to the same with another outcome. */
export interface OutcomeChange extends Extent {
  readonly old: Answer;
  readonly new: Answer;
  readonly changed: readonly ChangedField[];
  /** Whom it favours, by what the rule gives without anybody else: a refund, more to come, or nothing. */
  readonly favours: 'buyer' | 'nobody' | 'others';
  /** The facts, as boxes that do not overlap. */
  readonly boxes: readonly FactBox[];
  /** More boxes were needed than are listed. */
  readonly boxesLeftOut: boolean;
}
/** The same outcome, told or founded differently. */
export interface TextChange extends Extent {
  readonly oldRule: string;
  readonly newRule: string;
  readonly changed: readonly ('zh' | 'en' | 'basis')[];
}
/** An offer's promise whose worth changes. */
export interface PromiseChange extends Extent {
  readonly promise: 'reissue' | 'seven-day' | 'after-sale';
  /** How many of the combinations get more than before, and how many less. */
  readonly better: number;
  readonly worse: number;
}
export interface PolicyDiff {
  /** All combinations of facts. */
  readonly combinations: number;
  readonly changedCombinations: number;
  readonly rulesAdded: readonly string[];
  readonly rulesRemoved: readonly string[];
  readonly titleChanged: boolean;
  /** What offers must promise at least, where that changes. */
  readonly minimums?: { readonly old: PromiseMinimums | undefined; readonly new: PromiseMinimums | undefined };
  /** Those that cost buyers first, then by how many combinations; at most 500. */
  readonly changes: readonly OutcomeChange[];
  readonly changesLeftOut: number;
  readonly texts: readonly TextChange[];
  readonly promises: readonly PromiseChange[];
}

const maxChanges = 500;
const maxBoxes = 50;
/** Boxes looked at before those that fit together are joined. */
const maxBoxesLookedAt = 2_000;

const undecided = { do: 'undecided' } as const;
const answerOf = (rule: PolicyRule | undefined): Answer =>
  rule === undefined ? { outcome: undecided } : { rule: rule.id, outcome: rule.then };

function changedFields({ outcome: one }: Answer, { outcome: other }: Answer): ChangedField[] {
  if (one.do !== other.do) return ['step'];
  if (one.do !== 'decide' || other.do !== 'decide') return [];
  return decisionFields.filter((field) => one[field] !== other[field]);
}
function changedTexts(one: PolicyRule, other: PolicyRule): TextChange['changed'] {
  return [
    ...(['zh', 'en'] as const).filter((language) => one.explanation[language] !== other.explanation[language]),
    ...(one.basis.join('\n') === other.basis.join('\n') ? [] : (['basis'] as const)),
  ];
}

/** A part of the price for certain is more than what may still be nothing, and less than all of it. */
function worth({ outcome }: Answer): number {
  if (outcome.do !== 'decide') return 1;
  switch (outcome.remedy) {
    case 'NONE':
      return 0;
    case 'PARTIAL_REFUND':
      return 1 + (outcome.refundPercent ?? 0) / 100;
    case 'FULL_REFUND':
      return 2;
  }
}
const gainOf = ({ old, new: now }: Pick<OutcomeChange, 'old' | 'new'>): number => worth(now) - worth(old);
const favoursOf = (gain: number): OutcomeChange['favours'] => (gain > 0 ? 'buyer' : gain < 0 ? 'others' : 'nobody');

const promiseBoxes: Readonly<Record<PromiseChange['promise'], FactBox>> = {
  reissue: { reissuePromised: 'yes' },
  'seven-day': { sevenDay: ['before', 'at'] },
  'after-sale': { afterSale: ['before', 'at'] },
};
const extentOf = ({ count, consistent, witness }: Turn): Extent => ({ count, possible: consistent, witness });

/**
 * What changes for whom when a table is replaced, over the whole fact space and exactly. Both tables must have the right
 * structure (`readTable`); they need not be complete.
 * @param space the facts' values; fewer of them in tests only
 * @returns undefined for tables that tell apart too many situations
 */
export function diffTables(before: PolicyTable, after: PolicyTable, space: FactSpace = factValues): PolicyDiff | undefined {
  const diagram = DecisionDiagram.of([before.rules, after.rules], space);
  if (diagram === undefined) return undefined;
  const pairOf = ({ rules: [old = -1, now = -1] }: Turn) => ({ old: before.rules[old], new: after.rules[now] });
  const changeOf = (turn: Turn) => {
    const pair = pairOf(turn);
    const answers = { old: answerOf(pair.old), new: answerOf(pair.new) };
    return { ...answers, changed: changedFields(answers.old, answers.new), turn, pair };
  };
  const all = diagram.within({}).map(changeOf);
  const changed = all
    .filter(({ changed: fields }) => fields.length > 0)
    .toSorted((one, two) => Math.sign(gainOf(one)) - Math.sign(gainOf(two)) || two.turn.count - one.turn.count);
  const idsOf = ({ rules }: PolicyTable) => rules.map(({ id }) => id);
  return {
    combinations: sizeOf({}, space),
    changedCombinations: changed.reduce((sum, { turn }) => sum + turn.count, 0),
    rulesAdded: idsOf(after).filter((id) => !idsOf(before).includes(id)),
    rulesRemoved: idsOf(before).filter((id) => !idsOf(after).includes(id)),
    titleChanged: canonicalJson(before.title) !== canonicalJson(after.title),
    ...(canonicalJson(before.minimums ?? {}) === canonicalJson(after.minimums ?? {})
      ? {}
      : { minimums: { old: before.minimums, new: after.minimums } }),
    changes: changed.slice(0, maxChanges).map((change): OutcomeChange => {
      const { boxes, areAll } = diagram.boxesOf(change.turn.rules, maxBoxesLookedAt);
      return {
        old: change.old,
        new: change.new,
        changed: change.changed,
        favours: favoursOf(gainOf(change)),
        ...extentOf(change.turn),
        boxes: boxes.slice(0, maxBoxes),
        boxesLeftOut: !areAll || boxes.length > maxBoxes,
      };
    }),
    changesLeftOut: Math.max(0, changed.length - maxChanges),
    texts: all.flatMap(({ changed: fields, pair, turn }): TextChange[] => {
      if (fields.length > 0 || pair.old === undefined || pair.new === undefined) return [];
      const texts = changedTexts(pair.old, pair.new);
      return texts.length === 0 ? [] : [{ oldRule: pair.old.id, newRule: pair.new.id, changed: texts, ...extentOf(turn) }];
    }),
    promises: (Object.keys(promiseBoxes) as PromiseChange['promise'][]).flatMap((promise): PromiseChange[] => {
      const inside = diagram
        .within(promiseBoxes[promise])
        .map(changeOf)
        .filter(({ changed: fields }) => fields.length > 0);
      const [first] = inside.toSorted((one, two) => gainOf(one) - gainOf(two) || two.turn.consistent - one.turn.consistent);
      if (first === undefined) return [];
      const sum = (count: (change: (typeof inside)[number]) => number) => inside.reduce((total, one) => total + count(one), 0);
      return [
        {
          promise,
          count: sum(({ turn }) => turn.count),
          possible: sum(({ turn }) => turn.consistent),
          witness: first.turn.witness,
          better: sum((change) => (gainOf(change) > 0 ? change.turn.count : 0)),
          worse: sum((change) => (gainOf(change) < 0 ? change.turn.count : 0)),
        },
      ];
    }),
  };
}
