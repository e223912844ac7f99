/** A stream stands still for a reader until an operator replays it. */
export interface Alarm {
  readonly reader: string;
  readonly stream: string;
  readonly eventId: string;
  readonly position: bigint;
  readonly error: string;
}
