import { EventStoreDBClient } from '@eventstore/db-client';
import { target, type Target } from './target.js';
import { connect, type Wire } from './wire.js';

/** The server that the tests of a file ask, over as many connections as they want. */
export interface AskedServer {
  readonly endpoint: string;
  readonly wire: Wire;
  /** The public client. */
  readonly client: EventStoreDBClient;
  /** A further connection, closed after the last test. */
  connect(): Wire;
}

/** To be called where tests are declared: it is there before the first of them and gone after the last. */
export function askedServer(): AskedServer {
  let asked: Target;
  let first: Wire;
  let client: EventStoreDBClient | undefined;
  const wires: Wire[] = [];
  const another = () => {
    const wire = connect(asked.endpoint);
    wires.push(wire);
    return wire;
  };
  beforeAll(async () => {
    asked = await target();
    first = another();
  });
  afterAll(async () => {
    await client?.dispose();
    for (const wire of wires) wire.close();
    await asked.release();
  });
  return {
    get endpoint() {
      return asked.endpoint;
    },
    get wire() {
      return first;
    },
    get client() {
      return (client ??= EventStoreDBClient.connectionString(asked.connectionString));
    },
    connect: another,
  };
}
