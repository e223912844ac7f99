import type { ClaimReason, OrderEvent } from '@recourse/orders/events';
import type { EvidenceKind } from './evidence.js';
import type { Decision, Explanation, RecordedFacts, VerificationOutcome } from './policy-table.js';

/** What can have gone wrong, as one finds it; a buyer says it by a claim reason and need not know which of them it was. S08 */
export type FaultCode =
  | 'not-delivered'
  | 'not-credited'
  | 'key-invalid'
  | 'key-used-before-sale'
  | 'key-used-after-reveal'
  | 'key-expired'
  | 'wrong-face-value'
  | 'duplicate-recharge'
  | 'platform-failure'
  | 'merchant-absent'
  | 'wrong-account'
  | 'own-cancellation'
  | 'dislike';

/** Faults that a buyer may mean by his reason, the likeliest first; a promise kept for no reason is none. */
const meantBy: Readonly<Record<ClaimReason, readonly FaultCode[]>> = {
  'key-invalid': ['key-invalid', 'key-used-before-sale', 'key-expired', 'key-used-after-reveal'],
  'key-used': ['key-used-before-sale', 'key-used-after-reveal'],
  'key-expired': ['key-expired'],
  'not-credited': ['not-credited', 'wrong-account'],
  'not-delivered': ['not-delivered'],
  'wrong-face-value': ['wrong-face-value'],
  'duplicate-recharge': ['duplicate-recharge'],
  'merchant-absent': ['merchant-absent', 'not-delivered'],
  'platform-failure': ['platform-failure'],
  'wrong-account': ['wrong-account'],
  'own-cancellation': ['own-cancellation'],
  dislike: ['dislike'],
  'seven-day': [],
};

/** What a verifier's word says of a unit: it was dead or not what was sold, it was good, or nothing; and the fault it shows. */
const said: Readonly<Record<VerificationOutcome, { readonly unit: 'dead' | 'good' | 'unknown'; readonly fault?: FaultCode }>> = {
  UNUSED: { unit: 'good' },
  ACTIVATED_BEFORE_SALE: { unit: 'dead', fault: 'key-used-before-sale' },
  ACTIVATED_AFTER_REVEAL: { unit: 'good', fault: 'key-used-after-reveal' },
  CREDITED: { unit: 'good' },
  NOT_CREDITED: { unit: 'dead', fault: 'not-credited' },
  EXPIRED: { unit: 'dead', fault: 'key-expired' },
  INVALID: { unit: 'dead', fault: 'key-invalid' },
  WRONG_VALUE: { unit: 'dead', fault: 'wrong-face-value' },
  DUPLICATE: { unit: 'dead', fault: 'duplicate-recharge' },
  INCONCLUSIVE: { unit: 'unknown' }, // S49
};

interface Entry {
  readonly name: Explanation;
  readonly description: Explanation;
  /** Who is at fault if it is proven; nobody is where a wish is no fault. */
  readonly whose: 'merchant' | 'platform' | 'buyer' | 'nobody';
  /** The platform's own events that prove it without anybody else. S44 */
  readonly events: readonly OrderEvent['type'][];
  /** What of the merchant's proves it: that he accepts the claim, or that he lets his time pass. S48 */
  readonly answers: readonly ('accepted' | 'silent')[];
  /** What the buyer can show where nothing else proves it. */
  readonly evidence: readonly EvidenceKind[];
  /** What the default policy does with it. */
  readonly consequence: Pick<Decision, 'remedy' | 'bearer'> & {
    /** Where the offer promises it, a reissue comes first. S29 */
    readonly reissueFirst: boolean;
    readonly text: Explanation;
  };
  /** Requirement ids or law. */
  readonly basis: readonly string[];
}

const failure: readonly EvidenceKind[] = ['abnormal-use', 'screen-recording', 'chat'];
const deadKey = {
  remedy: 'FULL_REFUND',
  bearer: 'merchant',
  reissueFirst: true,
  text: {
    zh: '商家承诺补发的，24 小时内补发；没有承诺、未补发或补发仍无效的，全额退款，由商家承担。',
    en: 'Reissued within 24 hours where the offer promises it; without a promise, or if that fails, refunded in full at the merchant’s cost.',
  },
} as const satisfies Entry['consequence'];
const byMerchant = {
  remedy: 'FULL_REFUND',
  bearer: 'merchant',
  reissueFirst: false,
  text: {
    zh: '全额退款，由商家承担；平台先行退款，再向商家追偿。',
    en: 'Refunded in full at the merchant’s cost; the buyer is paid first.',
  },
} as const satisfies Entry['consequence'];
const refused = (zh: string, en: string): Entry['consequence'] => ({
  remedy: 'NONE',
  bearer: 'none',
  reissueFirst: false,
  text: { zh, en },
});

