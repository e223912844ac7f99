import { randomUUID } from 'node:crypto';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  contribution,
  fund,
  fundControl,
  fundPeriodsOf,
  fundProcessor,
  type Fund,
  type FundEvent,
  type FundInput,
} from '@recourse/compensation';
import { startEventStoreNode, type EventStoreNode } from '@recourse/embedded-eventstore';
import { fullPeriodEvents, isRejection, periodId, systemActor, type Clock, type Event, type Recorded } from '@recourse/eventing';
import {
  lastPeriodOf,
  openEventStore,
  processorReader,
  runStreamProcessor,
  StoreUnavailable,
  type EventStore,
} from '@recourse/eventstore';
import { createDevelopmentKeys, developmentIssuer } from '@recourse/identity';
import { money } from '@recourse/money';
import { catalogue, migrationSets } from '@recourse/nest';
import {
  connect,
  createDatabase,
  dropDatabase,
  migrate,
  readCheckpoint,
  resetCheckpoint,
  type Database,
} from '@recourse/postgres';
import { createKeyFile } from '@recourse/vault';

const adminUrl = process.env['TEST_POSTGRES_URL'] ?? '';
const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const moment = '2026-03-01T08:00:00.000Z';
const clock: Clock = { now: () => Promise.resolve(moment) };
const fundAccount = 'fund-demo.CNY';
/** So small that periods end all the time. */
const turning = { ...fund, periods: fundPeriodsOf(20) };
/** More than one append of the fund holds, so that a crash can fall between two that one input led to. */
const refunds = 700;
const fen = (minor: number) => money(BigInt(minor));

let directory: string;
let node: EventStoreNode;
let name: string;
let url: string;
let database: Database;
let store: EventStore;
const open = () => openEventStore({ connectionString: node.connectionString, catalogue, log: () => undefined });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recourse-fund-'));
  node = await startEventStoreNode({ directory: join(directory, 'events') });
  name = `fund_${randomUUID()}`;
  url = await createDatabase(adminUrl, name);
  database = connect(url);
  await migrate(database.db, migrationSets);
  store = open();
});
afterEach(async () => {
  await store.close();
  await database.close();
  await node.stop();
  await dropDatabase(adminUrl, name);
  await rm(directory, { recursive: true, force: true });
});

const append = async (stream: string, ...events: readonly Event[]) => {
  const about = events.map(() => ({
    commandId: randomUUID(),
    correlationId: 'c',
    actor: systemActor('test', 'demo'),
    schemaVersion: 1,
    recordedAt: moment,
    effectiveAt: moment,
  }));
  const outcome = await store.append(stream, 'no_stream', events, about);
  if (outcome.status !== 'appended') throw new Error(`${stream} was not appended to`);
};
const price = { fromEscrow: fen(0), fromFund: fen(100), fromFees: fen(0) };
/** Of every tenth the merchant bears all, so that his deposit is asked for it when the fund has no money. */
const shareOf = (no: number) => fen(no % 10 === 0 ? 100 : 0);
const approved = (no: number): FundInput => ({
  type: 'RefundApproved',
  data: {
    platform: 'demo',
    merchant: 'm1',
    buyer: 'b1',
    payee: 'person-1',
    rail: 'sandbox',
    refundId: `demo.o${no}.r`,
    orderId: `demo.o${no}`,
    ground: { kind: 'not-delivered-in-time' },
    lines: [{ unitNo: 1, source: 'fund', liable: 'MERCHANT', amount: fen(100), ...price, merchantShare: shareOf(no) }],
    total: fen(100),
    ...price,
    merchantShare: shareOf(no),
    approvedAt: moment,
  },
});
const contribute = (no: number, minor: number) =>
  append(`${contribution.category}-demo.c${no}`, {
    type: 'ContributionApproved',
    data: {
      contributionId: `demo.c${no}`,
      platform: 'demo',
      amount: fen(minor),
      rail: 'sandbox',
      transaction: `t${no}`,
      proposedBy: 'ann',
      approvedBy: 'bob',
      approvedAt: moment,
    },
  });
const declined = (no: number): Event => ({
  type: 'HandOverDeclined',
  data: {
    platform: 'demo',
    merchant: 'm1',
    refundId: `demo.o${no}.r`,
    orderId: `demo.o${no}`,
    amount: fen(100),
    because: 'not-covered',
    declinedAt: moment,
  },
});
/** Refunds, first with money for a few; deposits do not cover the rest; then a pause, then money for all and the word to go on. */
const tell = async () => {
  await contribute(1, 5_000);
  for (let no = 0; no < refunds; no += 100)
    await append(`order-demo.of${no}`, ...Array.from({ length: 100 }, (_, i) => approved(no + i)));
  // The answers to what the fund asks when it reads the approvals.
  const bears = Array.from({ length: refunds }, (_, no) => no).filter((no) => no >= 50 && no % 10 === 0);
  await append('deposit-demo.answers', ...bears.map(declined));
  const word = { platform: 'demo', asset: 'CNY', reason: 'an odd night', orderedBy: 'ann', orderedAt: moment };
  const pause = { type: 'FundPauseOrdered', data: { ...word, kind: 'pause' } };
  await append(`${fundControl.category}-demo.CNY`, pause);
  await contribute(2, refunds * 100);
  // Who routes inputs looks at what they say, so that it may stand in a stream of its own here.
  await append(`${fundControl.category}-demo.CNY-2`, { type: 'FundResumeOrdered', data: word });
};

