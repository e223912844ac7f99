import type { Recorded } from '@recourse/eventing';
import type { DomainEvent } from '@recourse/ledger';
import { durationMs, Journeys, stagesOf } from './journey.js';

const start = Date.parse('2026-03-01T08:00:00.000Z');

/** Only what a journey looks at. */
const event = (type: DomainEvent['type'], position: bigint, afterMs: number, data: object): Recorded<DomainEvent> =>
  ({
    type,
    data,
    position,
    metadata: { recordedAt: new Date(start + afterMs).toISOString() },
  }) as unknown as Recorded<DomainEvent>;

const escrowEvents = (id: string, from: bigint, afterMs: number) => [
  event('VerdictReached', from, afterMs, { verdictId: id }),
  event('RefundApproved', from + 1n, afterMs + 10, { refundId: id }),
  event('RefundFundedFromEscrow', from + 2n, afterMs + 10, { refundId: id }),
  event('PayoutRequested', from + 3n, afterMs + 15, { payoutId: id }),
  event('TransferSubmitted', from + 4n, afterMs + 30, { payoutId: id }),
  event('PayoutSucceeded', from + 5n, afterMs + 35, { payoutId: id }),
];
const recourseEvents = (id: string, from: bigint, afterMs: number) => [
  event('DepositDebited', from, afterMs, { refundId: id }),
  event('FundReimbursed', from + 1n, afterMs + 5, { refundId: id }),
];

describe('a refund from escrow', () => {
  it('has ended with its payout, and is shown once the read models have passed it', () => {
    const journeys = new Journeys('escrow', ['r1']);
    for (const one of escrowEvents('r1', 1n, 0)) journeys.take(one);
    expect(journeys.ended).toBe(1);
    journeys.shown(5n, start + 40);
    journeys.shown(6n, start + 50);
    journeys.shown(9n, start + 90);
    const journey = journeys.all.get('r1')!;
    expect(durationMs(journey)).toBe(50);
    expect(stagesOf('escrow', [journey]).map(({ stage, medianMs }) => [stage, medianMs])).toEqual([
      ['approved', 10],
      ['funded', 0],
      ['payout requested', 5],
      ['transfer submitted', 15],
      ['succeeded', 5],
      ['read models', 15],
    ]);
  });

  it('that is not shown has no duration', () => {
    const journeys = new Journeys('escrow', ['r1']);
    for (const one of escrowEvents('r1', 1n, 0)) journeys.take(one);
    expect(() => durationMs(journeys.all.get('r1')!)).toThrow('never read models');
  });
});

describe('a refund from the fund', () => {
  it('has not ended before the fund is reimbursed', () => {
    const journeys = new Journeys('fund', ['r1']);
    for (const one of escrowEvents('r1', 1n, 0)) journeys.take(one);
    expect(journeys.ended).toBe(0);
    journeys.shown(100n, start + 60);
    for (const one of recourseEvents('r1', 200n, 70)) journeys.take(one);
    expect(journeys.ended).toBe(1);
    journeys.shown(201n, start + 80);
    expect(durationMs(journeys.all.get('r1')!)).toBe(80);
  });
});

it('the shares of the stages add up to all of the time', () => {
  const journeys = new Journeys('escrow', ['r1', 'r2']);
  for (const one of [...escrowEvents('r1', 1n, 0), ...escrowEvents('r2', 20n, 7)]) journeys.take(one);
  journeys.shown(30n, start + 200);
  const stages = stagesOf('escrow', [...journeys.all.values()]);
  expect(stages.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 2);
});

it('refunds of others and what is told twice change nothing', () => {
  const journeys = new Journeys('escrow', ['r1']);
  for (const one of [...escrowEvents('r1', 1n, 0), ...escrowEvents('r2', 20n, 0), ...escrowEvents('r1', 40n, 500)])
    journeys.take(one);
  journeys.shown(6n, start + 50);
  expect(journeys.ended).toBe(1);
  expect(durationMs(journeys.all.get('r1')!)).toBe(50);
});
