import {
  type CommandOf,
  type Decider,
  eventsOf,
  isAfter,
  plusHours,
  reject,
  type Event,
  type Instant,
  type Rejection,
} from '@recourse/eventing';
import type { Money } from '@recourse/money';
import type {
  AfterSalePromise,
  ClaimEvidence,
  ClaimReason,
  EventReference,
  Liability,
  PolicyReference,
  ProductKind,
  UnitFacts,
} from '@recourse/orders/events';
import { isIn, isOver, type Dispute, type DraftCase, type SubmittedCase } from './case.js';
import type { ComplaintChannel, ExternalNumber } from './complaint.js';
import { passDeadlines } from './deadline.js';
import { evolve } from './evolution.js';
import type { Explanation, FactSource, PolicyTable, RecordedFacts, VerificationOutcome } from './policy-table.js';
import { applyPolicy } from './policy-step.js';
import { attestIncident } from './incident-attestation.js';
import { approveOverride, proposeOverride, withdrawOverride } from './override.js';
import { decideByPerson, requestPerson } from './review.js';

export type EvidenceKind = 'order-record' | 'payment-proof' | 'chat' | 'abnormal-use' | 'screen-recording'; // S37–S40, S45

/** One verifier's word on one unit. S53 */
export interface VerificationResult {
  readonly unitNo: number;
  readonly outcome: VerificationOutcome;
  readonly source: string;
  readonly queriedAt: Instant;
  /** SHA-256 of the raw answer, 64 hex. */
  readonly resultHash: string;
}

/** What a verdict says of one unit. Liable, bearer and remedy are independent. K1 */
export interface UnitVerdict {
  readonly unitNo: number;
  readonly liable: Liability;
  readonly remedy: 'NONE' | 'FULL_REFUND';
  readonly bearer: 'merchant' | 'platform' | 'none';
  readonly refund: Money;
  /** The facts as they stood and the events they came from, so that anyone can re-run the decision (I7). */
  readonly facts: RecordedFacts;
  readonly sources: readonly FactSource[];
}

/** What an override makes of one unit of a verdict, and what the verdict said. */
export interface OverriddenUnit extends Pick<UnitVerdict, 'unitNo' | 'liable' | 'bearer' | 'remedy' | 'refund'> {
  readonly was: Pick<UnitVerdict, 'liable' | 'bearer' | 'remedy' | 'refund'>;
}
interface Override {
  readonly disputeId: string;
  /** Also the refund's id. */
  readonly verdictId: string;
  readonly orderId: string;
  readonly platform: string;
  readonly merchant: string;
  readonly buyer: string;
  /** Those that change; of the others the verdict stands. */
  readonly units: readonly OverriddenUnit[];
  /** The buyer deceived: what he was paid for the units whose refund goes he owes. */
  readonly isFraud: boolean;
  readonly explanation: Explanation;
}
export interface OverrideProposal extends Override {
  readonly proposedBy: string;
  readonly proposedAt: Instant;
}

export interface CaseFile {
  readonly disputeId: string;
  readonly orderId: string;
  readonly platform: string;
  readonly merchant: string;
  readonly buyer: string;
  readonly reason: ClaimReason;
  readonly productKind: ProductKind;
  readonly promise: AfterSalePromise;
  readonly policy: PolicyReference;
  readonly units: readonly UnitFacts[];
}

