import type { ClaimReason } from '@recourse/orders/events';
import { DecisionDiagram, valuesIn, type FactBox, type FactSpace, type Turn } from './fact-space.js';
import {
  askedOf,
  contradictionIn,
  factNames,
  factValues,
  type Explanation,
  type Facts,
  type PolicyRule,
  type PolicyTable,
  type VerificationOutcome,
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

/** Who would be at fault if the reason were true; a new reason does not compile until it is known. */
const faultOf: Readonly<Record<ClaimReason, 'merchant' | 'platform' | 'none'>> = {
  'key-invalid': 'merchant',
  'key-used': 'merchant',
  'key-expired': 'merchant',
  'not-credited': 'merchant',
  'not-delivered': 'merchant',
  'platform-failure': 'platform',
  'wrong-account': 'none',
  'own-cancellation': 'none',
  dislike: 'none',
  'seven-day': 'none',
};
/** What the verifier's word says about the claim: the unit was dead, or it was good, or nothing. */
const wordOf: Readonly<Record<VerificationOutcome, 'dead' | 'good' | 'nothing'>> = {
  UNUSED: 'good',
  ACTIVATED_BEFORE_SALE: 'dead',
  ACTIVATED_AFTER_REVEAL: 'good',
  CREDITED: 'good',
  NOT_CREDITED: 'dead',
  EXPIRED: 'dead',
  INVALID: 'dead',
  INCONCLUSIVE: 'nothing',
};
const keysWith = <Key extends string, Value>(record: Readonly<Record<Key, Value>>, ...values: Value[]): Key[] =>
  (Object.keys(record) as Key[]).filter((key) => values.includes(record[key]));
const otherThan = <Fact extends keyof Facts>(fact: Fact, value: Facts[Fact]): Facts[Fact][] =>
  factValues[fact].filter((one) => one !== value);

const anyFault = keysWith(faultOf, 'merchant', 'platform');
const merchantFault = keysWith(faultOf, 'merchant');
const proofOfDeath = keysWith(wordOf, 'dead');
const noWord = ['none', ...keysWith(wordOf, 'nothing')] as const;
const inTime = otherThan('afterSale', 'after');

const decides = ({ then }: PolicyRule) => then.do === 'decide';
const refuses = ({ then }: PolicyRule) => then.do === 'decide' && then.remedy === 'NONE';
const blames = (party: 'PLATFORM' | 'MERCHANT') => (rule: PolicyRule) => rule.then.do === 'decide' && rule.then.liable === party;
const chargesMerchant = ({ then }: PolicyRule) => then.do === 'decide' && then.bearer === 'merchant';
const does = (step: PolicyRule['then']['do']) => (rule: PolicyRule) => rule.then.do === step;
/** A rule that lists every value of a fact does not ask for it. */
const asks = (rule: PolicyRule, fact: keyof Facts): boolean => valuesIn(rule.when, fact).length < factValues[fact].length;

/** What no rule may do in a part of the fact space. */
interface Law {
  readonly code: PolicyFindingCode;
  readonly severity: PolicyFinding['severity'];
  readonly within: FactBox;
  readonly brokenBy: (rule: PolicyRule) => boolean;
  readonly zh: string;
  readonly en: string;
  readonly basis: readonly string[];
}

/** Messages continue after the rule's id. */
const laws: readonly Law[] = [
  {
    code: 'blanket-refusal',
    severity: 'error',
    within: {},
    brokenBy: (rule) => refuses(rule) && !asks(rule, 'reason') && !asks(rule, 'verification'),
    zh: '不问退款理由和核实结果便一律拒绝，构成隐性障碍',
    en: 'refuses without asking for the reason or the verification: a hidden barrier',
    basis: ['S16', 'S17', 'S82'],
  },
  {
    code: 'undelivered-refused',
    severity: 'error',
    within: { delivered: 'no' },
    brokenBy: refuses,
    zh: '拒绝为从未交付的商品退款',
    en: 'refuses a unit that was never delivered',
    basis: ['S44', 'K8', '电商法 51'],
  },
  {
    code: 'platform-fault-refused',
    severity: 'error',
    within: { reason: anyFault, platformFailure: 'yes' },
    brokenBy: refuses,
    zh: '在平台系统故障已经证实时仍拒绝退款，等于免除平台的责任',
    en: "refuses although the platform's failure is proven: a waiver of its fault",
    basis: ['S11', 'K9'],
  },
  {
    code: 'dead-unit-refused',
    severity: 'error',
    within: { reason: anyFault, afterSale: inTime, verification: proofOfDeath },
    brokenBy: refuses,
    zh: '在核实结果证明商品无效、过期、售前已被使用或没有到账时仍拒绝退款，等于免除商家的责任',
    en: "refuses a unit that is proven dead: a waiver of the merchant's fault",
    basis: ['S12', 'S28', 'K9'],
  },
  {
    code: 'broken-reissue-refused',
    severity: 'error',
    within: { reason: anyFault, afterSale: inTime, reissue: otherThan('reissue', 'none') },
    brokenBy: refuses,
    zh: '在商家未按承诺补发或补发仍然无效时拒绝退款，等于免除商家的责任',
    en: "refuses although the promised reissue was missed or failed: a waiver of the merchant's fault",
    basis: ['S12', 'S29', 'K9'],
  },
  {
    code: 'admission-refused',
    severity: 'error',
    within: { reason: anyFault, afterSale: inTime, verification: noWord, merchantAnswer: 'accepted' },
    brokenBy: refuses,
    zh: '在商家已经承认问题时仍拒绝退款，等于免除商家的责任',
    en: "refuses although the merchant accepts the claim: a waiver of the merchant's fault",
    basis: ['S72', 'K9'],
  },
  {
    code: 'silence-refused',
    severity: 'error',
    within: { reason: anyFault, afterSale: inTime, verification: noWord, merchantAnswer: 'silent' },
    brokenBy: refuses,
    zh: '让买家承担商家不答复的后果',
    en: "makes the merchant's silence cost the buyer",
    basis: ['S48', 'K13'],
  },
  {
    code: 'silence-refused',
    severity: 'error',
    within: { merchantAnswer: 'silent' },
    brokenBy: (rule) => refuses(rule) && asks(rule, 'merchantAnswer'),
    zh: '以商家不答复作为拒绝退款的条件',
    en: "refuses on the merchant's silence, which may never cost the buyer",
    basis: ['S48', 'K13'],
  },
  {
    code: 'inconclusive-refused',
    severity: 'error',
    within: { reason: anyFault, afterSale: inTime, verification: 'INCONCLUSIVE' },
    brokenBy: refuses,
    zh: '在核实没有结论时拒绝退款',
    en: 'refuses although the verification is inconclusive',
    basis: ['S49'],
  },
  {
    code: 'inconclusive-refused',
    severity: 'error',
    within: { verification: 'INCONCLUSIVE' },
    brokenBy: (rule) => refuses(rule) && asks(rule, 'verification'),
    zh: '以核实没有结论作为拒绝退款的条件',
    en: 'refuses on an inconclusive verification, which is no ground for a refusal',
    basis: ['S49'],
  },
  {
    code: 'unverified-refused',
    severity: 'error',
    within: { reason: anyFault, afterSale: inTime, verification: 'none' },
    brokenBy: refuses,
    zh: '对买家及时提出的问题不经核实便拒绝退款，构成隐性障碍',
    en: 'refuses a fault that was claimed in time before anything is verified: a hidden barrier',
    basis: ['S16', 'S17', 'S49'],
  },
  {
    code: 'late-evidence-refused',
    severity: 'error',
    within: {
      reason: anyFault,
      afterSale: 'after',
      activationFailureEvidence: 'yes',
      verification: [...noWord, ...proofOfDeath],
    },
    brokenBy: refuses,
    zh: '直接拒绝附有激活失败证据的逾期申请，而这类申请应由人工审核',
    en: 'refuses a late claim with evidence of a failed activation, which a person must look at',
    basis: ['S27'],
  },
  {
    code: 'seven-day-refused',
    severity: 'error',
    within: {
      reason: 'seven-day',
      productKind: otherThan('productKind', 'phone-top-up'),
      delivered: 'yes',
      revealed: 'no',
      sevenDay: ['before', 'at'],
    },
    brokenBy: refuses,
    zh: '在承诺期内且卡密尚未查看时拒绝兑现七天无理由退款的承诺',
    en: 'breaks the seven-day promise for a key that was never revealed',
    basis: ['S31', 'K10'],
  },
  {
    code: 'platform-blamed-without-proof',
    severity: 'error',
    within: { platformFailure: 'no' },
    brokenBy: blames('PLATFORM'),
    zh: '在没有平台故障记录时认定平台有责任',
    en: 'blames the platform without proof of its failure',
    basis: ['S11'],
  },
  {
    code: 'merchant-blamed-without-proof',
    severity: 'warning',
    within: {
      delivered: 'yes',
      verification: [...noWord, ...keysWith(wordOf, 'good')],
      reissue: 'none',
      merchantAnswer: ['none', 'contested'],
    },
    brokenBy: blames('MERCHANT'),
    zh: '在没有任何证明时认定商家有责任',
    en: 'blames the merchant although nothing proves a fault of his',
    basis: ['S03', 'S06', 'S20'],
  },
  {
    code: 'merchant-pays-platform-failure',
    severity: 'warning',
    within: { delivered: 'no', platformFailure: 'yes' },
    brokenBy: chargesMerchant,
    zh: '让商家承担平台故障造成的未交付退款',
    en: "makes the merchant bear a refund for what the platform's failure kept from being delivered",
    basis: ['S11', 'K1'],
  },
  {
    code: 'wait-without-end',
    severity: 'error',
    within: { verification: otherThan('verification', 'none') },
    brokenBy: does('verify'),
    zh: '在已有核实结果时仍等待核实，永远不会结束',
    en: 'waits without asking that verification is none: it would never end',
    basis: ['S18'],
  },
  {
    code: 'wait-without-end',
    severity: 'error',
    within: { reissue: otherThan('reissue', 'none') },
    brokenBy: does('await-reissue'),
    zh: '在补发已有结果时仍等待补发，永远不会结束',
    en: 'waits without asking that reissue is none: it would never end',
    basis: ['S18'],
  },
  {
    code: 'wait-without-end',
    severity: 'error',
    within: { merchantAnswer: otherThan('merchantAnswer', 'none') },
    brokenBy: does('await-merchant'),
    zh: '在商家已经答复或逾期未答复时仍等待商家，永远不会结束',
    en: 'waits without asking that merchantAnswer is none: it would never end',
    basis: ['S18'],
  },
  {
    code: 'unpromised-reissue-awaited',
    severity: 'warning',
    within: { reissuePromised: 'no' },
    brokenBy: does('await-reissue'),
    zh: '让买家等待商家从未承诺的补发',
    en: 'makes the buyer wait for a reissue that nobody promised',
    basis: ['S12', 'S18', 'S29'],
  },
  {
    code: 'undelivered-undecided',
    severity: 'warning',
    within: { delivered: 'no' },
    brokenBy: (rule) => !decides(rule),
    zh: '没有直接为未交付的商品退款，而平台自身的发货记录已能证明',
    en: "does not refund an undelivered unit, although the platform's own delivery record proves it",
    basis: ['S44', 'K8'],
  },
  {
    code: 'silence-undecided',
    severity: 'warning',
    within: {
      reason: merchantFault,
      delivered: 'yes',
      afterSale: inTime,
      verification: 'INCONCLUSIVE',
      merchantAnswer: 'silent',
    },
    brokenBy: (rule) => !decides(rule),
    zh: '在商家逾期不答复后仍让买家等待',
    en: 'keeps the buyer waiting after the merchant stayed silent',
    basis: ['S48'],
  },
  {
    code: 'not-credited-undecided',
    severity: 'warning',
    within: { reason: 'not-credited', delivered: 'yes', afterSale: inTime, verification: 'NOT_CREDITED' },
    brokenBy: (rule) => !decides(rule),
    zh: '在核实没有到账后没有立即退款',
    en: 'does not refund at once what was verified as not credited',
    basis: ['S30'],
  },
];

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
