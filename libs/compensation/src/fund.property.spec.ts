import { decodeData, encodeData, fold, isRejection, plusHours, shanghaiDay } from '@recourse/eventing';
import { money, zero } from '@recourse/money';
import fc from 'fast-check';
import { fund, type Fund, type FundEvent, type FundInput, fundProcessor } from './fund.js';
import { fundPeriods } from './fund-period.js';

const fen = (minor: number) => money(BigInt(minor));
const which = { platform: 'demo', asset: 'CNY' };
const people = { orderedBy: 'ann', reason: 'why not' };
const firstMoment = '2026-03-01T08:00:00.000Z';

/** What happens around a fund, in plain numbers. */
type Happening =
  | { do: 'refund'; merchant: string; fen: number; again: boolean }
  | { do: 'money'; fen: number; reimbursed: boolean }
  | { do: 'pause' | 'resume' | 'day' }
  | { do: 'limits'; mark: number | undefined; daily: number | undefined }
  | { do: 'lift'; pick: number }
  | { do: 'wait'; hours: number };

const sometimes = (arbitrary: fc.Arbitrary<number>) => fc.option(arbitrary, { nil: undefined });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('refund' as const),
      merchant: fc.constantFrom('m1', 'm2', 'm3'),
      fen: fc.integer({ min: 0, max: 60 }),
      again: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('money' as const), fen: fc.integer({ min: 1, max: 150 }), reimbursed: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('pause' as const, 'resume' as const, 'day' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('limits' as const),
      mark: sometimes(fc.integer({ min: 0, max: 120 })),
      daily: sometimes(fc.integer({ min: 1, max: 100 })),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lift' as const), pick: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 30 }) }) },
);
const histories = fc.array(happening, { maxLength: 40, size: 'max' });

const refund = (refundId: string, merchant: string, minor: number): FundInput => {
  const amount = fen(minor);
  const none = zero();
  return {
    type: 'RefundApproved',
    data: {
      platform: 'demo',
      merchant,
      buyer: 'b1',
      payee: 'vault:b1',
      rail: 'alipay',
      refundId,
      orderId: 'o1',
      ground: { kind: 'not-delivered-in-time' },
      lines: [],
      total: amount,
      fromEscrow: none,
      fromFund: amount,
      // Never nothing at all, or it would be no matter of the fund.
      fromFees: fen(1),
      merchantShare: none,
      approvedAt: '',
    },
  };
};

/** The happenings as the inputs that the fund reads in the log, each with its moment. */
function inputsOf(history: readonly Happening[]): { input: FundInput; at: string }[] {
  let hours = 0;
  let version = 0;
  let refunds = 0;
  return history.flatMap((one) => {
    const at = plusHours(firstMoment, hours);
    const of = (...inputs: FundInput[]) => inputs.map((input) => ({ input, at }));
    switch (one.do) {
      case 'wait':
        hours += one.hours;
        return [];
      case 'refund': {
        const approved = refund(`r${(refunds += 1)}`, one.merchant, one.fen);
        return of(approved, ...(one.again ? [approved] : []));
      }
      case 'money': {
        const amount = fen(one.fen);
        const debit = {
          platform: 'demo',
          merchant: 'm1',
          obligationId: 'r0',
          refundId: 'r0',
          outstanding: zero(),
          debitedAt: at,
        };
        if (one.reimbursed) return of({ type: 'PayableDebited', data: { ...debit, amount } });
        const contribution = { contributionId: 'k', platform: 'demo', amount, rail: 'alipay', transaction: 't' };
        return of({
          type: 'ContributionApproved',
          data: { ...contribution, proposedBy: 'ann', approvedBy: 'bob', approvedAt: at },
        });
      }
      case 'pause':
        return of({ type: 'FundPauseOrdered', data: { ...which, ...people, kind: 'pause', orderedAt: at } });
      case 'resume':
        return of({ type: 'FundResumeOrdered', data: { ...which, ...people, orderedAt: at } });
      case 'day':
        return of({ type: 'FundDayBegan', data: { ...which, day: shanghaiDay(at), begunAt: at } });
      case 'lift':
        return of({ type: 'FundHoldLiftOrdered', data: { ...which, ...people, refundId: `r${one.pick}`, orderedAt: at } });
      case 'limits': {
        const mark = one.mark === undefined ? {} : { lowWaterMark: fen(one.mark) };
        const daily = one.daily === undefined ? {} : { dailyPerMerchant: fen(one.daily) };
        const by = { reason: 'why not', proposedBy: 'ann', approvedBy: 'bob', approvedAt: at };
        return of({ type: 'FundLimitsApproved', data: { ...which, version: (version += 1), ...mark, ...daily, ...by } });
      }
    }
  });
}

interface Seen {
  /** Ids in the order in which they were paid. */
  paid: string[];
  waiting: string[];
  aside: string[];
  available: number;
  alarms: number;
}