/** What the log leads to when nobody dies: the decider over all inputs in their order, each once. */
async function expected(): Promise<{ type: string; data: unknown; inputPosition: string }[]> {
  let state: Fund = fund.initial;
  const told: { type: string; data: unknown; inputPosition: string }[] = [];
  for await (const input of store.readAll<FundInput>({ types: [...fundProcessor.inputs] })) {
    const route = fundProcessor.route(input);
    for (let command = route?.command; command; command = fundProcessor.onward?.(state)) {
      const decided = fund.decide({ ...command, at: moment }, state);
      if (isRejection(decided)) throw new Error(decided.detail);
      for (const happened of decided) {
        state = fund.evolve(state, happened);
        told.push({ type: happened.type, data: happened.data, inputPosition: input.position.toString() });
      }
    }
  }
  return told;
}
const turnTypes = ['FundCarriedForward', 'FundPeriodClosed'];
/** Of all periods, without what ends one and begins another. */
async function stored(): Promise<{ type: string; data: unknown; inputPosition: string | undefined }[]> {
  const told: Awaited<ReturnType<typeof stored>> = [];
  for (let no = 1; ; no += 1) {
    const period = await store.readStream<FundEvent>(periodId(fundAccount, no), { limit: 5_000 });
    if (period.length === 0) return told;
    const own = period.filter(({ type }) => !turnTypes.includes(type) && (no === 1 || type !== 'FundPeriodOpened'));
    told.push(...own.map(({ type, data, metadata }) => ({ type, data, inputPosition: metadata.inputPosition })));
  }
}
async function expectEverythingOnce(): Promise<void> {
  expect(await stored()).toEqual(await expected());
  const reserved = (await stored()).flatMap(({ type, data }) =>
    type === 'FundsReserved' ? [(data as { refundId: string }).refundId] : [],
  );
  const asked = (await stored()).filter(({ type }) => type === 'ReservationHandedOver');
  expect(asked).toHaveLength(refunds / 10 - 5);
  expect(reserved).toEqual(Array.from({ length: refunds }, (_, no) => `demo.o${no}.r`));
}
async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await condition()); await new Promise((resolve) => setTimeout(resolve, 5)))
    if (Date.now() > deadline) throw new Error(`not within a minute: ${what}`);
}

const points = ['an input is read', 'it is decided', 'it is appended', 'the append is known', 'its checkpoint is noted'] as const;
type Point = (typeof points)[number];

/** A fund that dies the `nth` time it comes to this point; says whether it came so far. */
async function liveAndDie(point: Point, nth: number): Promise<boolean> {
  const eventStore = open();
  let passed = 0;
  let dead = false;
  const pass = (here: Point) => {
    if (here === point && !dead && (passed += 1) === nth) dead = true;
    if (dead) throw new StoreUnavailable(`dead before ${point}`);
  };
  const mortal: EventStore = {
    ...eventStore,
    append: async (...args) => {
      pass('it is appended');
      const outcome = await eventStore.append(...args);
      pass('the append is known');
      return outcome;
    },
  };
  const db = new Proxy(database.db, {
    get: (target, key) => {
      // Whoever writes asks for the executor first: enlisting is the first write, reading where to begin the second.
      if (key === 'getExecutor' && running) pass('its checkpoint is noted');
      const found: unknown = Reflect.get(target, key, target);
      return typeof found === 'function' ? (found.bind(target) as unknown) : found;
    },
  });
  let running = false;
  const runner = await runStreamProcessor(
    {
      ...fundProcessor,
      route: (input: Recorded<FundInput>) => {
        running = true;
        pass('an input is read');
        return fundProcessor.route(input);
      },
      decider: {
        ...turning,
        decide: (command, state) => {
          pass('it is decided');
          return turning.decide(command, state);
        },
      },
    },
    { eventStore: mortal, database: { ...database, db }, clock, log: () => undefined },
  );
  const head = await store.lastPosition();
  await eventually(() => dead || runner.status().position >= head, point);
  await runner.stop();
  await eventStore.close();
  return dead;
}

it.each(points)('a fund that dies before %s takes every input once, and loses and doubles no reservation', async (point) => {
  await tell();
  let deaths = 0;
  for (const nth of [1, 1, 2, 3, 40]) if (await liveAndDie(point, nth)) deaths += 1;
  expect(deaths).toBeGreaterThan(1);
  const head = await store.lastPosition();
  const runner = await runStreamProcessor(
    { ...fundProcessor, decider: turning },
    { eventStore: store, database, clock, log: () => undefined },
  );
  await eventually(() => runner.status().position >= head, 'the end of the log');
  await runner.stop();
  await expectEverythingOnce();
  expect(await lastPeriodOf(store, fundAccount)).toBeGreaterThan(1);
  expect(await readCheckpoint(database.db, processorReader(fundProcessor.name))).toBeGreaterThanOrEqual(head);
});

