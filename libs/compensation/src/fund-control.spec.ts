import { type DataOf, eventsOf, specify } from '@recourse/eventing';
import { money } from '@recourse/money';
import { fundControl, type FundControlCommand, type FundControlEvent } from './fund-control.js';

const at = '2026-03-01T08:00:00.000Z';
const event = eventsOf<FundControlEvent>();
const which = { platform: 'demo', asset: 'CNY' };
const fen = (minor: number, asset = 'CNY') => money(BigInt(minor), asset);
const { given } = specify(fundControl, at);

const word = { ...which, reason: 'an odd night' };
const pause = (subject = 'ann', kind: 'pause' | 'kill-switch' = 'pause'): FundControlCommand => ({
  type: 'PauseFund',
  ...word,
  kind,
  subject,
});
const resume = (subject: string): FundControlCommand => ({ type: 'ResumeFund', ...word, subject });
const paused = (kind: 'pause' | 'kill-switch' = 'pause') =>
  event('FundPauseOrdered', { ...word, kind, orderedBy: 'ann', orderedAt: at });
const proposedResume = event('FundResumeProposed', { ...word, proposedBy: 'ann', proposedAt: at });
const resumed = (orderedBy: string, proposedBy?: string) =>
  event('FundResumeOrdered', { ...word, orderedBy, orderedAt: at, ...(proposedBy === undefined ? {} : { proposedBy }) });

describe('a pause', () => {
  it('is ordered and ended by one person, with a reason', () => {
    given().when(pause()).then(paused());
    given(paused()).when(resume('ann')).then(resumed('ann'));
    given(paused(), resumed('ann')).when(pause()).then(paused());
  });
  it('is not ordered twice, and nothing is resumed that runs', () => {
    given(paused()).when(pause('bob')).thenRejected('AlreadyPaused');
    given().when(resume('ann')).thenRejected('NotPaused');
    given(paused(), resumed('ann')).when(resume('ann')).thenRejected('NotPaused');
  });
});

describe('the kill switch', () => {
  const killed = paused('kill-switch');
  it('is pulled by one person and ended by two', () => {
    given().when(pause('ann', 'kill-switch')).then(killed);
    given(killed).when(resume('ann')).then(proposedResume);
    given(killed, proposedResume).when(resume('ann')).thenRejected('SameSubject');
    given(killed, proposedResume).when(resume('bob')).then(resumed('bob', 'ann'));
  });
  it('takes over a pause, and a pause does not weaken it', () => {
    given(paused())
      .when(pause('bob', 'kill-switch'))
      .then(event('FundPauseOrdered', { ...paused('kill-switch').data, orderedBy: 'bob' }));
    given(killed).when(pause('bob')).thenRejected('AlreadyPaused');
    given(killed).when(pause('bob', 'kill-switch')).thenRejected('AlreadyPaused');
  });
  it('forgets an old proposal when it is pulled again', () => {
    given(killed, proposedResume, resumed('bob', 'ann'), killed)
      .when(resume('bob'))
      .then(event('FundResumeProposed', { ...proposedResume.data, proposedBy: 'bob' }));
  });
});

describe('limits', () => {
  type Amounts = Pick<DataOf<FundControlEvent, 'FundLimitsProposed'>, 'lowWaterMark' | 'dailyPerMerchant'>;
  const propose = (amounts: Amounts, subject = 'ann'): FundControlCommand => ({
    type: 'ProposeFundLimits',
    ...word,
    ...amounts,
    subject,
  });
  const proposed = (version: number, amounts: Amounts) =>
    event('FundLimitsProposed', { ...word, version, ...amounts, proposedBy: 'ann', proposedAt: at });
  const approved = (version: number, amounts: Amounts) =>
    event('FundLimitsApproved', { ...word, version, ...amounts, proposedBy: 'ann', approvedBy: 'bob', approvedAt: at });
  const approve = (version: number, subject: string): FundControlCommand => ({ type: 'ApproveFundLimits', version, subject });
  const both = { lowWaterMark: fen(100), dailyPerMerchant: fen(500) };

  it('are proposed by one person and approved by another, version after version', () => {
    given().when(propose(both)).then(proposed(1, both));
    given(proposed(1, both)).when(approve(1, 'bob')).then(approved(1, both));
    given(proposed(1, both), approved(1, both)).when(propose({})).then(proposed(2, {}));
    given(proposed(1, both))
      .when(propose({ lowWaterMark: fen(7) }))
      .then(proposed(2, { lowWaterMark: fen(7) }));
  });
  it('are not approved by whoever proposed them, nor twice, nor an older proposal', () => {
    given(proposed(1, both)).when(approve(1, 'ann')).thenRejected('SameSubject');
    given(proposed(1, both), approved(1, both)).when(approve(1, 'cid')).thenRejected('LimitsUnknown');
    given(proposed(1, both), proposed(2, {})).when(approve(1, 'bob')).thenRejected('LimitsUnknown');
    given().when(approve(1, 'bob')).thenRejected('LimitsUnknown');
  });
  it('are amounts of the fund’s asset, a daily limit above zero, and differ from those in force', () => {
    given()
      .when(propose({ lowWaterMark: fen(1, 'USD') }))
      .thenRejected('AssetMismatch');
    given()
      .when(propose({ lowWaterMark: fen(-1) }))
      .thenRejected('AmountNotPositive');
    given()
      .when(propose({ dailyPerMerchant: fen(0) }))
      .thenRejected('AmountNotPositive');
    given().when(propose({})).thenRejected('LimitsUnchanged');
    given(proposed(1, both), approved(1, both)).when(propose(both)).thenRejected('LimitsUnchanged');
  });
});

describe('what the calendar and a person let go', () => {
  const limits = event('FundLimitsProposed', {
    ...word,
    version: 1,
    dailyPerMerchant: fen(5),
    proposedBy: 'ann',
    proposedAt: at,
  });
  const began = (day: string, begunAt: string) => event('FundDayBegan', { ...which, day, begunAt });
  it('a day begins once, at midnight in Shanghai, and late after a downtime', () => {
    const [before, midnight] = ['2026-03-01T15:59:59.999Z', '2026-03-01T16:00:00.000Z'];
    const first = began('2026-03-01', before);
    given(limits).when({ type: 'BeginFundDay', at: before }).then(first);
    given(limits, first).when({ type: 'BeginFundDay', at: before }).thenNothing();
    given(limits, first).when({ type: 'BeginFundDay', at: midnight }).then(began('2026-03-02', midnight));
    given(limits, first)
      .when({ type: 'BeginFundDay', at: '2026-03-09T02:00:00.000Z' })
      .then(began('2026-03-09', '2026-03-09T02:00:00.000Z'));
    given().when({ type: 'BeginFundDay' }).thenNothing();
  });
  it('a hold is lifted with a reason', () => {
    given(limits)
      .when({ type: 'LiftFundHold', ...word, refundId: 'r1', subject: 'ann' })
      .then(event('FundHoldLiftOrdered', { ...word, refundId: 'r1', orderedBy: 'ann', orderedAt: at }));
  });
});
