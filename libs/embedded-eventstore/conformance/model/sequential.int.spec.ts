import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { askedServer } from '../asked-server.js';
import { eventsOf, type Position, type ReadSketch, type SeenRead, type Wire } from '../wire.js';
import {
  appendCalls,
  deleteOutcome,
  mustStore,
  newEvents,
  newStream,
  write,
  type AppendCall,
  type WriteOutcome,
} from '../writing.js';
import { runs } from './runs.js';
import { StreamModel, type ModelAnswer, type ModelEvent, type ModelRead, type Proposed } from './stream-model.js';

/** A revision as seen from the stream's end, or one of the words; the number it becomes depends on the model. */
type Expected = 'any' | 'no_stream' | 'stream_exists' | number;
type Change = 'same' | 'beginning' | 'longer' | 'reversed' | 'tail' | 'other data';

type Operation = { client: number } & (
  | { kind: 'append'; stream: number; size: number; twice: boolean; expected: Expected; call: AppendCall }
  | { kind: 'retry'; which: number; change: Change; expected: 'as before' | Expected; call: AppendCall }
  | { kind: 'describe'; stream: number; data: string; expected: Expected; call: AppendCall }
  | { kind: 'soft delete' | 'tombstone'; stream: number; expected: Expected }
  | { kind: 'read'; stream: number; metadata: boolean; from: 'start' | 'end' | number; backwards: boolean; count: number }
  | { kind: 'read all'; which: number; filter: 'streams' | 'one stream' | 'type'; backwards: boolean; count: number }
);

const clients = 3;
const streams = 3;
const types = 2;

const stream = fc.nat({ max: streams - 1 });
const call = fc.constantFrom(...appendCalls);
const exact = fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: -3, max: 2 }));
const word = fc.constantFrom('any' as const, 'no_stream' as const, 'stream_exists' as const);
const expected: fc.Arbitrary<Expected> = fc.oneof({ weight: 3, arbitrary: exact }, { weight: 2, arbitrary: word });
const metadata = fc.oneof(
  fc
    .record({ $maxCount: fc.integer({ min: 1, max: 5 }), owner: fc.constant('x') }, { requiredKeys: [] })
    .map((value) => JSON.stringify(value)),
  fc
    .record({ $tb: fc.nat({ max: 12 }), $maxCount: fc.integer({ min: 1, max: 5 }) }, { requiredKeys: ['$tb'] })
    .map((value) => JSON.stringify(value)),
  fc.constantFrom('{oops', '{"$maxCount":"many"}', '[]'),
);
const place = fc.oneof(fc.constantFrom('start' as const, 'end' as const), fc.integer({ min: -6, max: 3 }));
const client = fc.nat({ max: clients - 1 });
const count = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(1_000));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      client,
      kind: fc.constant('append' as const),
      stream,
      size: fc.integer({ min: 1, max: 4 }),
      twice: fc.nat({ max: 9 }).map((n) => n === 0),
      expected,
      call,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      client,
      kind: fc.constant('retry' as const),
      which: fc.nat({ max: 20 }),
      change: fc.constantFrom<Change>('same', 'same', 'same', 'beginning', 'longer', 'reversed', 'tail', 'other data'),
      expected: fc.oneof({ weight: 4, arbitrary: fc.constant('as before' as const) }, { weight: 3, arbitrary: expected }),
      call,
    }),
  },
  { weight: 2, arbitrary: fc.record({ client, kind: fc.constant('describe' as const), stream, data: metadata, expected, call }) },
  { weight: 2, arbitrary: fc.record({ client, kind: fc.constant('soft delete' as const), stream, expected }) },
  {
    weight: 1,
    arbitrary: fc.record({ client, kind: fc.constant('tombstone' as const), stream, expected: fc.oneof(exact, word) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      client,
      kind: fc.constant('read' as const),
      stream,
      metadata: fc.nat({ max: 5 }).map((n) => n === 0),
      from: place,
      backwards: fc.boolean(),
      count,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      client,
      kind: fc.constant('read all' as const),
      which: fc.nat({ max: 20 }),
      filter: fc.constantFrom('streams' as const, 'one stream' as const, 'type' as const),
      backwards: fc.boolean(),
      count,
    }),
  },
);

