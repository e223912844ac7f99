import { plusHours, plusMs } from '@recourse/eventing';
import { sql } from 'kysely';
import {
  atRest,
  makeDataDir,
  problemOf,
  removeDataDir,
  startTestInstallation,
  type TestInstallation,
} from './test-installation.js';
import { type Market, openMarket } from './test-market.js';

const promised = { promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: true, sevenDay: false } };

/** The steps of a case as its parties see them, and its clocks through a day on which nothing ran. */
describe('due process', () => {
  let dataDir: string;
  let house: TestInstallation;
  let market: Market;

  const bought = async (orderNo: string, outcome?: string, change: object = {}) => {
    await market.buy(orderNo, change);
    await market.deliverKeys(orderNo, [1], outcome);
    await market.reveal(orderNo);
  };
  const claimed = async (orderNo: string, outcome?: string, change: object = {}, claim: object = {}) => {
    await bought(orderNo, outcome, change);
    const { disputeId } = await market.claim(orderNo, claim);
    await house.settle();
    return String(disputeId);
  };
  const view = (as: string, disputeId: string) => house.read(as, `/disputes/${disputeId}`);
  const mayDo = async (as: string, disputeId: string) =>
    ((await view(as, disputeId))['mayDo'] as { action: string; until: string | null }[]).map(({ action, until }) =>
      until === null ? action : `${action} until ${until}`,
    );
  const typesOf = async (disputeId: string) => {
    const events = await house.eventStore.readStream(`dispute-${disputeId}`, { limit: 100 });
    return events.map(({ type }) => type);
  };

  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
    market = await openMarket(house);
    await market.agree('m1');
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  it('a contested claim: each party sees what it may do and until when, both give evidence, a person decides', async () => {
    const disputeId = await claimed('C1');
    const asked = await house.now();
    const answerBy = plusHours(asked, 48);
    expect(await mayDo('buyer:b1', disputeId)).toEqual(['give-evidence', 'ask-for-a-person', 'withdraw']);
    expect(await mayDo('merchant:m1', disputeId)).toEqual([
      `answer until ${answerBy}`,
      `reissue until ${plusHours(asked, 24)}`,
      'give-evidence',
    ]);
    expect(await mayDo('arbitrator:anna', disputeId)).toEqual([]);
    expect(await mayDo('finance:chen', disputeId)).toEqual([]);

    await house.post('merchant:m1', `/disputes/${disputeId}/answer`, { answer: 'contested' });
    await house.settle();
    const heardBy = plusHours(await house.now(), 48);
    expect(await view('buyer:b1', disputeId)).toMatchObject({
      units: [{ status: 'awaiting-evidence', next: { who: 'both', until: heardBy } }],
    });
    expect(await mayDo('buyer:b1', disputeId)).toEqual([`give-evidence until ${heardBy}`, 'ask-for-a-person', 'withdraw']);

    await house.settle(heardBy);
    expect(await typesOf(disputeId)).not.toContain('EvidencePhaseEnded');
    await house.settle(plusMs(heardBy, 1));
    expect((await typesOf(disputeId)).slice(-2)).toEqual(['EvidencePhaseEnded', 'ReviewStarted']);
    const [decide] = await mayDo('arbitrator:anna', disputeId);
    expect(decide).toBe(`decide until ${plusHours(plusMs(heardBy, 1), 72)}`);
    await house.post('arbitrator:anna', `/disputes/${disputeId}/decision`, {
      units: [{ unit: 1, liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' }],
      explanation: { zh: '买家证据充分', en: 'The evidence of the buyer convinces' },
    });
    await house.settle();
    expect(await view('buyer:b1', disputeId)).toMatchObject({ verdicts: [{ rule: 'contested-heard', decidedBy: 'person' }] });
  });

  it('a person is asked for by the buyer of a submitted case only', async () => {
    await bought('C2', 'ACTIVATED_AFTER_REVEAL');
    const { disputeId } = (await market.claim('C2', { draft: true })) as { disputeId: string };
    await house.settle();
    expect(problemOf(await house.send('buyer:b1', `/disputes/${disputeId}/person`))).toBe('409 nothing-to-review');
    expect(problemOf(await house.send('buyer:b2', `/disputes/${disputeId}/person`))).toMatch(/^40[34] /);
    expect(problemOf(await house.send('merchant:m1', `/disputes/${disputeId}/person`))).toBe('403 role-not-allowed');
    expect(await typesOf(disputeId)).toEqual(['DisputeDrafted']);
  });

  it('everybody lists what waits for him, the most urgent first, and nobody what is not his', async () => {
    const list = async (as: string, query = '') => {
      const { disputes, next } = await house.read(as, `/disputes${query}`);
      const rows = disputes as { disputeId: string; until: string | null; status: string }[];
      return { ids: rows.map(({ disputeId }) => disputeId), untils: rows.map(({ until }) => until), rows, next };
    };
    const first = await claimed('L1');
    const draft = await claimed('L2', undefined, {}, { draft: true });
    await house.settle(plusHours(await house.now(), 1));
    const second = await claimed('L3', 'INVALID', promised);
    expect((await list('merchant:m1', '?turn=merchant')).ids).toEqual([second, first]);
    expect((await list('merchant:m1')).ids).toEqual([second, first]);
    expect((await list('buyer:b1', '?turn=buyer')).ids).toContain(draft);
    expect((await list('buyer:b1', '?status=draft')).ids).toContain(draft);
    expect((await list('merchant:m2')).ids).toEqual([]);
    expect((await list('arbitrator:anna', '?turn=arbitrator')).ids).toEqual([]);
    expect((await list('arbitrator:anna', '?status=decided')).rows.every(({ status }) => status === 'decided')).toBe(true);
    const page = await list('merchant:m1', '?limit=1');
    expect(page).toMatchObject({ ids: [second], next: second });
    expect(await list('merchant:m1', `?limit=1&after=${second}`)).toMatchObject({ ids: [first] });
    expect(problemOf(await house.client.get('merchant:m1', '/disputes?turn=merchant&status=open'))).toBe('400 turn-or-status');
    expect(problemOf(await house.client.get('merchant:m1', '/disputes?merchant=m2'))).toBe('404 merchant-unknown');
    expect(problemOf(await house.client.get('merchant:m1', '/disputes?turn=nobody'))).toMatch(/^400 /);
  });

  it('a request for a person is kept while the merchant has the word', async () => {
    const disputeId = await claimed('C3');
    await house.post('buyer:b1', `/disputes/${disputeId}/person`);
    await house.post('buyer:b1', `/disputes/${disputeId}/person`);
    await house.settle();
    expect((await typesOf(disputeId)).slice(-2)).toEqual(['PersonRequested', 'ReviewStarted']);
    expect(await view('buyer:b1', disputeId)).toMatchObject({
      personRequestedAt: await house.now(),
      units: [{ status: 'under-review', next: { who: 'arbitrator' } }],
    });
    expect(await mayDo('buyer:b1', disputeId)).toEqual(['give-evidence', 'withdraw']);
    await house.post('arbitrator:anna', `/disputes/${disputeId}/decision`, {
      units: [{ unit: 1, liable: 'UNPROVEN', remedy: 'NONE', bearer: 'none' }],
      explanation: { zh: '证据不足', en: 'There is no proof' },
    });
    await house.settle();
    expect(await view('buyer:b1', disputeId)).toMatchObject({ verdicts: [{ rule: 'person-requested', decidedBy: 'person' }] });
  });

  it('fires each deadline once after days on which nothing ran, late but right', async () => {
    const cases = {
      DraftLapsed: await claimed('D1', undefined, {}, { draft: true }),
      ReissueMissed: await claimed('D2', 'INVALID', promised),
      ResolvedByReissue: await claimed('D3', 'INVALID', promised),
      MerchantStayedSilent: await claimed('D4'),
      EvidencePhaseEnded: await claimed('D5'),
      ReviewEscalated: await claimed('D6'),
    };
    await house.post('shop', '/orders/D3/units/1/replacement', { dispute: cases.ResolvedByReissue, key: 'NEW-KEY-OF-D3-0001' });
    await house.post('merchant:m1', `/disputes/${cases.EvidencePhaseEnded}/answer`, { answer: 'contested' });
    await house.post('buyer:b1', `/disputes/${cases.ReviewEscalated}/person`);
    await house.settle();
    const before = await house.now();
    await house.stop();

    const later = plusHours(before, 24 * 3 + 1);
    await atRest(dataDir, async ({ database }) => {
      await sql`update clock.virtual set now = ${later}`.execute(database.db);
    });
    house = await startTestInstallation(dataDir);
    await house.settle();
    expect(await house.now()).toBe(later);
    const events = await house.events();
    for (const [type, disputeId] of Object.entries(cases)) {
      const fired = events.filter((event) => event.type === type && event.stream === `dispute-${disputeId}`);
      expect([type, fired.length]).toEqual([type, 1]);
      expect(fired[0]!.metadata.recordedAt >= later).toBe(true);
    }
    expect(await view('buyer:b1', cases.ReissueMissed)).toMatchObject({ verdicts: [{ rule: 'reissue-missed' }] });
    expect(await view('buyer:b1', cases.MerchantStayedSilent)).toMatchObject({ verdicts: [{ rule: 'merchant-silent' }] });

    const count = events.length;
    await house.stop();
    house = await startTestInstallation(dataDir);
    await house.settle();
    expect((await house.events()).length).toBe(count);
    expect(await market.verify()).toMatchObject({ code: 0, holds: true });
  }, 240_000);
});
