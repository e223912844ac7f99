import type { EventRecord } from './record.js';
import { tombstoneRevision } from './record.js';
import type { StreamState } from './stream-state.js';

/** Positions of a stream's events, the first of them at revision `first`. */
interface Positions {
  first: number;
  positions: number[];
}

class Generation {
  readonly streams = new Map<number, Positions>();
  readonly states = new Map<string, StreamState>();
  events = 0;
  /** The position after its last event. */
  end = 0;

  positionOf(streamNumber: number, revision: number): number | undefined {
    const stream = this.streams.get(streamNumber);
    return stream?.positions[revision - stream.first];
  }
}

/**
 * What is durable in the log but not in the index yet, in two generations: one takes what is committed, the other, if there
 * is one, is being indexed and is dropped when it is done.
 */
export class RecentEvents {
  private taking = new Generation();
  private leaving: Generation | undefined;

  get count(): number {
    return this.taking.events + (this.leaving?.events ?? 0);
  }
  /** Events that nobody indexes yet. */
  get taken(): number {
    return this.taking.events;
  }

  add(records: readonly EventRecord[], states: Iterable<StreamState>): void {
    const { taking } = this;
    for (const record of records) {
      const { revision, streamNumber } = record;
      taking.end = record.end;
      taking.events++;
      if (revision === tombstoneRevision) continue;
      const stream = taking.streams.get(streamNumber);
      if (stream) stream.positions.push(record.position);
      else taking.streams.set(streamNumber, { first: revision, positions: [record.position] });
    }
    for (const state of states) taking.states.set(state.name, state);
  }

  state(name: string): StreamState | undefined {
    return this.taking.states.get(name) ?? this.leaving?.states.get(name);
  }

  positionOf(streamNumber: number, revision: number): number | undefined {
    return this.taking.positionOf(streamNumber, revision) ?? this.leaving?.positionOf(streamNumber, revision);
  }

  /** The first revision of a stream that is here; every later one is too. */
  firstRevision(streamNumber: number): number | undefined {
    return (this.leaving?.streams.get(streamNumber) ?? this.taking.streams.get(streamNumber))?.first;
  }

  /** Makes what is here the generation to be indexed; gives the position after its last event, undefined if there is none. */
  leave(): number | undefined {
    if (this.leaving || this.taking.events === 0) return undefined;
    this.leaving = this.taking;
    this.taking = new Generation();
    return this.leaving.end;
  }

  /** The index has it now. */
  drop(): void {
    this.leaving = undefined;
  }
}
