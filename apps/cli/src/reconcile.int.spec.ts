import { plusDays, shanghaiDay } from '@recourse/eventing';
import { money } from '@recourse/money';
import { openSandboxRail } from '@recourse/rails';
import {
  makeDataDir,
  problemOf,
  removeDataDir,
  runCli,
  startTestInstallation,
  type TestInstallation,
} from './test-installation.js';
import { checker, cny, keysAt, maker, type Market, openMarket } from './test-market.js';

/** The limit nobody configured is 10,000.00. */
const limitFen = 1_000_000;

interface Difference {
  readonly differenceId: string;
  readonly kind: string;
  readonly direction: string;
  readonly amount: object;
  readonly status: string;
}

describe('reconciliation', () => {
  let dataDir: string;
  let house: TestInstallation;
  let market: Market;

  const post: TestInstallation['send'] = (...request) => house.send(...request);
  const accepted: TestInstallation['post'] = (...request) => house.post(...request);

  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
    market = await openMarket(house);
    await market.agree('m1', { minimum: cny(10_000) });
    await market.topUp('m1', 'deposit-m1', 3 * limitFen);
    await market.contribute('fund-1', 5 * limitFen);
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  /** A dead key after its escrow was released: a refund out of the fund, with recourse against the merchant. */
  const refundOf = async (orderNo: string, fen: number, payeeAccount = 'account-of-b1'): Promise<string> => {
    await market.buy(orderNo, { payeeAccount, ...keysAt([fen], 100) });
    await market.deliverKeys(orderNo, [1], 'INVALID');
    await market.reveal(orderNo);
    await market.confirm(orderNo);
    await house.settle();
    await market.claim(orderNo);
    await house.settle();
    return `demo.${orderNo}.1.v1`;
  };
  const outside = (movementId: string, what: string, direction: 'in' | 'out', fen: number, reference?: string) =>
    accepted(maker, '/sandbox/movements', {
      movementId,
      what,
      direction,
      amount: cny(fen),
      ...(reference === undefined ? {} : { reference }),
    });
  const today = async () => shanghaiDay(await house.now());
  const nextDay = async () => house.settle(plusDays(await house.now(), 1));
  const reconcile = (day: string) => accepted(maker, `/reconciliation/sandbox/${day}`);
  const listed = async (query = 'status=open'): Promise<readonly Difference[]> =>
    ((await house.read(maker, `/reconciliation/differences?${query}`)) as { differences: Difference[] }).differences;
  const onlyOpen = async (): Promise<Difference> => {
    const [one, ...more] = await listed();
    if (one === undefined || more.length > 0) throw new Error(`not one difference is open: ${JSON.stringify([one, ...more])}`);
    return one;
  };
  const difference = (id: string) => house.read(maker, `/reconciliation/differences/${id}`);
  const payout = (payoutId: string) => house.read(maker, `/payouts/${payoutId}`);
  const refund = (refundId: string) => house.read('buyer:b1', `/refunds/${refundId}`);
  const transfersOf = async (payoutId: string) =>
    (await house.transfers())
      .filter(({ reference }) => reference === payoutId)
      .map(({ state, amount }) => `${state} ${amount.minor}`);
  /** Credits less debits. */
  const balanceOf = async (account: string): Promise<number> => (await house.balances()).get(account) ?? 0;

  it('a refund made outside, of one that waits for approval, pays it: recourse follows and the buyer is not paid again', async () => {
    const refundId = await refundOf('R1', limitFen + 100);
    expect(await payout(refundId)).toMatchObject({ status: 'awaiting-approval' });
    const owed = await balanceOf(`refund:${refundId}`);
    expect(owed).toBe(limitFen + 100);
    await outside('console-1', 'refund', 'out', owed, 'tx-R1');
    const day = await today();
    expect(problemOf(await post(maker, `/reconciliation/sandbox/${day}`))).toBe('409 day-not-over');
    await nextDay();
    expect(await market.verify()).toMatchObject({ holds: false, violations: [{ invariant: 'I8' }] });

    expect(await reconcile(day)).toMatchObject({ lines: 4, agreed: 3, booked: 1, heard: 0 });
    expect(await reconcile(day)).toMatchObject({ lines: 4, agreed: 3, booked: 0 });
    const found = await onlyOpen();
    expect(found).toMatchObject({
      kind: 'refund',
      direction: 'out',
      amount: cny(owed),
      reference: 'tx-R1',
      orderId: 'demo.R1',
      ageDays: 1,
    });
    expect(await balanceOf('suspense:sandbox')).toBe(-owed);
    expect(await difference(found.differenceId)).toMatchObject({
      refunds: [{ refundId, status: 'funded', amount: cny(owed) }],
      needsCase: false,
    });

    const path = `/reconciliation/differences/${found.differenceId}/refund`;
    expect(problemOf(await post(maker, path, { refundId: 'demo.R9.1.v1' }))).toBe('404 payout-unknown');
    expect(problemOf(await post('operator:liu', path, { refundId }))).toBe('403 role-not-allowed');
    expect(await accepted(maker, path, { refundId })).toMatchObject({ status: 'clearing' });
    await house.settle();
    expect(await difference(found.differenceId)).toMatchObject({ status: 'cleared', refundId, settledBy: 'finance-chen' });
    expect(await payout(refundId)).toMatchObject({ status: 'succeeded', detail: 'refunded outside', payments: [] });
    expect(await refund(refundId)).toMatchObject({ status: 'paid', recovered: cny(limitFen), outstanding: cny(0) });
    expect(await transfersOf(refundId)).toEqual([]);
    expect(await balanceOf(`refund:${refundId}`)).toBe(0);
    expect(await balanceOf('suspense:sandbox')).toBe(0);
    expect(problemOf(await post(checker, `/payouts/${refundId}/approval`))).toBe('409 not-awaiting-approval');
    expect(problemOf(await post(maker, path, { refundId }))).toBe('409 difference-settled');
    expect(await reconcile(day)).toMatchObject({ booked: 0 });
    expect(await market.verify()).toMatchObject({ holds: true, violations: [] });
  });

  it('a refund made outside, of one that was paid already, is the buyer’s debt', async () => {
    const refundId = await refundOf('R2', 5_000);
    expect(await transfersOf(refundId)).toEqual(['Succeeded 5000']);
    const other = await refundOf('R3', 5_000);
    await outside('console-2', 'refund', 'out', 5_000, 'tx-R2');
    const day = await today();
    await nextDay();
    await reconcile(day);
    const { differenceId } = await onlyOpen();
    const path = `/reconciliation/differences/${differenceId}/refund`;
    expect(problemOf(await post(maker, path, { refundId: other }))).toBe('422 other-order');
    await accepted(maker, path, { refundId });
    await house.settle();
    expect(await difference(differenceId)).toMatchObject({ status: 'cleared', refundId });
    expect(await balanceOf('buyer:b1:owed')).toBe(-5_000);
    expect(await refund(refundId)).toMatchObject({ status: 'paid', recovered: cny(4_900) });
    expect(await transfersOf(refundId)).toEqual(['Succeeded 5000']);
  });

  it('what that buyer repays is money that the books know', async () => {
    const { debts } = (await house.read(maker, '/buyer-debts')) as { debts: { debtId: string }[] };
    await market.capture('back-R2', 5_000);
    const debtId = String(debts[0]?.debtId);
    await accepted(maker, `/buyer-debts/${debtId}/repayments`, { rail: 'sandbox', transaction: 'back-R2' });
    const day = await today();
    await nextDay();
    expect(await reconcile(day)).toMatchObject({ lines: 1, agreed: 1, booked: 0 });
    expect([await balanceOf('buyer:b1:owed'), await balanceOf('suspense:sandbox')]).toEqual([0, 0]);
  });

  it('a part that was refunded outside leaves the rest to us', async () => {
    const refundId = await refundOf('R4', limitFen + 100);
    await outside('console-3', 'refund', 'out', 400_000, 'tx-R4');
    const day = await today();
    await nextDay();
    await reconcile(day);
    await accepted(maker, `/reconciliation/differences/${(await onlyOpen()).differenceId}/refund`, { refundId });
    await house.settle();
    expect(await listed()).toEqual([]);
    expect(await payout(refundId)).toMatchObject({ status: 'awaiting-approval' });
    expect(await refund(refundId)).toMatchObject({ recovered: cny(0) });
    for (const as of [maker, checker]) await accepted(as, `/payouts/${refundId}/approval`);
    await house.settle();
    expect(await transfersOf(refundId)).toEqual([`Succeeded ${limitFen + 100 - 400_000}`]);
    expect(await refund(refundId)).toMatchObject({ status: 'paid', recovered: cny(limitFen) });
    expect(await balanceOf(`refund:${refundId}`)).toBe(0);
  });

  it('a fee that nobody can explain is written off by two people', async () => {
    await outside('fee-1', 'fee', 'out', 88);
    const day = await today();
    await nextDay();
    await reconcile(day);
    const { differenceId } = await onlyOpen();
    const path = `/reconciliation/differences/${differenceId}`;
    const refundId = 'demo.R2.1.v1';
    expect(problemOf(await post(maker, `${path}/refund`, { refundId }))).toBe('422 not-a-refund');
    expect(problemOf(await post(checker, `${path}/write-off/approval`))).toBe('409 not-proposed');
    await accepted(maker, `${path}/write-off`, { reason: '渠道也查不到来源' });
    expect(problemOf(await post(maker, `${path}/write-off/approval`))).toBe('403 same-subject');
    expect(problemOf(await post('merchant:m1', `${path}/write-off/approval`))).toBe('403 role-not-allowed');
    expect(await accepted(checker, `${path}/write-off/approval`)).toMatchObject({ status: 'written-off', amount: cny(88) });
    expect(await difference(differenceId)).toMatchObject({
      status: 'written-off',
      proposedBy: 'finance-chen',
      settledBy: 'finance-lin',
    });
    expect([await balanceOf('platform:losses'), await balanceOf('suspense:sandbox')]).toEqual([-88, 0]);
    expect(problemOf(await post(checker, `${path}/write-off/approval`))).toBe('409 difference-settled');
  });

  it('the bill is the rail’s word on a transfer of which no answer ever came', async () => {
    const refundId = await refundOf('R5', 5_000, 'sandbox-unknown-forever-b1');
    expect(await payout(refundId)).toMatchObject({ status: 'unknown' });
    const day = await today();
    await nextDay();
    expect(await payout(refundId)).toMatchObject({ status: 'unknown' });
    expect(await reconcile(day)).toMatchObject({ heard: 1, booked: 0 });
    await house.settle();
    expect(await payout(refundId)).toMatchObject({ status: 'succeeded' });
    expect(await refund(refundId)).toMatchObject({ status: 'paid', recovered: cny(4_900) });
  });

  it('money that came in before we were told is explained by the books when they have it', async () => {
    await market.capture('deposit-m1-late', 700);
    const day = await today();
    await nextDay();
    const cli = async () => {
      const run = runCli('reconcile', '--rail', 'sandbox', '--day', day, '--data-dir', dataDir, '--json');
      const { code } = await run.ended;
      return { code, ...(JSON.parse(run.output()) as object) };
    };
    const open = [{ kind: 'capture', direction: 'in', amount: '7.00 CNY', reference: 'deposit-m1-late' }];
    expect(await cli()).toMatchObject({ code: 1, booked: 1, open });
    expect(await cli()).toMatchObject({ code: 1, booked: 0, open });
    expect(await balanceOf('suspense:sandbox')).toBe(700);
    await accepted(maker, '/deposits/m1/top-ups', { transaction: 'deposit-m1-late' });
    expect(await cli()).toMatchObject({ code: 0, booked: 0, explained: 1, open: [] });
    expect(await balanceOf('suspense:sandbox')).toBe(0);
    expect((await listed('status=cleared')).at(-1)).toMatchObject({ settledBy: 'system:reconcile' });
    const wrong = runCli('reconcile', '--rail', 'alipay', '--day', day, '--data-dir', dataDir);
    expect((await wrong.ended).code).toBe(2);
  });

  it('a bill is read page by page, and to its end', async () => {
    const rail = openSandboxRail({ db: house.database.db, now: () => house.now() });
    const [day, capturedAt] = [await today(), await house.now()];
    const names = Array.from({ length: 501 }, (_, index) => `stray-${index}`);
    for (const transaction of names)
      await rail.recordCapture({ transaction, amount: money(1n), receiver: 'recourse-platform', capturedAt });
    await nextDay();
    const { next, ...first } = await reconcile(day);
    expect(first).toMatchObject({ lines: 500, booked: 500 });
    expect(await accepted(maker, `/reconciliation/sandbox/${day}`, { after: next })).toMatchObject({ lines: 1, booked: 1 });
    const run = runCli('reconcile', '--rail', 'sandbox', '--day', day, '--data-dir', dataDir);
    expect((await run.ended).code).toBe(1);
    expect(run.output()).toContain(`sandbox on ${day}: 501 lines, 0 agree (0 heard from the bill), 0 differences booked`);
    expect(await balanceOf('suspense:sandbox')).toBe(501);
  });

  it('days and rails that do not exist have no bill', async () => {
    expect(problemOf(await post(maker, '/reconciliation/sandbox/2026-02-31'))).toBe('404 day-unknown');
    expect(problemOf(await post(maker, '/reconciliation/nowhere/2026-03-01'))).toBe('422 rail-unknown');
    expect(problemOf(await post('merchant:m1', '/reconciliation/sandbox/2026-03-01'))).toBe('403 role-not-allowed');
    const foreign = await house.client.get(maker, '/reconciliation/differences/sandbox.2026-03-01.movement-99');
    expect(problemOf(foreign)).toBe('404 difference-unknown');
  });

  it('leaves books that verify', async () => {
    expect(await market.verify()).toMatchObject({ holds: true, violations: [] });
  });
});
