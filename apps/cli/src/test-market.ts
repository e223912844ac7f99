import { defaultPolicy } from './demo.js';
import { runCli, type TestInstallation } from './test-installation.js';

export interface Cny {
  readonly asset: string;
  readonly minor: string;
}
export const cny = (fen: number): Cny => ({ asset: 'CNY', minor: String(fen) });

export const maker = 'finance:chen';
export const checker = 'finance:lin';
export const supervisor = 'operator:liu';

/** What an order says of its goods: card keys at these prices, and the fee of all of them. */
export const keysAt = (prices: readonly number[], feeFen: number) => ({
  lines: prices.map((fen, index) => ({ product: `点卡${index + 1}`, unitPrice: cny(fen), quantity: 1 })),
  fee: cny(feeFen),
});
/** The same of a top-up card of 100 yuan, fee 0.50. */
export const topUpCard = {
  productKind: 'phone-top-up',
  lines: [{ product: '100元话费', unitPrice: cny(10_000), quantity: 1 }],
  fee: cny(50),
};

/**
 * The steps of a market through the API, each @throws Error with the answer when it is refused: merchant m1 sells card
 * keys of 50 yuan, fee 1.00, to buyer b1, unless the step's last argument says otherwise.
 */
export async function openMarket(house: TestInstallation) {
  const { post } = house;
  const published = await post(supervisor, '/policies', { table: await defaultPolicy() });
  const consent = { version: 1, hash: String(published['hash']) };
  const totalOf = ({ lines }: { readonly lines: readonly { readonly unitPrice: Cny; readonly quantity: number }[] }) =>
    lines.reduce((sum, { unitPrice, quantity }) => sum + Number(unitPrice.minor) * quantity, 0);

  /** Somebody pays at the gateway. */
  const capture = (transaction: string, fen: number) => post('shop', '/sandbox/captures', { transaction, amount: cny(fen) });
  const orderBody = (orderNo: string, change: object = {}) => ({
    orderNo,
    merchant: 'm1',
    buyer: 'b1',
    payeeAccount: 'account-of-b1',
    rail: 'sandbox',
    productKind: 'game-card',
    settlement: 'ESCROW',
    promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: false, sevenDay: false },
    consent,
    ...keysAt([5_000], 100),
    ...change,
  });
  const place = (orderNo: string, change?: object) => post('shop', '/orders', orderBody(orderNo, change));
  /** Paid at the gateway, and the shop tells of it. */
  const pay = async (orderNo: string, fen: number, transaction = `tx-${orderNo}`) => {
    await capture(transaction, fen);
    return post('shop', `/orders/${orderNo}/payments`, { transaction });
  };
  const keyOf = (orderNo: string, unit: number) => `KEY-OF-${orderNo}-000${unit}`;

  return {
    capture,
    agree: (merchant: string, change: object = {}) =>
      post(maker, `/deposits/${merchant}/agreement`, {
        termsVersion: 1,
        minimum: cny(0),
        payeeAccount: `account-of-${merchant}`,
        rail: 'sandbox',
        ...change,
      }),
    topUp: async (merchant: string, transaction: string, fen: number) => {
      await capture(transaction, fen);
      await post(`merchant:${merchant}`, `/deposits/${merchant}/top-ups`, { transaction });
    },
    /** By two people, as every contribution to the fund. */
    contribute: async (transaction: string, fen: number) => {
      await capture(transaction, fen);
      const { contributionId } = await post(maker, '/fund/contributions', { transaction, rail: 'sandbox', amount: cny(fen) });
      await post(checker, `/fund/contributions/${String(contributionId)}/approval`);
    },

    orderBody,
    place,
    pay,
    /** Placed, and paid in full. */
    buy: async (orderNo: string, change?: object) => {
      const body = orderBody(orderNo, change);
      await post('shop', '/orders', body);
      await pay(orderNo, totalOf(body));
    },
    /** Card keys; with an outcome, the verifier will say it of each. */
    deliverKeys: async (orderNo: string, units: readonly number[] = [1], outcome?: string) => {
      for (const unit of outcome === undefined ? [] : units)
        await post('shop', '/sandbox/verifications', { key: keyOf(orderNo, unit), outcome });
      const delivered = units.map((unit) => ({ unit, key: keyOf(orderNo, unit) }));
      return post('shop', `/orders/${orderNo}/deliveries`, { units: delivered });
    },
    deliverTopUp: (orderNo: string) =>
      post('shop', `/orders/${orderNo}/deliveries`, {
        units: [{ unit: 1, receipt: `receipt-${orderNo}`, account: '13800000001' }],
      }),
    /** The verifier will say that the phone got nothing. */
    topUpFails: (orderNo: string) =>
      post('shop', '/sandbox/verifications', { receipt: `receipt-${orderNo}`, outcome: 'NOT_CREDITED' }),
    reveal: (orderNo: string, unit = 1, as = 'buyer:b1') => post(as, `/orders/${orderNo}/units/${unit}/reveal`),
    /** The buyer is content: escrow goes to the merchant. */
    confirm: (orderNo: string, units: readonly number[] = [1], as = 'buyer:b1') =>
      post(as, `/orders/${orderNo}/receipt`, { units }),
    claim: (orderNo: string, change: object = {}, as = 'buyer:b1') =>
      post(as, '/disputes', { orderNo, units: [1], reason: 'key-invalid', ...change }),

    /** What `recourse verify` finds in the stores, and how the command ended. */
    verify: async () => {
      const run = runCli('verify', '--json', '--data-dir', house.dataDir);
      const { code } = await run.ended;
      return { code, ...(JSON.parse(run.output()) as { holds: boolean; violations: { invariant: string; found: string }[] }) };
    },
  };
}
export type Market = Awaited<ReturnType<typeof openMarket>>;
