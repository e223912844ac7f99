import type { Event } from './event.js';
import type { Periods } from './periods.js';
import type { Instant } from './time.js';
import type { Catalogue } from './upcasting.js';

export interface Command {
  readonly type: string;
}
/** What every command carries beside its content: the clock, stamped by the server at the edge. */
export type Stamped<C extends Command> = C & { readonly at: Instant };
export type CommandOf<C extends Command, Type extends C['type']> = Extract<C, { type: Type }>;

/** A refusal is a value: the literal code is for programs, the detail says to a person what was wrong and what to do. */
export interface Rejection<Code extends string = string> {
  readonly rejected: Code;
  readonly detail: string;
}
export const reject = <Code extends string>(rejected: Code, detail: string): Rejection<Code> => ({ rejected, detail });
export const isRejection = <Code extends string>(outcome: readonly unknown[] | Rejection<Code>): outcome is Rejection<Code> =>
  !Array.isArray(outcome);

/**
 * One consistency boundary, pure: `decide` says which events follow from a command, `evolve` folds them.
 * Clock, ids and randomness arrive in the command. A throw is a bug, a Rejection is an answer.
 */
export interface Decider<C extends Command, State, E extends Event, Code extends string> {
  readonly category: string;
  readonly initial: State;
  readonly events: Catalogue<E>;
  /** Of an account that is kept in periods: its commands name the account, not a period. */
  readonly periods?: Periods<State, E>;
  decide(command: Stamped<C>, state: State): readonly E[] | Rejection<Code>;
  evolve(state: State, event: E): State;
}

/** A decider whose types are no longer of interest: what registries and stores pass around. */
export type AnyDecider = Decider<Command, unknown, Event, string>;

// A decider is written for its own union only; whoever erases its types must route commands and events by category.
export const erased = <C extends Command, S, E extends Event, R extends string>(decider: Decider<C, S, E, R>): AnyDecider =>
  decider as unknown as AnyDecider;

export const fold = <C extends Command, State, E extends Event, R extends string>(
  decider: Decider<C, State, E, R>,
  events: Iterable<E>,
  from?: State,
): State => {
  let state = from === undefined ? decider.initial : from;
  for (const event of events) state = decider.evolve(state, event);
  return state;
};
