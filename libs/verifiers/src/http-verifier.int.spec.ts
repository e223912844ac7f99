import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cardActivation } from './card-activation.js';
import { HttpVerifier, type HttpVerifierOptions } from './http-verifier.js';
import { createVerifierKeys, readVerifierKeys, type VerifierKeys } from './verifier-keys.js';
import { verifierOfKind } from './verifier-of-kind.js';
import { type Behaviour, type Fault, startVerifierSimulator, type VerifierSimulator } from './simulator.js';
import { type VerificationQuestion, VerifierUnavailable } from './verifier.js';

let directory: string;
let keys: VerifierKeys;
let simulator: VerifierSimulator;
let references = 0;
const troubles: string[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recourse-verifiers-'));
  await createVerifierKeys(join(directory, 'keys.json'));
  keys = await readVerifierKeys(join(directory, 'keys.json'));
  simulator = await startVerifierSimulator({ keys });
});
afterAll(async () => {
  await simulator.close();
  await rm(directory, { recursive: true });
});

const questionOn = (deliveryReference: string, change: Partial<VerificationQuestion> = {}): VerificationQuestion => ({
  productKind: 'game-card',
  unitNo: 1,
  deliveryReference,
  revealedAt: '2026-03-01T09:00:00.000Z',
  askedAt: '2026-03-01T12:00:00.000Z',
  ...change,
});
const verifier = (change: Partial<HttpVerifierOptions> = {}) =>
  new HttpVerifier({
    source: cardActivation,
    url: new URL(simulator.url),
    key: keys.get('card-activation')!,
    onTrouble: (what) => troubles.push(what),
    // Long enough for a machine that is busy; what is to be slow here never answers.
    attemptTimeoutMs: 20_000,
    overallTimeoutMs: 40_000,
    pauseMs: 1,
    ...change,
  });
/** A reference of which the source knows that it is unused. */
const unused = (behaviour?: Behaviour): string => {
  references += 1;
  const reference = `card-${references}`;
  simulator.record('card-activation', reference, [{ state: 'UNUSED' }]);
  if (behaviour !== undefined) simulator.behave(behaviour, { reference });
  return reference;
};
const askedAbout = (reference: string) => simulator.asked({ reference });
const ask = (reference: string, change: Partial<HttpVerifierOptions> = {}) => verifier(change).verify(questionOn(reference));

describe('a source that answers', () => {
  it('is asked once, and its word is a snapshot of what it sent', async () => {
    const reference = unused();
    const answer = await ask(reference);
    expect(answer).toEqual({
      outcome: 'UNUSED',
      source: `card-activation:127.0.0.1:${simulator.port}`,
      raw: JSON.stringify({ reference, records: [{ state: 'UNUSED' }] }),
      resultHash: createHash('sha256').update(answer.raw!).digest('hex'),
    });
    expect(askedAbout(reference)).toBe(1);
  });

  it('is asked about the reference and nothing else, and each kind of product at its own place', async () => {
    const urls = Object.fromEntries([...keys.keys()].map((source) => [source, simulator.url]));
    const otherwise = { verify: () => Promise.reject(new Error('nobody is asked')) };
    const { verify } = verifierOfKind({ urls, keys, otherwise });
    const at = '2026-03-01T10:00:00.000Z';
    simulator.record('card-activation', 'all', [{ state: 'ACTIVATED', activatedAt: at }]);
    simulator.record('carrier-record', 'all', [{ state: 'NOT_CREDITED' }]);
    simulator.record('membership-entitlement', 'all', [{ state: 'NONE', redeemable: true }]);
    const outcomes = await Promise.all(
      (['game-card', 'phone-top-up', 'membership'] as const).map(
        async (productKind) => (await verify(questionOn('all', { productKind }))).outcome,
      ),
    );
    expect(outcomes).toEqual(['ACTIVATED_AFTER_REVEAL', 'NOT_CREDITED', 'UNUSED']);
  });

  it('leaves kinds without an address to the other verifier', async () => {
    const otherwise = { verify: () => Promise.resolve({ outcome: 'INVALID', source: 'other', resultHash: '' } as const) };
    const { verify } = verifierOfKind({ urls: {}, keys, otherwise });
    expect((await verify(questionOn('r'))).source).toBe('other');
  });
});

