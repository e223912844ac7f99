import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { askedServer } from '../asked-server.js';
import { eventsOf, type EventSketch, type Position, type Wire } from '../wire.js';
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

/**
 * Clients race on a few streams. Nobody can say beforehand who wins, but afterwards the log must be explained by one
 * order of what was answered, and that order may not contradict what was answered before something else was begun.
 */
type Step = { stream: number } & (
  | {
      kind: 'append';
      size: number;
      expected: 'known' | 'behind' | 'any' | 'no_stream' | 'stream_exists';
      call: AppendCall;
      copies: number;
    }
  | { kind: 'tombstone' }
);

const streams = 3;
const stream = fc.nat({ max: streams - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      stream,
      size: fc.integer({ min: 1, max: 4 }),
      expected: fc.oneof(
        { weight: 6, arbitrary: fc.constant('known' as const) },
        {
          weight: 4,
          arbitrary: fc.constantFrom('behind' as const, 'any' as const, 'no_stream' as const, 'stream_exists' as const),
        },
      ),
      call: fc.constantFrom(...appendCalls),
      // An append sent several times at once is a retry that did not wait for the answer.
      copies: fc.constantFrom(1, 1, 1, 2, 3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('tombstone' as const), stream }) },
);

const server = askedServer();

/** One append with everything known of it; `begun` and `ended` are ticks of a clock all clients share. */
interface Append {
  stream: string;
  events: EventSketch[];
  expected: string;
  begun: number;
  ended: number;
  outcomes: WriteOutcome[];
}

type Stored = Append & { outcome: Extract<WriteOutcome, { outcome: 'stored' }> };

class Race {
  readonly tag = randomUUID();
  private readonly appends: Append[] = [];
  private readonly tombstones = new Map<string, { begun: number; position: bigint }>();
  private ticks = 0;

  async client(wire: Wire, steps: readonly Step[]): Promise<void> {
    /** The last revision this client has heard of, by stream. */
    const known = new Map<string, number>();
    for (const each of steps) {
      const target = `${this.tag}-${each.stream}`;
      if (each.kind === 'tombstone') await this.tombstone(wire, target);
      else await this.append(wire, target, each, known);
    }
  }

  private async append(wire: Wire, target: string, each: Extract<Step, { kind: 'append' }>, known: Map<string, number>) {
    const last = known.get(target) ?? -1;
    const revision = each.expected === 'known' ? last : each.expected === 'behind' ? last - 1 : undefined;
    const expected = revision === undefined ? each.expected : revision < 0 ? 'no_stream' : String(revision);
    const append: Append = {
      stream: target,
      events: newEvents(each.size),
      expected,
      begun: this.ticks++,
      ended: 0,
      outcomes: [],
    };
    const copies = Array.from({ length: each.copies }, () => write(wire, each.call, target, append.events, expected));
    append.outcomes.push(...(await Promise.all(copies)));
    append.ended = this.ticks++;
    this.appends.push(append);
    for (const outcome of append.outcomes) {
      if (outcome.outcome === 'stored') known.set(target, Math.max(Number(outcome.revision), known.get(target) ?? -1));
      if (outcome.outcome === 'wrong expected version' && outcome.current !== 'no_stream')
        known.set(target, Number(outcome.current));
    }
  }

  private async tombstone(wire: Wire, target: string): Promise<void> {
    const begun = this.ticks++;
    const outcome = deleteOutcome(await wire.tombstone(target));
    if (outcome.outcome === 'done') this.tombstones.set(target, { begun, position: BigInt(outcome.position) });
    else expect(outcome).toEqual({ outcome: 'deleted' });
  }

  /** `from`: a position before everything the race wrote. */
  async verify(from: Position): Promise<void> {
    const { messages } = await server.wire.read({ from, filter: { prefix: [this.tag] }, count: 1_000_000 });
    const log = eventsOf(messages).map(({ event, position }) => {
      if (event === 'absent' || typeof position !== 'object') throw new Error('an event without a place');
      const at = event.at.lastIndexOf('@');
      return { id: event.id, stream: event.at.slice(0, at), revision: event.at.slice(at + 1), position: BigInt(position.commit) };
    });
    const positions = log.map(({ position }) => position);
    expect(positions).toEqual([...new Set(positions)].sort((a, b) => (a < b ? -1 : 1)));
    const stored = this.appends.flatMap((append) => this.storedOnce(append));
    for (let index = 0; index < streams; index++) {
      const name = `${this.tag}-${index}`;
      const events = log.filter((event) => event.stream === name && !this.isTombstone(event.revision));
      this.verifyStream(
        name,
        events,
        stored.filter((append) => append.stream === name),
      );
    }
    this.verifyOrder(stored);
  }

