import { type Instant, isAfter, plusMs } from '@recourse/eventing';
import { Problem } from '@recourse/nest';

/** The house as far as whoever moves its clock must know it. */
export interface House {
  now(): Promise<Instant>;
  /** Time never goes back. */
  moveTo(moment: Instant): Promise<void>;
  /** The earliest deadline at or after a moment. */
  nextDeadline(from: Instant): Promise<Instant | undefined>;
  /** Position of the last event of the log. */
  head(): Promise<bigint>;
  /** What every reader of the log has handled. */
  readersAt(): Promise<bigint>;
  /** Jobs that wait for nothing but a worker, or run. */
  runnableJobs(): Promise<number>;
  /** Makes a wake-up for everything that waits for a job: open payouts, open questions, deadlines that are over. Says how many. */
  wakeOpenWork(): Promise<number>;
}

const pollMs = 20;

/**
 * Moves the clock as life would: from one deadline to the next, each with everything that follows from it done before time
 * goes on. A deadline itself is still inside, so the clock stops one millisecond behind it.
 * @throws Problem 503 when the house is not still in time; the clock stands where it has come to, and the same call goes on from there
 */
export async function travel(
  house: House,
  to: Instant,
  timeoutMs: number,
): Promise<{ readonly now: Instant; readonly position: bigint }> {
  const giveUpAt = performance.now() + timeoutMs;

  const quiet = async (): Promise<bigint> => {
    for (;;) {
      const head = await house.head();
      const still = (await house.readersAt()) >= head && (await house.runnableJobs()) === 0;
      // Whatever a job did between the two looks has moved the head.
      if (still && (await house.head()) === head) return head;
      if (performance.now() > giveUpAt)
        throw new Problem(
          503,
          'still-busy',
          `the house is not still after ${timeoutMs} ms; is a worker running? send this again to go on`,
          {
            headers: { 'Retry-After': '1' },
          },
        );
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  };
  /** A wake-up may be lost, or on its way to the queue and not there yet; nothing is open, or asking again brings nothing new. */
  const settled = async (): Promise<bigint> => {
    for (;;) {
      const head = await quiet();
      if ((await house.wakeOpenWork()) === 0 || (await quiet()) === head) return head;
    }
  };

  for (;;) {
    const position = await settled();
    const now = await house.now();
    if (!isAfter(to, now)) return { now, position };
    const deadline = await house.nextDeadline(now);
    const behind = deadline === undefined ? to : plusMs(deadline, 1);
    await house.moveTo(isAfter(behind, to) ? to : behind);
  }
}
