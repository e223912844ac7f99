import { epochMsOf, type Instant } from '@recourse/eventing';
import type { ClaimReason, EventReference } from '@recourse/orders/events';
import type { CaseUnit, DraftCase, Piece, SubmittedCase } from './case.js';
import type { MerchantEvidenceKind } from './evidence.js';
import type { Explanation, VerificationOutcome } from './policy-table.js';
import { evidenceAxes, faultless, missingWhys, type EvidenceAxis, type MissingEvidence } from './suggestions.js';

/** Something that shows what an axis asks for. */
export type Covering =
  /** The platform's own events: the order and its payment, that nothing came, or that its system failed. S37, S38, S44 */
  | { readonly by: 'platform'; readonly what: 'order-and-payment' | 'undelivered' | 'platform-failure'; readonly from: From }
  | { readonly by: 'verifier'; readonly what: VerificationOutcome; readonly from: From }
  /** What he answered, or that he did not. S48 */
  | { readonly by: 'merchant'; readonly what: 'accepted' | 'silent'; readonly from: From }
  | {
      readonly by: 'piece';
      readonly what: Piece['kind'];
      readonly evidenceId: string;
      readonly of: Piece['by'];
      readonly from: From;
    };
type From = readonly EventReference[];

export interface AxisCompleteness {
  readonly axis: EvidenceAxis;
  /** No fault is alleged, so that neither its time nor whose it is needs to be shown. */
  readonly isNeeded: boolean;
  readonly isCovered: boolean;
  readonly coveredBy: readonly Covering[];
  /** S36 */
  readonly burden: { readonly on: 'platform' | 'buyer' | 'merchant' | 'nobody'; readonly why: Explanation };
}

export const timelinessGrades = ['prompt', 'fair', 'late', 'before-delivery', 'unstated'] as const;
export type TimelinessGrade = (typeof timelinessGrades)[number];

/** S43. Durations in milliseconds. */
export interface Timeliness {
  readonly evidenceId: string;
  readonly grade: TimelinessGrade;
  readonly why: Explanation;
  readonly deliveryToProblemMs?: number;
  readonly problemToCaptureMs?: number;
  /** From the problem if its time was given, else from the capture. */
  readonly untilSubmissionMs?: number;
}

export interface Completeness {
  readonly unitNo: number;
  /** Every axis that is needed is covered. S41 */
  readonly isComplete: boolean;
  readonly score: { readonly covered: number; readonly of: number };
  readonly axes: readonly AxisCompleteness[];
  /** What the buyer could still submit. S42 */
  readonly missing: readonly MissingEvidence[];
  /** What the merchant could still submit in his defence; without it the buyer is protected first. S48 */
  readonly missingOfMerchant: readonly {
    readonly anyOf: readonly MerchantEvidenceKind[];
    readonly why: Explanation;
  }[];
  readonly timeliness: { readonly grade: TimelinessGrade; readonly pieces: readonly Timeliness[] };
}

type Known = Pick<DraftCase | SubmittedCase, 'file' | 'evidence'>;
type KnownUnit = Pick<CaseUnit, 'unitNo' | 'claimed' | 'verification' | 'merchantAnswer'>;

/** What a verifier says of a unit that was dead or not what was sold; his other words do not speak for the claim. */
const faults: readonly VerificationOutcome[] = [
  'ACTIVATED_BEFORE_SALE',
  'NOT_CREDITED',
  'EXPIRED',
  'INVALID',
  'WRONG_VALUE',
  'DUPLICATE',
];

const isTimed = ({ problemAt, capturedAt }: Piece): boolean => problemAt !== undefined || capturedAt !== undefined;
const showsFailure = ({ by, kind }: Piece): boolean => by === 'buyer' && (kind === 'abnormal-use' || kind === 'screen-recording');
const isChat = ({ kind }: Piece): boolean => kind === 'chat';
/** S46 */
export const isStrongChat = ({ kind, tags }: Piece): boolean =>
  kind === 'chat' && tags !== undefined && tags.value.problemConfirmed && tags.value.merchantPromised !== 'none';

const pieceOf = ({ kind, evidenceId, by, from, tags }: Piece): Covering => ({
  by: 'piece',
  what: kind,
  evidenceId,
  of: by,
  from: [from, ...(kind === 'chat' && tags ? [tags.from] : [])],
});

/** What shows a fault of this unit without either side. */
function attested({ claimed, verification }: KnownUnit): Covering[] {
  const from = claimed.evidence;
  return [
    ...(claimed.platformFailure ? [{ by: 'platform', what: 'platform-failure', from } as const] : []),
    ...(claimed.deliveredAt === undefined ? [{ by: 'platform', what: 'undelivered', from } as const] : []),
    ...(verification !== undefined && faults.includes(verification.value)
      ? [{ by: 'verifier', what: verification.value, from: [verification.from] } as const]
      : []),
  ];
}

