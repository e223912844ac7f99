import { inLanes } from './lanes.js';

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

it('keeps each lane in order and runs so many at once', async () => {
  const done: string[] = [];
  let atOnce = 0;
  let most = 0;
  await inLanes([['a1', 'a2'], ['b1'], ['c1', 'c2', 'c3'], []], 2, async (item) => {
    atOnce += 1;
    most = Math.max(most, atOnce);
    await tick();
    done.push(item);
    atOnce -= 1;
  });
  expect(most).toBe(2);
  expect(done.toSorted()).toEqual(['a1', 'a2', 'b1', 'c1', 'c2', 'c3']);
  expect(done.filter((item) => item.startsWith('c'))).toEqual(['c1', 'c2', 'c3']);
});

it('begins nothing new after a failure, and throws once nothing runs any more', async () => {
  const done: string[] = [];
  let runs = 0;
  const work = inLanes([['bad', 'never'], ['slow', 'never'], ['never']], 2, async (item) => {
    runs += 1;
    await tick();
    if (item === 'bad') throw new Error('bad');
    await tick();
    done.push(item);
    runs -= 1;
  });
  await expect(work).rejects.toThrow('bad');
  expect(done).toEqual(['slow']);
  expect(runs).toBe(1);
});

it('has nothing to do without lanes', async () => {
  await inLanes([], 4, () => Promise.reject(new Error('nothing to do')));
});
