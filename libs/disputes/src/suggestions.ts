import { claimReasons, type ClaimReason } from '@recourse/orders/events';
import type { EvidenceKind } from './evidence.js';
import { reasonIn, type Finding } from './findings.js';
import type { Explanation } from './policy-table.js';
import type { ChatMessage, Speaker } from './transcript.js';

/** Indexes into the findings. */
type Findings = readonly number[];

export interface ReasonSuggestion {
  readonly reason: ClaimReason;
  /** Only to rank by: what speaks for it, weighed by who says it. */
  readonly weight: number;
  readonly supportedBy: Findings;
  /** What the chat says to the contrary. */
  readonly against: Findings;
}

/** S41: the fact of the transaction, the time of the problem, the responsible party. */
export const evidenceAxes = ['fact', 'time', 'party'] as const;
export type EvidenceAxis = (typeof evidenceAxes)[number];

export interface MissingEvidence {
  readonly axis: EvidenceAxis;
  /** One of these would do. */
  readonly anyOf: readonly EvidenceKind[];
  readonly why: Explanation;
}

export interface Suggestions {
  /** Most supported first. */
  readonly reasons: readonly ReasonSuggestion[];
  /** What the chat itself says on each axis; it proves nothing alone. */
  readonly axes: Readonly<Record<EvidenceAxis, Findings>>;
  readonly missing: readonly MissingEvidence[];
  /** S46: a chat is strong when the merchant both confirms the problem and promises a remedy. */
  readonly chat: {
    readonly isStrong: boolean;
    readonly problemConfirmation: Findings;
    readonly merchantPromise: Findings;
    readonly lacks: readonly ('problem-confirmation' | 'merchant-promise')[];
  };
}

/** Whoever speaks against his own interest weighs more. */
const weights: Readonly<Record<Speaker, number>> = { merchant: 3, platform: 3, buyer: 2, unknown: 1 };
const countedEach = 2;

/** Reasons that rest on a fault: when it showed and whose it is must be shown too. */
export const faultless: readonly ClaimReason[] = ['wrong-account', 'own-cancellation', 'dislike', 'seven-day'];
/** Answered by the platform's own events, without the buyer. S44 */
const attested: readonly ClaimReason[] = ['not-delivered', 'platform-failure'];

export const missingWhys = {
  order: {
    zh: '订单截图或记录（商品名称、订单号、金额）证明交易事实；平台下单的订单可由平台自证。',
    en: 'The order with product, number and amount proves that the trade took place; the platform attests its own orders.',
  },
  payment: {
    zh: '支付凭证（转账记录、支付订单号）证明付了多少钱、付给谁。',
    en: 'The payment proof shows what was paid and to whom.',
  },
  time: {
    zh: '激活失败的提示界面或收到卡密后立即测试的录屏，证明问题发生的时间；否则难以区分使用前失效和使用后失效。',
    en: 'The failure screen, or a recording of the immediate test, proves when the problem showed; without it a key that was dead is hard to tell from one used later.',
  },
  both: {
    zh: '聊天记录既没有商家对问题的确认，也没有商家的处理承诺，难以证明责任主体。',
    en: 'The chat holds neither the merchant’s confirmation of the problem nor his promise, so it hardly shows who is responsible.',
  },
  confirmation: {
    zh: '聊天记录有商家承诺，但没有商家对问题的确认；请商家明确回复问题是否属实。',
    en: 'The chat holds a promise but no confirmation of the problem; ask the merchant to say plainly whether it is so.',
  },
  promise: {
    zh: '聊天记录有问题确认，但没有商家明确的补发或退款承诺（附条件的承诺不算）。',
    en: 'The chat holds a confirmation but no plain promise to reissue or refund; a conditional one does not count.',
  },
  untimed: {
    zh: '已提交的截图或录屏没有说明问题何时出现、何时取证；请补充时间。',
    en: 'The failure screen or recording does not say when the problem showed or was captured; add the times.',
  },
  untagged: {
    zh: '聊天记录尚未由商家或仲裁员确认同时含有“问题确认”和“商家承诺”。',
    en: 'Neither the merchant nor an arbitrator has confirmed that a chat holds both a confirmation of the problem and a promise.',
  },
} as const satisfies Record<string, Explanation>;

/** A merchant who blames the buyer or the platform speaks for himself; that weighs as little as a stranger's word. */
const weightOf = (finding: Finding, speaker: Speaker): number =>
  speaker === 'merchant' &&
  finding.kind === 'complaint' &&
  (faultless.includes(finding.reason) || finding.reason === 'platform-failure')
    ? weights.unknown
    : weights[speaker];

