import { makeDataDir, problemOf, removeDataDir, startTestInstallation, type TestInstallation } from './test-installation.js';
import { checker, cny, keysAt, maker, type Market, openMarket } from './test-market.js';

/** The limit nobody configured is 10,000.00. */
const limitFen = 1_000_000;

describe('payouts', () => {
  let dataDir: string;
  let house: TestInstallation;
  let market: Market;

  const post: TestInstallation['send'] = (...request) => house.send(...request);
  const accepted: TestInstallation['post'] = (...request) => house.post(...request);

  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
    market = await openMarket(house);
    await market.agree('m1', { minimum: cny(10_000), payeeAccount: 'sandbox-fee-m1' });
    await market.topUp('m1', 'deposit-m1', 50_000);
    await market.contribute('fund-1', 100_000);
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  const order = (orderNo: string, fen: number) => market.buy(orderNo, keysAt([fen], 100));
  /** An order that is cancelled before delivery: a refund of all of it, out of its escrow. */
  const refundOf = async (orderNo: string, fen: number): Promise<string> => {
    await order(orderNo, fen);
    await accepted('buyer:b1', `/orders/${orderNo}/cancellation`);
    await house.settle();
    return `demo.${orderNo}.cancel`;
  };
  const settlementOf = async (as: string, orderNo: string, fen: number): Promise<string> => {
    await order(orderNo, fen + 100);
    await market.deliverKeys(orderNo);
    await market.confirm(orderNo);
    await house.settle();
    const { payoutId } = (await accepted(as, '/deposits/m1/settlements')) as { payoutId: string };
    await house.settle();
    return payoutId;
  };
  const payout = (payoutId: string) => house.read(maker, `/payouts/${payoutId}`);
  const refund = (refundId: string) => house.read('buyer:b1', `/refunds/${refundId}`);
  const transfersOf = async (payoutId: string) =>
    (await house.transfers()).filter(({ reference }) => reference === payoutId).map(({ state }) => state);
  const account = () => house.read(maker, '/deposits/m1');

  it('a refund above the limit is paid when two people of finance have approved it, and not before', async () => {
    const payoutId = await refundOf('L1', limitFen + 1);
    expect(await payout(payoutId)).toMatchObject({
      status: 'awaiting-approval',
      approval: { limit: cny(limitFen), firstBy: null, approvedBy: null },
    });
    const waiting = (await house.read(maker, '/payouts?status=awaiting-approval')) as { payouts: { payoutId: string }[] };
    expect(waiting.payouts.map((one) => one.payoutId)).toEqual([payoutId]);
    expect(await house.read('buyer:b1', `/payouts/${payoutId}`)).not.toHaveProperty('approval');

    expect(await accepted(maker, `/payouts/${payoutId}/approval`)).toMatchObject({ status: 'awaiting-approval' });
    expect(problemOf(await post(maker, `/payouts/${payoutId}/approval`))).toBe('403 same-subject');
    expect(problemOf(await post('operator:liu', `/payouts/${payoutId}/approval`))).toBe('403 role-not-allowed');
    await house.settle();
    expect(await transfersOf(payoutId)).toEqual([]);

    expect(await accepted(checker, `/payouts/${payoutId}/approval`)).toMatchObject({ status: 'approved' });
    await house.settle();
    expect(await payout(payoutId)).toMatchObject({
      status: 'succeeded',
      approval: { firstBy: 'finance-chen', approvedBy: 'finance-lin' },
    });
    expect(await transfersOf(payoutId)).toEqual(['Succeeded']);
    expect(problemOf(await post(checker, `/payouts/${payoutId}/approval`))).toBe('409 not-awaiting-approval');
  });

  it('a refund of exactly the limit needs nobody', async () => {
    expect(await transfersOf(await refundOf('L2', limitFen))).toEqual(['Succeeded']);
  });

  it('a refund may be sent back with a reason and is then approved anew; nobody can take it from the buyer', async () => {
    const payoutId = await refundOf('L3', limitFen + 1);
    await accepted(maker, `/payouts/${payoutId}/approval`);
    await accepted(checker, `/payouts/${payoutId}/hold`, { reason: '金额与订单不符，请复核' });
    expect(await payout(payoutId)).toMatchObject({
      status: 'held',
      detail: '金额与订单不符，请复核',
      approval: { firstBy: null },
    });
    for (const as of [maker, 'operator:liu'])
      expect(problemOf(await post(as, `/payouts/${payoutId}/cancellation`, { reason: 'too much' }))).toBe('409 refund-is-owed');
    expect(problemOf(await post(checker, `/payouts/${payoutId}/hold`, { reason: '' }))).toBe('400 invalid-input');
    for (const as of [checker, maker]) await accepted(as, `/payouts/${payoutId}/approval`);
    await house.settle();
    expect(await transfersOf(payoutId)).toEqual(['Succeeded']);
  });

  it('a settlement above the limit is approved by another than who asked for it, and the rail takes its fee', async () => {
    const before = await house.balances();
    const payoutId = await settlementOf(maker, 'L4', limitFen + 1);
    expect(await payout(payoutId)).toMatchObject({ status: 'awaiting-approval', approval: { firstBy: 'finance-chen' } });
    expect(problemOf(await post(maker, `/payouts/${payoutId}/approval`))).toBe('403 same-subject');
    expect(await accepted(checker, `/payouts/${payoutId}/approval`)).toMatchObject({ status: 'approved' });
    await house.settle();
    expect(await transfersOf(payoutId)).toEqual(['Succeeded']);
    // As credits less debits: the buyer paid 100 of fee on top, the rail takes 10 for the settlement.
    const after = await house.balances();
    const moved = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    expect([moved('platform:gateway-cost'), moved('gateway:sandbox'), moved('platform:fees')]).toEqual([-10, 10 - 100, 100]);
  });

  it('a settlement that is cancelled before it was sent gives the merchant his proceeds back', async () => {
    const payoutId = await settlementOf('merchant:m1', 'L5', limitFen + 1);
    expect(await account()).toMatchObject({ payable: cny(0) });
    const [approval, cancellation] = await Promise.all([
      post(checker, `/payouts/${payoutId}/approval`),
      post('operator:liu', `/payouts/${payoutId}/cancellation`, { reason: '商户要求改日结算' }),
    ]);
    expect([200, 409]).toContain(approval.status);
    expect(cancellation.status).toBe(200);
    await house.settle();
    // Approved and sent before the cancellation came, or cancelled: never both.
    const isPaid = (await transfersOf(payoutId)).length > 0;
    expect(await payout(payoutId)).toMatchObject({ status: isPaid ? 'succeeded' : 'cancelled' });
    expect(await account()).toMatchObject({ payable: cny(isPaid ? 0 : limitFen + 1) });
    expect(problemOf(await post(checker, `/payouts/${payoutId}/approval`))).toBe('409 not-awaiting-approval');
  });

  it('a cancelled settlement is answered: it is paid already', async () => {
    const payoutId = await settlementOf('merchant:m1', 'L6', 700).then(async (id) => {
      for (const as of [maker, checker]) await post(as, `/payouts/${id}/approval`);
      await house.settle();
      return id;
    });
    const answer = await accepted(maker, `/payouts/${payoutId}/cancellation`, { reason: '商户要求改日结算' });
    expect(answer).toMatchObject({ cancellation: 'already-paid' });
    expect(await payout(payoutId)).toMatchObject({ status: 'succeeded' });
    // It comes back after all: it is his again, and is not sent out a second time.
    const { payable } = (await account()) as { payable: { minor: string } };
    const { amount } = (await payout(payoutId)) as { amount: { minor: string } };
    await accepted('operator:liu', '/sandbox/reversals', { payoutId, transferNo: 1 });
    await house.settle();
    expect(await payout(payoutId)).toMatchObject({ status: 'cancelled' });
    expect(await transfersOf(payoutId)).toEqual(['Reversed']);
    expect(await account()).toMatchObject({ payable: cny(Number(payable.minor) + Number(amount.minor)) });
  });

  it('a refund that comes back is paid again, and the recourse it started stands', async () => {
    await order('L7', 5_000);
    await market.deliverKeys('L7', [1], 'INVALID');
    await market.reveal('L7');
    await market.confirm('L7');
    await house.settle();
    await market.claim('L7');
    await house.settle();
    const refundId = 'demo.L7.1.v1';
    expect(await refund(refundId)).toMatchObject({ status: 'paid', recovered: cny(4_900), payments: [{ transferNo: 1 }] });
    const books = await house.balances();

    expect(problemOf(await post('shop', '/sandbox/reversals', { payoutId: refundId, transferNo: 2 }))).toBe(
      '409 nothing-to-reverse',
    );
    await accepted('shop', '/sandbox/reversals', { payoutId: refundId, transferNo: 1 });
    await house.settle();
    expect(await refund(refundId)).toMatchObject({
      status: 'paid',
      recovered: cny(4_900),
      outstanding: cny(0),
      payments: [
        { transferNo: 1, reversalCode: 'PAYEE_ACCOUNT_CLOSED', reversedAt: expect.any(String) as string },
        { transferNo: 2, paidAt: expect.any(String) as string },
      ],
    });
    expect(await transfersOf(refundId)).toEqual(['Reversed', 'Succeeded']);
    expect(await house.balances()).toEqual(books);
  });

  it('leave books that verify', async () => {
    expect(await market.verify()).toMatchObject({ holds: true, violations: [] });
  });
});
