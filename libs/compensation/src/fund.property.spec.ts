import { decodeData, encodeData, fold, isRejection, plusHours, shanghaiDay } from '@recourse/eventing';
import { money, zero } from '@recourse/money';
import fc from 'fast-check';
import { fund, type FundEvent, type FundInput, fundProcessor } from './fund.js';
import type { Fund } from './fund-state.js';
import { fundPeriods } from './fund-period.js';

const fen = (minor: number) => money(BigInt(minor));
const which = { platform: 'demo', asset: 'CNY' };
const people = { orderedBy: 'ann', reason: 'why not' };
const firstMoment = '2026-03-01T08:00:00.000Z';

/** What happens around a fund, in plain numbers. */
type Happening =
  | { do: 'refund'; merchant: string; fen: number; again: boolean; bears: boolean }
  /** The word of the deposit, meant for one that was handed over; for any other it comes out of turn. */
  | { do: 'funded' | 'declined' | 'paid' | 'revoke'; pick: number }
  | { do: 'top-up'; merchant: string }
  | { do: 'compensation'; merchant: string; fen: number; again: boolean }
  | { do: 'money'; fen: number; how: 'contributed' | 'reimbursed' | 'returned' }
  | { do: 'pause' | 'resume' | 'day' }
  | { do: 'limits'; mark: number | undefined; daily: number | undefined }
  | { do: 'lift'; pick: number }
  | { do: 'wait'; hours: number };

const sometimes = (arbitrary: fc.Arbitrary<number>) => fc.option(arbitrary, { nil: undefined });
/** Of the first few, so that what belongs together often meets. */
const pick = fc.integer({ min: 1, max: 12 });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('refund' as const),
      merchant: fc.constantFrom('m1', 'm2', 'm3'),
      fen: fc.integer({ min: 0, max: 60 }),
      again: fc.boolean(),
      bears: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('funded' as const, 'declined' as const, 'paid' as const, 'revoke' as const),
      pick,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('top-up' as const), merchant: fc.constantFrom('m1', 'm2', 'm3') }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('money' as const),
      fen: fc.integer({ min: 1, max: 150 }),
      how: fc.constantFrom('contributed' as const, 'reimbursed' as const, 'returned' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('compensation' as const),
      merchant: fc.constantFrom('m1', 'm2', 'm3'),
      fen: fc.integer({ min: 1, max: 60 }),
      again: fc.boolean(),
    }),
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

const partiesOf = (merchant: string) => ({ platform: 'demo', merchant, buyer: 'b1', payee: 'vault:b1', rail: 'alipay' });
interface Approved {
  readonly refundId: string;
  readonly merchant: string;
  readonly fen: number;
  readonly bears: boolean;
}
const amountsOf = ({ fen: minor, bears }: Approved) => ({
  total: fen(minor),
  fromEscrow: zero(),
  fromFund: fen(minor),
  // Never nothing at all, or it would be no matter of the fund.
  fromFees: fen(1),
  merchantShare: bears ? fen(minor) : zero(),
});
const refund = (approved: Approved): FundInput => {
  const { refundId, merchant, fen: minor } = approved;
  const amounts = amountsOf(approved);
  const { fromEscrow, fromFund, fromFees, merchantShare } = amounts;
  const line = { unitNo: 1, source: 'fund', liable: 'MERCHANT', amount: fen(minor + 1) } as const;
  return {
    type: 'RefundApproved',
    data: {
      ...partiesOf(merchant),
      refundId,
      orderId: 'o1',
      ground: { kind: 'not-delivered-in-time' },
      lines: [{ ...line, fromEscrow, fromFund, fromFees, merchantShare }],
      ...amounts,
      approvedAt: '',
    },
  };
};
const depositSays = (of: Approved, word: 'funded' | 'declined' | 'paid', at: string): FundInput => {
  const { refundId, merchant, fen: minor } = of;
  const account = { platform: 'demo', merchant, refundId, orderId: 'o1', amount: fen(minor) };
  if (word === 'declined') return { type: 'HandOverDeclined', data: { ...account, because: 'not-covered', declinedAt: at } };
  if (word === 'paid') return { type: 'DepositFundingPaid', data: { ...account, paidAt: at } };
  const from = { fromHeld: zero(), fromDeposit: fen(minor), fromFees: fen(1), total: fen(minor + 1), fundedAt: at };
  return { type: 'RefundFundedFromDeposit', data: { ...partiesOf(merchant), ...account, ...from } };
};

