import { decodeData, encodeData, fold, isRejection, plusHours, type Instant, type Stamped } from '@recourse/eventing';
import { add, money, type Money } from '@recourse/money';
import fc from 'fast-check';
import type { Open } from './books.js';
import { deposit, type DepositCommand, type DepositEvent } from './deposit.js';
import type { Deposit } from './deposit-state.js';
import { depositPeriods } from './period.js';

type Account = 'deposit' | 'held' | 'payable' | 'recourse';
/** The merchant's accounts as a bookkeeper keeps them: every event moves money between two sides, nothing else is known. */
class Ledger {
  readonly balance: Record<Account, bigint> = { deposit: 0n, held: 0n, payable: 0n, recourse: 0n };
  readonly owed = new Map<
    string,
    {
      opened: bigint;
      debited: bigint;
      writtenOff: bigint;
      /** Forgiven since its verdict was overturned, or revoked with its refund. */
      over: bigint;
      proposedBy?: string | undefined;
      paid: boolean;
      order: number;
    }
  >();
  readonly madeWhole = new Set<string>();
  readonly compensated = new Set<string>();
  /** What came in and what left, from and to the outside world. */
  cameIn = 0n;
  wentOut = 0n;
  readonly drawn = new Map<string, bigint>();
  readonly until = new Map<string, Instant>();
  readonly holds = new Map<string, bigint>();
  /** What the account gave for refunds that are not paid yet, and for all that were not revoked. */
  readonly funded = new Map<string, bigint>();
  gaveForRefunds = 0n;

