import { isIP } from 'node:net';
import { append, batchAppend, softDelete, tombstone } from './calls/append-calls.js';
import { NodeCounters } from './calls/node-counters.js';
import { PatternThread } from './calls/pattern-thread.js';
import { featuresPath, gossipPath, streamsPaths } from './calls/protocol.js';
import { ReadCalls } from './calls/read-calls.js';
import { clusterOfOne, supportedMethods } from './calls/server-facts.js';
import { stopGraceMs } from './limits.js';
import { maintenanceRoutes } from './maintenance/maintenance-routes.js';
import { Maintenance } from './maintenance/maintenance.js';
import { statusRoutes } from './maintenance/node-status.js';
import { Storage } from './storage/storage.js';
import { OutboundTotal, oneAnswer } from './transport/grpc-call.js';
import { GrpcServer, type GrpcMethod } from './transport/grpc-server.js';
import { HttpEndpoints, type HttpRoute } from './transport/http-endpoints.js';
import { InboundBudget } from './transport/inbound-budget.js';
import { isLoopback } from './transport/loopback.js';
import { NodePort } from './transport/node-port.js';
import { CommitSignal } from './writing/commit-signal.js';
import { EventLog } from './writing/event-log.js';

export interface EventStoreNodeOptions {
  /** Holds the node's files; created if missing. One running node per directory. */
  directory: string;
  /** Address to listen on, 127.0.0.1 by default. */
  host?: string;
  /** 0, the default, takes a free port. */
  port?: number;
  /** The node knows neither TLS nor users: any address but a loopback one must be asked for. */
  allowRemote?: boolean;
  /** Where backups asked for over HTTP go, each into a folder of its own; without it there are none. */
  backupDirectory?: string;
  /** Makes the index anew from the log; the way out when it is damaged. */
  rebuildIndex?: boolean;
  /** Gets one line per unexpected error. */
  log?: (line: string) => void;
}

export interface EventStoreNode {
  readonly port: number;
  /** For the public client: `esdb://127.0.0.1:PORT?tls=false`. */
  readonly connectionString: string;
  /** Compaction and backups, beside live traffic. */
  readonly maintenance: Maintenance;
  /** Resolves, with the reason, when nothing can be written any more; reads go on until `stop`. */
  readonly failed: Promise<string>;
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
  const { rebuildIndex = false } = options;
  if (!allowRemote && !isLoopback(host))
    throw new Error(
      `${host} is not a loopback address; listening there without TLS and users must be allowed (allowRemote, --allow-remote)`,
    );
  const storage = await Storage.open(directory, { rebuildIndex, log });
  let port: NodePort | undefined;
  try {
    const stopping = new AbortController();
    const counters = new NodeCounters();
    const common = { signal: new CommitSignal(), stopping: stopping.signal, counters, log };
    const events = await EventLog.open(storage, common.signal, log);
    const patterns = new PatternThread();
    const reads = new ReadCalls({ storage, patterns, ...common });
    const inbound = new InboundBudget();
    const outbound = new OutboundTotal();
    const appends = { events, inbound, ...common };
    const members = clusterOfOne(host);
    // Methods that are not here answer UNIMPLEMENTED, among them those of persistent subscriptions.
    const methods = new Map<string, GrpcMethod>([
      [streamsPaths.read, { kind: 'read', open: reads.read }],
      [streamsPaths.append, { kind: 'append', open: append(appends) }],
      [streamsPaths.batchAppend, { kind: 'batchAppend', open: batchAppend(appends) }],
      [streamsPaths.softDelete, { kind: 'delete', open: softDelete(appends) }],
      [streamsPaths.tombstone, { kind: 'tombstone', open: tombstone(appends) }],
      [gossipPath, { kind: 'gossip', open: oneAnswer(() => members(listening)) }],
      [featuresPath, { kind: 'serverFeatures', open: oneAnswer(() => supportedMethods(version)) }],
    ]);
    const routes: HttpRoute[] = [];
    const endpoints = new HttpEndpoints({ routes, allowRemote, log });
    const server = new GrpcServer({ methods, inbound, outbound, log, otherwise: endpoints.http2 });
    const opened = (port = new NodePort(server, endpoints));
    const status = { version, stopping: stopping.signal, counters, log: events.figures, inbound, outbound, server, port };
    const maintenance = new Maintenance(storage, log);
    routes.push(...statusRoutes(status), ...maintenanceRoutes(maintenance, options.backupDirectory));
    const listening: number = await port.listen(host, wantedPort);
    let stopped: Promise<void> | undefined;
    const stop = async () => {
      stopping.abort();
      server.stopCalls();
      await patterns.close();
      await maintenance.close();
      await events.close();
      await opened.close(stopGraceMs);
      await reads.finished();
      await storage.close();
    };
    const address = isIP(host) === 6 ? `[${host}]` : host;
    const connectionString = `esdb://${address}:${listening}?tls=false`;
    return {
      port: listening,
      connectionString,
      maintenance,
      failed: events.failed,
      stop: () => (stopped ??= stop()),
    };
  } catch (error) {
    port?.destroy();
    await storage.close();
    throw error;
  }
}
