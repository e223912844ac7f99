import type { Event, EventOf, Recorded } from './event.js';

/**
 * Turns events into rows, in the transaction that also moves its checkpoint. It gets nothing but that transaction,
 * so it cannot reach a queue, a rail or another stream.
 */
export interface Projection<E extends Event, Tx> {
  /** Named by the question it answers. */
  readonly name: string;
  /** A new version is rebuilt beside the live one. */
  readonly version: number;
  /** Event types it is interested in; the others pass by. */
  readonly on: { readonly [Type in E['type']]?: (event: Recorded<EventOf<E, Type>>, tx: Tx) => Promise<void> };
  /** The tables it owns; `verify` rebuilds them elsewhere and compares every row (I9). */
  readonly tables: readonly string[];
}

export type AnyProjection<Tx> = Projection<Event, Tx>;
