import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { constants, type ClientHttp2Session } from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import fc from 'fast-check';
import { startEventStoreNode, type EventStoreNode } from '../src/index.js';
import {
  appendEvent,
  appendOptions,
  batchRequest,
  call,
  framed,
  messagesIn,
  openCall,
  openSession,
  readStreamRequest,
  streamsPath,
  subscribeRequest,
  type RawCall,
} from './raw-call.js';
import { temporaryDirectory } from './target.js';

/** The node's own port, seen from the wire: gRPC over HTTP/2, broken clients, HTTP endpoints, the end of connections. */
let directory: string;
let node: EventStoreNode;
let session: ClientHttp2Session;
let log: string[];
beforeEach(async () => {
  directory = await temporaryDirectory();
  log = [];
  node = await startEventStoreNode({ directory, log: (line) => log.push(line) });
  session = await openSession(node.port);
});
afterEach(async () => {
  session.destroy();
  await node.stop();
  await rm(directory, { recursive: true, force: true });
  expect(log).toEqual([]);
});

interface Stats {
  openCalls: Record<string, number>;
  connections: { http1: number; http2: number };
  subscriptions: number;
  appends: { accepted: number; answered: number; refused: number };
  log: { eventsWritten: number; commits: number; lastPosition: number };
  inboundBytes: number;
  unsentBytes: number;
}

async function http(path: string, headers: Record<string, string> = {}) {
  const request = get({ host: '127.0.0.1', port: node.port, path, headers });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const parts = await response.setEncoding('utf8').toArray();
  return { status: response.statusCode, type: response.headers['content-type'], body: parts.join('') };
}

const stats = async () => JSON.parse((await http('/stats')).body) as Stats;

async function statsUntil(condition: (seen: Stats) => boolean): Promise<Stats> {
  for (;;) {
    const seen = await stats();
    if (condition(seen)) return seen;
  }
}

async function answers(opened: RawCall, count: number): Promise<Buffer[]> {
  while (messagesIn(opened.pieces).length < count) await once(opened.stream, 'data');
  return messagesIn(opened.pieces);
}

async function expectAlive(): Promise<void> {
  const ended = await call(session, streamsPath('Append'), Buffer.concat([appendOptions('alive'), appendEvent()]));
  expect(ended['grpc-status']).toBe('0');
}

