import { defaultPolicy } from './demo.js';
import {
  makeDataDir,
  problemOf,
  removeDataDir,
  runCli,
  startTestInstallation,
  type TestInstallation,
} from './test-installation.js';

const cny = (fen: number) => ({ asset: 'CNY', minor: String(fen) });
/** The limit nobody configured is 10,000.00. */
const limitFen = 1_000_000;
const maker = 'finance:chen';
const checker = 'finance:lin';

describe('payouts', () => {
  let dataDir: string;
  let house: TestInstallation;
  let consent: { version: number; hash: string };

  const post: TestInstallation['send'] = (...request) => house.send(...request);
  const accepted: TestInstallation['post'] = (...request) => house.post(...request);
  const pay = (transaction: string, fen: number) => accepted('shop', '/sandbox/captures', { transaction, amount: cny(fen) });

  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
    const { hash } = (await accepted('operator:liu', '/policies', { table: await defaultPolicy() })) as { hash: string };
    consent = { version: 1, hash };
    await accepted(maker, '/deposits/m1/agreement', {
      minimum: cny(10_000),
      payeeAccount: 'sandbox-fee-m1',
      rail: 'sandbox',
      termsVersion: 1,
    });
    await pay('deposit-m1', 50_000);
    await accepted(maker, '/deposits/m1/top-ups', { transaction: 'deposit-m1' });
    await pay('fund-1', 100_000);
    const contribution = await accepted(maker, '/fund/contributions', {
      transaction: 'fund-1',
      rail: 'sandbox',
      amount: cny(100_000),
    });
    await accepted(checker, `/fund/contributions/${String(contribution['contributionId'])}/approval`);
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  const order = async (orderNo: string, fen: number) => {
    await accepted('shop', '/orders', {
      orderNo,
      merchant: 'm1',
      buyer: 'b1',
      payeeAccount: 'account-of-b1',
      rail: 'sandbox',
      productKind: 'game-card',
      settlement: 'ESCROW',
      promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: false, sevenDay: false },
      consent,
      lines: [{ product: '点卡', unitPrice: cny(fen), quantity: 1 }],
      fee: cny(100),
    });
    await pay(`tx-${orderNo}`, fen);
    await accepted('shop', `/orders/${orderNo}/payments`, { transaction: `tx-${orderNo}` });
  };
  /** An order that is cancelled before delivery: a refund of all of it, out of its escrow. */
  const refundOf = async (orderNo: string, fen: number): Promise<string> => {
    await order(orderNo, fen);
    await accepted('buyer:b1', `/orders/${orderNo}/cancellation`);
    await house.settle();
    return `demo.${orderNo}.cancel`;
  };
  const settlementOf = async (as: string, orderNo: string, fen: number): Promise<string> => {
    await order(orderNo, fen + 100);
    await accepted('shop', `/orders/${orderNo}/deliveries`, { units: [{ unit: 1, key: `KEY-OF-${orderNo}-0001` }] });
    await accepted('buyer:b1', `/orders/${orderNo}/receipt`, { units: [1] });
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
    await accepted('shop', '/sandbox/verifications', { key: 'KEY-OF-L7-0001', outcome: 'INVALID' });
    await accepted('shop', '/orders/L7/deliveries', { units: [{ unit: 1, key: 'KEY-OF-L7-0001' }] });
    await accepted('buyer:b1', '/orders/L7/units/1/reveal');
    await accepted('buyer:b1', '/orders/L7/receipt', { units: [1] });
    await house.settle();
    await accepted('buyer:b1', '/disputes', { orderNo: 'L7', units: [1], reason: 'key-invalid' });
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
    const verification = runCli('verify', '--json', '--data-dir', dataDir);
    await verification.ended;
    expect(JSON.parse(verification.output())).toMatchObject({ holds: true, violations: [] });
  });
});
