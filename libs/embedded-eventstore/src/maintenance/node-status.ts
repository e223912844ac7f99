import type { NodeCounters } from '../calls/node-counters.js';
import type { OutboundTotal } from '../transport/grpc-call.js';
import type { GrpcServer } from '../transport/grpc-server.js';
import type { HttpAnswer, HttpRoute } from '../transport/http-endpoints.js';
import type { InboundBudget } from '../transport/inbound-budget.js';
import type { NodePort } from '../transport/node-port.js';
import type { LogFigures } from '../writing/log-figures.js';

export interface StatusSources {
  version: string;
  stopping: AbortSignal;
  counters: NodeCounters;
  log: Pick<LogFigures, Exclude<keyof LogFigures, 'begun' | 'committed'>>;
  inbound: InboundBudget;
  outbound: OutboundTotal;
  server: GrpcServer;
  port: NodePort;
}

/** Whether the node lives, and what it has done since it started; bytes and milliseconds. */
export function statusRoutes(sources: StatusSources): HttpRoute[] {
  const startedAt = performance.now();
  return [
    { method: 'GET', path: '/health/live', answer: () => health(sources) },
    { method: 'GET', path: '/stats', answer: () => ({ status: 200, json: stats(sources, performance.now() - startedAt) }) },
  ];
}

function health({ stopping, log }: StatusSources): HttpAnswer {
  const reason = stopping.aborted ? 'the node is stopping' : log.failure;
  return reason === undefined ? { status: 204 } : { status: 503, json: { reason } };
}

function stats(sources: StatusSources, uptimeMs: number) {
  const { version, counters, log, inbound, outbound, server, port } = sources;
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return {
    version,
    uptimeMs: Math.round(uptimeMs),
    connections: port.connections,
    openCalls: server.openCalls,
    subscriptions: counters.subscriptions,
    appends: { accepted: counters.appendsAccepted, answered: counters.appendsAnswered, refused: counters.appendsRefused },
    log: {
      failure: log.failure ?? null,
      lastPosition: log.lastPosition,
      pendingEvents: log.pendingEvents,
      pendingBytes: log.pendingBytes,
      eventsWritten: log.eventsWritten,
      bytesWritten: log.bytesWritten,
      unindexedEvents: log.unindexedEvents,
      commits: log.commits,
      lastCommitMs: log.lastCommitMs,
      meanCommitMs: log.meanCommitMs,
      maxCommitMs: log.maxCommitMs,
    },
    inboundBytes: inbound.held,
    unsentBytes: outbound.bytes,
    memory: { rss, heapUsed, external, arrayBuffers },
  };
}