export type DisputeEvent =
  | Event<'DisputeDrafted', CaseFile & { readonly draftedAt: Instant; readonly until: Instant }>
  /** The case file is repeated, so that whoever follows needs this event only. */
  | Event<'DisputeSubmitted', CaseFile & { readonly submittedAt: Instant; readonly reissueUntil: Instant }>
  | Event<'DraftLapsed', { readonly disputeId: string; readonly orderId: string; readonly lapsedAt: Instant }>
  | Event<
      'EvidenceSubmitted',
      {
        readonly disputeId: string;
        readonly evidenceId: string;
        readonly by: 'buyer' | 'merchant';
        readonly kind: EvidenceKind;
        /** The evidence shows an activation failure. S27 */
        readonly showsActivationFailure: boolean;
        /** Vault reference of what was said or shown; the content itself is never in an event. */
        readonly content: string;
        readonly submittedAt: Instant;
      }
    >
  /** An incident of the platform is proven for these units: the policy is applied again. S11 */
  | Event<
      'IncidentAttested',
      {
        readonly disputeId: string;
        readonly units: readonly number[];
        readonly incidentId: string;
        /** The event of the order that notes the incident. */
        readonly from: EventReference;
        readonly attestedAt: Instant;
      }
    >
  | Event<
      'VerificationRequested',
      {
        readonly disputeId: string;
        readonly orderId: string;
        readonly productKind: ProductKind;
        readonly units: readonly { readonly unitNo: number; readonly deliveryReference: string }[];
        /** A verifier who has not answered by then is replaced by a person. S18, S49 */
        readonly until: Instant;
        readonly rule: string;
      }
    >
  | Event<'VerificationRecorded', { readonly disputeId: string; readonly results: readonly VerificationResult[] }>
  | Event<
      'ReissueAwaited',
      {
        readonly disputeId: string;
        readonly orderId: string;
        readonly units: readonly number[];
        readonly until: Instant;
        readonly rule: string;
      }
    >
  | Event<'ReissueMissed', { readonly disputeId: string; readonly units: readonly number[]; readonly missedAt: Instant }>
  | Event<'BuyerCheckAwaited', { readonly disputeId: string; readonly units: readonly number[]; readonly until: Instant }>
  | Event<'ReplacementRefused', { readonly disputeId: string; readonly units: readonly number[]; readonly refusedAt: Instant }>
  | Event<
      'ResolvedByReissue',
      {
        readonly disputeId: string;
        readonly platform: string;
        readonly merchant: string;
        readonly orderId: string;
        readonly units: readonly number[];
        readonly resolvedAt: Instant;
      }
    >
  | Event<
      'MerchantAnswerAwaited',
      { readonly disputeId: string; readonly units: readonly number[]; readonly until: Instant; readonly rule: string }
    >
  | Event<
      'MerchantAnswered',
      { readonly disputeId: string; readonly answer: 'accepted' | 'contested'; readonly answeredAt: Instant }
    >
  | Event<'MerchantStayedSilent', { readonly disputeId: string; readonly units: readonly number[]; readonly silentAt: Instant }> // S48
  | Event<
      'EvidenceAwaited',
      { readonly disputeId: string; readonly units: readonly number[]; readonly until: Instant; readonly rule: string }
    >
  | Event<'EvidencePhaseEnded', { readonly disputeId: string; readonly units: readonly number[]; readonly endedAt: Instant }>
  /** No rule refuses the units from here on; a person looks at what is not simply refunded. K14 */
  | Event<'PersonRequested', { readonly disputeId: string; readonly orderId: string; readonly requestedAt: Instant }>
  | Event<
      'ReviewStarted',
      { readonly disputeId: string; readonly units: readonly number[]; readonly until: Instant; readonly rule: string }
    >
  | Event<'ReviewEscalated', { readonly disputeId: string; readonly until: Instant }>
  | Event<
      'VerdictReached',
      {
        readonly disputeId: string;
        /** `{disputeId}.v{n}`; also the refund's id. */
        readonly verdictId: string;
        readonly orderId: string;
        readonly platform: string;
        readonly merchant: string;
        readonly buyer: string;
        readonly units: readonly UnitVerdict[];
        readonly decidedBy: 'rule' | 'person' | 'overdue';
        /** Subject of the person who decided. */
        readonly person?: string;
        readonly policy: PolicyReference;
        readonly rule: string;
        readonly explanation: Explanation;
        readonly basis: readonly string[];
        readonly decidedAt: Instant;
        readonly appealUntil: Instant;
      }
    >
  | Event<
      'VerdictBecameFinal',
      {
        readonly disputeId: string;
        readonly platform: string;
        readonly merchant: string;
        readonly orderId: string;
        readonly verdictId: string;
        readonly refused: readonly number[];
        readonly finalAt: Instant;
      }
    >
  /** The order replaced the units in time, which it told only after they were decided: there is no refund, the buyer checks the key. */
  | Event<
      'VerdictVoided',
      {
        readonly disputeId: string;
        readonly verdictId: string;
        readonly orderId: string;
        readonly units: readonly number[];
        readonly voidedAt: Instant;
      }
    >
  /** The first of two people; in place of what he proposed before. */
  | Event<'VerdictOverrideProposed', OverrideProposal>
  | Event<
      'VerdictOverrideWithdrawn',
      {
        readonly disputeId: string;
        readonly verdictId: string;
        readonly orderId: string;
        readonly platform: string;
        readonly merchant: string;
        readonly withdrawnBy: string;
        readonly withdrawnAt: Instant;
      }
    >
  /** Two people stand behind it; before or after the verdict was final, and once. S61 */
  | Event<
      'VerdictOverturned',
      Override & { readonly proposedBy: string; readonly approvedBy: string; readonly overturnedAt: Instant }
    >
  /** Somebody complains outside about units of this case: there is no second one. K11 */
  | Event<
      'ComplaintLinked',
      {
        readonly disputeId: string;
        readonly orderId: string;
        readonly complaintId: string;
        readonly channel: ComplaintChannel;
        readonly externalNumber: ExternalNumber;
        readonly linkedBy: string;
        readonly linkedAt: Instant;
      }
    >
  /** Somebody took the case out of the house. */
  | Event<
      'CasePackExported',
      {
        readonly disputeId: string;
        readonly by: string;
        readonly view: 'platform' | 'buyer' | 'merchant';
        /** Of the last event in the pack. */
        readonly position: string;
        /** Of its list of hashes, 64 hex. */
        readonly sha256: string;
        readonly exportedAt: Instant;
      }
    >
  | Event<
      'DisputeWithdrawn',
      {
        readonly disputeId: string;
        readonly platform: string;
        readonly merchant: string;
        readonly orderId: string;
        readonly withdrawnAt: Instant;
      }
    >;

