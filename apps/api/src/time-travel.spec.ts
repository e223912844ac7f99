import { epochMsOf, instantOf, plusMs, type Instant } from '@recourse/eventing';
import fc from 'fast-check';
import { type House, travel } from './time-travel.js';

const start = '2026-03-01T00:00:00.000Z';

/**
 * A house of deadlines: when one is over and a wake-up comes, it fires, which adds an event and may set later deadlines.
 * Readers and jobs lag behind for a few looks, as real ones do.
 */
function houseOf(deadlines: readonly number[], followUpMs = 0, lag = 0) {
  let now: Instant = start;
  let head = 0n;
  let handled = 0n;
  let looks = 0;
  const open = deadlines.map((ms) => plusMs(start, ms));
  const jobs: Instant[] = [];
  const fired: { deadline: Instant; at: Instant }[] = [];
  const work = () => {
    looks += 1;
    if (looks % (lag + 1) !== 0) return;
    if (handled < head) handled += 1n;
    const deadline = jobs.shift();
    if (deadline === undefined || !open.includes(deadline)) return;
    open.splice(open.indexOf(deadline), 1);
    fired.push({ deadline, at: now });
    head += 1n;
    if (followUpMs > 0 && fired.length < 2 * deadlines.length) open.push(plusMs(deadline, followUpMs));
  };
  const house: House = {
    now: () => Promise.resolve(now),
    moveTo: (moment) => Promise.resolve(void (now = moment > now ? moment : now)),
    nextDeadline: (from) => Promise.resolve(open.filter((one) => one >= from).toSorted()[0]),
    head: () => Promise.resolve(head),
    readersAt: () => {
      work();
      return Promise.resolve(handled);
    },
    runnableJobs: () => Promise.resolve(jobs.length),
    wakeOpenWork: () => {
      const due = open.filter((one) => one < now);
      jobs.push(...due.filter((one) => !jobs.includes(one)));
      return Promise.resolve(due.length);
    },
  };
  return { house, fired, now: () => now };
}

describe('time travel', () => {
  it('stops behind every deadline on the way, one millisecond late, and arrives', async () => {
    const { house, fired, now } = houseOf([5_000, 1_000, 1_000, 90_000]);
    const to = plusMs(start, 60_000);
    const arrived = await travel(house, to, 10_000);
    expect(arrived).toEqual({ now: to, position: 3n });
    expect(now()).toBe(to);
    expect(
      fired.map(({ deadline, at }) => [epochMsOf(deadline) - epochMsOf(start), epochMsOf(at) - epochMsOf(deadline)]),
    ).toEqual([
      [1_000, 1],
      [1_000, 1],
      [5_000, 1],
    ]);
  });

  it('takes the very moment of a deadline for inside', async () => {
    const { house, fired } = houseOf([1_000]);
    await travel(house, plusMs(start, 1_000), 10_000);
    expect(fired).toEqual([]);
    await travel(house, plusMs(start, 1_001), 10_000);
    expect(fired).toHaveLength(1);
  });

  it('never goes back', async () => {
    const { house } = houseOf([]);
    await travel(house, plusMs(start, 500), 10_000);
    expect((await travel(house, start, 10_000)).now).toBe(plusMs(start, 500));
  });

  it('gives up in time when the house is never still, and has not moved', async () => {
    const { house, now } = houseOf([1_000]);
    const busy: House = { ...house, runnableJobs: () => Promise.resolve(1) };
    await expect(travel(busy, plusMs(start, 5_000), 50)).rejects.toMatchObject({ status: 503, code: 'still-busy' });
    expect(now()).toBe(start);
  });

  it('lets deadlines fire in their order, each at once, with all that follows', async () => {
    const times = fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        times,
        fc.integer({ min: 0, max: 700 }),
        fc.integer({ min: 0, max: 1 }),
        async (deadlines, followUpMs, lag) => {
          const { house, fired } = houseOf(deadlines, followUpMs, lag);
          await travel(house, instantOf(epochMsOf(start) + 20_000), 30_000);
          const order = fired.map(({ deadline }) => deadline);
          expect(order).toEqual(order.toSorted());
          for (const { deadline, at } of fired) expect(epochMsOf(at) - epochMsOf(deadline)).toBe(1);
          expect(fired.length).toBeGreaterThanOrEqual(deadlines.length);
        },
      ),
      { numRuns: 15 },
    );
  }, 60_000);
});