  post(event: DepositEvent): void {
    const { balance, owed } = this;
    switch (event.type) {
      case 'DepositPeriodOpened':
      case 'DepositCarriedForward':
      case 'DepositPeriodClosed':
      case 'DepositAgreed':
      case 'CaseNoted':
      case 'CaseNoteEnded':
        return;
      case 'ClosingRequested':
      case 'WithdrawalRequested':
        this.until.set(event.data.payoutId, event.data.until);
        return;
      case 'WithdrawalCancelled':
        expect(this.until.delete(event.data.payoutId)).toBe(true);
        return;
      case 'SettlementScheduled':
      case 'SettlementSkipped':
      case 'CoolingOffEnded':
      case 'DrawPaid':
      case 'DepositFellShort':
      case 'ShortfallCured':
        return;
      case 'AccountClosed':
        expect(balance).toMatchObject({ deposit: 0n, held: 0n, payable: 0n, recourse: 0n });
        return;
      case 'WriteOffProposed':
        expect(owed.get(event.data.obligationId)).toMatchObject({ paid: true });
        owed.get(event.data.obligationId)!.proposedBy = event.data.proposedBy;
        return;
      case 'RecourseWrittenOff': {
        const { obligationId, amount, proposedBy, approvedBy } = event.data;
        const owing = owed.get(obligationId)!;
        expect(amount.minor).toBeGreaterThan(0n);
        expect(amount.minor).toBe(owing.opened - owing.debited - owing.over);
        expect(owing).toMatchObject({ paid: true, proposedBy });
        expect(approvedBy).not.toBe(proposedBy);
        owing.writtenOff = amount.minor;
        balance.recourse -= amount.minor;
        return;
      }
      case 'RecourseReinstated': {
        const owing = owed.get(event.data.obligationId)!;
        owing.writtenOff -= event.data.amount.minor;
        expect(event.data.writtenOff.minor).toBe(owing.writtenOff);
        balance.recourse += event.data.amount.minor;
        return;
      }
      case 'WithdrawalDrawn': {
        const { payoutId, amount, fromDeposit, fromPayable, drawnAt } = event.data;
        expect(fromDeposit.minor + fromPayable.minor).toBe(amount.minor);
        expect(drawnAt > this.until.get(payoutId)!).toBe(true);
        expect(balance.recourse).toBe(0n);
        expect(balance.held).toBe(0n);
        this.until.delete(payoutId);
        balance.deposit -= fromDeposit.minor;
        balance.payable -= fromPayable.minor;
        this.leave(payoutId, amount.minor);
        return;
      }
      case 'DrawReturned': {
        const { payoutId, amount, toDeposit, toPayable } = event.data;
        expect(this.drawn.get(payoutId)).toBe(amount.minor);
        this.drawn.delete(payoutId);
        balance.deposit += toDeposit.minor;
        balance.payable += toPayable.minor;
        this.wentOut -= amount.minor;
        return;
      }
      case 'SettlementReturned':
        throw new Error('only earlier builds wrote it');
      case 'DepositToppedUp':
        balance.deposit += event.data.amount.minor;
        this.cameIn += event.data.amount.minor;
        return;
      case 'PayableCredited':
        balance.payable += event.data.amount.minor;
        this.cameIn += event.data.amount.minor;
        return;
      case 'SettlementDrawn':
        balance.payable -= event.data.amount.minor;
        this.leave(event.data.payoutId, event.data.amount.minor);
        return;
      case 'DepositHeld':
        balance.deposit -= event.data.amount.minor;
        balance.held += event.data.amount.minor;
        this.hold(JSON.stringify(event.data.for), event.data.amount.minor);
        return;
      case 'HoldReleased':
        balance.deposit += event.data.amount.minor;
        balance.held -= event.data.amount.minor;
        this.hold(JSON.stringify(event.data.for), -event.data.amount.minor);
        return;
      case 'HoldReassigned':
        this.hold(JSON.stringify({ kind: 'case', caseId: event.data.caseId }), -event.data.amount.minor);
        this.hold(JSON.stringify({ kind: 'obligation', obligationId: event.data.obligationId }), event.data.amount.minor);
        return;
      case 'ObligationOpened':
        expect(owed.has(event.data.obligationId)).toBe(false);
        owed.set(event.data.obligationId, {
          opened: event.data.amount.minor,
          debited: 0n,
          writtenOff: 0n,
          over: 0n,
          paid: false,
          order: owed.size,
        });
        balance.recourse += event.data.amount.minor;
        return;
      case 'ObligationRefundPaid':
        expect(owed.get(event.data.obligationId)).toMatchObject({ paid: false });
        owed.get(event.data.obligationId)!.paid = true;
        return;
      case 'DepositDebited': {
        const { obligationId, amount, fromHeld, fromDeposit, outstanding } = event.data;
        expect(fromHeld.minor + fromDeposit.minor).toBe(amount.minor);
        balance.held -= fromHeld.minor;
        balance.deposit -= fromDeposit.minor;
        this.hold(JSON.stringify({ kind: 'obligation', obligationId }), -fromHeld.minor);
        this.recover(obligationId, amount, outstanding, fromDeposit.minor > 0n);
        return;
      }
      case 'RefundFundedFromDeposit': {
        const { refundId, caseId, fromHeld, fromDeposit, fromFees, amount: whole } = event.data;
        const share = fromHeld.minor + fromDeposit.minor;
        expect(whole.minor).toBe(share + fromFees.minor);
        expect(this.funded.has(refundId)).toBe(false);
        this.funded.set(refundId, share);
        this.gaveForRefunds += share;
        balance.held -= fromHeld.minor;
        balance.deposit -= fromDeposit.minor;
        if (fromHeld.minor > 0n) this.hold(JSON.stringify({ kind: 'case', caseId }), -fromHeld.minor);
        return;
      }
      case 'HandOverDeclined':
        return;
      case 'DepositFundingPaid':
        expect(this.funded.delete(event.data.refundId)).toBe(true);
        return;
      case 'DepositFundingRevoked': {
        const { refundId, toDeposit } = event.data;
        expect(this.funded.get(refundId)).toBe(toDeposit.minor);
        this.funded.delete(refundId);
        this.gaveForRefunds -= toDeposit.minor;
        balance.deposit += toDeposit.minor;
        return;
      }
      case 'ObligationRevoked': {
        const owing = owed.get(event.data.obligationId)!;
        expect(event.data.amount.minor).toBe(owing.opened);
        expect(owing).toMatchObject({ paid: false, over: 0n });
        owing.over = event.data.amount.minor;
        balance.recourse -= event.data.amount.minor;
        return;
      }
      case 'RecourseForgiven': {
        const owing = owed.get(event.data.obligationId)!;
        expect(event.data.amount.minor).toBeGreaterThan(0n);
        expect(owing.paid).toBe(true);
        owing.over += event.data.amount.minor;
        owing.proposedBy = undefined;
        balance.recourse -= event.data.amount.minor;
        return;
      }
      case 'CompensationClaimed': {
        const { refundId, amount, recovered, escrowLoss } = event.data;
        expect(recovered.minor + escrowLoss.minor).toBe(amount.minor);
        expect(this.compensated.has(refundId)).toBe(false);
        this.compensated.add(refundId);
        return;
      }
      case 'CompensationCredited':
        balance.payable += event.data.amount.minor;
        this.cameIn += event.data.amount.minor;
        return;
      case 'PayableDebited':
        balance.payable -= event.data.amount.minor;
        this.recover(event.data.obligationId, event.data.amount, event.data.outstanding, true);
    }
  }

