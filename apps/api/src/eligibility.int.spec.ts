import { plusHours, plusMs } from '@recourse/eventing';
import { setVirtualClock } from '@recourse/postgres';
import { cny, openMarket, startTestApi, type Answer, type Market, type TestApi } from './testbed.js';

/** Where the clock of the testbed starts. */
const start = '2026-03-01T01:00:00.000Z';

interface Shown {
  readonly at: string;
  readonly claimable: boolean;
  readonly because?: string;
  readonly validUntil: string | null;
  readonly escrow: string;
  readonly refundable: unknown;
  readonly clocks: {
    readonly running: readonly { name: string; until: string; loses: string }[];
    readonly afterSaleStoppedMs?: number;
  };
  readonly claim?: { readonly disputeId: string; readonly stage: string; readonly turn: string; readonly rule?: string };
  readonly options: readonly {
    readonly reason: string;
    readonly rule: string;
    readonly next: { readonly do: string };
    readonly outcomes: readonly {
      readonly rule: string;
      readonly by: string;
      readonly remedy?: string;
      readonly from?: object;
    }[];
    readonly missing: readonly { readonly fact: string; readonly from: string }[];
  }[];
  readonly rules: Readonly<Record<string, { readonly explanation: { readonly zh: string } }>>;
}

let api: TestApi;
let market: Market;
let buyer: string;
let merchant: string;
let operator: string;
let arbitrator: string;
let finance: string;

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  await api.startReaders();
  buyer = await api.person('buyer', 'b1');
  merchant = await api.person('merchant', 'm1');
  operator = await api.person('operator', 'o1');
  arbitrator = await api.person('arbitrator', 'a1');
  finance = await api.person('finance', 'f1');
});
afterAll(() => api.close());

/** Time passes and nothing happens: no timer is woken. */
const waitUntil = (moment: string) => setVirtualClock(api.adapters.database.db, moment);
const problemOf = ({ body }: Answer) => body.type?.replace('urn:recourse:problem:', '');
const promise = { afterSaleHours: 24, deliverWithinHours: 24, reissue: true, sevenDay: true };
const order = async (orderNo: string, change: object = {}) =>
  (await api.post(api.shop, '/orders', { ...market.orderBody(orderNo), settlement: 'ESCROW', promise, ...change })).body;
const pay = async (orderNo: string) => {
  await api.post(api.shop, '/sandbox/captures', { transaction: `tx-${orderNo}`, amount: cny(5_000) });
  return (await api.post(api.shop, `/orders/${orderNo}/payments`, { transaction: `tx-${orderNo}` })).body;
};
const deliver = async (orderNo: string) =>
  (await api.post(api.shop, `/orders/${orderNo}/deliveries`, { units: [{ unit: 1, key: `KEY-${orderNo}-0001` }] })).body;
const claim = async (orderNo: string, reason: string, more: object = {}) =>
  (await api.post(buyer, '/disputes', { orderNo, units: [1], reason, ...more })).body;
const placeOf = (body: Answer['body']) => String(body['position']);

async function ask(orderNo: string, { as = buyer, asOf = '', atLeast = '' } = {}): Promise<Shown> {
  const path = `/orders/${orderNo}/units/1/eligibility${asOf === '' ? '' : `?asOf=${asOf}`}`;
  const answer = await api.get(as, path, atLeast === '' ? String(await api.logEnd()) : atLeast);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body as unknown as Shown;
}
const query = (units: readonly object[], { as = buyer, asOf = undefined as string | undefined } = {}) =>
  api.call({ method: 'POST', path: '/eligibility/query', as, body: { units, ...(asOf === undefined ? {} : { asOf }) } });
const ruleFor = ({ options }: Shown, reason: string) => options.find((option) => option.reason === reason)?.rule;
const clocksOf = ({ clocks }: Shown) => clocks.running.map(({ name, until, loses }) => [name, until, loses]);