export type DisputeCommand =
  /** Made from the order's ClaimOpened, with its moment: no deadline rests on a queue's delay. A draft waits 24 h for its submission. */
  | ({
      readonly type: 'OpenDispute';
      readonly draft: boolean;
      readonly evidence?: readonly ClaimEvidence[];
      readonly openedAt: Instant;
    } & CaseFile)
  /** With the moment of the order's ClaimSubmitted. */
  | { readonly type: 'SubmitDispute'; readonly submittedAt: Instant }
  | { readonly type: 'WithdrawDispute' }
  | {
      readonly type: 'SubmitEvidence';
      readonly evidenceId: string;
      readonly by: 'buyer' | 'merchant';
      readonly kind: EvidenceKind;
      readonly showsActivationFailure: boolean;
      readonly content: string;
    }
  /** From the order's PlatformIncidentNoted or PlatformDeliveryFailed, never from what somebody claims. S11 */
  | {
      readonly type: 'AttestIncident';
      readonly units: readonly number[];
      readonly incidentId: string;
      readonly from: EventReference;
      readonly attestedAt: Instant;
    }
  /** The next step by the frozen policy; `table` must have the hash the order was placed under. */
  | { readonly type: 'ApplyPolicy'; readonly table: PolicyTable }
  | { readonly type: 'RecordVerification'; readonly results: readonly VerificationResult[] }
  /** With the moment of the order's ReplacementDelivered. */
  | { readonly type: 'ReportReplacement'; readonly unitNo: number; readonly deliveredAt: Instant }
  /** The buyer says whether the reissued keys work; without `units` he speaks of all that wait for his word. */
  | { readonly type: 'CheckReplacement'; readonly works: boolean; readonly units?: readonly number[] }
  /** The buyer wants a person and no rule. */
  | { readonly type: 'RequestPerson' }
  | { readonly type: 'AnswerClaim'; readonly answer: 'accepted' | 'contested' }
  | {
      readonly type: 'DecideDispute';
      readonly person: string;
      readonly units: readonly {
        readonly unitNo: number;
        readonly liable: Liability;
        readonly remedy: 'NONE' | 'FULL_REFUND';
        readonly bearer: 'merchant' | 'platform' | 'none';
      }[];
      readonly explanation: Explanation;
    }
  /** Takes a refund back unit by unit, or lets the platform bear what the merchant bore. Units that are not named stay as they are. */
  | {
      readonly type: 'ProposeOverride';
      readonly verdictId: string;
      readonly units: readonly {
        readonly unitNo: number;
        readonly liable: Liability;
        readonly remedy: 'NONE' | 'FULL_REFUND';
        readonly bearer: 'merchant' | 'platform' | 'none';
      }[];
      readonly isFraud: boolean;
      readonly explanation: Explanation;
      readonly subject: string;
    }
  | { readonly type: 'WithdrawOverride'; readonly verdictId: string; readonly subject: string }
  | { readonly type: 'ApproveOverride'; readonly verdictId: string; readonly subject: string }
  /** From the complaint's own stream; its moment is that of the complaint's record. */
  | {
      readonly type: 'LinkComplaint';
      readonly complaintId: string;
      readonly channel: ComplaintChannel;
      readonly externalNumber: ExternalNumber;
      readonly linkedBy: string;
      readonly linkedAt: Instant;
    }
  | {
      readonly type: 'RecordExport';
      readonly by: string;
      readonly view: 'platform' | 'buyer' | 'merchant';
      readonly position: string;
      readonly sha256: string;
    }
  | { readonly type: 'PassDisputeDeadlines' };

