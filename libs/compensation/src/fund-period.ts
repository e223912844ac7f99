import { type DataOf, eventsOf, fullPeriodEvents, periodNo, type Periods, shanghaiMonth } from '@recourse/eventing';
import type { Money } from '@recourse/money';
import type { Entry, FundEvent } from './fund.js';
import { type Fund, keyOf, maxReservedLast, type Open, type Opening } from './fund-state.js';
import { PersistentMap } from './persistent-map.js';

/** What the first event of a period says of it besides the money: the parts of the state that have one value. */
export interface CarriedStanding {
  readonly head: number;
  readonly next: number;
  readonly askFrom: number;
  readonly isPaused: boolean;
  readonly isLow: boolean;
  readonly lowWaterMark?: Money;
  readonly dailyPerMerchant?: Money;
  readonly day: string;
}
/** The parts of the state that are lists. Each event holds a piece of one of them. */
interface Lists {
  /** Who waits, with the numbers of the approvals; those aside too, and those whose deposit is still to be asked. */
  readonly waiting: readonly (Entry & { readonly number: number; readonly isAside?: true; readonly isUnasked?: true })[];
  /** By `keyOf`: what was paid last, the oldest first. */
  readonly reservedLast: readonly { readonly number: number; readonly key: string }[];
  /** What counts against the merchants' limits on the newest day; no earlier one matters any more. */
  readonly spent: readonly { readonly merchant: string; readonly day: string; readonly amount: Money }[];
  /** Of those aside, the ones that are being let go and have not gone yet, in order. */
  readonly freeing: readonly { readonly number: number; readonly because: 'new-day' | 'new-limits' }[];
  /** Refunds that a merchant's deposit was asked for. */
  readonly handedOver: readonly { readonly refundId: string; readonly is: 'asked' | 'withdrawn' | 'taken' }[];
}
export type CarriedLists = Partial<Lists>;

export interface FundPeriod {
  readonly no: string;
  /** In Asia/Shanghai. */
  readonly month: string;
  /** Events that began it, and entries of lists that they brought. */
  readonly carriedEvents: number;
  readonly carriedEntries: number;
}
/** Everything that a period hands to the next one beside its name and its money. */
type Books = Omit<Open, 'status' | 'period' | 'platform' | 'asset' | 'available'>;
/** Parts that are made again out of the entries of `waiting` and `reservedLast`. */
type MadeAgain = 'aside' | 'unasked' | 'numbers' | 'reserved';

type ListName = keyof Lists;
type Entries<Name extends ListName> = Lists[Name];
interface CarriedList<Name extends ListName> {
  /** So many in one event, which holds 64 KiB. */
  readonly atOnce: number;
  readonly of: (state: Open) => Entries<Name>;
  readonly into: (state: Books, entries: Entries<Name>) => Partial<Books>;
}

/** Each part of the state stands in `CarriedStanding` or has its list here; a new one does not compile until it has a place. */
const lists: {
  readonly [Name in ListName | Exclude<keyof Books, keyof CarriedStanding | MadeAgain>]: CarriedList<Name>;
} = {
  waiting: {
    atOnce: 32,
    of: ({ waiting, aside, unasked }) =>
      sorted(waiting).map(([number, entry]) => ({
        number,
        ...(aside.has(number) && { isAside: true as const }),
        ...(unasked.has(number) && { isUnasked: true as const }),
        ...entry,
      })),
    into: ({ waiting, aside, unasked, numbers }, entries) => ({
      waiting: entries.reduce((all, entry) => all.with(entry.number, bare(entry)), waiting),
      aside: entries.reduce((all, { number, isAside }) => (isAside ? all.with(number, true) : all), aside),
      unasked: entries.reduce((all, { number, isUnasked }) => (isUnasked ? all.with(number, true) : all), unasked),
      numbers: entries.reduce((all, entry) => all.with(keyOf(entry), entry.number), numbers),
    }),
  },
  reservedLast: {
    atOnce: 200,
    of: ({ reservedLast, reserved, numbers }) =>
      Array.from({ length: Math.min(reserved, maxReservedLast) }, (_, i) => reserved - 1 - i)
        .toReversed()
        .flatMap((no) => {
          const key = reservedLast.get(no % maxReservedLast);
          const number = key === undefined ? undefined : numbers.get(key);
          return key === undefined || number === undefined ? [] : [{ number, key }];
        }),
    // The ring begins anew with its oldest, so that no entry needs its place.
    into: ({ reservedLast, reserved, numbers }, entries) => ({
      reservedLast: entries.reduce((ring, { key }, i) => ring.with((reserved + i) % maxReservedLast, key), reservedLast),
      reserved: reserved + entries.length,
      numbers: entries.reduce((all, { number, key }) => all.with(key, number), numbers),
    }),
  },
  spent: {
    atOnce: 256,
    of: ({ spent, day: newest }) =>
      sorted(spent)
        .filter(([, { day }]) => day >= newest)
        .map(([merchant, { day, amount }]) => ({ merchant, day, amount })),
    into: ({ spent }, entries) => ({
      spent: entries.reduce((all, { merchant, ...on }) => all.with(merchant, on), spent),
    }),
  },
  freeing: {
    atOnce: 1_000,
    of: ({ freeing: { numbers, done, because } }) => numbers.slice(done).map((number) => ({ number, because })),
    into: ({ freeing }, entries) => ({
      freeing: entries.reduce(
        ({ numbers, done }, { number, because }) => ({ numbers: [...numbers, number], done, because }),
        freeing,
      ),
    }),
  },
  handedOver: {
    atOnce: 500,
    of: ({ handedOver }) => sorted(handedOver).map(([refundId, is]) => ({ refundId, is })),
    into: ({ handedOver }, entries) => ({
      handedOver: entries.reduce((all, { refundId, is }) => all.with(refundId, is), handedOver),
    }),
  },
};
/** Without what was written beside it. */
const bare = (entry: Entry): Entry =>
  entry.kind === 'reservation' ? { kind: entry.kind, wanted: entry.wanted } : { kind: entry.kind, wanted: entry.wanted };
