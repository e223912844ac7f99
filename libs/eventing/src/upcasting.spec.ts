import type { Event } from './event.js';
import { currentVersion, shape, upcast, UnknownEventType, type Catalogue } from './upcasting.js';

interface LitV1 {
  readonly watt: number;
}
interface LitV2 {
  readonly milliwatt: number;
}
type LampEvent = Event<'LampLit', LitV2 & { readonly room: string }> | Event<'LampBroken', { readonly room: string }>;

const catalogue: Catalogue<LampEvent> = {
  LampLit: shape<LitV1>()
    .then<LitV2>((older) => ({ milliwatt: older.watt * 1000 }))
    .then<LitV2 & { readonly room: string }>((older) => ({ ...older, room: 'hall' })),
  LampBroken: 1,
};

it('brings every stored version to the newest shape', () => {
  expect(upcast(catalogue, 'LampLit', { watt: 5 }, 1)).toEqual({ milliwatt: 5000, room: 'hall' });
  expect(upcast(catalogue, 'LampLit', { milliwatt: 7 }, 2)).toEqual({ milliwatt: 7, room: 'hall' });
  expect(upcast(catalogue, 'LampLit', { milliwatt: 7, room: 'attic' }, 3)).toEqual({ milliwatt: 7, room: 'attic' });
  expect(upcast(catalogue, 'LampBroken', { room: 'attic' }, 1)).toEqual({ room: 'attic' });
  expect(currentVersion(catalogue, 'LampLit')).toBe(3);
});

it('stops at a type or a version from the future', () => {
  expect(() => upcast(catalogue, 'LampStolen', {}, 1)).toThrow(UnknownEventType);
  expect(() => upcast(catalogue, 'toString', {}, 1)).toThrow(UnknownEventType);
  expect(() => upcast(catalogue, 'LampLit', {}, 4)).toThrow(RangeError);
  expect(() => upcast(catalogue, 'LampBroken', {}, 2)).toThrow(RangeError);
});

it('does not compile when a type is left out or a chain ends in an old shape', () => {
  const stale = shape<LitV1>().then<LitV2>((older) => ({ milliwatt: older.watt }));
  // @ts-expect-error LampBroken is left out
  const incomplete: Catalogue<LampEvent> = { LampLit: catalogue.LampLit };
  // @ts-expect-error the chain ends in the second shape
  const outdated: Catalogue<LampEvent> = { LampLit: stale, LampBroken: 1 };
  expect([incomplete, outdated]).toHaveLength(2);
});
