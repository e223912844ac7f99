/** What a server of streams must answer, as plainly as it can be said: lists in memory, no limits, one call at a time. */

export interface ModelEvent {
  stream: string;
  revision: bigint;
  type: string;
  data: string;
  /** Undefined: the server makes it. */
  id: string | undefined;
}

/** `at`: index in the log of the event whose position is answered; undefined: no position. */
export type ModelAnswer =
  | { outcome: 'stored'; revision: string; at: number | undefined }
  | { outcome: 'wrong expected version'; current: string; expected: string }
  | { outcome: 'deleted' }
  | { outcome: 'done'; at: number };

export interface ModelRead {
  from: 'start' | 'end' | number;
  direction: 'forwards' | 'backwards';
  count: number;
}

interface Limits {
  truncateBefore: bigint;
  maxCount: number;
}

export interface Proposed {
  id: string;
  type: string;
  data: string;
}

const noLimits: Limits = { truncateBefore: 0n, maxCount: Infinity };
const largest = 9223372036854775807n;
const metadataOf = (stream: string) => `$$${stream}`;

export class StreamModel {
  /** $all: every event ever stored. */
  readonly log: ModelEvent[] = [];
  /** Indexes into the log, by stream. */
  private readonly streams = new Map<string, number[]>();
  private readonly tombstoned = new Set<string>();
  /** Where an id was stored last: what a retry with `any` goes by. */
  private readonly places = new Map<string, { stream: string; revision: number }>();

  append(stream: string, events: readonly Proposed[], expected: string): ModelAnswer {
    if (this.isTombstoned(stream)) return { outcome: 'deleted' };
    const ids = events.map(({ id }) => id);
    const verdict =
      expected === 'any' || expected === 'stream_exists'
        ? this.withoutRevision(stream, ids, expected)
        : this.withRevision(stream, ids, expected === 'no_stream' ? -1 : Number(expected));
    if (verdict === 'deleted') return { outcome: 'deleted' };
    if (verdict === 'wrong') return this.wrong(stream, expected);
    if (verdict === 'new') {
      if (events.length > 0) this.store(stream, events);
      return { outcome: 'stored', revision: this.lastRevision(stream), at: this.log.length - 1 };
    }
    const at = this.isSoftDeleted(stream) ? undefined : this.eventsOf(stream)[verdict];
    return { outcome: 'stored', revision: String(verdict), at };
  }

  softDelete(stream: string, expected: string): ModelAnswer {
    const refusal = this.refusalOfDelete(stream, expected);
    if (refusal) return refusal;
    if (this.last(stream) < 0) return this.wrong(stream, expected);
    const data = `{"$tb":${largest}}`;
    return { outcome: 'done', at: this.record(metadataOf(stream), { id: undefined, type: '$metadata', data }) };
  }

  tombstone(stream: string, expected: string): ModelAnswer {
    const refusal = this.refusalOfDelete(stream, expected);
    if (refusal) return refusal;
    this.tombstoned.add(stream);
    const at = this.log.push({ stream, revision: largest, type: '$streamDeleted', data: '', id: undefined }) - 1;
    return { outcome: 'done', at };
  }

  read(stream: string, { from, direction, count }: ModelRead): readonly ModelEvent[] | 'missing' | 'deleted' {
    if (this.isTombstoned(stream)) return 'deleted';
    if (this.last(stream) < 0 || this.isSoftDeleted(stream)) return 'missing';
    const visible = this.eventsOf(stream)
      .flatMap((index) => this.log[index] ?? [])
      .filter(({ revision }) => revision >= this.firstVisible(stream));
    if (direction === 'forwards') {
      const first = from === 'start' ? 0n : BigInt(from === 'end' ? largest : from);
      return visible.filter(({ revision }) => revision >= first).slice(0, count);
    }
    const first = from === 'end' ? largest : BigInt(from === 'start' ? 0 : from);
    return visible
      .filter(({ revision }) => revision <= first)
      .reverse()
      .slice(0, count);
  }

  last(stream: string): number {
    return this.eventsOf(stream).length - 1;
  }

