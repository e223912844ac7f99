import { Audit, type AuditProgress } from './audit.js';
import type { InvariantId } from './invariant.js';
import {
  audited,
  deadKey,
  endOfMonth,
  handedOver,
  paidTwice,
  platformBears,
  recorded,
  refundFromEscrow,
  refundKey,
  settlementKey,
  tampered,
  thinDeposit,
  fen,
} from './sample-history.js';
import { UnknownEventType } from '@recourse/eventing';

const context = { now: endOfMonth, toleranceMs: 60_000 };

it.each([
  ['a dead key paid from the fund and recovered', deadKey],
  ['a deposit too thin, the rest recovered from the next top-up', thinDeposit],
  ['a refund that the fund has no money for, paid from the deposit', handedOver],
  ['a refund from escrow', refundFromEscrow],
  ['a loss that the platform bears', platformBears],
  ['an order that was paid twice', paidTwice],
])('finds nothing wrong with %s, nor with any part of it', async (_, history) => {
  for (let length = 0; length <= history.length; length += 1) {
    const { events, violations } = await audited(history.slice(0, length), { now: '2026-03-02T08:00:00.000Z' });
    expect({ events, violations }).toEqual({ events: length, violations: [] });
  }
  const payments = [refundKey, settlementKey].map((key) => ({ key, state: 'Succeeded' as const, amount: fen(10_000) }));
  const book = [payments[0]!, ...(history === thinDeposit ? [{ ...payments[1]!, amount: fen(9_500) }] : [])];
  expect((await audited(history, { railBooks: new Map([['alipay', book]]) })).violations).toEqual([]);
});

it('counts by invariant and names at most as many as it is told', async () => {
  const history = tampered(tampered(deadKey, 'FundsReserved', { fromFund: fen(200_000) }), 'FundReimbursed', { amount: fen(1) });
  const report = await new Audit({ maxViolations: 1 }).run(recorded(history), context);
  expect(report.violations).toHaveLength(1);
  expect([...report.counts.keys()]).toEqual<InvariantId[]>(['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I8']);
  expect(report.counts.get('I4')).toBe(1);
  expect(report.counts.get('I6')).toBeGreaterThan(1);
  expect(report.counts.get('I8')).toBe(0);
});

it('says how far it is', async () => {
  const seen: AuditProgress[] = [];
  const report = await new Audit({ progressEvery: 10, onProgress: (progress) => seen.push(progress) }).run(
    recorded(deadKey),
    context,
  );
  expect(seen).toEqual([
    { events: 10, position: 100n },
    { events: 20, position: 200n },
  ]);
  expect(report).toMatchObject({ events: deadKey.length, position: BigInt(deadKey.length * 10) });
  expect((await new Audit().run([], context)).position).toBeUndefined();
});

it('refuses a log that is out of order or of a newer program', async () => {
  const log = recorded(deadKey);
  await expect(new Audit().run([log[1]!, log[0]!], context)).rejects.toThrow(RangeError);
  await expect(new Audit().run([log[0]!, log[0]!], context)).rejects.toThrow('read in order and once');
  const newer = { ...log[0]!, type: 'EventOfTomorrow' } as unknown as (typeof log)[0];
  await expect(new Audit().run([newer], context)).rejects.toThrow(UnknownEventType);
});
