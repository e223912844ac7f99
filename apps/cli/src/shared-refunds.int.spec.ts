import { plusHours } from '@recourse/eventing';
import {
  makeDataDir,
  movesBetween,
  problemOf,
  removeDataDir,
  startTestInstallation,
  type TestInstallation,
} from './test-installation.js';
import { checker, cny, keysAt, maker, type Market, openMarket, supervisor } from './test-market.js';

const arbitrator = 'arbitrator:he';
const explanation = { zh: '双方都有过错', en: 'both are at fault' };
const both = { liable: 'SHARED', remedy: 'FULL_REFUND', bearer: 'shared', merchantPercent: 50 };
const part = { liable: 'MERCHANT', remedy: 'PARTIAL_REFUND', bearer: 'merchant' };
const buyerAtFault = { liable: 'BUYER', remedy: 'NONE', bearer: 'none' };
/** Above it a payout waits for two people, and can still be taken back. */
const limitFen = 1_000_000;

describe('a refund in part, or borne by both', () => {
  let dataDir: string;
  let house: TestInstallation;
  let market: Market;

  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
    market = await openMarket(house);
    await market.agree('m1');
    await market.topUp('m1', 'deposit-m1', 50_000);
    await market.contribute('fund-1', 5_000_000);
    await house.settle();
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  /** A key that was delivered and revealed, and confirmed if it shall be released. */
  const sold = async (orderNo: string, fen: number, fee: number, { released = false, outcome = 'INVALID' } = {}) => {
    await market.buy(orderNo, keysAt([fen], fee));
    await market.deliverKeys(orderNo, [1], outcome);
    await market.reveal(orderNo);
    if (released) await market.confirm(orderNo);
    await house.settle();
  };
  /** A claim that only a person can decide on, and what he decides. */
  const decided = async (orderNo: string, decision: object, claimNo = 1) => {
    await market.claim(orderNo, { reason: 'platform-failure' });
    await house.settle();
    const body = { units: [{ unit: 1, ...decision }], explanation };
    await house.post(arbitrator, `/disputes/demo.${orderNo}.${claimNo}/decision`, body);
    await house.settle();
    return `demo.${orderNo}.${claimNo}.v1`;
  };
  const overturn = async (refundId: string, units: object[]) => {
    const path = `/disputes/${refundId.replace(/\.v1$/, '')}/verdicts/${refundId}/override`;
    await house.post(arbitrator, path, { units, isFraud: false, explanation });
    await house.post(supervisor, `${path}/approval`);
    await house.settle();
  };
  const refund = (refundId: string) => house.read(maker, `/refunds/${refundId}`);
  const unitOf = async (orderNo: string) => ((await house.read(maker, `/orders/${orderNo}`))['units'] as object[])[0];
  const moved = async (...steps: readonly (() => Promise<unknown>)[]) => {
    const before = await house.balances();
    for (const step of steps) await step();
    return movesBetween(before, await house.balances());
  };
  const holds = async () => expect(await market.verify()).toMatchObject({ code: 0, violations: [] });

  it('a fault of both is paid half from escrow and half from the fund, and the odd fen is the merchant’s', async () => {
    await sold('S1', 1_001, 21);
    expect(await moved(() => decided('S1', both))).toEqual({
      'escrow:demo.S1': -1_001,
      'fund:available': -500,
      'gateway:sandbox': 1_001,
      'merchant:m1:payable': 490,
      'platform:fees': 10,
    });
    expect(await refund('demo.S1.1.v1')).toMatchObject({
      status: 'paid',
      total: cny(1_001),
      fromEscrow: cny(501),
      fromFund: cny(500),
      fromFees: cny(0),
    });
    expect(await house.read('buyer:b1', '/disputes/demo.S1.1')).toMatchObject({
      verdicts: [
        {
          decidedBy: 'person',
          units: [
            { liable: 'SHARED', bearer: 'shared', refund: cny(1_001), merchantPercent: 50, merchantPart: cny(501), fault: null },
          ],
        },
      ],
    });
  });

  it('after release the fund pays all of it, and the merchant’s part net of its fee is taken from his deposit', async () => {
    await sold('S2', 1_001, 21, { released: true });
    expect(await moved(() => decided('S2', both))).toEqual({
      'fund:available': -500,
      'gateway:sandbox': 1_001,
      'merchant:m1:deposit': -490,
      'platform:fees': -11,
    });
    expect(await refund('demo.S2.1.v1')).toMatchObject({
      status: 'paid',
      fromFund: cny(990),
      fromFees: cny(11),
      merchantShare: cny(490),
      recovered: cny(490),
      outstanding: cny(0),
    });
  });

  it('a third of the price goes back half up, and a second claim on the unit gets the rest and no more', async () => {
    await sold('P1', 150, 15);
    expect(await moved(() => decided('P1', { ...part, refundPercent: 33 }))).toEqual({
      'escrow:demo.P1': -50,
      'gateway:sandbox': 50,
    });
    expect(await unitOf('P1')).toMatchObject({ money: 'held', refunded: cny(50), dispute: null });
    expect(await moved(() => market.claim('P1').then(() => house.settle()))).toEqual({
      'escrow:demo.P1': -100,
      'gateway:sandbox': 100,
    });
    expect(await house.read('buyer:b1', '/disputes/demo.P1.2')).toMatchObject({
      verdicts: [
        {
          rule: 'dead-unit',
          units: [
            {
              remedy: 'FULL_REFUND',
              refund: cny(100),
              price: cny(150),
              refundedBefore: cny(50),
              fault: { code: 'key-invalid', whose: 'merchant' },
            },
          ],
        },
      ],
    });
    expect(await unitOf('P1')).toMatchObject({ money: 'refunded', refunded: cny(150) });
    const again = await house.send('buyer:b1', '/disputes', { orderNo: 'P1', units: [1], reason: 'key-invalid' });
    expect(problemOf(again)).toBe('409 unit-refunded');
  });

  it('the rest of a unit stays in escrow until its window ends, whoever bears the part', async () => {
    await sold('P2', 1_000, 100);
    await sold('P3', 1_000, 100);
    await decided('P2', { ...part, amount: cny(330) });
    await decided('P3', { liable: 'PLATFORM', remedy: 'PARTIAL_REFUND', bearer: 'platform', amount: cny(330) });
    expect(await unitOf('P2')).toMatchObject({ money: 'held', refunded: cny(330) });
    expect(await unitOf('P3')).toMatchObject({ money: 'held', refunded: cny(330) });
    const windowsEnd = async () => house.settle(plusHours(await house.now(), 25));
    expect(await moved(windowsEnd)).toEqual({
      'escrow:demo.P2': -670,
      'escrow:demo.P3': -1_000,
      'merchant:m1:payable': 603 + 900,
      'platform:fees': 67 + 100,
    });
    expect(await unitOf('P2')).toMatchObject({ money: 'released' });
  });

  it('a part of a unit that was released is recourse net of its fee, and so is the rest', async () => {
    await sold('P4', 1_000, 100, { released: true });
    expect(await moved(() => decided('P4', { ...part, refundPercent: 33 }))).toEqual({
      'gateway:sandbox': 330,
      'merchant:m1:deposit': -297,
      'platform:fees': -33,
    });
    expect(await moved(() => decided('P4', { ...part, liable: 'MERCHANT', remedy: 'FULL_REFUND' }, 2))).toEqual({
      'gateway:sandbox': 670,
      'merchant:m1:deposit': -603,
      'platform:fees': -67,
    });
  });

  it('what a person says against himself is refused with the reason', async () => {
    await sold('B1', 1_000, 100);
    await market.claim('B1', { reason: 'platform-failure' });
    await house.settle();
    const decide = async (decision: object) =>
      house.send(arbitrator, '/disputes/demo.B1.1/decision', { units: [{ unit: 1, ...decision }], explanation });
    expect(problemOf(await decide({ ...both, merchantPercent: 100 }))).toBe('400 invalid-input');
    expect(problemOf(await decide({ ...both, merchantPercent: undefined }))).toBe('422 contradictory-decision');
    expect(problemOf(await decide(part))).toBe('422 contradictory-decision');
    expect(problemOf(await decide({ ...part, amount: cny(1_000) }))).toBe('422 contradictory-decision');
    expect(problemOf(await decide({ ...part, amount: { asset: 'USD', minor: '1' } }))).toMatch(/^4/);
    expect(problemOf(await decide({ ...part, refundPercent: 5, amount: cny(5) }))).toBe('422 contradictory-decision');
    await house.post(arbitrator, '/disputes/demo.B1.1/decision', { units: [{ unit: 1, ...buyerAtFault }], explanation });
    await house.settle();
  });

  it('an override takes a shared refund back into escrow and the fund, before it is paid', async () => {
    const price = limitFen + 1;
    await sold('O1', price, 100);
    const refundId = await decided('O1', both);
    expect(await refund(refundId)).toMatchObject({ status: 'funded', fromEscrow: cny(500_001), fromFund: cny(500_000) });
    expect(await moved(() => overturn(refundId, [{ unit: 1, ...buyerAtFault }]))).toEqual({
      'fund:available': 500_000,
      'merchant:m1:payable': 500_001 - 50,
      'platform:fees': 50,
      'refund:demo.O1.1.v1': -price,
    });
    expect(await refund(refundId)).toMatchObject({ status: 'revoked' });
    expect(await unitOf('O1')).toMatchObject({ money: 'released', refunded: cny(0) });
  });

  it('an override of a shared refund that was paid gives the merchant his part back, net of the fee', async () => {
    // From escrow, and after release.
    for (const refundId of ['demo.S1.1.v1', 'demo.S2.1.v1'])
      expect(await moved(() => overturn(refundId, [{ unit: 1, ...buyerAtFault }]))).toEqual({
        'fund:available': -490,
        'merchant:m1:payable': 490,
      });
  });

  it('an override lets the platform bear a partial refund, and changes no amount', async () => {
    const path = '/disputes/demo.P2.1/verdicts/demo.P2.1.v1/override';
    const body = (unit: object) => ({ units: [{ unit: 1, ...unit }], isFraud: false, explanation });
    const whole = { liable: 'PLATFORM', remedy: 'FULL_REFUND', bearer: 'platform' };
    expect(problemOf(await house.send(arbitrator, path, body(whole)))).toBe('422 refund-amount-stands');
    const inPart = { unit: 1, liable: 'PLATFORM', remedy: 'PARTIAL_REFUND', bearer: 'platform' };
    expect(await moved(() => overturn('demo.P2.1.v1', [inPart]))).toEqual({
      'fund:available': -297,
      'merchant:m1:payable': 297,
    });
  });

  it('an override takes a partial refund back before it is paid, and the merchant gets the unit', async () => {
    const price = 2 * (limitFen + 1);
    await sold('O2', price, 100);
    const refundId = await decided('O2', { ...part, refundPercent: 60 });
    expect(await refund(refundId)).toMatchObject({ status: 'funded', fromEscrow: cny(1_200_001) });
    expect(await moved(() => overturn(refundId, [{ unit: 1, ...buyerAtFault }]))).toMatchObject({
      'escrow:demo.O2': -(price - 1_200_001),
      'merchant:m1:payable': price - 100,
      'platform:fees': 100,
    });
  });

  it('an order keeps that its buyer confirmed “no return once opened” by itself, and it excludes no fault', async () => {
    const { consent } = market.orderBody('C1');
    for (const orderNo of ['C1', 'C2']) {
      await market.buy(orderNo, { consent: { ...consent, noReturn: true } });
      await market.deliverKeys(orderNo, [1], 'INVALID');
      await market.reveal(orderNo);
    }
    await house.settle();
    await market.claim('C1', { reason: 'own-cancellation' });
    await market.claim('C2');
    await house.settle();
    expect(await house.read('buyer:b1', '/disputes/demo.C1.1')).toMatchObject({
      noReturnConsent: true,
      verdicts: [
        {
          rule: 'own-cancellation-consented',
          units: [
            {
              fault: { code: 'own-cancellation', whose: 'buyer' },
              facts: { noReturnConsent: 'yes' },
              sources: expect.arrayContaining([
                { fact: 'noReturnConsent', from: ['0@dispute-demo.C1.1', '0@order-demo.C1'] },
              ]) as unknown,
            },
          ],
        },
      ],
    });
    expect(await house.read('buyer:b1', '/disputes/demo.C2.1')).toMatchObject({
      verdicts: [{ rule: 'dead-unit', units: [{ remedy: 'FULL_REFUND', fault: { code: 'key-invalid' } }] }],
    });
  });

  it('an offer that promises less than the policy publishes is not sold', async () => {
    const promise = { afterSaleHours: 24, deliverWithinHours: 72, reissue: false, sevenDay: false };
    const place = async (change: object) =>
      problemOf(await house.send('shop', '/orders', market.orderBody('M1', { promise: { ...promise, ...change } })));
    expect(await place({ afterSaleHours: 23 })).toBe('422 promise-below-minimum');
    expect(await place({ deliverWithinHours: 73 })).toBe('422 promise-below-minimum');
    await market.place('M1', { promise });
  });

  it('the fault catalogue is there for everybody to read', async () => {
    const { faults } = (await house.read('merchant:m1', '/faults')) as { faults: { code: string }[] };
    expect(faults).toHaveLength(13);
    expect(faults[4]).toMatchObject({
      code: 'key-used-after-reveal',
      whose: 'buyer',
      reasons: ['key-invalid', 'key-used'],
      verification: ['ACTIVATED_AFTER_REVEAL'],
      consequence: { remedy: 'NONE', bearer: 'none' },
    });
  });

  it('and the books hold when every window is over', async () => {
    await house.settle(plusHours(await house.now(), 24 * 9));
    expect(await unitOf('B1')).toMatchObject({ money: 'released' });
    await holds();
    expect((await house.balances()).get('merchant:m1:settling')).toBe(0);
    // Finance finds each bearer's part, and it adds up to what the journal says.
    const audited = (await house.read(checker, '/audit/refunds?by=bearer&liable=SHARED')) as {
      agrees: boolean;
      groups: object[];
    };
    expect(audited).toMatchObject({ agrees: true });
    expect(audited.groups).toHaveLength(2);
    const { funds } = (await house.read(checker, '/fund')) as { funds: { advanced: object }[] };
    expect(funds).toMatchObject([{ advanced: cny(0) }]);
  });
});
