import { encodeData, eventsOf, reject, type CommandOf, type Instant, type Rejection } from '@recourse/eventing';
import { zero } from '@recourse/money';
import { isUnderAppeal } from './appeal.js';
import { blameContradictionIn } from './award.js';
import type { Dispute, Verdict } from './case.js';
import type { CaseFile, DisputeCommand, DisputeEvent, DisputeRejection, OverriddenUnit, OverrideProposal } from './dispute.js';
import { isExplained, maxExplanationLength } from './review.js';

type Propose = CommandOf<DisputeCommand, 'ProposeOverride'>;
type Wanted = Propose['units'][number];
type Answer = readonly DisputeEvent[] | Rejection<DisputeRejection>;

const event = eventsOf<DisputeEvent>();

interface Standing {
  readonly verdict: Verdict;
  readonly proposal: OverrideProposal | undefined;
  readonly file: CaseFile;
}

/** The verdict, as long as it was not overturned. */
function standing(state: Dispute, verdictId: string): Standing | Rejection<DisputeRejection> {
  const verdict = state.status === 'submitted' ? state.verdicts.find((one) => one.verdictId === verdictId) : undefined;
  if (state.status !== 'submitted' || verdict === undefined)
    return reject('VerdictUnknown', 'the dispute has no verdict of this id');
  const { override } = verdict;
  if (override.is === 'done') return reject('AlreadyOverturned', 'a verdict is overturned once');
  return { verdict, proposal: override.is === 'proposed' ? override.proposal : undefined, file: state.file };
}

/** Nobody is made to pay or to give back what the verdict did not put on him: that takes an appeal. */
function overridden({ units }: Verdict, wanted: Wanted): OverriddenUnit | Rejection<DisputeRejection> {
  const { unitNo, liable, remedy, bearer } = wanted;
  const ruled = units.find((unit) => unit.unitNo === unitNo);
  if (ruled === undefined) return reject('UnitUnknown', `the verdict is not on unit ${unitNo}`);
  const contradiction = blameContradictionIn(wanted);
  if (contradiction !== undefined) return reject('ContradictoryDecision', `unit ${unitNo}: ${contradiction}`);
  if (ruled.remedy === 'NONE' && remedy !== 'NONE')
    return reject('RefundWasRefused', `unit ${unitNo} was refused; an override does not refund it`);
  if ((ruled.bearer === 'platform' || ruled.bearer === 'shared') && bearer === 'merchant')
    return reject(
      'PlatformBearsIt',
      `the platform bears unit ${unitNo} or a part of it; an override does not put it on the merchant`,
    );
  if (ruled.remedy === remedy && ruled.bearer === bearer)
    return reject('NothingChanges', `unit ${unitNo}: neither the refund nor who bears it would change`);
  if (remedy !== 'NONE' && remedy !== ruled.remedy)
    return reject('RefundAmountStands', `unit ${unitNo}: an override takes a refund back whole or leaves it as it is`);
  const { merchantPart } = ruled;
  const was = {
    liable: ruled.liable,
    bearer: ruled.bearer,
    remedy: ruled.remedy,
    refund: ruled.refund,
    ...(merchantPart && { merchantPart }),
  };
  return { unitNo, liable, bearer, remedy, refund: remedy === 'NONE' ? zero(ruled.refund.asset) : ruled.refund, was };
}

function overriddenUnits(verdict: Verdict, wanted: readonly Wanted[]): readonly OverriddenUnit[] | Rejection<DisputeRejection> {
  if (wanted.length === 0) return reject('UnitUnknown', 'an override names at least one unit of the verdict');
  if (new Set(wanted.map(({ unitNo }) => unitNo)).size < wanted.length)
    return reject('ContradictoryDecision', 'the override names a unit twice');
  const units: OverriddenUnit[] = [];
  for (const one of wanted) {
    const unit = overridden(verdict, one);
    if ('rejected' in unit) return unit;
    units.push(unit);
  }
  return units.toSorted((a, b) => a.unitNo - b.unitNo);
}

/** Who deceived is liable, and got something by it. */
function isUnfounded(isFraud: boolean, units: readonly OverriddenUnit[]): boolean {
  const taken = units.filter(({ remedy }) => remedy === 'NONE');
  return isFraud && (taken.length === 0 || taken.some(({ liable }) => liable !== 'BUYER'));
}

export function proposeOverride(command: Propose, state: Dispute, at: Instant): Answer {
  const { verdictId, isFraud, explanation, subject } = command;
  const found = standing(state, verdictId);
  if ('rejected' in found) return found;
  const { verdict, proposal: before, file } = found;
  if (isUnderAppeal(verdict)) return underAppeal;
  // Whoever approves must find what he read: nobody else changes it under his hands.
  if (before !== undefined && before.proposedBy !== subject)
    return reject(
      'AlreadyProposed',
      `${before.proposedBy} has proposed to overturn this verdict; approve that, or withdraw it first`,
    );
  const units = overriddenUnits(verdict, command.units);
  if ('rejected' in units) return units;
  if (isUnfounded(isFraud, units))
    return reject('FraudUnfounded', 'fraud takes a unit whose refund goes, and its buyer is the one who is liable');
  if (!isExplained(explanation))
    return reject(
      'ExplanationInvalid',
      `an override is explained in Chinese and English, 1 to ${maxExplanationLength} characters`,
    );
  const { disputeId, orderId, platform, merchant, buyer } = file;
  const what = { disputeId, verdictId, orderId, platform, merchant, buyer, units, isFraud, explanation };
  const proposed = event('VerdictOverrideProposed', { ...what, proposedBy: subject, proposedAt: at });
  return before !== undefined && isSame(before, proposed.data) ? [] : [proposed];
}

const isSame = (one: OverrideProposal, other: OverrideProposal): boolean => {
  const said = ({ units, isFraud, explanation: { zh, en } }: OverrideProposal) => encodeData({ units, isFraud, zh, en });
  return said(one) === said(other);
};

const underAppeal = reject('UnderAppeal', 'this verdict is under appeal; the ruling comes first');
const notProposed = reject('NotProposed', 'nobody has proposed to overturn this verdict; propose it first');

export function withdrawOverride(
  { verdictId, subject }: CommandOf<DisputeCommand, 'WithdrawOverride'>,
  state: Dispute,
  at: Instant,
): Answer {
  const found = standing(state, verdictId);
  if ('rejected' in found) return found;
  if (found.proposal === undefined) return notProposed;
  const { disputeId, orderId, platform, merchant } = found.proposal;
  return [
    event('VerdictOverrideWithdrawn', {
      disputeId,
      verdictId,
      orderId,
      platform,
      merchant,
      withdrawnBy: subject,
      withdrawnAt: at,
    }),
  ];
}

export function approveOverride(
  { verdictId, subject }: CommandOf<DisputeCommand, 'ApproveOverride'>,
  state: Dispute,
  at: Instant,
): Answer {
  const found = standing(state, verdictId);
  if ('rejected' in found) return found;
  if (found.proposal === undefined) return notProposed;
  if (isUnderAppeal(found.verdict)) return underAppeal;
  const { disputeId, orderId, platform, merchant, buyer, units, isFraud, explanation, proposedBy } = found.proposal;
  if (proposedBy === subject) return reject('SameSubject', 'another person than the one who proposed it approves it');
  const what = { disputeId, verdictId, orderId, platform, merchant, buyer, units, isFraud, explanation };
  return [event('VerdictOverturned', { ...what, proposedBy, approvedBy: subject, overturnedAt: at })];
}
