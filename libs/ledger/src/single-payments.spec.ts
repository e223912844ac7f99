import {
  audited,
  approved,
  cancelRequested,
  deadKey,
  differenceBooked,
  failed,
  fen,
  gatewayFee,
  payoutApproved,
  payoutRequested,
  payoutReturned,
  paidOutside,
  paidTwice,
  positionOf,
  processing,
  refundId,
  refundKey,
  refundedOutside,
  replaced,
  reversed,
  revoked,
  revokedRefund,
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
      expected: 'transfer 1, Succeeded, to have failed or come back first',
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
  expect(await ofI5(live)).toMatchObject([
    { subject: refundId, expected: 'transfer 1, live, to have failed or come back first' },
  ]);
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

describe('a payment that came back', () => {
  const again = [reversed(), submitted(2, otherKey), succeeded(2, otherKey)];

  it('is owed and paid again, once, and leaves recourse alone', async () => {
    const { violations, books } = await audited([...deadKey, gatewayFee, ...again]);
    expect(violations).toEqual([]);
    expect(books.balance('demo/refund:demo.o1.1.v1', 'CNY').minor).toBe(0n);
    expect(books.balance('demo/platform:gateway-cost', 'CNY').minor).toBe(10n);
  });

  it('is not paid twice again (I5)', async () => {
    const thrice = [...deadKey, ...again, submitted(3, '4'.repeat(32)), succeeded(3, '4'.repeat(32))];
    expect(await ofI5(thrice)).toMatchObject([
      { found: 'transfer 3 submitted', expected: 'transfer 2, Succeeded, to have failed or come back first' },
      { found: 'paid 100.00 CNY', expected: 'at most 0.00 CNY, approved and unpaid' },
    ]);
  });

  it('had been paid, and comes back once (I5)', async () => {
    expect(await ofI5(replaced(deadKey, 'PayoutSucceeded', reversed()))).toMatchObject([
      { found: 'transfer 1 Reversed', expected: 'live, as recorded before' },
    ]);
    expect(await ofI5([...deadKey, reversed(), reversed()])).toMatchObject([
      { found: 'transfer 1 Reversed', expected: 'Reversed, as recorded before' },
    ]);
  });

  it('came back in the book of the rail too, or was not heard of there yet (I5)', async () => {
    expect(await ofI5([...deadKey, reversed()], book({ state: 'Reversed' }))).toEqual([]);
    expect(await ofI5([...deadKey, reversed()], book({}))).toMatchObject([
      { found: `transfer 1 of ${refundId} is Reversed`, expected: 'Succeeded, as alipay says' },
    ]);
    expect(await ofI5(deadKey, book({ state: 'Reversed' }))).toMatchObject([
      { found: `transfer 1 of ${refundId} is Succeeded`, expected: 'Reversed, as alipay says' },
    ]);
    expect(await ofI5(deadKey, book({ state: 'Reversed', settledAt: '2026-03-31T07:59:30.000Z' }))).toEqual([]);
  });
});

describe('two people', () => {
  const above = replaced(deadKey, 'PayoutRequested', payoutRequested(9_999));

  it('approve a payout above its limit before anything is sent (I5)', async () => {
    expect(await ofI5(replaced(deadKey, 'PayoutRequested', payoutRequested(10_000)))).toEqual([]);
    expect(await ofI5(above)).toEqual([
      {
        invariant: 'I5',
        subject: refundId,
        position: positionOf(above, 'TransferSubmitted'),
        found: 'transfer 1 submitted',
        expected: 'the approval of two people, being above 99.99 CNY',
      },
    ]);
    const approved = [payoutRequested(9_999), payoutApproved('finance-1', 'finance-2')];
    expect(await ofI5(replaced(deadKey, 'PayoutRequested', ...approved))).toEqual([]);
  });

  it('are two (I5)', async () => {
    const alone = [payoutRequested(9_999), payoutApproved('finance-1', 'finance-1')];
    expect(await ofI5(replaced(deadKey, 'PayoutRequested', ...alone))).toMatchObject([
      { found: 'approved by finance-1 alone', expected: 'two people' },
    ]);
  });
});

it('a transfer that follows a cancellation is named; one that was on its way is not (I5)', async () => {
  expect(await ofI5(replaced(deadKey, 'TransferSubmitted', cancelRequested, submitted()))).toMatchObject([
    { found: 'transfer 1 submitted', expected: 'no transfer after it was cancelled' },
  ]);
  expect(await ofI5(replaced(deadKey, 'TransferSubmitted', submitted(), cancelRequested))).toEqual([]);
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

describe('a refund that is revoked', () => {
  it('is never paid (I5)', async () => {
    expect(await ofI5(revokedRefund)).toEqual([]);
    expect(await ofI5([...revokedRefund, submitted(), succeeded()])).toMatchObject([
      { found: 'transfer 1 submitted', expected: 'no transfer after it was cancelled' },
      { subject: refundId, found: 'paid 100.00 CNY', expected: 'at most 0.00 CNY, approved and unpaid' },
    ]);
  });

  it('was not paid, nor may it yet be (I5)', async () => {
    expect(await ofI5([approved('fund'), submitted(), failed(), revoked('fund')])).toEqual([]);
    for (const before of [[submitted()], [submitted(), succeeded()], [submitted(), succeeded(), reversed()]])
      expect(await ofI5([approved('fund'), ...before, revoked('fund')])).toMatchObject([
        { subject: refundId, expected: 'a refund of which nothing was paid' },
      ]);
    expect(await ofI5([revoked('fund')])).toHaveLength(1);
  });
});

it('a refund that came back for good is not out, and not paid again (I5)', async () => {
  const back = [approved('fund'), submitted(), succeeded(), cancelRequested, reversed(), payoutReturned];
  expect(await ofI5(back)).toEqual([]);
  expect(await ofI5([...back, submitted(2, otherKey), succeeded(2, otherKey)])).toMatchObject([
    { expected: 'no transfer after it was cancelled' },
    { expected: 'at most 0.00 CNY, approved and unpaid' },
  ]);
  expect(await ofI5(replaced(back, 'PayoutReversed'))).toMatchObject([
    { found: '100.00 CNY returned, the last transfer being Succeeded', expected: 'none live or paid' },
  ]);
  expect(await ofI5([payoutReturned])).toHaveLength(1);
});

describe('a refund made outside', () => {
  it('pays what is unpaid, and recourse follows', async () => {
    const { violations, books } = await audited(paidOutside);
    expect(violations).toEqual([]);
    for (const account of ['demo/refund:demo.o1.1.v1', 'demo/suspense:alipay', 'demo/merchant:m1:recourse'])
      expect(books.balance(account, 'CNY').minor).toBe(0n);
  });

  it('of a part leaves the rest to a transfer of ours (I5)', async () => {
    const rest = { amount: fen(6_000) };
    const part = tampered(tampered(deadKey, 'TransferSubmitted', rest), 'PayoutSucceeded', rest);
    const before = (stillDue: number) =>
      replaced(part, 'TransferSubmitted', differenceBooked(4_000), refundedOutside(4_000, 0, stillDue), {
        ...part.find(({ type }) => type === 'TransferSubmitted')!,
      });
    expect(await ofI5(before(6_000))).toEqual([]);
    expect(await ofI5(before(5_999))).toMatchObject([
      { subject: refundId, found: '59.99 CNY still due after a refund outside', expected: '60.00 CNY, approved and unpaid' },
    ]);
    expect(await ofI5(tampered(before(6_000), 'PayoutSucceeded', { amount: fen(6_001) }))).toMatchObject([
      { found: 'paid 60.01 CNY', expected: 'at most 60.00 CNY, approved and unpaid' },
    ]);
  });

  it('beside our payment is the buyer’s debt and not a second payment of ours; one that is taken for ours is named (I5)', async () => {
    expect(await ofI5([...deadKey, differenceBooked(10_000), refundedOutside(0, 10_000)])).toEqual([]);
    const twice = [...deadKey, differenceBooked(10_000), refundedOutside(10_000)];
    expect(await ofI5(twice)).toMatchObject([
      { subject: refundId, position: positionOf(twice, 'RefundedOutside'), found: 'paid 100.00 CNY' },
    ]);
    expect(await ofI5(replaced(paidOutside, 'RefundedOutside', refundedOutside(4_000, 6_000, 6_000)))).toMatchObject([
      { found: 'the buyer owes 60.00 CNY of a refund outside', expected: '60.00 CNY to be paid by it first' },
    ]);
  });

  it('while a transfer of ours is live is named, and so is a payment of ours after it (I5)', async () => {
    const beside = replaced(deadKey, 'TransferProcessing', differenceBooked(10_000), refundedOutside(10_000));
    expect(await ofI5(beside)).toMatchObject([
      { found: 'refunded outside', expected: 'transfer 1, live, to be over first' },
      { position: positionOf(beside, 'PayoutSucceeded'), found: 'paid 100.00 CNY' },
    ]);
  });
});
