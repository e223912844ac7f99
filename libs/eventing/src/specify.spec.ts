import { money, type Money } from '@recourse/money';
import { decodeData, encodeData, maxEventBytes } from './codec.js';
import { reject, type Decider } from './decider.js';
import { eventsOf, type Event } from './event.js';
import { SpecificationFailed, specify } from './specify.js';

type TillEvent = Event<'MoneyTaken', { readonly amount: Money }>;
type TillCommand = { readonly type: 'TakeMoney'; readonly amount: Money };
const event = eventsOf<TillEvent>();

const till: Decider<TillCommand, Money, TillEvent, 'NotPositive' | 'Full'> = {
  category: 'till',
  initial: money(0n),
  events: { MoneyTaken: 1 },
  decide: (command, state) => {
    if (command.amount.minor < 0n) return reject('NotPositive', 'an amount is positive');
    if (state.minor + command.amount.minor > 10n) return reject('Full', 'the till holds ten fen');
    return command.amount.minor === 0n ? [] : [event('MoneyTaken', { amount: command.amount })];
  },
  evolve: (state, taken) => money(state.minor + taken.data.amount.minor),
};
const { given } = specify(till);
const taken = (minor: bigint) => event('MoneyTaken', { amount: money(minor) });
const take = (minor: bigint): TillCommand => ({ type: 'TakeMoney', amount: money(minor) });

it('reads as sentences', () => {
  given().when(take(3n)).then(taken(3n));
  given(taken(3n)).and(taken(4n)).when(take(4n)).thenRejected('Full');
  given(taken(3n)).when(take(0n)).thenNothing();
});

it('fails loudly when the sentence is not true', () => {
  expect(() => given().when(take(3n)).then(taken(4n))).toThrow(SpecificationFailed);
  expect(() => given().when(take(3n)).thenNothing()).toThrow(SpecificationFailed);
  expect(() => given().when(take(3n)).thenRejected('Full')).toThrow(SpecificationFailed);
  expect(() => given().when(take(-3n)).then()).toThrow(SpecificationFailed);
});

it('does not compile with an unknown rejection', () => {
  // @ts-expect-error no such code
  expect(() => given().when(take(3n)).thenRejected('Typo')).toThrow(SpecificationFailed);
});

it('stores amounts as text and refuses what would lose value', () => {
  expect(encodeData({ amount: money(1234n), note: undefined })).toBe('{"amount":{"asset":"CNY","minor":"1234"}}');
  expect(decodeData('{"amount":{"asset":"CNY","minor":"1234"}}')).toEqual({ amount: money(1234n) });
  expect(() => encodeData({ n: 1.5 })).toThrow(TypeError);
  expect(() => encodeData({ n: 1n })).toThrow(TypeError);
  expect(() => encodeData({ n: 'x'.repeat(maxEventBytes) })).toThrow(RangeError);
});