describe('what the buyer of a unit could get', () => {
  const places: string[] = [];

  it('follows the events of its order', async () => {
    places.push(placeOf(await order('E1')));
    expect(await ask('E1')).toMatchObject({
      claimable: false,
      because: 'order-not-paid',
      refundable: cny(0),
      validUntil: '2026-03-01T01:30:00.000Z',
      options: [],
    });
    await waitUntil('2026-03-01T01:10:00.000Z');
    places.push(placeOf(await pay('E1')));
    const paid = await ask('E1');
    expect(paid).toMatchObject({ claimable: true, escrow: 'held', refundable: cny(5_000) });
    expect(ruleFor(paid, 'own-cancellation')).toBe('cancelled-before-delivery');
    expect(clocksOf(paid)).toEqual([['delivery', '2026-03-02T01:10:00.000Z', 'merchant']]);
    await waitUntil('2026-03-01T02:00:00.000Z');
    places.push(placeOf(await deliver('E1')));
    const delivered = await ask('E1');
    expect(clocksOf(delivered)).toEqual([
      ['after-sale', '2026-03-02T02:00:00.000Z', 'buyer'],
      ['seven-day', '2026-03-08T02:00:00.000Z', 'buyer'],
      ['release', '2026-03-08T02:00:00.000Z', 'buyer'],
    ]);
    expect(ruleFor(delivered, 'dislike')).toBe('seven-day-promise');
  });

  it('is told with every end that the policy leaves open, who pays then, and what is missing', async () => {
    const { options, rules } = await ask('E1');
    const dead = options.find(({ reason }) => reason === 'key-invalid');
    expect(dead).toMatchObject({ rule: 'verify', next: { do: 'verify' } });
    const missing = dead?.missing.map(({ fact, from }) => [fact, from]);
    for (const one of [
      ['verification', 'verifier'],
      ['reissue', 'merchant'],
      ['merchantAnswer', 'merchant'],
    ])
      // prettier-ignore
      expect(missing).toContainEqual(one);
    expect(dead?.outcomes).toContainEqual(
      expect.objectContaining({ by: 'reissue', remedy: 'REISSUE', rule: 'dead-key-reissue' }),
    );
    expect(dead?.outcomes).toContainEqual(
      expect.objectContaining({
        rule: 'reissue-missed',
        remedy: 'FULL_REFUND',
        from: { pays: ['escrow'], recourse: false },
      }),
    );
    for (const { rule } of dead!.outcomes)
      expect(rules[rule]).toMatchObject({ explanation: { zh: expect.any(String) as string } });
  });

  it('ends the seven-day promise with the reveal', async () => {
    await api.post(buyer, '/orders/E1/units/1/reveal');
    const revealed = await ask('E1');
    expect(ruleFor(revealed, 'seven-day')).toBe('seven-day-revealed');
    expect(clocksOf(revealed).map(([name]) => name)).toEqual(['after-sale', 'release']);
  });

  it('changes by time alone, a millisecond after the end of its window and not at it', async () => {
    const before = await ask('E1');
    const { validUntil } = before;
    expect(validUntil).toBe('2026-03-02T02:00:00.000Z');
    const end = await api.logEnd();
    await waitUntil(validUntil!);
    expect(await ask('E1')).toEqual({ ...before, at: validUntil });
    await waitUntil(plusMs(validUntil!, 1));
    const after = await ask('E1');
    expect(ruleFor(after, 'key-invalid')).toBe('late-without-evidence');
    const late = after.options.find(({ reason }) => reason === 'key-invalid');
    expect(late).toMatchObject({ withActivationFailureEvidence: { rule: 'late-with-evidence', next: { do: 'review' } } });
    expect(late?.missing).toContainEqual(
      expect.objectContaining({ fact: 'activationFailureEvidence', from: 'buyer', values: ['yes'], alone: true }),
    );
    expect(clocksOf(after)).toEqual([]);
    expect(await api.logEnd()).toBe(end);
  });

  it('is known as of every past moment and every position', async () => {
    expect(await ask('E1', { asOf: start })).toMatchObject({ because: 'order-not-paid', at: start });
    expect(await ask('E1', { asOf: '2026-03-01T01:09:59.999Z' })).toMatchObject({ because: 'order-not-paid' });
    expect(await ask('E1', { asOf: '2026-03-01T01:10:00.000Z' })).toMatchObject({ claimable: true });
    expect(ruleFor(await ask('E1', { asOf: '2026-03-01T01:59:59.999Z' }), 'not-delivered')).toBe('not-delivered');
    expect(ruleFor(await ask('E1', { asOf: '2026-03-02T02:00:00.000Z' }), 'not-delivered')).toBe('verify');
    const [placed, paid, delivered] = places;
    expect(await ask('E1', { asOf: placed! })).toMatchObject({ because: 'order-not-paid', at: start });
    expect(await ask('E1', { asOf: paid! })).toMatchObject({ claimable: true, at: '2026-03-01T01:10:00.000Z' });
    expect(ruleFor(await ask('E1', { asOf: delivered! }), 'seven-day')).toBe('seven-day-promise');
  });

  it('is nothing before the order was placed', async () => {
    for (const asOf of [plusMs(start, -1), '1']) {
      const answer = await api.get(buyer, `/orders/E1/units/1/eligibility?asOf=${asOf}`);
      expect(problemOf(answer)).toBe('unit-unknown');
    }
  });
});

