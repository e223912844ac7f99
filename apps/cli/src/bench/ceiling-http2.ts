/**
 * A process that speaks the protocol on `node:http2` alone and stores nothing: many messages go into one DATA write, and of an
 * append only its correlation id is decoded. What a server with a transport of its own can do at best.
 */
import { once } from 'node:events';
import { constants, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import {
  append,
  appended,
  batchAppend,
  batchAppended,
  caughtUp,
  confirmation,
  eventMessages,
  getSupportedMethods,
  read,
  supportedMethods,
  wantedBy,
} from './ceiling-answers.js';
import { runCeiling } from './ceiling-process.js';
import { batchAnswer, framed, Messages, requestOf } from './wire-frames.js';

const packBytes = 64 * 1024;
const windowBytes = 8 * 1024 * 1024;
const { HTTP2_HEADER_STATUS, HTTP2_HEADER_CONTENT_TYPE, HTTP2_HEADER_PATH } = constants;
const headers = { [HTTP2_HEADER_STATUS]: 200, [HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc+proto' };
const ok = { 'grpc-status': '0', 'grpc-message': 'OK' };
const unimplemented = { ...headers, 'grpc-status': '12', 'grpc-message': 'this server only measures' };

await runCeiling(async (stock) => {
  const messages = eventMessages(stock).map(framed);
  const features = framed(supportedMethods().serializeBinary());
  const done = framed(appended().serializeBinary());
  const handlers: Readonly<Record<string, (stream: ServerHttp2Stream) => void>> = {
    [getSupportedMethods.path]: (stream) => answerOnce(stream, features),
    [append.path]: (stream) => answerOnce(stream, done),
    [batchAppend.path]: answerBatches,
    [read.path]: (stream) => answerRead(stream, messages),
  };
  const server = createServer({ settings: { initialWindowSize: windowBytes } });
  server.on('session', (session) => {
    session.setLocalWindowSize(windowBytes);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream: ServerHttp2Stream, asked: IncomingHttpHeaders) => {
    stream.on('error', () => undefined);
    const handler = handlers[String(asked[HTTP2_HEADER_PATH])];
    if (handler === undefined) stream.respond(unimplemented, { endStream: true });
    else handler(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
});

function respond(stream: ServerHttp2Stream): void {
  stream.respond(headers, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers(ok));
}

function answerOnce(stream: ServerHttp2Stream, message: Buffer): void {
  stream.resume();
  stream.once('end', () => {
    respond(stream);
    stream.end(message);
  });
}

/** All that came in one piece is answered in one. */
function answerBatches(stream: ServerHttp2Stream): void {
  const success = Buffer.from(batchAppended().serializeBinary());
  const incoming = new Messages();
  respond(stream);
  stream.on('data', (chunk: Buffer) => {
    const answers = incoming
      .take(chunk)
      .map(requestOf)
      .filter(({ isFinal }) => isFinal);
    if (answers.length > 0) stream.write(Buffer.concat(answers.map(({ correlation }) => batchAnswer(correlation, success))));
  });
  stream.once('end', () => stream.end());
}

function answerRead(stream: ServerHttp2Stream, messages: readonly Buffer[]): void {
  const incoming = new Messages();
  stream.on('data', (chunk: Buffer) => {
    for (const message of incoming.take(chunk)) void sendEvents(stream, message, messages);
  });
}

async function sendEvents(stream: ServerHttp2Stream, request: Buffer, messages: readonly Buffer[]): Promise<void> {
  const { isSubscription, events } = wantedBy(read.requestDeserialize(request), messages.length);
  const gone = new AbortController();
  stream.once('close', () => gone.abort());
  respond(stream);
  const all = messages.slice(0, events);
  const sent = isSubscription ? [framed(confirmation()), ...all, framed(caughtUp())] : all;
  for (const pack of packs(sent)) {
    if (stream.destroyed) return;
    if (!stream.write(pack)) await once(stream, 'drain', { signal: gone.signal }).catch(() => undefined);
  }
  if (!isSubscription) stream.end();
}

function* packs(messages: readonly Buffer[]): Generator<Buffer> {
  let pack: Buffer[] = [];
  let bytes = 0;
  for (const message of messages) {
    pack.push(message);
    bytes += message.length;
    if (bytes < packBytes) continue;
    yield Buffer.concat(pack, bytes);
    pack = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(pack, bytes);
}
