import type { PromiseMinimums } from '@recourse/orders/events';
import { DecisionDiagram, type Turn } from './decision-diagram.js';
import { valuesIn, type FactSpace } from './fact-space.js';
import { contradictionIn } from './award.js';
import { laws, refuses } from './policy-laws.js';
import {
  askedOf,
  factNames,
  factValues,
  type Explanation,
  type Facts,
  type PolicyRule,
  type PolicyTable,
} from './policy-table.js';

export type PolicyFindingCode =
  // the table as a whole
  | 'catch-all-missing'
  | 'catch-all-refuses'
  | 'cases-undecided'
  | 'catch-all-idle'
  | 'table-too-tangled'
  // one rule
  | 'rule-id-reused'
  | 'rule-never-matches'
  | 'decision-contradicts-itself'
  | 'wait-without-end'
  | 'unpromised-reissue-awaited'
  // hidden barriers
  | 'blanket-refusal'
  | 'blanket-clause'
  | 'fault-waived'
  | 'undelivered-refused'
  | 'platform-fault-refused'
  | 'dead-unit-refused'
  | 'broken-reissue-refused'
  | 'admission-refused'
  | 'silence-refused'
  | 'inconclusive-refused'
  | 'unverified-refused'
  | 'late-evidence-refused'
  | 'seven-day-refused'
  | 'promise-broken'
  | 'incomplete-evidence-refused'
  | 'chat-demanded'
  | 'consent-demanded'
  | 'consent-excludes-fault'
  | 'consent-stretched'
  | 'fault-refunded-in-part'
  | 'minimum-too-low'
  // blame
  | 'platform-blamed-without-proof'
  | 'merchant-blamed-without-proof'
  | 'merchant-pays-platform-failure'
  // slower than it need be
  | 'undelivered-undecided'
  | 'silence-undecided'
  | 'not-credited-undecided';

/** One thing that is wrong with a table. An error keeps it from being published, a warning is told. */
export interface PolicyFinding {
  readonly code: PolicyFindingCode;
  readonly severity: 'error' | 'warning';
  readonly rule?: string;
  /** Facts that show it: judged by the table they come to what the finding says. */
  readonly witness?: Facts;
  /** How many combinations of facts show it. */
  readonly count?: number;
  /** The words of the table that show it. */
  readonly quote?: string;
  readonly message: Explanation;
  /** Requirement ids or law. */
  readonly basis: readonly string[];
}

const maxFindings = 100;
const maxNamedRules = 5;

interface Clause {
  readonly code: 'blanket-clause' | 'fault-waived';
  readonly pattern: RegExp;
  readonly zh: string;
  readonly en: string;
  readonly basis: readonly string[];
}
const clauses: readonly Clause[] = [
  {
    code: 'blanket-clause',
    pattern:
      /不退不换|(?:概|恕|均)不(?:予)?退|(?:一经|一旦)?(?:售出|卖出|出售|购买|发货)(?!前)(?:后|之后)?[，,]?[^。；;]{0,12}(?:概不|恕不|不予|不得|不能|不可)退|all sales (?:are )?final|\bno refunds\b|\bno[- ]refund (?:policy|clause)|\bno refund (?:for|on) (?:all |any )?(?:virtual|digital)|non-?refundable|once (?:sold|bought|purchased|delivered)[^.;]{0,40}\b(?:no|not|never|cannot)\b[^.;]{0,20}refund/iu,
    zh: '使用了一概不退的格式条款',
    en: 'uses a blanket no-refund clause',
    basis: ['S16', 'S17', 'S82', '消保法 26'],
  },
  {
    code: 'fault-waived',
    pattern:
      /非平台(?:方)?(?:的)?(?:原因|责任|过错)[^。；;]{0,12}不(?:予|能|得|可)?退|(?:平台|商家|卖家)(?:对此)?(?:概不|一律不|均不|不)(?:承担|负)(?:任何|一切)?(?:责任|赔偿)|(?:视为|自愿|同意)(?:自动)?放弃[^。；;]{0,12}(?:权利|索赔|追究|退款)|\bwaiv(?:e|es|ed|er|ing)\b|(?:platform|merchant|seller) (?:is|are|shall|will|can) (?:never|not|in no (?:case|event))(?: be)?(?: held)? (?:liable|responsible)|(?:except|unless|only)[^.;]{0,20}platform[^.;]{0,20}(?:cause|fault)/iu,
    zh: '免除平台或商家的过错责任，而同意不退款从不排除过错责任',
    en: "waives the platform's or the merchant's fault, which no consent excludes",
    basis: ['S17', 'K9', '消保法 26'],
  },
];

type Texts = Pick<PolicyFinding, 'rule' | 'witness' | 'count'>;

