import { money } from '@recourse/money';
import { decodeState, encodeState, notBefore } from './folded-state.js';

it('a state comes back from its column as it was: sets, maps and amounts at any depth', () => {
  const state = {
    ids: new Set(['b', 'a']),
    byUnit: new Map([[2, { price: money(9_007_199_254_740_993n), seen: new Set<number>() }]]),
    list: [new Map([['x', null]]), 'text', 7, true],
  };
  const again = decodeState(JSON.parse(encodeState(state))) as typeof state;
  expect(again).toEqual(state);
  expect([...again.ids]).toEqual(['b', 'a']);
  expect(encodeState(again)).toBe(encodeState(state));
});

it('moments of one unit do not run backwards', () => {
  const [early, late] = ['2026-03-01T00:00:00.000Z', '2026-03-01T00:00:00.001Z'];
  expect([notBefore(early, late), notBefore(late, early), notBefore(early, undefined)]).toEqual([late, late, early]);
});
