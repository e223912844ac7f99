/**
 * A process that speaks the protocol through `@grpc/grpc-js` and the client's generated code, and stores nothing: what a server
 * of that make can do at best.
 */
import { once } from 'node:events';
import {
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import type {
  BatchAppendReq,
  BatchAppendResp,
  AppendReq,
  AppendResp,
  ReadReq,
} from '@eventstore/db-client/generated/streams_pb.js';
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

await runCeiling((stock) => {
  const messages = eventMessages(stock);
  const server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
  server.addService(
    { read: { ...read, responseSerialize: (bytes: Buffer) => bytes }, append, batchAppend },
    {
      read: (call: ServerWritableStream<ReadReq, Buffer>) => void answerRead(call, messages),
      append: (call: ServerReadableStream<AppendReq, AppendResp>, answer: sendUnaryData<AppendResp>) => {
        call.on('data', () => undefined);
        call.once('end', () => answer(null, appended()));
      },
      batchAppend: (call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>) => {
        call.on('data', (request: BatchAppendReq) => {
          if (request.getIsFinal()) call.write(batchAppended().setCorrelationId(request.getCorrelationId()));
        });
        call.once('end', () => call.end());
        call.on('error', () => undefined);
      },
    },
  );
  server.addService(
    { getSupportedMethods },
    {
      getSupportedMethods: (_call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>) =>
        answer(null, supportedMethods()),
    },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port)));
  });
});

async function answerRead(call: ServerWritableStream<ReadReq, Buffer>, messages: readonly Buffer[]): Promise<void> {
  const { isSubscription, events } = wantedBy(call.request, messages.length);
  const gone = new AbortController();
  call.once('cancelled', () => gone.abort());
  call.on('error', () => gone.abort());
  if (isSubscription) call.write(confirmation());
  for (const message of messages.slice(0, events)) {
    if (gone.signal.aborted) return;
    if (!call.write(message)) await once(call, 'drain', { signal: gone.signal }).catch(() => undefined);
  }
  if (isSubscription) call.write(caughtUp());
  else call.end();
}
