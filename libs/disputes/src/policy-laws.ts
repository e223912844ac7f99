import { valuesIn, type FactBox } from './fact-space.js';
import { outcomesSaying, reasonsBlaming } from './fault-catalogue.js';
import type { PolicyFinding, PolicyFindingCode } from './policy-lint.js';
import { factValues, type Facts, type PolicyRule } from './policy-table.js';

const otherThan = <Fact extends keyof Facts>(fact: Fact, ...values: Facts[Fact][]): Facts[Fact][] =>
  factValues[fact].filter((one) => !values.includes(one));

const anyFault = reasonsBlaming('merchant', 'platform');
const merchantFault = reasonsBlaming('merchant');
const proofOfDeath = outcomesSaying('dead');
const noWord = ['none', ...outcomesSaying('unknown')] as const;
const inTime = otherThan('afterSale', 'after');
/** Of these a key that is worth less than sold is not: its buyer has something. */
const nothingWorth = proofOfDeath.filter((outcome) => outcome !== 'WRONG_VALUE');
/** A unit that a new key can stand in for. */
const keyKinds = otherThan('productKind', 'phone-top-up');

const decides = ({ then }: PolicyRule) => then.do === 'decide';
export const refuses = ({ then }: PolicyRule) => then.do === 'decide' && then.remedy === 'NONE';
const refundsInPart = ({ then }: PolicyRule) => then.do === 'decide' && then.remedy === 'PARTIAL_REFUND';
const blames = (party: 'PLATFORM' | 'MERCHANT' | 'SHARED') => (rule: PolicyRule) =>
  rule.then.do === 'decide' && rule.then.liable === party;
const chargesMerchant = ({ then }: PolicyRule) =>
  then.do === 'decide' && (then.bearer === 'merchant' || then.bearer === 'shared');
/** Alone, or with the platform or the buyer. */
const findsMerchantAtFault = (rule: PolicyRule) => blames('MERCHANT')(rule) || (blames('SHARED')(rule) && chargesMerchant(rule));
const does = (step: PolicyRule['then']['do']) => (rule: PolicyRule) => rule.then.do === step;
/** A rule that lists every value of a fact does not ask for it. */
const asks = (rule: PolicyRule, fact: keyof Facts): boolean => valuesIn(rule.when, fact).length < factValues[fact].length;

/** What no rule may do in a part of the fact space. */
export interface Law {
  readonly code: PolicyFindingCode;
  readonly severity: PolicyFinding['severity'];
  readonly within: FactBox;
  readonly brokenBy: (rule: PolicyRule) => boolean;
  readonly zh: string;
  readonly en: string;
  readonly basis: readonly string[];
}

