import { NodeCounters } from '../calls/node-counters.js';
import { OutboundTotal } from '../transport/grpc-call.js';
import { GrpcServer } from '../transport/grpc-server.js';
import { HttpEndpoints } from '../transport/http-endpoints.js';
import { InboundBudget } from '../transport/inbound-budget.js';
import { NodePort } from '../transport/node-port.js';
import { statusRoutes, type StatusSources } from './node-status.js';

const figures: StatusSources['log'] = {
  failure: undefined,
  lastPosition: 0,
  pendingEvents: 0,
  pendingBytes: 0,
  eventsWritten: 0,
  bytesWritten: 0,
  unindexedEvents: 0,
  commits: 0,
  lastCommitMs: 0,
  meanCommitMs: 0,
  maxCommitMs: 0,
};

async function health(log: StatusSources['log'], stopping = new AbortController().signal) {
  const common = { inbound: new InboundBudget(), outbound: new OutboundTotal(), log: () => undefined };
  const endpoints = new HttpEndpoints({ routes: [], allowRemote: false, log: common.log });
  const server = new GrpcServer({ ...common, methods: new Map(), otherwise: endpoints.http2 });
  const port = new NodePort(server, endpoints);
  const sources = { ...common, log, version: '1', stopping, counters: new NodeCounters(), server, port };
  const route = statusRoutes(sources).find(({ path }) => path === '/health/live');
  return route?.answer({ query: new URLSearchParams(), json: undefined });
}

describe('the health of a node', () => {
  it('is good while it can write', async () => {
    expect(await health(figures)).toEqual({ status: 204 });
  });

  it('is bad when a commit has failed, or it stops, and it says why', async () => {
    const failure = 'a commit failed; the node must be restarted';
    expect(await health({ ...figures, failure })).toEqual({ status: 503, json: { reason: failure } });
    expect(await health(figures, AbortSignal.abort())).toEqual({ status: 503, json: { reason: 'the node is stopping' } });
  });
});
