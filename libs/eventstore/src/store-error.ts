import { UnknownEventType } from '@recourse/eventing';

/** The store does not answer, or not in time. Nothing is wrong with what was asked: try again later. */
export class StoreUnavailable extends Error {
  override readonly name: string = 'StoreUnavailable';
}

/** The answer to an append never came: it has taken effect, will take effect or never will. Only a read can tell. */
export class AppendOutcomeUnknown extends StoreUnavailable {
  override readonly name = 'AppendOutcomeUnknown';
  constructor(
    readonly stream: string,
    options?: ErrorOptions,
  ) {
    super(`the store did not say whether an append to ${stream} took effect`, options);
  }
}

/** Others changed the stream every time between the load and the append. */
export class TooMuchContention extends Error {
  override readonly name = 'TooMuchContention';
  constructor(
    readonly stream: string,
    attempts: number,
  ) {
    super(`the stream ${stream} was changed by others ${attempts} times in a row while a command was decided; send it again`);
  }
}

/** A load would take more events than any command may. */
export class StreamTooLong extends Error {
  override readonly name = 'StreamTooLong';
  constructor(
    readonly stream: string,
    limit: number,
  ) {
    super(`the stream ${stream} holds more than ${limit} events; accounts this busy are kept in period streams`);
  }
}

export class AppendTooLarge extends Error {
  override readonly name = 'AppendTooLarge';
  constructor(
    readonly stream: string,
    limitBytes: number,
  ) {
    super(`an append to ${stream} is over ${limitBytes} bytes`);
  }
}

/** The store refuses for good: the stream was ended, or these credentials may not write to it. */
export class AppendRefused extends Error {
  override readonly name = 'AppendRefused';
}

/** A stored event that this program cannot have written, or wrote in a newer version. */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent';
  constructor(place: { readonly stream: string; readonly revision: bigint }, reason: string, options?: ErrorOptions) {
    super(`event ${place.revision} of ${place.stream} cannot be read: ${reason}`, options);
  }
}

/** A newer version of a process has taken over; this one may not act any more. */
export class ProcessSuperseded extends Error {
  override readonly name = 'ProcessSuperseded';
  constructor(readonly reader: string) {
    super(`${reader} may not act: another version of this process has taken over`);
  }
}

/** A stream processor's decider refused an input. Its inputs are facts, so that is a fault of the program. */
export class InputRefused extends Error {
  override readonly name = 'InputRefused';
}

/** Time heals it: whoever met this waits and does the same again. */
export const isTransient = (error: unknown): boolean => error instanceof StoreUnavailable || error instanceof TooMuchContention;

/** Only another program helps: a reader that meets this stops and says so. */
export const isFatal = (error: unknown): boolean =>
  error instanceof UnknownEventType ||
  error instanceof UnreadableEvent ||
  error instanceof ProcessSuperseded ||
  error instanceof InputRefused;
