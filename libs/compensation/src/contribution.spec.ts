import { eventsOf, specify } from '@recourse/eventing';
import { money } from '@recourse/money';
import { contribution, type ContributionCommand, type ContributionEvent } from './contribution.js';

const at = '2026-03-01T08:00:00.000Z';
const event = eventsOf<ContributionEvent>();
const what = { contributionId: 'k1', platform: 'demo', amount: money(5000n), rail: 'alipay', transaction: 't1' };
const proposed = event('ContributionProposed', { ...what, proposedBy: 'ann', proposedAt: at });
const approved = event('ContributionApproved', { ...what, proposedBy: 'ann', approvedBy: 'bob', approvedAt: at });
const propose = (minor = 5000n): ContributionCommand => ({
  type: 'ProposeContribution',
  ...what,
  amount: money(minor),
  subject: 'ann',
});
const approve = (subject: string): ContributionCommand => ({ type: 'ApproveContribution', subject });
const { given } = specify(contribution, at);

it('money for the fund is proposed by one person and approved by another', () => {
  given().when(propose()).then(proposed);
  given(proposed).when(approve('bob')).then(approved);
});

it('nobody approves what they proposed', () => {
  given(proposed).when(approve('ann')).thenRejected('SameSubject');
});

it('a contribution is proposed once and approved once', () => {
  given(proposed).when(propose()).thenRejected('ContributionExists');
  given(proposed, approved).when(propose()).thenRejected('ContributionExists');
  given(proposed, approved).when(approve('bob')).thenRejected('AlreadyApproved');
  given(proposed, approved).when(approve('ann')).thenRejected('AlreadyApproved');
});

it('nothing is approved that was not proposed, and nothing is not a contribution', () => {
  given().when(approve('bob')).thenRejected('ContributionUnknown');
  given().when(propose(0n)).thenRejected('AmountNotPositive');
  given().when(propose(-1n)).thenRejected('AmountNotPositive');
});
