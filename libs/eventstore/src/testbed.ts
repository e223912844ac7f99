import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as dial, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEventStoreNode, type EventStoreNode } from '@recourse/embedded-eventstore';
import {
  catalogueOf,
  eventsOf,
  fullPeriodEvents,
  reject,
  systemActor,
  type Clock,
  type CommandContext,
  type Decider,
  type Event,
} from '@recourse/eventing';
import { money, type Money } from '@recourse/money';
import { connect, createDatabase, dropDatabase, migrate, type Database } from '@recourse/postgres';
import { openEventStore, type EventStore } from './event-store.js';
import type { Log } from './log.js';

export type TillEvent =
  Event<'MoneyTaken', { readonly amount: Money; readonly from?: string }> | Event<'TillClosed', Record<string, never>>;
export type TillCommand =
  | { readonly type: 'TakeMoney'; readonly amount: Money; readonly from?: string }
  | { readonly type: 'TakeCoins'; readonly coins: number }
  | { readonly type: 'CloseTill' };
export interface Till {
  readonly taken: bigint;
  readonly closed: boolean;
}
export const tillEvent = eventsOf<TillEvent>();

/** Counts what is taken until it is closed; nothing comes of nothing. */
export const till: Decider<TillCommand, Till, TillEvent, 'Closed'> = {
  category: 'till',
  initial: { taken: 0n, closed: false },
  events: { MoneyTaken: 1, TillClosed: 1 },
  decide: (command, state) => {
    if (command.type === 'CloseTill') return state.closed ? [] : [tillEvent('TillClosed', {})];
    if (state.closed) return reject('Closed', 'the till is closed; open another');
    if (command.type === 'TakeCoins')
      return Array.from({ length: command.coins }, () => tillEvent('MoneyTaken', { amount: money(1n) }));
    if (command.amount.minor === 0n) return [];
    return [tillEvent('MoneyTaken', { amount: command.amount, ...(command.from === undefined ? {} : { from: command.from }) })];
  },
  evolve: (state, event) =>
    event.type === 'TillClosed' ? { ...state, closed: true } : { ...state, taken: state.taken + event.data.amount.minor },
};

export type PurseEvent =
  | Event<'PurseOpened', { readonly carried: Money; readonly month: string }>
  | Event<'CoinPut', { readonly amount: Money }>
  | Event<'PurseClosed', { readonly carried: Money; readonly month: string }>;
export type PurseCommand = { readonly type: 'PutCoin'; readonly amount: Money };
export interface Purse {
  readonly held: bigint;
  readonly month: string | undefined;
  readonly closedFor: string | undefined;
}
export const purseEvent = eventsOf<PurseEvent>();

/** Kept in periods: one a month, and another when one is full. */
export const purse: Decider<PurseCommand, Purse, PurseEvent, 'Closed'> = {
  category: 'purse',
  initial: { held: 0n, month: undefined, closedFor: undefined },
  events: { PurseOpened: 1, CoinPut: 1, PurseClosed: 1 },
  periods: {
    closing: ({ held, month }, at, length) => {
      const isDue = month !== undefined && (month < at.slice(0, 7) || length >= fullPeriodEvents);
      return isDue ? purseEvent('PurseClosed', { carried: money(held), month: at.slice(0, 7) }) : undefined;
    },
    following: ({ held, closedFor }) =>
      closedFor === undefined ? undefined : [purseEvent('PurseOpened', { carried: money(held), month: closedFor })],
  },
  decide: ({ amount, at }, { month, closedFor }) => {
    if (closedFor !== undefined) return reject('Closed', 'this period of the purse is over');
    const opened = month === undefined ? [purseEvent('PurseOpened', { carried: money(0n), month: at.slice(0, 7) })] : [];
    return amount.minor === 0n ? [] : [...opened, purseEvent('CoinPut', { amount })];
  },
  evolve: (state, { type, data }) => {
    switch (type) {
      case 'PurseOpened':
        return { held: data.carried.minor, month: data.month, closedFor: undefined };
      case 'CoinPut':
        return { ...state, held: state.held + data.amount.minor };
      case 'PurseClosed':
        return { ...state, closedFor: data.month };
    }
  },
};

