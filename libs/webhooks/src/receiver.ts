import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly id: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly raw: string;
  readonly body: { readonly type: string; readonly data: { readonly position: string } };
}

/** How a receiver behaves to one request. */
export type Behaviour = (response: ServerResponse, request: IncomingMessage) => void;
export const answer =
  (status: number, headers: Readonly<Record<string, string>> = {}): Behaviour =>
  (response) =>
    void response.writeHead(status, headers).end('what nobody reads');
export const hang: Behaviour = () => undefined;
export const hangUp: Behaviour = (_, request) => void request.socket.destroy();

/** A merchant's server on this machine, for specs: it behaves as told, request by request, and accepts what comes after. */
export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** What the next requests meet. */
  next(...behaviours: Behaviour[]): void;
  /** From now on, unless `next` says otherwise. */
  always(behaviour: Behaviour): void;
  /** Settles once so many requests have come. */
  until(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const behaviours: Behaviour[] = [];
  let usual = answer(204);
  let waiting: { count: number; resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      let raw = '';
      for await (const chunk of request.setEncoding('utf8')) raw += String(chunk);
      const { headers } = request;
      const body = JSON.parse(raw) as Received['body'];
      received.push({ id: String(headers['webhook-id']), path: request.url ?? '', headers, raw, body });
      (behaviours.shift() ?? usual)(response, request);
      waiting = waiting.filter(({ count, resolve }) => {
        if (received.length >= count) resolve();
        return received.length < count;
      });
    })().catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    next: (...more) => void behaviours.push(...more),
    always: (behaviour) => {
      usual = behaviour;
    },
    until: (count) => (received.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve }))),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