describe('a call', () => {
  it('of a method that is not offered is UNIMPLEMENTED and says so', async () => {
    const ended = await call(session, '/event_store.client.users.Users/Create', framed(Buffer.alloc(0)));
    expect(ended).toMatchObject({
      ':status': 200,
      'grpc-status': '12',
      'grpc-message': 'the node does not offer /event_store.client.users.Users/Create',
    });
  });

  it('must be a POST of gRPC messages', async () => {
    const json = { 'content-type': 'application/json' };
    expect(await call(session, streamsPath('Read'), subscribeRequest, json)).toMatchObject({ ':status': 415 });
    const put = { ':method': 'PUT' };
    expect(await call(session, streamsPath('Read'), subscribeRequest, put)).toMatchObject({ ':status': 405, allow: 'POST' });
  });

  it('with a compressed message is UNIMPLEMENTED and names what is understood', async () => {
    const compressed = framed(Buffer.from('x'));
    compressed[0] = 1;
    const ended = await call(session, streamsPath('Read'), compressed, { 'grpc-encoding': 'gzip' });
    expect(ended).toMatchObject({ 'grpc-status': '12', 'grpc-accept-encoding': 'identity' });
  });

  it('with a message beyond the limit is RESOURCE_EXHAUSTED as soon as that is announced, and the client is stopped', async () => {
    const opened = openCall(session, streamsPath('BatchAppend'));
    opened.stream.write(Buffer.from([0, 0x01, 0x10, 0x00, 0x01]));
    expect(await opened.ended).toMatchObject({
      'grpc-status': '8',
      'grpc-message': 'Received message larger than max (17825793 vs. 17825792)',
    });
    expect(opened.stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  });

  it('that ends within a message is INVALID_ARGUMENT', async () => {
    const cut = await call(session, streamsPath('Append'), appendOptions('s').subarray(0, -1));
    expect(cut).toMatchObject({ 'grpc-status': '3', 'grpc-message': 'the request ends within a message' });
  });

  it('of a method with one request takes exactly one', async () => {
    const none = await call(session, streamsPath('Read'), Buffer.alloc(0));
    const two = await call(session, streamsPath('Read'), Buffer.concat([subscribeRequest, subscribeRequest]));
    expect([none['grpc-status'], two['grpc-status']]).toEqual(['12', '12']);
  });

  it('may cut its messages anywhere', async () => {
    const opened = openCall(session, streamsPath('Append'));
    for (const byte of Buffer.concat([appendOptions('cut'), appendEvent(), appendEvent()])) {
      await new Promise((sent) => opened.stream.write(Buffer.from([byte]), sent));
    }
    opened.stream.end();
    expect(await opened.ended).toMatchObject({ 'grpc-status': '0' });
    expect((await stats()).log.eventsWritten).toBe(3);
    expect((await stats()).inboundBytes).toBe(0);
  });

  it('gets the answers of one commit in one piece', async () => {
    const opened = openCall(session, streamsPath('BatchAppend'));
    opened.stream.write(Buffer.concat(Array.from({ length: 64 }, (_, n) => batchRequest(`s-${n}`))));
    await answers(opened, 64);
    expect(opened.pieces).toHaveLength(1);
    opened.stream.end();
    expect(await opened.ended).toMatchObject({ 'grpc-status': '0' });
  });

  it('ends at its deadline', async () => {
    const opened = openCall(session, streamsPath('Read'), { 'grpc-timeout': '30m' });
    opened.stream.end(subscribeRequest);
    expect(await opened.ended).toMatchObject({ 'grpc-status': '4', 'grpc-message': 'Deadline exceeded' });
    await statsUntil(({ subscriptions }) => subscriptions === 0);
    const unreadable = await call(session, streamsPath('Read'), subscribeRequest, { 'grpc-timeout': 'soon' });
    expect(unreadable['grpc-status']).toBe('13');
  });

  it('tells any name in its trailers, as visible ASCII', async () => {
    const stream = 'müller 100%\n';
    const bytes = Buffer.concat([appendOptions(stream), appendEvent()]);
    await call(session, streamsPath('Append'), bytes);
    await call(session, streamsPath('Tombstone'), appendOptions(stream));
    const ended = await call(session, streamsPath('Read'), readStreamRequest(stream));
    expect(ended).toMatchObject({ 'grpc-status': '9', exception: 'stream-deleted' });
    expect(decodeURIComponent(String(ended['stream-name']))).toBe(stream);
    expect(ended['grpc-message']).toBe(`Event stream 'm%C3%BCller 100%25%0A' is deleted.`);
  });

  it.each([
    ['cancelled', (opened: RawCall) => opened.stream.close(constants.NGHTTP2_CANCEL)],
    ['reset without an error', (opened: RawCall) => opened.stream.close(constants.NGHTTP2_NO_ERROR)],
    ['cut off with its connection', () => session.destroy()],
  ])('%s in the middle of an append stores nothing and leaves nothing behind', async (_, leave) => {
    const opened = openCall(session, streamsPath('Append'));
    opened.stream.write(Buffer.concat([appendOptions('half'), appendEvent(), appendEvent().subarray(0, 20)]));
    await statsUntil(({ inboundBytes }) => inboundBytes > 0);
    const { eventsWritten } = (await stats()).log;
    leave(opened);
    const after = await statsUntil(({ openCalls, inboundBytes }) => openCalls['append'] === 0 && inboundBytes === 0);
    expect(after.log.eventsWritten).toBe(eventsWritten);
  });

  it('that does not read its answers is not read either, and goes on when it does', async () => {
    const narrow = await openSession(node.port, { initialWindowSize: 1_000 });
    const opened = openCall(narrow, streamsPath('BatchAppend'));
    opened.stream.pause();
    const name = 'n'.repeat(400);
    // More than a full buffer of answers and the appends behind it.
    const wanted = Math.ceil((1024 * 1024) / name.length) + 2 * 4_096;
    for (let n = 0; n < wanted; n++) opened.stream.write(batchRequest(name));
    const full = await statsUntil(({ unsentBytes }) => unsentBytes > 1024 * 1024);
    // Appends that share a commit are answered together: as many as a call may have unanswered.
    expect(full.unsentBytes).toBeLessThan(1024 * 1024 + 4_096 * (name.length + 200));
    expect(full.appends.accepted).toBeLessThan(wanted);
    // It reads faster now, a thousand bytes at a time would take long.
    narrow.settings({ initialWindowSize: 1024 * 1024 });
    opened.stream.resume();
    await answers(opened, wanted);
    expect((await statsUntil(({ unsentBytes }) => unsentBytes === 0)).appends.answered).toBe(wanted);
    narrow.destroy();
  });
});

describe('a connection', () => {
  it('is told how many calls it may have, and keeps its calls when it cancels many', async () => {
    expect(session.remoteSettings.maxConcurrentStreams).toBe(1_024);
    for (let round = 0; round < 3; round++) {
      const opened = Array.from({ length: 500 }, () => openCall(session, streamsPath('BatchAppend')));
      for (const { stream } of opened) stream.close(constants.NGHTTP2_CANCEL);
      await Promise.all(opened.map(({ ended }) => ended));
    }
    await expectAlive();
  });

  it('gets an answer to a PING', async () => {
    await new Promise<void>((resolve, reject) => {
      session.ping((error) => (error ? reject(error) : resolve()));
    });
  });

  it('may send its preface byte by byte', async () => {
    const socket = await openSocket();
    socket.setNoDelay(true);
    for (const byte of Buffer.concat([preface, emptySettings]))
      await new Promise((sent) => socket.write(Buffer.from([byte]), sent));
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    // The node's SETTINGS frame.
    expect(bytes[3]).toBe(4);
    socket.destroy();
  });

  it('that speaks no protocol is closed, and the node lives on', async () => {
    const junk = fc.oneof(
      fc.uint8Array({ minLength: 30, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.concat([preface, bytes])),
      fc.uint8Array({ minLength: 9, maxLength: 200 }).map((bytes) => Buffer.concat([preface, emptySettings, bytes])),
    );
    const property = fc.asyncProperty(junk, async (bytes) => {
      const socket = await openSocket();
      socket.on('data', () => undefined);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.end(bytes);
      await closed;
    });
    await fc.assert(property, { numRuns: 200 });
    await expectAlive();
    await statsUntil(({ connections }) => connections.http2 === 1);
  });

  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const emptySettings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  async function openSocket(): Promise<Socket> {
    const socket = connectSocket(node.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  it('that stays without a call does not keep the node from stopping, whether it hears of it or not', async () => {
    const goaway = once(session, 'goaway');
    const deaf = await openSocket();
    deaf.write(Buffer.concat([preface, emptySettings]));
    await statsUntil(({ connections }) => connections.http2 === 2);
    const silent = await openSocket();
    await node.stop();
    await goaway;
    deaf.destroy();
    silent.destroy();
  });
});

describe('a stop', () => {
  it('ends an append whose events are still coming as UNAVAILABLE', async () => {
    const opened = openCall(session, streamsPath('Append'));
    opened.stream.write(appendOptions('s'));
    await statsUntil(({ openCalls }) => openCalls['append'] === 1);
    await node.stop();
    expect(await opened.ended).toMatchObject({ 'grpc-status': '14', 'grpc-message': 'the node is stopping' });
  });

  it('does not wait for a client that never reads', async () => {
    const narrow = await openSession(node.port, { initialWindowSize: 0 });
    const opened = openCall(narrow, streamsPath('Read'));
    opened.stream.end(subscribeRequest);
    await statsUntil(({ unsentBytes }) => unsentBytes > 0);
    await node.stop();
    await opened.ended;
  });
});

describe('over plain HTTP the node', () => {
  it('says that it lives, over HTTP/1.1 and HTTP/2', async () => {
    expect(await http('/health/live')).toMatchObject({ status: 204, body: '' });
    const stream = session.request({ ':path': '/health/live' });
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(headers[':status']).toBe(204);
  });

  it('tells what it has done', async () => {
    const opened = openCall(session, streamsPath('BatchAppend'));
    opened.stream.write(Buffer.concat([batchRequest('s'), batchRequest('s'), batchRequest('$$$$s')]));
    await answers(opened, 3);
    const subscription = openCall(session, streamsPath('Read'));
    subscription.stream.end(subscribeRequest);
    await answers(subscription, 1);
    expect(await stats()).toMatchObject({
      version: '0.1.0',
      connections: { http1: 1, http2: 1 },
      openCalls: { batchAppend: 1, read: 1, append: 0 },
      subscriptions: 1,
      appends: { accepted: 2, answered: 2, refused: 1 },
      log: {
        failure: null,
        eventsWritten: 3,
        commits: 2,
        lastPosition: expect.any(Number) as number,
        pendingEvents: 0,
        pendingBytes: 0,
      },
    });
  });

  it('has nothing else, and answers only to a loopback name', async () => {
    expect(await http('/')).toMatchObject({ status: 404, type: 'application/problem+json' });
    expect(await http('/stats', { host: 'attacker.example' })).toMatchObject({ status: 403 });
    expect(await http('/stats', { host: `localhost:${node.port}` })).toMatchObject({ status: 200 });
  });
});
