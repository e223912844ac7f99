import { setMaxListeners } from 'node:events';
import { isIP } from 'node:net';
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { append, batchAppend, softDelete, tombstone } from './append-calls.js';
import { CommitSignal } from './commit-signal.js';
import { EventLog } from './event-log.js';
import { InboundBudget } from './inbound-budget.js';
import { maxConcurrentCalls, maxRequestBytes, stopGraceMs } from './limits.js';
import { PatternThread } from './pattern-thread.js';
import { featuresService, gossipService, streamsService } from './protocol.js';
import { ReadCalls } from './read-calls.js';
import { clusterOfOne, supportedMethods } from './server-facts.js';
import { Storage } from './storage.js';

export interface EventStoreNodeOptions {
  /** Holds the node's files; created if missing. One running node per directory. */
  directory: string;
  /** Address to listen on, 127.0.0.1 by default. */
  host?: string;
  /** 0, the default, takes a free port. */
  port?: number;
  /** The node knows neither TLS nor users: any address but a loopback one must be asked for. */
  allowRemote?: boolean;
  /** Gets one line per unexpected error. */
  log?: (line: string) => void;
}

export interface EventStoreNode {
  readonly port: number;
  /** For the public client: `esdb://127.0.0.1:PORT?tls=false`. */
  readonly connectionString: string;
  /** Answers what was accepted, ends open calls as UNAVAILABLE, closes the files. */
  stop(): Promise<void>;
}

const version = '0.1.0';

/**
 * Starts an EventStoreDB-protocol server on files of its own. Rejects if the directory is in use by another process
 * (naming it), was written by a newer version, or the address cannot be taken.
 */
export async function startEventStoreNode(options: EventStoreNodeOptions): Promise<EventStoreNode> {
  const { directory, host = '127.0.0.1', port: wantedPort = 0, allowRemote = false, log = () => undefined } = options;
  if (!allowRemote && !isLoopback(host))
    throw new Error(`${host} is not a loopback address; set allowRemote to listen there without TLS and users`);
  const storage = await Storage.open(directory);
  const stopping = new AbortController();
  // Every open call listens.
  setMaxListeners(0, stopping.signal);
  const common = { signal: new CommitSignal(), stopping: stopping.signal, log };
  const server = new Server({
    'grpc.max_receive_message_length': maxRequestBytes,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': maxConcurrentCalls,
  });
  try {
    const events = await EventLog.open(storage, common.signal, log);
    const patterns = new PatternThread();
    const reads = new ReadCalls({ storage, patterns, ...common });
    const appends = { events, budget: new InboundBudget(), ...common };
    server.addService(streamsService, {
      read: reads.read,
      append: append(appends),
      batchAppend: batchAppend(appends),
      delete: softDelete(appends),
      tombstone: tombstone(appends),
    });
    const members = clusterOfOne(host);
    server.addService(gossipService, { read: answering(() => members(port)) });
    server.addService(featuresService, { getSupportedMethods: answering(() => supportedMethods(version)) });
    // Services that are not added answer UNIMPLEMENTED, among them persistent subscriptions.
    const address = isIP(host) === 6 ? `[${host}]` : host;
    const port = await listen(server, `${address}:${wantedPort}`);
    let stopped: Promise<void> | undefined;
    const stop = async () => {
      stopping.abort();
      await patterns.close();
      await events.close();
      await shutDown(server);
      await reads.finished();
      await storage.close();
    };
    return { port, connectionString: `esdb://${address}:${port}?tls=false`, stop: () => (stopped ??= stop()) };
  } catch (error) {
    server.forceShutdown();
    await storage.close();
    throw error;
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function answering(value: () => Buffer) {
  return (_call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void => answer(null, value());
}

function listen(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port)));
  });
}

async function shutDown(server: Server): Promise<void> {
  const drained = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => drained.resolve(undefined), stopGraceMs);
  server.tryShutdown(() => drained.resolve(undefined));
  await drained.promise;
  clearTimeout(timer);
  server.forceShutdown();
}
