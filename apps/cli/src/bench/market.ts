import type { RefundKind } from './journey.js';
import type { Answer, Client } from '../client.js';
import { UnexpectedAnswer } from '../player.js';

export const benchPlatform = 'bench';
/** So that the accounts of one merchant, which change one after the other, are not what is measured. */
export const merchants: readonly string[] = Array.from({ length: 8 }, (_, i) => `merchant-${i + 1}`);
const buyers: readonly string[] = Array.from({ length: 8 }, (_, i) => `buyer-${i + 1}`);
const priceMinor = 5_000;
const plentyMinor = 100_000_000;
const requestsAtOnce = 8;

const cny = (minor: number) => ({ asset: 'CNY', minor: String(minor) });
const settlementOf = { escrow: 'ESCROW', fund: 'ON_DELIVERY' } as const satisfies Record<RefundKind, string>;
/** `B{no}` */
const numberOf = (orderNo: string): number => Number(orderNo.slice(1));
const pick = (from: readonly string[], no: number): string => from[no % from.length] ?? '';

/** So many at once; the first failure ends it. */
export async function atOnce<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = items.entries();
  const lane = async () => {
    for (const [index, item] of waiting) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results;
}

/** A platform open for business, told over the API as a shop would. */
export class BenchMarket {
  #requests = 0;
  #orders = 0;

  private constructor(
    private readonly client: Client,
    private readonly policyHash: string,
  ) {}

  static async open(client: Client, policy: unknown): Promise<BenchMarket> {
    const post = poster(client, 'open');
    const { body } = await post('operator:o1', '/policies', { table: policy });
    for (const merchant of merchants) {
      const terms = { minimum: cny(priceMinor), payeeAccount: `account-of-${merchant}`, rail: 'sandbox', termsVersion: 1 };
      await post('finance:f1', `/deposits/${merchant}/agreement`, terms);
      await post('shop', '/sandbox/captures', { transaction: `deposit-${merchant}`, amount: cny(plentyMinor) });
      await post('finance:f1', `/deposits/${merchant}/top-ups`, { transaction: `deposit-${merchant}` });
    }
    const contribution = { transaction: 'fund', rail: 'sandbox', amount: cny(plentyMinor) };
    await post('shop', '/sandbox/captures', { transaction: 'fund', amount: cny(plentyMinor) });
    const proposed = await post('finance:f1', '/fund/contributions', contribution);
    await post('finance:f2', `/fund/contributions/${String(proposed.body['contributionId'])}/approval`, {});
    return new BenchMarket(client, String(body['hash']));
  }

  /** @returns ids of disputes that wait for a person's word and nothing else */
  claims(kind: RefundKind, count: number, onClaim: () => void): Promise<string[]> {
    const numbers = Array.from({ length: count }, () => (this.#orders += 1));
    return atOnce(numbers, requestsAtOnce, async (no) => {
      const disputeId = await this.claim(kind, no);
      onClaim();
      return disputeId;
    });
  }

  /** Delivered orders of so many keys each. @returns their numbers */
  sales(count: number, units: number, onSale: () => void): Promise<string[]> {
    const numbers = Array.from({ length: count }, () => (this.#orders += 1));
    return atOnce(numbers, requestsAtOnce, async (no) => {
      const orderNo = await this.sell(
        'escrow',
        no,
        units,
        poster(this.client, `sale-${no}`, () => (this.#requests += 1)),
      );
      onSale();
      return orderNo;
    });
  }

  /** A claim on the first unit of each of these orders, which waits for a person. */
  async claimOf(orderNos: readonly string[]): Promise<void> {
    await atOnce(orderNos, requestsAtOnce, async (orderNo) => {
      const post = poster(this.client, `claim-of-${orderNo}`, () => (this.#requests += 1));
      await post(`buyer:${pick(buyers, numberOf(orderNo))}`, '/disputes', { orderNo, units: [1], reason: 'platform-failure' });
    });
  }

  /** One delivered order of one key. That the platform failed is for a person to decide, so no verifier and no clock plays a part. */
  private async claim(kind: RefundKind, no: number): Promise<string> {
    const post = poster(this.client, `claim-${no}`, () => (this.#requests += 1));
    const orderNo = await this.sell(kind, no, 1, post);
    const buyer = pick(buyers, no);
    const { body } = await post(`buyer:${buyer}`, '/disputes', { orderNo, units: [1], reason: 'platform-failure' });
    return String(body['disputeId']);
  }

  private async sell(kind: RefundKind, no: number, units: number, post: ReturnType<typeof poster>): Promise<string> {
    const orderNo = `B${no}`;
    const buyer = pick(buyers, no);
    const keys = Array.from({ length: units }, (_, i) => ({
      unit: i + 1,
      key: `KEY-${orderNo}-${String(i + 1).padStart(4, '0')}`,
    }));
    await post('shop', '/orders', {
      orderNo,
      merchant: pick(merchants, no),
      buyer,
      payeeAccount: `account-of-${buyer}`,
      rail: 'sandbox',
      productKind: 'game-card',
      settlement: settlementOf[kind],
      promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: false, sevenDay: false },
      consent: { version: 1, hash: this.policyHash },
      lines: [{ product: 'game card', unitPrice: cny(priceMinor), quantity: units }],
      fee: cny(250 * units),
    });
    await post('shop', '/sandbox/captures', { transaction: `payment-${orderNo}`, amount: cny(priceMinor * units) });
    await post('shop', `/orders/${orderNo}/payments`, { transaction: `payment-${orderNo}` });
    await post('shop', `/orders/${orderNo}/deliveries`, { units: keys });
    return orderNo;
  }
}

/** Posts that must be accepted, each under an Idempotency-Key of its own. @throws UnexpectedAnswer */
function poster(client: Client, prefix: string, next: () => number = counter()) {
  return async (as: string, path: string, body: unknown): Promise<Answer> => {
    const answer = await client.post(as, path, body, `${prefix}-${next()}`);
    if (answer.status >= 300) throw new UnexpectedAnswer(`${as} POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  };
}

function counter(): () => number {
  let count = 0;
  return () => (count += 1);
}