describe('a claim', () => {
  const day = '2026-03-03T00:00:00.000Z';

  it('stops the clock with its draft, and as of then it still stands', async () => {
    await waitUntil(day);
    await order('E2');
    await pay('E2');
    await deliver('E2');
    await waitUntil(plusHours(day, 10));
    await claim('E2', 'key-invalid', { draft: true });
    await waitUntil(plusHours(day, 30));
    const drafted = await ask('E2');
    expect(drafted).toMatchObject({
      claimable: false,
      because: 'claim-open',
      clocks: { afterSaleStoppedMs: 14 * 3_600_000 },
      claim: { disputeId: 'demo.E2.1', isOpen: true, stage: 'draft', turn: 'buyer', until: plusHours(day, 34), rule: 'verify' },
      validUntil: plusHours(day, 34),
      options: [{ reason: 'key-invalid', rule: 'verify' }],
    });
    expect(clocksOf(drafted)).toEqual([['draft', plusHours(day, 34), 'buyer']]);
    await waitUntil(plusMs(plusHours(day, 34), 1));
    expect(await ask('E2')).toMatchObject({ because: 'draft-lapsing' });
    await api.post(operator, '/clock/advance', { to: plusHours(day, 36) });
    await api.settled();
    const lapsed = await ask('E2');
    expect(lapsed).toMatchObject({ claimable: true, mayDraft: false, claim: { isOpen: false, stage: 'lapsed' } });
    const lapsedAt = plusMs(plusHours(day, 34), 1);
    expect(clocksOf(lapsed)[0]![0]).toBe('after-sale');
    expect(clocksOf(lapsed)[0]![1]! > plusHours(lapsedAt, 13)).toBe(true);
    expect(await ask('E2', { asOf: plusHours(day, 30) })).toEqual(drafted);
    expect(await ask('E2', { asOf: plusHours(day, 9) })).toMatchObject({ claimable: true, mayDraft: true });
  });

  it('shows its stage, whose turn it is and until when, then the verdict and its appeal', async () => {
    await claim('E2', 'key-invalid');
    await api.settled();
    const now = plusHours(day, 36);
    expect(await ask('E2', { as: merchant })).toMatchObject({
      claim: { disputeId: 'demo.E2.2', stage: 'verifying', turn: 'platform', rule: 'verify', until: plusHours(now, 24) },
    });
    await order('E3');
    const position = placeOf(await pay('E3'));
    await claim('E3', 'not-delivered');
    await api.settled();
    const refunded = await ask('E3', { as: finance });
    expect(refunded).toMatchObject({
      claimable: false,
      because: 'refunded-in-full',
      refundable: cny(0),
      claim: {
        isOpen: false,
        stage: 'decided',
        rule: 'not-delivered',
        verdict: {
          liable: 'MERCHANT',
          remedy: 'FULL_REFUND',
          refund: cny(5_000),
          explanation: { zh: expect.any(String) as string },
        },
      },
      options: [],
    });
    expect(clocksOf(refunded)).toEqual([['appeal', plusHours(now, 168), 'nobody']]);
    expect(await ask('E3', { as: arbitrator, asOf: position })).toMatchObject({ claimable: true, escrow: 'held' });
  });

  it('keeps a refused unit under its claim until the verdict is final', async () => {
    await order('E4', { promise: { ...promise, sevenDay: false } });
    await pay('E4');
    await deliver('E4');
    await claim('E4', 'dislike');
    await api.settled();
    expect(await ask('E4')).toMatchObject({
      because: 'claim-open',
      claim: { isOpen: true, stage: 'decided', rule: 'dislike', verdict: { remedy: 'NONE', final: false } },
      options: [],
    });
  });
});

