import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { startEventStoreNode, type EventStoreNode } from '../src/index.js';
import { killNodeProcesses, startNodeProcess } from './node-process.js';
import { frame, RawConnection } from './raw-connection.js';
import { batchAppend, streamsPath } from './request-bytes.js';
import { temporaryDirectory } from './target.js';
import { connect, eventsOf, type ReadSketch, type Wire } from './wire.js';
import { mustStore, newEvent, newEvents } from './writing.js';

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(async () => {
  killNodeProcesses();
  await rm(directory, { recursive: true, force: true });
});

const processOf = (pid: number) => `${directory} is in use by process ${pid}`;

describe('a directory', () => {
  it('has one node at a time: a second start is refused and names the holder', async () => {
    const holder = await startNodeProcess(directory);
    await expect(startEventStoreNode({ directory })).rejects.toThrow(processOf(holder.pid));
    await expect(startNodeProcess(directory)).rejects.toThrow(processOf(holder.pid));
    await holder.kill('SIGTERM');
  });

  it('has one node at a time within a process too', async () => {
    const holder = await startEventStoreNode({ directory });
    await expect(startEventStoreNode({ directory })).rejects.toThrow(processOf(process.pid));
    await holder.stop();
    await (await startEventStoreNode({ directory })).stop();
  });

  it('goes to one of two that start at once', async () => {
    const starts = await Promise.allSettled([startNodeProcess(directory), startNodeProcess(directory)]);
    const started = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    expect(started).toHaveLength(1);
    await started[0]?.kill('SIGTERM');
  });

  it('is free again when its process was killed', async () => {
    const killed = await startNodeProcess(directory);
    await killed.kill('SIGKILL');
    await (await startEventStoreNode({ directory })).stop();
  });

  it('is free again when its process was killed and its parent never asks after it, as the first process of a container may', async () => {
    const main = join(import.meta.dirname, '../dist/main.js');
    const parent = spawn('sh', ['-c', '"$0" "$@" & exec sleep 60', process.execPath, main, '--dir', directory], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(parent.stdout, 'data');
    const refusal = (await startEventStoreNode({ directory }).catch((error: unknown) => error)) as Error;
    const pid = Number(/in use by process (\d+)$/.exec(refusal.message)?.[1]);
    process.kill(pid, 'SIGKILL');
    const giveUpAt = performance.now() + 10_000;
    const start = (): Promise<EventStoreNode> =>
      startEventStoreNode({ directory }).catch((error: unknown) => {
        if (performance.now() > giveUpAt) throw error;
        return start();
      });
    await (await start()).stop();
    // It still has its pid: nobody has asked after it.
    process.kill(pid, 0);
    parent.kill('SIGKILL');
    await once(parent, 'close');
  });
});

describe('an address', () => {
  it.each(['0.0.0.0', '::', '192.0.2.1', 'example.org'])('%s is refused unless remote callers are allowed', async (host) => {
    await expect(startEventStoreNode({ directory, host })).rejects.toThrow(`${host} is not a loopback address`);
  });

  it('in use is an error, and the directory is free again', async () => {
    const holder = await startEventStoreNode({ directory });
    const other = await temporaryDirectory();
    await expect(startEventStoreNode({ directory: other, port: holder.port })).rejects.toThrow('EADDRINUSE');
    await (await startEventStoreNode({ directory: other })).stop();
    await holder.stop();
    await rm(other, { recursive: true });
  });

  it('may be any when remote callers are allowed', async () => {
    const node = await startEventStoreNode({ directory, host: '0.0.0.0', allowRemote: true });
    const wire = connect(`127.0.0.1:${node.port}`);
    expect((await wire.append('s', [{ id: randomUUID() }])).success?.revision).toBe('0');
    wire.close();
    await node.stop();
  });
});

describe('a node process', () => {
  it('ends with its parent', async () => {
    const node = await startNodeProcess(directory);
    node.child.disconnect();
    expect(await node.exited).toBe(0);
  });

  it('ends on SIGINT as on SIGTERM', async () => {
    const node = await startNodeProcess(directory);
    await node.kill('SIGINT');
    expect(await node.exited).toBe(0);
  });

  it('says what is wrong with how it was started', async () => {
    await expect(startNodeProcess(directory, '--port', '70000')).rejects.toThrow('--port 70000 is no port');
    await expect(startNodeProcess(directory, '--host', '0.0.0.0')).rejects.toThrow('not a loopback address');
  });
});

describe('a running node', () => {
  let node: EventStoreNode;
  let wire: Wire;
  let log: string[];
  beforeEach(async () => {
    log = [];
    node = await startEventStoreNode({ directory, log: (line) => log.push(line) });
    wire = connect(`127.0.0.1:${node.port}`);
  });
  afterEach(async () => {
    wire.close();
    await node.stop();
    expect(log).toEqual([]);
  });

  it('ends its open calls as UNAVAILABLE when it stops', async () => {
    const subscriptions = [wire.subscribe({}), wire.subscribe({ stream: 's' })];
    for (const subscription of subscriptions) await subscription.until((seen) => seen.includes('caughtUp'));
    const batch = wire.batch([{ stream: 's', events: [{ id: randomUUID() }] }], { until: 2 });
    await subscriptions[1]?.until((seen) => seen.length === 3);
    await node.stop();
    for (const subscription of subscriptions) {
      await subscription.until((_, ended) => ended !== undefined);
      expect(subscription.ended).toMatchObject({ error: { code: 'UNAVAILABLE' } });
    }
    expect(await batch).toMatchObject({ responses: [{ success: { revision: '0' } }], error: { code: 'UNAVAILABLE' } });
  });

  it('refuses persistent subscriptions as UNIMPLEMENTED and does not list them', async () => {
    const path = '/event_store.client.persistent_subscriptions.PersistentSubscriptions/Create';
    const raw = await RawConnection.open(node.port);
    expect((await raw.ask(path, frame(Buffer.alloc(0)))).end).toEqual({ grpc: status.UNIMPLEMENTED });
    await raw.close();
    const { methods } = (await wire.supported()) as { methods: string[] };
    expect(methods.filter((method) => method.includes('persistent'))).toEqual([]);
  });

  it.each([
    ['of the metadata of a metadata stream', '$$$$s'],
    ['of the whole log', '$all'],
    ['without letters', ''],
    ['of 4097 bytes', 'x'.repeat(4_097)],
  ])('refuses to write under the name %s', async (_, stream) => {
    expect((await wire.append(stream, [{ id: randomUUID() }])).error?.code).toBe('INVALID_ARGUMENT');
    const { responses } = await wire.batch([{ stream, events: [{ id: randomUUID() }] }]);
    expect(responses).toMatchObject([{ error: { code: 'INVALID_ARGUMENT', message: 'BadRequest' } }]);
    expect(await wire.tombstone(stream)).toMatchObject({ error: { code: 'INVALID_ARGUMENT' } });
  });

  it('takes a batch deadline as the time that is left, too', async () => {
    const raw = await RawConnection.open(node.port);
    const appends = [batchAppend('late', { secondsLeft: -1n }), batchAppend('in-time', { secondsLeft: 60n })];
    const { messages } = await raw.ask(streamsPath('BatchAppend'), Buffer.concat(appends.map((append) => frame(append))));
    expect(messages).toHaveLength(2);
    expect((await wire.read({ stream: 'late' })).messages).toEqual([{ streamNotFound: 'late' }]);
    expect((await wire.read({ stream: 'in-time' })).messages).toHaveLength(1);
    await raw.close();
  });

  it('never lets the creation time of events go back', async () => {
    for (let round = 0; round < 20; round++) await mustStore(wire, `s-${round % 3}`, newEvents(5));
    const read = eventsOf((await wire.read({ full: true })).messages);
    const times = read.map(({ event }) => (event === 'absent' ? 0n : BigInt(event.metadata?.['created'] ?? 0)));
    expect(times.every((time, index) => index === 0 || time >= (times[index - 1] ?? 0n))).toBe(true);
  });

  it.each([
    ['an event type of 4,096 bytes', 'stored', () => [newEvent({ type: 't'.repeat(4_096) })]],
    ['an event type of 4,097 bytes', 'INVALID_ARGUMENT', () => [newEvent({ type: 't'.repeat(4_097) })]],
    ['15 MiB of metadata', 'stored', () => newEvents(5, { custom: 'c'.repeat(3 * 1024 * 1024) })],
    ['18 MiB of metadata', 'INVALID_ARGUMENT', () => newEvents(6, { custom: 'c'.repeat(3 * 1024 * 1024) })],
  ])('has a limit of its own: an append with %s is %s', async (_, outcome, events) => {
    const { success, error } = await wire.append('s', events());
    expect(success ? 'stored' : error?.code).toBe(outcome);
  });

  it.each<[string, string, ReadSketch['filter']]>([
    ['a pattern of 1,024 characters', 'read', { regex: 'p'.repeat(1_024) }],
    ['a pattern of 1,025 characters', 'INVALID_ARGUMENT', { regex: 'p'.repeat(1_025) }],
    ['1,024 prefixes', 'read', { prefix: Array.from({ length: 1_024 }, (__, index) => `p${index}`) }],
    ['1,025 prefixes', 'INVALID_ARGUMENT', { prefix: Array.from({ length: 1_025 }, (__, index) => `p${index}`) }],
  ])('has a limit of its own: a filter with %s is %s', async (_, outcome, filter) => {
    expect((await wire.read(filter ? { filter } : {})).error?.code ?? 'read').toBe(outcome);
  });

  /** EventStoreDB 24.2.0 ends these in an unhandled exception. */
  it.each<[string, (position: string) => Promise<{ error?: { code: string } } | object>]>([
    ['an event without an id', () => wire.append('s', [newEvent({ id: null })])],
    ['an event with an empty type', () => wire.append('s', [newEvent({ type: '' })])],
    ['an append without a stream', () => wire.append(null, newEvents(1))],
    ['a delete without a stream', () => wire.softDelete(null)],
    ['a tombstone without a stream', () => wire.tombstone(null)],
    ['a read of neither a stream nor $all', () => wire.read({ nowhere: true })],
    ['a read forwards from the end of a stream', () => wire.read({ stream: 's', from: 'end' })],
    ['a read from a position that is no event’s', (between) => wire.read({ from: { commit: between, prepare: between } })],
    ['a filter that is no pattern', () => wire.read({ filter: { regex: '(' } })],
  ])('answers %s with INVALID_ARGUMENT', async (_, ask) => {
    const { position } = await mustStore(wire, 's', newEvents(2));
    expect(await ask(String(position - 1n))).toMatchObject({ error: { code: 'INVALID_ARGUMENT' } });
  });
});