/** Clauses in words. Where nobody is refused, the words may speak about a clause without using it. */
function clausesIn(text: Explanation, about: string | undefined, isRefusal: boolean, more: Texts): PolicyFinding[] {
  return clauses.flatMap(({ code, pattern, zh, en, basis }): PolicyFinding[] => {
    const quote = pattern.exec(text.zh)?.[0] ?? pattern.exec(text.en)?.[0];
    if (quote === undefined) return [];
    const subject =
      about === undefined ? { zh: '政策标题', en: 'the title' } : { zh: `规则 ${about} 的说明`, en: `rule ${about}` };
    return [
      {
        code,
        severity: isRefusal ? 'error' : 'warning',
        ...more,
        quote,
        message: { zh: `${subject.zh}${zh}：“${quote}”`, en: `${subject.en} ${en}: "${quote}"` },
        basis,
      },
    ];
  });
}

/** Whatever matches `later` matches `earlier` too. */
const covers = (earlier: PolicyRule, later: PolicyRule): boolean =>
  factNames.every((fact) => {
    const accepted = valuesIn(earlier.when, fact);
    return valuesIn(later.when, fact).every((value) => accepted.includes(value));
  });
const isCatchAll = (rule: PolicyRule): boolean => factNames.every((fact) => askedOf(rule, fact) === undefined);
const shown = ({ witness, count }: Turn) => ({ witness, count });

/** A rule that never gets its turn, and who takes its cases. */
function deadRule(table: PolicyTable, diagram: DecisionDiagram, index: number, rule: PolicyRule): PolicyFinding {
  const takers = diagram.within(rule.when);
  const ids = takers.flatMap(({ rules: [taker = -1] }) => table.rules[taker]?.id ?? []);
  const covering = table.rules.slice(0, index).find((earlier) => covers(earlier, rule));
  const isIdle = index === table.rules.length - 1 && isCatchAll(rule) && covering === undefined;
  const named = ids.slice(0, maxNamedRules).join(', ') + (ids.length > maxNamedRules ? ', …' : '');
  const [first] = takers;
  const common = { rule: rule.id, ...(first === undefined ? {} : { witness: first.witness }) };
  if (isIdle)
    return {
      code: 'catch-all-idle',
      severity: 'warning',
      ...common,
      message: {
        zh: `兜底规则 ${rule.id} 永远不会生效：前面的规则已覆盖全部情况`,
        en: `the catch-all ${rule.id} is never needed: the rules before it take every case`,
      },
      basis: ['S16'],
    };
  return {
    code: 'rule-never-matches',
    severity: 'error',
    ...common,
    message:
      covering === undefined
        ? {
            zh: `规则 ${rule.id} 永远不会生效：其全部情况已由前面的规则处理（${named}）`,
            en: `rule ${rule.id} can never match: the rules before it take all its cases (${named})`,
          }
        : {
            zh: `规则 ${rule.id} 永远不会生效：${covering.id} 在前并完全覆盖它`,
            en: `rule ${rule.id} can never match: ${covering.id} comes first and covers it`,
          },
    basis: ['S17', 'S24'],
  };
}

/** What a rule says of itself, whatever the others say. */
function rulesAlone({ rules }: PolicyTable, turns: ReadonlyMap<number, Turn>): PolicyFinding[] {
  const ids = new Set<string>();
  return rules.flatMap((rule, index): PolicyFinding[] => {
    const turn = turns.get(index);
    const common = { rule: rule.id, ...(turn === undefined ? {} : shown(turn)) };
    const isReused = ids.has(rule.id);
    ids.add(rule.id);
    const contradiction = rule.then.do === 'decide' ? contradictionIn(rule.then) : undefined;
    return [
      ...(isReused
        ? [
            {
              code: 'rule-id-reused',
              severity: 'error',
              ...common,
              message: { zh: `规则编号 ${rule.id} 重复使用`, en: `rule id ${rule.id} is used twice` },
              basis: ['S19'],
            } as const,
          ]
        : []),
      ...(contradiction === undefined
        ? []
        : [
            {
              code: 'decision-contradicts-itself',
              severity: 'error',
              ...common,
              message: {
                zh: `规则 ${rule.id} 的责任、补救方式与承担方互相矛盾`,
                en: `rule ${rule.id} contradicts itself: ${contradiction}`,
              },
              basis: ['K1', 'K9'],
            } as const,
          ]),
      ...clausesIn(rule.explanation, rule.id, refuses(rule), common),
    ];
  });
}

