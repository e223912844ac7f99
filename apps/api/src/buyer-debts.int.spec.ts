import { randomUUID } from 'node:crypto';
import type { BuyerDebtEvent, PayoutEvent } from '@recourse/compensation/events';
import { eventsOf, systemActor, type Event, type Recorded } from '@recourse/eventing';
import { Audit, type DomainEvent } from '@recourse/ledger';
import { fromJson, money, zero } from '@recourse/money';
import type { OrderEvent } from '@recourse/orders/events';
import { type Answer, cny, type Market, openMarket, startTestApi, type TestApi } from './testbed.js';

let api: TestApi;
let market: Market;
let people: { chen: string; lin: string; operator: string; buyer: string };

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  await api.startReaders();
  people = {
    chen: await api.person('finance', 'chen'),
    lin: await api.person('finance', 'lin'),
    operator: await api.person('operator', 'liu'),
    buyer: await api.person('buyer', 'b1'),
  };
  await api.settled();
});
afterAll(() => api.close());

const price = money(5_000n);
const problem = ({ body }: Answer) => body.type?.replace('urn:recourse:problem:', '');
const refusal = (answer: Answer) => [answer.status, problem(answer)];
const ask = (as: string, path: string, body: object = {}, key: string = randomUUID()) =>
  api.call({ method: 'POST', as, path, body, key });
const capture = (transaction: string, minor: number, asset = 'CNY') =>
  api.post(api.shop, '/sandbox/captures', { transaction, amount: { asset, minor: String(minor) } });
const repay = (debtId: string, transaction: string, key?: string) =>
  ask(people.chen, `/buyer-debts/${debtId}/repayments`, { rail: 'sandbox', transaction }, key);
const debt = async (debtId: string) => (await api.get(people.chen, `/buyer-debts/${debtId}`)).body;
const list = async () => (await api.get(people.chen, '/buyer-debts')).body as { debts: { debtId: string }[]; totals: object[] };
const fundHas = async () => {
  const { body } = await api.get(people.chen, '/fund');
  const { available, advanced } = (body['funds'] as Record<'available' | 'advanced', ReturnType<typeof cny>>[])[0]!;
  return { available: Number(fromJson(available).minor), advanced: Number(fromJson(advanced).minor) };
};

/** What only a rail, or another part of the house, says: appended as it would be. */
async function happens(stream: string, ...events: readonly Event[]): Promise<void> {
  await api.settled();
  const { eventStore, clock } = api.adapters;
  const [last] = await eventStore.readStream(stream, { direction: 'backwards', limit: 1 });
  const at = await clock.now();
  const actor = systemActor('test', 'demo');
  const metadata = events.map(() => {
    const commandId = randomUUID();
    return { commandId, correlationId: commandId, actor, schemaVersion: 1, recordedAt: at, effectiveAt: at };
  });
  const outcome = await eventStore.append(stream, last?.revision ?? 'no_stream', events, metadata);
  expect(outcome.status).toBe('appended');
  await api.settled();
}

const payoutSays = eventsOf<PayoutEvent>();
const orderSays = eventsOf<OrderEvent>();
const debtSays = eventsOf<BuyerDebtEvent>();
const at = '2026-03-01T02:00:00.000Z';
const placeOf = (orderNo: string) => {
  const orderId = `demo.${orderNo}`;
  const refundId = `${orderId}.cancel`;
  const purpose = { kind: 'refund', refundId, orderId, buyer: 'b1', merchant: 'm1' } as const;
  return { orderId, refundId, payout: { payoutId: refundId, platform: 'demo', purpose, rail: 'sandbox', amount: price } };
};
const transferOf = (orderNo: string) => ({ transferNo: 1, key: orderNo.padStart(32, '0').toLowerCase() });