  /** The copies of an append that were stored have one answer. */
  private storedOnce(append: Append): Stored[] {
    const successes = append.outcomes.flatMap((outcome) => (outcome.outcome === 'stored' ? [outcome] : []));
    expect(append.outcomes.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
    const [outcome] = successes;
    if (!outcome) return [];
    for (const other of successes) expect(other).toEqual(outcome);
    return [{ ...append, outcome }];
  }

  private verifyStream(
    name: string,
    events: readonly { id: unknown; revision: string; position: bigint }[],
    stored: readonly Stored[],
  ): void {
    // One event per revision, from 0, in the order of $all.
    expect(events.map(({ revision }) => revision)).toEqual(events.map((_, index) => String(index)));
    const tombstone = this.tombstones.get(name);
    for (const { position } of events) expect(tombstone === undefined || position < tombstone.position).toBe(true);
    const explained = new Set<unknown>();
    /** The revisions at which the stream stood between two appends. */
    const ends = new Map([['no_stream', -1]]);
    for (const { events: written, expected, outcome } of stored) {
      const last = Number(outcome.revision);
      const first = last + 1 - written.length;
      expect(events.slice(first, last + 1).map(({ id }) => id)).toEqual(written.map(({ id }) => id));
      expect(String(events[last]?.position)).toBe(outcome.position);
      if (expected === 'no_stream') expect(first).toBe(0);
      else if (expected === 'stream_exists') expect(first).toBeGreaterThan(0);
      else if (expected !== 'any') expect(first).toBe(Number(expected) + 1);
      for (const { id } of written) explained.add(id);
      ends.set(outcome.revision, last);
    }
    // Every event stored was answered: who was refused left nothing behind.
    expect(events.filter(({ id }) => !explained.has(id))).toEqual([]);
    expect(explained.size).toBe(events.length);
    for (const append of this.appends) if (append.stream === name) this.verifyRefusals(append, ends, stored, tombstone);
  }

  /** A refusal names a revision at which the stream stood while the append was under way, and not the expected one. */
  private verifyRefusals(
    append: Append,
    ends: ReadonlyMap<string, number>,
    stored: readonly Stored[],
    tombstone: { begun: number } | undefined,
  ): void {
    for (const outcome of append.outcomes) {
      if (outcome.outcome === 'deleted') expect(tombstone?.begun).toBeLessThan(append.ended);
      if (outcome.outcome !== 'wrong expected version') continue;
      expect(outcome.expected).toBe(append.expected);
      const current = ends.get(outcome.current);
      expect(current).toBeDefined();
      const before = stored.filter(({ ended }) => ended < append.begun).map((other) => Number(other.outcome.revision));
      const until = stored.filter(({ begun }) => begun < append.ended).map((other) => Number(other.outcome.revision));
      expect(current).toBeGreaterThanOrEqual(Math.max(-1, ...before));
      expect(current).toBeLessThanOrEqual(Math.max(-1, ...until));
      if (append.expected === 'stream_exists') expect(outcome.current).toBe('no_stream');
      else expect(outcome.current).not.toBe(append.expected);
    }
  }

  /** What was answered before something else was begun stands before it in the log. */
  private verifyOrder(stored: readonly Stored[]): void {
    for (const earlier of stored) {
      for (const later of stored) {
        if (earlier.ended < later.begun)
          expect(BigInt(earlier.outcome.position ?? 0)).toBeLessThan(BigInt(later.outcome.position ?? 0));
      }
    }
  }

  private readonly isTombstone = (revision: string) => revision === '9223372036854775807';
}

describe('clients that race on three streams', () => {
  const { parameters, timeoutMs, name } = runs(60);

  it(
    `leave a log that one order of their answers explains (${name})`,
    async () => {
      const wires = Array.from({ length: 5 }, () => server.connect());
      const client = fc.array(step, { minLength: 1, maxLength: 12, size: 'max' });
      const property = fc.asyncProperty(fc.array(client, { minLength: 2, maxLength: 5, size: 'max' }), async (plans) => {
        const { at } = await mustStore(server.wire, newStream('begun'), newEvents(1));
        const race = new Race();
        await Promise.all(plans.map((plan, index) => race.client(wires[index] ?? server.wire, plan)));
        await race.verify(at);
      });
      await fc.assert(property, parameters);
    },
    timeoutMs,
  );
});