export type DisputeRejection =
  | 'DisputeUnknown'
  | 'DisputeExists'
  | 'NotADraft'
  | 'DraftOver'
  | 'AlreadyDecided'
  | 'NotUnderReview'
  | 'NothingToReview'
  | 'NoAnswerExpected'
  | 'NoReplacementToCheck'
  | 'UnitUnknown'
  | 'WrongPolicy'
  | 'VerificationUnexpected'
  | 'ContradictoryDecision'
  | 'ExplanationInvalid'
  | 'TooMuchEvidence'
  | 'EvidenceTooLate'
  | 'VerdictUnknown'
  | 'AlreadyOverturned'
  | 'AlreadyProposed'
  | 'NotProposed'
  | 'SameSubject'
  | 'RefundWasRefused'
  | 'PlatformBearsIt'
  | 'NothingChanges'
  | 'FraudUnfounded';

const event = eventsOf<DisputeEvent>();
const draftHours = 24; // K13
const reissueHours = 24; // S29, from the submission
const buyerCheckHours = 24; // K13
const maxEvidence = 50;

type Answer = readonly DisputeEvent[] | Rejection<DisputeRejection>;

const fileOf = ({
  disputeId,
  orderId,
  platform,
  merchant,
  buyer,
  reason,
  productKind,
  promise,
  policy,
  units,
}: CaseFile): CaseFile => ({
  disputeId,
  orderId,
  platform,
  merchant,
  buyer,
  reason,
  productKind,
  promise,
  policy,
  units,
});
const submitted = (file: CaseFile, submittedAt: Instant) =>
  event('DisputeSubmitted', { ...file, submittedAt, reissueUntil: plusHours(submittedAt, reissueHours) });

const tooMuchEvidence = reject('TooMuchEvidence', `a dispute takes ${maxEvidence} pieces of evidence`);

function open(command: CommandOf<DisputeCommand, 'OpenDispute'>, state: Dispute): Answer {
  const { disputeId, openedAt } = command;
  if (state.status !== 'unknown')
    return state.file.disputeId === disputeId ? [] : reject('DisputeExists', 'another dispute has this stream');
  if (command.units.length === 0) return reject('UnitUnknown', 'a dispute names at least one unit');
  const evidence = [...new Map(command.evidence?.map((piece) => [piece.evidenceId, piece])).values()];
  if (evidence.length > maxEvidence) return tooMuchEvidence;
  const file = fileOf(command);
  return [
    command.draft
      ? event('DisputeDrafted', { ...file, draftedAt: openedAt, until: plusHours(openedAt, draftHours) })
      : submitted(file, openedAt),
    // In the append that opens the case, so that no policy is applied without it.
    ...evidence.map(({ evidenceId, kind, showsActivationFailure, content }) =>
      event('EvidenceSubmitted', {
        disputeId,
        evidenceId,
        by: 'buyer',
        kind,
        showsActivationFailure,
        content,
        submittedAt: openedAt,
      }),
    ),
  ];
}

function submitEvidence(
  { evidenceId, by, kind, showsActivationFailure, content }: CommandOf<DisputeCommand, 'SubmitEvidence'>,
  state: DraftCase | SubmittedCase,
  at: Instant,
): Answer {
  if (state.evidence.ids.has(evidenceId)) return [];
  if (state.status === 'draft' ? isAfter(at, state.until) : state.units.every(isOver))
    return reject('EvidenceTooLate', 'nothing is left to be decided in this dispute');
  if (state.evidence.ids.size >= maxEvidence) return tooMuchEvidence;
  const { disputeId } = state.file;
  return [event('EvidenceSubmitted', { disputeId, evidenceId, by, kind, showsActivationFailure, content, submittedAt: at })];
}

