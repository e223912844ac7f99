import type { DomainEvent } from '@recourse/ledger';
import {
  makeDataDir,
  problemOf,
  removeDataDir,
  runCli,
  startTestInstallation,
  type TestInstallation,
} from './test-installation.js';
import { checker, cny, keysAt, maker, type Market, openMarket, supervisor } from './test-market.js';

/** A refund above it waits for two people, and can still be taken back. */
const limitFen = 1_000_000;
const fee = 100;
const arbitrator = 'arbitrator:he';

const buyerAtFault = { liable: 'BUYER', remedy: 'NONE', bearer: 'none' };
const platformBears = { liable: 'NONE', remedy: 'FULL_REFUND', bearer: 'platform' };
const explanation = { zh: '复核发现卡密由买家本人激活', en: 'a second look shows that the buyer activated the key himself' };
const override = (units: object[], isFraud = false) => ({ units, isFraud, explanation });

describe('a verdict that two people overturn', () => {
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
    await market.contribute('fund-1', 5_000_000);
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  /** Dead keys at one price each, claimed and refunded by the policy at the merchant's cost. @returns the refund */
  const refundOf = async (orderNo: string, prices: number[], { released = false } = {}): Promise<string> => {
    const units = prices.map((_, index) => index + 1);
    await market.buy(orderNo, keysAt(prices, fee * prices.length));
    await market.deliverKeys(orderNo, units, 'INVALID');
    for (const unit of units) await market.reveal(orderNo, unit);
    if (released) await market.confirm(orderNo, units);
    await house.settle();
    await market.claim(orderNo, { units });
    await house.settle();
    return `demo.${orderNo}.1.v1`;
  };
  const verdictOf = (refundId: string) => `/disputes/${refundId.replace(/\.v1$/, '')}/verdicts/${refundId}/override`;
  const overturn = async (refundId: string, body: object) => {
    await accepted(arbitrator, verdictOf(refundId), body);
    await accepted(supervisor, `${verdictOf(refundId)}/approval`);
    await house.settle();
  };
  const refund = (refundId: string) => house.read('buyer:b1', `/refunds/${refundId}`);
  const dispute = (as: string, refundId: string) => house.read(as, `/disputes/${refundId.replace(/\.v1$/, '')}`);
  const transfersOf = async (refundId: string) =>
    (await house.transfers()).filter(({ reference }) => reference === refundId).map(({ state }) => state);
  const account = async () => {
    const { payable, held, owed } = (await house.read(maker, '/deposits/m1')) as Record<string, { minor: string }>;
    return { payable: Number(payable?.minor), held: Number(held?.minor), owed: Number(owed?.minor) };
  };
  const eventsOf = async <Type extends DomainEvent['type']>(type: Type, refundId: string) =>
    (await house.events()).flatMap((event) =>
      event.type === type && 'refundId' in event.data && event.data.refundId === refundId ? [event.data] : [],
    ) as Extract<DomainEvent, { type: Type }>['data'][];

  it('before the refund was paid takes it back into escrow, and the merchant gets the unit less the fee', async () => {
    const before = await account();
    const refundId = await refundOf('O1', [limitFen + 1]);
    expect(await refund(refundId)).toMatchObject({ status: 'funded', fromEscrow: cny(limitFen + 1) });

    const path = verdictOf(refundId);
    const body = override([{ unit: 1, ...buyerAtFault }]);
    expect(problemOf(await post(supervisor, `${path}/approval`))).toBe('409 not-proposed');
    expect(problemOf(await post('merchant:m1', path, body))).toBe('403 role-not-allowed');
    expect(problemOf(await post(arbitrator, path, override([])))).toBe('400 invalid-input');
    expect(problemOf(await post(arbitrator, path, override([{ unit: 2, ...buyerAtFault }])))).toBe('404 unit-unknown');
    expect(problemOf(await post(arbitrator, path, override([{ unit: 1, ...platformBears }], true)))).toBe('422 fraud-unfounded');
    expect(problemOf(await post(arbitrator, path.replace('.v1/', '.v2/'), body))).toBe('404 verdict-unknown');
    await accepted(arbitrator, path, body);
    expect(problemOf(await post(arbitrator, `${path}/approval`))).toBe('403 same-subject');
    expect(problemOf(await post(supervisor, path, body))).toBe('409 already-proposed');
    expect(await dispute(supervisor, refundId)).toMatchObject({
      verdicts: [
        { override: { status: 'proposed', proposedBy: 'arbitrator-he', approvedBy: null, units: [{ unit: 1, remedy: 'NONE' }] } },
      ],
    });
    const [seen] = (await dispute('buyer:b1', refundId))['verdicts'] as object[];
    expect(seen).not.toHaveProperty('override');
    // Turned down and proposed again.
    await accepted(supervisor, `${path}/withdrawal`);
    expect(problemOf(await post(supervisor, `${path}/approval`))).toBe('409 not-proposed');
    await overturn(refundId, body);

    expect(await refund(refundId)).toMatchObject({ status: 'revoked', outstanding: cny(0) });
    expect(await house.read(maker, `/payouts/${refundId}`)).toMatchObject({ status: 'cancelled' });
    expect(await transfersOf(refundId)).toEqual([]);
    expect(await account()).toEqual({ ...before, payable: before.payable + limitFen + 1 - fee });
    expect(await house.read('buyer:b1', '/orders/O1')).toMatchObject({ units: [{ money: 'released', refunded: cny(0) }] });
    const told = (await dispute('buyer:b1', refundId))['verdicts'] as { override: object }[];
    expect(told).toMatchObject([
      { units: [{ remedy: 'FULL_REFUND' }], override: { status: 'overturned', explanation, isFraud: false } },
    ]);
    expect(told[0]?.override).not.toHaveProperty('proposedBy');
    expect(problemOf(await post(arbitrator, path, body))).toBe('409 already-overturned');
  });

  it('on one of two units pays the other in a refund of its own', async () => {
    const before = await account();
    const refundId = await refundOf('O2', [600_000, 600_000]);
    expect(await transfersOf(refundId)).toEqual([]);
    await overturn(refundId, override([{ unit: 2, ...buyerAtFault }]));
    expect(await refund(refundId)).toMatchObject({ status: 'revoked' });
    expect(await refund(`${refundId}.r`)).toMatchObject({ status: 'paid', total: cny(600_000), fromEscrow: cny(600_000) });
    expect([await transfersOf(refundId), await transfersOf(`${refundId}.r`)]).toEqual([[], ['Succeeded']]);
    expect(await account()).toEqual({ ...before, payable: before.payable + 600_000 - fee });
  });

  it('after the refund was paid leaves it with the buyer, says what the merchant lost, and pays nothing again', async () => {
    const refundId = await refundOf('O3', [5_000]);
    expect(await refund(refundId)).toMatchObject({ status: 'paid' });
    await overturn(refundId, override([{ unit: 1, ...buyerAtFault }]));
    expect(await refund(refundId)).toMatchObject({ status: 'overturned', total: cny(5_000) });
    expect(await eventsOf('RefundOverturned', refundId)).toMatchObject([
      { units: [1], amount: { minor: 5_000n }, escrowLoss: { minor: 4_900n }, recourse: { minor: 0n } },
    ]);
    expect((await eventsOf('RefundOverturned', refundId))[0]).not.toHaveProperty('buyerOwes');
    expect(await transfersOf(refundId)).toEqual(['Succeeded']);
  });

  it('for fraud makes the buyer owe it, and what comes back is not sent out again', async () => {
    const refundId = await refundOf('O4', [5_000], { released: true });
    await overturn(refundId, override([{ unit: 1, ...buyerAtFault }], true));
    expect(await eventsOf('RefundOverturned', refundId)).toMatchObject([
      { escrowLoss: { minor: 0n }, recourse: { minor: 4_900n }, buyerOwes: { minor: 5_000n } },
    ]);
    await accepted(supervisor, '/sandbox/reversals', { payoutId: refundId, transferNo: 1 });
    await house.settle();
    expect(await transfersOf(refundId)).toEqual(['Reversed']);
    expect(await house.read(maker, `/payouts/${refundId}`)).toMatchObject({ status: 'returned' });
    expect(await refund(refundId)).toMatchObject({ status: 'overturned' });
    const returned = (await house.events()).filter(({ type }) => type === 'PayoutReturned');
    expect(returned.map(({ data }) => data)).toMatchObject([{ payoutId: refundId, isFraud: true }]);
  });

  it('when only another bears it, the payout goes on', async () => {
    const refundId = await refundOf('O5', [limitFen + 1]);
    await overturn(refundId, override([{ unit: 1, ...platformBears }]));
    expect(await eventsOf('RefundOverturned', refundId)).toMatchObject([{ escrowLoss: { minor: BigInt(limitFen + 1 - fee) } }]);
    for (const as of [maker, checker]) await accepted(as, `/payouts/${refundId}/approval`);
    await house.settle();
    expect(await transfersOf(refundId)).toEqual(['Succeeded']);
    expect(await refund(refundId)).toMatchObject({ status: 'paid' });
  });

  it('at the moment when its payout is released is paid or revoked, and never both', async () => {
    for (const orderNo of ['R1', 'R2', 'R3']) {
      const before = await account();
      const refundId = await refundOf(orderNo, [limitFen + 1]);
      await accepted(maker, `/payouts/${refundId}/approval`);
      await accepted(arbitrator, verdictOf(refundId), override([{ unit: 1, ...buyerAtFault }]));
      const [, overturned] = await Promise.all([
        post(checker, `/payouts/${refundId}/approval`),
        post(supervisor, `${verdictOf(refundId)}/approval`),
      ]);
      expect(overturned.status).toBe(200);
      await house.settle();
      const isPaid = (await transfersOf(refundId)).length > 0;
      expect(await refund(refundId)).toMatchObject({ status: isPaid ? 'overturned' : 'revoked' });
      expect([(await eventsOf('RefundOverturned', refundId)).length, (await eventsOf('RefundRevoked', refundId)).length]).toEqual(
        isPaid ? [1, 0] : [0, 1],
      );
      if (!isPaid) expect(await account()).toEqual({ ...before, payable: before.payable + limitFen + 1 - fee });
    }
  });

  it('is told in the history of refunds, whose sums are those of the journal', async () => {
    const revoked = (await house.read('buyer:b1', '/refunds?status=revoked'))['refunds'] as { refundId: string }[];
    expect(revoked.map(({ refundId }) => refundId)).toEqual(expect.arrayContaining(['demo.O1.1.v1', 'demo.O2.1.v1']));
    expect(await house.read(maker, '/audit/refunds')).toMatchObject({ agrees: true });
    expect(await house.read(maker, '/audit/refunds?status=revoked')).toMatchObject({
      agrees: true,
      totals: [{ refunded: cny(0), paid: cny(0) }],
    });
    const explained = runCli('explain', 'refund', 'demo.O2.1.v1', '--json', '--data-dir', dataDir);
    await explained.ended;
    expect(JSON.parse(explained.output())).toMatchObject({ open: [], totals: { funded: cny(0), paid: cny(0) } });
  });

  it('leaves books that verify', async () => {
    expect(await market.verify()).toMatchObject({ holds: true, violations: [] });
  });
});
