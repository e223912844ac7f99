import { AskingAgain } from './asking-again.js';

function asking(random = 0) {
  const woken: [string, number][] = [];
  let now = 1_000;
  const again = new AskingAgain({
    wake: (key, delayMs) => Promise.resolve(void woken.push([key, delayMs])),
    now: () => now,
    random: () => random,
  });
  return { again, woken, wait: (ms: number) => (now += ms) };
}

it('pauses twice as long each time, up to five minutes', async () => {
  const { again, woken, wait } = asking();
  for (let times = 0; times < 10; times += 1) {
    await again.later('c1', 0);
    wait(400_000);
  }
  const seconds = woken.map(([, delayMs]) => (delayMs - 50) / 1_000);
  expect(seconds).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  expect(again.triesOf('c1')).toBe(10);
});

it('a wake-up from elsewhere does not shorten the pause, and another case is none of its business', async () => {
  const { again, wait } = asking();
  expect(again.isDue('c1')).toBe(true);
  await again.later('c1', 0);
  wait(1_999);
  expect(again.isDue('c1')).toBe(false);
  expect(again.isDue('c2')).toBe(true);
  wait(1);
  expect(again.isDue('c1')).toBe(true);
});

it('waits for as long as it is told up to an hour, and a little longer by chance', async () => {
  const { again, woken } = asking(1);
  await again.later('c1', 60_000);
  await again.later('c1', 86_400_000);
  expect(woken).toEqual([
    ['c1', 75_050],
    ['c1', 4_500_050],
  ]);
});

it('begins anew when there was an answer', async () => {
  const { again, woken } = asking();
  await again.later('c1', 0);
  again.forget('c1');
  expect(again.isDue('c1')).toBe(true);
  await again.later('c1', 0);
  expect(woken.map(([, delayMs]) => delayMs)).toEqual([2_050, 2_050]);
});

it('remembers ten thousand at most', async () => {
  const { again } = asking();
  for (let no = 0; no <= 10_000; no += 1) await again.later(`c${no}`, 0);
  expect(again.isDue('c0')).toBe(true);
  expect(again.isDue('c1')).toBe(false);
});
