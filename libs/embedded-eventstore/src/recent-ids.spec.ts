import { RecentIds } from './recent-ids.js';

it('the newest ids are known, also one that came again, the oldest forgotten', () => {
  const ids = new RecentIds<number>(3);
  ids.remember('a', 1);
  ids.remember('b', 2);
  ids.remember('a', 3);
  ids.remember('c', 4);
  expect(['a', 'b', 'c'].map((id) => ids.get(id))).toEqual([3, 2, 4]);
  ids.remember('d', 5);
  expect(['a', 'b', 'c', 'd'].map((id) => ids.get(id))).toEqual([3, undefined, 4, 5]);
  ids.remember('e', 6);
  expect(['a', 'c', 'd', 'e'].map((id) => ids.get(id))).toEqual([undefined, 4, 5, 6]);
});
