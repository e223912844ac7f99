import type { Command, Decider, Stamped } from './decider.js';
import type { Event, Recorded } from './event.js';

/**
 * A stream whose only writer reads what it wants from the log of all events, decides what waits as one batch and
 * appends it with the expected revision. Each event's metadata names its input's position, so that after a crash the
 * writer reads its last event and goes on from there.
 */
export interface StreamProcessor<Input extends Event, C extends Command, State, E extends Event, Code extends string> {
  readonly name: string;
  readonly decider: Decider<C, State, E, Code>;
  /** Types of the inputs, for the subscription's filter. */
  readonly inputs: readonly Input['type'][];
  /** The stream (id without category) an input belongs to and the command it stands for; undefined: nothing for us. */
  route(input: Recorded<Input>): { readonly id: string; readonly command: C } | undefined;
}

export type AnyStreamProcessor = StreamProcessor<Event, Command, unknown, Event, string>;

/** Inputs decided and appended at once: bounds of one append. */
export const maxBatchInputs = 256;
export const maxBatchBytes = 262_144;

export const stamp = <C extends Command>(command: C, at: string): Stamped<C> => ({ ...command, at });
