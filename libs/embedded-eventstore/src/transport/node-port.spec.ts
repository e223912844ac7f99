import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { OutboundTotal } from './grpc-call.js';
import { GrpcServer } from './grpc-server.js';
import { HttpEndpoints } from './http-endpoints.js';
import { InboundBudget } from './inbound-budget.js';
import { NodePort } from './node-port.js';

const firstRequestMs = 50;
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const settings = '\0\0\0\x04\0\0\0\0\0';

let opened: NodePort;
let port: number;
beforeEach(async () => {
  const log = () => undefined;
  const routes = [{ method: 'GET' as const, path: '/', answer: () => ({ status: 200, json: 'here' }) }];
  const endpoints = new HttpEndpoints({ routes, allowRemote: false, log });
  const common = { inbound: new InboundBudget(), outbound: new OutboundTotal(), log };
  opened = new NodePort(new GrpcServer({ ...common, methods: new Map(), otherwise: endpoints.http2 }), endpoints, firstRequestMs);
  port = await opened.listen('127.0.0.1', 0);
});
afterEach(() => opened.close(0));

async function open(first: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  socket.setEncoding('latin1').write(first, 'latin1');
  return socket;
}

describe('a connection', () => {
  it.each([
    ['says nothing', ''],
    ['stops within the HTTP/2 preface', preface.slice(0, 10)],
    ['stops within an HTTP/1.1 request', 'GET / HTTP/1.1\r\nhost: localhost\r\n'],
    ['stops within the body of one', 'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nab'],
  ])('that %s is cut', async (_, first) => {
    const socket = await open(first);
    await once(socket.resume(), 'close');
  });

  it('that speaks HTTP/2 stays', async () => {
    const silent = await open('');
    const socket = await open(preface + settings);
    socket.resume();
    await once(silent.resume(), 'close');
    expect(opened.connections.http2).toBe(1);
    socket.destroy();
  });

  it('gets one answer over HTTP/1.1, though it asks twice', async () => {
    const request = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';
    const socket = await open(request + request);
    const text = (await socket.toArray()).join('');
    expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(1);
    expect(text).toContain('"here"');
  });

  it('that sends neither is told so and cut', async () => {
    const socket = await open('\x16\x03\x01\x02 this is no HTTP \r\n\r\n');
    expect((await socket.toArray()).join('')).toMatch(/^HTTP\/1\.1 400 Bad Request/);
  });
});