/** A fund that was counted out in many events; says how many a fresh one reads until it stands at the end of the log. */
async function readUntilHead(processor = fundProcessor): Promise<number> {
  let read = 0;
  const counting = {
    ...store,
    readStream: async (...of: Parameters<EventStore['readStream']>) => {
      const events = await store.readStream(...of);
      read += events.length;
      return events;
    },
  } as EventStore;
  const head = await store.lastPosition();
  const runner = await runStreamProcessor(processor, { eventStore: counting, database, clock, log: () => undefined });
  await eventually(() => runner.status().position >= head, 'the end of the log');
  await runner.stop();
  return read;
}

it('a fund of many events is never read whole: whoever takes over reads one period', async () => {
  const small = { ...fundProcessor, decider: turning };
  await contribute(1, 5_000_000);
  const rounds = 12;
  for (let round = 0; round < rounds; round += 1) {
    const refundNos = Array.from({ length: 150 }, (_, i) => round * 150 + i);
    await append(`order-demo.of${round}`, ...refundNos.map(approved));
    await readUntilHead(small);
  }
  await resetCheckpoint(database.db, processorReader(fundProcessor.name));
  const all = (await stored()).length;
  await contribute(2, 1);
  expect(await readUntilHead(small)).toBeLessThan(all / 2);
  expect(await stored()).toEqual(await expected());
  expect(all).toBe(1 + 1 + rounds * 150);
});

it('a fund of an earlier build, in one long period that carries nothing, goes on in the next one', async () => {
  const about = {
    correlationId: 'c',
    actor: systemActor('fund', 'demo'),
    schemaVersion: 1,
    recordedAt: moment,
    effectiveAt: moment,
  };
  const first = { type: 'FundPeriodOpened', data: { platform: 'demo', period: '0001', available: fen(0), openedAt: moment } };
  const { contributionId, amount, platform, rail } = {
    contributionId: 'demo.c0',
    amount: fen(1),
    platform: 'demo',
    rail: 'sandbox',
  };
  const more = { type: 'FundContributed', data: { platform, contributionId, amount, rail } };
  for (let from = 0; from <= fullPeriodEvents; from += 500) {
    const events = Array.from({ length: 500 }, (_, i) => (from + i === 0 ? first : more));
    const metadata = events.map((_, i) => ({ ...about, commandId: `c${from + i}`, inputPosition: '0' }));
    await store.append(periodId(fundAccount, 1), from === 0 ? 'no_stream' : BigInt(from - 1), events, metadata);
  }
  await contribute(1, 5_000);
  await append('order-demo.of0', approved(0));
  await readUntilHead();
  expect((await store.readStream(periodId(fundAccount, 1), { direction: 'backwards', limit: 1 }))[0]).toMatchObject({
    type: 'FundPeriodClosed',
    data: { available: fen(4_499) },
  });
  const next = await store.readStream<FundEvent>(periodId(fundAccount, 2), { limit: 10 });
  expect(next.map(({ type }) => type)).toEqual(['FundPeriodOpened', 'FundContributed', 'FundsReserved']);
  expect(next[0]?.data).toMatchObject({ period: '0002', available: fen(4_499) });
  expect(await readUntilHead()).toBeLessThan(10);
});

describe('a worker', () => {
  const workers: ChildProcess[] = [];
  afterEach(async () => {
    for (const worker of workers.splice(0)) {
      if (worker.exitCode !== null || worker.signalCode !== null) continue;
      const gone = once(worker, 'exit');
      worker.kill('SIGKILL');
      await gone;
    }
  });

  it('that is killed while its fund pays out leaves the next one to finish, once', async () => {
    const keyFile = join(directory, 'vault.json');
    await createKeyFile(keyFile);
    const { jwksFile } = await createDevelopmentKeys(join(directory, 'keys'));
    const env = {
      ...process.env,
      DATABASE_URL: url,
      EVENTSTORE_URL: node.connectionString,
      REDIS_URL: url,
      RECOURSE_KEY_FILE: keyFile,
      RECOURSE_FILES: pathToFileURL(join(directory, 'files')).href,
      RECOURSE_JWKS: jwksFile,
      RECOURSE_ISSUER: developmentIssuer,
    };
    const start = () => {
      const worker = fork(program, { env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: [] });
      workers.push(worker);
      return worker;
    };
    await tell();
    const first = start();
    await eventually(async () => (await store.readStream(periodId(fundAccount, 1), { limit: 1 })).length > 0, 'the fund at work');
    const killed = once(first, 'exit');
    first.kill('SIGKILL');
    await killed;
    start();
    const all = (await expected()).length;
    await eventually(async () => (await stored()).length >= all, 'everything taken');
    await expectEverythingOnce();
  }, 120_000);
});
