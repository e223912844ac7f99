import { erased } from '@recourse/eventing';
import { till } from './testbed.js';
import { warmStates, type WarmState } from './warm-state.js';

const upTo = (revision: bigint): WarmState => ({
  decider: erased(till),
  state: undefined,
  revision,
  position: 0n,
  commands: new Map(),
});

it('keeps the streams used last, at most so many', () => {
  const states = warmStates(2, 1_000);
  states.set('a', upTo(0n));
  states.set('b', upTo(0n));
  states.get('a');
  states.set('c', upTo(0n));
  expect(['a', 'b', 'c'].filter((stream) => states.get(stream))).toEqual(['a', 'c']);
});

it('keeps at most so many events folded, however often a stream grows', () => {
  const states = warmStates(100, 10);
  for (let revision = 0n; revision < 6n; revision += 1n) states.set('a', upTo(revision));
  states.set('b', upTo(3n));
  expect(states.get('a')).toBeDefined();
  states.set('c', upTo(0n));
  expect(['a', 'b', 'c'].filter((stream) => states.get(stream))).toEqual(['a', 'c']);
  states.delete('a');
  states.delete('a');
  states.set('d', upTo(8n));
  expect(['c', 'd'].filter((stream) => states.get(stream))).toEqual(['c', 'd']);
  states.set('huge', upTo(10n));
  expect(['c', 'd', 'huge'].filter((stream) => states.get(stream))).toEqual([]);
});