const server = askedServer();

/** One run: the same operations on the server, over several connections, and on the model. */
class Run {
  private readonly tag = randomUUID();
  private readonly model = new StreamModel();
  /** Positions the server answered, by index in the model's log. */
  private readonly positions = new Map<number, string>();
  private readonly appends: { stream: string; events: Proposed[]; expected: string }[] = [];
  private made = 0;

  /** `begun`: a position before everything the run writes. */
  constructor(
    private readonly wires: readonly Wire[],
    private readonly begun: Position,
  ) {}

  async perform(operation: Operation): Promise<void> {
    const wire = this.wires[operation.client] ?? server.wire;
    switch (operation.kind) {
      case 'append': {
        const target = this.stream(operation.stream);
        const events = Array.from({ length: operation.size }, () => this.event());
        if (operation.twice) events.push(...events.slice(0, 1));
        const wanted = this.expected(target, operation.expected);
        this.appends.push({ stream: target, events, expected: wanted });
        return this.append(wire, operation.call, target, events, wanted);
      }
      case 'retry': {
        const earlier = this.appends[operation.which % Math.max(1, this.appends.length)];
        if (!earlier) return;
        const wanted = operation.expected === 'as before' ? earlier.expected : this.expected(earlier.stream, operation.expected);
        return this.append(wire, operation.call, earlier.stream, this.changed(earlier.events, operation.change), wanted);
      }
      case 'describe': {
        const target = `$$${this.stream(operation.stream)}`;
        const event = { id: randomUUID(), type: '$metadata', data: operation.data };
        return this.append(wire, operation.call, target, [event], this.expected(target, operation.expected));
      }
      case 'soft delete': {
        const target = this.stream(operation.stream);
        const wanted = this.expected(target, operation.expected);
        return this.compare(deleteOutcome(await wire.softDelete(target, wanted)), this.model.softDelete(target, wanted));
      }
      case 'tombstone': {
        const target = this.stream(operation.stream);
        const wanted = this.expected(target, operation.expected);
        return this.compare(deleteOutcome(await wire.tombstone(target, wanted)), this.model.tombstone(target, wanted));
      }
      case 'read':
        return this.read(wire, operation);
      case 'read all':
        return this.readAll(wire, operation);
    }
  }

  /** The whole log once more, which shows that every answered position was the event's. */
  async verifyLog(): Promise<void> {
    const filter = { prefix: this.prefixes() };
    const { messages } = await server.wire.read({ from: this.begun, filter, full: true, count: 1_000_000 });
    const seen = eventsOf(messages);
    this.compareEvents(seen, this.model.log);
    for (const [index, position] of this.positions) expect(seen[index]?.position).toEqual({ commit: position });
    const positions = seen.map(({ position }) => BigInt(typeof position === 'object' ? position.commit : -1));
    expect(positions).toEqual([...new Set(positions)].sort((a, b) => (a < b ? -1 : 1)));
  }

  private async append(wire: Wire, over: AppendCall, target: string, events: readonly Proposed[], wanted: string): Promise<void> {
    this.compare(await write(wire, over, target, events, wanted), this.model.append(target, events, wanted));
  }

  private compare(answered: WriteOutcome | { outcome: 'done'; position: string }, modelled: ModelAnswer): void {
    const { at, ...rest } = { at: undefined, ...modelled };
    if (!('position' in answered)) return expect(answered).toEqual(rest);
    const { position, ...others } = answered;
    expect(others).toEqual(rest);
    expect(position === undefined).toBe(at === undefined);
    if (at === undefined || position === undefined) return;
    expect(position).toBe(this.positions.get(at) ?? position);
    this.positions.set(at, position);
  }

