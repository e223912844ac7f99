import { isRejection } from '@recourse/eventing';
import { money, zero } from '@recourse/money';
import fc from 'fast-check';
import { buyerDebt, type BuyerDebt, type BuyerDebtCommand, type BuyerDebtEvent, type OwedByBuyer } from './buyer-debt.js';
import { fund, type FundEvent, type FundInput, fundProcessor } from './fund.js';
import type { Fund } from './fund-state.js';

const at = '2026-03-01T08:00:00.000Z';
const fen = (minor: number) => money(BigInt(minor));
const people = ['ann', 'bob', 'eve'];

/** What happens to one buyer, in plain numbers. */
type Happening =
  | { do: 'owe'; fen: number }
  | { do: 'repay'; fen: number; transaction: string }
  | { do: 'return'; fen: number }
  | { do: 'propose' | 'approve'; who: string };
interface History {
  readonly kind: OwedByBuyer['kind'];
  readonly happenings: readonly Happening[];
}
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('owe' as const), fen: fc.integer({ min: 1, max: 60 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('repay' as const),
      fen: fc.integer({ min: -1, max: 40 }),
      transaction: fc.constantFrom('t1', 't2', 't3', 't4', 't5', 't6'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('return' as const), fen: fc.integer({ min: 1, max: 80 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('propose' as const, 'approve' as const), who: fc.constantFrom(...people) }),
  },
);
const histories: fc.Arbitrary<History> = fc.record({
  kind: fc.constantFrom('fraud' as const, 'fraud' as const, 'double-payment' as const),
  happenings: fc.array(happening, { maxLength: 25, size: 'max' }),
});

/** Balances on their normal sides: gateway, owed and losses grow by debits, the others by credits. */
const nothing = { gateway: 0, owed: 0, losses: 0, advanced: 0, available: 0, refund: 0 };
type Books = typeof nothing;
interface Seen {
  readonly outstanding: number;
  readonly books: Books;
  readonly refused: number;
  /** Debits are credits. */
  readonly isSound: boolean;
}
const isSound = ({ gateway, owed, losses, advanced, available, refund }: Books): boolean =>
  gateway + owed + losses === advanced + available + refund;

/** The rules in plain numbers, without events. */
function model({ kind, happenings }: History): Seen[] {
  const books = { ...nothing };
  const counted = new Set<string>();
  let [outstanding, refused] = [0, 0];
  let isOpen = false;
  let proposer: string | undefined;
  let back: { fen: number; settled: boolean } | undefined;
  const off = (some: number) => {
    outstanding -= some;
    books.owed -= some;
    if (kind === 'fraud') books.advanced -= some;
    if (outstanding === 0) proposer = undefined;
  };
  const settle = () => {
    if (!isOpen || !back || back.settled) return;
    back.settled = true;
    books.refund -= back.fen;
    books.available += back.fen;
    off(Math.min(back.fen, outstanding));
  };
  return happenings.map((one) => {
    switch (one.do) {
      case 'owe':
        isOpen = true;
        proposer = undefined;
        outstanding += one.fen;
        books.owed += one.fen;
        if (kind === 'fraud') books.advanced += one.fen;
        else books.gateway -= one.fen;
        settle();
        break;
      case 'repay':
        if (isOpen && counted.has(one.transaction)) break;
        if (one.fen <= 0 || one.fen > outstanding) {
          refused += 1;
          break;
        }
        counted.add(one.transaction);
        books.gateway += one.fen;
        if (kind === 'fraud') books.available += one.fen;
        off(one.fen);
        break;
      case 'return':
        if (kind !== 'fraud' || back) break;
        back = { fen: one.fen, settled: false };
        books.gateway += one.fen;
        books.refund += one.fen;
        settle();
        break;
      case 'propose':
        if (outstanding === 0 || (proposer !== undefined && proposer !== one.who)) refused += 1;
        else proposer = one.who;
        break;
      case 'approve':
        if (outstanding === 0 || proposer === undefined || proposer === one.who) refused += 1;
        else {
          if (kind === 'double-payment') books.losses += outstanding;
          off(outstanding);
        }
    }
    return { outstanding, refused, isSound: true, books: { ...books } };
  });
}

interface Rules {
  readonly debt: Pick<typeof buyerDebt, 'decide' | 'evolve'>;
  readonly fund: Pick<typeof fund, 'decide' | 'evolve'>;
}

const whose = { platform: 'demo', buyer: 'b1', merchant: 'm1', refundId: 'r1' };
const overturned = (minor: number): FundInput => ({
  type: 'RefundOverturned',
  data: {
    ...whose,
    payee: 'vault:b1',
    rail: 'alipay',
    orderId: 'o1',
    disputeId: 'o1.1',
    units: [1],
    amount: fen(minor),
    escrowLoss: zero(),
    recourse: zero(),
    buyerOwes: fen(minor),
    overturnedAt: at,
  },
});

/** What debt and fund make of it, each fund event told apart into what it moves. */
function played({ kind, happenings }: History, rules: Rules): Seen[] {
  let debt: BuyerDebt = buyerDebt.initial;
  let state: Fund = fund.initial;
  const books = { ...nothing };
  let refused = 0;
  let back: number | undefined;
  const move = (amount: number, ...changes: readonly (readonly [keyof Books, 1 | -1])[]) => {
    for (const [account, sign] of changes) books[account] += sign * amount;
  };
  const booked = ({ type, data }: FundEvent) => {
    const amount = 'amount' in data ? Number(data.amount.minor) : 0;
    if (type === 'BuyerFraudEstablished') move(amount, ['owed', 1], ['advanced', 1]);
    else if (type === 'FraudRepaid')
      move(amount, data.rail === undefined ? ['refund', -1] : ['gateway', 1], ['owed', -1], ['advanced', -1], ['available', 1]);
    else if (type === 'RefundReturned') move(amount, ['refund', -1], ['available', 1]);
    else if (type === 'DoublePaymentRepaid') move(amount, ['gateway', 1], ['owed', -1]);
    else if (type === 'BuyerDebtWrittenOff') move(amount, ['owed', -1], data.kind === 'fraud' ? ['advanced', -1] : ['losses', 1]);
    else if (type !== 'FundPeriodOpened') throw new Error(`${type} is not the matter here`);
  };
  const fundTakes = (input: FundInput) => {
    const decided = rules.fund.decide({ type: 'TakeInput', input, at }, state);
    if (isRejection(decided)) throw new Error(decided.detail);
    for (const happened of decided) {
      state = rules.fund.evolve(state, happened);
      booked(happened);
    }
    if (fundProcessor.onward?.(state)) throw new Error('nobody waits for the fund here');
  };
  const isInput = (happened: BuyerDebtEvent): happened is BuyerDebtEvent & FundInput =>
    (fundProcessor.inputs as readonly string[]).includes(happened.type);
  const tell = (command: BuyerDebtCommand, counts = true) => {
    const decided = rules.debt.decide({ ...command, at }, debt);
    if (isRejection(decided)) {
      if (counts) refused += 1;
      return;
    }
    for (const happened of decided) {
      debt = rules.debt.evolve(debt, happened);
      if (isInput(happened)) fundTakes(happened);
    }
  };
  // As the process does: when it comes back, and again when the debt is opened.
  const settle = () => {
    if (back !== undefined) tell({ type: 'SettleDebtByReturn', amount: fen(back) }, false);
  };
  return happenings.map((one) => {
    if (one.do === 'owe') {
      if (kind === 'fraud') fundTakes(overturned(one.fen));
      else move(one.fen, ['owed', 1], ['gateway', -1]);
      tell({ type: 'OpenBuyerDebt', ...whose, debtId: 'r1', kind, amount: fen(one.fen) });
      settle();
    } else if (one.do === 'repay')
      tell({ type: 'RepayBuyerDebt', amount: fen(one.fen), rail: 'alipay', transaction: one.transaction });
    else if (one.do === 'return') {
      if (kind === 'fraud' && back === undefined) {
        back = one.fen;
        move(back, ['gateway', 1], ['refund', 1]);
      }
      settle();
    } else if (one.do === 'propose') tell({ type: 'ProposeDebtWriteOff', subject: one.who, reason: 'gone' });
    else tell({ type: 'ApproveDebtWriteOff', subject: one.who });
    const outstanding = debt.status === 'known' ? Number(debt.outstanding.minor) : 0;
    // What the fund believes to have.
    const available = Number(state.status === 'open' ? state.available.minor : 0n);
    return { outstanding, refused, isSound: isSound(books), books: { ...books, available } };
  });
}

const real: Rules = { debt: buyerDebt, fund };
const agree = (rules: Rules) =>
  fc.assert(
    fc.property(histories, (history) => {
      expect(played(history, rules)).toEqual(model(history));
    }),
    { numRuns: 10_000 },
  );

it('debt and fund keep the money, whatever is repaid, given up or comes back, and in whatever order', () => {
  agree(real);
});

describe('the model notices', () => {
  const unlimited = { asset: 'CNY', minor: 1_000_000n };
  const mutants: Record<string, Rules> = {
    'a debt that takes more than is owed': {
      ...real,
      debt: {
        ...buyerDebt,
        decide: (command, state) =>
          buyerDebt.decide(
            command,
            command.type === 'RepayBuyerDebt' && state.status === 'known' ? { ...state, outstanding: unlimited } : state,
          ),
      },
    },
    'a debt that counts a transaction twice': {
      ...real,
      debt: {
        ...buyerDebt,
        decide: (command, state) => buyerDebt.decide(command, state.status === 'known' ? { ...state, transactions: [] } : state),
      },
    },
    'a debt that a refund pays each time it is told to be back': {
      ...real,
      debt: {
        ...buyerDebt,
        decide: (command, state) => buyerDebt.decide(command, state.status === 'known' ? { ...state, isReturned: false } : state),
      },
    },
    'a debt that one person writes off': {
      ...real,
      debt: {
        ...buyerDebt,
        decide: (command, state) =>
          buyerDebt.decide(command.type === 'ApproveDebtWriteOff' ? { ...command, subject: 'somebody' } : command, state),
      },
    },
    'a debt that is not lowered by a write-off': {
      ...real,
      debt: {
        ...buyerDebt,
        evolve: (state, happened) => (happened.type === 'DebtWriteOffApproved' ? state : buyerDebt.evolve(state, happened)),
      },
    },
    'a fund that keeps what is left of a refund that came back in its account': {
      ...real,
      fund: {
        ...fund,
        decide: (command, state) => {
          const decided = fund.decide(command, state);
          return isRejection(decided) ? decided : decided.filter(({ type }) => type !== 'RefundReturned');
        },
      },
    },
    'a fund that does not have what was repaid': {
      ...real,
      fund: { ...fund, evolve: (state, happened) => (happened.type === 'FraudRepaid' ? state : fund.evolve(state, happened)) },
    },
  };
  it.each(Object.keys(mutants))('%s', (name) => {
    expect(() => agree(mutants[name]!)).toThrow();
  });
});
