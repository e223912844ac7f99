import type { Projection, Recorded } from '@recourse/eventing';
import { listParked } from '@recourse/postgres';
import { sql, type Transaction } from 'kysely';
import type { Alarm } from './alarm.js';
import { openAggregateStore, type AggregateStore } from './aggregate-store.js';
import type { EventStore } from './event-store.js';
import { replayProjection, runProjections, type ProjectionRunnerOptions } from './projection-runner.js';
import { projectionsAt, waitUntil } from './read-your-writes.js';
import type { Subscription } from './subscription.js';
import {
  contextOf,
  createTestDatabase,
  eventually,
  openTestStore,
  quiet,
  startTestNode,
  take,
  till,
  type TestDatabase,
  type TestNode,
  type TillEvent,
} from './testbed.js';

type Tx = Transaction<Record<never, never>>;
let node: TestNode;
let store: EventStore;
let postgres: TestDatabase;
let tills: AggregateStore;
const running: Subscription[] = [];

beforeEach(async () => {
  node = await startTestNode();
  store = openTestStore(node.connectionString);
  tills = openAggregateStore({ eventStore: store, log: quiet });
  postgres = await createTestDatabase();
  await sql`create table total (projection text, till text, taken bigint not null, primary key (projection, till))`.execute(
    postgres.database.db,
  );
});
afterEach(async () => {
  for (const runner of running.splice(0)) await runner.stop();
  await store.close();
  await postgres.remove();
  await node.remove();
});

/** @param before what happens to an event first */
const totals = (
  name: string,
  version = 1,
  before: (event: Recorded, tx: Tx) => Promise<void> = () => Promise.resolve(),
): Projection<TillEvent, Tx> => ({
  name,
  version,
  tables: ['total'],
  on: {
    MoneyTaken: async (event, tx) => {
      await before(event, tx);
      await sql`insert into total values (${`${name}.v${version}`}, ${event.stream}, ${event.data.amount.minor})
        on conflict (projection, till) do update set taken = total.taken + excluded.taken`.execute(tx);
    },
  },
});
const options = (
  projections: readonly Projection<TillEvent, Tx>[],
  more: Partial<ProjectionRunnerOptions<Record<never, never>>> = {},
) => ({
  eventStore: store,
  database: postgres.database,
  projections,
  log: quiet,
  retryMs: 1,
  ...more,
});
const run = async (...args: Parameters<typeof options>) => {
  const runner = await runProjections(options(...args));
  running.push(runner);
  return runner;
};
const shown = async (projection: string) => {
  const { rows } = await sql<{
    till: string;
    taken: bigint;
  }>`select till, taken from total where projection = ${projection}`.execute(postgres.database.db);
  return Object.fromEntries(rows.map((row) => [row.till, Number(row.taken)]));
};
const pay = async (id: string, minor = 1n) => {
  const executed = await tills.execute(till, id, take(minor), contextOf());
  if (executed.outcome !== 'appended') throw new Error(executed.outcome);
  return executed.position;
};
const caughtUp = async (...projections: Projection<TillEvent, Tx>[]) => {
  expect(await waitUntil(postgres.database, projections, await store.lastPosition(), 20_000)).toBe(true);
};

it('shows what was written to whoever waits for its position', async () => {
  const projections = [totals('one'), totals('two')];
  await pay('a', 5n);
  await run(projections);
  const position = await pay('a', 2n);
  expect(await waitUntil(postgres.database, projections, position, 20_000)).toBe(true);
  expect(await shown('one.v1')).toEqual({ 'till-a': 7 });
  expect(await shown('two.v1')).toEqual({ 'till-a': 7 });
  expect(await projectionsAt(postgres.database, projections)).toBe(position);
});

it('tells whoever waits in vain', async () => {
  const projections = [totals('one')];
  const position = await pay('a');
  expect(await projectionsAt(postgres.database, projections)).toBe(0n);
  expect(await waitUntil(postgres.database, projections, position, 50)).toBe(false);
});

it('gives each projection what it has not seen: a new one or a new version reads the history beside the others', async () => {
  await pay('a', 5n);
  const first = await run([totals('one')]);
  await caughtUp(totals('one'));
  await first.stop();
  await pay('a', 2n);
  const projections = [totals('one'), totals('one', 2), totals('two')];
  await run(projections);
  await caughtUp(...projections);
  for (const version of ['one.v1', 'one.v2', 'two.v1']) expect(await shown(version)).toEqual({ 'till-a': 7 });
});

it('counts every event once when the database breaks the connection in the middle', async () => {
  let kills = 3;
  const fragile = totals('fragile', 1, async (event, tx) => {
    if (event.revision !== 3n || kills === 0) return;
    kills -= 1;
    await sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx);
  });
  for (let i = 0; i < 6; i += 1) await pay('a');
  await run([fragile], { attempts: 1 });
  await caughtUp(fragile);
  expect(kills).toBe(0);
  expect(await shown('fragile.v1')).toEqual({ 'till-a': 6 });
  expect(await listParked(postgres.database.db)).toEqual([]);
});

