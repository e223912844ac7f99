import { fold, isRejection, type Command, type Decider, type Stamped } from './decider.js';
import { decodeData, encodeData } from './codec.js';
import type { Event } from './event.js';
import type { Instant } from './time.js';

export interface Outcome<E extends Event, Code extends string> {
  /** The command leads to exactly these events. */
  then(...expected: E[]): void;
  thenNothing(): void;
  /** The command is refused with this code; an unknown code does not compile. */
  thenRejected(code: Code): void;
  /** The events themselves, for properties that look at parts of them. */
  readonly events: readonly E[];
}

export class SpecificationFailed extends Error {
  override readonly name = 'SpecificationFailed';
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner), 2);

/**
 * Sentences about a decider: `specify(deposit).given(toppedUp(500)).when(collect('r1')).then(debited('r1'))`.
 * Given events pass through the stored form and back, so a shape that does not survive storage fails here.
 * @param at the clock of commands that do not carry one
 */
export function specify<C extends Command, State, E extends Event, Code extends string>(
  decider: Decider<C, State, E, Code>,
  at: Instant = '2026-03-01T00:00:00.000Z',
) {
  const given = (...history: E[]) => {
    const stored = history.map((event) => ({ ...event, data: decodeData(encodeData(event.data)) }));
    const state = fold(decider, stored);
    return {
      state,
      and: (...more: E[]) => given(...history, ...more),
      when(command: C & { readonly at?: Instant }): Outcome<E, Code> {
        const outcome = decider.decide({ at, ...command } as Stamped<C>, state);
        const events = isRejection(outcome) ? [] : outcome;
        const fail = (expected: string): never => {
          throw new SpecificationFailed(`${command.type}: expected ${expected}, but the outcome is ${show(outcome)}`);
        };
        return {
          events,
          then(...expected) {
            if (isRejection(outcome) || show(outcome) !== show(expected)) fail(show(expected));
          },
          thenNothing() {
            if (isRejection(outcome) || outcome.length > 0) fail('nothing');
          },
          thenRejected(code) {
            if (!isRejection(outcome) || outcome.rejected !== code) fail(`a rejection ${code}`);
          },
        };
      },
    };
  };
  return { given };
}