function catchAllFindings({ rules }: PolicyTable, turns: ReadonlyMap<number, Turn>): PolicyFinding[] {
  const last = rules.at(-1);
  const [turn, undecided] = [turns.get(rules.length - 1), turns.get(-1)];
  const found: PolicyFinding[] = [];
  if (last === undefined || !isCatchAll(last))
    found.push({
      code: 'catch-all-missing',
      severity: 'error',
      message: {
        zh: '最后一条规则不是兜底规则：其 when 必须为空',
        en: 'the last rule is not a catch-all: its `when` must be empty',
      },
      basis: ['S16'],
    });
  else if (last.then.do !== 'review')
    found.push({
      code: 'catch-all-refuses',
      severity: 'error',
      rule: last.id,
      ...(turn === undefined ? {} : shown(turn)),
      message: {
        zh: `兜底规则 ${last.id} 只能转交人工审核：默认拒绝是一种障碍`,
        en: 'the catch-all may only send to review: refusing by default is a barrier',
      },
      basis: ['S16', 'S17', 'K14'],
    });
  if (undecided !== undefined)
    found.push({
      code: 'cases-undecided',
      severity: 'error',
      ...shown(undecided),
      message: {
        zh: `有 ${undecided.count} 种情况没有任何规则处理`,
        en: `no rule decides ${undecided.count} combination(s) of facts`,
      },
      basis: ['S03', 'S16'],
    });
  return found;
}

/** What the platform publishes as the least of every policy: a table may ask its offers for more, never for less. S26, S82 */
export const publishedFloor: PromiseMinimums = { afterSaleHours: 24, deliverWithinHours: 168 };

function lowMinimums({ minimums }: PolicyTable): PolicyFinding[] {
  if (minimums === undefined) return [];
  const low = (zh: string, en: string, basis: readonly string[]): PolicyFinding => ({
    code: 'minimum-too-low',
    severity: 'error',
    message: { zh, en },
    basis,
  });
  const { afterSaleHours, deliverWithinHours } = publishedFloor;
  return [
    ...(minimums.afterSaleHours < afterSaleHours
      ? [
          low(
            `允许售后期短于 ${afterSaleHours} 小时：低于公布的最低要求`,
            `offers may promise an after-sale window of ${minimums.afterSaleHours} h; the published minimum is ${afterSaleHours} h`,
            ['S26', 'S82'],
          ),
        ]
      : []),
    ...(minimums.deliverWithinHours > deliverWithinHours
      ? [
          low(
            `允许发货时限长于 ${deliverWithinHours} 小时：低于公布的最低要求`,
            `offers may take ${minimums.deliverWithinHours} h to deliver; the published longest is ${deliverWithinHours} h`,
            ['K13', 'S82'],
          ),
        ]
      : []),
  ];
}

function brokenLaws({ rules }: PolicyTable, diagram: DecisionDiagram): PolicyFinding[] {
  const found = laws.flatMap(({ code, severity, within, brokenBy, zh, en, basis }) =>
    // A law that no rule could break needs no look at the facts.
    !rules.some(brokenBy)
      ? []
      : diagram.within(within).flatMap((turn): PolicyFinding[] => {
          const rule = rules[turn.rules[0] ?? -1];
          if (rule === undefined || !brokenBy(rule)) return [];
          const message = { zh: `规则 ${rule.id} ${zh}`, en: `rule ${rule.id} ${en}` };
          return [{ code, severity, rule: rule.id, ...shown(turn), message, basis }];
        }),
  );
  // Two laws of one code say the same of one rule.
  return found.filter(({ code, rule }, i) => found.findIndex((other) => other.code === code && other.rule === rule) === i);
}

/**
 * What is wrong with a table, proven over the whole fact space: errors first, then in the order of the rules; at most 100.
 * The table must have the right structure (`readTable`).
 * @param space the facts' values; fewer of them in tests only
 * @param maxNodes how many situations the rules may tell apart; fewer of them in tests only
 */
export function lintTable(table: PolicyTable, space: FactSpace = factValues, maxNodes?: number): readonly PolicyFinding[] {
  const diagram = DecisionDiagram.of([table.rules], space, maxNodes);
  const turns = new Map(diagram?.within({}).map((turn) => [turn.rules[0] ?? -1, turn] as const));
  const found: PolicyFinding[] = [
    ...clausesIn(table.title, undefined, true, {}),
    ...lowMinimums(table),
    ...rulesAlone(table, turns),
    ...catchAllFindings(table, turns),
  ];
  if (diagram === undefined)
    found.push({
      code: 'table-too-tangled',
      severity: 'error',
      message: {
        zh: '规则之间区分的情况过多，无法证明其完整性，请简化',
        en: 'the rules tell apart more situations than can be proven; make them simpler',
      },
      basis: ['S24'],
    });
  else {
    for (const [index, rule] of table.rules.entries()) {
      if (found.length >= maxFindings) break;
      if (!turns.has(index)) found.push(deadRule(table, diagram, index, rule));
    }
    found.push(...brokenLaws(table, diagram));
  }
  const place = new Map(table.rules.map(({ id }, index) => [id, index] as const));
  const placeOf = ({ rule }: PolicyFinding) => (rule === undefined ? -1 : (place.get(rule) ?? -1));
  return found
    .toSorted((one, two) => one.severity.localeCompare(two.severity) || placeOf(one) - placeOf(two))
    .slice(0, maxFindings);
}