  private leave(payoutId: string, amount: bigint): void {
    expect(this.drawn.has(payoutId)).toBe(false);
    this.drawn.set(payoutId, amount);
    this.wentOut += amount;
  }

  private hold(secures: string, amount: bigint): void {
    this.holds.set(secures, (this.holds.get(secures) ?? 0n) + amount);
  }

  private recover(id: string, amount: Money, outstanding: Money, fromCommonMoney: boolean): void {
    const owing = this.owed.get(id)!;
    expect(owing.paid).toBe(true); // pay first, then recourse
    expect(amount.minor).toBeGreaterThan(0n);
    owing.debited += amount.minor;
    this.balance.recourse -= amount.minor;
    expect(outstanding.minor).toBe(owing.opened - owing.debited - owing.writtenOff - owing.over);
    const older = [...this.owed.values()].filter((other) => other.paid && other.order < owing.order);
    if (fromCommonMoney) expect(older.every((other) => outstandingOf(other) === 0n)).toBe(true); // oldest first
  }

  /** What a command to make a merchant whole has to lead to, by these books as they stand before it. */
  wholeness(wanted: MakeWhole): { forgiven: bigint; claimed: bigint } {
    const owing = this.owed.get(wanted.obligationId);
    const lost = wanted.recourse.minor;
    const isRefused = lost < 0n || wanted.escrowLoss.minor < 0n;
    if (isRefused || this.madeWhole.has(wanted.refundId)) return { forgiven: 0n, claimed: 0n };
    const debt = owing ? outstandingOf(owing) + owing.writtenOff : 0n;
    const forgiven = debt < lost ? debt : lost;
    const claimed = lost - forgiven + wanted.escrowLoss.minor;
    if (forgiven + claimed > 0n) this.madeWhole.add(wanted.refundId);
    return { forgiven, claimed };
  }

  check(): void {
    expect([...Object.values(this.balance), ...this.holds.values()].some((balance) => balance < 0n)).toBe(false);
  }
}

const outstandingOf = ({
  opened,
  debited,
  writtenOff,
  over,
}: {
  opened: bigint;
  debited: bigint;
  writtenOff: bigint;
  over: bigint;
}) => opened - debited - writtenOff - over;

