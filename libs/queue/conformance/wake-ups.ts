import { setTimeout as delay } from 'node:timers/promises';
import { openQueue, QueueFull, type QueueOptions, type WakeUps } from '../src/index.js';

/** What holds on either database. */
export function describeWakeUps(database: string, url: () => string): void {
  describe(`wake-ups on ${database}`, () => {
    let number = 0;
    let name: string;
    let errors: { message: string; dropped?: boolean }[];
    const open: WakeUps[] = [];

    beforeEach(() => {
      number += 1;
      name = `queue-${String(number)}`;
      errors = [];
    });

    afterEach(async () => {
      await Promise.all(open.splice(0).map((queue) => queue.close()));
    });

    async function queue(options: Partial<QueueOptions> = {}): Promise<WakeUps> {
      const opened = await openQueue({
        url: url(),
        name,
        backoffMs: 10,
        onError: ({ message }, wakeUp) => errors.push(wakeUp === undefined ? { message } : { message, dropped: wakeUp.dropped }),
        ...options,
      });
      open.push(opened);
      return opened;
    }

    async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
      const deadline = performance.now() + 20_000;
      while (!(await condition())) {
        if (performance.now() > deadline) throw new Error(`Waited in vain. Errors: ${JSON.stringify(errors)}`);
        await delay(10);
      }
    }
    const idle = (wakeUps: WakeUps) => until(async () => (await wakeUps.runnable()) === 0);

    /** A handler that is held until it is let go. */
    function gate(): { handler: () => Promise<void>; entered: Promise<void>; leave: () => void } {
      let enter: () => void = () => undefined;
      let leave: () => void = () => undefined;
      const entered = new Promise<void>((resolve) => (enter = resolve));
      const left = new Promise<void>((resolve) => (leave = resolve));
      return {
        handler: () => {
          enter();
          return left;
        },
        entered,
        leave: () => leave(),
      };
    }

    it('is handled once although it was added twice', async () => {
      const wakeUps = await queue();
      await wakeUps.wake('payout', '42');
      await wakeUps.wake('payout', '42');
      expect(await wakeUps.runnable()).toBe(1);
      const handled: string[] = [];
      await wakeUps.work({ payout: (key) => Promise.resolve(void handled.push(key)) });
      await idle(wakeUps);
      expect(handled).toEqual(['42']);
      await wakeUps.wake('payout', '42');
      await until(() => handled.length === 2);
    });

    it('is told apart by kind and key, whatever the key looks like', async () => {
      const wakeUps = await queue();
      const keys = ['1', 'order-1:unit:2', '卡密 7', 'x'.repeat(500), "'; drop table job; --"];
      for (const key of keys) for (const kind of ['payout', 'deadline']) await wakeUps.wake(kind, key);
      expect(await wakeUps.runnable()).toBe(10);
      const handled: string[] = [];
      const note = (kind: string) => (key: string) => Promise.resolve(void handled.push(`${kind} ${key}`));
      await wakeUps.work({ payout: note('payout'), deadline: note('deadline') });
      await until(() => handled.length === 10);
      expect(new Set(handled)).toEqual(new Set(keys.flatMap((key) => [`payout ${key}`, `deadline ${key}`])));
    });

    it('runs again when it arrives while its handler is at work, however often', async () => {
      const wakeUps = await queue();
      const first = gate();
      let runs = 0;
      await wakeUps.wake('payout', 'a');
      await wakeUps.work({ payout: () => (++runs === 1 ? first.handler() : Promise.resolve()) });
      await first.entered;
      for (let again = 0; again < 3; again += 1) await wakeUps.wake('payout', 'a');
      expect(await wakeUps.runnable()).toBe(1);
      first.leave();
      await until(() => runs === 2);
      await idle(wakeUps);
      expect(runs).toBe(2);
    });

    it('is tried again when its handler fails, and dropped after the last attempt', async () => {
      const wakeUps = await queue({ attempts: 3 });
      let tries = 0;
      await wakeUps.wake('payout', 'a');
      await wakeUps.work({
        payout: () => {
          tries += 1;
          throw new Error(`rail is away ${String(tries)}`);
        },
      });
      await until(() => errors.some(({ dropped }) => dropped));
      expect(errors).toEqual([
        { message: 'rail is away 1', dropped: false },
        { message: 'rail is away 2', dropped: false },
        { message: 'rail is away 3', dropped: true },
      ]);
      expect(await wakeUps.runnable()).toBe(0);
      await wakeUps.wake('payout', 'a');
      await until(() => tries === 6);
    });

    it('is done when a later attempt succeeds', async () => {
      const wakeUps = await queue({ attempts: 3 });
      let tries = 0;
      await wakeUps.wake('payout', 'a');
      await wakeUps.work({ payout: () => (++tries < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve()) });
      await until(() => tries === 3);
      await idle(wakeUps);
      expect(errors.map(({ dropped }) => dropped)).toEqual([false, false]);
    });

    it('of a kind nobody handles is dropped with a word', async () => {
      const wakeUps = await queue({ attempts: 1 });
      await wakeUps.work({});
      await wakeUps.wake('constructor', 'a');
      await until(() => errors.length > 0);
      expect(errors).toEqual([{ message: 'Nobody handles wake-ups of the kind constructor.', dropped: true }]);
    });

    it('does not wait for a handler longer than agreed', async () => {
      const wakeUps = await queue({ attempts: 1 });
      let reason: unknown;
      await wakeUps.wake('payout', 'a');
      await wakeUps.work(
        {
          payout: (_, signal) =>
            new Promise(() => {
              signal.addEventListener('abort', () => (reason = signal.reason));
            }),
        },
        { handlerTimeoutMs: 50 },
      );
      await until(() => errors.length > 0);
      expect(errors).toEqual([{ message: 'The handler of payout took longer than 50 ms.', dropped: true }]);
      expect(reason).toBeInstanceOf(Error);
    });

    it('runs no earlier than its delay says, and an immediate one does not wait for a delayed one', async () => {
      const wakeUps = await queue();
      const handled: number[] = [];
      await wakeUps.work({ deadline: () => Promise.resolve(void handled.push(Date.now())) });
      const added = Date.now();
      await wakeUps.wake('deadline', 'a', { delayMs: 1_500 });
      await wakeUps.wake('deadline', 'far', { delayMs: 3_600_000 });
      expect(await wakeUps.runnable()).toBe(0);
      await wakeUps.wake('deadline', 'a');
      await until(() => handled.length === 1);
      expect(handled[0]).toBeLessThan(added + 1_500);
      await until(() => handled.length === 2);
      expect(handled[1]).toBeGreaterThanOrEqual(added + 1_500);
      await idle(wakeUps);
      expect(handled).toHaveLength(2);
    });

    it('counts as runnable when it is due although nobody works', async () => {
      const wakeUps = await queue();
      await wakeUps.wake('deadline', 'soon', { delayMs: 50 });
      await wakeUps.wake('deadline', 'late', { delayMs: 3_600_000 });
      await wakeUps.wake('deadline', 'now');
      await until(async () => (await wakeUps.runnable()) === 2);
    });

    it('never counts 0 while one that can run is not done', async () => {
      const wakeUps = await queue();
      const observer = await queue();
      const length = 20;
      let done = 0;
      for (let index = 0; index < length; index += 1) await wakeUps.wake('timer', String(index), { delayMs: 1 });
      await until(async () => (await observer.runnable()) === length);
      const counts: number[] = [];
      const watch = (async () => {
        while (done < 2 * length) {
          const count = await observer.runnable();
          if (done < 2 * length) counts.push(count);
        }
      })();
      await wakeUps.work(
        {
          timer: async (key) => {
            await wakeUps.wake('follow-up', key);
            done += 1;
          },
          'follow-up': () => Promise.resolve(void (done += 1)),
        },
        { concurrency: 2 },
      );
      await watch;
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(1);
      await idle(wakeUps);
      expect(done).toBe(2 * length);
    });

    it('is taken by one of several workers', async () => {
      const first = await queue();
      const queues = [first, await queue(), await queue()];
      const handled: string[] = [];
      for (const each of queues)
        await each.work({ payout: (key) => Promise.resolve(void handled.push(key)) }, { concurrency: 4 });
      const keys = Array.from({ length: 60 }, (_, index) => `p${String(index)}`);
      await Promise.all(keys.map((key, index) => (queues[index % 3] ?? first).wake('payout', key)));
      await until(() => handled.length >= 60);
      expect(handled.toSorted()).toEqual(keys.toSorted());
    });

    it('outlives the process that added it', async () => {
      const first = await queue();
      await first.wake('payout', 'a');
      await first.close();
      const second = await queue();
      expect(await second.runnable()).toBe(1);
    });

    it('is lost by emptying the queue, with everything else in it and nothing outside it', async () => {
      const wakeUps = await queue({ attempts: 1 });
      const neighbour = await queue({ name: `${name}-neighbour` });
      const running = gate();
      const handled: string[] = [];
      await wakeUps.wake('held', 'a');
      await wakeUps.work({ held: running.handler, payout: (key) => Promise.resolve(void handled.push(key)) }, { concurrency: 1 });
      await running.entered;
      await wakeUps.wake('held', 'a');
      await wakeUps.wake('payout', 'lost');
      await wakeUps.wake('payout', 'lost', { delayMs: 100 });
      await neighbour.wake('payout', 'kept');

      await wakeUps.empty();
      expect(await wakeUps.runnable()).toBe(0);
      expect(await neighbour.runnable()).toBe(1);
      running.leave();
      await wakeUps.wake('payout', 'after');
      await wakeUps.wake('payout', 'lost', { delayMs: 200 });
      await until(() => handled.length === 2);
      expect(handled).toEqual(['after', 'lost']);
      await neighbour.work({ payout: (key) => Promise.resolve(void handled.push(key)) });
      await until(() => handled.includes('kept'));
    });

    it('stays while the queue is paused, also when it is emptied meanwhile', async () => {
      const worker = await queue();
      const operator = await queue();
      const handled: string[] = [];
      await worker.work({ payout: (key) => Promise.resolve(void handled.push(key)) });
      await operator.pause();
      await operator.wake('payout', 'a');
      expect(await operator.runnable()).toBe(1);
      await operator.empty();
      await operator.wake('payout', 'b');
      expect(await operator.runnable()).toBe(1);
      expect(handled).toEqual([]);
      await operator.resume();
      await until(() => handled.length === 1);
      expect(handled).toEqual(['b']);
    });

    it('is refused when too many wait', async () => {
      const wakeUps = await queue({ maxWakeUps: 2 });
      await wakeUps.wake('payout', 'a');
      await wakeUps.wake('deadline', 'b', { delayMs: 3_600_000 });
      await expect(wakeUps.wake('payout', 'c')).rejects.toThrow(QueueFull);
      await wakeUps.empty();
      await wakeUps.wake('payout', 'c');
    });

    it('is refused when it makes no sense', async () => {
      const wakeUps = await queue();
      await expect(wakeUps.wake('pay:out', 'a')).rejects.toThrow('Not a kind of wake-up: pay:out.');
      await expect(wakeUps.wake('payout', '')).rejects.toThrow('A key has 1 to 500 characters.');
      await expect(wakeUps.wake('payout', 'x'.repeat(501))).rejects.toThrow('A key has 1 to 500 characters.');
      await expect(wakeUps.wake('payout', 'a', { delayMs: -1 })).rejects.toThrow('Not a delay in milliseconds: -1.');
      await expect(queue({ name: 'a:b' })).rejects.toThrow('Not a queue name: a:b.');
      await wakeUps.work({});
      await expect(wakeUps.work({})).rejects.toThrow('is being worked on already');
    });

    it('waits on closing for the handler that has begun', async () => {
      const wakeUps = await queue();
      const held = gate();
      await wakeUps.wake('payout', 'a');
      await wakeUps.work({ payout: held.handler });
      await held.entered;
      let closed = false;
      const closing = wakeUps.close().then(() => (closed = true));
      const observer = await queue();
      expect(await observer.runnable()).toBe(1);
      expect(closed).toBe(false);
      held.leave();
      await closing;
      expect(await observer.runnable()).toBe(0);
      expect(errors).toEqual([]);
    });
  });
}
