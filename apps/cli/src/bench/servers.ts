import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EventStoreDBClient, START, type AllStreamRecordedEvent, type AppendResult } from '@eventstore/db-client';
import { eventOf, eventsFrom } from './workload.js';
import { within, type Lifetime } from './lifetime.js';
import { startChild, type Child, type ChildOptions } from '../child.js';

export type Ceiling = 'grpc-js' | 'http2';
export const ceilings: readonly Ceiling[] = ['grpc-js', 'http2'];
export type ServerName = 'server' | Ceiling;

/** To be ready, for a child. A large store may take a while to be opened. */
const startTimeoutMs = 120_000;

type Position = NonNullable<AllStreamRecordedEvent['position']>;

/** What the client is connected to, in this process by one connection. */
export interface Server {
  readonly name: ServerName;
  readonly client: EventStoreDBClient;
  /** Where in the log the events of this run begin, the event there included. */
  from: Position | typeof START;
  /** Holds the events that are read. */
  readonly readStream: string;
}

/** The compiled entry of the node in this repository. */
export const nodeFile = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('@recourse/embedded-eventstore')), 'main.js');

const run = `${process.pid.toString(36)}${Date.now().toString(36)}`;
let names = 0;
/** A name that no stream on any server has yet. */
export const freshName = (what: string): string => `bench-${what}-${run}-${(names += 1)}`;

export function connect(name: ServerName, connectionString: string): Server {
  let client: EventStoreDBClient;
  try {
    client = EventStoreDBClient.connectionString(connectionString);
  } catch {
    // The client's own message quotes the text, and with it the password.
    throw new Error('the connection string is not understood; it looks like esdb://HOST:2113?tls=false');
  }
  return { name, client, from: START, readStream: freshName('read') };
}

interface ChildFiles {
  readonly lifetime: Lifetime;
  readonly logDirectory: string;
}

/** The log goes with the run's directory, so its last lines are told with the loss, and not where it was. */
function start(
  { lifetime, logDirectory }: ChildFiles,
  options: Pick<ChildOptions, 'name' | 'file' | 'arguments'>,
): Promise<Child> {
  const logFile = join(logDirectory, `${options.name.replaceAll(/\W+/g, '-')}.log`);
  const onLost = (reason: string) =>
    lifetime.fail([reason.replace(`; its log is ${logFile}`, ''), ...lastLines(logFile)].join('\n  '));
  return lifetime.opened(startChild({ ...options, logFile, onLost, startTimeoutMs }), (child) => child.stop());
}

function lastLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8);
  } catch {
    return [];
  }
}

/** A node as a process of its own; ended by its `stop` or by the lifetime's end, whichever comes first. */
export const startNode = (
  files: ChildFiles,
  { name, file, directory }: { readonly name: string; readonly file: string; readonly directory: string },
): Promise<Child> => start(files, { name: `node ${name}`, file, arguments: ['--dir', directory, '--port', '0'] });

const ceilingFiles = { 'grpc-js': './ceiling-grpc.js', http2: './ceiling-http2.js' } as const satisfies Record<Ceiling, string>;

/** A server that stores nothing and has so many events ready. */
export async function startCeiling(files: ChildFiles, name: Ceiling, events: number): Promise<Server> {
  const file = fileURLToPath(new URL(ceilingFiles[name], import.meta.url));
  const child = await start(files, { name: `ceiling ${name}`, file, arguments: ['--events', String(events)] });
  return openServer(files.lifetime, name, child);
}

export const openServer = (lifetime: Lifetime, name: ServerName, child: Child): Promise<Server> =>
  openConnection(lifetime, name, String(child.facts['connectionString']));

const disposeTimeoutMs = 2_000;

export const openConnection = (lifetime: Lifetime, name: ServerName, connectionString: string): Promise<Server> =>
  lifetime.opened(Promise.resolve(connect(name, connectionString)), close);

export async function close({ client }: Server): Promise<void> {
  await within(client.dispose(), { timeoutMs: disposeTimeoutMs, what: 'closing a connection' }).catch(() => undefined);
}

const seedTimeoutMs = 60_000;
const seedAppendEvents = 500;

/** Appends the events that are read later: one to a stream of its own, which marks the place, and `count` in one stream. */
export async function seed(server: Server, count: number, signal: AbortSignal): Promise<void> {
  const append = (stream: string, ...events: ReturnType<typeof eventsFrom>): Promise<AppendResult> =>
    within(server.client.appendToStream(stream, events), { timeoutMs: seedTimeoutMs, what: 'filling the store', signal });
  const { position } = await append(freshName('mark'), eventOf(0));
  if (position === undefined) throw new Error('the server answered an append without a position');
  server.from = position;
  for (let no = 0; no < count; no += seedAppendEvents)
    await append(server.readStream, ...eventsFrom(no, Math.min(seedAppendEvents, count - no)));
}