/** Paid, cancelled before delivery, and 50.00 paid back. */
async function refunded(orderNo: string): Promise<string> {
  const { refundId, payout } = placeOf(orderNo);
  await api.post(api.shop, '/orders', market.orderBody(orderNo));
  await capture(`tx-${orderNo}`, 5_000);
  await api.post(api.shop, `/orders/${orderNo}/payments`, { transaction: `tx-${orderNo}` });
  await api.post(people.buyer, `/orders/${orderNo}/cancellation`);
  const transfer = transferOf(orderNo);
  await happens(
    `payout-${refundId}`,
    payoutSays('TransferSubmitted', { ...payout, ...transfer, payee: 'person-1', submittedAt: at }),
    payoutSays('PayoutSucceeded', { ...payout, ...transfer, railTransferId: `rail-${orderNo}`, succeededAt: at }),
  );
  return refundId;
}
const overturn = (orderNo: string) => {
  const { orderId, refundId } = placeOf(orderNo);
  return happens(
    `order-${orderId}`,
    orderSays('RefundOverturned', {
      platform: 'demo',
      merchant: 'm1',
      buyer: 'b1',
      payee: 'person-1',
      rail: 'sandbox',
      refundId,
      orderId,
      disputeId: `${orderId}.1`,
      units: [1],
      amount: price,
      escrowLoss: zero(),
      recourse: zero(),
      buyerOwes: price,
      overturnedAt: at,
    }),
  );
};
const comeBack = (orderNo: string) => {
  const { refundId, payout } = placeOf(orderNo);
  const reversal = { ...payout, ...transferOf(orderNo), railTransferId: `rail-${orderNo}`, code: 'CLOSED', reversedAt: at };
  return happens(
    `payout-${refundId}`,
    payoutSays('PayoutReversed', reversal),
    payoutSays('PayoutReturned', { ...payout, isFraud: true, returnedAt: at }),
  );
};
/** A buyer who got 50.00 by deceit, and owes it. */
async function deceived(orderNo: string): Promise<string> {
  const refundId = await refunded(orderNo);
  await overturn(orderNo);
  return refundId;
}

it('what a buyer got by deceit he owes, and it ages by days of Shanghai', async () => {
  const before = await fundHas();
  const debtId = await deceived('F1');
  expect(await debt(debtId)).toMatchObject({
    debtId,
    kind: 'fraud',
    buyer: 'b1',
    merchant: 'm1',
    refundId: debtId,
    amount: cny(5_000),
    outstanding: cny(5_000),
    days: 0,
    age: 'days0to7',
  });
  expect(await fundHas()).toEqual({ ...before, advanced: before.advanced + 5_000 });
  // 09:00 in Shanghai when the test began: seven midnights later it is seven days old, eight later it is older.
  await api.post(people.operator, '/clock/advance', { to: '2026-03-08T15:59:59.999Z' });
  expect((await list()).totals).toEqual([
    {
      asset: 'CNY',
      debts: 1,
      outstanding: cny(5_000),
      days0to7: cny(5_000),
      days8to30: cny(0),
      days31to90: cny(0),
      over90: cny(0),
    },
  ]);
  await api.post(people.operator, '/clock/advance', { to: '2026-03-08T16:00:00.000Z' });
  expect(await debt(debtId)).toMatchObject({ days: 8, age: 'days8to30' });
  expect((await list()).totals).toMatchObject([{ days0to7: cny(0), days8to30: cny(5_000) }]);
});

it('what he repays is the fund’s again, once the rail confirms it, and counts once', async () => {
  const debtId = await deceived('F2');
  const before = await fundHas();
  await capture('back-1', 2_000);
  const key = randomUUID();
  const first = await repay(debtId, 'back-1', key);
  expect(first.body).toMatchObject({ debtId, amount: cny(2_000), outstanding: cny(3_000) });
  const again = await repay(debtId, 'back-1', key);
  expect([again.body, again.headers.get('Idempotency-Replayed')]).toEqual([first.body, 'true']);
  expect(refusal(await repay(debtId, 'back-1'))).toEqual([409, 'owned-by-another']);
  await api.settled();
  expect(await debt(debtId)).toMatchObject({ repaid: cny(2_000), outstanding: cny(3_000) });
  expect(await fundHas()).toEqual({ available: before.available + 2_000, advanced: before.advanced - 2_000 });

  await capture('back-2', 3_000);
  expect((await repay(debtId, 'back-2')).body).toMatchObject({ outstanding: cny(0) });
  await api.settled();
  expect((await list()).debts.map((one) => one.debtId)).not.toContain(debtId);
  await capture('back-3', 1);
  expect(refusal(await repay(debtId, 'back-3'))).toEqual([409, 'nothing-owed']);
});