const entries: Readonly<Record<FaultCode, Entry>> = {
  'not-delivered': {
    name: { zh: '未发货', en: 'Not delivered' },
    description: {
      zh: '商品没有在承诺时限内交付到买家可以提取的位置。',
      en: 'The unit never became retrievable for the buyer within the promised time.',
    },
    whose: 'merchant',
    events: ['DeliveryOverdue'],
    answers: ['accepted'],
    evidence: [],
    consequence: byMerchant,
    basis: ['S44', 'K13', '电商法 51', '电商法 49'],
  },
  'not-credited': {
    name: { zh: '未到账', en: 'Not credited' },
    description: {
      zh: '充值显示完成，但运营商或账号的记录中没有到账。',
      en: 'The top-up was said to be made, but carrier or account have no record of it.',
    },
    whose: 'merchant',
    events: [],
    answers: ['accepted', 'silent'],
    evidence: failure,
    consequence: byMerchant,
    basis: ['S08', 'S30', 'S51'],
  },
  'key-invalid': {
    name: { zh: '卡密失效', en: 'Key invalid' },
    description: {
      zh: '卡密在官方渠道无法识别或无法激活。',
      en: 'The official source does not know the key or does not activate it.',
    },
    whose: 'merchant',
    events: [],
    answers: ['accepted', 'silent'],
    evidence: failure,
    consequence: deadKey,
    basis: ['S08', 'S12', 'S29', 'S50'],
  },
  'key-used-before-sale': {
    name: { zh: '卡密在售前已被使用', en: 'Key used before sale' },
    description: {
      zh: '官方记录的激活时间早于向买家交付的时间。',
      en: 'The official record says that the key was activated before it was delivered.',
    },
    whose: 'merchant',
    events: [],
    answers: ['accepted', 'silent'],
    evidence: failure,
    consequence: deadKey,
    basis: ['S12', 'S50', 'S53'],
  },
  'key-used-after-reveal': {
    name: { zh: '卡密在查看后被使用', en: 'Key used after reveal' },
    description: {
      zh: '官方记录的激活时间晚于买家查看卡密的时间，商品价值已经实现。',
      en: 'The official record says that the key was activated after the buyer had revealed it: its value is used.',
    },
    whose: 'buyer',
    events: [],
    answers: [],
    evidence: [],
    consequence: refused(
      '商品已被使用，没有发现过错的，不予退款；可以申诉。',
      'Used and no fault found: no refund; the buyer may appeal.',
    ),
    basis: ['S06', 'S53'],
  },
  'key-expired': {
    name: { zh: '卡密过期', en: 'Key expired' },
    description: { zh: '卡密在交付时已超过有效期。', en: 'The key was past its validity when it was delivered.' },
    whose: 'merchant',
    events: [],
    answers: ['accepted', 'silent'],
    evidence: failure,
    consequence: deadKey,
    basis: ['S28', 'S12', 'S29'],
  },
  'wrong-face-value': {
    name: { zh: '面值不符', en: 'Wrong face value' },
    description: { zh: '卡密有效，但面值低于所售面值。', en: 'The key is good, but worth less than what was sold.' },
    whose: 'merchant',
    events: [],
    answers: ['accepted', 'silent'],
    evidence: ['abnormal-use', 'screen-recording', 'chat', 'order-record'],
    consequence: {
      remedy: 'PARTIAL_REFUND',
      bearer: 'merchant',
      reissueFirst: true,
      text: {
        zh: '商家承诺补发的先补发；否则由审核人员按差额退款，由商家承担。',
        en: 'Reissued first where the offer promises it; else a person refunds the difference at the merchant’s cost.',
      },
    },
    basis: ['S08', 'K1', 'K7'],
  },
  'duplicate-recharge': {
    name: { zh: '重复充值', en: 'Duplicate recharge' },
    description: {
      zh: '同一充值意愿被充值了两次，本件是重复的一笔。',
      en: 'One wish was topped up twice, and this unit is the second.',
    },
    whose: 'merchant',
    events: [],
    answers: ['accepted', 'silent'],
    evidence: ['payment-proof', 'order-record', 'chat'],
    consequence: byMerchant,
    basis: ['S58'],
  },
  'platform-failure': {
    name: { zh: '平台系统故障', en: 'Platform failure' },
    description: {
      zh: '平台自身的系统没有把商家已履行的商品交给买家；只由平台自己的记录证明，不由申请理由证明。',
      en: 'The platform’s own system failed to hand over what the merchant had performed; proven by its own records, never by the claim’s reason.',
    },
    whose: 'platform',
    events: ['PlatformDeliveryFailed'],
    answers: [],
    evidence: [],
    consequence: {
      remedy: 'FULL_REFUND',
      bearer: 'platform',
      reissueFirst: false,
      text: { zh: '全额退款，由平台承担。', en: 'Refunded in full at the platform’s cost.' },
    },
    basis: ['S11', 'K1'],
  },
  'merchant-absent': {
    name: { zh: '商家失联或跑路', en: 'Merchant silent or absconded' },
    description: {
      zh: '商家在规定时限内不答复，或已经跑路。',
      en: 'The merchant let his time to answer pass, or has absconded.',
    },
    whose: 'merchant',
    events: ['DeliveryOverdue'],
    answers: ['silent'],
    evidence: ['chat'],
    consequence: byMerchant,
    basis: ['S08', 'S15', 'S48', 'S59'],
  },
  'wrong-account': {
    name: { zh: '填错账号', en: 'Wrong account' },
    description: {
      zh: '买家下单时填写了错误的账号，商品已按该账号交付。',
      en: 'The buyer gave a wrong account, and the unit was delivered to it.',
    },
    whose: 'buyer',
    events: [],
    answers: [],
    evidence: [],
    consequence: refused('按填写的账号交付后，不予退款。', 'No refund once it was delivered to the account as given.'),
    basis: ['S13', 'S06'],
  },
  'own-cancellation': {
    name: { zh: '主动取消', en: 'Own cancellation' },
    description: { zh: '买家因个人原因不再需要商品。', en: 'The buyer does not want the unit any more, for reasons of his own.' },
    whose: 'buyer',
    events: ['KeyRevealed'],
    answers: [],
    evidence: [],
    consequence: refused(
      '交付前取消的全额退款；卡密查看后不予退款；尚未查看的由审核人员决定。',
      'Refunded in full before delivery; no refund after the key was revealed; in between a person decides.',
    ),
    basis: ['S14', 'S21', 'K8', '消保法 25'],
  },
  dislike: {
    name: { zh: '不喜欢', en: 'Dislike' },
    description: { zh: '商品没有质量问题，买家不喜欢。', en: 'Nothing is wrong with the unit; the buyer does not like it.' },
    whose: 'nobody',
    events: [],
    answers: [],
    evidence: [],
    consequence: refused('没有七天无理由承诺的，不予退款。', 'No refund, unless a seven-day promise covers it.'),
    basis: ['S22', 'S31'],
  },
};