function coveringOf(axis: EvidenceAxis, { evidence }: Known, unit: KnownUnit): Covering[] {
  const { claimed, merchantAnswer } = unit;
  switch (axis) {
    case 'fact':
      return [{ by: 'platform', what: 'order-and-payment', from: claimed.evidence }];
    case 'time':
      return [...attested(unit), ...evidence.pieces.filter((piece) => showsFailure(piece) && isTimed(piece)).map(pieceOf)];
    case 'party':
      return [
        ...attested(unit),
        ...(merchantAnswer !== undefined && merchantAnswer.value !== 'contested'
          ? [{ by: 'merchant', what: merchantAnswer.value, from: [merchantAnswer.from] } as const]
          : []),
        ...evidence.pieces.filter(isStrongChat).map(pieceOf),
      ];
  }
}

const burdens = {
  fact: {
    on: 'platform',
    why: {
      zh: '交易事实由平台以自身的订单、支付、交付记录证明，买家无需举证。',
      en: 'The platform proves the trade by its own records of order, payment and delivery; the buyer need not.',
    },
  },
  time: {
    on: 'buyer',
    why: {
      zh: '问题何时出现由买家证明；平台自身记录或官方核验已能证明的，无需再举证。无法核验不是拒绝的理由。',
      en: 'The buyer shows when the problem showed, unless the platform’s records or the verifier say so already. That something cannot be verified is no ground for a refusal.',
    },
  },
  party: {
    on: 'merchant',
    why: {
      zh: '买家证明问题存在后，由商家证明责任不在自己；商家逾期不答复或拿不出证据，优先保护买家，由商家承担。',
      en: 'Once the problem is shown, the merchant must show that it is not his. If he stays silent or has no proof, the buyer is protected first and the merchant is liable.',
    },
  },
  none: {
    on: 'nobody',
    why: { zh: '该理由不主张任何过错，无需证明。', en: 'This reason alleges no fault, so there is nothing to prove.' },
  },
  attested: {
    on: 'platform',
    why: {
      zh: '平台自身的交付记录或故障记录已能证明，买家无需举证。',
      en: 'The platform’s own records of delivery or failure prove it; the buyer need not.',
    },
  },
} as const satisfies Record<string, AxisCompleteness['burden']>;

function burdenOf(axis: EvidenceAxis, isNeeded: boolean, coveredBy: readonly Covering[]): AxisCompleteness['burden'] {
  if (!isNeeded) return burdens.none;
  return axis !== 'fact' && coveredBy.some(({ by }) => by === 'platform') ? burdens.attested : burdens[axis];
}

function missingOn(axis: EvidenceAxis, { pieces }: Known['evidence']): MissingEvidence {
  switch (axis) {
    case 'fact':
      return { axis, anyOf: ['order-record'], why: missingWhys.order };
    case 'time':
      return {
        axis,
        anyOf: ['screen-recording', 'abnormal-use'],
        why: pieces.some(showsFailure) ? missingWhys.untimed : missingWhys.time,
      };
    case 'party': {
      const chats = pieces.filter(isChat);
      const isConfirmed = chats.some(({ tags }) => tags?.value.problemConfirmed === true);
      const isPromised = chats.some(({ tags }) => tags !== undefined && tags.value.merchantPromised !== 'none');
      if (chats.length > 0 && isConfirmed === isPromised) return { axis, anyOf: ['chat'], why: missingWhys.untagged };
      const why = isConfirmed ? missingWhys.promise : isPromised ? missingWhys.confirmation : missingWhys.both;
      return { axis, anyOf: ['chat'], why };
    }
  }
}

const defences = {
  goodKey: {
    anyOf: ['supplier-proof', 'activation-record'],
    why: {
      zh: '上游进货凭证或官方激活记录，可证明卡密在售出时有效、由谁在何时使用。',
      en: 'The supplier’s proof or the official activation record shows that the key was good when it was sold, and who used it when.',
    },
  },
  credited: {
    anyOf: ['account-record', 'delivery-record'],
    why: {
      zh: '充值到账记录或交付记录，可证明款项何时到了哪个账号。',
      en: 'The record of the account or of the delivery shows what was credited, when, and to which account.',
    },
  },
  delivered: {
    anyOf: ['delivery-record'],
    why: { zh: '交付记录可证明何时交付了什么。', en: 'The delivery record shows what was delivered, and when.' },
  },
  present: {
    anyOf: ['chat', 'reissue-record'],
    why: {
      zh: '沟通记录或补发记录，可证明商家仍在响应并处理。',
      en: 'A chat or the record of a reissue shows that the merchant answers and acts.',
    },
  },
} as const satisfies Record<string, Completeness['missingOfMerchant'][number]>;

const defenceAgainst: Readonly<Record<ClaimReason, keyof typeof defences | undefined>> = {
  'key-invalid': 'goodKey',
  'key-used': 'goodKey',
  'key-expired': 'goodKey',
  'wrong-face-value': 'goodKey',
  'not-credited': 'credited',
  'duplicate-recharge': 'credited',
  'wrong-account': 'credited',
  'not-delivered': 'delivered',
  'merchant-absent': 'present',
  'platform-failure': undefined,
  'own-cancellation': undefined,
  dislike: undefined,
  'seven-day': undefined,
};

