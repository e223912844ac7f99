import {
  audited,
  deadKey,
  failed,
  fen,
  paidTwice,
  positionOf,
  processing,
  refundId,
  refundKey,
  replaced,
  settlementKey,
  submitted,
  succeeded,
  tampered,
  thinDeposit,
} from './sample-history.js';
import type { AuditContext, RailBookEntry } from './invariant.js';
import type { DomainEvent } from './posting.js';

const otherKey = '3'.repeat(32);
const ofI5 = async (history: readonly DomainEvent[], context: Partial<AuditContext> = {}) =>
  (await audited(history, context)).violations.filter(({ invariant }) => invariant === 'I5');
const book = (...entries: Partial<RailBookEntry>[]) => ({
  railBooks: new Map([
    ['alipay', entries.map((entry) => ({ key: refundKey, amount: fen(10_000), state: 'Succeeded' as const, ...entry }))],
  ]),
});

it('a refund paid twice is named by the second payment (I5)', async () => {
  const history = [...deadKey, submitted(2, otherKey), succeeded(2, otherKey)];
  expect(await ofI5(history)).toEqual([
    {
      invariant: 'I5',
      subject: refundId,
      position: positionOf(history, 'TransferSubmitted'),
      found: 'transfer 2 submitted',
      expected: 'transfer 1, Succeeded, to have failed first',
    },
    {
      invariant: 'I5',
      subject: refundId,
      position: positionOf(history, 'PayoutSucceeded'),
      found: 'paid 100.00 CNY',
      expected: 'at most 0.00 CNY, approved and unpaid',
    },
  ]);
});

it('more than was approved is named (I5)', async () => {
  const history = tampered(deadKey, 'PayoutSucceeded', { amount: fen(10_001) });
  expect(await ofI5(history)).toMatchObject([{ found: 'paid 100.01 CNY', expected: 'at most 100.00 CNY, approved and unpaid' }]);
});

it('a second transfer while the first is live is named; after its failure it is right (I5)', async () => {
  const live = replaced(deadKey, 'PayoutSucceeded', submitted(2, otherKey), succeeded(2, otherKey));
  expect(await ofI5(live)).toMatchObject([{ subject: refundId, expected: 'transfer 1, live, to have failed first' }]);
  const after = replaced(deadKey, 'PayoutSucceeded', failed(), submitted(2, otherKey), succeeded(2, otherKey));
  expect(await ofI5(after)).toEqual([]);
});

it('the same transfer may be sent again under its key, but a key is never shared (I5)', async () => {
  expect(await ofI5(replaced(deadKey, 'TransferProcessing', processing, submitted()))).toEqual([]);
  const shared = replaced(deadKey, 'PayoutSucceeded', failed(), submitted(2));
  expect(await ofI5(shared)).toMatchObject([
    { subject: refundKey, found: `transfer 2 of ${refundId}`, expected: expect.stringContaining('a key of its own') },
  ]);
  const renumbered = replaced(deadKey, 'PayoutSucceeded', failed(), submitted(1, otherKey));
  expect(await ofI5(renumbered)).toMatchObject([{ subject: refundId, found: 'transfer 1 submitted' }]);
});

it('an outcome that contradicts the one before is named (I5)', async () => {
  expect(await ofI5([...deadKey, failed()])).toMatchObject([
    { found: 'transfer 1 Failed', expected: 'Succeeded, as recorded before' },
  ]);
  expect(await ofI5(replaced(deadKey, 'TransferProcessing', failed()))).toMatchObject([{ found: 'transfer 1 Succeeded' }]);
});

describe('beside the book of the rail', () => {
  it('a payment that our log has as failed is named (I5)', async () => {
    const history = replaced(deadKey, 'PayoutSucceeded', failed(), submitted(2, otherKey), succeeded(2, otherKey));
    expect(await ofI5(history, book({}, { key: otherKey }))).toMatchObject([
      { subject: refundKey, found: `transfer 1 of ${refundId} is Failed`, expected: 'Succeeded, as alipay says' },
    ]);
  });

  it('a payment that nobody recorded is named once it is overdue (I5)', async () => {
    const history = deadKey.slice(
      0,
      deadKey.findIndex(({ type }) => type === 'PayoutSucceeded'),
    );
    expect(await ofI5(history, book({}))).toMatchObject([{ found: `transfer 1 of ${refundId} is live` }]);
    expect(await ofI5(history, book({ settledAt: '2026-03-31T07:59:30.000Z' }))).toEqual([]);
    expect(await ofI5(history, book({ state: 'Pending' }))).toEqual([]);
  });

  it('a payment that the book has twice, or not at all, is named (I5)', async () => {
    expect(await ofI5(deadKey, book({}, {}))).toMatchObject([{ subject: refundKey, expected: 'one payment' }]);
    expect(await ofI5(deadKey, book())).toMatchObject([
      { subject: refundKey, position: positionOf(deadKey, 'PayoutSucceeded'), expected: 'a payment in the book of alipay' },
    ]);
    expect(await ofI5(deadKey, { ...book(), now: '2026-03-05T08:00:30.000Z' })).toEqual([]);
  });

  it('a rail whose book was not given is not asked', async () => {
    expect(await ofI5(thinDeposit, { railBooks: new Map([['wechat', []]]) })).toEqual([]);
    expect(await ofI5(thinDeposit, book({}))).toMatchObject([{ subject: settlementKey }]);
  });
});

it('a surplus goes back as it came and not one fen more (I5)', async () => {
  expect(await ofI5(paidTwice)).toEqual([]);
  expect(await ofI5(tampered(paidTwice, 'PayoutSucceeded', { amount: fen(10_001) }))).toMatchObject([
    { found: 'paid 100.01 CNY', expected: 'at most 100.00 CNY, approved and unpaid' },
  ]);
});