/** Messages continue after the rule's id. */
const refusals: readonly Law[] = [
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
    code: 'late-evidence-refused',
    severity: 'error',
    within: { reason: anyFault, afterSale: 'after', chat: 'strong', verification: [...noWord, ...proofOfDeath] },
    brokenBy: refuses,
    zh: '直接拒绝商家已在聊天中确认问题并作出承诺的逾期申请，而这类申请应由人工审核',
    en: 'refuses a late claim although the chat confirms the problem and promises a remedy, which a person must look at',
    basis: ['S27', 'S46'],
  },
  {
    code: 'late-evidence-refused',
    severity: 'error',
    within: { reason: anyFault, afterSale: 'after', evidence: 'complete', verification: [...noWord, ...proofOfDeath] },
    brokenBy: refuses,
    zh: '直接拒绝证据完整的逾期申请，而这类申请应由人工审核',
    en: 'refuses a late claim with complete evidence, which a person must look at',
    basis: ['S27', 'S41'],
  },
  {
    code: 'promise-broken',
    severity: 'error',
    within: { reason: anyFault, merchantPromise: 'refund' },
    brokenBy: (rule) => refuses(rule) || refundsInPart(rule),
    zh: '在商家已经承诺退款时拒绝退款或只退一部分，而商家的承诺有约束力',
    en: 'refuses, or refunds only a part, although the merchant promised a refund, which binds him',
    basis: ['S46', 'K9'],
  },
  {
    code: 'promise-broken',
    severity: 'error',
    within: { reason: anyFault, productKind: keyKinds, merchantPromise: 'reissue', reissue: 'none' },
    brokenBy: refuses,
    zh: '在商家已经承诺补发时拒绝申请，而商家的承诺有约束力',
    en: 'refuses although the merchant promised to reissue, which binds him',
    basis: ['S46', 'K9'],
  },
  {
    code: 'incomplete-evidence-refused',
    severity: 'error',
    within: { reason: anyFault, afterSale: inTime, evidence: 'incomplete' },
    brokenBy: (rule) => refuses(rule) && asks(rule, 'evidence') && !asks(rule, 'verification'),
    zh: '仅以证据不完整为由拒绝平台可以核实的问题，构成隐性障碍',
    en: 'refuses on incomplete evidence alone a fault that the platform can verify: a hidden barrier',
    basis: ['S49', 'S82'],
  },
  {
    code: 'chat-demanded',
    severity: 'error',
    within: { reason: anyFault, afterSale: inTime, chat: otherThan('chat', 'strong') },
    brokenBy: (rule) => refuses(rule) && asks(rule, 'chat'),
    zh: '以聊天记录没有商家确认和承诺作为拒绝退款的条件，构成隐性障碍',
    en: "refuses for want of the merchant's word in a chat, which nobody owes the platform: a hidden barrier",
    basis: ['S46', 'S49', 'S82'],
  },
  {
    code: 'consent-demanded',
    severity: 'error',
    within: { noReturnConsent: 'no' },
    brokenBy: (rule) => refuses(rule) && asks(rule, 'noReturnConsent'),
    zh: '以买家没有同意不退作为拒绝退款的条件',
    en: 'refuses because the buyer did not consent to no return, which is no ground for a refusal',
    basis: ['S21', '消保法 25'],
  },
  {
    code: 'consent-excludes-fault',
    severity: 'error',
    within: { reason: anyFault, noReturnConsent: 'yes' },
    brokenBy: (rule) => refuses(rule) && asks(rule, 'noReturnConsent'),
    zh: '以买家同意不退为由免除商家或平台的过错责任，而这种同意从不排除过错',
    en: "takes the buyer's consent to no return as a waiver of a fault, which it never excludes",
    basis: ['S21', 'K9', '消保法 26'],
  },
  {
    code: 'consent-stretched',
    severity: 'error',
    within: { delivered: 'yes', revealed: 'no', noReturnConsent: 'yes' },
    brokenBy: (rule) => refuses(rule) && asks(rule, 'noReturnConsent'),
    zh: '把“拆开后不退”的确认用在尚未查看的卡密上',
    en: 'stretches the consent, which is about what was opened, to a key that was never revealed',
    basis: ['S21', '消保法 25'],
  },
  {
    code: 'seven-day-refused',
    severity: 'error',
    within: {
      reason: 'seven-day',
      productKind: keyKinds,
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
      verification: [...noWord, ...outcomesSaying('good')],
      reissue: 'none',
      merchantAnswer: ['none', 'contested'],
      merchantPromise: otherThan('merchantPromise', 'refund'),
    },
    brokenBy: findsMerchantAtFault,
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
    code: 'wait-without-end',
    severity: 'error',
    within: { evidencePhase: otherThan('evidencePhase', 'none') },
    brokenBy: does('await-evidence'),
    zh: '在举证期已经结束时仍等待举证，永远不会结束',
    en: 'waits without asking that evidencePhase is none: it would never end',
    basis: ['S18'],
  },
  {
    code: 'unpromised-reissue-awaited',
    severity: 'warning',
    within: { reissuePromised: 'no', merchantPromise: otherThan('merchantPromise', 'reissue') },
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
      merchantPromise: otherThan('merchantPromise', 'reissue'),
    },
    brokenBy: (rule) => !decides(rule),
    zh: '在商家逾期不答复后仍让买家等待',
    en: 'keeps the buyer waiting after the merchant stayed silent',
    basis: ['S48'],
  },
  {
    code: 'not-credited-undecided',
    severity: 'warning',
    within: {
      reason: 'not-credited',
      delivered: 'yes',
      afterSale: inTime,
      verification: 'NOT_CREDITED',
      merchantPromise: otherThan('merchantPromise', 'reissue'),
    },
    brokenBy: (rule) => !decides(rule),
    zh: '在核实没有到账后没有立即退款',
    en: 'does not refund at once what was verified as not credited',
    basis: ['S30'],
  },
];

/** Where the law gives the whole price, a part of it is a refusal of the rest. A key of less value is still worth something. */
const wholeDue: readonly Pick<Law, 'within' | 'zh' | 'en' | 'basis'>[] = [
  {
    within: { delivered: 'no' },
    zh: '对从未交付的商品只退一部分',
    en: 'refunds only a part of a unit that was never delivered',
    basis: ['S44', 'K8'],
  },
  {
    within: { reason: anyFault, platformFailure: 'yes' },
    zh: '在平台系统故障已经证实时只退一部分',
    en: "refunds only a part although the platform's failure is proven",
    basis: ['S11', 'K9'],
  },
  {
    within: { reason: anyFault, afterSale: inTime, verification: nothingWorth },
    zh: '对核实已无价值的商品只退一部分',
    en: 'refunds only a part of a unit that is proven dead',
    basis: ['S12', 'S28', 'K9'],
  },
  {
    within: {
      reason: anyFault,
      afterSale: inTime,
      verification: otherThan('verification', 'WRONG_VALUE'),
      reissue: otherThan('reissue', 'none'),
    },
    zh: '在商家未按承诺补发或补发仍然无效时只退一部分',
    en: 'refunds only a part although the promised reissue was missed or failed',
    basis: ['S12', 'S29', 'K9'],
  },
  {
    within: { reason: anyFault, afterSale: inTime, verification: noWord, merchantAnswer: ['accepted', 'silent'] },
    zh: '在商家已经承认问题或逾期不答复时只退一部分',
    en: 'refunds only a part although the merchant accepts the claim or stays silent',
    basis: ['S48', 'S72', 'K9'],
  },
  {
    within: { reason: 'seven-day', productKind: keyKinds, delivered: 'yes', revealed: 'no', sevenDay: ['before', 'at'] },
    zh: '在七天无理由退款的承诺期内只退一部分',
    en: 'refunds only a part of what the seven-day promise gives back',
    basis: ['S31', 'K10'],
  },
];
/** All that no rule may do. */
export const laws: readonly Law[] = [
  ...refusals,
  ...wholeDue.map((due): Law => ({ code: 'fault-refunded-in-part', severity: 'error', brokenBy: refundsInPart, ...due })),
];
