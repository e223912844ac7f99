import { cny, openMarket, startTestApi, type Answer, type Market, type TestApi } from './testbed.js';

let api: TestApi;
let market: Market;
let buyer: string;
let merchant: string;
let arbitrator: string;
let finance: string;
let operator: string;

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  await api.startReaders();
  buyer = await api.person('buyer', 'b1');
  merchant = await api.person('merchant', 'm1');
  arbitrator = await api.person('arbitrator', 'a1');
  finance = await api.person('finance', 'f1');
  operator = await api.person('operator', 'o1');
});
afterAll(() => api.close());

const problemOf = ({ body }: Answer): string => body.type?.replace('urn:recourse:problem:', '') ?? '';
const claim = (orderNo: string, change: object = {}) =>
  api.post(buyer, '/disputes', { orderNo, units: [1], reason: 'key-invalid', ...change });
const advanceHours = async (hours: number): Promise<void> => {
  const { body } = await api.get(operator, '/clock');
  await api.post(operator, '/clock/advance', { to: new Date(Date.parse(String(body['now'])) + hours * 3_600_000).toISOString() });
};

describe('a dispute', () => {
  it('can be read at once by whoever opened it', async () => {
    await market.sell('D1');
    const { body } = await claim('D1', {
      draft: true,
      evidence: [{ kind: 'chat', showsActivationFailure: true, text: '无法激活' }],
    });
    expect(body).toMatchObject({ disputeId: 'demo.D1.1', status: 'draft' });
    const read = await api.get(buyer, '/disputes/demo.D1.1', String(body['position']));
    expect(read.body).toMatchObject({
      status: 'draft',
      orderId: 'demo.D1',
      policy: { id: 'demo', version: 1, hash: market.policyHash },
      units: [
        {
          unit: 1,
          price: cny(5_000),
          next: { who: 'buyer', until: '2026-03-02T01:00:00.000Z', what: { en: 'submit the draft, or it lapses' } },
        },
      ],
      verdicts: [],
      evidence: [{ by: 'buyer', kind: 'chat', showsActivationFailure: true }],
    });
    const [piece] = read.body['evidence'] as { evidenceId: string }[];
    expect(JSON.stringify(read.body)).not.toContain('无法激活');
    expect((await api.get(merchant, `/disputes/demo.D1.1/evidence/${piece?.evidenceId}`)).body['text']).toBe('无法激活');
  });

  it('is submitted from its draft, once', async () => {
    const { body } = await api.post(buyer, '/disputes/demo.D1.1/submission');
    expect(body).toMatchObject({ disputeId: 'demo.D1.1', status: 'submitted' });
    const read = await api.get(buyer, '/disputes/demo.D1.1', String(body['position']));
    expect(read.body['status']).toBe('open');
    const end = await api.logEnd();
    await api.post(buyer, '/disputes/demo.D1.1/submission');
    const again = await api.adapters.eventStore.readStream('order-demo.D1', { limit: 100 });
    expect(again.filter(({ type }) => type === 'ClaimSubmitted')).toHaveLength(1);
    expect(again.at(-1)?.position).toBeLessThanOrEqual(end);
  });

  it('that is withdrawn leaves its unit free at once', async () => {
    await api.post(buyer, '/disputes/demo.D1.1/withdrawal');
    const { body } = await claim('D1');
    expect(body).toMatchObject({ disputeId: 'demo.D1.2', status: 'submitted' });
  });

  it('is no second one when the process comes to what the claim has done already', async () => {
    await api.settled();
    const events = await api.adapters.eventStore.readStream('dispute-demo.D1.2', { limit: 100 });
    expect(events.filter(({ type }) => type === 'DisputeSubmitted')).toHaveLength(1);
    const order = await api.adapters.eventStore.readStream('order-demo.D1', { limit: 100 });
    expect(order.filter(({ type }) => type === 'ClaimClosed')).toHaveLength(1);
  });

  it('takes evidence once, however often the same is sent', async () => {
    const piece = { kind: 'chat', showsActivationFailure: false, text: '客服说等一等' };
    const first = await api.post(buyer, '/disputes/demo.D1.2/evidence', piece);
    const second = await api.post(buyer, '/disputes/demo.D1.2/evidence', piece);
    expect(second.body['evidenceId']).toBe(first.body['evidenceId']);
    const other = await api.post(merchant, '/disputes/demo.D1.2/evidence', piece);
    expect(other.body['evidenceId']).not.toBe(first.body['evidenceId']);
    const read = await api.get(arbitrator, '/disputes/demo.D1.2', String(other.body['position']));
    expect((read.body['evidence'] as { by: string }[]).map(({ by }) => by).toSorted()).toEqual(['buyer', 'merchant']);
  });

  it('refuses what its state does not allow', async () => {
    const at = (path: string, as: string, body: object) =>
      api.call({ method: 'POST', path: `/disputes/demo.D1.2/${path}`, as, key: path, body });
    expect(problemOf(await at('answer', merchant, { answer: 'accepted' }))).toBe('no-answer-expected');
    expect(problemOf(await at('replacement-check', buyer, { works: true }))).toBe('no-replacement-to-check');
    const decision = {
      units: [{ unit: 1, liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' }],
      explanation: { zh: '商家责任', en: 'liable' },
    };
    expect(problemOf(await at('decision', arbitrator, decision))).toBe('not-under-review');
    const tooLong = { kind: 'chat', showsActivationFailure: false, text: '长'.repeat(3_000) };
    expect(problemOf(await at('evidence', buyer, tooLong))).toBe('text-too-large');
  });
});

describe('a late claim with evidence', () => {
  it('goes to a person, whose decision is explained with every fact and its events', async () => {
    await market.sell('L1');
    await advanceHours(30);
    await claim('L1', { evidence: [{ kind: 'screen-recording', showsActivationFailure: true, text: '录屏' }] });
    await api.settled();
    const waiting = await api.get(buyer, '/disputes/demo.L1.1');
    expect(waiting.body).toMatchObject({
      status: 'open',
      units: [{ status: 'under-review', next: { who: 'arbitrator', until: expect.any(String) } }],
    });

    const contradiction = {
      units: [{ unit: 1, liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'platform' }],
      explanation: { zh: '商家责任', en: 'x' },
    };
    const refused = await api.call({
      method: 'POST',
      path: '/disputes/demo.L1.1/decision',
      as: arbitrator,
      key: 'l1',
      body: contradiction,
    });
    expect(problemOf(refused)).toBe('contradictory-decision');

    const explanation = { zh: '售出前已被激活', en: 'it was activated before it was sold' };
    const units = [{ unit: 1, liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' }];
    const { body } = await api.post(arbitrator, '/disputes/demo.L1.1/decision', { units, explanation });
    const decided = await api.get(buyer, '/disputes/demo.L1.1', String(body['position']));
    expect(decided.body).toMatchObject({
      status: 'decided',
      units: [{ status: 'decided', verdict: 'demo.L1.1.v1', next: { who: 'nobody', until: '2026-03-09T07:00:00.000Z' } }],
      verdicts: [
        {
          verdictId: 'demo.L1.1.v1',
          decidedBy: 'person',
          rule: 'late-with-evidence',
          explanation,
          units: [
            {
              unit: 1,
              liable: 'MERCHANT',
              remedy: 'FULL_REFUND',
              bearer: 'merchant',
              refund: cny(5_000),
              facts: { afterSale: 'after' },
            },
          ],
        },
      ],
    });
    const sources =
      (decided.body['verdicts'] as { units: { sources: { fact: string; from: string[] }[] }[] }[])[0]?.units[0]?.sources ?? [];
    expect(sources.find(({ fact }) => fact === 'afterSale')?.from).toEqual(expect.arrayContaining(['0@dispute-demo.L1.1']));
    expect(JSON.stringify(decided.body)).not.toContain('arbitrator-a1');
    expect((await api.get(finance, '/disputes/demo.L1.1')).text).toContain('arbitrator-a1');
  });

  it('leads to a refund from the fund, an obligation of the merchant, and books that balance', async () => {
    await api.settled();
    const refund = await api.get(buyer, '/refunds/demo.L1.1.v1');
    expect(refund.body).toMatchObject({
      status: 'funded',
      dispute: 'demo.L1.1',
      rule: 'late-with-evidence',
      total: cny(5_000),
      lines: [{ unit: 1, source: 'fund', liable: 'MERCHANT' }],
    });
    expect((await api.get(finance, '/refunds?rule=late-with-evidence&source=fund')).body['refunds']).toHaveLength(1);
    expect((await api.get(finance, '/refunds?source=escrow')).body['refunds']).toHaveLength(0);
    expect((await api.get(buyer, '/payouts')).body).toMatchObject({
      payouts: [{ payoutId: 'demo.L1.1.v1', amount: cny(5_000) }],
    });
    expect((await api.get(finance, '/fund')).body).toMatchObject({ funds: [{ contributed: cny(100_000), waiting: 0 }] });
    const account = await api.get(merchant, '/deposits/m1');
    expect(account.body).toMatchObject({ merchant: 'm1', minimum: cny(10_000) });
    expect(account.body['owed']).not.toEqual(cny(0));
    const settle = await api.call({ method: 'POST', path: '/deposits/m1/settlements', as: merchant, key: 'settle', body: {} });
    expect(problemOf(settle)).toBe('obligation-outstanding');
    const { body: balance } = await api.get(finance, '/ledger/trial-balance');
    const [sheet] = balance['assets'] as { asset: string; debit: object; credit: object }[];
    expect(sheet).toEqual(expect.objectContaining({ asset: 'CNY', debit: sheet?.credit }));
  });

  it('is told to the merchant line by line, page by page', async () => {
    const lines: { event: string; balance: object; because: { refund: string | null } }[] = [];
    for (let after = '0'; ;) {
      const { body } = await api.get(merchant, `/deposits/m1/statement?limit=3&after=${after}`);
      lines.push(...(body['movements'] as typeof lines));
      if (body['next'] === undefined) break;
      after = String(body['next']);
    }
    expect(lines[0]?.event).toBe('DepositAgreed');
    expect(lines.find(({ event }) => event === 'ObligationOpened')?.because.refund).toBe('demo.L1.1.v1');
    const { body } = await api.get(merchant, '/deposits/m1');
    const { deposit, held, payable, owed } = body;
    expect(lines.at(-1)?.balance).toEqual({ available: deposit, held, payable, owed });
  });
});

describe('proceeds', () => {
  it('are settled on request once nothing is open', async () => {
    await api.post(finance, '/deposits/m2/agreement', {
      minimum: cny(0),
      payeeAccount: 'account-of-m2',
      rail: 'sandbox',
      termsVersion: 1,
    });
    await api.post(api.shop, '/sandbox/captures', { transaction: 'deposit-m2', amount: cny(5_000) });
    await api.post(finance, '/deposits/m2/top-ups', { transaction: 'deposit-m2' });
    const order = { ...market.orderBody('S1'), merchant: 'm2' };
    await api.post(api.shop, '/orders', order);
    await api.post(api.shop, '/sandbox/captures', { transaction: 'tx-S1', amount: cny(5_000) });
    await api.post(api.shop, '/orders/S1/payments', { transaction: 'tx-S1' });
    const { body } = await api.post(api.shop, '/orders/S1/deliveries', { units: [{ unit: 1, key: 'KEY-OF-S1-0001' }] });
    await api.settled();
    const m2 = await api.person('merchant', 'm2');
    const tooMuch = await api.call({
      method: 'POST',
      path: '/deposits/m2/settlements',
      as: m2,
      key: 'much',
      body: { amount: cny(5_000) },
    });
    expect(problemOf(tooMuch)).toBe('more-than-payable');
    const settled = await api.post(m2, '/deposits/m2/settlements', {});
    expect(settled.body).toMatchObject({ amount: cny(4_750), payoutId: expect.stringMatching(/^demo\.m2\.s[0-9a-f]{12}$/) });
    await api.settled();
    expect((await api.get(m2, '/payouts', String(body['position']))).body).toMatchObject({
      payouts: [{ purpose: 'settlement', amount: cny(4_750) }],
    });
  });
});
