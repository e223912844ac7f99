import { makeDataDir, removeDataDir, startTestInstallation, type TestInstallation } from './test-installation.js';
import { cny, maker, type Market, openMarket, topUpCard } from './test-market.js';

const price = 10_000;
const fee = 50;
const share = price - fee;
const rounds = 4;

/** An installation whose fund has nothing: the merchant's own deposit pays what he bears, or the buyer waits. K5, K6 */
describe('while the fund is empty', () => {
  let dataDir: string;
  let house: TestInstallation;
  let market: Market;

  const send: TestInstallation['send'] = (...request) => house.send(...request);
  const post: TestInstallation['post'] = (...request) => house.post(...request);
  /** A top-up card of 100 yuan, fee 0.50, confirmed by its buyer, so that escrow has nothing of it any more. */
  const sell = async (orderNo: string, merchant: string) => {
    const buyer = `buyer-of-${orderNo}`.toLowerCase();
    await market.buy(orderNo, { ...topUpCard, merchant, buyer, payeeAccount: `account-of-${orderNo}` });
    await market.deliverTopUp(orderNo);
    await market.topUpFails(orderNo);
    await market.confirm(orderNo, [1], buyerOf(orderNo));
    await house.settle();
  };
  const buyerOf = (orderNo: string) => `buyer:buyer-of-${orderNo.toLowerCase()}`;
  const claim = (orderNo: string) => market.claim(orderNo, { reason: 'not-credited' }, buyerOf(orderNo));
  const refundOf = async (orderNo: string) => {
    const { refunds } = (await house.read(buyerOf(orderNo), '/refunds')) as { refunds: { refundId: string }[] };
    expect(refunds).toHaveLength(1);
    return house.read(maker, `/refunds/${refunds[0]!.refundId}`);
  };
  const fund = async () => {
    const { funds } = (await house.read(maker, '/fund')) as { funds: Record<string, unknown>[] };
    return funds[0]!;
  };
  const account = (merchant: string) => house.read(`merchant:${merchant}`, `/deposits/${merchant}`);
  const movements = async (merchant: string) =>
    (await house.read(`merchant:${merchant}`, `/deposits/${merchant}/statement?limit=200`))['movements'] as {
      event: string;
      change: Record<string, unknown>;
      because: Record<string, unknown>;
    }[];
  const said = async (...types: string[]) =>
    (await house.events()).filter(({ type }) => types.includes(type)).map(({ type, data }) => [type, data] as const);
  const paidTo = async (orderNo: string) =>
    (await house.transfers())
      .filter(({ payee, state }) => payee === `account-of-${orderNo}` && state === 'Succeeded')
      .map(({ amount }) => Number(amount.minor));
  const verified = async () => {
    expect(await market.verify()).toMatchObject({ code: 0, holds: true, violations: [] });
  };

  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
    market = await openMarket(house);
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  it('a buyer is paid straight from the deposit of the merchant who sold the dead card', async () => {
    await market.agree('ada');
    await market.topUp('ada', 'deposit-ada', 50_000);
    await sell('A1', 'ada');
    await claim('A1');
    await house.settle();
    expect(await paidTo('A1')).toEqual([price]);
    expect(await refundOf('A1')).toMatchObject({
      status: 'paid',
      total: cny(price),
      fromFund: cny(0),
      fromDeposit: cny(share),
      fromFees: cny(fee),
      recovered: cny(0),
      outstanding: cny(0),
      lines: [{ unit: 1, source: 'deposit', amount: cny(price) }],
    });
    expect(await account('ada')).toMatchObject({ deposit: cny(50_000 - share), held: cny(0), owed: cny(0) });
    const [funded] = (await movements('ada')).filter(({ event }) => event === 'RefundFundedFromDeposit');
    // The claim held its price: out of that hold it was paid.
    expect(funded).toMatchObject({ change: { available: cny(0), held: cny(-share) }, because: { order: 'demo.A1' } });
    expect(await fund()).toMatchObject({ available: cny(0), reserved: cny(0), queued: cny(0), handedOver: cny(0), waiting: 0 });
    expect((await house.read(maker, '/fund/handed-over'))['refunds']).toEqual([]);
    const { groups, agrees } = await house.read(maker, '/audit/refunds?by=source');
    expect(agrees).toBe(true);
    // A part was approved out of the fund and left it again.
    expect(groups).toMatchObject([
      { key: { source: 'deposit' }, paid: cny(share) },
      { key: { source: 'fees' }, paid: cny(fee) },
      { key: { source: 'fund' }, refunded: cny(0), paid: cny(0) },
    ]);
    await verified();
  });

  it('a merchant without cover lets the buyer wait, and it is said why', async () => {
    await market.agree('bob');
    await market.topUp('bob', 'deposit-bob', share - 1);
    await sell('B1', 'bob');
    await claim('B1');
    await house.settle();
    expect(await paidTo('B1')).toEqual([]);
    expect(await refundOf('B1')).toMatchObject({ status: 'queued' });
    expect(await fund()).toMatchObject({ queued: cny(share), waiting: 1, handedOver: cny(0), handedOverRefunds: 0 });
    expect(await said('HandOverDeclined')).toMatchObject([['HandOverDeclined', { merchant: 'bob', because: 'not-covered' }]]);
    await verified();
  });

  it('a top-up pays the share that waits, also of one who waits behind another', async () => {
    await market.agree('dora');
    await sell('D1', 'dora');
    await claim('D1');
    await house.settle();
    expect(await paidTo('D1')).toEqual([]);
    expect(await fund()).toMatchObject({ queued: cny(2 * share), waiting: 2 });
    await market.topUp('dora', 'deposit-dora', share);
    await house.settle();
    expect(await paidTo('D1')).toEqual([price]);
    expect(await refundOf('D1')).toMatchObject({ status: 'paid', fromDeposit: cny(share), fromFund: cny(0) });
    expect(await account('dora')).toMatchObject({ deposit: cny(0), held: cny(0), owed: cny(0), payable: cny(share) });
    expect(await refundOf('B1')).toMatchObject({ status: 'queued' });
    await verified();
  });

  it('a contribution pays who waits, and recourse follows as ever', async () => {
    await market.contribute('fund-1', share);
    await house.settle();
    expect(await paidTo('B1')).toEqual([price]);
    expect(await refundOf('B1')).toMatchObject({
      status: 'paid',
      fromFund: cny(share),
      fromDeposit: cny(0),
      recovered: cny(share),
    });
    expect(await account('bob')).toMatchObject({ deposit: cny(0), owed: cny(0), payable: cny(share - 1) });
    // What bob owed is back: the fund has what it laid out, and nobody waits.
    expect(await fund()).toMatchObject({ available: cny(share), queued: cny(0), waiting: 0 });
    await verified();
  });

  it('after a pause the fund pays as far as it can, and asks the deposit for the rest only', async () => {
    await market.agree('cleo');
    await post('operator:liu', '/fund/pause', { asset: 'CNY', reason: 'an odd night' });
    await sell('C1', 'cleo');
    await sell('C2', 'cleo');
    await claim('C1');
    await claim('C2');
    await house.settle();
    const asked = async () =>
      (await said('ReservationHandedOver')).filter(([, data]) => 'merchant' in data && data.merchant === 'cleo');
    expect(await asked()).toEqual([]);
    await post('operator:liu', '/fund/resume', { asset: 'CNY', reason: 'all is well' });
    await house.settle();
    expect(await asked()).toMatchObject([['ReservationHandedOver', { orderId: 'demo.C2' }]]);
    // The fund had money for the first of them; recourse took his proceeds, and what came back paid the second.
    expect(await Promise.all([paidTo('C1'), paidTo('C2')])).toEqual([[price], [price]]);
    await verified();
  });

  it('a top-up, a contribution and a withdrawal at the moment of the claim: each buyer is paid once', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const merchant = `race${round}`;
      await market.agree(merchant);
      await market.topUp(merchant, `deposit-${merchant}`, round % 2 === 0 ? share : 1);
      await sell(`R${round}`, merchant);
      await market.capture(`more-${merchant}`, share);
      const together = [
        () => send(`merchant:${merchant}`, `/deposits/${merchant}/withdrawals`, { amount: cny(1) }),
        () => claim(`R${round}`),
        () => post(`merchant:${merchant}`, `/deposits/${merchant}/top-ups`, { transaction: `more-${merchant}` }),
        () => market.contribute(`fund-${merchant}`, 1),
      ];
      await Promise.all([...together.slice(round), ...together.slice(0, round)].map((one) => one()));
      await house.settle();
      expect(await paidTo(`R${round}`)).toEqual([price]);
    }
    expect(await fund()).toMatchObject({ queued: cny(0), handedOver: cny(0), waiting: 0 });
    await verified();
  });
});
