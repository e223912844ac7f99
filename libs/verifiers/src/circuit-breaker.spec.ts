import { BreakerOpen, CircuitBreaker } from './circuit-breaker.js';

function breakerAt() {
  let now = 0;
  const breaker = new CircuitBreaker({ failures: 3, openMs: 1_000, maxOpenMs: 3_000, now: () => now });
  const isFailure = (result: string) => result === 'bad';
  return {
    breaker,
    wait: (ms: number) => (now += ms),
    run: (result: string | Promise<string>) => breaker.run(() => Promise.resolve(result), isFailure),
    fail: async (times: number) => {
      for (let done = 0; done < times; done += 1) await breaker.run(() => Promise.resolve('bad'), isFailure);
    },
  };
}

it('opens after so many failures in a row, and a success in between starts the count anew', async () => {
  const { breaker, run, fail } = breakerAt();
  await fail(2);
  await run('good');
  await fail(2);
  expect(breaker.state).toBe('closed');
  await fail(1);
  expect(breaker.state).toBe('open');
  await expect(run('good')).rejects.toThrow(BreakerOpen);
  await expect(run('good')).rejects.toMatchObject({ retryAfterMs: 1_000 });
});

it('lets one trial pass when its time is over, and closes when that is good', async () => {
  const { breaker, wait, run, fail } = breakerAt();
  await fail(3);
  wait(999);
  expect(breaker.state).toBe('open');
  wait(1);
  expect(breaker.state).toBe('half-open');
  const trial = Promise.withResolvers<string>();
  const trying = run(trial.promise);
  await expect(run('good')).rejects.toThrow(BreakerOpen);
  trial.resolve('good');
  await trying;
  expect(breaker.state).toBe('closed');
  // All is forgotten: it takes as many failures as before, and is open for as short a time.
  await fail(3);
  await expect(run('good')).rejects.toMatchObject({ retryAfterMs: 1_000 });
});

it('stays open twice as long after each trial that fails, up to a limit', async () => {
  const { breaker, wait, run, fail } = breakerAt();
  await fail(3);
  for (const openMs of [2_000, 3_000, 3_000]) {
    wait(5_000);
    await run('bad');
    expect(breaker.state).toBe('open');
    await expect(run('good')).rejects.toMatchObject({ retryAfterMs: openMs });
  }
});

it('a trial that its caller gave up leaves room for the next', async () => {
  const { breaker, wait, run, fail } = breakerAt();
  await fail(3);
  wait(1_000);
  await expect(run(Promise.reject(new Error('given up')))).rejects.toThrow('given up');
  expect(breaker.state).toBe('half-open');
  await run('good');
  expect(breaker.state).toBe('closed');
});

it('what was sent before it opened says nothing when it comes back late', async () => {
  const { breaker, run, fail } = breakerAt();
  const slow = [Promise.withResolvers<string>(), Promise.withResolvers<string>()] as const;
  const waiting = slow.map(({ promise }) => run(promise));
  await fail(3);
  slow[0].resolve('good');
  slow[1].resolve('bad');
  await Promise.all(waiting);
  expect(breaker.state).toBe('open');
  await expect(run('good')).rejects.toMatchObject({ retryAfterMs: 1_000 });
});
