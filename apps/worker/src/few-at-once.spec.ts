import { FewAtOnce } from './few-at-once.js';

function few(limit: number) {
  const woken: string[] = [];
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<undefined>>();
  const jobs = new FewAtOnce(limit, (key) => Promise.resolve(void woken.push(key)));
  const run = (key: string) =>
    jobs.run(key, () => {
      begun.push(key);
      const end = Promise.withResolvers<undefined>();
      ends.set(key, end);
      return end.promise;
    });
  return {
    run,
    woken,
    begun,
    end: (key: string) => ends.get(key)!.resolve(undefined),
    fail: (key: string) => ends.get(key)!.reject(new Error(key)),
  };
}

it('who finds no room ends at once, and is woken when there is', async () => {
  const { run, woken, begun, end } = few(2);
  const running = [run('a'), run('b')];
  await run('c');
  await run('d');
  await run('c');
  expect(begun).toEqual(['a', 'b']);
  end('a');
  await running[0];
  expect(woken).toEqual(['c']);
  const third = run('c');
  end('b');
  end('c');
  await Promise.all([running[1], third]);
  expect(woken).toEqual(['c', 'd']);
});

it('a job that fails leaves its place to the next', async () => {
  const { run, woken, fail, begun } = few(1);
  const first = run('a');
  await run('b');
  fail('a');
  await expect(first).rejects.toThrow('a');
  expect(woken).toEqual(['b']);
  void run('b');
  expect(begun).toEqual(['a', 'b']);
});