it('an address or a key that cannot be used is refused before anybody is asked', () => {
  const otherwise = verifier();
  const open = (url: string, known = keys) => verifierOfKind({ urls: { 'card-activation': url }, keys: known, otherwise });
  expect(() => open('http://issuer.example.com')).toThrow('the address of card-activation is neither https nor http on loopback');
  expect(() => open('https://issuer.example.com', new Map())).toThrow('the file of verifier keys has none for card-activation');
});

describe('a source that is away', () => {
  it.each(['unavailable', 'reset', 'throttled'] satisfies Fault[])(
    'is asked again when it is %s, and then answers',
    async (fault) => {
      const reference = unused({ fault, times: 2, retryAfterS: 0 });
      expect((await ask(reference)).outcome).toBe('UNUSED');
      expect(askedAbout(reference)).toBe(3);
    },
  );

  it('is asked three times, and then nothing is known', async () => {
    const reference = unused({ fault: 'unavailable' });
    await expect(ask(reference)).rejects.toThrow(VerifierUnavailable);
    expect(askedAbout(reference)).toBe(3);
  });

  it('is waited for as long as it says', async () => {
    const reference = unused({ fault: 'throttled', times: 1, retryAfterS: 1 });
    expect((await ask(reference)).outcome).toBe('UNUSED');
    expect(askedAbout(reference)).toBe(2);
  });

  it('is not waited for when that is too long, and whoever asks is told how long', async () => {
    const reference = unused({ fault: 'throttled', times: 1, retryAfterS: 60 });
    await expect(ask(reference)).rejects.toMatchObject({ name: 'VerifierUnavailable', retryAfterMs: 60_000 });
    expect(askedAbout(reference)).toBe(1);
  });

  it.each([
    ['refused', 'status 401'],
    ['redirect', 'status 307'],
  ] satisfies [Fault, string][])('is not asked again at once when we are %s', async (fault, why) => {
    const reference = unused({ fault });
    await expect(ask(reference)).rejects.toThrow(why);
    expect(askedAbout(reference)).toBe(1);
  });

  it('costs no more than the time of an attempt, and all attempts no more than theirs', async () => {
    const reference = unused({ fault: 'silent' });
    await expect(ask(reference, { attemptTimeoutMs: 50 })).rejects.toThrow('nothing within 50 ms');
    await expect(ask(unused({ fault: 'silent' }), { attemptTimeoutMs: 20_000, overallTimeoutMs: 50 })).rejects.toThrow(
      'its time is over',
    );
  });

  it('an answer that is slow and in time counts', async () => {
    expect((await ask(unused({ fault: 'none', delayMs: 30 }))).outcome).toBe('UNUSED');
  });

  it('is not waited for by somebody who gave up', async () => {
    const asking = new AbortController();
    const answer = verifier().verify(questionOn(unused({ fault: 'silent' })), asking.signal);
    asking.abort(new Error('the worker stops'));
    await expect(answer).rejects.toThrow('the worker stops');
  });

  it('whose record is not settled yet is asked again another time', async () => {
    simulator.record('carrier-record', 'receipt-1', [{ state: 'PENDING' }]);
    const urls = { 'carrier-record': simulator.url };
    const { verify } = verifierOfKind({ urls, keys, otherwise: verifier() });
    await expect(verify(questionOn('receipt-1', { productKind: 'phone-top-up' }))).rejects.toThrow('is not settled yet');
    expect(askedAbout('receipt-1')).toBe(1);
  });
});

describe('an answer that nobody can trust', () => {
  it.each(['unsigned', 'bad-signature', 'wrong-nonce', 'stale', 'oversized'] satisfies Fault[])(
    '%s: is asked for again, and is inconclusive in the end',
    async (fault) => {
      const reference = unused({ fault });
      const answer = await ask(reference);
      expect(answer.outcome).toBe('INCONCLUSIVE');
      expect(answer.resultHash).toMatch(/^[0-9a-f]{64}$/);
      expect(askedAbout(reference)).toBe(3);
      const passing = unused({ fault, times: 1 });
      expect((await ask(passing)).outcome).toBe('UNUSED');
      expect(askedAbout(passing)).toBe(2);
    },
  );
});

