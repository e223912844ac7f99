import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { ClientHttp2Stream } from 'node:http2';
import { killNodeProcesses, startNodeProcess, type NodeProcess } from './node-process.js';
import { frame, RawConnection } from './raw-connection.js';
import { readWholeStream, streamsPath, subscribeToAll, subscribeToStream } from './request-bytes.js';
import { temporaryDirectory } from './target.js';
import { connect, type Wire } from './wire.js';
import { mustStore, newEvent } from './writing.js';

const megabyte = 1_000_000;
const storedEvents = 100;
const liveEvents = 30;
const slowOfEachKind = 8;
/** 24 slow calls with 1 MiB and one message each, what HTTP/2 buffers for them, and the garbage of 30 appends; without a bound it would be 3 GB. */
const mostGrowthMegabytes = 150;

let directory: string;
let node: NodeProcess;
let wire: Wire;
const connections: RawConnection[] = [];
beforeEach(async () => {
  directory = await temporaryDirectory();
  node = await startNodeProcess(directory);
  wire = connect(node.endpoint);
});
afterEach(async () => {
  wire.close();
  for (const connection of connections.splice(0)) await connection.close('destroy');
  killNodeProcesses();
  await node.exited;
  await rm(directory, { recursive: true, force: true });
});

/** Memory of the process without the pages of files it has mapped, where the system tells them apart. */
function memoryMegabytes(): number {
  const report = `/proc/${node.pid}/status`;
  const kilobytes = existsSync(report)
    ? /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(report, 'utf8'))?.[1]
    : execFileSync('ps', ['-o', 'rss=', '-p', String(node.pid)], { encoding: 'utf8' });
  return Number(kilobytes) / 1_000;
}

/** A call on a connection of its own that takes the first bytes and then nothing more. */
async function slowCall(request: Buffer): Promise<ClientHttp2Stream> {
  const connection = await RawConnection.open(Number(node.endpoint.split(':')[1]));
  connections.push(connection);
  const call = connection.start(streamsPath('Read'));
  call.end(frame(request));
  await new Promise((resolve) => call.once('readable', resolve));
  return call;
}

function received(call: ClientHttp2Stream, bytes: number): Promise<void> {
  let left = bytes;
  return new Promise((resolve) => {
    call.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left <= 0) resolve();
    });
  });
}

it(`clients that ask for everything and take nothing cost less than ${mostGrowthMegabytes} MB, and lose nothing`, async () => {
  const append = () => mustStore(wire, 's', [newEvent({ data: 'x'.repeat(megabyte), contentType: 'application/octet-stream' })]);
  for (let index = 0; index < storedEvents; index++) await append();
  const before = memoryMegabytes();
  const calls: ClientHttp2Stream[] = [];
  for (const request of [readWholeStream('s'), subscribeToStream('s'), subscribeToAll])
    for (let index = 0; index < slowOfEachKind; index++) calls.push(await slowCall(request));
  // Each of these gives the node turns in which it could fill its buffers.
  let most = 0;
  for (let index = 0; index < liveEvents; index++) {
    await append();
    most = Math.max(most, memoryMegabytes());
  }
  expect(most - before).toBeLessThan(mostGrowthMegabytes);
  const [reader, subscriber, subscriberToAll] = [0, 1, 2].flatMap((kind) =>
    calls.slice(kind * slowOfEachKind, kind * slowOfEachKind + 1),
  );
  await Promise.all([
    reader && received(reader, storedEvents * megabyte),
    subscriber && received(subscriber, (storedEvents + liveEvents) * megabyte),
    subscriberToAll && received(subscriberToAll, (storedEvents + liveEvents) * megabyte),
  ]);
}, 120_000);