/** Units that went on without the verifier keep what they have; his word on the others counts. */
function recordVerification(results: readonly VerificationResult[], { file, units }: SubmittedCase): Answer {
  const named = new Set(results.map((result) => result.unitNo));
  const unknown = [...named].filter((unitNo) => !units.some((unit) => unit.unitNo === unitNo));
  if (unknown.length > 0) return reject('UnitUnknown', `the dispute has no unit ${unknown.join(', ')}`);
  const waiting = units.filter(isIn('verifying')).map((unit) => unit.unitNo);
  const expected = results.filter((result) => waiting.includes(result.unitNo));
  if (expected.length === 0) return reject('VerificationUnexpected', 'no unit waits for this word of the verifier');
  if (named.size < results.length) return reject('VerificationUnexpected', 'one result for each unit is expected');
  return [event('VerificationRecorded', { disputeId: file.disputeId, results: expected })];
}

function reportReplacement(
  { unitNo, deliveredAt }: CommandOf<DisputeCommand, 'ReportReplacement'>,
  { file: { disputeId, orderId }, units, reissueUntil }: SubmittedCase,
  at: Instant,
): Answer {
  const unit = units.find((candidate) => candidate.unitNo === unitNo);
  if (unit === undefined) return reject('UnitUnknown', `the dispute has no unit ${unitNo}`);
  if (unit.status.is === 'awaiting-buyer-check') return [];
  // A merchant may reissue before he is asked to; once he is, his time counts.
  const late = isAfter(deliveredAt, reissueUntil);
  const check = event('BuyerCheckAwaited', { disputeId, units: [unitNo], until: plusHours(deliveredAt, buyerCheckHours) });
  // The order has taken the key and so refunds nothing: what was decided because no key came rests on nothing.
  if (unit.status.is === 'decided' && unit.reissue?.value === 'missed' && !late)
    return [
      event('VerdictVoided', { disputeId, verdictId: unit.status.verdictId, orderId, units: [unitNo], voidedAt: at }),
      check,
    ];
  if (isOver(unit)) return reject('AlreadyDecided', `unit ${unitNo} is decided`);
  if (late && unit.reissue !== undefined) return reject('AlreadyDecided', `the time to reissue unit ${unitNo} is over`);
  return late && unit.status.is === 'awaiting-reissue'
    ? [event('ReissueMissed', { disputeId, units: [unitNo], missedAt: deliveredAt })]
    : [check];
}

function checkReplacement(
  command: CommandOf<DisputeCommand, 'CheckReplacement'>,
  { file: { disputeId, orderId, platform, merchant }, units }: SubmittedCase,
  at: Instant,
): Answer {
  const unknown = command.units?.filter((unitNo) => !units.some((unit) => unit.unitNo === unitNo)) ?? [];
  if (unknown.length > 0) return reject('UnitUnknown', `the dispute has no unit ${unknown.join(', ')}`);
  const waiting = units.filter(isIn('awaiting-buyer-check')).filter((unit) => !isAfter(at, unit.status.until));
  const checked = waiting.map((unit) => unit.unitNo).filter((unitNo) => command.units?.includes(unitNo) ?? true);
  if (checked.length === 0 || checked.length < new Set(command.units).size)
    return reject('NoReplacementToCheck', 'no reissued key waits for the word of the buyer, or the time for it is over');
  return command.works
    ? [event('ResolvedByReissue', { disputeId, platform, merchant, orderId, units: checked, resolvedAt: at })]
    : [event('ReplacementRefused', { disputeId, units: checked, refusedAt: at })];
}