export type LampEvent = Event<'LampLit', { readonly room: string }>;
export type LampCommand = { readonly type: 'LightLamp'; readonly room: string };
export const lampEvent = eventsOf<LampEvent>();

export const lamp: Decider<LampCommand, number, LampEvent, 'TooDark'> = {
  category: 'lamp',
  initial: 0,
  events: { LampLit: 1 },
  decide: (command) =>
    command.room === 'cellar' ? reject('TooDark', 'no lamp lights the cellar') : [lampEvent('LampLit', { room: command.room })],
  evolve: (lit) => lit + 1,
};

export const catalogue = catalogueOf([till, lamp, purse]);
export const quiet: Log = () => undefined;
export const clock: Clock = { now: () => Promise.resolve(new Date().toISOString()) };

export const take = (minor: bigint): TillCommand => ({ type: 'TakeMoney', amount: money(minor) });
export const contextOf = (commandId: string = randomUUID(), at = '2026-03-01T00:00:00.000Z'): CommandContext => ({
  commandId,
  correlationId: 'correlation',
  actor: systemActor('test', 'demo'),
  at,
});

/** A node that can be stopped and started again on its port, over the same files. */
export interface TestNode {
  readonly connectionString: string;
  readonly port: number;
  restart(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops it and deletes its files. */
  remove(): Promise<void>;
}

export async function startTestNode(): Promise<TestNode> {
  const directory = await mkdtemp(join(tmpdir(), 'recourse-eventstore-'));
  let node: EventStoreNode = await startEventStoreNode({ directory });
  const { port, connectionString } = node;
  const stop = () => node.stop();
  const start = async () => {
    node = await startEventStoreNode({ directory, port });
  };
  return {
    port,
    connectionString,
    stop,
    start,
    restart: async () => {
      await stop();
      await start();
    },
    remove: async () => {
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export const openTestStore = (connectionString: string, options: { appendTimeoutMs?: number; log?: Log } = {}): EventStore =>
  openEventStore({ connectionString, catalogue, log: quiet, ...options });

/** A wire that can be cut, or swallow the answers of the server, as networks do. */
export interface Wire {
  readonly connectionString: string;
  /** Requests still arrive, answers do not. */
  swallowAnswers(): void;
  /** Bytes of answers so far. */
  answeredBytes(): number;
  /** Breaks every connection and lets new ones through whole again. */
  cut(): void;
  close(): Promise<void>;
}

export async function startWire(targetPort: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  let swallowing = false;
  let answered = 0;
  const server = createServer((near) => {
    const far = dial(targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (answer) => {
      if (swallowing) return;
      answered += answer.length;
      if (near.write(answer)) return;
      far.pause();
      near.once('drain', () => far.resume());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    swallowing = false;
  };
  return {
    connectionString: `esdb://127.0.0.1:${port}?tls=false`,
    swallowAnswers: () => (swallowing = true),
    answeredBytes: () => answered,
    cut,
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface TestDatabase {
  readonly database: Database;
  readonly url: string;
  remove(): Promise<void>;
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const adminUrl = process.env['TEST_POSTGRES_URL'];
  if (adminUrl === undefined)
    throw new Error('TEST_POSTGRES_URL is not set: integration specs run under the root jest configuration');
  const name = `eventstore_${randomUUID()}`;
  const url = await createDatabase(adminUrl, name);
  const database = connect(url);
  await migrate(database.db, []);
  return {
    database,
    url,
    remove: async () => {
      await database.close();
      await dropDatabase(adminUrl, name);
    },
  };
}

/** Waits for a condition that other parts bring about; a bound, not a measurement. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string, timeoutMs = 30_000): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !(await condition());) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