type MakeWhole = Extract<DepositCommand, { type: 'MakeWhole' }>;
const fen = (minor: number): Money => money(BigInt(minor));
const amount = fc.integer({ min: -1, max: 300 }).map(fen);
/** Refunds outgrow what comes in, so that debts are common. */
const owedAmount = fc.integer({ min: -1, max: 900 }).map(fen);
const id = (prefix: string, max: number) => fc.integer({ min: 1, max }).map((n) => `${prefix}${n}`);
const payouts = fc.oneof(id('p', 6), id('w', 6), id('x', 3));
const command: fc.Arbitrary<DepositCommand> = fc.oneof(
  fc.record({ type: fc.constant('TopUpDeposit' as const), amount, rail: fc.constant('alipay'), transaction: id('t', 20) }),
  fc.record({
    type: fc.constant('CreditPayable' as const),
    orderId: id('o', 2),
    unitNo: fc.integer({ min: 1, max: 5 }),
    amount,
  }),
  fc.record({ type: fc.constant('NoteCase' as const), caseId: id('c', 4), orderId: fc.constant('o1'), exposure: amount }),
  fc.record({ type: fc.constant('EndCaseNote' as const), caseId: id('c', 4) }),
  id('r', 8).chain((obligationId) =>
    fc.record(
      {
        type: fc.constant('OpenObligation' as const),
        obligationId: fc.constant(obligationId),
        refundId: fc.constant(obligationId),
        caseId: id('c', 4),
        orderId: fc.constant('o1'),
        amount: owedAmount,
      },
      { requiredKeys: ['type', 'obligationId', 'refundId', 'orderId', 'amount'] },
    ),
  ),
  fc.record({ type: fc.constant('CollectObligation' as const), obligationId: fc.oneof(id('r', 8), id('h', 4)) }),
  id('h', 4).chain((refundId) =>
    fc.record(
      {
        type: fc.constant('FundRefund' as const),
        platform: fc.constant('demo'),
        merchant: fc.constant('m1'),
        buyer: fc.constant('b1'),
        payee: fc.constant('vault:b1'),
        rail: fc.constant('alipay'),
        refundId: fc.constant(refundId),
        orderId: fc.constant('o1'),
        caseId: id('c', 4),
        share: fc.integer({ min: 1, max: 300 }).map(fen),
        fromFees: fc.integer({ min: 0, max: 9 }).map(fen),
        total: fc.constant(fen(309)),
      },
      {
        requiredKeys: [
          'type',
          'platform',
          'merchant',
          'buyer',
          'payee',
          'rail',
          'refundId',
          'orderId',
          'share',
          'fromFees',
          'total',
        ],
      },
    ),
  ),
  fc.record({ type: fc.constant('RevokeFunding' as const), refundId: id('h', 4) }),
  fc.record(
    { type: fc.constant('DrawSettlement' as const), payoutId: id('p', 6), amount },
    { requiredKeys: ['type', 'payoutId'] },
  ),
  fc.record({ type: fc.constant('RequestWithdrawal' as const), payoutId: id('w', 6), amount }),
  fc.record({ type: fc.constant('CancelWithdrawal' as const), payoutId: id('w', 6) }),
  fc.record({ type: fc.constant('CloseAccount' as const), payoutId: id('x', 3) }),
  fc.record({ type: fc.constantFrom('ReturnDraw' as const, 'ConfirmDraw' as const), payoutId: payouts }),
  fc.record({ type: fc.constant('PassDepositDeadlines' as const) }),
  fc.record({
    type: fc.constant('ProposeWriteOff' as const),
    obligationId: id('r', 8),
    reason: fc.constant('gone'),
    subject: id('f', 3),
  }),
  fc.record({ type: fc.constant('ApproveWriteOff' as const), obligationId: id('r', 8), subject: id('f', 3) }),
  fc.record({ type: fc.constant('RevokeObligation' as const), obligationId: id('r', 8) }),
  id('r', 8).chain((refundId) =>
    fc.record({
      type: fc.constant('MakeWhole' as const),
      obligationId: fc.constant(refundId),
      refundId: fc.constant(refundId),
      orderId: fc.constant('o1'),
      escrowLoss: amount,
      recourse: owedAmount,
    }),
  ),
  fc.record({ type: fc.constant('CreditCompensation' as const), refundId: id('r', 8), orderId: fc.constant('o1'), amount }),
);

