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
  /** The stream or, where the decider keeps periods, the account (id without category) an input belongs to and the command it stands for; undefined: nothing for us. */
  route(input: Recorded<Input>): { readonly id: string; readonly command: C } | undefined;
  /**
   * What a stream has to do before its next input, with no input of its own: asked until it answers undefined, so that a
   * decision never has to hold everything that follows from an input. Each such command leads to an event.
   */
  onward?(state: State): C | undefined;
  /** A line for whoever watches the log, written once the event is stored; a crash between the two swallows the line only. */
  announce?(event: E): string | undefined;
}

export type AnyStreamProcessor = StreamProcessor<Event, Command, unknown, Event, string>;

/**
 * Bounds of one append, which the store refuses above 1 MiB: so many inputs, so many events (each with less than 1 KiB of
 * metadata) and so many bytes of data. One decision is never divided, so it may be larger; it has few events, each of 64 KiB
 * at most.
 */
export const maxBatchInputs = 256;
export const maxBatchEvents = 512;
export const maxBatchBytes = 262_144;

export const stamp = <C extends Command>(command: C, at: string): Stamped<C> => ({ ...command, at });
