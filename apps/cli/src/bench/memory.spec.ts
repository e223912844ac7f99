import { parsedMemory } from './memory.js';

it('a process has so many MiB now and had so many at most', () => {
  const status =
    'Name:\tnode\nVmPeak:\t 9000000 kB\nVmHWM:\t  204800 kB\nVmRSS:\t  102502 kB\nRssAnon:\t   51200 kB\nThreads:\t11\n';
  expect(parsedMemory(status)).toEqual({ residentMiB: 100.1, privateMiB: 50, peakMiB: 200 });
});

it('a process that has ended has none', () => {
  expect(parsedMemory('Name:\tnode\nState:\tZ (zombie)\n')).toBeUndefined();
  expect(parsedMemory('')).toBeUndefined();
});