  private async read(
    wire: Wire,
    { stream: index, metadata: isMetadata, from, backwards, count: most }: Extract<Operation, { kind: 'read' }>,
  ) {
    const target = `${isMetadata ? '$$' : ''}${this.stream(index)}`;
    const direction = backwards ? 'backwards' : 'forwards';
    const start = typeof from === 'number' ? Math.max(0, this.model.last(target) + from) : from;
    const sketch: ModelRead = { from: start === 'end' && !backwards ? 'start' : start, direction, count: most };
    const { messages, error } = await wire.read({ stream: target, ...sketch, full: true });
    const modelled = this.model.read(target, sketch);
    if (modelled === 'deleted') return expect(error?.trailers).toMatchObject({ exception: 'stream-deleted' });
    expect(error).toBeUndefined();
    if (modelled === 'missing') return expect(messages).toEqual([{ streamNotFound: target }]);
    expect(messages).toEqual(eventsOf(messages));
    this.compareEvents(eventsOf(messages), modelled);
  }

  /** From a position the server answered before. */
  private async readAll(wire: Wire, { which, filter, backwards, count: most }: Extract<Operation, { kind: 'read all' }>) {
    const known = [...this.positions];
    const [index, commit] = known[which % Math.max(1, known.length)] ?? [];
    if (index === undefined || commit === undefined) return;
    const one = this.stream(which % streams);
    const filters: Record<typeof filter, NonNullable<ReadSketch['filter']>> = {
      streams: { prefix: this.prefixes() },
      'one stream': { prefix: [one] },
      type: { on: 'type', regex: `^T0-${this.tag}$` },
    };
    const fits: Record<typeof filter, (event: ModelEvent) => boolean> = {
      streams: () => true,
      'one stream': (event) => event.stream === one,
      type: (event) => event.type === `T0-${this.tag}`,
    };
    const from = { commit, prepare: commit };
    const direction = backwards ? 'backwards' : 'forwards';
    const { messages } = await wire.read({ from, direction, filter: filters[filter], count: most, full: true });
    const side = backwards ? this.model.log.slice(0, index).reverse() : this.model.log.slice(index);
    this.compareEvents(eventsOf(messages), side.filter(fits[filter]).slice(0, most));
  }

  private compareEvents(seen: readonly SeenRead[], modelled: readonly ModelEvent[]): void {
    const brief = seen.map(({ event }, index) =>
      event === 'absent'
        ? event
        : { at: event.at, type: event.metadata?.['type'], data: event.data, id: modelled[index]?.id && event.id },
    );
    const wanted = modelled.map(({ stream: of, revision, type, data, id }) => ({ at: `${of}@${revision}`, type, data, id }));
    expect(brief).toEqual(wanted);
  }

  private changed(events: Proposed[], change: Change): Proposed[] {
    switch (change) {
      case 'same':
        return events;
      case 'beginning':
        return events.slice(0, Math.max(1, events.length - 1));
      case 'longer':
        return [...events, this.event()];
      case 'reversed':
        return [...events].reverse();
      case 'tail':
        return events.length > 1 ? events.slice(1) : events;
      case 'other data':
        return events.map((event) => ({ ...event, data: '{"other":true}' }));
    }
  }

  private event(): Proposed {
    const n = this.made++;
    return { id: randomUUID(), type: `T${n % types}-${this.tag}`, data: `{"n":${n}}` };
  }

  private expected(target: string, wanted: Expected): string {
    if (typeof wanted === 'string') return wanted;
    const revision = this.model.last(target) + wanted;
    return revision < 0 ? 'no_stream' : String(revision);
  }

  private readonly stream = (index: number) => `${this.tag}-${index}`;
  private readonly prefixes = () => [this.tag, `$$${this.tag}`];
}

describe('one operation after another, over three connections', () => {
  const { parameters, timeoutMs, name } = runs(80);

  it(
    `is answered as the model answers it, and leaves the log the model has (${name})`,
    async () => {
      const wires = Array.from({ length: clients }, () => server.connect());
      const property = fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 60, size: 'max' }), async (operations) => {
        const { at } = await mustStore(server.wire, newStream('begun'), newEvents(1));
        const run = new Run(wires, at);
        for (const each of operations) await run.perform(each);
        await run.verifyLog();
      });
      await fc.assert(property, parameters);
    },
    timeoutMs,
  );
});
