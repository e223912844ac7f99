import type { ClaimReason } from '@recourse/orders/events';
import { valuesIn, type FactBox } from './fact-space.js';
import type { PolicyFinding, PolicyFindingCode } from './policy-lint.js';
import { factValues, type Facts, type PolicyRule, type VerificationOutcome } from './policy-table.js';

/** Who would be at fault if the reason were true; a new reason does not compile until it is known. */
const faultOf: Readonly<Record<ClaimReason, 'merchant' | 'platform' | 'none'>> = {
  'key-invalid': 'merchant',
  'key-used': 'merchant',
  'key-expired': 'merchant',
  'not-credited': 'merchant',
  'not-delivered': 'merchant',
  'wrong-face-value': 'merchant',
  'duplicate-recharge': 'merchant',
  'merchant-absent': 'merchant',
  'platform-failure': 'platform',
  'wrong-account': 'none',
  'own-cancellation': 'none',
  dislike: 'none',
  'seven-day': 'none',
};
/** What the verifier's word says about the claim: the unit was dead or not what was sold, or it was good, or nothing. */
const wordOf: Readonly<Record<VerificationOutcome, 'dead' | 'good' | 'nothing'>> = {
  UNUSED: 'good',
  ACTIVATED_BEFORE_SALE: 'dead',
  ACTIVATED_AFTER_REVEAL: 'good',
  CREDITED: 'good',
  NOT_CREDITED: 'dead',
  EXPIRED: 'dead',
  INVALID: 'dead',
  WRONG_VALUE: 'dead',
  DUPLICATE: 'dead',
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
export const refuses = ({ then }: PolicyRule) => then.do === 'decide' && then.remedy === 'NONE';
const blames = (party: 'PLATFORM' | 'MERCHANT') => (rule: PolicyRule) => rule.then.do === 'decide' && rule.then.liable === party;
const chargesMerchant = ({ then }: PolicyRule) => then.do === 'decide' && then.bearer === 'merchant';
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
export const laws: readonly Law[] = [
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
