import { WireReader } from '../wire.js';
import { readableStream, streamIdentifier } from './append-request.js';
import { eventFilter, type EventFilter, type FilterExpression } from './event-filter.js';
import { invalid } from './refusal.js';

export type StartAt = 'start' | 'end' | number;

interface Presentation {
  resolveLinks: boolean;
  structuredIds: boolean;
  /** Clients from 21.10 ask for the first and last revision of a stream they read. */
  streamPositions: boolean;
}

/** Checked; numbers beyond 2^53 are rounded, which no event's place can be. */
export type ReadRequest = Presentation &
  (
    | { kind: 'read-stream'; stream: string; from: StartAt; backwards: boolean; count: number }
    | { kind: 'read-all'; from: StartAt; backwards: boolean; count: number; filter: EventFilter | undefined }
    | { kind: 'subscribe-to-stream'; stream: string; after: StartAt }
    | { kind: 'subscribe-to-all'; after: StartAt; filter: SubscriptionFilter | undefined }
  );

export interface SubscriptionFilter {
  filter: EventFilter;
  /** A checkpoint is sent each time so many events were looked at. */
  checkpointEvents: number;
}

interface RawOptions extends Presentation {
  stream: { name: Buffer | undefined; from: StartAt | undefined } | undefined;
  all: { from: StartAt | undefined; prepare: bigint; commit: bigint } | undefined;
  backwards: boolean;
  count: bigint | undefined;
  subscription: boolean;
  filter: (FilterExpression & { window: number; interval: number }) | undefined;
  uuids: boolean;
}

export function readRequest(bytes: Buffer): ReadRequest {
  const reader = new WireReader(bytes);
  let options: RawOptions | undefined;
  while (reader.next()) {
    if (reader.field === 1) options = rawOptions(reader.message());
    else reader.skip();
  }
  if (!options) throw invalid('a read has no options');
  return checked(options);
}

function checked(options: RawOptions): ReadRequest {
  const { stream, all, backwards, count, subscription, filter } = options;
  if (!options.uuids) throw invalid('a read says how it wants its ids: the UUID option is missing');
  if (!subscription && count === undefined) throw invalid('a read has neither a count nor a subscription');
  if (!subscription && count === 0n) throw invalid('a read has a count of 0');
  if (subscription && backwards) throw invalid('a subscription cannot run backwards');
  const { resolveLinks, structuredIds, streamPositions } = options;
  const presentation = { resolveLinks, structuredIds, streamPositions };
  if (stream) {
    if (filter) throw invalid('a stream cannot be read with a filter');
    const name = readableStream(stream.name);
    const from = requireStart(stream.from);
    if (subscription) return { ...presentation, kind: 'subscribe-to-stream', stream: name, after: from };
    if (from === 'end' && !backwards) throw invalid('a stream cannot be read forwards from its end');
    return { ...presentation, kind: 'read-stream', stream: name, from, backwards, count: Number(count) };
  }
  if (!all) throw invalid('a read names neither a stream nor $all');
  if (all.prepare !== all.commit) throw invalid('the prepare and the commit position are not those of an event');
  const from = requireStart(all.from);
  const selection = filter && eventFilter(filter);
  if (!subscription) return { ...presentation, kind: 'read-all', from, backwards, count: Number(count), filter: selection };
  if (filter?.interval === 0) throw invalid('a checkpoint interval of 0');
  const checkpointEvents = Math.max(1, filter?.window ?? 1) * (filter?.interval ?? 1);
  return { ...presentation, kind: 'subscribe-to-all', after: from, filter: selection && { filter: selection, checkpointEvents } };
}

function requireStart(from: StartAt | undefined): StartAt {
  if (from === undefined) throw invalid('a read does not say where to start');
  return from;
}

function rawOptions(reader: WireReader): RawOptions {
  const options: RawOptions = {
    stream: undefined,
    all: undefined,
    backwards: false,
    resolveLinks: false,
    count: undefined,
    subscription: false,
    filter: undefined,
    uuids: false,
    structuredIds: false,
    streamPositions: false,
  };
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        options.stream = streamOptions(reader.message());
        break;
      case 2:
        options.all = allOptions(reader.message());
        break;
      case 3:
        options.backwards = reader.uint64() === 1n;
        break;
      case 4:
        options.resolveLinks = reader.bool();
        break;
      case 5:
        options.count = reader.uint64();
        break;
      case 6:
        options.subscription = true;
        reader.skip();
        break;
      case 7:
        options.filter = filterOptions(reader.message());
        break;
      case 9:
        options.structuredIds = has(reader.message(), 1);
        options.uuids = true;
        break;
      case 10:
        options.streamPositions = number(reader.message(), 1) >= 1;
        break;
      default:
        reader.skip();
    }
  }
  return options;
}

function streamOptions(reader: WireReader): { name: Buffer | undefined; from: StartAt | undefined } {
  let name: Buffer | undefined;
  let from: StartAt | undefined;
  while (reader.next()) {
    if (reader.field === 1) name = streamIdentifier(reader.message());
    else if (reader.field === 2) from = Number(reader.uint64());
    else {
      if (reader.field === 3) from = 'start';
      else if (reader.field === 4) from = 'end';
      reader.skip();
    }
  }
  return { name, from };
}

function allOptions(reader: WireReader): NonNullable<RawOptions['all']> {
  const options: NonNullable<RawOptions['all']> = { from: undefined, prepare: 0n, commit: 0n };
  while (reader.next()) {
    if (reader.field === 1) {
      const position = reader.message();
      options.commit = options.prepare = 0n;
      while (position.next()) {
        if (position.field === 1) options.commit = position.uint64();
        else if (position.field === 2) options.prepare = position.uint64();
        else position.skip();
      }
      options.from = Number(options.commit);
    } else {
      if (reader.field === 2) options.from = 'start';
      else if (reader.field === 3) options.from = 'end';
      reader.skip();
    }
  }
  return options;
}

/** Without a window EventStoreDB looks at this many events between two checkpoints of interval 1. */
const defaultWindow = 32;

function filterOptions(reader: WireReader): NonNullable<RawOptions['filter']> {
  const options: NonNullable<RawOptions['filter']> = {
    on: 'stream',
    regex: '',
    prefixes: [],
    window: defaultWindow,
    interval: 0,
  };
  while (reader.next()) {
    if (reader.field === 1 || reader.field === 2) {
      const prefixes: string[] = [];
      Object.assign(options, { on: reader.field === 1 ? 'stream' : 'type', regex: '', prefixes });
      const expression = reader.message();
      while (expression.next()) {
        if (expression.field === 1) options.regex = expression.bytesValue().toString('utf8');
        else if (expression.field === 2) prefixes.push(expression.bytesValue().toString('utf8'));
        else expression.skip();
      }
    } else if (reader.field === 3) options.window = Number(reader.uint64());
    else if (reader.field === 5) options.interval = Number(reader.uint64());
    else reader.skip();
  }
  return options;
}

function has(reader: WireReader, field: number): boolean {
  let found = false;
  while (reader.next()) {
    if (reader.field === field) found = true;
    reader.skip();
  }
  return found;
}

function number(reader: WireReader, field: number): number {
  let value = 0;
  while (reader.next()) {
    if (reader.field === field) value = Number(reader.uint64());
    else reader.skip();
  }
  return value;
}