/** The case of one claim: what is known of each unit, whose turn it is, and the verdicts. Stream `dispute-{claimId}`. */
export const dispute: Decider<DisputeCommand, Dispute, DisputeEvent, DisputeRejection> = {
  category: 'dispute',
  initial: { status: 'unknown', revision: 0 },
  events: {
    DisputeDrafted: 1,
    DisputeSubmitted: 1,
    DraftLapsed: 1,
    EvidenceSubmitted: 1,
    IncidentAttested: 1,
    VerificationRequested: 1,
    VerificationRecorded: 1,
    ReissueAwaited: 1,
    ReissueMissed: 1,
    BuyerCheckAwaited: 1,
    ReplacementRefused: 1,
    ResolvedByReissue: 1,
    MerchantAnswerAwaited: 1,
    MerchantAnswered: 1,
    MerchantStayedSilent: 1,
    EvidenceAwaited: 1,
    EvidencePhaseEnded: 1,
    PersonRequested: 1,
    ReviewStarted: 1,
    ReviewEscalated: 1,
    VerdictReached: 1,
    VerdictBecameFinal: 1,
    VerdictVoided: 1,
    VerdictOverrideProposed: 1,
    VerdictOverrideWithdrawn: 1,
    VerdictOverturned: 1,
    ComplaintLinked: 1,
    CasePackExported: 1,
    DisputeWithdrawn: 1,
  },
  decide: (command, state) => {
    if (command.type === 'OpenDispute') return open(command, state);
    if (state.status === 'unknown') return reject('DisputeUnknown', 'there is no such dispute');
    const { disputeId, orderId, platform, merchant } = state.file;
    const { at } = command;
    switch (command.type) {
      case 'SubmitDispute':
        if (state.status !== 'draft' && state.status !== 'lapsed')
          return reject('NotADraft', 'this dispute was submitted or withdrawn before');
        // The order took the submission in time, though the timer of the case was quicker than its report.
        if (isAfter(command.submittedAt, state.until))
          return reject('DraftOver', 'a draft is submitted within 24 hours; a new claim can be made');
        return [submitted(state.file, command.submittedAt)];
      case 'WithdrawDispute':
        if (state.status === 'withdrawn') return [];
        if (state.status === 'lapsed') return reject('DraftOver', 'the draft has lapsed, there is nothing to withdraw');
        if (state.status === 'submitted' && state.units.some(isOver))
          return reject('AlreadyDecided', 'a unit of this dispute is decided; what is left runs its course');
        return [event('DisputeWithdrawn', { disputeId, platform, merchant, orderId, withdrawnAt: at })];
      case 'SubmitEvidence':
        if (state.status === 'draft' || state.status === 'submitted') return submitEvidence(command, state, at);
        return reject('EvidenceTooLate', `the dispute is ${state.status}`);
      case 'AttestIncident':
        return attestIncident(command, state);
      case 'ApplyPolicy':
        return state.status === 'submitted' ? applyPolicy(command.table, state, at) : [];
      case 'PassDisputeDeadlines':
        return passDeadlines(state, at);
      case 'RecordVerification':
        if (state.status === 'submitted') return recordVerification(command.results, state);
        return reject('VerificationUnexpected', `the dispute is ${state.status}`);
      case 'ReportReplacement':
        if (state.status === 'submitted') return reportReplacement(command, state, at);
        return reject('AlreadyDecided', `the dispute is ${state.status}`);
      case 'CheckReplacement':
        if (state.status === 'submitted') return checkReplacement(command, state, at);
        return reject('NoReplacementToCheck', `the dispute is ${state.status}`);
      case 'RequestPerson':
        if (state.status === 'submitted') return requestPerson(state, at);
        return reject('NothingToReview', `the dispute is ${state.status}`);
      case 'AnswerClaim':
        if (
          state.status === 'submitted' &&
          state.units.filter(isIn('awaiting-merchant')).some((unit) => !isAfter(at, unit.status.until))
        )
          return [event('MerchantAnswered', { disputeId, answer: command.answer, answeredAt: at })];
        return reject('NoAnswerExpected', 'the dispute does not wait for the merchant, or his 48 hours are over');
      case 'DecideDispute':
        if (state.status === 'submitted') return decideByPerson(command, state, at);
        return reject('NotUnderReview', `the dispute is ${state.status}`);
      case 'ProposeOverride':
        return proposeOverride(command, state, at);
      case 'WithdrawOverride':
        return withdrawOverride(command, state, at);
      case 'ApproveOverride':
        return approveOverride(command, state, at);
      // Whatever became of the case: they are its history and change nothing in it. The command's own id makes each happen once.
      case 'LinkComplaint': {
        const { complaintId, channel, externalNumber, linkedBy, linkedAt } = command;
        return [event('ComplaintLinked', { disputeId, orderId, complaintId, channel, externalNumber, linkedBy, linkedAt })];
      }
      case 'RecordExport': {
        const { by, view, position, sha256 } = command;
        return [event('CasePackExported', { disputeId, by, view, position, sha256, exportedAt: at })];
      }
    }
  },
  evolve,
};