/** The rules once more, by hand: one list of refunds in the order of their approvals, looked through from the start every time. */
function model(history: readonly Happening[]): Seen[] {
  const refunds: { id: string; merchant: string; fen: number; is: 'waiting' | 'aside' | 'paid' }[] = [];
  const paid: string[] = [];
  const spent = new Map<string, number>();
  let [available, alarms, hours, today] = [0, 0, 0, ''];
  let [paused, low] = [false, false];
  let mark: number | undefined;
  let daily: number | undefined;
  const seen: Seen[] = [];
  const key = (merchant: string) => `${merchant} on ${today}`;
  const spentToday = (merchant: string) => spent.get(key(merchant)) ?? 0;
  const count = ({ merchant, fen: some }: { merchant: string; fen: number }) => {
    if (daily !== undefined) spent.set(key(merchant), spentToday(merchant) + some);
  };
  const letGo = (isNewDay: boolean) => {
    for (const one of refunds) {
      const fits = daily === undefined || spentToday(one.merchant) + one.fen <= daily;
      if (one.is !== 'aside' || !(fits || (isNewDay && spentToday(one.merchant) === 0))) continue;
      one.is = 'waiting';
      count(one);
    }
  };
  const settle = () => {
    for (let first = refunds.find(({ is }) => is === 'waiting'); first && !paused && first.fen <= available;) {
      first.is = 'paid';
      available -= first.fen;
      paid.push(first.id);
      first = refunds.find(({ is }) => is === 'waiting');
    }
    const isLow = mark !== undefined && available < mark;
    if (isLow && !low) alarms += 1;
    low = isLow;
  };
  for (const one of history) {
    const calendar = shanghaiDay(plusHours(firstMoment, hours));
    if (one.do !== 'wait') today = calendar > today ? calendar : today;
    switch (one.do) {
      case 'wait':
        hours += one.hours;
        continue;
      case 'refund': {
        const beyond = daily !== undefined && spentToday(one.merchant) + one.fen > daily;
        const next = {
          id: `r${refunds.length + 1}`,
          merchant: one.merchant,
          fen: one.fen,
          is: beyond ? ('aside' as const) : ('waiting' as const),
        };
        refunds.push(next);
        if (!beyond) count(next);
        break;
      }
      case 'money':
        available += one.fen;
        break;
      case 'pause':
      case 'resume':
        paused = one.do === 'pause';
        break;
      case 'day':
        letGo(true);
        break;
      case 'lift': {
        const held = refunds.find(({ id, is }) => id === `r${one.pick}` && is === 'aside');
        if (held) {
          held.is = 'waiting';
          count(held);
        }
        break;
      }
      case 'limits':
        ({ mark, daily } = one);
        letGo(false);
    }
    settle();
    const ids = (wanted: string) => refunds.filter(({ is }) => is === wanted).map(({ id }) => id);
    const snapshot = { paid: [...paid], waiting: ids('waiting'), aside: ids('aside'), available, alarms };
    seen.push(snapshot);
    if (one.do === 'refund' && one.again) seen.push(snapshot);
  }
  return seen;
}

type Rules = Pick<typeof fund, 'decide' | 'evolve'>;

/** What the decider makes of it: read from its events, each approval in its place. */
function played(history: readonly Happening[], rules: Rules): Seen[] {
  let state: Fund = fund.initial;
  const approvals: string[] = [];
  const [waiting, aside] = [new Set<string>(), new Set<string>()];
  const paid: string[] = [];
  let [available, alarms] = [0, 0];
  const decide = (command: Parameters<Rules['decide']>[0]) => {
    const decided = rules.decide(command, state);
    if (isRejection(decided)) throw new Error(decided.detail);
    for (const happened of decided) {
      state = rules.evolve(state, happened);
      const { type, data } = happened;
      if (type === 'FundsReserved' || type === 'ReservationQueued') {
        if (!approvals.includes(data.refundId)) approvals.push(data.refundId);
        waiting.delete(data.refundId);
      }
      if (type === 'FundsReserved') {
        paid.push(data.refundId);
        available -= Number(data.fromFund.minor);
      } else if (type === 'ReservationQueued') {
        (data.why === 'velocity-limit' ? aside : waiting).add(data.refundId);
      } else if (type === 'ReservationFreed') {
        aside.delete(data.refundId);
        waiting.add(data.refundId);
      } else if (type === 'FundContributed' || type === 'FundReimbursed') available += Number(data.amount.minor);
      else if (type === 'FundRanLow') alarms += 1;
    }
  };
  return inputsOf(history).map(({ input, at }) => {
    decide({ type: 'TakeInput', input, at });
    let steps = 0;
    for (let more = fundProcessor.onward?.(state); more; more = fundProcessor.onward?.(state)) {
      // Each refund is freed and reserved once at most, and the level is told: more than that goes round in circles, as a mutant may.
      if ((steps += 1) > 2 * approvals.length + 1) throw new Error('the fund goes on without end');
      decide({ ...more, at });
    }
    const inOrder = (ids: ReadonlySet<string>) => approvals.filter((id) => ids.has(id));
    return { paid: [...paid], waiting: inOrder(waiting), aside: inOrder(aside), available, alarms };
  });
}

