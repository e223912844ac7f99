import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import fc from 'fast-check';
import { open } from 'lmdb';
import { startEventStoreNode, type EventStoreNode } from '../src/index.js';
import { killNodeProcesses, startNodeProcess } from './node-process.js';
import { temporaryDirectory } from './target.js';
import { connect, type Wire } from './wire.js';

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(async () => {
  killNodeProcesses();
  await rm(directory, { recursive: true, force: true });
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

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

  it('is free again when a lock names a living process that is another one by now', async () => {
    await (await startEventStoreNode({ directory })).stop();
    await writeMeta('owner', { pid: process.ppid, started: 'another-boot:1' });
    await (await startEventStoreNode({ directory })).stop();
  });

  it('written by a newer version is refused and left as it is', async () => {
    await (await startEventStoreNode({ directory })).stop();
    await writeMeta('format', 2);
    await expect(startEventStoreNode({ directory })).rejects.toThrow(
      `${directory} has file format 2; this version reads format 1`,
    );
    await writeMeta('format', 1);
    await (await startEventStoreNode({ directory })).stop();
  });

  async function writeMeta(key: string, value: unknown): Promise<void> {
    const root = open({ path: directory, noSubdir: false, encoding: 'binary', maxDbs: 8 });
    await root.openDB({ name: 'meta', encoding: 'json' }).put(key, value);
    await root.close();
  }
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
    expect(await raw(path, Buffer.alloc(0))).toBe(status.UNIMPLEMENTED);
    const { methods } = (await wire.supported()) as { methods: string[] };
    expect(methods.filter((method) => method.includes('persistent'))).toEqual([]);
  });

  it.each(['Read', 'Append', 'BatchAppend', 'Delete', 'Tombstone'])(
    'answers malformed bytes to %s with INVALID_ARGUMENT',
    async (method) => {
      const path = `/event_store.client.streams.Streams/${method}`;
      const cut = Buffer.from([0x0a, 0x7f, 0x01]);
      const endlessNumber = Buffer.alloc(12, 0xff);
      const wrongType = Buffer.from([0x08, 0x01]);
      for (const bytes of [cut, endlessNumber, wrongType]) expect(await raw(path, bytes)).toBe(status.INVALID_ARGUMENT);
      expect((await wire.append('s', [{ id: randomUUID() }])).success).toBeDefined();
    },
  );

  it('outlives any request, however broken', async () => {
    const methods = ['Read', 'Append', 'BatchAppend', 'Delete', 'Tombstone'];
    const request = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })).map(([at, value]) => {
        const bytes = batchBytes('s', duration(60n));
        bytes[at % bytes.length] = value;
        return bytes;
      }),
    );
    const property = fc.asyncProperty(fc.constantFrom(...methods), request, async (method, bytes) => {
      expect(await raw(`/event_store.client.streams.Streams/${method}`, Buffer.from(bytes), 500)).toBeDefined();
    });
    await fc.assert(property, { numRuns: 300 });
    expect((await wire.append('s', [{ id: randomUUID() }])).success).toBeDefined();
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
    const { answers, send, end } = batchCall();
    send(batchBytes('late', duration(-1n)));
    send(batchBytes('in-time', duration(60n)));
    await answers(2);
    expect((await wire.read({ stream: 'late' })).messages).toEqual([{ streamNotFound: 'late' }]);
    expect((await wire.read({ stream: 'in-time' })).messages).toHaveLength(1);
    end();
  });

  it('goes on answering while a pattern runs wild, and ends that call', async () => {
    await wire.append('s', [{ id: randomUUID(), type: `${'a'.repeat(60)}!` }]);
    const subscription = wire.subscribe({ filter: { on: 'type', regex: '^(a+)+$' } });
    expect(await subscription.until((_, ended) => ended !== undefined)).toBe(true);
    expect(subscription.ended).toMatchObject({ error: { code: 'INVALID_ARGUMENT' } });
    expect((await wire.append('s', [{ id: randomUUID() }])).success).toBeDefined();
  });

  it('keeps no more for a subscriber that does not read than a few messages', async () => {
    const streamed = new Client(`127.0.0.1:${node.port}`, credentials.createInsecure());
    const same = (bytes: Buffer) => bytes;
    // ReadReq: $all from the start, subscription, no filter, ids as text.
    const request = Buffer.from([0x0a, 0x0c, 0x12, 0x02, 0x12, 0x00, 0x32, 0x00, 0x42, 0x00, 0x4a, 0x02, 0x12, 0x00]);
    const slow = streamed.makeServerStreamRequest(
      '/event_store.client.streams.Streams/Read',
      same,
      same,
      request,
      new Metadata(),
    );
    slow.on('error', () => undefined);
    await new Promise((resolve) => slow.once('data', resolve));
    slow.pause();
    const before = heldMegabytes();
    const events = 150;
    for (let index = 0; index < events; index++) await wire.append('s', [{ id: randomUUID(), data: 'x'.repeat(1_000_000) }]);
    expect(heldMegabytes() - before).toBeLessThan(events * 0.3);
    let received = 0;
    await new Promise<void>((resolve) => {
      slow.on('data', (bytes: Buffer) => {
        if (bytes.length > 1_000_000 && ++received === events) resolve();
      });
      slow.resume();
    });
    slow.cancel();
    streamed.close();
  });

  /** Sends bytes as the one request of a call and gives the status it ends with. */
  function raw(path: string, bytes: Buffer, timeoutMs = 10_000): Promise<status> {
    const client = new Client(`127.0.0.1:${node.port}`, credentials.createInsecure());
    const same = (value: Buffer) => value;
    return new Promise<status>((resolve) => {
      const call = client.makeBidiStreamRequest(path, same, same, new Metadata(), { deadline: Date.now() + timeoutMs });
      call.on('data', () => undefined);
      call.on('error', (error: ServiceError) => resolve(error.code));
      call.on('end', () => resolve(status.OK));
      call.write(bytes);
      call.end();
    }).finally(() => client.close());
  }

  function batchCall() {
    const client = new Client(`127.0.0.1:${node.port}`, credentials.createInsecure());
    const same = (value: Buffer) => value;
    const call = client.makeBidiStreamRequest('/event_store.client.streams.Streams/BatchAppend', same, same, new Metadata());
    let count = 0;
    let news: () => void = () => undefined;
    call.on('data', () => {
      count++;
      news();
    });
    call.on('error', () => undefined);
    return {
      send: (bytes: Buffer) => call.write(bytes),
      answers: (wanted: number) =>
        new Promise<void>((resolve) => {
          news = () => {
            if (count >= wanted) resolve();
          };
          news();
        }),
      end: () => {
        call.cancel();
        client.close();
      },
    };
  }
});

const field = (number: number, value: Buffer | string) => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
};
const duration = (seconds: bigint) => {
  const bytes = [0x08];
  let rest = BigInt.asUintN(64, seconds);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
};

/** A whole append of one event with `any`, its deadline in field 7, where newer clients put it. */
function batchBytes(stream: string, deadline: Buffer): Buffer {
  const options = Buffer.concat([field(1, field(3, stream)), field(4, ''), field(7, deadline)]);
  const entry = (key: string, value: string) => field(2, Buffer.concat([field(1, key), field(2, value)]));
  const event = Buffer.concat([
    field(1, field(2, randomUUID())),
    entry('type', 'Tested'),
    entry('content-type', 'application/json'),
    field(4, '{}'),
  ]);
  return Buffer.concat([field(1, field(2, randomUUID())), field(2, options), field(3, event), Buffer.from([0x20, 0x01])]);
}

/** Megabytes this process holds in buffers and on its heap after a collection. */
function heldMegabytes(): number {
  // Buffers of the first collection are freed beside the program; the second one waits for that.
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1_000_000;
}
