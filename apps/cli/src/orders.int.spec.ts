import { plusMs } from '@recourse/eventing';
import {
  makeDataDir,
  movesBetween,
  problemOf,
  removeDataDir,
  runCli,
  startTestInstallation,
  type TestInstallation,
} from './test-installation.js';
import { cny, keysAt, type Market, openMarket } from './test-market.js';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const price = 5_000;

/** Orders over the API of a running installation, and their money in the journal and in the book of the rail. */
describe('the money of an order', () => {
  let dataDir: string;
  let house: TestInstallation;
  let market: Market;

  const send: TestInstallation['send'] = (...request) => house.send(...request);
  const post: TestInstallation['post'] = (...request) => house.post(...request);
  const read = (path: string) => house.read('finance:f1', path);
  const orderBody = (orderNo: string, change?: object) =>
    market.orderBody(orderNo, {
      buyer: `buyer-${orderNo}`,
      payeeAccount: `account-of-${orderNo}`,
      ...keysAt([price], 250),
      ...change,
    });
  const place = (orderNo: string, change?: object) => post('shop', '/orders', orderBody(orderNo, change));
  const pay = (orderNo: string, transaction: string, fen = price) => market.pay(orderNo, fen, transaction);
  const settleFor = async (ms: number) => house.settle(plusMs(await house.now(), ms));
  const order = (orderNo: string) => read(`/orders/${orderNo}`);
  const refundsOf = async (orderNo: string) => (await read(`/refunds?buyer=buyer-${orderNo}`))['refunds'];
  const railPaid = async (orderNo: string) =>
    (await house.transfers())
      .filter(({ payee }) => payee === `account-of-${orderNo}`)
      .map(({ state, amount }) => [state, Number(amount.minor)]);
  const movedSince = async (before: ReadonlyMap<string, number>) => movesBetween(before, await house.balances());

  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
    market = await openMarket(house);
    await market.agree('m1', { minimum: cny(1_000) });
    await market.topUp('m1', 'deposit-m1', 12_000);
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  describe('that nobody asked for goes back to the buyer by itself', () => {
    it('when it was paid a minute after its half hour; the order stays unpaid', async () => {
      const before = await house.balances();
      await place('LATE');
      await settleFor(31 * minuteMs);
      expect(await pay('LATE', 'tx-late')).toMatchObject({ paid: false, goesBack: { why: 'late', amount: cny(price) } });
      await house.settle();
      expect(await railPaid('LATE')).toEqual([['Succeeded', price]]);
      expect(await refundsOf('LATE')).toMatchObject([{ ground: 'surplus-late', status: 'paid', total: cny(price) }]);
      expect(await order('LATE')).toMatchObject({ status: 'placed', units: [{ money: 'unpaid' }] });
      expect(await movedSince(before)).toEqual({});
    });

    it('when it was paid a second time, told twice at once and again later: one payment in the book of the rail', async () => {
      const before = await house.balances();
      await place('TWICE');
      await pay('TWICE', 'tx-twice-1');
      await market.capture('tx-twice-2', price);
      const tell = () => post('shop', '/orders/TWICE/payments', { transaction: 'tx-twice-2' });
      const told = [...(await Promise.all([tell(), tell()])), await tell()];
      expect(new Set(told.map((one) => JSON.stringify([one['paid'], one['goesBack']]))).size).toBe(1);
      await house.settle();
      await tell();
      await house.settle();
      expect(await railPaid('TWICE')).toEqual([['Succeeded', price]]);
      expect(await refundsOf('TWICE')).toMatchObject([{ ground: 'surplus-duplicate', status: 'paid', total: cny(price) }]);
      expect(await order('TWICE')).toMatchObject({ status: 'paid', units: [{ money: 'held' }] });
      expect(await movedSince(before)).toEqual({ 'gateway:sandbox': -price, 'escrow:demo.TWICE': price });
    });

    it('when it was too much, the rest; when too little, the whole; when the order was cancelled, the whole', async () => {
      const before = await house.balances();
      await place('MUCH');
      expect(await pay('MUCH', 'tx-much', price + 123)).toMatchObject({ paid: true, goesBack: { why: 'too-much' } });
      await place('LITTLE');
      expect(await pay('LITTLE', 'tx-little', price - 1)).toMatchObject({ paid: false, goesBack: { why: 'too-little' } });
      await place('GONE');
      await post('buyer:buyer-GONE', '/orders/GONE/cancellation');
      expect(await pay('GONE', 'tx-gone')).toMatchObject({ paid: false, goesBack: { why: 'cancelled' } });
      await house.settle();
      expect(await railPaid('MUCH')).toEqual([['Succeeded', 123]]);
      expect(await railPaid('LITTLE')).toEqual([['Succeeded', price - 1]]);
      expect(await railPaid('GONE')).toEqual([['Succeeded', price]]);
      expect(await movedSince(before)).toEqual({ 'gateway:sandbox': -price, 'escrow:demo.MUCH': price });
    });

    it('and beside it the price goes back as ever, when nothing is delivered in time', async () => {
      await settleFor(24 * hourMs + 1);
      expect(await railPaid('MUCH')).toEqual([
        ['Succeeded', 123],
        ['Succeeded', price],
      ]);
      expect(await refundsOf('MUCH')).toMatchObject([{ ground: 'surplus-too-much' }, { ground: 'not-delivered-in-time' }]);
      expect((await house.balances()).get('escrow:demo.MUCH')).toBe(0);
    });
  });

  describe('settled at delivery', () => {
    const onDelivery = { settlement: 'ON_DELIVERY' };

    it('is placed up to what the deposit covers and no further, also when all come at once', async () => {
      // The deposit of 120.00 covers two orders of 50.00.
      const answers = await Promise.all(
        ['D1', 'D2', 'D3', 'D4'].map((orderNo) => send('shop', '/orders', orderBody(orderNo, onDelivery))),
      );
      const refused = answers.filter(({ status }) => status !== 201);
      expect(refused.map(problemOf)).toEqual(Array(2).fill('409 exposure-too-high'));
      // One that is being refused at the same moment may count for the other.
      for (const { body } of refused)
        expect(body['detail']).toMatch(/(150|200)\.00 CNY could be claimed from a deposit of 120\.00 CNY/);
      const placed = (await house.events()).flatMap(({ type, data }) =>
        type === 'OrderPlaced' && data.settlement === 'ON_DELIVERY'
          ? [[data.exposure?.limit.minor, data.exposure?.exposed.minor]]
          : [],
      );
      expect(placed.toSorted()).toEqual([
        [12_000n, 10_000n],
        [12_000n, 5_000n],
      ]);
      await place('D5');
    });

    it('frees the deposit when an order is never paid, and not while a released unit may be claimed', async () => {
      await settleFor(31 * minuteMs);
      await place('D6', onDelivery);
      await place('D7', onDelivery);
      await pay('D6', 'tx-D6');
      await market.deliverKeys('D6');
      expect(await order('D6')).toMatchObject({ units: [{ money: 'released' }] });
      expect(problemOf(await send('shop', '/orders', orderBody('D8', onDelivery)))).toBe('409 exposure-too-high');
      await settleFor(24 * hourMs + 1);
      await place('D8', onDelivery);
    });
  });

  describe('of a frozen order', () => {
    const sell = async (orderNo: string) => {
      await place(orderNo);
      await pay(orderNo, `tx-${orderNo}`);
      await market.deliverKeys(orderNo);
    };
    const moneyOf = async (orderNo: string) => ((await order(orderNo))['units'] as { money: string }[]).map(({ money }) => money);

    it('stays where it is when the window ends, and follows when the order is let go', async () => {
      await sell('F1');
      await post('operator:o1', '/orders/F1/freeze', { reason: 'two complaints' });
      await post('operator:o1', '/orders/F1/freeze', { reason: 'again' });
      expect(await order('F1')).toMatchObject({ frozen: [{ scope: 'order', reason: 'two complaints' }] });
      await settleFor(25 * hourMs);
      expect(await moneyOf('F1')).toEqual(['held']);
      await post('finance:f1', '/orders/F1/unfreeze', { reason: 'cleared' });
      expect(await moneyOf('F1')).toEqual(['released']);
      expect(await order('F1')).toMatchObject({ frozen: [] });
    });

    it('is kept for all open orders of a merchant, batch by batch, and a buyer is refunded out of it', async () => {
      await sell('F2');
      await sell('F3');
      await place('F4');
      await pay('F4', 'tx-F4');
      const freeze = () => post('finance:f1', '/merchants/m1/freeze', { reason: 'he is gone' });
      const before = await freeze();
      expect(before['next']).toBeUndefined();
      await freeze();
      for (const orderNo of ['F2', 'F3', 'F4'])
        expect(await order(orderNo)).toMatchObject({ frozen: [{ scope: 'merchant', reason: 'he is gone' }] });
      await market.confirm('F3', [1], 'buyer:buyer-F3');
      await post('buyer:buyer-F4', '/orders/F4/cancellation');
      await settleFor(25 * hourMs);
      expect([await moneyOf('F2'), await moneyOf('F3')]).toEqual([['held'], ['held']]);
      expect(await railPaid('F4')).toEqual([['Succeeded', price]]);
      await post('finance:f1', '/merchants/m1/unfreeze', { reason: 'he is back' });
      await house.settle();
      expect([await moneyOf('F2'), await moneyOf('F3')]).toEqual([['released'], ['released']]);
      expect(await post('finance:f1', '/merchants/m1/unfreeze', { reason: 'he is back' })).toMatchObject({ orders: 0 });
    });
  });

  describe('under a fee schedule', () => {
    const rate = (basisPoints: number) => ({ basisPoints, minimum: cny(0), maximum: cny(1_000) });
    const rates = { 'game-card': rate(333), 'phone-top-up': rate(50), membership: rate(800) };

    it('goes to the merchant net of the version in force when the order was placed', async () => {
      await place('S0');
      expect((await send('shop', '/fees', { version: 1, rates })).status).toBe(403);
      expect(await post('finance:f1', '/fees', { version: 1, rates })).toMatchObject({ version: 1 });
      const later = plusMs(await house.now(), hourMs);
      await post('finance:f1', '/fees', { version: 2, effectiveFrom: later, rates: { ...rates, 'game-card': rate(1_000) } });
      expect(await read('/fees')).toMatchObject({ inForce: 1, versions: [{ version: 1 }, { version: 2, effectiveFrom: later }] });
      expect(await read('/fees/2')).toMatchObject({ rates: { 'game-card': rate(1_000) } });
      expect(problemOf(await send('shop', '/orders', orderBody('S1')))).toContain('fee-scheduled');
      const before = await house.balances();
      const sold = async (orderNo: string) => {
        const { feeScheduleVersion, units } = await place(orderNo, { fee: undefined });
        await pay(orderNo, `tx-${orderNo}`);
        await market.deliverKeys(orderNo);
        await market.confirm(orderNo, [1], `buyer:buyer-${orderNo}`);
        return [feeScheduleVersion, (units as { fee: unknown }[])[0]?.fee];
      };
      // 3.33 % of 50.00 is 1.665, half up.
      expect(await sold('S1')).toEqual([1, cny(167)]);
      await settleFor(hourMs);
      expect(await sold('S2')).toEqual([2, cny(500)]);
      await house.settle();
      expect(await movedSince(before)).toEqual({
        'gateway:sandbox': -2 * price,
        'merchant:m1:payable': 2 * price - 667,
        'platform:fees': 667,
      });
    });
  });

  it('a refund that nobody approved is explained too', async () => {
    const [made] = (await refundsOf('TWICE')) as { refundId: string }[];
    const story = runCli('explain', 'refund', String(made?.refundId), '--lang', 'en', '--data-dir', dataDir);
    expect(await story.ended).toEqual({ code: 0, signal: null });
    expect(story.output()).toMatch(/paid to the buyer \d+\.\d\d CNY/);
    expect(story.output()).toContain('SurplusCaptured');
  });

  it('leaves books that verify', async () => {
    expect(await market.verify()).toMatchObject({ code: 0, holds: true, violations: [] });
  });
});
