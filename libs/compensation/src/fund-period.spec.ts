import { decodeData, encodeData, eventsOf, fold, fullPeriodEvents, maxEventBytes, type Periods } from '@recourse/eventing';
import { money } from '@recourse/money';
import { fund, type FundEvent, type Reservation } from './fund.js';
import type { Fund } from './fund-state.js';
import { fundPeriods, fundPeriodsOf } from './fund-period.js';

const fen = (minor: number) => money(BigInt(minor));
const event = eventsOf<FundEvent>();
const which = { platform: 'demo', asset: 'CNY' };
const openedAt = '2026-03-01T08:00:00.000Z';
const closedAt = '2026-03-31T16:00:00.000Z';
const opened = event('FundPeriodOpened', { platform: 'demo', period: '0001', available: fen(0), openedAt });
const contributed = event('FundContributed', { platform: 'demo', contributionId: 'k1', amount: fen(500), rail: 'alipay' });
const closed = event('FundPeriodClosed', { ...which, period: '0001', available: fen(500), closedAt });
const wanted = (no: number, long = ''): Reservation => ({
  platform: `demo${long.slice(0, 60)}`,
  merchant: `m${no % 7}${long.slice(0, 60)}`,
  buyer: `b1${long.slice(0, 60)}`,
  payee: `person-1${long.slice(0, 56)}`,
  rail: `alipay${long.slice(0, 58)}`,
  refundId: `r${no}${long}`,
  orderId: `o${no}${long}`,
  caseId: `o${no}.1${long}`,
  amount: fen(100),
  fromFund: fen(95),
  fromFees: fen(5),
  merchantShare: fen(95),
  total: fen(100),
  countedOn: '2026-03-01',
});
const limited = event('FundLimitsSet', {
  ...which,
  version: 1,
  dailyPerMerchant: fen(300),
  lowWaterMark: fen(600),
  reason: 'weekly review',
  proposedBy: 'ann',
  approvedBy: 'bob',
  setAt: openedAt,
});
const stateAfter = (...events: FundEvent[]): Fund => fold(fund, [opened, ...events]);

/** The next period, out of what is stored of its beginning. */
function turned(
  state: Fund,
  periods: Periods<Fund, FundEvent> = fundPeriods,
  at = closedAt,
): { begins: FundEvent[]; state: Fund } {
  const closing = periods.closing(state, at, Infinity);
  if (closing === undefined) throw new Error('the period is not open');
  const begins = (periods.following(fund.evolve(state, closing)) ?? []).map(
    (one) => ({ ...one, data: decodeData(encodeData(one.data)) }) as FundEvent,
  );
  return { begins, state: fold(fund, begins) };
}
const openBooks = (state: Fund) => {
  if (state.status !== 'open') throw new Error(state.status);
  const { waiting, aside, numbers, spent } = state;
  const all = <K, V>(map: { keys(): K[]; get(key: K): V | undefined }) => new Map(map.keys().map((key) => [key, map.get(key)]));
  return { ...state, waiting: all(waiting), aside: all(aside), numbers: all(numbers), spent: all(spent) };
};

it('a period of the fund is due at the first moment of the next month in Shanghai, and not a millisecond before', () => {
  const state = stateAfter(contributed);
  expect(fundPeriods.closing(state, '2026-03-31T15:59:59.999Z', 2)).toBeUndefined();
  expect(fundPeriods.closing(state, closedAt, 2)).toEqual(closed);
});

it('a period of the fund is due when it has so many events of its own', () => {
  const state = stateAfter(contributed);
  expect(fundPeriods.closing(state, openedAt, fullPeriodEvents)).toBeUndefined();
  expect(fundPeriods.closing(state, openedAt, fullPeriodEvents + 1)).toMatchObject({ type: 'FundPeriodClosed' });
});

it('who carries much goes on for as many events as that was entries, so that the carrying stays the smaller part', () => {
  const queue = Array.from({ length: 100 }, (_, no) => event('ReservationQueued', wanted(no)));
  const small = fundPeriodsOf(10);
  const { begins, state } = turned(stateAfter(...queue), small);
  const due = begins.length + 107; // 100 who wait and what 7 merchants have had
  expect(small.closing(state, openedAt, due - 1)).toBeUndefined();
  expect(small.closing(state, openedAt, due)).toMatchObject({ type: 'FundPeriodClosed' });
});

it('a fund that is not open yet has nothing to close', () => {
  expect(fundPeriods.closing(fund.initial, '2027-01-01T00:00:00.000Z', fullPeriodEvents)).toBeUndefined();
  expect(fundPeriods.following(fund.initial)).toBeUndefined();
  expect(fundPeriods.following(stateAfter(contributed))).toBeUndefined();
});

