import { eventsOf, isAfter, plusHours, reject, type CommandOf, type Instant, type Rejection } from '@recourse/eventing';
import { compare, isPositive } from '@recourse/money';
import type { AppealCommand, Appellant } from './appeal-events.js';
import { restOf } from './award.js';
import type { Dispute, OpenAppeal, SubmittedCase, Verdict } from './case.js';
import type { CaseFile, DisputeEvent, DisputeRejection } from './dispute.js';
import { escalationHours } from './review.js';

type Answer = readonly DisputeEvent[] | Rejection<DisputeRejection>;
export interface Appealed {
  readonly state: SubmittedCase;
  readonly verdict: Verdict;
}

const rulingHours = 72; // K13
const event = eventsOf<DisputeEvent>();

export const isUnderAppeal = ({ appeals }: Verdict): boolean => appeals.length > 0;
/** Until when the appeals of a verdict are to be ruled: together, so that the later one has its time too. */
export const rulingUntil = (appeals: readonly OpenAppeal[]): Instant | undefined =>
  appeals
    .map(({ until }) => until)
    .toSorted()
    .at(-1);
export const isEscalated = (appeals: readonly OpenAppeal[]): boolean => appeals.every(({ escalated }) => escalated);

/** The moment after which something happens to the verdict by itself. */
export const verdictDeadline = ({ final, appealUntil, appeals }: Verdict): Instant | undefined =>
  final ? undefined : (rulingUntil(appeals) ?? appealUntil);

export const appealedVerdict = (state: Dispute, verdictId: string): Appealed | Rejection<DisputeRejection> => {
  const verdict = state.status === 'submitted' ? state.verdicts.find((one) => one.verdictId === verdictId) : undefined;
  return state.status === 'submitted' && verdict !== undefined
    ? { state, verdict }
    : reject('VerdictUnknown', 'the dispute has no verdict of this id');
};

export const ofVerdict = ({ disputeId, orderId, platform, merchant, buyer }: CaseFile, { verdictId }: Verdict) => ({
  disputeId,
  verdictId,
  orderId,
  platform,
  merchant,
  buyer,
});

export const becameFinal = (
  { disputeId, platform, merchant, orderId }: CaseFile,
  { verdictId, refused }: Pick<Verdict, 'verdictId' | 'refused'>,
  at: Instant,
) => event('VerdictBecameFinal', { disputeId, platform, merchant, orderId, verdictId, refused, finalAt: at });

/** What a party may appeal: the buyer units that he did not get back in full, the merchant units that he bears, alone or in part. */
export function appealableUnits({ state, verdict }: Appealed, by: Appellant): number[] {
  const priceOf = new Map(state.units.map(({ unitNo, claimed }) => [unitNo, restOf(claimed)]));
  return verdict.units.flatMap(({ unitNo, refund, bearer }) => {
    const price = priceOf.get(unitNo);
    const isConcerned =
      by === 'buyer'
        ? price !== undefined && compare(refund, price) < 0
        : isPositive(refund) && bearer !== 'platform' && bearer !== 'none';
    return isConcerned ? [unitNo] : [];
  });
}

function refusalOf({ verdict: { appealUntil, appealedBy, ruled, override } }: Appealed, by: Appellant, at: Instant) {
  if (ruled) return reject('VerdictIsFinal', 'what was ruled on appeal is final; the channels outside the platform remain');
  if (isAfter(at, appealUntil))
    return reject('AppealTooLate', 'a verdict is appealed within seven days; the channels outside the platform remain');
  if (appealedBy.includes(by)) return reject('AlreadyAppealed', 'each party appeals a verdict once');
  return override.is === 'done' ? reject('AlreadyOverturned', 'two people have overturned this verdict') : undefined;
}

export function lodgeAppeal(
  { verdictId, by, units: named, reason, subject }: CommandOf<AppealCommand, 'LodgeAppeal'>,
  dispute: Dispute,
  at: Instant,
): Answer {
  const found = appealedVerdict(dispute, verdictId);
  if ('rejected' in found) return found;
  const { state, verdict } = found;
  const refusal = refusalOf(found, by, at);
  if (refusal !== undefined) return refusal;
  const open = appealableUnits(found, by);
  const units = [...new Set(named ?? open)].toSorted((a, b) => a - b);
  const unknown = units.filter((unitNo) => !verdict.units.some((unit) => unit.unitNo === unitNo));
  if (unknown.length > 0) return reject('UnitUnknown', `the verdict is not on unit ${unknown.join(', ')}`);
  if (units.length === 0 || !units.every((unitNo) => open.includes(unitNo)))
    return reject(
      'NothingToAppeal',
      by === 'buyer'
        ? 'the buyer appeals units that were not refunded in full'
        : 'the merchant appeals units whose refund he bears, alone or in part',
    );
  return [
    event('AppealLodged', {
      ...ofVerdict(state.file, verdict),
      appealId: `${verdictId}.a${verdict.appealedBy.length + 1}`,
      by,
      units,
      ...(reason === undefined ? {} : { reason }),
      lodgedBy: subject,
      lodgedAt: at,
      until: plusHours(at, rulingHours),
    }),
  ];
}

/** When the supervisor's time for a ruling is over too; undefined for a verdict that nobody appeals. */
export function rulingEnd({ appeals }: Verdict): Instant | undefined {
  const until = rulingUntil(appeals);
  return until === undefined || isEscalated(appeals) ? until : plusHours(until, escalationHours);
}

/** The appeals that a person may still end. */
export function openAppeals(verdict: Verdict, at: Instant): readonly OpenAppeal[] | Rejection<DisputeRejection> {
  const end = rulingEnd(verdict);
  return end === undefined || isAfter(at, end)
    ? reject('NotUnderAppeal', 'nobody appeals this verdict, or the time for a ruling is over')
    : verdict.appeals;
}

export function withdrawAppeal(
  { verdictId, by, subject }: CommandOf<AppealCommand, 'WithdrawAppeal'>,
  dispute: Dispute,
  at: Instant,
): Answer {
  const found = appealedVerdict(dispute, verdictId);
  if ('rejected' in found) return found;
  const { state, verdict } = found;
  const open = openAppeals(verdict, at);
  if ('rejected' in open) return open;
  const appeal = open.find((one) => one.by === by);
  if (appeal === undefined) return reject('NotUnderAppeal', `no appeal of the ${by} waits for a ruling`);
  const left = rulingUntil(open.filter((one) => one !== appeal));
  const { appealId } = appeal;
  const { appealUntil } = verdict;
  const withdrawn = event('AppealWithdrawn', {
    ...ofVerdict(state.file, verdict),
    appealId,
    by,
    withdrawnBy: subject,
    withdrawnAt: at,
    ...(left === undefined ? {} : { rulingUntil: left }),
    appealUntil,
  });
  const isFinal = left === undefined && isAfter(at, appealUntil);
  return isFinal ? [withdrawn, becameFinal(state.file, verdict, at)] : [withdrawn];
}