/** The happenings as the inputs that the fund reads in the log, each with its moment. */
function inputsOf(history: readonly Happening[]): { input: FundInput; at: string }[] {
  let hours = 0;
  let version = 0;
  const refunds: Approved[] = [];
  let compensations = 0;
  // Who has his money keeps it: such a refund is not revoked, nor is one revoked twice.
  const over = new Set<string>();
  return history.flatMap((one) => {
    const at = plusHours(firstMoment, hours);
    const of = (...inputs: FundInput[]) => inputs.map((input) => ({ input, at }));
    switch (one.do) {
      case 'wait':
        hours += one.hours;
        return [];
      case 'refund': {
        const { merchant, bears } = one;
        refunds.push({ refundId: `r${refunds.length + 1}`, merchant, fen: one.fen, bears });
        const approved = refund(refunds.at(-1)!);
        return of(approved, ...(one.again ? [approved] : []));
      }
      case 'funded':
      case 'declined':
      case 'paid': {
        const asked = refunds[one.pick - 1];
        if (asked && one.do === 'paid') over.add(asked.refundId);
        return asked ? of(depositSays(asked, one.do, at)) : [];
      }
      case 'revoke': {
        const gone = refunds[one.pick - 1];
        if (!gone || over.has(gone.refundId)) return [];
        over.add(gone.refundId);
        const { refundId, merchant } = gone;
        const whole = { ...partiesOf(merchant), refundId, orderId: 'o1', disputeId: 'o1.1', lines: [] };
        return of({ type: 'RefundRevoked', data: { ...whole, ...amountsOf(gone), revokedAt: at } });
      }
      case 'top-up': {
        const { merchant } = one;
        const toppedUp = { platform: 'demo', merchant, amount: fen(1), rail: 'alipay', transaction: 't', toppedUpAt: at };
        return of({ type: 'DepositToppedUp', data: toppedUp });
      }
      case 'compensation': {
        // Each for a refund of the same number, as if a verdict were overturned: the two are told apart.
        const lost = { refundId: `r${(compensations += 1)}`, orderId: 'o1', recovered: fen(one.fen), escrowLoss: zero() };
        const claimed: FundInput = {
          type: 'CompensationClaimed',
          data: { platform: 'demo', merchant: one.merchant, ...lost, amount: fen(one.fen), claimedAt: at },
        };
        return of(claimed, ...(one.again ? [claimed] : []));
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
        if (one.how === 'reimbursed') return of({ type: 'PayableDebited', data: { ...debit, amount } });
        if (one.how === 'returned') {
          const purpose = { kind: 'refund', refundId: 'r0', orderId: 'o1', buyer: 'b1', merchant: 'm1' } as const;
          return of({
            type: 'PayoutReturned',
            data: { payoutId: 'r0', platform: 'demo', purpose, rail: 'alipay', amount, returnedAt: at },
          });
        }
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
  /** Handed over and not answered. */
  asked: string[];
  /** How often the deposits were asked, and how often something was taken back from them. */
  questions: number;
  revocations: number;
  available: number;
  alarms: number;
}

/** The rules once more, by hand: one list of refunds and compensations in the order of the log, looked through from the start every time. */
function model(history: readonly Happening[]): Seen[] {
  interface Wanted {
    id: string;
    merchant: string;
    fen: number;
    bears: boolean;
    is: 'waiting' | 'aside' | 'paid' | 'asked' | 'withdrawn' | 'withdrawn-asked' | 'taken' | 'over';
    unasked: boolean;
    counted?: string;
    revoked?: boolean;
    buyerPaid?: boolean;
  }
  const wanted: Wanted[] = [];
  const refunds: Wanted[] = [];
  let compensations = 0;
  const paid: string[] = [];
  const spent = new Map<string, number>();
  let [available, alarms, hours, today, questions, revocations] = [0, 0, 0, '', 0, 0];
  let [paused, low] = [false, false];
  let mark: number | undefined;
  let daily: number | undefined;
  const seen: Seen[] = [];
  const key = (merchant: string) => `${merchant} on ${today}`;
  const spentToday = (merchant: string) => spent.get(key(merchant)) ?? 0;
  const count = (one: Wanted) => {
    if (daily === undefined) return;
    one.counted = key(one.merchant);
    spent.set(one.counted, spentToday(one.merchant) + one.fen);
  };
  const uncount = ({ counted, fen: some }: Wanted) => {
    if (counted !== undefined) spent.set(counted, (spent.get(counted) ?? 0) - some);
  };
  const letGo = (isNewDay: boolean) => {
    for (const one of wanted) {
      const fits = daily === undefined || spentToday(one.merchant) + one.fen <= daily;
      if (one.is !== 'aside' || !(fits || (isNewDay && spentToday(one.merchant) === 0))) continue;
      one.is = 'waiting';
      count(one);
    }
  };
  const settle = () => {
    while (!paused) {
      const line = wanted.filter(({ is }) => is === 'waiting');
      const [first] = line;
      const next = line.find(({ unasked }) => unasked);
      if (first && first.fen <= available) {
        first.is = 'paid';
        available -= first.fen;
        paid.push(first.id);
      } else if (next) {
        next.is = 'asked';
        next.unasked = false;
        questions += 1;
      } else break;
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
        const next: Wanted = {
          id: `r${refunds.length + 1}`,
          merchant: one.merchant,
          fen: one.fen,
          bears: one.bears,
          is: beyond ? 'aside' : 'waiting',
          unasked: one.bears && one.fen > 0,
        };
        wanted.push(next);
        refunds.push(next);
        if (!beyond) count(next);
        break;
      }
      case 'funded':
      case 'declined':
      case 'paid': {
        const asked = refunds[one.pick - 1];
        if (!asked) continue;
        if (one.do === 'paid') {
          asked.buyerPaid = true;
          if (asked.is === 'taken') asked.is = 'over';
        } else if (asked.is === 'asked') {
          asked.is = one.do === 'funded' ? 'taken' : 'waiting';
          if (one.do === 'funded') uncount(asked);
        } else if (asked.is === 'withdrawn-asked') {
          asked.is = 'over';
          if (one.do === 'funded') revocations += 1;
        }
        break;
      }
      case 'revoke': {
        const gone = refunds[one.pick - 1];
        if (!gone || gone.revoked === true || gone.buyerPaid === true) continue;
        gone.revoked = true;
        if (gone.is === 'paid') available += gone.fen;
        else if (gone.is === 'taken') revocations += 1;
        else if (gone.is !== 'aside') uncount(gone);
        gone.is = gone.is === 'asked' ? 'withdrawn-asked' : 'over';
        break;
      }
      case 'top-up':
        for (const waits of refunds)
          if (waits.is === 'waiting' && waits.merchant === one.merchant) waits.unasked = waits.bears && waits.fen > 0;
        break;
      // Whatever its merchant has had today.
      case 'compensation':
        wanted.push({
          id: `compensation/r${(compensations += 1)}`,
          merchant: one.merchant,
          fen: one.fen,
          bears: false,
          is: 'waiting',
          unasked: false,
        });
        break;
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
        const held = wanted.find(({ id, is }) => id === `r${one.pick}` && is === 'aside');
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
    const ids = (state: string) => wanted.filter(({ is }) => is === state).map(({ id }) => id);
    const levels = { available, alarms, questions, revocations };
    const snapshot = { paid: [...paid], waiting: ids('waiting'), aside: ids('aside'), asked: ids('asked'), ...levels };
    seen.push(snapshot);
    if ((one.do === 'refund' || one.do === 'compensation') && one.again) seen.push(snapshot);
  }
  return seen;
}

type Rules = Pick<typeof fund, 'decide' | 'evolve'>;

/** What the decider makes of it: read from its events, each approval and each claim in its place. */
function played(history: readonly Happening[], rules: Rules): Seen[] {
  let state: Fund = fund.initial;
  const entries: string[] = [];
  const [waiting, aside, asked] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const paid: string[] = [];
  let [available, alarms, questions, revocations] = [0, 0, 0, 0];
  const decide = (command: Parameters<Rules['decide']>[0]) => {
    const decided = rules.decide(command, state);
    if (isRejection(decided)) throw new Error(decided.detail);
    for (const happened of decided) {
      state = rules.evolve(state, happened);
      const { type, data } = happened;
      const id = !('refundId' in data)
        ? ''
        : type === 'CompensationQueued' || type === 'MerchantCompensated'
          ? `compensation/${data.refundId}`
          : data.refundId;
      if (
        type === 'FundsReserved' ||
        type === 'ReservationQueued' ||
        type === 'CompensationQueued' ||
        type === 'MerchantCompensated'
      ) {
        if (!entries.includes(id)) entries.push(id);
        waiting.delete(id);
      }
      if (type === 'FundsReserved' || type === 'MerchantCompensated') {
        paid.push(id);
        available -= Number((type === 'FundsReserved' ? data.fromFund : data.amount).minor);
      } else if (type === 'CompensationQueued') {
        waiting.add(id);
      } else if (type === 'ReservationQueued') {
        (data.why === 'velocity-limit' ? aside : waiting).add(id);
      } else if (type === 'ReservationFreed') {
        aside.delete(id);
        waiting.add(id);
      } else if (type === 'ReservationHandedOver') {
        waiting.delete(id);
        asked.add(id);
        questions += 1;
      } else if (type === 'ReservationHandedBack') {
        asked.delete(id);
        waiting.add(id);
      } else if (type === 'ReservationTakenOver') asked.delete(id);
      else if (type === 'ReservationWithdrawn') for (const place of [waiting, aside, asked]) place.delete(id);
      else if (type === 'HandOverRevoked') revocations += 1;
      else if (type === 'ReservationRevoked') available += Number(data.fromFund.minor);
      else if (type === 'FundContributed' || type === 'FundReimbursed' || type === 'RefundReturned')
        available += Number(data.amount.minor);
      else if (type === 'FundRanLow') alarms += 1;
    }
  };
  return inputsOf(history).map(({ input, at }) => {
    decide({ type: 'TakeInput', input, at });
    let steps = 0;
    for (let more = fundProcessor.onward?.(state); more; more = fundProcessor.onward?.(state)) {
      // Each is freed once at most, then paid or handed over once, and the level is told: more than that goes round in circles, as a mutant may.
      if ((steps += 1) > 2 * entries.length + 1) throw new Error('the fund goes on without end');
      decide({ ...more, at });
    }
    const inOrder = (ids: ReadonlySet<string>) => entries.filter((id) => ids.has(id));
    const levels = { available, alarms, questions, revocations };
    return { paid: [...paid], waiting: inOrder(waiting), aside: inOrder(aside), asked: inOrder(asked), ...levels };
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
    'that lets a compensation overtake': {
      ...fund,
      decide: (command, state) => {
        const decided = fund.decide(command, state);
        const [first] = isRejection(decided) ? [] : decided;
        if (first?.type !== 'CompensationQueued' || first.data.why !== undefined || state.status !== 'open') return decided;
        return state.available.minor >= first.data.amount.minor ? [{ type: 'MerchantCompensated', data: first.data }] : decided;
      },
    },
    'that takes the compensation for a refund for that refund': {
      ...fund,
      decide: (command, state) => {
        const known = command.type === 'TakeInput' && command.input.type === 'CompensationClaimed' && state.status === 'open';
        return known && state.numbers.has(command.input.data.refundId) ? [] : fund.decide(command, state);
      },
    },
    'that counts a compensation against the day of its merchant': {
      ...fund,
      evolve: (state, happened) => {
        const after = fund.evolve(state, happened);
        if (happened.type !== 'MerchantCompensated' || after.status !== 'open' || after.dailyPerMerchant === undefined)
          return after;
        const { merchant, amount } = happened.data;
        return { ...after, spent: after.spent.with(merchant, { day: after.day, amount }) };
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
    'that keeps in its line what it handed over': {
      ...fund,
      evolve: (state, happened) => {
        const after = fund.evolve(state, happened);
        if (happened.type !== 'ReservationHandedOver' || after.status !== 'open' || state.status !== 'open') return after;
        return { ...after, head: state.head };
      },
    },
    'that sends what comes back to the end of the line': {
      ...fund,
      evolve: (state, happened) => {
        const after = fund.evolve(state, happened);
        if (happened.type !== 'ReservationHandedBack' || after.status !== 'open' || state.status !== 'open') return after;
        return { ...after, head: state.head };
      },
    },
    'that counts against a merchant’s day what he paid himself': {
      ...fund,
      evolve: (state, happened) => {
        const after = fund.evolve(state, happened);
        if (happened.type !== 'ReservationTakenOver' || after.status !== 'open' || state.status !== 'open') return after;
        return { ...after, spent: state.spent };
      },
    },
    'that forgets a question when its refund is withdrawn': {
      ...fund,
      evolve: (state, happened) => {
        const after = fund.evolve(state, happened);
        if (happened.type !== 'ReservationWithdrawn' || after.status !== 'open') return after;
        return { ...after, handedOver: after.handedOver.without(happened.data.refundId) };
      },
    },
    'that asks again though nothing changed': {
      ...fund,
      decide: (command, state) => {
        const decided = fund.decide(command, state);
        const [first] = isRejection(decided) ? [] : decided;
        if (first?.type !== 'ReservationHandedBack') return decided;
        const { platform, asset, merchant } = first.data;
        return [first, { type: 'HandOversRenewed', data: { platform, asset, merchant } }];
      },
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
    ['askFrom', 0],
    ['isPaused', false],
    ['isLow', false],
    ['lowWaterMark', undefined],
    ['dailyPerMerchant', undefined],
    ['waiting', []],
    ['reservedLast', []],
    ['spent', []],
    ['freeing', []],
    ['handedOver', []],
  ])('its %s', (part, beginning) => {
    expect(() => turnsUnseen(without(part, beginning), true)).toThrow();
  });
});