const names = Object.keys(lists) as ListName[];
const event = eventsOf<FundEvent>();
const sorted = <K extends number | string, V>(map: PersistentMap<K, V>): (readonly [K, V])[] =>
  map
    .keys()
    .toSorted((one, other) => (one < other ? -1 : 1))
    .flatMap((key) => {
      const value = map.get(key);
      return value === undefined ? [] : [[key, value] as const];
    });

const standingOf = ({ head, next, askFrom, isPaused, isLow, lowWaterMark, dailyPerMerchant, day }: Books): CarriedStanding => ({
  head,
  next,
  askFrom,
  isPaused,
  isLow,
  ...(lowWaterMark && { lowWaterMark }),
  ...(dailyPerMerchant && { dailyPerMerchant }),
  day,
});
const nothing = (): Books => ({
  waiting: PersistentMap.empty(),
  aside: PersistentMap.empty(),
  head: 0,
  next: 0,
  numbers: PersistentMap.empty(),
  reservedLast: PersistentMap.empty(),
  reserved: 0,
  handedOver: PersistentMap.empty(),
  unasked: PersistentMap.empty(),
  askFrom: 0,
  isPaused: false,
  isLow: false,
  lowWaterMark: undefined,
  dailyPerMerchant: undefined,
  day: '',
  spent: PersistentMap.empty(),
  freeing: { numbers: [], done: 0, because: 'new-day' },
});

type Opened = DataOf<FundEvent, 'FundPeriodOpened'>;

/** What a period begins with. */
export function openedWith({ platform, period: no, available, carried, openedAt }: Opened): Open {
  const { events = 0, ...standing } = carried ?? {};
  const period = { no, month: shanghaiMonth(openedAt), carriedEvents: 1 + events, carriedEntries: 0 };
  return { status: 'open', platform, asset: available.asset, available, period, ...nothing(), ...standing };
}
/** It is open with the last of the events that carry something into it. */
export const begun = (opened: Opened): Fund => awaiting(opened.carried?.events ?? 0, openedWith(opened));
export const carriedInto = ({ awaits, ...fund }: Opening, data: CarriedLists): Fund =>
  awaiting(
    awaits - 1,
    names.reduce<Open>((state, name) => taken(name, state, data), { ...fund, status: 'open' }),
  );
const awaiting = (awaits: number, fund: Open): Fund => (awaits === 0 ? fund : { ...fund, status: 'opening', awaits });

function taken<Name extends ListName>(name: Name, state: Open, data: CarriedLists): Open {
  const entries: Entries<Name> | undefined = data[name];
  if (entries === undefined) return state;
  const { period } = state;
  const carriedEntries = period.carriedEntries + entries.length;
  return { ...state, ...lists[name].into(state, entries), period: { ...period, carriedEntries } };
}

function pieces<Name extends ListName>(name: Name, state: Open): CarriedLists[] {
  const { atOnce, of } = lists[name];
  const entries = of(state);
  return Array.from({ length: Math.ceil(entries.length / atOnce) }, (_, no) => ({
    [name]: entries.slice(no * atOnce, (no + 1) * atOnce),
  }));
}

/**
 * A period of the fund ends with its calendar month in Shanghai, or when it is full: when it has so many events of its own, and
 * as many as entries of lists were carried into it, so that carrying them costs no more than what happened in between.
 */
export const fundPeriodsOf = (fullEvents: number): Periods<Fund, FundEvent> => ({
  closing: (state, at, length) => {
    if (state.status !== 'open') return undefined;
    const { platform, asset, available, period } = state;
    const isFull = length - period.carriedEvents >= Math.max(fullEvents, period.carriedEntries);
    if (!isFull && shanghaiMonth(at) <= period.month) return undefined;
    return event('FundPeriodClosed', { platform, asset, period: period.no, available, closedAt: at });
  },
  following: (state) => {
    if (state.status !== 'over') return undefined;
    const { platform, asset, available, closedAt } = state;
    const open: Open = { ...state, status: 'open' };
    const forward = names.flatMap((name) => pieces(name, open));
    const period = periodNo(Number(state.period.no) + 1);
    const carried = { ...standingOf(open), events: forward.length };
    return [
      event('FundPeriodOpened', { platform, period, available, carried, openedAt: closedAt }),
      ...forward.map((piece) => event('FundCarriedForward', { platform, asset, ...piece })),
    ];
  },
  isOpening: ({ status }) => status === 'opening',
});
export const fundPeriods = fundPeriodsOf(fullPeriodEvents);
