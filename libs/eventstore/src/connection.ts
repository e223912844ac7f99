import { EventStoreDBClient } from '@eventstore/db-client';
import type { CallOptions, Channel, Client, Metadata } from '@grpc/grpc-js';

/**
 * What the client offers its own modules to build calls with, typed `protected` there. Its batch append cannot be used: it
 * keeps the answers it waits for in one table per process, so a broken connection of one client makes a late answer to
 * another throw where nobody can catch it.
 */
export interface CallBuilder {
  GRPCStreamCreator<C extends Client, Call>(
    client: new (...args: never) => C,
    debugName: string,
    creator: (client: C) => Call,
    cache?: WeakMap<C, Call | Promise<Call>>,
  ): () => Promise<Call>;
  callArguments(base: Record<string, never>, options: CallOptions): [Metadata, CallOptions];
  getChannel(): Promise<Channel>;
}

export interface Connection {
  readonly client: EventStoreDBClient;
  readonly calls: CallBuilder;
  close(): Promise<void>;
}

/** Lazy: a wrong address fails at the first call. @throws Error when the text is not a connection string, without repeating it */
export function openConnection(connectionString: string): Connection {
  const client = parsed(connectionString);
  const calls = client as unknown as CallBuilder;
  return {
    client,
    calls,
    close: async () => {
      await client.dispose();
      await calls.getChannel().then(
        (channel) => channel.close(),
        () => undefined, // no member of the cluster answers: there is nothing to close
      );
    },
  };
}

function parsed(connectionString: string): EventStoreDBClient {
  const text = connectionString.trim().replace(/\/+$/, '');
  try {
    return EventStoreDBClient.connectionString(`${text}${text.includes('?') ? '&' : '?'}throwOnAppendFailure=false`);
  } catch {
    // The client's own message quotes the text, and with it the password.
    throw new Error('the connection string of the event store is not understood; it looks like esdb://host:2113?tls=true');
  }
}