function reasonsIn(findings: readonly Finding[], speakerOf: (finding: Finding) => Speaker): ReasonSuggestion[] {
  const confirmed = new Set(findings.flatMap(({ kind, message }) => (kind === 'problem-confirmation' ? [message] : [])));
  const support = new Map<ClaimReason, { weight: number; supportedBy: number[]; said: Map<Speaker, number> }>();
  findings.forEach((finding, index) => {
    const [reason, speaker] = [reasonIn(finding), speakerOf(finding)];
    // 已被使用 from the merchant blames the buyer as often as it admits a key sold twice.
    const isBlame = finding.kind === 'activation-record' && speaker === 'merchant' && !confirmed.has(finding.message);
    if (reason === undefined || isBlame) return;
    const known = support.get(reason) ?? { weight: 0, supportedBy: [], said: new Map<Speaker, number>() };
    const times = known.said.get(speaker) ?? 0;
    known.said.set(speaker, times + 1);
    known.supportedBy.push(index);
    if (times < countedEach) known.weight += weightOf(finding, speaker);
    support.set(reason, known);
  });
  const against = (reason: ClaimReason): number[] =>
    findings.flatMap((finding, index) => {
      if (finding.kind === 'refusal') return finding.rule === 'denied-problem' && reason === 'key-invalid' ? [index] : [];
      if (finding.kind !== 'activation-record') return [];
      const { state } = finding;
      const contradicts =
        (reason === 'not-credited' && state === 'credited') ||
        (reason === 'key-invalid' && state === 'activated') ||
        // The buyer who never used it says nothing against its having been used by another.
        (reason === 'key-used' && state === 'not-activated' && speakerOf(finding) !== 'buyer');
      return contradicts ? [index] : [];
    });
  return [...support]
    .map(([reason, { weight, supportedBy }]) => ({ reason, weight, supportedBy, against: against(reason) }))
    .toSorted((one, other) => other.weight - one.weight || claimReasons.indexOf(one.reason) - claimReasons.indexOf(other.reason));
}

/** @param held kinds of evidence that were submitted already */
export function suggestionsOf(
  messages: readonly ChatMessage[],
  findings: readonly Finding[],
  held: readonly EvidenceKind[],
): Suggestions {
  const speakerOf = ({ message }: Finding): Speaker => messages[message]?.speaker ?? 'unknown';
  const indexesOf = (wanted: (finding: Finding) => boolean): number[] =>
    findings.flatMap((finding, index) => (wanted(finding) ? [index] : []));
  const byMerchant = (finding: Finding): boolean => speakerOf(finding) === 'merchant';

  const reasons = reasonsIn(findings, speakerOf);
  const problemConfirmation = indexesOf(
    (finding) => byMerchant(finding) && (finding.kind === 'problem-confirmation' || finding.kind === 'admission'),
  );
  const merchantPromise = indexesOf(
    (finding) => byMerchant(finding) && finding.kind === 'merchant-promise' && finding.certainty === 'stated',
  );
  const lacks = [
    ...(problemConfirmation.length === 0 ? (['problem-confirmation'] as const) : []),
    ...(merchantPromise.length === 0 ? (['merchant-promise'] as const) : []),
  ];

  const timed = new Set(findings.flatMap(({ kind, message }) => (kind === 'time' ? [message] : [])));
  const axes = {
    fact: indexesOf(({ kind }) => kind === 'order-number' || kind === 'amount'),
    time: indexesOf(
      (finding) =>
        reasonIn(finding) !== undefined && (timed.has(finding.message) || messages[finding.message]?.sentAt !== undefined),
    ),
    party: problemConfirmation,
  };

  const lacking = (...kinds: readonly EvidenceKind[]): boolean => !kinds.some((kind) => held.includes(kind));
  const [leading] = reasons;
  const needsFault = leading === undefined || !faultless.includes(leading.reason);
  const needsTime = needsFault && (leading === undefined || !attested.includes(leading.reason));
  const why =
    lacks.length === 2 ? missingWhys.both : lacks[0] === 'problem-confirmation' ? missingWhys.confirmation : missingWhys.promise;
  const missing: MissingEvidence[] = [];
  if (lacking('order-record')) missing.push({ axis: 'fact', anyOf: ['order-record'], why: missingWhys.order });
  if (lacking('payment-proof')) missing.push({ axis: 'fact', anyOf: ['payment-proof'], why: missingWhys.payment });
  if (needsTime && lacking('abnormal-use', 'screen-recording'))
    missing.push({ axis: 'time', anyOf: ['screen-recording', 'abnormal-use'], why: missingWhys.time });
  if (needsFault && lacks.length > 0) missing.push({ axis: 'party', anyOf: ['chat'], why });

  return { reasons, axes, missing, chat: { isStrong: lacks.length === 0, problemConfirmation, merchantPromise, lacks } };
}
