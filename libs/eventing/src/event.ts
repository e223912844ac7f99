import type { Metadata } from './metadata.js';

/** A fact, named in the past tense with its subject. Data is plain and readonly; amounts are Money. */
export interface Event<Type extends string = string, Data = unknown> {
  readonly type: Type;
  readonly data: Data;
}

export type EventOf<E extends Event, Type extends E['type']> = Extract<E, { type: Type }>;
export type DataOf<E extends Event, Type extends E['type']> = EventOf<E, Type>['data'];

/** Makes an event of a union from its type and data; the compiler checks that they belong together. */
export const eventsOf =
  <E extends Event>() =>
  <Type extends E['type']>(type: Type, data: DataOf<E, Type>): EventOf<E, Type> =>
    ({ type, data }) as EventOf<E, Type>;

interface Place {
  readonly id: string;
  readonly stream: string;
  /** Number within its stream, from 0. */
  readonly revision: bigint;
  /** Place in the log of all events; the only order of the world. */
  readonly position: bigint;
  readonly metadata: Metadata;
}

/** An event as it is read back. Distributes over a union, so that `type` narrows `data`. */
export type Recorded<E extends Event = Event> = E extends Event ? E & Place : never;

/** `deposit-demo.m1.0001` → `deposit`. */
export const categoryOf = (stream: string): string => stream.slice(0, Math.max(0, stream.indexOf('-')));
/** `deposit-demo.m1.0001` → `demo.m1.0001`. */
export const idOf = (stream: string): string => stream.slice(stream.indexOf('-') + 1);
export const streamOf = (category: string, id: string): string => `${category}-${id}`;
