import { defaultPolicy } from './demo.js';
import { makeDataDir, removeDataDir, runCli, startTestInstallation, type TestInstallation } from './test-installation.js';

const cny = (fen: number) => ({ asset: 'CNY', minor: String(fen) });
const price = 10_000;
const fee = 50;
const share = price - fee;
const rounds = 4;
const finance = 'finance:chen';

/** An installation whose fund has nothing: the merchant's own deposit pays what he bears, or the buyer waits. K5, K6 */
describe('while the fund is empty', () => {
  let dataDir: string;
  let house: TestInstallation;
  let policyHash: string;

  const send: TestInstallation['send'] = (...request) => house.send(...request);
  const post: TestInstallation['post'] = (...request) => house.post(...request);
  const capture = (transaction: string, fen: number) => post('shop', '/sandbox/captures', { transaction, amount: cny(fen) });
  const agree = (merchant: string) =>
    post(finance, `/deposits/${merchant}/agreement`, {
      termsVersion: 1,
      minimum: cny(0),
      payeeAccount: `account-of-${merchant}`,
      rail: 'sandbox',
    });
  const topUp = async (merchant: string, transaction: string, fen: number) => {
    await capture(transaction, fen);
    await post(`merchant:${merchant}`, `/deposits/${merchant}/top-ups`, { transaction });
  };
  const contribute = async (transaction: string, fen: number) => {
    await capture(transaction, fen);
    const { contributionId } = await post(finance, '/fund/contributions', { transaction, rail: 'sandbox', amount: cny(fen) });
    await post('finance:lin', `/fund/contributions/${String(contributionId)}/approval`);
  };
  /** A top-up card of 100 yuan, fee 0.50, confirmed by its buyer, so that escrow has nothing of it any more. */
  const sell = async (orderNo: string, merchant: string) => {
    await post('shop', '/orders', {
      orderNo,
      merchant,
      buyer: `buyer-of-${orderNo}`.toLowerCase(),
      payeeAccount: `account-of-${orderNo}`,
      rail: 'sandbox',
      productKind: 'phone-top-up',
      settlement: 'ESCROW',
      promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: false, sevenDay: false },
      consent: { version: 1, hash: policyHash },
      lines: [{ product: '100元话费', unitPrice: cny(price), quantity: 1 }],
      fee: cny(fee),
    });
    await capture(`tx-${orderNo}`, price);
    await post('shop', `/orders/${orderNo}/payments`, { transaction: `tx-${orderNo}` });
    const units = [{ unit: 1, receipt: `receipt-${orderNo}`, account: '13800000001' }];
    await post('shop', `/orders/${orderNo}/deliveries`, { units });
    await post('shop', '/sandbox/verifications', { receipt: `receipt-${orderNo}`, outcome: 'NOT_CREDITED' });
    await post(buyerOf(orderNo), `/orders/${orderNo}/receipt`, { units: [1] });
    await house.settle();
  };
  const buyerOf = (orderNo: string) => `buyer:buyer-of-${orderNo.toLowerCase()}`;
  const claim = (orderNo: string) => post(buyerOf(orderNo), '/disputes', { orderNo, units: [1], reason: 'not-credited' });
  const refundOf = async (orderNo: string) => {
    const { refunds } = (await house.read(buyerOf(orderNo), '/refunds')) as { refunds: { refundId: string }[] };
    expect(refunds).toHaveLength(1);
    return house.read(finance, `/refunds/${refunds[0]!.refundId}`);
  };
  const fund = async () => {
    const { funds } = (await house.read(finance, '/fund')) as { funds: Record<string, unknown>[] };
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
    const verification = runCli('verify', '--json', '--data-dir', dataDir);
    expect(await verification.ended).toEqual({ code: 0, signal: null });
    expect(JSON.parse(verification.output())).toMatchObject({ holds: true, violations: [] });
  };

  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
    policyHash = String((await post('operator:liu', '/policies', { table: await defaultPolicy() }))['hash']);
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  it('a buyer is paid straight from the deposit of the merchant who sold the dead card', async () => {
    await agree('ada');
    await topUp('ada', 'deposit-ada', 50_000);
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
    expect((await house.read(finance, '/fund/handed-over'))['refunds']).toEqual([]);
    const { groups, agrees } = await house.read(finance, '/audit/refunds?by=source');
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
    await agree('bob');
    await topUp('bob', 'deposit-bob', share - 1);
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
    await agree('dora');
    await sell('D1', 'dora');
    await claim('D1');
    await house.settle();
    expect(await paidTo('D1')).toEqual([]);
    expect(await fund()).toMatchObject({ queued: cny(2 * share), waiting: 2 });
    await topUp('dora', 'deposit-dora', share);
    await house.settle();
    expect(await paidTo('D1')).toEqual([price]);
    expect(await refundOf('D1')).toMatchObject({ status: 'paid', fromDeposit: cny(share), fromFund: cny(0) });
    expect(await account('dora')).toMatchObject({ deposit: cny(0), held: cny(0), owed: cny(0), payable: cny(share) });
    expect(await refundOf('B1')).toMatchObject({ status: 'queued' });
    await verified();
  });

  it('a contribution pays who waits, and recourse follows as ever', async () => {
    await contribute('fund-1', share);
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
    await agree('cleo');
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
      await agree(merchant);
      await topUp(merchant, `deposit-${merchant}`, round % 2 === 0 ? share : 1);
      await sell(`R${round}`, merchant);
      await capture(`more-${merchant}`, share);
      const together = [
        () => send(`merchant:${merchant}`, `/deposits/${merchant}/withdrawals`, { amount: cny(1) }),
        () => claim(`R${round}`),
        () => post(`merchant:${merchant}`, `/deposits/${merchant}/top-ups`, { transaction: `more-${merchant}` }),
        () => contribute(`fund-${merchant}`, 1),
      ];
      await Promise.all([...together.slice(round), ...together.slice(0, round)].map((one) => one()));
      await house.settle();
      expect(await paidTo(`R${round}`)).toEqual([price]);
    }
    expect(await fund()).toMatchObject({ queued: cny(0), handedOver: cny(0), waiting: 0 });
    await verified();
  });
});
