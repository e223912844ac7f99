import type { Command } from './decider.js';
import type { Event, EventOf, Recorded } from './event.js';

/** Sends a command to the aggregate `category`-`id`. Its cause (event id and `name`) makes it take effect once. */
export interface CommandAction {
  readonly do: 'command';
  /** Unique among the actions of one event. */
  readonly name: string;
  readonly category: string;
  readonly id: string;
  readonly command: Command;
  /** Refusals that are a proper end of the matter; any other halts the stream and raises an alarm. */
  readonly settledBy?: readonly string[];
}
/** Wakes a job up. Jobs re-read the stream before they act; a lost wake-up is made again by the sweep. */
export interface WakeAction {
  readonly do: 'wake';
  readonly kind: string;
  readonly key: string;
}
export type Action = CommandAction | WakeAction;

/** What a process may look at beside its event: streams, which are the truth. */
export interface StreamReader {
  /** Every event of a stream, oldest first; empty for a missing one. @throws when it holds more than 5,000 */
  read<E extends Event>(stream: string): Promise<readonly Recorded<E>[]>;
}

/** Reacts to events with commands or wake-ups: handle, act, record. Only its live version acts. */
export interface Process<E extends Event> {
  readonly name: string;
  readonly version: number;
  /**
   * Events of one lane are handled in the order of the log, lanes run side by side, and a halt stops one lane.
   * A stream by default; a process whose events of several streams belong together names what ties them.
   */
  lane?(event: Recorded<E>): string;
  readonly on: {
    readonly [Type in E['type']]?: (
      event: Recorded<EventOf<E, Type>>,
      streams: StreamReader,
    ) => readonly Action[] | Promise<readonly Action[]>;
  };
}

export type AnyProcess = Process<Event>;