it('the next one begins with the money, the marks and the number after', () => {
  const level = { ...which, available: fen(500), lowWaterMark: fen(600), at: openedAt };
  const paused = event('FundPaused', { ...which, kind: 'pause', by: 'ann', reason: 'odd', pausedAt: openedAt });
  const state = stateAfter(contributed, limited, event('FundRanLow', level), paused, closed);
  expect(fundPeriods.following(state)).toEqual([
    event('FundPeriodOpened', {
      platform: 'demo',
      period: '0002',
      available: fen(500),
      carried: {
        head: 0,
        next: 0,
        askFrom: 0,
        isPaused: true,
        isLow: true,
        lowWaterMark: fen(600),
        dailyPerMerchant: fen(300),
        day: '2026-03-01',
        events: 0,
      },
      openedAt: closedAt,
    }),
  ]);
});

it('a closed period takes nothing, nor does one that is not there yet with all it begins with', () => {
  const over = stateAfter(event('ReservationQueued', wanted(1)), closed);
  const [first, ...forward] = fundPeriods.following(over) ?? [];
  const opening = fold(fund, [first!]);
  expect(fundPeriods.isOpening?.(opening)).toBe(true);
  for (const state of [over, opening])
    expect(fund.decide({ type: 'GoOn', at: closedAt }, state)).toMatchObject({ rejected: 'PeriodNotOpen' });
  expect(() => fold(fund, [contributed], over)).toThrow('FundContributed stands where the period is not open');
  expect(() => fold(fund, [contributed], opening)).toThrow('FundContributed stands where the period is not open');
  const open = fold(fund, forward, opening);
  expect(fundPeriods.isOpening?.(open)).toBe(false);
  expect(() => fold(fund, forward, open)).toThrow('or is open already');
});

it('who waits, who is aside, who is being let go, what merchants have had and who was reserved last go on', () => {
  const history = [
    contributed,
    limited,
    event('FundsReserved', wanted(1)),
    event('ReservationQueued', wanted(2)),
    event('ReservationQueued', { ...wanted(3), why: 'velocity-limit' }),
    event('ReservationQueued', { ...wanted(4), why: 'velocity-limit' }),
    event('FundDayOpened', { ...which, day: '2026-03-02', openedAt }),
    event('ReservationFreed', { ...which, ...wanted(3), because: 'new-day', countedOn: '2026-03-02' }),
  ];
  const before = stateAfter(...history);
  const { begins, state } = turned(before);
  const { period, spent, freeing, ...books } = openBooks(state);
  const { spent: spentBefore, freeing: freeingBefore, ...booksBefore } = openBooks(before);
  expect({ ...books, period, reservedLast: undefined }).toEqual({ ...booksBefore, period, reservedLast: undefined });
  expect(freeingBefore).toEqual({ numbers: [2, 3], done: 1, because: 'new-day' });
  expect(freeing).toEqual({ numbers: [3], done: 0, because: 'new-day' });
  expect(spentBefore.size).toBe(3);
  expect([...spent.keys()]).toEqual(['m3']); // of the days before nothing counts any more
  expect(state).toMatchObject({ reserved: 1, period: { no: '0002', month: '2026-04', carriedEvents: begins.length } });
  expect(period).toMatchObject({ carriedEntries: 3 + 1 + 1 + 1 });
});

it('the ring of those reserved last is the same behind any number of turns', () => {
  const reserve = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => event('FundsReserved', { ...wanted(from + i), fromFund: fen(0) }));
  const straight = stateAfter(...reserve(0, 3_000));
  const first = turned(stateAfter(...reserve(0, 700)));
  const second = turned(fold(fund, reserve(700, 1_300), first.state));
  const known = (state: Fund) => (state.status === 'open' ? state.numbers.keys().toSorted() : []);
  expect(known(straight)).toHaveLength(1_024);
  expect(known(fold(fund, reserve(2_000, 1_000), second.state))).toEqual(known(straight));
});

it('the largest entries go on in events that the store takes, however many there are', () => {
  const long = '.'.repeat(190);
  const history = Array.from({ length: 2_000 }, (_, no) =>
    no % 2 === 0
      ? event('ReservationQueued', wanted(no, long))
      : event('FundsReserved', { ...wanted(no, long), fromFund: fen(0) }),
  );
  const { begins, state } = turned(stateAfter(limited, ...history));
  expect(Math.max(...begins.map(({ data }) => encodeData(data).length))).toBeLessThan(maxEventBytes);
  expect(begins.length).toBeLessThan(50);
  expect(state).toMatchObject({ status: 'open', waiting: { size: 1_000 } });
});