describe('a word that settles nothing', () => {
  it.each(['garbage', 'wrong', 'contradictory'] satisfies Fault[])('%s: is inconclusive at once', async (fault) => {
    const reference = unused({ fault });
    const answer = await ask(reference);
    expect(answer.outcome).toBe('INCONCLUSIVE');
    expect(answer.resultHash).toBe(createHash('sha256').update(answer.raw!).digest('hex'));
    expect(askedAbout(reference)).toBe(1);
  });

  it('so is that it knows no such reference', async () => {
    expect((await ask('never-heard-of')).outcome).toBe('INCONCLUSIVE');
    expect(askedAbout('never-heard-of')).toBe(1);
  });

  it('so is the contrary of what it said before', async () => {
    const earlier = [{ outcome: 'ACTIVATED_AFTER_REVEAL', queriedAt: '2026-03-01T11:00:00.000Z' }] as const;
    expect((await verifier().verify(questionOn(unused(), { earlier }))).outcome).toBe('INCONCLUSIVE');
  });
});

describe('a source that goes on failing', () => {
  it('is left alone, tried once when its time is over, and asked as before when it answers', async () => {
    let now = 0;
    const heard: string[] = [];
    const one = verifier({
      attempts: 1,
      onTrouble: (what) => heard.push(what),
      breaker: { failures: 5, openMs: 10_000, now: () => now },
    });
    const reference = unused({ fault: 'unavailable', times: 6 });
    const verify = () => one.verify(questionOn(reference));
    for (let times = 0; times < 5; times += 1) await expect(verify()).rejects.toThrow('status 503');
    await expect(verify()).rejects.toMatchObject({ retryAfterMs: 10_000 });
    expect(askedAbout(reference)).toBe(5);
    now += 10_000;
    await expect(verify()).rejects.toThrow('status 503');
    await expect(verify()).rejects.toMatchObject({ retryAfterMs: 20_000 });
    expect(askedAbout(reference)).toBe(6);
    now += 20_000;
    expect((await verify()).outcome).toBe('UNUSED');
    expect((await verify()).outcome).toBe('UNUSED');
    expect(heard).toEqual([
      expect.stringContaining('is left alone for a while: status 503'),
      expect.stringContaining('is left alone for a while: status 503'),
      expect.stringContaining('answers again'),
    ]);
  });

  it('that cannot be trusted is left alone too, so that a bad minute does not spoil every case', async () => {
    const one = verifier({ breaker: { failures: 5, now: () => 0 } });
    expect((await one.verify(questionOn(unused({ fault: 'bad-signature' })))).outcome).toBe('INCONCLUSIVE');
    await expect(one.verify(questionOn(unused({ fault: 'bad-signature' })))).rejects.toThrow(VerifierUnavailable);
  });
});

describe('secrets', () => {
  it('a request that is not signed with the key is not answered', async () => {
    const stranger = { id: keys.get('card-activation')!.id, secret: keys.get('carrier-record')!.secret };
    await expect(ask(unused(), { key: stranger })).rejects.toThrow('status 401');
  });

  it('neither secrets nor references are in what is told of trouble', () => {
    const secret = keys.get('card-activation')!.secret.export().toString('base64url');
    expect(troubles.length).toBeGreaterThan(10);
    expect(troubles.join('\n')).not.toContain(secret);
    expect(troubles.join('\n')).not.toMatch(/card-\d|receipt/);
  });
});

describe('the control of the simulator', () => {
  const control = (path: string, body: unknown) =>
    fetch(`${simulator.url}/control/${path}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('keeps records and faults from beside', async () => {
    expect((await control('records/card-activation/from%20beside', { records: [{ state: 'INVALID' }] })).status).toBe(200);
    expect((await control('behaviour', { fault: 'unavailable', times: 1, reference: 'from beside' })).status).toBe(200);
    expect((await ask('from beside')).outcome).toBe('INVALID');
    expect(askedAbout('from beside')).toBe(2);
    const { asked } = (await (await fetch(`${simulator.url}/control/questions`)).json()) as { asked: number };
    expect(asked).toBe(simulator.asked());
  });

  it('says what it does not understand', async () => {
    expect((await control('behaviour', { fault: 'sleepy' })).status).toBe(400);
    expect((await control('records/horoscope/r1', { records: [] })).status).toBe(400);
    expect((await control('records/card-activation/r1', [])).status).toBe(400);
    expect((await control('weather', {})).status).toBe(404);
    expect((await fetch(`${simulator.url}/control/behaviour`, { method: 'PUT', body: '{}' })).status).toBe(405);
  });
});