const start = '2026-03-01T08:00:00.000Z';
/** A command and how long after the one before it comes; the cooling-off is a day. */
type Step = readonly [wanted: DepositCommand, hours: number];
/** What the account is told that it has: itself, or for a mutant something that is not so; and what it says then. */
type Delusion = (state: Open, wanted: DepositCommand) => Open;
const sane: Delusion = (state) => state;
type Says = (events: readonly DepositEvent[]) => readonly DepositEvent[];
const decided = (state: Deposit, wanted: DepositCommand, at: Instant = start, seen = sane): readonly DepositEvent[] => {
  const outcome = deposit.decide(
    { ...wanted, at } as Stamped<DepositCommand>,
    state.status === 'open' ? seen(state, wanted) : state,
  );
  return isRejection(outcome) ? [] : outcome;
};
const agreement: DepositCommand = {
  type: 'AgreeDeposit',
  platform: 'demo',
  merchant: 'm1',
  termsVersion: 1,
  minimum: fen(100),
  coolingOffHours: 24,
  payee: 'vault:p1',
  rail: 'alipay',
};
const minorSum = (amounts: readonly bigint[]) => amounts.reduce((total, minor) => total + minor, 0n);

const toldOf = (events: readonly DepositEvent[]) => {
  const amountsOf = (wanted: DepositEvent['type']) =>
    events.flatMap(({ type, data }) => (type === wanted && 'amount' in data ? [data.amount.minor] : []));
  return { forgiven: minorSum(amountsOf('RecourseForgiven')), claimed: minorSum(amountsOf('CompensationClaimed')) };
};

/** Runs the commands and looks at every state on the way. */
function live(
  steps: readonly Step[],
  look: (state: Deposit, ledger: Ledger, events: readonly DepositEvent[]) => void,
  seen = sane,
  says: Says = (events) => events,
) {
  const ledger = new Ledger();
  let state: Deposit = deposit.initial;
  let at = start;
  for (const [wanted, hours] of [[agreement, 0], ...steps] as const) {
    at = plusHours(at, hours);
    const events = says(decided(state, wanted, at, seen));
    const whole = wanted.type === 'MakeWhole' ? ledger.wholeness(wanted) : undefined;
    for (const event of events) {
      ledger.post(event);
      ledger.check();
    }
    if (whole) expect(toldOf(events)).toEqual(whole);
    state = fold(deposit, events, state);
    look(state, ledger, events);
  }
}
const later = (turn: number): Instant => `2026-0${6 + turn}-01T00:00:00.000Z`;
/** As it is read back from the next period's stream. */
function turned(state: Deposit, at: Instant): Deposit {
  const closing = depositPeriods.closing(state, at, 1);
  const following = closing && depositPeriods.following(fold(deposit, [closing], state));
  if (!following) throw new Error('a period that is due is closed, and another follows');
  return fold(
    deposit,
    following.map(({ type, data }) => ({ type, data: decodeData(encodeData(data)) }) as DepositEvent),
  );
}
/** A debt that two people give up before its verdict is overturned: by chance alone it hardly ever comes to that. */
const givenUp: fc.Arbitrary<Step[]> = fc
  .record({ refundId: id('r', 8), owed: fc.integer({ min: 1, max: 900 }), recourse: fc.integer({ min: 1, max: 900 }) })
  .map(({ refundId, owed, recourse }) => {
    const ids = { obligationId: refundId, refundId, orderId: 'o1' };
    const commands: DepositCommand[] = [
      { type: 'OpenObligation', ...ids, amount: fen(owed) },
      { type: 'CollectObligation', obligationId: refundId },
      { type: 'ProposeWriteOff', obligationId: refundId, reason: 'gone', subject: 'f1' },
      { type: 'ApproveWriteOff', obligationId: refundId, subject: 'f2' },
      { type: 'MakeWhole', ...ids, escrowLoss: fen(0), recourse: fen(recourse) },
    ];
    return commands.map((one): Step => [one, 0]);
  });
const history: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof(
      { weight: 40, arbitrary: fc.tuple(command, fc.constantFrom(0, 1, 30)).map((step): Step[] => [step]) },
      { weight: 1, arbitrary: givenUp },
    ),
    { maxLength: 80, size: 'max' },
  )
  .map((parts) => parts.flat());