it('more than he owes is refused as a whole, and the payment stays free for what it is for', async () => {
  const debtId = await deceived('F3');
  await capture('too-much', 5_001);
  expect(refusal(await repay(debtId, 'too-much'))).toEqual([409, 'more-than-owed']);
  await api.settled();
  expect(await debt(debtId)).toMatchObject({ outstanding: cny(5_000), repaid: cny(0) });
  const contribution = { transaction: 'too-much', rail: 'sandbox', amount: cny(5_001) };
  expect((await ask(people.chen, '/fund/contributions', contribution)).status).toBe(201);
});

it('of two repayments at the same moment that are too much together, one counts', async () => {
  const debtId = await deceived('F8');
  await capture('race-1', 3_000);
  await capture('race-2', 3_000);
  const answers = await Promise.all([repay(debtId, 'race-1'), repay(debtId, 'race-2')]);
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
  expect(answers.map(problem)).toContain('more-than-owed');
  await api.settled();
  expect(await debt(debtId)).toMatchObject({ repaid: cny(3_000), outstanding: cny(2_000) });
  await capture('race-3', 2_000);
  expect(refusal(await repay(placeOf('F3').refundId, answers[0]!.status === 200 ? 'race-1' : 'race-2'))).toEqual([
    409,
    'owned-by-another',
  ]);
  expect((await repay(debtId, 'race-3')).body).toMatchObject({ outstanding: cny(0) });
});

it('says what is wrong with a repayment', async () => {
  const debtId = placeOf('F3').refundId;
  expect(refusal(await repay(debtId, 'never-came'))).toEqual([422, 'capture-unconfirmed']);
  await capture('dollars', 100, 'USD');
  expect(refusal(await repay(debtId, 'dollars'))).toEqual([422, 'asset-mismatch']);
  expect(refusal(await repay('demo.none', 'dollars'))).toEqual([404, 'debt-unknown']);
  expect(refusal(await repay('demo%2Fnone', 'dollars'))).toEqual([404, 'debt-unknown']);
  const elsewhere = await api.person('finance', 'chen', { platform: 'other' });
  const stranger = await ask(elsewhere, `/buyer-debts/${debtId}/repayments`, { rail: 'sandbox', transaction: 'dollars' });
  expect(refusal(stranger)).toEqual([404, 'debt-unknown']);
  expect(refusal(await api.get(elsewhere, `/buyer-debts/${debtId}`))).toEqual([404, 'debt-unknown']);
  expect((await api.get(elsewhere, '/buyer-debts')).body).toMatchObject({ totals: [], debts: [] });
  const wrong = await ask(people.chen, `/buyer-debts/${debtId}/repayments`, { rail: 'wampum', transaction: 'x' });
  expect(refusal(wrong)).toEqual([422, 'rail-unknown']);
});

it('a refund that comes back pays what is still owed; what he had repaid before is not paid out again', async () => {
  const debtId = await deceived('F4');
  await capture('back-4', 2_000);
  expect((await repay(debtId, 'back-4')).status).toBe(200);
  await api.settled();
  const before = await fundHas();
  await comeBack('F4');
  expect(await debt(debtId)).toMatchObject({ repaid: cny(2_000), returned: cny(3_000), outstanding: cny(0) });
  expect(await fundHas()).toEqual({ available: before.available + 5_000, advanced: before.advanced - 3_000 });
});

it('a refund that comes back before the debt is opened pays it all the same', async () => {
  const before = await fundHas();
  const refundId = await refunded('F5');
  await comeBack('F5');
  expect(await fundHas()).toEqual(before);
  await overturn('F5');
  expect(await debt(refundId)).toMatchObject({ amount: cny(5_000), returned: cny(5_000), outstanding: cny(0) });
  expect(await fundHas()).toEqual({ ...before, available: before.available + 5_000 });
});

