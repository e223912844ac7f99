import type { Actor } from '@recourse/eventing';
import { sql } from 'kysely';
import { type Answer, Idempotency, idempotencyMigrations, uuidOf } from './idempotency.js';
import { Problem } from './problem.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';

const shop: Actor = { subject: 'key:1', role: 'shop', party: 'demo', platform: 'demo' };
let database: TestDatabase;
let idempotency: Idempotency;

beforeAll(async () => {
  database = await createTestDatabase(idempotencyMigrations);
  idempotency = new Idempotency(database.db, (text) => `keyed ${text.length}:${text}`);
});
afterAll(() => database.remove());

/** Counts how often it acts, and what command ids it was given. */
function actor(answer: () => Answer | Promise<Answer> = () => ({ status: 201, body: { made: true } })) {
  const ids: string[] = [];
  return {
    ids,
    act: async (commandId: string) => {
      ids.push(commandId);
      return answer();
    },
  };
}
const once = (
  key: string | undefined,
  act: (id: string) => Promise<Answer>,
  input: unknown = { a: 1 },
  caller = shop,
  route = 'POST /orders',
) => idempotency.once(caller, route, key, input, '2026-03-01T08:00:00.000Z', act);

describe('idempotency', () => {
  it('acts once and answers every repeat with the first answer', async () => {
    const { ids, act } = actor();
    const first = await once('k1', act);
    expect(first).toEqual({ status: 201, body: { made: true }, replayed: false });
    expect(await once('k1', act)).toEqual({ ...first, replayed: true });
    expect(ids).toHaveLength(1);
  });

  it('takes input in another order of names for the same', async () => {
    const { ids, act } = actor();
    await once('k2', act, { a: 1, b: { c: [1, 2], d: null } });
    expect((await once('k2', act, { b: { d: null, c: [1, 2] }, a: 1 })).replayed).toBe(true);
    await expect(once('k2', act, { a: 1, b: { c: [2, 1], d: null } })).rejects.toMatchObject({
      status: 422,
      code: 'idempotency-key-reused',
    });
    expect(ids).toHaveLength(1);
  });

  it('gives every client and every route its own keys, and each a command id that can be derived again', async () => {
    const { ids, act } = actor();
    await once('k3', act);
    await once('k3', act, { a: 2 }, { ...shop, subject: 'key:2' });
    await once('k3', act, { a: 3 }, { ...shop, platform: 'other' });
    await once('k3', act, { a: 4 }, shop, 'POST /disputes');
    expect(new Set(ids).size).toBe(4);
    expect(ids[0]).toBe(uuidOf('demo/key:1', 'POST /orders', 'k3'));
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('forgets a refusal, so that another input may come under the key', async () => {
    const refused = actor(() => Promise.reject(new Problem(409, 'not-paid', 'pay first')));
    await expect(once('k4', refused.act)).rejects.toMatchObject({ code: 'not-paid' });
    const { act } = actor();
    expect((await once('k4', act, { a: 'other' })).replayed).toBe(false);
  });

  it('remembers a request whose outcome is unknown: the same input goes on under the same id, no other may', async () => {
    const broken = actor(() => Promise.reject(new Error('the line was cut')));
    await expect(once('k5', broken.act)).rejects.toThrow('the line was cut');
    await expect(once('k5', broken.act, { a: 'other' })).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    const { ids, act } = actor();
    expect((await once('k5', act)).replayed).toBe(false);
    expect(ids).toEqual(broken.ids);
  });

  it('keeps the answer that was first when two requests meet', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow = once('k6', actor(async () => (await held, { status: 201, body: { who: 'slow' } })).act);
    const fast = await once('k6', actor(() => ({ status: 201, body: { who: 'fast' } })).act);
    release();
    await slow;
    expect(fast.body).toEqual({ who: 'fast' });
    expect((await once('k6', actor().act)).body).toEqual({ who: 'fast' });
  });

  it('remembers what was accepted although a request beside it was refused', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const accepted = once('k7', actor(async () => (await held, { status: 200, body: { ok: true } })).act);
    await expect(once('k7', actor(() => Promise.reject(new Problem(409, 'busy', 'busy'))).act)).rejects.toMatchObject({
      code: 'busy',
    });
    release();
    await accepted;
    expect((await once('k7', actor().act)).replayed).toBe(true);
  });

  it.each([
    [undefined, 'idempotency-key-missing'],
    ['', 'idempotency-key-malformed'],
    ['two words', 'idempotency-key-malformed'],
    ['ключ', 'idempotency-key-malformed'],
    ['x'.repeat(129), 'idempotency-key-malformed'],
  ])('refuses the key %j', async (key, code) => {
    const { ids, act } = actor();
    await expect(once(key, act)).rejects.toMatchObject({ status: 400, code });
    expect(ids).toEqual([]);
  });

  it('stores a keyed hash of the input, never the input', async () => {
    await once('k8', actor().act, { key: 'CARD-KEY' });
    const { rows } = await sql<{ input_hash: string }>`select input_hash from edge.request where key = 'k8'`.execute(database.db);
    expect(rows[0]?.input_hash).toBe('keyed 18:{"key":"CARD-KEY"}');
  });
});