describe('a query of many units', () => {
  const results = ({ body }: Answer) =>
    body['results'] as { orderNo: string; unit: number; eligibility?: Shown; problem?: { type: string } }[];

  it('answers a thousand in their order, each its own result or problem, with what they share once', async () => {
    const nos = ['E1', 'E2', 'E3', 'E4', 'NONE'];
    const units = Array.from({ length: 1_000 }, (_, i) => ({ orderNo: nos[i % nos.length]!, unit: i % 7 === 6 ? 2 : 1 }));
    const answer = await query(units);
    expect(answer.status).toBe(200);
    expect(results(answer).map(({ orderNo, unit }) => ({ orderNo, unit }))).toEqual(units);
    for (const { orderNo, unit, eligibility, problem } of results(answer)) {
      expect(eligibility === undefined).toBe(orderNo === 'NONE' || unit === 2);
      expect(problem?.type).toBe(eligibility === undefined ? 'urn:recourse:problem:unit-unknown' : undefined);
    }
    expect(answer.text.length).toBeLessThan(2_000_000);
    const single = await ask('E1');
    const [first] = results(answer);
    const { options, ...alone } = single;
    expect(first?.eligibility).toMatchObject({ claimable: alone.claimable, validUntil: alone.validUntil, escrow: alone.escrow });
    const id = (first?.eligibility as unknown as { prospects: string }).prospects;
    const shared = (
      answer.body['prospects'] as Record<string, { reasons: string[]; rule: string; outcomes: { rule: string }[] }[]>
    )[id]!;
    for (const option of options) {
      const same = shared.find(({ reasons }) => reasons.includes(option.reason))!;
      expect(same.rule).toBe(option.rule);
      expect(same.outcomes.map(({ rule }) => rule)).toEqual(option.outcomes.map(({ rule }) => rule));
    }
    const texts = (answer.body['rules'] as Record<string, Record<string, { explanation: object }>>)[market.policyHash]!;
    for (const { rule, outcomes } of shared)
      for (const one of [rule, ...outcomes.map((outcome) => outcome.rule)]) expect(texts[one]).toHaveProperty('explanation.zh');
  });

  it('shows each party its own and nothing else', async () => {
    const units = [
      { orderNo: 'E1', unit: 1 },
      { orderNo: 'E2', unit: 1 },
    ];
    const seen = async (as: string) => results(await query(units, { as })).map(({ problem }) => problem === undefined);
    for (const as of [buyer, merchant, finance, operator, arbitrator, api.shop]) expect(await seen(as)).toEqual([true, true]);
    const strangers = [
      await api.person('buyer', 'b2'),
      await api.person('merchant', 'm2'),
      await api.person('finance', 'f1', { platform: 'other' }),
      api.otherShop,
    ];
    for (const as of strangers) expect(await seen(as)).toEqual([false, false]);
    expect((await query(units, { as: strangers[0]! })).text).not.toContain('demo.E1');
  });

  it('answers as of a past moment as one by one', async () => {
    const asOf = '2026-03-01T01:20:00.000Z';
    const answer = await query([{ orderNo: 'E1', unit: 1 }, { orderNo: 'E2', unit: 1 }], { asOf }); // prettier-ignore
    expect(results(answer)[0]?.eligibility).toMatchObject({ claimable: true, at: asOf });
    expect(results(answer)[1]?.problem).toMatchObject({ type: 'urn:recourse:problem:unit-unknown', status: 404 });
  });

  it('takes a thousand units whatever their orders are called, and not one more', async () => {
    const long = (count: number) => Array.from({ length: count }, (_, i) => ({ orderNo: `${i}`.padEnd(64, 'x'), unit: 1_000 }));
    expect((await query(long(1_000))).status).toBe(200);
    expect(problemOf(await query(long(1_001)))).toBe('invalid-input');
    expect(problemOf(await query(long(1_500)))).toBe('body-too-large');
  });

  it.each<[string, object, string]>([
    ['no unit', { units: [] }, 'invalid-input'],
    ['no list', { units: { orderNo: 'E1', unit: 1 } }, 'invalid-input'],
    ['a unit 0', { units: [{ orderNo: 'E1', unit: 0 }] }, 'invalid-input'],
    ['a unit as text', { units: [{ orderNo: 'E1', unit: '1' }] }, 'invalid-input'],
    ['an order with a dot', { units: [{ orderNo: 'demo.E1', unit: 1 }] }, 'invalid-input'],
    ['a member too many', { units: [{ orderNo: 'E1', unit: 1, platform: 'demo' }] }, 'invalid-input'],
    ['a day', { units: [{ orderNo: 'E1', unit: 1 }], asOf: '2026-03-01' }, 'invalid-input'],
    ['a moment to come', { units: [{ orderNo: 'E1', unit: 1 }], asOf: '2030-01-01T00:00:00.000Z' }, 'moment-to-come'],
  ])('refuses %s', async (_, body, problem) => {
    const answer = await api.call({ method: 'POST', path: '/eligibility/query', as: buyer, body });
    expect([answer.status, problemOf(answer)]).toEqual([400, problem]);
  });
});

