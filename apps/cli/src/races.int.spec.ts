import { makeDataDir, removeDataDir, startTestInstallation, type TestInstallation } from './test-installation.js';
import { cny, type Market, openMarket, topUpCard } from './test-market.js';

const price = 10_000;
const net = 9_950;
const rounds = 6;

/** Requests that reach the API at the same moment, again and again: whoever wins, the money is conserved. */
describe('at the same moment', () => {
  let dataDir: string;
  let house: TestInstallation;
  let market: Market;

  const send: TestInstallation['send'] = (...request) => house.send(...request);
  const accepted: TestInstallation['post'] = (...request) => house.post(...request);
  /** Both are sent before either is answered; the first in turn, so that neither is always the quicker one. */
  const together = async (round: number, one: () => ReturnType<typeof send>, other: () => ReturnType<typeof send>) => {
    if (round % 2 === 0) return Promise.all([one(), other()]);
    const second = other();
    const [first, last] = await Promise.all([one(), second]);
    return [first, last] as const;
  };
  const agreed = async (merchant: string, fen: number) => {
    await market.agree(merchant);
    await market.topUp(merchant, `deposit-${merchant}`, fen);
  };
  const placed = async (orderNo: string, merchant: string) => {
    await market.place(orderNo, { ...topUpCard, merchant });
    await market.capture(`tx-${orderNo}`, price);
  };
  const delivered = async (orderNo: string, merchant: string) => {
    await placed(orderNo, merchant);
    await accepted('shop', `/orders/${orderNo}/payments`, { transaction: `tx-${orderNo}` });
    await market.deliverTopUp(orderNo);
    await market.topUpFails(orderNo);
  };
  const receipt = (orderNo: string) => send('buyer:b1', `/orders/${orderNo}/receipt`, { units: [1] });
  const claim = (orderNo: string) => send('buyer:b1', '/disputes', { orderNo, units: [1], reason: 'not-credited' });
  const account = (merchant: string) => house.read(`merchant:${merchant}`, `/deposits/${merchant}`);
  const refunds = async (merchant: string) =>
    (await house.read('finance:chen', `/refunds?merchant=${merchant}`))['refunds'] as Record<string, unknown>[];
  const ok = (answers: readonly { readonly status: number }[]) => answers.filter(({ status }) => status < 300).length;

  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
    market = await openMarket(house);
    await market.capture('fund-1', 1_000_000);
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  it('two people approve a contribution: it is in the fund once', async () => {
    const contribution = { transaction: 'fund-1', rail: 'sandbox', amount: cny(1_000_000) };
    const { contributionId } = await accepted('finance:chen', '/fund/contributions', contribution);
    const approve = (who: string) => send(who, `/fund/contributions/${String(contributionId)}/approval`);
    const answers = await Promise.all([approve('finance:lin'), approve('finance:wu'), approve('finance:chen')]);
    expect(ok(answers)).toBe(1);
    await house.settle();
    expect(await house.read('finance:chen', '/fund')).toMatchObject({ funds: [{ available: cny(1_000_000) }] });
  });

  it('a top-up is told of twice: it is in the deposit once', async () => {
    await agreed('top', 1_000);
    for (let round = 0; round < rounds; round += 1) {
      const transaction = `top-${round}`;
      await market.capture(transaction, 100);
      const tell = (who: string) => send(who, '/deposits/top/top-ups', { transaction });
      expect(
        ok(
          await together(
            round,
            () => tell('merchant:top'),
            () => tell('finance:chen'),
          ),
        ),
      ).toBe(1);
    }
    await house.settle();
    expect(await account('top')).toMatchObject({ deposit: cny(1_000 + rounds * 100) });
  });

  it('a payment is told of twice: the order is paid once, and nothing goes back', async () => {
    await agreed('pay', 1_000);
    for (let round = 0; round < rounds; round += 1) {
      const orderNo = `P${round}`;
      await placed(orderNo, 'pay');
      const tell = () => send('shop', `/orders/${orderNo}/payments`, { transaction: `tx-${orderNo}` });
      expect(ok(await together(round, tell, tell))).toBe(2);
    }
    await house.settle();
    expect(await refunds('pay')).toEqual([]);
    const captured = (await house.events()).filter(({ type }) => type === 'PaymentCaptured');
    expect(captured).toHaveLength(rounds);
  });

  it('a unit is confirmed and claimed: its price goes one way, and the buyer who was served badly is paid', async () => {
    await agreed('rel', 100_000);
    for (let round = 0; round < rounds; round += 1) {
      const orderNo = `R${round}`;
      await delivered(orderNo, 'rel');
      const [confirmed, claimed] = await together(
        round,
        () => receipt(orderNo),
        () => claim(orderNo),
      );
      expect(claimed.status).toBe(201);
      expect([200, 409]).toContain(confirmed.status);
    }
    await house.settle();
    const made = await refunds('rel');
    expect(made).toHaveLength(rounds);
    expect(made.every(({ status, total }) => status === 'paid' && JSON.stringify(total) === JSON.stringify(cny(price)))).toBe(
      true,
    );
    // What he was paid for them the recourse took again, from whichever of his accounts.
    const { deposit, payable, owed } = (await account('rel')) as Record<'deposit' | 'payable' | 'owed', { minor: string }>;
    expect(Number(deposit.minor) + Number(payable.minor)).toBe(100_000);
    expect(owed).toEqual(cny(0));
  });

  it('a unit is claimed twice: there is one case and one refund', async () => {
    await agreed('two', 1_000);
    for (let round = 0; round < rounds; round += 1) {
      const orderNo = `T${round}`;
      await delivered(orderNo, 'two');
      const answers = await together(
        round,
        () => claim(orderNo),
        () => claim(orderNo),
      );
      expect(new Set(answers.filter(({ status }) => status < 300).map(({ body }) => body['disputeId'])).size).toBe(1);
    }
    await house.settle();
    expect(await refunds('two')).toHaveLength(rounds);
  });

  it('two settlements are asked for: the proceeds leave once', async () => {
    await agreed('set', 1_000);
    for (let round = 0; round < rounds; round += 1) {
      const orderNo = `S${round}`;
      await delivered(orderNo, 'set');
      await receipt(orderNo);
      await house.settle();
      const settle = (who: string) => send(who, '/deposits/set/settlements', {});
      expect(
        ok(
          await together(
            round,
            () => settle('merchant:set'),
            () => settle('finance:chen'),
          ),
        ),
      ).toBe(1);
    }
    await house.settle();
    expect(await account('set')).toMatchObject({ payable: cny(0) });
    const paid = (await house.transfers()).filter(({ payee, state }) => payee === 'account-of-set' && state === 'Succeeded');
    expect(paid.map(({ amount }) => Number(amount.minor))).toEqual(Array.from({ length: rounds }, () => net));
  });

  it('a settlement or a withdrawal is asked for while a claim comes: what left and what is owed add up', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const merchant = `race${round}`;
      await agreed(merchant, 5_000);
      await delivered(`W${round}`, merchant);
      await receipt(`W${round}`);
      await house.settle();
      const leave = () =>
        round % 3 === 0
          ? send(`merchant:${merchant}`, `/deposits/${merchant}/withdrawals`, { amount: cny(5_000) })
          : send(`merchant:${merchant}`, `/deposits/${merchant}/settlements`, {});
      const [, claimed] = await together(round, leave, () => claim(`W${round}`));
      expect(claimed.status).toBe(201);
      await house.settle();
      const { deposit, held, payable, owed } = (await account(merchant)) as Record<string, { minor: string }>;
      const minor = (amount?: { minor: string }) => Number(amount?.minor);
      const paid = (await house.transfers())
        .filter(({ payee, state }) => payee === `account-of-${merchant}` && state === 'Succeeded')
        .reduce((sum, { amount }) => sum + Number(amount.minor), 0);
      // The deposit and the price came in; the price was lost again, and what is missing is owed.
      expect(minor(deposit) + minor(held) + minor(payable) - minor(owed) + paid).toBe(5_000);
    }
  });

  it('all of it leaves books that verify', async () => {
    expect(await market.verify()).toMatchObject({ code: 0, holds: true, violations: [] });
  });
});