export interface Fault extends Entry {
  readonly code: FaultCode;
  /** Claim reasons by which buyers raise it. */
  readonly reasons: readonly ClaimReason[];
  readonly verification: readonly VerificationOutcome[];
}

const keysWhere = <Key extends string, Value>(record: Readonly<Record<Key, Value>>, holds: (value: Value) => boolean): Key[] =>
  (Object.keys(record) as Key[]).filter((key) => holds(record[key]));

/** S08 and the sentences after it: what it is, whose it is, what proves it and what follows. */
export const faultCatalogue: readonly Fault[] = (Object.keys(entries) as FaultCode[]).map((code) => ({
  code,
  ...entries[code],
  reasons: keysWhere(meantBy, (faults) => faults.includes(code)),
  verification: keysWhere(said, ({ fault }) => fault === code),
}));
export const faultNamed = (code: FaultCode): Fault => {
  const fault = faultCatalogue.find((one) => one.code === code);
  if (fault === undefined) throw new Error(`the catalogue has no fault ${code}`);
  return fault;
};

/** Whose fault it would be if the reason were true. */
export const blamedBy = (reason: ClaimReason): Fault['whose'] => {
  const [likeliest] = meantBy[reason];
  return likeliest === undefined ? 'nobody' : entries[likeliest].whose;
};
/** Claim reasons that a party of these would answer for. */
export const reasonsBlaming = (...whose: readonly Fault['whose'][]): readonly ClaimReason[] =>
  (Object.keys(meantBy) as ClaimReason[]).filter((reason) => whose.includes(blamedBy(reason)));
/** Verifiers' words that say this of a unit. */
export const outcomesSaying = (...of: readonly ('dead' | 'good' | 'unknown')[]): readonly VerificationOutcome[] =>
  keysWhere(said, ({ unit }) => of.includes(unit));

/** What the buyer says of himself: his mistake, or his wish. */
const buyersOwn: readonly ClaimReason[] = ['wrong-account', 'own-cancellation', 'dislike', 'seven-day'];

/**
 * Which fault the facts establish: the platform's own records come first, then what the buyer says of himself, then the verifier,
 * then what the merchant admits, and his silence last. Undefined where nothing is: a reason alone proves no fault of another.
 */
export function faultOf(facts: RecordedFacts): FaultCode | undefined {
  const { reason, verification, merchantAnswer, merchantPromise = 'none' } = facts;
  const [likeliest] = meantBy[reason];
  const isOwn = buyersOwn.includes(reason);
  if (facts.platformFailure === 'yes' && (facts.delivered === 'no' || !isOwn)) return 'platform-failure';
  if (facts.delivered === 'no') return isOwn ? 'own-cancellation' : 'not-delivered';
  if (isOwn) return likeliest;
  const { unit, fault } = verification === 'none' ? said.INCONCLUSIVE : said[verification];
  if (unit !== 'unknown') return fault;
  const isAdmitted = merchantAnswer === 'accepted' || (facts.chat === 'strong' && merchantPromise !== 'none');
  if (isAdmitted && likeliest !== undefined && entries[likeliest].answers.includes('accepted')) return likeliest;
  return merchantAnswer === 'silent' ? 'merchant-absent' : undefined;
}
