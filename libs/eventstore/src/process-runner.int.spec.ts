import { idOf, type Action, type CommandAction, type Process, type Recorded } from '@recourse/eventing';
import { listParked, readCheckpoint } from '@recourse/postgres';
import { sql } from 'kysely';
import type { Alarm } from './alarm.js';
import { openAggregateStore, type AggregateStore, type Executed } from './aggregate-store.js';
import type { EventStore } from './event-store.js';
import { maxProcessLanes, replayProcess, runProcesses, type ProcessRunnerOptions } from './process-runner.js';
import { takeOver } from './promotion.js';
import { ProcessSuperseded, StoreUnavailable } from './store-error.js';
import type { Subscription } from './subscription.js';
import {
  clock,
  contextOf,
  createTestDatabase,
  eventually,
  lamp,
  openTestStore,
  quiet,
  startTestNode,
  take,
  till,
  type LampCommand,
  type TestDatabase,
  type TestNode,
  type TillEvent,
} from './testbed.js';

let node: TestNode;
let store: EventStore;
let postgres: TestDatabase;
let aggregates: AggregateStore;
const running: Subscription[] = [];
const alarms: Alarm[] = [];

beforeEach(async () => {
  node = await startTestNode();
  store = openTestStore(node.connectionString);
  aggregates = openAggregateStore({ eventStore: store, log: quiet });
  postgres = await createTestDatabase();
  alarms.length = 0;
});
afterEach(async () => {
  for (const runner of running.splice(0)) await runner.stop();
  await store.close();
  await postgres.remove();
  await node.remove();
});

const light = (event: Recorded, room = 'hall', settledBy: readonly string[] = []): CommandAction => ({
  do: 'command',
  name: 'light',
  category: 'lamp',
  id: idOf(event.stream),
  command: { type: 'LightLamp', room } as LampCommand,
  settledBy,
});
/** Money in a till lights the lamp of its room. */
const lighting = (
  version = 1,
  react: (event: Recorded) => readonly Action[] | Promise<readonly Action[]> = (event) => [light(event)],
): Process<TillEvent> => ({
  name: 'lighting',
  version,
  on: { MoneyTaken: react },
});
const dispatch = (action: CommandAction, context: Parameters<ProcessRunnerOptions<unknown>['dispatch']>[1]): Promise<Executed> =>
  aggregates.execute(lamp, action.id, action.command as LampCommand, context);
const options = (processes: readonly Process<TillEvent>[], more: Partial<ProcessRunnerOptions<Record<never, never>>> = {}) => ({
  eventStore: store,
  database: postgres.database,
  processes,
  dispatch,
  wake: () => Promise.resolve(),
  clock,
  log: quiet,
  onAlarm: (alarm: Alarm) => alarms.push(alarm),
  retryMs: 1,
  ...more,
});
const run = async (...args: Parameters<typeof options>) => {
  const runner = await runProcesses(options(...args));
  running.push(runner);
  return runner;
};
const pay = async (id: string) => {
  const executed = await aggregates.execute(till, id, take(1n), contextOf());
  if (executed.outcome !== 'appended') throw new Error(executed.outcome);
  return executed.position;
};
const lit = async (id: string) => (await store.readStream(`lamp-${id}`, { limit: 1_000 })).length;
const at = async (reader: string) => (await readCheckpoint(postgres.database.db, reader)) ?? 0n;
const reached = async (position: bigint, reader = 'process:lighting.v1') => {
  await eventually(async () => (await at(reader)) >= position, `${reader} at ${position}`);
};

it('turns events into commands that carry their cause', async () => {
  await run([lighting()]);
  await reached(await pay('a'));
  const [cause] = await store.readStream('till-a', { limit: 1 });
  const [event] = await store.readStream('lamp-a', { limit: 1 });
  expect(event!.metadata).toMatchObject({
    causationId: cause!.id,
    correlationId: cause!.metadata.correlationId,
    actor: { subject: 'system:lighting', role: 'system', platform: 'demo' },
  });
});