/** Sequences of each law; there are nine of them. */
const numRuns = 1_100;

/** The two laws that name the accounts and the debts one by one. */
function holds(numRuns: number, seen: Delusion, says?: Says): void {
  fc.assert(
    fc.property(history, (commands) => {
      live(
        commands,
        (state, { balance, owed }) => {
          if (state.status !== 'open') throw new Error('the account is open after its first command');
          expect([state.deposit.minor, state.held.minor, state.payable.minor]).toEqual([
            balance.deposit,
            balance.held,
            balance.payable,
          ]);
          for (const [obligationId, owing] of owed) {
            const open = state.obligations.find((one) => one.obligationId === obligationId);
            expect(open?.outstanding.minor ?? 0n).toBe(outstandingOf(owing));
          }
        },
        seen,
        says,
      );
    }),
    { numRuns },
  );
}

describe('the ledger notices an account', () => {
  const mutants: Readonly<Record<string, Delusion>> = {
    'that sweeps the newest debt first': (state) => ({ ...state, obligations: state.obligations.toReversed() }),
    'that debits before the buyer is paid': (state) => ({
      ...state,
      obligations: state.obligations.map((owed) => ({ ...owed, refundPaid: true })),
    }),
    'that funds a refund which it has funded already': (state) => ({ ...state, fundings: new Map(), done: [] }),
    'that lets money go while a debt is open': (state) => ({ ...state, obligations: [], cases: new Map() }),
    'that pays a withdrawal in its cooling-off': (state) =>
      state.leaving ? { ...state, leaving: { ...state.leaving, isCooledOff: true } } : state,
    'that spends a fen it does not have': (state) => ({ ...state, deposit: add(state.deposit, fen(1)) }),
    'that takes a debt for larger than it is': (state) => ({
      ...state,
      obligations: state.obligations.map((owed) => ({ ...owed, outstanding: add(owed.outstanding, fen(1)) })),
    }),
    'that lets one person write off': (state) => ({
      ...state,
      obligations: state.obligations.map((owed) => ({ ...owed, proposal: { reason: 'gone', proposedBy: 'nobody' } })),
    }),
    'that collects what was given up beyond what it was': (state) => ({
      ...state,
      writtenOff: state.writtenOff.map((given) => ({ ...given, amount: add(given.amount, fen(1)) })),
    }),
    'that makes a merchant whole twice': (state) => ({
      ...state,
      done: state.done.filter((key) => !key.startsWith('made-whole')),
    }),
    'that compensates what was only outstanding': (state, { type }) =>
      type === 'MakeWhole' ? { ...state, obligations: state.obligations.filter(({ refundPaid }) => !refundPaid) } : state,
    'that compensates what was given up': (state, { type }) => (type === 'MakeWhole' ? { ...state, writtenOff: [] } : state),
    'that revokes what the buyer was paid for': (state, { type }) =>
      type === 'RevokeObligation'
        ? { ...state, obligations: state.obligations.map((owed) => ({ ...owed, refundPaid: false })) }
        : state,
  };
  it.each(Object.keys(mutants))('%s', (name) => {
    // It ends with the first history that shows it; some are rare.
    expect(() => holds(20 * numRuns, mutants[name] ?? sane)).toThrow();
  });
  it('that forgives what was written off without taking it up again', () => {
    const forgets: Says = (events) =>
      events.filter(({ type }, at) => type !== 'RecourseReinstated' || events[at + 1]?.type !== 'RecourseForgiven');
    expect(() => holds(20 * numRuns, sane, forgets)).toThrow();
  });
  it('that is as it should be, and finds nothing', () => {
    holds(numRuns, sane);
  });
});

