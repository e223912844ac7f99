import { plusMs } from '@recourse/eventing';
import type { Answer } from './client.js';
import { defaultPolicy } from './demo.js';
import { makeDataDir, removeDataDir, runCli, startTestInstallation, type TestInstallation } from './test-installation.js';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const cny = (fen: number) => ({ asset: 'CNY', minor: String(fen) });
const price = 5_000;

/** Orders over the API of a running installation, and their money in the journal and in the book of the rail. */
describe('the money of an order', () => {
  let dataDir: string;
  let house: TestInstallation;
  let policyHash: string;
  let requests = 0;
  let written = '0';

  const send = (as: string, path: string, body: unknown = {}): Promise<Answer> =>
    house.client.post(as, path, body, `request-${(requests += 1)}`);
  const post = async (as: string, path: string, body?: unknown): Promise<Answer['body']> => {
    const answer = await send(as, path, body);
    if (answer.status >= 300) throw new Error(`${as} POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    written = String(answer.body['position'] ?? written);
    return answer.body;
  };
  const place = (orderNo: string, change: object = {}) =>
    post('shop', '/orders', {
      orderNo,
      merchant: 'm1',
      buyer: `buyer-${orderNo}`,
      payeeAccount: `account-of-${orderNo}`,
      rail: 'sandbox',
      productKind: 'game-card',
      settlement: 'ESCROW',
      promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: false, sevenDay: false },
      consent: { version: 1, hash: policyHash },
      lines: [{ product: '50元游戏点卡', unitPrice: cny(price), quantity: 1 }],
      fee: cny(250),
      ...change,
    });
  /** Somebody pays at the gateway, and the shop tells of it. */
  const pay = async (orderNo: string, transaction: string, fen = price) => {
    await post('shop', '/sandbox/captures', { transaction, amount: cny(fen) });
    return post('shop', `/orders/${orderNo}/payments`, { transaction });
  };
  const settleFor = async (ms: number) => house.settle(plusMs(await house.now(), ms));
  /** As somebody sees it who has seen the answers to all that was sent here. */
  const read = async (path: string): Promise<Answer['body']> => {
    const { status, body } = await house.client.get('finance:f1', path, written);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  const order = (orderNo: string) => read(`/orders/${orderNo}`);
  const refundsOf = async (orderNo: string) => (await read(`/refunds?buyer=buyer-${orderNo}`))['refunds'];
  const railPaid = async (orderNo: string) =>
    (await house.transfers())
      .filter(({ payee }) => payee === `account-of-${orderNo}`)
      .map(({ state, amount }) => [state, Number(amount.minor)]);
  /** What every account of the platform has, in fen. */
  const balances = async () => {
    const { accounts } = (await read('/books/trial-balance')) as {
      accounts: { account: string; balance: { minor: string } }[];
    };
    return new Map(accounts.map(({ account, balance }) => [account.replace('demo/', ''), Number(balance.minor)]));
  };
  const movedSince = async (before: Map<string, number>) => {
    const after = await balances();
    const moves = [...after].map(([name, fen]) => [name, fen - (before.get(name) ?? 0)] as const);
    return Object.fromEntries(moves.filter(([, fen]) => fen !== 0));
  };

  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
    policyHash = String((await post('operator:o1', '/policies', { table: await defaultPolicy() }))['hash']);
    const terms = { minimum: cny(1_000), payeeAccount: 'account-of-m1', rail: 'sandbox', termsVersion: 1 };
    await post('finance:f1', '/deposits/m1/agreement', terms);
    await post('shop', '/sandbox/captures', { transaction: 'deposit-m1', amount: cny(12_000) });
    await post('finance:f1', '/deposits/m1/top-ups', { transaction: 'deposit-m1' });
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  describe('that nobody asked for goes back to the buyer by itself', () => {
    it('when it was paid a minute after its half hour; the order stays unpaid', async () => {
      const before = await balances();
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
      const before = await balances();
      await place('TWICE');
      await pay('TWICE', 'tx-twice-1');
      await post('shop', '/sandbox/captures', { transaction: 'tx-twice-2', amount: cny(price) });
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
      const before = await balances();
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
      expect((await balances()).get('escrow:demo.MUCH')).toBe(0);
    });
  });

  it('leaves books that verify', async () => {
    const verification = runCli('verify', '--json', '--data-dir', dataDir);
    expect(await verification.ended).toEqual({ code: 0, signal: null });
    expect(JSON.parse(verification.output())).toMatchObject({ holds: true, violations: [] });
  });
});