describe('what changes by time alone', () => {
  const list = async (as: string, search: string) =>
    (await api.get(as, `/eligibility?${search}`, String(await api.logEnd()))).body;
  const span = 'changesFrom=2026-03-02T00:00:00.000Z&changesBefore=2027-01-01T00:00:00.000Z';

  it('is listed with the moment, the first first, page by page', async () => {
    const all = (await list(finance, span))['clocks'] as {
      orderId: string;
      clock: string;
      until: string;
      dispute: string | null;
    }[];
    expect(all.map(({ until }) => until)).toEqual(all.map(({ until }) => until).toSorted());
    expect(all).toContainEqual(
      expect.objectContaining({ orderId: 'demo.E1', clock: 'after-sale', until: '2026-03-02T02:00:00.000Z' }),
    );
    expect(all).toContainEqual(expect.objectContaining({ orderId: 'demo.E3', clock: 'appeal', dispute: 'demo.E3.1' }));
    const paged: unknown[] = [];
    for (let after = ''; ;) {
      const page = await list(finance, `${span}&limit=1${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`);
      paged.push(...(page['clocks'] as unknown[]));
      if (page['next'] === undefined) break;
      after = String(page['next']);
    }
    expect(paged).toEqual(all);
  });

  it('has the very moment of both ends inside', async () => {
    const moment = '2026-03-02T02:00:00.000Z';
    const of = async (from: string, to: string) =>
      ((await list(finance, `changesFrom=${from}&changesBefore=${to}`))['clocks'] as object[]).length;
    expect(await of(moment, moment)).toBe(1);
    expect(await of(plusMs(moment, 1), plusMs(moment, 1))).toBe(0);
    expect(await of(plusMs(moment, -1), plusMs(moment, -1))).toBe(0);
  });

  it('is for staff, and for a merchant of his own orders', async () => {
    const own = (await list(merchant, span))['clocks'] as object[];
    expect(own).toEqual((await list(finance, `${span}&merchant=m1`))['clocks']);
    expect((await list(await api.person('merchant', 'm2'), span))['clocks']).toEqual([]);
    expect((await list(await api.person('finance', 'f1', { platform: 'other' }), span))['clocks']).toEqual([]);
    expect(problemOf(await api.get(merchant, `/eligibility?${span}&merchant=m2`))).toBe('merchant-unknown');
    expect(problemOf(await api.get(buyer, `/eligibility?${span}`))).toBe('role-not-allowed');
  });

  it.each([
    'changesFrom=yesterday',
    'after=x',
    'limit=0',
    'limit=5000',
    'after=2026-13-45T99:99:99.999Z~x~1~y',
    'changesFrom=2026-03-02T00:00:00.000Z&changesBefore=2026-03-01T00:00:00.000Z',
  ])('refuses %s', async (search) => {
    expect((await api.get(finance, `/eligibility?${search}`)).status).toBe(400);
  });
});
