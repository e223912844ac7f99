import { newState } from '../storage/stream-state.js';
import { StateCache } from './state-cache.js';

describe('the cache of stream states', () => {
  it('keeps what was asked for lately and loads the rest again', () => {
    const loaded: string[] = [];
    const cache = new StateCache(4, (name) => {
      loaded.push(name);
      return newState(name);
    });
    const ask = (...names: string[]) => {
      loaded.length = 0;
      for (const name of names) {
        cache.get(name);
        cache.trim(0);
      }
      return [...loaded];
    };
    expect(ask('a', 'b', 'c', 'a')).toEqual(['a', 'b', 'c']);
    expect(ask('a', 'c')).toEqual([]);
    expect(ask('d', 'e', 'f')).toEqual(['d', 'e', 'f']);
    expect(ask('a')).toEqual(['a']);
  });

  it('never lets go of a state that is not durable', () => {
    const cache = new StateCache(2, newState);
    const state = cache.get('pending');
    state.group = 7;
    for (let index = 0; index < 10; index++) {
      cache.get(`s-${index}`);
      cache.trim(6);
    }
    expect(cache.get('pending')).toBe(state);
    for (let index = 0; index < 10; index++) {
      cache.get(`s-${index}`);
      cache.trim(7);
    }
    expect(cache.get('pending')).not.toBe(state);
  });
});