function missingOfMerchant({ file, evidence }: Known): Completeness['missingOfMerchant'] {
  const name = defenceAgainst[file.reason];
  if (name === undefined) return [];
  const { anyOf, why } = defences[name];
  const isHeld = evidence.pieces.some(({ by, kind }) => by === 'merchant' && (anyOf as readonly string[]).includes(kind));
  return isHeld ? [] : [{ anyOf, why }];
}

const hourMs = 3_600_000;
const promptCaptureMs = hourMs;
const promptSubmissionMs = 24 * hourMs;
const fairSubmissionMs = 72 * hourMs;

const gradeWhys: Readonly<Record<TimelinessGrade, Explanation>> = {
  prompt: {
    zh: '问题出现后一小时内取证，24 小时内提交。',
    en: 'It was captured within an hour of the problem and submitted within 24 hours.',
  },
  fair: {
    zh: '在问题出现后 72 小时内提交，但取证或提交不够及时。',
    en: 'It was submitted within 72 hours of the problem, but captured or submitted with some delay.',
  },
  late: { zh: '距问题出现超过 72 小时才提交。', en: 'It was submitted more than 72 hours after the problem.' },
  'before-delivery': {
    zh: '所述的问题时间早于交付时间，请核对。',
    en: 'The problem is said to have shown before the delivery; check the time.',
  },
  unstated: {
    zh: '没有说明问题何时出现、何时取证，无法判断是否及时。',
    en: 'It is not said when the problem showed or was captured, so nobody can tell whether it was in time.',
  },
};

const between = (from: Instant, to: Instant): number => epochMsOf(to) - epochMsOf(from);

function gradeOf(piece: Piece, deliveredAt: Instant | undefined): TimelinessGrade {
  const { problemAt, capturedAt, submittedAt } = piece;
  const since = problemAt ?? capturedAt;
  if (since === undefined) return 'unstated';
  if (deliveredAt !== undefined && since < deliveredAt) return 'before-delivery';
  const delay = between(since, submittedAt);
  if (delay > fairSubmissionMs) return 'late';
  const captured = capturedAt === undefined ? delay : between(since, capturedAt);
  return captured <= promptCaptureMs && delay <= promptSubmissionMs ? 'prompt' : 'fair';
}

function timelinessOf(piece: Piece, deliveredAt: Instant | undefined): Timeliness {
  const { evidenceId, problemAt, capturedAt, submittedAt } = piece;
  const grade = gradeOf(piece, deliveredAt);
  const since = problemAt ?? capturedAt;
  return {
    evidenceId,
    grade,
    why: gradeWhys[grade],
    ...(deliveredAt !== undefined && problemAt !== undefined && { deliveryToProblemMs: between(deliveredAt, problemAt) }),
    ...(problemAt !== undefined && capturedAt !== undefined && { problemToCaptureMs: between(problemAt, capturedAt) }),
    ...(since !== undefined && { untilSubmissionMs: between(since, submittedAt) }),
  };
}

/** How well one unit's claim is shown, by whom, and what is missing; the same for a draft and a submitted case. S41–S43 */
export function completenessOf(known: Known, unit: KnownUnit): Completeness {
  const isFaultless = faultless.includes(known.file.reason);
  const axes = evidenceAxes.map((axis): AxisCompleteness => {
    const isNeeded = axis === 'fact' || !isFaultless;
    const coveredBy = isNeeded ? coveringOf(axis, known, unit) : [];
    return { axis, isNeeded, isCovered: coveredBy.length > 0, coveredBy, burden: burdenOf(axis, isNeeded, coveredBy) };
  });
  const needed = axes.filter(({ isNeeded }) => isNeeded);
  const open = needed.filter(({ isCovered }) => !isCovered);
  const { deliveredAt } = unit.claimed;
  const pieces = known.evidence.pieces.filter(({ by }) => by === 'buyer').map((piece) => timelinessOf(piece, deliveredAt));
  const telling = new Set(known.evidence.pieces.filter(showsFailure).map(({ evidenceId }) => evidenceId));
  return {
    unitNo: unit.unitNo,
    isComplete: open.length === 0,
    score: { covered: needed.length - open.length, of: needed.length },
    axes,
    missing: open.map(({ axis }) => missingOn(axis, known.evidence)),
    missingOfMerchant: missingOfMerchant(known),
    timeliness: {
      grade:
        timelinessGrades.find((grade) => pieces.some((one) => telling.has(one.evidenceId) && one.grade === grade)) ?? 'unstated',
      pieces,
    },
  };
}

/** Of every unit of a case that can still move, or has. */
export const completenessOfCase = (state: DraftCase | SubmittedCase): readonly Completeness[] =>
  state.status === 'submitted'
    ? state.units.map((unit) => completenessOf(state, unit))
    : state.file.units.map((claimed) =>
        completenessOf(state, { unitNo: claimed.unitNo, claimed, verification: undefined, merchantAnswer: undefined }),
      );