describe('whatever happens to a merchant’s account', () => {
  it('no account falls below zero at any event, and the account agrees with the ledger', () => {
    fc.assert(
      fc.property(history, (commands) => {
        live(commands, (state, { balance }) => {
          if (state.status !== 'open') throw new Error('the account is open after its first command');
          expect([state.deposit.minor, state.held.minor, state.payable.minor]).toEqual([
            balance.deposit,
            balance.held,
            balance.payable,
          ]);
          const holds = [...state.cases.values(), ...state.obligations.map(({ held }) => held)];
          expect(minorSum(holds.map(({ minor }) => minor))).toBe(balance.held);
        });
      }),
      { numRuns },
    );
  });

  it('every fen that came in is still here, settled, or went to a buyer’s refund', () => {
    fc.assert(
      fc.property(history, (commands) => {
        live(commands, (_, { balance, owed, cameIn, wentOut, gaveForRefunds }) => {
          const recovered = minorSum([...owed.values()].map(({ debited }) => debited));
          expect(balance.deposit + balance.held + balance.payable + wentOut + recovered + gaveForRefunds).toBe(cameIn);
        });
      }),
      { numRuns },
    );
  });

  it('opened = debited + outstanding + written off + forgiven or revoked for every obligation, and no hold is larger than what is owed', () => {
    fc.assert(
      fc.property(history, (commands) => {
        live(commands, (state, { owed, balance }) => {
          if (state.status !== 'open') throw new Error('the account is open after its first command');
          for (const [obligationId, owing] of owed) {
            const open = state.obligations.find((one) => one.obligationId === obligationId);
            const given = state.writtenOff.find((one) => one.obligationId === obligationId);
            expect(open?.outstanding.minor ?? 0n).toBe(outstandingOf(owing));
            expect(given?.amount.minor ?? 0n).toBe(owing.writtenOff);
            if (open) expect(open.held.minor).toBeLessThanOrEqual(open.outstanding.minor);
          }
          expect(minorSum(state.obligations.map(({ outstanding }) => outstanding.minor))).toBe(balance.recourse);
        });
      }),
      { numRuns },
    );
  });

  it('no sweep leaves both free money and a debt for a refund that was paid, nor a free deposit and a short hold', () => {
    fc.assert(
      fc.property(history, (commands) => {
        live(commands, (state, { balance, owed }, events) => {
          const debts = [...owed.values()].some((owing) => owing.paid && outstandingOf(owing) > 0n);
          if (debts) expect(balance.deposit + balance.payable).toBe(0n);
          if (debts) expect(events.map(({ type }) => type)).not.toContain('DepositHeld');
          const short = state.status === 'open' && state.obligations.some((one) => one.held.minor < one.outstanding.minor);
          if (short) expect(balance.deposit).toBe(0n);
          const givenUp = [...owed.values()].some(({ writtenOff }) => writtenOff > 0n);
          if (givenUp && !short) expect(balance.deposit + balance.payable).toBe(0n);
        });
      }),
      { numRuns },
    );
  });

  it('a command that took effect takes none when it is sent again', () => {
    fc.assert(
      fc.property(history, fc.nat(), (commands, seed) => {
        let state = fold(deposit, decided(deposit.initial, agreement));
        let at = start;
        let effective: DepositCommand[] = [];
        for (const [wanted, hours] of commands) {
          at = plusHours(at, hours);
          const events = decided(state, wanted, at);
          // A proposal is gone with what is forgiven, and the rest may be proposed anew.
          const forgiven = events.flatMap(({ type, data }) => (type === 'RecourseForgiven' ? [data.obligationId] : []));
          effective = effective.filter((one) => one.type !== 'ProposeWriteOff' || !forgiven.includes(one.obligationId));
          // A timer is no command of anybody's: it may find something else due.
          if (events.length > 0 && wanted.type !== 'PassDepositDeadlines') effective.push(wanted);
          // Nor is it an effect that it was declined: asked once more, it may be covered.
          if (events.some(({ type }) => type === 'HandOverDeclined')) effective.pop();
          state = fold(deposit, events, state);
        }
        const again = effective[seed % Math.max(1, effective.length)];
        if (again) expect(decided(state, again, at)).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('nothing is held for ever: when every case is over and every refund paid, no hold is left', () => {
    fc.assert(
      fc.property(history, (commands) => {
        const ends: DepositCommand[] = [
          ...[1, 2, 3, 4].map((n): DepositCommand => ({ type: 'EndCaseNote', caseId: `c${n}` })),
          ...[1, 2, 3, 4, 5, 6, 7, 8].map((n): DepositCommand => ({ type: 'CollectObligation', obligationId: `r${n}` })),
        ];
        const states: Deposit[] = [];
        live([...commands, ...ends.map((end): Step => [end, 0])], (state) => states.push(state));
        expect(states.at(-1)).toMatchObject({ held: fen(0), cases: new Map() });
      }),
      { numRuns },
    );
  });

  it('a shortfall is told once when it begins and once when it ends, and only then', () => {
    fc.assert(
      fc.property(history, (commands) => {
        let told = false;
        let before = true;
        live(commands, (state, { balance }, events) => {
          if (state.status !== 'open') throw new Error('the account is open after its first command');
          const isShort = balance.deposit + balance.held < 100n;
          for (const { type } of events) {
            if (type === 'DepositFellShort') expect([told, (told = true)]).toEqual([false, true]);
            if (type === 'ShortfallCured') expect([told, (told = false)]).toEqual([true, false]);
            if (type === 'AccountClosed') told = false;
          }
          if (isShort && !before && !state.isClosed) expect(told).toBe(true);
          if (!isShort) expect(told).toBe(false);
          before = isShort;
        });
      }),
      { numRuns },
    );
  });

  it('it goes on in the next period as it was, but for what was done', () => {
    fc.assert(
      fc.property(history, (commands) => {
        let last: Deposit = deposit.initial;
        live(commands, (state) => (last = state));
        for (let turn = 1; turn <= 3; turn += 1) {
          const before = last;
          if (before.status !== 'open') throw new Error('the account is open after its first command');
          last = turned(before, later(turn));
          const draws = [...before.draws].filter(([, { isPaid, isCarried }]) => !isPaid || !isCarried);
          expect(last).toEqual({
            ...before,
            period: { no: `000${turn + 1}`, openedAt: later(turn) },
            draws: new Map(draws.map(([payoutId, draw]) => [payoutId, { ...draw, isCarried: true }])),
            done: [],
          });
        }
      }),
      { numRuns },
    );
  });

  it('a merchant who leaves has everything in the end, once nothing is open', () => {
    fc.assert(
      fc.property(history, (commands) => {
        const ends: DepositCommand[] = [
          ...[1, 2, 3, 4].map((n): DepositCommand => ({ type: 'EndCaseNote', caseId: `c${n}` })),
          ...[1, 2, 3, 4, 5, 6, 7, 8].map((n): DepositCommand => ({ type: 'CollectObligation', obligationId: `r${n}` })),
          ...[1, 2, 3, 4].map((n): DepositCommand => ({ type: 'CollectObligation', obligationId: `h${n}` })),
          // Who left owing comes back to pay, or never gets anything.
          { ...agreement, termsVersion: 2 } as DepositCommand,
          { type: 'TopUpDeposit', amount: fen(100_000), rail: 'alipay', transaction: 'last' },
          ...['p', 'w', 'x'].flatMap((kind) =>
            [1, 2, 3, 4, 5, 6].map((n): DepositCommand => ({ type: 'ConfirmDraw', payoutId: `${kind}${n}` })),
          ),
          { type: 'CloseAccount', payoutId: 'leaving' },
        ];
        let last: Ledger | undefined;
        let closed = false;
        const steps: Step[] = [...ends.map((end): Step => [end, 0]), [{ type: 'PassDepositDeadlines' }, 25]];
        live([...commands, ...steps], (state, ledger) => {
          last = ledger;
          closed = state.status === 'open' && state.isClosed;
        });
        expect(closed).toBe(true);
        expect(last?.balance).toEqual({ deposit: 0n, held: 0n, payable: 0n, recourse: 0n });
      }),
      { numRuns },
    );
  });
});