it('two people write a debt off, for what is outstanding by then', async () => {
  const debtId = await deceived('F6');
  const path = `/buyer-debts/${debtId}/write-off`;
  const reason = 'the account is closed';
  expect(refusal(await ask(people.lin, `${path}/approval`))).toEqual([409, 'not-proposed']);
  expect((await ask(people.chen, path, { reason })).body).toMatchObject({ status: 'proposed', amount: cny(5_000) });
  expect(refusal(await ask(people.chen, `${path}/approval`))).toEqual([403, 'same-subject']);
  expect(refusal(await ask(people.lin, path, { reason }))).toEqual([409, 'already-proposed']);
  expect(refusal(await ask(people.operator, `${path}/approval`))).toEqual([403, 'role-not-allowed']);
  await capture('back-6', 1_000);
  await repay(debtId, 'back-6');
  await api.settled();
  const before = await fundHas();
  expect((await ask(people.lin, `${path}/approval`)).body).toMatchObject({
    status: 'written-off',
    amount: cny(4_000),
    proposedBy: 'finance-chen',
    approvedBy: 'finance-lin',
  });
  await api.settled();
  expect(await debt(debtId)).toMatchObject({
    outstanding: cny(0),
    writtenOff: cny(4_000),
    writeOff: { reason, proposedBy: 'finance-chen', approvedBy: 'finance-lin' },
  });
  expect(await fundHas()).toEqual({ ...before, advanced: before.advanced - 4_000 });
  expect(refusal(await ask(people.lin, `${path}/approval`))).toEqual([409, 'nothing-owed']);
  await capture('back-7', 1);
  expect(refusal(await repay(debtId, 'back-7'))).toEqual([409, 'nothing-owed']);
});

it('the books are in order after all that: nothing is owed but what is open, and verify finds nothing', async () => {
  const events = api.adapters.eventStore.readAll<Recorded<DomainEvent>>();
  const { violations, books } = await new Audit().run(events, { now: await api.adapters.clock.now(), toleranceMs: 60_000 });
  expect(violations).toEqual([]);
  // F1 and F3.
  expect(books.balance('demo/buyer:b1:owed')).toEqual(money(10_000n));
  expect(books.balance('demo/fund:advanced')).toEqual(money(10_000n));
  const { body } = await api.get(people.chen, '/ledger/accounts/buyer:b1:owed/statement');
  expect(body).toMatchObject({ account: 'demo/buyer:b1:owed', kind: 'owed', closing: [cny(10_000)] });
});

it('who was paid twice repays the gateway, and the fund has nothing of it', async () => {
  const { refundId } = placeOf('F7');
  await refunded('F7');
  const debtId = `${refundId}.outside`;
  const owed = { debtId, platform: 'demo', buyer: 'b7', merchant: 'm1', refundId, kind: 'double-payment' } as const;
  await happens(`buyerdebt-${debtId}`, debtSays('BuyerDebtOpened', { ...owed, amount: price, outstanding: price, openedAt: at }));
  const before = await fundHas();
  await capture('back-8', 5_000);
  expect((await repay(debtId, 'back-8')).body).toMatchObject({ outstanding: cny(0) });
  await api.settled();
  expect(await fundHas()).toEqual(before);
  const booked = async () => {
    const [last] = await api.adapters.eventStore.readStream('fund-demo.CNY.0001', { direction: 'backwards', limit: 1 });
    return { type: last?.type, ...(last?.data as object) };
  };
  expect(await booked()).toMatchObject({
    type: 'DoublePaymentRepaid',
    debtId,
    buyer: 'b7',
    amount: price,
    transaction: 'back-8',
  });

  // Paid a third time, three days later.
  await api.post(people.operator, '/clock/advance', { to: '2026-03-12T01:00:00.000Z' });
  const amount = money(2_000n);
  const openedAt = '2026-03-12T01:00:00.000Z';
  await happens(`buyerdebt-${debtId}`, debtSays('BuyerDebtOpened', { ...owed, amount, outstanding: amount, openedAt }));
  expect(await debt(debtId)).toMatchObject({
    amount: cny(7_000),
    repaid: cny(5_000),
    outstanding: cny(2_000),
    openedAt,
    days: 0,
  });
  await ask(people.chen, `/buyer-debts/${debtId}/write-off`, { reason: 'not to be found' });
  await ask(people.lin, `/buyer-debts/${debtId}/write-off/approval`);
  await api.settled();
  expect(await booked()).toMatchObject({ type: 'BuyerDebtWrittenOff', debtId, kind: 'double-payment', amount });
  expect(await fundHas()).toEqual(before);
  const { body } = await api.get(people.chen, '/ledger/accounts/platform:losses/statement');
  expect(body).toMatchObject({ kind: 'losses', closing: [cny(2_000)] });
});
