import { plusDays, plusMs, shanghaiDay } from '@recourse/eventing';
import { postingsOf } from '@recourse/ledger';
import { postingTypes } from '@recourse/postgres';
import { makeDataDir, movesBetween, removeDataDir, startTestInstallation, type TestInstallation } from './test-installation.js';
import { checker, cny, keysAt, maker, type Market, openMarket, supervisor } from './test-market.js';

const price = 5_000;
const fee = 100;
const share = price - fee;
/** Above the limit of 10,000.00, so that it waits for two people and can still be taken back. */
const large = 1_000_001;
const largeShare = large - fee;
const inFund = 2_000_000;
/** More than the fund has. */
const huge = 3_000_000;
const hugeShare = huge - fee;

/** Every row of the postings table has a scenario, through the API or, where only a rail can say it, through the sandbox rail's book. */
describe('money moves', () => {
  let dataDir: string;
  let house: TestInstallation;
  let market: Market;

  const post: TestInstallation['post'] = (...request) => house.post(...request);
  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
    market = await openMarket(house);
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  const posted = async () => (await house.events()).filter((event) => postingsOf(event).length > 0);
  const inOrderOfTable = (types: Iterable<string>) => {
    const happened = new Set(types);
    return postingTypes.filter((type) => happened.has(type));
  };
  /** The rows that a step and all it leads to have booked, in the order of the table, and how accounts moved, as credits less debits in fen. */
  const booked = async (...steps: readonly (() => Promise<unknown>)[]) => {
    const [before, rowsBefore] = [await house.balances(), (await posted()).length];
    for (const step of steps) {
      await step();
      await house.settle();
    }
    const rows = inOrderOfTable((await posted()).slice(rowsBefore).map(({ type }) => type));
    return { rows, moves: movesBetween(before, await house.balances()) };
  };

  /** Dead keys that were delivered and revealed. */
  const sold = async (orderNo: string, merchant: string, fen: number) => {
    await market.buy(orderNo, { merchant, ...keysAt([fen], fee) });
    await market.deliverKeys(orderNo, [1], 'INVALID');
    await market.reveal(orderNo);
  };
  /** And confirmed: escrow has nothing of it any more. */
  const released = async (orderNo: string, merchant: string, fen: number) => {
    await sold(orderNo, merchant, fen);
    await market.confirm(orderNo);
    await house.settle();
  };
  /** He has nothing that recourse could take. */
  const soldByPauper = async (orderNo: string, merchant: string) => {
    await market.agree(merchant);
    await released(orderNo, merchant, price);
    await post(maker, `/deposits/${merchant}/settlements`);
    await house.settle();
  };
  const refundOf = (orderNo: string) => `demo.${orderNo}.1.v1`;
  const paidBack = async (orderNo: string) => {
    await released(orderNo, 'ada', price);
    await market.claim(orderNo);
    await house.settle();
  };
  const approvePayout = async (payoutId: string) => {
    for (const as of [maker, checker]) await post(as, `/payouts/${payoutId}/approval`);
  };
  const overturn = async (orderNo: string, isFraud = false) => {
    const path = `/disputes/demo.${orderNo}.1/verdicts/${refundOf(orderNo)}/override`;
    const units = [{ unit: 1, liable: 'BUYER', remedy: 'NONE', bearer: 'none' }];
    const explanation = { zh: '复核发现卡密由买家本人激活', en: 'the buyer activated the key himself' };
    await post('arbitrator:he', path, { units, isFraud, explanation });
    await post(supervisor, `${path}/approval`);
  };
  const byTwo = async (path: string) => {
    await post(maker, path, { reason: '查无下落' });
    await post(checker, `${path}/approval`);
  };
  const debtOf = async (orderNo: string) => {
    const { debts } = (await house.read(maker, '/buyer-debts')) as { debts: { debtId: string; refundId: string }[] };
    return debts.find(({ refundId }) => refundId === refundOf(orderNo))!.debtId;
  };
  const repay = async (debtId: string, transaction: string, fen: number) => {
    await market.capture(transaction, fen);
    await post(maker, `/buyer-debts/${debtId}/repayments`, { rail: 'sandbox', transaction });
  };

  describe('in and out', () => {
    it('when an order is paid, a deposit topped up and the fund contributed to', async () => {
      await market.agree('ada', { payeeAccount: 'sandbox-fee-ada' });
      expect(
        await booked(
          () => market.buy('A1', { merchant: 'ada' }),
          () => market.topUp('ada', 'deposit-ada', 3_000),
          () => market.contribute('fund-1', inFund),
        ),
      ).toEqual({
        rows: ['PaymentCaptured', 'DepositToppedUp', 'FundContributed'],
        moves: {
          'gateway:sandbox': -(price + 3_000 + inFund),
          'escrow:demo.A1': price,
          'merchant:ada:deposit': 3_000,
          'fund:available': inFund,
        },
      });
    });

    it('when an order is paid twice: the second payment is the buyer’s at once, and goes back when it is approved', async () => {
      const { rows, moves } = await booked(() => market.pay('A1', large, 'tx-A1-again'));
      const [account = ''] = Object.keys(moves).filter((name) => name.startsWith('refund:'));
      expect({ rows, moves }).toEqual({
        rows: ['SurplusCaptured'],
        moves: { 'gateway:sandbox': -large, [account]: large },
      });
      expect(await booked(() => approvePayout(account.slice('refund:'.length)))).toEqual({
        rows: ['PayoutSucceeded'],
        moves: { 'gateway:sandbox': large, [account]: -large },
      });
    });

    it('when the buyer is content: escrow is the merchant’s, less the fee', async () => {
      await market.deliverKeys('A1');
      expect(await booked(() => market.confirm('A1'))).toEqual({
        rows: ['EscrowReleased', 'PayableCredited'],
        moves: { 'escrow:demo.A1': -price, 'merchant:ada:payable': share, 'platform:fees': fee },
      });
    });

    it('when proceeds are settled, and the rail takes its own fee', async () => {
      expect(await booked(() => post('merchant:ada', '/deposits/ada/settlements'))).toEqual({
        rows: ['SettlementDrawn', 'PayoutSucceeded', 'GatewayFeeCharged'],
        moves: { 'merchant:ada:payable': -share, 'gateway:sandbox': share + 10, 'platform:gateway-cost': -10 },
      });
    });

    it('when a withdrawal has cooled off, and back when it is cancelled before it is sent', async () => {
      await market.agree('bob');
      await market.topUp('bob', 'deposit-bob', large);
      const { payoutId, until } = await post('merchant:bob', '/deposits/bob/withdrawals', { amount: cny(large) });
      const outgoing = `outgoing:${String(payoutId)}`;
      expect(await booked(() => house.settle(plusMs(String(until), 1)))).toEqual({
        rows: ['WithdrawalDrawn'],
        moves: { 'merchant:bob:deposit': -large, [outgoing]: large },
      });
      const cancel = () => post(supervisor, `/payouts/${String(payoutId)}/cancellation`, { reason: '商户改变主意' });
      expect(await booked(cancel)).toEqual({
        rows: ['DrawReturned'],
        moves: { 'merchant:bob:deposit': large, [outgoing]: -large },
      });
    });
  });

  describe('for a dead key', () => {
    it('out of its escrow; overturned before it is paid, back there and to the merchant', async () => {
      await sold('E1', 'ada', large);
      const refund = `refund:${refundOf('E1')}`;
      expect(await booked(() => market.claim('E1'))).toEqual({
        rows: ['RefundFundedFromEscrow'],
        moves: { 'escrow:demo.E1': -large, [refund]: large },
      });
      expect(await booked(() => overturn('E1'))).toEqual({
        rows: ['EscrowReleased', 'RefundRevoked', 'PayableCredited'],
        moves: { [refund]: -large, 'merchant:ada:payable': largeShare, 'platform:fees': fee },
      });
    });

    it('out of the fund once escrow is released, with a hold on the deposit; overturned before it is paid, all of it back', async () => {
      await released('F1', 'ada', large);
      const refund = `refund:${refundOf('F1')}`;
      expect(await booked(() => market.claim('F1'))).toEqual({
        rows: ['DepositHeld', 'FundsReserved'],
        moves: {
          'merchant:ada:deposit': -3_000,
          'merchant:ada:held': 3_000,
          'fund:available': -largeShare,
          'platform:fees': -fee,
          [refund]: large,
          'merchant:ada:recourse': -largeShare,
          'fund:advanced': largeShare,
        },
      });
      expect(await booked(() => overturn('F1'))).toEqual({
        rows: ['HoldReleased', 'ReservationRevoked'],
        moves: {
          'merchant:ada:deposit': 3_000,
          'merchant:ada:held': -3_000,
          'fund:available': largeShare,
          'platform:fees': fee,
          [refund]: -large,
          'merchant:ada:recourse': largeShare,
          'fund:advanced': -largeShare,
        },
      });
    });

    it('and from the merchant, when the buyer has it: his deposit first, then his proceeds', async () => {
      await released('F2', 'ada', price);
      expect(await booked(() => market.claim('F2'))).toEqual({
        rows: ['DepositHeld', 'DepositDebited', 'PayableDebited', 'FundsReserved', 'FundReimbursed', 'PayoutSucceeded'],
        moves: {
          'gateway:sandbox': price,
          'platform:fees': -fee,
          'merchant:ada:deposit': -3_000,
          'merchant:ada:payable': -(share - 3_000),
        },
      });
    });

    it('overturned after that, the fund makes the merchant whole, and what the buyer’s bank sends back is the fund’s', async () => {
      expect(await booked(() => overturn('F2'))).toEqual({
        rows: ['CompensationCredited', 'MerchantCompensated'],
        moves: { 'fund:available': -share, 'merchant:ada:payable': share },
      });
      const bounce = () => post('shop', '/sandbox/reversals', { payoutId: refundOf('F2'), transferNo: 1 });
      expect(await booked(bounce)).toEqual({
        rows: ['RefundReturned', 'PayoutReversed'],
        moves: { 'gateway:sandbox': -price, 'fund:available': price },
      });
    });

    it('out of the deposit when the fund has too little; overturned before it is paid, back there', async () => {
      await market.agree('dora');
      await market.topUp('dora', 'deposit-dora', hugeShare);
      await released('D1', 'dora', huge);
      const refund = `refund:${refundOf('D1')}`;
      const { rows, moves } = await booked(() => market.claim('D1'));
      // The claim may have held the deposit by then, or be noted after it was paid.
      expect(rows.filter((type) => type !== 'DepositHeld')).toEqual(['RefundFundedFromDeposit']);
      expect(moves).toEqual({ 'merchant:dora:deposit': -hugeShare, 'platform:fees': -fee, [refund]: huge });
      expect(await booked(() => overturn('D1'))).toEqual({
        rows: ['DepositFundingRevoked'],
        moves: { 'merchant:dora:deposit': hugeShare, 'platform:fees': fee, [refund]: -huge },
      });
    });
  });

  describe('of a merchant who has nothing', () => {
    it('is owed, and no longer when the verdict is overturned', async () => {
      await soldByPauper('C1', 'cat');
      expect(await booked(() => market.claim('C1'))).toEqual({
        rows: ['FundsReserved', 'PayoutSucceeded'],
        moves: {
          'gateway:sandbox': price,
          'fund:available': -share,
          'platform:fees': -fee,
          'merchant:cat:recourse': -share,
          'fund:advanced': share,
        },
      });
      expect(await booked(() => overturn('C1'))).toEqual({
        rows: ['RecourseForgiven'],
        moves: { 'merchant:cat:recourse': share, 'fund:advanced': -share },
      });
    });

    it('is written off by two people, and taken all the same when he has some again', async () => {
      await soldByPauper('C2', 'eve');
      await market.claim('C2');
      await house.settle();
      expect(await booked(() => byTwo(`/recourse/${refundOf('C2')}/write-off`))).toEqual({
        rows: ['RecourseWrittenOff'],
        moves: { 'merchant:eve:recourse': share, 'fund:advanced': -share },
      });
      expect(await booked(() => market.topUp('eve', 'deposit-eve', 1_000))).toEqual({
        rows: ['DepositToppedUp', 'DepositDebited', 'RecourseReinstated', 'FundReimbursed'],
        moves: { 'gateway:sandbox': -1_000, 'fund:available': 1_000 },
      });
    });

    it('overturned then, what was taken is his again and the rest is reinstated only to be forgiven', async () => {
      expect(await booked(() => overturn('C2'))).toEqual({
        rows: ['RecourseReinstated', 'RecourseForgiven', 'CompensationCredited', 'MerchantCompensated'],
        moves: { 'fund:available': -1_000, 'merchant:eve:payable': 1_000 },
      });
    });
  });

  describe('of a buyer who got too much', () => {
    it('by deceit: he owes it to the fund, repays a part of it, and the rest is given up by two people', async () => {
      await paidBack('B1');
      expect(await booked(() => overturn('B1', true))).toEqual({
        rows: ['CompensationCredited', 'MerchantCompensated', 'BuyerFraudEstablished'],
        moves: {
          'buyer:b1:owed': -price,
          'fund:advanced': price,
          'fund:available': -share,
          'merchant:ada:payable': share,
        },
      });
      const debtId = await debtOf('B1');
      expect(await booked(() => repay(debtId, 'back-B1', 2_000))).toEqual({
        rows: ['FraudRepaid'],
        moves: { 'gateway:sandbox': -2_000, 'buyer:b1:owed': 2_000, 'fund:advanced': -2_000, 'fund:available': 2_000 },
      });
      expect(await booked(() => byTwo(`/buyer-debts/${debtId}/write-off`))).toEqual({
        rows: ['BuyerDebtWrittenOff'],
        moves: { 'buyer:b1:owed': price - 2_000, 'fund:advanced': -(price - 2_000) },
      });
    });

    it('by deceit, and the transfer comes back: what he still owes is paid out of it', async () => {
      await paidBack('B2');
      await overturn('B2', true);
      await house.settle();
      const bounce = () => post('shop', '/sandbox/reversals', { payoutId: refundOf('B2'), transferNo: 1 });
      expect(await booked(bounce)).toEqual({
        rows: ['FraudRepaid', 'PayoutReversed'],
        moves: { 'gateway:sandbox': -price, 'buyer:b1:owed': price, 'fund:advanced': -price, 'fund:available': price },
      });
    });

    it('from the gateway itself beside us: a difference first, then his debt, which he repays', async () => {
      await paidBack('B3');
      const id = await differenceOf({
        movementId: 'console-1',
        what: 'refund',
        direction: 'out',
        fen: price,
        reference: 'tx-B3',
      });
      const explain = () => post(maker, `/reconciliation/differences/${id}/refund`, { refundId: refundOf('B3') });
      expect(await booked(explain)).toEqual({
        rows: ['RefundedOutside', 'DifferenceCleared'],
        moves: { 'suspense:sandbox': price, 'buyer:b1:owed': -price },
      });
      const debtId = await debtOf('B3');
      expect(await booked(() => repay(debtId, 'back-B3', price - 1_000))).toEqual({
        rows: ['DoublePaymentRepaid'],
        moves: { 'gateway:sandbox': -(price - 1_000), 'buyer:b1:owed': price - 1_000 },
      });
      // Nothing of it was the fund's: what is given up is a loss of the platform.
      expect(await booked(() => byTwo(`/buyer-debts/${debtId}/write-off`))).toEqual({
        rows: ['BuyerDebtWrittenOff'],
        moves: { 'buyer:b1:owed': 1_000, 'platform:losses': -1_000 },
      });
    });
  });

  describe('at the rail beside us', () => {
    it('to a buyer whose refund waits: it is paid by that, and recourse follows', async () => {
      await released('G1', 'ada', large);
      await market.claim('G1');
      await house.settle();
      const id = await differenceOf({
        movementId: 'console-2',
        what: 'refund',
        direction: 'out',
        fen: large,
        reference: 'tx-G1',
      });
      const explain = () => post(maker, `/reconciliation/differences/${id}/refund`, { refundId: refundOf('G1') });
      expect(await booked(explain)).toEqual({
        rows: ['PayableDebited', 'FundReimbursed', 'RefundedOutside', 'DifferenceCleared'],
        moves: {
          'suspense:sandbox': large,
          [`refund:${refundOf('G1')}`]: -large,
          'merchant:ada:payable': -largeShare,
          'merchant:ada:recourse': largeShare,
          'fund:advanced': -largeShare,
          'fund:available': largeShare,
        },
      });
    });

    it.each([
      ['out', 88],
      ['in', 77],
    ] as const)('%s, and nobody knows why: a difference that two people write off', async (direction, fen) => {
      const id = await differenceOf({ movementId: `odd-${direction}`, what: 'other', direction, fen });
      const lost = direction === 'out' ? fen : -fen;
      expect(await booked(() => byTwo(`/reconciliation/differences/${id}/write-off`))).toEqual({
        rows: ['DifferenceWrittenOff'],
        moves: { 'suspense:sandbox': lost, 'platform:losses': -lost },
      });
    });
  });

  it('in every way that the table of postings knows, but for one that only earlier builds wrote', async () => {
    expect(inOrderOfTable((await posted()).map(({ type }) => type))).toEqual(
      postingTypes.filter((type) => type !== 'SettlementReturned'),
    );
    expect((await posted()).filter(({ type }) => !(postingTypes as readonly string[]).includes(type))).toEqual([]);
  });

  it('and the books verify', async () => {
    expect(await market.verify()).toMatchObject({ code: 0, holds: true, violations: [] });
  });

  interface Movement {
    readonly movementId: string;
    readonly what: 'refund' | 'other';
    readonly direction: 'in' | 'out';
    readonly fen: number;
    readonly reference?: string;
  }
  /** Money moves on our account at the rail, and nothing but the bill of the day says so. @returns the only open difference */
  async function differenceOf({ fen, ...movement }: Movement): Promise<string> {
    await post(maker, '/sandbox/movements', { ...movement, amount: cny(fen) });
    const day = shanghaiDay(await house.now());
    await house.settle(plusDays(await house.now(), 1));
    const left = movement.direction === 'out' ? fen : -fen;
    expect(await booked(() => post(maker, `/reconciliation/sandbox/${day}`))).toEqual({
      rows: ['DifferenceBooked'],
      moves: { 'suspense:sandbox': -left, 'gateway:sandbox': left },
    });
    const { differences } = (await house.read(maker, '/reconciliation/differences?status=open')) as {
      differences: { differenceId: string }[];
    };
    expect(differences).toHaveLength(1);
    return differences[0]!.differenceId;
  }
});