it('counts every event once when two instances run at once', async () => {
  const projection = totals('one');
  await Promise.all([run([projection]), run([projection])]);
  await Promise.all(Array.from({ length: 100 }, (_, i) => pay(`a${i % 5}`)));
  await caughtUp(projection);
  expect(Object.values(await shown('one.v1'))).toEqual([20, 20, 20, 20, 20]);
});

it('shows the same after the node and the runner were restarted under load', async () => {
  const projection = totals('one');
  const first = await run([projection]);
  const payments = Array.from({ length: 200 }, (_, i) => pay(`a${i % 5}`));
  await Promise.race(payments);
  await node.restart();
  await first.stop();
  await run([projection]);
  await Promise.all(payments);
  await caughtUp(projection);
  expect(Object.values(await shown('one.v1'))).toEqual([40, 40, 40, 40, 40]);
});

it('tries an event again before it gives up on it', async () => {
  let failures = 3;
  const hesitant = totals('hesitant', 1, async () => {
    if (failures-- > 0) throw new Error('not yet');
  });
  await pay('a');
  await run([hesitant], { attempts: 4 });
  await caughtUp(hesitant);
  expect(await shown('hesitant.v1')).toEqual({ 'till-a': 1 });
  expect(await listParked(postgres.database.db)).toEqual([]);
});

describe('an event that a projection cannot handle', () => {
  const alarms: Alarm[] = [];
  let broken = true;
  const picky = totals('picky', 1, async (event, tx) => {
    if (!broken || event.stream !== 'till-bad' || event.revision !== 1n) return;
    await sql`insert into total values ('picky.v1', 'half a row', 1)`.execute(tx);
    await sql`select 1 / 0`.execute(tx);
  });
  const easy = totals('easy');
  const reader = 'projection:picky.v1';

  beforeEach(async () => {
    alarms.length = 0;
    broken = true;
    await run([picky, easy], { attempts: 2, neverSkip: ['picky'], onAlarm: (alarm) => alarms.push(alarm) });
    for (let i = 0; i < 4; i += 1) {
      await pay('bad');
      await pay('good');
    }
    await caughtUp(picky, easy);
  });

  it('stops its own stream for that projection only, with an alarm', async () => {
    expect(await shown('picky.v1')).toEqual({ 'till-bad': 1, 'till-good': 4 });
    expect(await shown('easy.v1')).toEqual({ 'till-bad': 4, 'till-good': 4 });
    const parked = await listParked(postgres.database.db, { reader });
    expect(parked.map((row) => row.stream)).toEqual(['till-bad', 'till-bad', 'till-bad']);
    expect(parked.map((row) => row.error)).toEqual([
      expect.stringContaining('division by zero'),
      'an earlier event of this stream is parked',
      'an earlier event of this stream is parked',
    ]);
    expect(alarms).toEqual([
      { reader, stream: 'till-bad', eventId: parked[0]!.eventId, position: parked[0]!.position, error: parked[0]!.error },
    ]);
  });

  it('is replayed with those behind it after a fix, while the runner goes on', async () => {
    broken = false;
    const paying = (async () => {
      for (let i = 0; i < 10; i += 1) await pay('bad');
    })();
    const result = await replayProjection(options([picky, easy]), { reader, lane: 'till-bad', reason: 'division repaired' });
    expect(result.replayed).toBeGreaterThanOrEqual(3);
    await paying;
    await caughtUp(picky, easy);
    expect(await shown('picky.v1')).toEqual({ 'till-bad': 14, 'till-good': 4 });
    expect(await listParked(postgres.database.db, { reader })).toEqual([]);
  });

  it('stays parked when the replay fails, with the new error', async () => {
    const stillBroken = totals('picky', 1, () => Promise.reject(new Error('another fault')));
    const result = await replayProjection(options([stillBroken]), { reader, lane: 'till-bad', reason: 'a guess' });
    expect(result).toEqual({ replayed: 0, failed: { eventId: alarms[0]!.eventId, error: 'Error: another fault' } });
    expect((await listParked(postgres.database.db, { reader })).map((row) => row.error)[0]).toBe('Error: another fault');
    expect(await shown('picky.v1')).toEqual({ 'till-bad': 1, 'till-good': 4 });
  });
});

it('goes on after the database did not let it record anything for a while', async () => {
  const projection = totals('one');
  const runner = await run([projection]);
  const { db } = postgres.database;
  await sql`alter table recourse.checkpoint rename to away`.execute(db);
  await pay('a', 3n);
  await eventually(() => runner.status().error !== undefined, 'a failure');
  await sql`alter table recourse.away rename to checkpoint`.execute(db);
  await caughtUp(projection);
  expect(await shown('one.v1')).toEqual({ 'till-a': 3 });
});
