import type { AnyDecider } from '@recourse/eventing';

/** Where the events of one command lie in their stream, both ends included. */
export interface Span {
  readonly first: bigint;
  readonly last: bigint;
}

/** A stream folded up to a revision. Never the truth: an append or a read confirms it before anything is answered from it. */
export interface WarmState {
  readonly decider: AnyDecider;
  readonly state: unknown;
  /** Of the last event, -1n for a missing stream. */
  readonly revision: bigint;
  /** Of the last event, 0n for a missing stream; undefined when the store did not tell. */
  readonly position: bigint | undefined;
  /** By command id. Only ever added to, and only what is stored, so that later states of the stream share it. */
  readonly commands: Map<string, Span>;
}

export interface WarmStates {
  get(stream: string): WarmState | undefined;
  set(stream: string, state: WarmState): void;
  delete(stream: string): void;
}

/** Keeps the streams used last: at most so many, and at most so many events folded into them, since states grow with those. */
export function warmStates(maxStreams: number, maxEvents: number): WarmStates {
  const states = new Map<string, WarmState>();
  let events = 0;
  const drop = (stream: string) => {
    events -= Number((states.get(stream)?.revision ?? -1n) + 1n);
    states.delete(stream);
  };
  return {
    get(stream) {
      const found = states.get(stream);
      if (found) {
        states.delete(stream);
        states.set(stream, found);
      }
      return found;
    },
    set(stream, state) {
      drop(stream);
      states.set(stream, state);
      events += Number(state.revision + 1n);
      for (const oldest of states.keys()) {
        if (states.size <= maxStreams && events <= maxEvents) break;
        drop(oldest);
      }
    },
    delete: drop,
  };
}
