import { eventsOf, isAfter, reject, type CommandOf, type Instant, type Rejection } from '@recourse/eventing';
import { isUnderAppeal } from './appeal.js';
import { isOver, type Dispute, type DraftCase, type Piece, type SubmittedCase } from './case.js';
import type { DisputeCommand, DisputeEvent, DisputeRejection } from './dispute.js';
import type { Facts } from './policy-table.js';

export const buyerEvidenceKinds = ['order-record', 'payment-proof', 'chat', 'abnormal-use', 'screen-recording'] as const; // S37–S40, S45
export const merchantEvidenceKinds = [
  'delivery-record',
  'activation-record',
  'supplier-proof',
  'reissue-record',
  'account-record',
  'chat',
] as const;
export type BuyerEvidenceKind = (typeof buyerEvidenceKinds)[number];
export type MerchantEvidenceKind = (typeof merchantEvidenceKinds)[number];
export type EvidenceKind = BuyerEvidenceKind | MerchantEvidenceKind;

const kindsOf: Readonly<Record<'buyer' | 'merchant', readonly EvidenceKind[]>> = {
  buyer: buyerEvidenceKinds,
  merchant: merchantEvidenceKinds,
};
/** A share for each side, so that neither takes the room of the other. */
export const maxEvidence = { buyer: 25, merchant: 25 } as const;

type Promised = Facts['merchantPromise'];
type Answer = readonly DisputeEvent[] | Rejection<DisputeRejection>;

const event = eventsOf<DisputeEvent>();
const sides = { buyer: 'the buyer', merchant: 'the merchant' } as const;
/** What is promised is never taken back; it may become more. S46 */
const worth: Readonly<Record<Promised, number>> = { none: 0, reissue: 1, refund: 2 };

export const tooMuchEvidence = (by: 'buyer' | 'merchant') =>
  reject('TooMuchEvidence', `a dispute takes ${maxEvidence[by]} pieces of evidence of ${sides[by]}`);

/** Whether something is left that evidence could decide. */
export const takesEvidence = (state: Dispute, at: Instant): state is DraftCase | SubmittedCase =>
  state.status === 'draft'
    ? !isAfter(at, state.until)
    : state.status === 'submitted' && (!state.units.every(isOver) || state.verdicts.some(isUnderAppeal));

const tooLate = ({ status }: Dispute) =>
  reject(
    'EvidenceTooLate',
    status === 'submitted' || status === 'draft' ? 'nothing is left to be decided in this dispute' : `the dispute is ${status}`,
  );

/** First the problem, then its capture, then its submission; a piece need not name the first two. S43 */
export const areTimesSound = (
  { problemAt, capturedAt }: Pick<Partial<Piece>, 'problemAt' | 'capturedAt'>,
  at: Instant,
): boolean => (problemAt === undefined || problemAt <= (capturedAt ?? at)) && (capturedAt === undefined || capturedAt <= at);

export function submitEvidence(command: CommandOf<DisputeCommand, 'SubmitEvidence'>, state: Dispute, at: Instant): Answer {
  const { evidenceId, by, kind, showsActivationFailure, content, file, capturedAt, problemAt, suggestedTags } = command;
  if (!kindsOf[by].includes(kind))
    return reject('WrongEvidenceKind', `${sides[by]} submits ${kindsOf[by].join(', ')}, not ${kind}`);
  if (kind === 'screen-recording' && file !== undefined && !file.mediaType.startsWith('video/'))
    return reject('WrongEvidenceKind', 'a screen recording is a video; a picture of the failure is abnormal-use'); // S45
  if (!areTimesSound(command, at))
    return reject('TimesContradict', 'a problem comes before it is captured, and that before it is submitted');
  if (state.status !== 'draft' && state.status !== 'submitted') return tooLate(state);
  const { pieces } = state.evidence;
  if (pieces.some((piece) => piece.evidenceId === evidenceId)) return [];
  if (!takesEvidence(state, at)) return tooLate(state);
  if (pieces.filter((piece) => piece.by === by).length >= maxEvidence[by]) return tooMuchEvidence(by);
  return [
    event('EvidenceSubmitted', {
      disputeId: state.file.disputeId,
      evidenceId,
      by,
      kind,
      showsActivationFailure,
      content,
      ...(file && { file }),
      ...(problemAt !== undefined && { problemAt }),
      ...(capturedAt !== undefined && { capturedAt }),
      ...(suggestedTags && { suggestedTags }),
      submittedAt: at,
    }),
  ];
}

/** A person says what a chat holds; what the merchant promised in it binds him from then on. S46, K14 */
export function tagEvidence(command: CommandOf<DisputeCommand, 'TagEvidence'>, state: Dispute, at: Instant): Answer {
  const { evidenceId, by, subject, problemConfirmed, merchantPromised } = command;
  const piece =
    state.status === 'draft' || state.status === 'submitted'
      ? state.evidence.pieces.find((one) => one.evidenceId === evidenceId)
      : undefined;
  if (!takesEvidence(state, at)) return tooLate(state);
  if (piece === undefined) return reject('EvidenceUnknown', 'the dispute has no such piece of evidence');
  if (piece.kind !== 'chat') return reject('NotAChat', 'only a chat holds a confirmation or a promise');
  const known = piece.tags?.value ?? { problemConfirmed: false, merchantPromised: 'none' };
  if (known.problemConfirmed === problemConfirmed && known.merchantPromised === merchantPromised) return [];
  if (worth[merchantPromised] < worth[known.merchantPromised])
    return reject('PromiseBinds', `the merchant promised a ${known.merchantPromised} in this chat, which binds him`);
  if (by === 'merchant' && known.problemConfirmed && !problemConfirmed)
    return reject('PromiseBinds', 'the merchant does not take back that he confirmed the problem');
  const { disputeId } = state.file;
  const promised = worth[merchantPromised] > worth[state.evidence.promise?.value ?? 'none'] ? merchantPromised : 'none';
  return [
    event('EvidenceTagged', { disputeId, evidenceId, problemConfirmed, merchantPromised, by, taggedBy: subject, taggedAt: at }),
    ...(promised === 'none'
      ? []
      : [event('MerchantPromised', { disputeId, evidenceId, promise: promised, confirmedBy: subject, promisedAt: at })]),
  ];
}