  private withRevision(stream: string, ids: readonly string[], expected: number): 'new' | 'wrong' | number {
    const last = this.last(stream);
    if (expected === last) return 'new';
    if (expected > last || ids.length === 0) return 'wrong';
    const stored = this.eventsOf(stream).slice(expected + 1, expected + 1 + ids.length);
    const known = stored.map((index) => this.log[index]?.id);
    if (ids.every((id, index) => known[index] === id)) return expected + ids.length;
    const isFresh = known[0] !== ids[0];
    return isFresh && expected === -1 && this.isSoftDeleted(stream) ? 'new' : 'wrong';
  }

  private withoutRevision(
    stream: string,
    ids: readonly string[],
    expected: 'any' | 'stream_exists',
  ): 'new' | 'wrong' | 'deleted' | number {
    if (expected === 'stream_exists') {
      if (this.isSoftDeleted(stream)) return 'deleted';
      const isDescribed = !stream.startsWith('$$') && this.last(metadataOf(stream)) >= 0;
      if (this.last(stream) < 0 && !isDescribed) return 'wrong';
    }
    const revisions = ids.map((id) => this.places.get(id)).map((place) => (place?.stream === stream ? place.revision : -1));
    if (revisions.length === 0 || revisions[0] === -1) return 'new';
    return revisions.includes(-1) ? 'wrong' : (revisions.at(-1) ?? -1);
  }

  private refusalOfDelete(stream: string, expected: string): ModelAnswer | undefined {
    const answer = this.isTombstoned(stream) ? ({ outcome: 'deleted' } as const) : undefined;
    if (answer) return answer;
    const verdict =
      expected === 'any' || expected === 'stream_exists'
        ? this.withoutRevision(stream, [], expected)
        : this.withRevision(stream, [], expected === 'no_stream' ? -1 : Number(expected));
    if (verdict === 'deleted') return { outcome: 'deleted' };
    return verdict === 'wrong' ? this.wrong(stream, expected) : undefined;
  }

  private store(stream: string, events: readonly Proposed[]): void {
    if (this.isSoftDeleted(stream)) {
      const data = JSON.stringify({ $tb: this.last(stream) + 1 });
      this.record(metadataOf(stream), { id: undefined, type: '$metadata', data });
    }
    for (const event of events) {
      this.record(stream, event);
      this.places.set(event.id, { stream, revision: this.last(stream) });
    }
  }

  private record(stream: string, event: Omit<ModelEvent, 'stream' | 'revision'>): number {
    const index = this.log.push({ stream, revision: BigInt(this.last(stream) + 1), ...event }) - 1;
    this.streams.set(stream, [...this.eventsOf(stream), index]);
    return index;
  }

  private wrong(stream: string, expected: string): ModelAnswer {
    return { outcome: 'wrong expected version', current: this.lastRevision(stream), expected };
  }

  private lastRevision(stream: string): string {
    return this.last(stream) < 0 ? 'no_stream' : String(this.last(stream));
  }

  private isTombstoned(stream: string): boolean {
    return this.tombstoned.has(stream) || (stream.startsWith('$$') && this.tombstoned.has(stream.slice(2)));
  }

  private isSoftDeleted(stream: string): boolean {
    return this.limits(stream).truncateBefore === largest;
  }

  private firstVisible(stream: string): bigint {
    const { truncateBefore, maxCount } = this.limits(stream);
    const newest = this.last(stream) + 1 - maxCount;
    const byCount = newest > 0 ? BigInt(newest) : 0n;
    return truncateBefore > byCount ? truncateBefore : byCount;
  }

  /** From the newest metadata event; metadata that is malformed limits nothing, a metadata stream keeps its newest event. */
  private limits(stream: string): Limits {
    if (stream.startsWith('$$')) return { ...noLimits, maxCount: 1 };
    const index = this.eventsOf(metadataOf(stream)).at(-1);
    const data = index === undefined ? undefined : this.log[index]?.data;
    if (data === undefined) return noLimits;
    if (data.includes(String(largest))) return { ...noLimits, truncateBefore: largest };
    try {
      const { $tb = 0, $maxCount = Infinity } = JSON.parse(data) as { $tb?: unknown; $maxCount?: unknown };
      if (typeof $tb !== 'number' || typeof $maxCount !== 'number') return noLimits;
      return { truncateBefore: BigInt($tb), maxCount: $maxCount };
    } catch {
      return noLimits;
    }
  }

  private eventsOf(stream: string): readonly number[] {
    return this.streams.get(stream) ?? [];
  }
}