/** Histories drawn; a mutant is found within the first few. */
const numRuns = 10_000;
const agree = (rules: Rules) =>
  fc.assert(
    fc.property(histories, (history) => {
      expect(played(history, rules)).toEqual(model(history));
    }),
    { numRuns },
  );

it('the fund does what the rules say, whatever happens around it and in whatever order', () => {
  agree(fund);
});

describe('the model notices a fund', () => {
  const mutants: Record<string, Rules> = {
    'that lets a small refund overtake': {
      ...fund,
      decide: (command, state) => {
        const decided = fund.decide(command, state);
        const [first] = isRejection(decided) ? [] : decided;
        if (first?.type !== 'ReservationQueued' || first.data.why !== undefined || state.status !== 'open') return decided;
        return state.available.minor >= first.data.fromFund.minor ? [{ type: 'FundsReserved', data: first.data }] : decided;
      },
    },
    'that pays while it is paused': {
      ...fund,
      evolve: (state, happened) => (happened.type === 'FundPaused' ? state : fund.evolve(state, happened)),
    },
    'that forgets what a merchant has had today': {
      ...fund,
      evolve: (state, happened) => {
        const after = fund.evolve(state, happened);
        return after.status === 'open' && state.status === 'open' ? { ...after, spent: state.spent } : after;
      },
    },
    'that loses a refund held aside when a new day begins': {
      ...fund,
      evolve: (state, happened) =>
        happened.type === 'FundDayOpened' && state.status === 'open'
          ? ({ ...fold(fund, [happened], state), freeing: { numbers: [], done: 0, because: 'new-day' } } as Fund)
          : fund.evolve(state, happened),
    },
    'that reserves twice what is approved twice': {
      ...fund,
      decide: (command, state) =>
        fund.decide(command, state.status === 'open' ? { ...state, numbers: state.numbers.without('r1') } : state),
    },
  };
  it.each(Object.keys(mutants))('%s', (name) => {
    expect(() => agree(mutants[name]!)).toThrow();
  });
});

type Carry = (begins: FundEvent) => FundEvent;
/** The fund's own events, each with the moment; the period is turned behind the decisions that `turns` names, one after the other. */
function told(history: readonly Happening[], turns: readonly boolean[], carry: Carry): unknown[] {
  let state: Fund = fund.initial;
  let decisions = 0;
  const events: unknown[] = [];
  const decide = (command: Parameters<typeof fund.decide>[0]) => {
    const decided = fund.decide(command, state);
    if (isRejection(decided)) throw new Error(decided.detail);
    state = fold(fund, decided, state);
    events.push(...decided.map((happened) => ({ ...happened, at: command.at })));
    if (turns.length === 0 || !turns[(decisions += 1) % turns.length]) return;
    const closing = fundPeriods.closing(state, command.at, Infinity);
    if (closing === undefined) return; // nobody has opened it yet
    const begins = fundPeriods.following(fund.evolve(state, closing)) ?? [];
    state = fold(
      fund,
      begins.map((one) => carry({ ...one, data: decodeData(encodeData(one.data)) } as FundEvent)),
    );
  };
  for (const { input, at } of inputsOf(history)) {
    decide({ type: 'TakeInput', input, at });
    for (
      let steps = 0, more = fundProcessor.onward?.(state);
      more && steps < 200;
      steps += 1, more = fundProcessor.onward?.(state)
    )
      decide({ ...more, at });
  }
  return events;
}
const turns = fc.array(fc.boolean(), { maxLength: 12 });
const turnsUnseen = (carry: Carry, endOnFailure = false) =>
  fc.assert(
    fc.property(histories, turns, (history, places) => {
      expect(told(history, places, carry)).toEqual(told(history, [], carry));
    }),
    { numRuns: 3_000, endOnFailure },
  );

it('a fund that goes on in new periods, wherever they begin, decides what one in a single period does', () => {
  turnsUnseen((begins) => begins);
});

describe('it is noticed when a period does not go on with', () => {
  const without =
    (part: string, beginning: unknown): Carry =>
    (begins) => {
      if (begins.type === 'FundPeriodOpened' && begins.data.carried && part in begins.data.carried)
        return { ...begins, data: { ...begins.data, carried: { ...begins.data.carried, [part]: beginning } } } as FundEvent;
      if (begins.type === 'FundCarriedForward' && part in begins.data)
        return { ...begins, data: { ...begins.data, [part]: beginning } } as FundEvent;
      return begins;
    };
  it.each([
    ['head', 0],
    ['next', 0],
    ['isPaused', false],
    ['isLow', false],
    ['lowWaterMark', undefined],
    ['dailyPerMerchant', undefined],
    ['waiting', []],
    ['reservedLast', []],
    ['spent', []],
    ['freeing', []],
  ])('its %s', (part, beginning) => {
    expect(() => turnsUnseen(without(part, beginning), true)).toThrow();
  });
});