it('has one effect when it is killed between the act and its record', async () => {
  let kills = 3;
  const killing: typeof dispatch = async (action, context) => {
    const executed = await dispatch(action, context);
    if (kills > 0) {
      kills -= 1;
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and datname = current_database()`.execute(
        postgres.database.db,
      );
    }
    return executed;
  };
  await run([lighting()], { dispatch: killing });
  for (let i = 0; i < 5; i += 1) await pay('a');
  await reached(await store.readStream('till-a', { limit: 10 }).then((events) => events.at(-1)!.position));
  expect(kills).toBe(0);
  expect(await lit('a')).toBe(5);
});

it('has one effect when the answer to a command is lost, and outages never park an event', async () => {
  let losses = 4;
  const lossy: typeof dispatch = async (action, context) => {
    const executed = await dispatch(action, context);
    if (losses-- > 0) throw new StoreUnavailable('the answer was lost');
    return executed;
  };
  await run([lighting()], { dispatch: lossy, attempts: 2 });
  await reached(await pay('a'));
  expect(await lit('a')).toBe(1);
  expect(alarms).toEqual([]);
});

it('has one effect when two instances and a restarting node work at once', async () => {
  await Promise.all([run([lighting()]), run([lighting()])]);
  const payments = Array.from({ length: 100 }, (_, i) => pay(`r${i % 10}`));
  await Promise.race(payments);
  await node.restart();
  const positions = await Promise.all(payments);
  await reached(positions.reduce((one, other) => (one > other ? one : other)));
  for (let i = 0; i < 10; i += 1) expect(await lit(`r${i}`)).toBe(10);
});

it('keeps the order of a stream and works on many streams at once, within its bound', async () => {
  const order = new Map<string, bigint[]>();
  let atOnce = 0;
  let most = 0;
  const watching = lighting(1, async (event) => {
    atOnce += 1;
    most = Math.max(most, atOnce);
    await new Promise((resolve) => setImmediate(resolve));
    order.set(event.stream, [...(order.get(event.stream) ?? []), event.revision]);
    atOnce -= 1;
    return [light(event)];
  });
  for (let i = 0; i < 3; i += 1) await Promise.all(Array.from({ length: 50 }, (_, room) => pay(`o${room}`)));
  await run([watching]);
  await reached(await store.lastPosition());
  expect([...order.values()]).toEqual(Array.from({ length: 50 }, () => [0n, 1n, 2n]));
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(maxProcessLanes);
});

it('does not move its checkpoint past what is still being done', async () => {
  let release: () => void = () => undefined;
  let begun: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const started = new Promise<void>((resolve) => (begun = resolve));
  await run([lighting()], { dispatch: async (...act) => (begun(), await held, dispatch(...act)) });
  const position = await pay('a');
  await started;
  expect(await at('process:lighting.v1')).toBeLessThan(position);
  release();
  await reached(position);
});

it('wakes jobs without waiting for them, and loses a wake-up rather than its place', async () => {
  const woken: string[] = [];
  const wake = (kind: string, key: string): Promise<void> => {
    woken.push(`${kind} ${key}`);
    return woken.length === 1 ? new Promise(() => undefined) : Promise.reject(new Error('the queue is away'));
  };
  await run([lighting(1, (event) => [{ do: 'wake', kind: 'pay', key: event.stream }, light(event)])], { wake });
  await pay('a');
  await reached(await pay('b'));
  expect(woken).toEqual(['pay till-a', 'pay till-b']);
  expect(await lit('b')).toBe(1);
});

describe('a refusal', () => {
  it('that settles the matter is an end like any other', async () => {
    await run([lighting(1, (event) => [light(event, 'cellar', ['TooDark'])])]);
    await reached(await pay('a'));
    expect(alarms).toEqual([]);
    expect(await listParked(postgres.database.db)).toEqual([]);
  });

  it('that nobody expected halts its stream with an alarm, until it is replayed after a fix', async () => {
    const reader = 'process:lighting.v1';
    let room = 'cellar';
    const process = lighting(1, (event) => [light(event, event.stream === 'till-dark' ? room : 'hall')]);
    await run([process]);
    await pay('dark');
    await pay('bright');
    await pay('dark');
    await reached(await pay('dark'));
    expect(await lit('bright')).toBe(1);
    expect(await lit('dark')).toBe(0);
    expect(alarms).toEqual([expect.objectContaining({ reader, stream: 'till-dark', error: expect.stringContaining('TooDark') })]);
    expect(await listParked(postgres.database.db, { reader })).toHaveLength(3);

    const failing = await replayProcess(options([process]), { reader, lane: 'till-dark', reason: 'a guess' });
    expect(failing).toMatchObject({ replayed: 0, failed: { error: expect.stringContaining('TooDark') } });
    room = 'hall';
    expect(await replayProcess(options([process]), { reader, lane: 'till-dark', reason: 'the cellar has a window' })).toEqual({
      replayed: 3,
    });
    await reached(await pay('dark'));
    expect(await lit('dark')).toBe(4);
    expect(await listParked(postgres.database.db, { reader })).toEqual([]);
  });

  it('halts the lane that the process named, whatever streams are in it, and a replay keeps the order of the log', async () => {
    const reader = 'process:lighting.v1';
    let room = 'cellar';
    const handled: string[] = [];
    const process: Process<TillEvent> = {
      ...lighting(1, (event) => {
        if (room === 'hall') handled.push(`${event.revision}@${event.stream}`);
        return [light(event, event.stream === 'till-north' ? room : 'hall')];
      }),
      lane: ({ stream }) => (stream === 'till-south' || stream === 'till-north' ? 'poles' : stream),
    };
    await run([process]);
    await pay('south');
    await pay('north');
    await pay('south');
    await pay('east');
    await pay('south');
    await reached(await pay('north'));
    expect([await lit('south'), await lit('north'), await lit('east')]).toEqual([1, 0, 1]);
    expect((await listParked(postgres.database.db, { reader, lane: 'poles' })).map((row) => row.stream)).toEqual([
      'till-north',
      'till-south',
      'till-south',
      'till-north',
    ]);
    room = 'hall';
    expect(await replayProcess(options([process]), { reader, lane: 'poles', reason: 'it is bright now' })).toEqual({
      replayed: 4,
    });
    expect(handled).toEqual(['0@till-north', '1@till-south', '2@till-south', '1@till-north']);
  });

  it('and a fault of the process are parked alike, after a few attempts', async () => {
    let attempts = 0;
    const faulty = lighting(1, () => {
      attempts += 1;
      throw new TypeError('a fault');
    });
    await run([faulty], { attempts: 3 });
    await reached(await pay('a'));
    expect(attempts).toBe(3);
    expect(alarms).toEqual([expect.objectContaining({ error: 'TypeError: a fault' })]);
  });
});

describe('a new version', () => {
  const v1 = 'process:lighting.v1';
  const v2 = 'process:lighting.v2';

  it('takes over where the old one is, and the old one does not act any more', async () => {
    const acted: string[] = [];
    const noting = (version: number) =>
      lighting(version, (event) => {
        acted.push(`v${version} ${event.revision}`);
        return [light(event)];
      });
    const old = await run([noting(1)]);
    await reached(await pay('a'));
    await run([noting(2)]);
    const position = await pay('a');
    await reached(position, v2);
    expect(await old.stopped).toBeInstanceOf(ProcessSuperseded);
    expect(acted).toEqual(['v1 0', 'v2 1']);
    expect(await lit('a')).toBe(2);
    expect(await at(v1)).toBe(0n);
    await expect(runProcesses(options([noting(1)]))).rejects.toThrow(ProcessSuperseded);
  });

  it('waits for the batch the old one is at', async () => {
    let release: () => void = () => undefined;
    let begun: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const started = new Promise<void>((resolve) => (begun = resolve));
    await run([lighting()], { dispatch: async (...act) => (begun(), await held, dispatch(...act)) });
    const position = await pay('a');
    await started;
    let taken = false;
    const taking = takeOver(postgres.database.db, lighting(2)).then(() => (taken = true));
    const waiting = sql<{
      n: bigint;
    }>`select count(*) as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
    await eventually(async () => (await waiting.execute(postgres.database.db)).rows[0]!.n > 0n, 'the promotion to wait');
    expect(taken).toBe(false);
    release();
    await taking;
    // It may have gone past the event it caused, too, before it was replaced.
    expect(await at(v2)).toBeGreaterThanOrEqual(position);
    expect(await lit('a')).toBe(1);
  });

  it('can be killed at every step of the promotion: then the old one is still in its place', async () => {
    const { db } = postgres.database;
    const dark = lighting(1, (event) => [light(event, event.stream === 'till-dark' ? 'cellar' : 'hall')]);
    const old = await run([dark]);
    await pay('dark');
    await reached(await pay('a'));
    await old.stop();
    const position = await at(v1);

    await sql`create function refuse() returns trigger language plpgsql as $$ begin raise 'killed'; end $$`.execute(db);
    for (const table of ['parked_event', 'checkpoint']) {
      await sql`create trigger killed after update on ${sql.table(`recourse.${table}`)} execute function refuse()`.execute(db);
      await expect(runProcesses(options([lighting(2)]))).rejects.toThrow('killed');
      await sql`drop trigger killed on ${sql.table(`recourse.${table}`)}`.execute(db);
      expect(await at(v1)).toBe(position);
      expect(await at(v2)).toBe(0n);
      expect((await listParked(db)).map((row) => row.reader)).toEqual([v1]);
    }

    await takeOver(db, lighting(2)); // and killed before it read anything
    await run([lighting(2)]);
    await reached(await pay('a'), v2);
    expect(await lit('a')).toBe(2);
    expect((await listParked(db)).map((row) => row.reader)).toEqual([v2]);
    expect(await lit('dark')).toBe(0);
  });
});
