import { Buffer } from 'node:buffer';
import { verifyPack } from '@recourse/case-pack';
import { openMarket, startTestApi, type Market, type TestApi } from './testbed.js';

let api: TestApi;
let market: Market;
let buyer: string;
let merchant: string;
let arbitrator: string;

const evidenceText = '买家：激活失败，卡密 ABCD-EFGH-1234-5678，我的电话13812345678 <script>alert(1)</script>';
const path = '/disputes/demo.P1.1/pack';

async function download(as: string, atLeast?: string): Promise<{ status: number; sha256: string | null; bytes: Buffer }> {
  const response = await fetch(`${api.url}${path}`, {
    headers: { Authorization: `Bearer ${as}`, ...(atLeast === undefined ? {} : { 'Recourse-At-Least': atLeast }) },
    signal: AbortSignal.timeout(30_000),
  });
  return {
    status: response.status,
    sha256: response.headers.get('Recourse-Pack-SHA256'),
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}
const eventsOfCase = () => api.adapters.eventStore.readStream('dispute-demo.P1.1', { limit: 500 });

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  await api.startReaders();
  buyer = await api.person('buyer', 'b1');
  merchant = await api.person('merchant', 'm1');
  arbitrator = await api.person('arbitrator', 'a1');
  const operator = await api.person('operator', 'o1');
  await market.sell('P1');
  await api.post(operator, '/clock/advance', { to: '2026-03-02T07:00:00.000Z' });
  const evidence = [{ kind: 'screen-recording', showsActivationFailure: true, text: evidenceText }];
  await api.post(buyer, '/disputes', { orderNo: 'P1', units: [1], reason: 'key-invalid', evidence });
  await api.post(arbitrator, '/complaints', {
    channel: '12315',
    number: '沪12315-2026-000777',
    orderNo: 'P1',
    units: [1],
    receivedAt: '2026-03-02T06:00:00.000Z',
    answerBy: '2026-03-11T15:59:59.999Z',
    summary: '要求退款',
    reason: 'key-invalid',
  });
  await api.settled();
  const units = [{ unit: 1, liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' }];
  const explanation = { zh: '售出前已被激活', en: 'it was activated before it was sold' };
  await api.post(arbitrator, '/disputes/demo.P1.1/decision', { units, explanation });
  await api.settled();
});
afterAll(() => api.close());

describe('the pack of a decided case', () => {
  it('holds when it is checked from itself alone', async () => {
    const { status, sha256, bytes } = await download(arbitrator);
    expect(status).toBe(200);
    const report = await verifyPack(bytes);
    expect(report).toMatchObject({ disputeId: 'demo.P1.1', view: 'platform', verdicts: 1, problems: [], sha256 });
    const text = bytes.toString('utf8');
    for (const event of [
      'OrderPlaced',
      'UnitDelivered',
      'ClaimOpened',
      'ComplaintReceived',
      'VerdictReached',
      'RefundApproved',
      'FundsReserved',
      'ObligationOpened',
    ])
      expect(text).toContain(`"event": "${event}"`);
  });

  it('broken on purpose does not', async () => {
    const { bytes } = await download(arbitrator);
    const at = bytes.indexOf('售出前已被激活');
    const forged = Buffer.concat([
      bytes.subarray(0, at),
      Buffer.from('售出后'),
      bytes.subarray(at + Buffer.byteLength('售出前')),
    ]);
    await expect(verifyPack(forged)).rejects.toThrow('the archive differs');
  });

  it('is the same byte for byte however often it is taken, and each person’s export stands in the log once', async () => {
    const [first, second] = [await download(arbitrator), await download(arbitrator)];
    expect(second.bytes.equals(first.bytes)).toBe(true);
    const exports = (await eventsOfCase()).filter(({ type }) => type === 'CasePackExported');
    expect(exports).toHaveLength(1);
    expect(exports[0]).toMatchObject({ data: { by: 'arbitrator-a1', view: 'platform', sha256: first.sha256 } });
    await api.settled();
    await download(await api.person('finance', 'f1'));
    expect((await eventsOfCase()).filter(({ type }) => type === 'CasePackExported')).toHaveLength(2);
  });

  it('has no key, no ciphertext, no payee, no telephone number and no number of the authority in clear', async () => {
    for (const as of [arbitrator, buyer, merchant]) {
      const text = (await download(as)).bytes.toString('utf8');
      expect(text.match(/KEY-OF-P1|ABCD-EFGH|13812345678|account-of|000777|person-[0-9a-f]{32}|ciphertext/g)).toBeNull();
      // As a text it is what was written, on the page it is text.
      expect(text.match(/<script/g)).toHaveLength(1);
      expect(text).toContain('****');
    }
  });

  it('shows a party roles and not people, and the merchant no complaint number', async () => {
    const [his, own] = [(await download(merchant)).bytes, (await download(buyer)).bytes];
    expect((await verifyPack(his)).problems).toEqual([]);
    expect((await verifyPack(own)).problems).toEqual([]);
    expect(his.toString('utf8')).not.toMatch(/arbitrator-a1|\*\*\*\*0777|FundsReserved|merchant:m1:deposit/);
    expect(own.toString('utf8')).not.toMatch(/arbitrator-a1|FundsReserved|merchant:m1/);
    expect(own.toString('utf8')).toContain('****0777');
  });

  it('is nobody else’s', async () => {
    expect((await download(await api.person('buyer', 'b2'))).status).toBe(404);
    expect((await download(await api.person('merchant', 'm2'))).status).toBe(404);
    expect((await download(await api.person('operator', 'o1', { platform: 'other' }))).status).toBe(404);
  });

  it('names evidence that was erased, and its verdict still re-derives', async () => {
    const before = await download(arbitrator);
    const piece = (await eventsOfCase()).find(({ type }) => type === 'EvidenceSubmitted')!;
    const { content } = piece.data as { content: string };
    await api.adapters.vault.shred({ kind: 'person', id: content });
    const after = await download(arbitrator);
    expect(after.sha256).not.toBe(before.sha256);
    expect(after.bytes.toString('utf8')).toContain('erased on request');
    expect((await verifyPack(after.bytes)).problems).toEqual([]);
  });
});

describe('the checklist of a buyer', () => {
  interface Listed {
    steps: { step: string; items: { id: string; state: string; by?: string }[] }[];
    channels: { channel: string }[];
  }
  const itemsOf = (body: unknown) =>
    new Map(
      (body as Listed).steps.flatMap(({ items }) =>
        items.map(({ id, state, by }) => [id, by === undefined ? state : `${state} by ${by}`]),
      ),
    );

  it('names before an order what to look at, and what is not published yet', async () => {
    const { body } = await api.get(buyer, '/checklist?merchant=m1');
    expect(Object.fromEntries(itemsOf(body))).toMatchObject({
      qualification: 'unpublished',
      rating: 'unpublished',
      'refund-rate': 'unpublished',
      'rule-text': 'todo',
    });
    expect((body as unknown as Listed).channels.map(({ channel }) => channel)).toEqual([
      'merchant',
      'platform',
      'payment',
      '12315',
      'consumers-association',
      'court',
    ]);
  });

  it('names for an order what the platform keeps, what is done, and until when to act', async () => {
    const { body: now } = await api.get(buyer, '/orders/P1/checklist');
    expect(Object.fromEntries(itemsOf(now))).toMatchObject({
      'order-record': 'kept',
      'payment-proof': 'kept',
      'test-unit-1': 'over by 2026-03-02T01:00:00.000Z',
      'screen-recording': 'done',
      chat: 'later',
      'appeal-demo.P1.1.v1': 'information by 2026-03-09T07:00:00.000Z',
    });
    await market.sell('P2');
    await api.settled();
    expect(itemsOf((await api.get(buyer, '/orders/P2/checklist')).body).get('claim-unit-1')).toBe(
      'todo by 2026-03-03T07:00:00.000Z',
    );
    expect((await api.get(await api.person('buyer', 'b2'), '/orders/P2/checklist')).status).toBe(404);
  });
});
