import { fold, isRejection, type Stamped } from '@recourse/eventing';
import { money, type Money } from '@recourse/money';
import fc from 'fast-check';
import { deposit, type Deposit, type DepositCommand, type DepositEvent } from './deposit.js';

type Account = 'deposit' | 'held' | 'payable' | 'recourse';
/** The merchant's accounts as a bookkeeper keeps them: every event moves money between two sides, nothing else is known. */
class Ledger {
  readonly balance: Record<Account, bigint> = { deposit: 0n, held: 0n, payable: 0n, recourse: 0n };
  readonly owed = new Map<string, { opened: bigint; debited: bigint; paid: boolean; order: number }>();
  readonly holds = new Map<string, bigint>();

  post(event: DepositEvent): void {
    const { balance, owed } = this;
    switch (event.type) {
      case 'DepositPeriodOpened':
      case 'DepositAgreed':
      case 'CaseNoted':
      case 'CaseNoteEnded':
        return;
      case 'DepositToppedUp':
        balance.deposit += event.data.amount.minor;
        return;
      case 'PayableCredited':
      case 'SettlementReturned':
        balance.payable += event.data.amount.minor;
        return;
      case 'SettlementDrawn':
        balance.payable -= event.data.amount.minor;
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
        owed.set(event.data.obligationId, { opened: event.data.amount.minor, debited: 0n, paid: false, order: owed.size });
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
      case 'PayableDebited':
        balance.payable -= event.data.amount.minor;
        this.recover(event.data.obligationId, event.data.amount, event.data.outstanding, true);
    }
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
    expect(outstanding.minor).toBe(owing.opened - owing.debited);
    const older = [...this.owed.values()].filter((other) => other.paid && other.order < owing.order);
    if (fromCommonMoney) expect(older.every((other) => other.opened === other.debited)).toBe(true); // oldest first
  }

  check(): void {
    expect([...Object.values(this.balance), ...this.holds.values()].some((balance) => balance < 0n)).toBe(false);
  }
}

const fen = (minor: number): Money => money(BigInt(minor));
const amount = fc.integer({ min: -1, max: 300 }).map(fen);
/** Refunds outgrow what comes in, so that debts are common. */
const owedAmount = fc.integer({ min: -1, max: 900 }).map(fen);
const id = (prefix: string, max: number) => fc.integer({ min: 1, max }).map((n) => `${prefix}${n}`);
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
  fc.record({ type: fc.constant('CollectObligation' as const), obligationId: id('r', 8) }),
  fc.record(
    { type: fc.constant('DrawSettlement' as const), payoutId: id('p', 6), amount },
    { requiredKeys: ['type', 'payoutId'] },
  ),
  fc.record({ type: fc.constant('ReturnSettlement' as const), payoutId: id('p', 6) }),
);

const at = '2026-03-01T08:00:00.000Z';
const decided = (state: Deposit, wanted: DepositCommand): readonly DepositEvent[] => {
  const outcome = deposit.decide({ ...wanted, at } as Stamped<DepositCommand>, state);
  return isRejection(outcome) ? [] : outcome;
};
const agreement: DepositCommand = {
  type: 'AgreeDeposit',
  platform: 'demo',
  merchant: 'm1',
  termsVersion: 1,
  minimum: fen(0),
  payee: 'vault:p1',
  rail: 'alipay',
};
const minorSum = (amounts: readonly bigint[]) => amounts.reduce((total, minor) => total + minor, 0n);

/** Runs the commands and looks at every state on the way. */
function live(
  commands: readonly DepositCommand[],
  look: (state: Deposit, ledger: Ledger, events: readonly DepositEvent[]) => void,
) {
  const ledger = new Ledger();
  let state: Deposit = deposit.initial;
  for (const wanted of [agreement, ...commands]) {
    const events = decided(state, wanted);
    for (const event of events) {
      ledger.post(event);
      ledger.check();
    }
    state = fold(deposit, events, state);
    look(state, ledger, events);
  }
}
const history = fc.array(command, { maxLength: 80, size: 'max' });

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
      { numRuns: 100 },
    );
  });

  it('every fen that came in is still here, settled, or went to a buyer’s refund', () => {
    fc.assert(
      fc.property(history, (commands) => {
        let cameIn = 0n;
        let wentOut = 0n;
        live(commands, (_, { balance, owed }, [first]) => {
          if (first?.type === 'DepositToppedUp' || first?.type === 'PayableCredited' || first?.type === 'SettlementReturned')
            cameIn += first.data.amount.minor;
          if (first?.type === 'SettlementDrawn') wentOut += first.data.amount.minor;
          const recovered = minorSum([...owed.values()].map(({ debited }) => debited));
          expect(balance.deposit + balance.held + balance.payable + wentOut + recovered).toBe(cameIn);
        });
      }),
      { numRuns: 100 },
    );
  });

  it('opened = debited + outstanding for every obligation, and no hold is larger than what is owed', () => {
    fc.assert(
      fc.property(history, (commands) => {
        live(commands, (state, { owed, balance }) => {
          if (state.status !== 'open') throw new Error('the account is open after its first command');
          for (const [obligationId, { opened, debited }] of owed) {
            const open = state.obligations.find((one) => one.obligationId === obligationId);
            expect(opened).toBe(debited + (open?.outstanding.minor ?? 0n));
            if (open) expect(open.held.minor).toBeLessThanOrEqual(open.outstanding.minor);
          }
          expect(minorSum(state.obligations.map(({ outstanding }) => outstanding.minor))).toBe(balance.recourse);
        });
      }),
      { numRuns: 100 },
    );
  });

  it('no sweep leaves both free money and a debt for a refund that was paid, nor a free deposit and a short hold', () => {
    fc.assert(
      fc.property(history, (commands) => {
        live(commands, (state, { balance, owed }, events) => {
          const debts = [...owed.values()].some(({ paid, opened, debited }) => paid && opened > debited);
          if (debts) expect(balance.deposit + balance.payable).toBe(0n);
          if (debts) expect(events.map(({ type }) => type)).not.toContain('DepositHeld');
          const short = state.status === 'open' && state.obligations.some((one) => one.held.minor < one.outstanding.minor);
          if (short) expect(balance.deposit).toBe(0n);
        });
      }),
      { numRuns: 100 },
    );
  });

  it('a command that took effect takes none when it is sent again', () => {
    fc.assert(
      fc.property(history, fc.nat(), (commands, seed) => {
        let state = fold(deposit, decided(deposit.initial, agreement));
        const effective: DepositCommand[] = [];
        for (const wanted of commands) {
          const events = decided(state, wanted);
          if (events.length > 0) effective.push(wanted);
          state = fold(deposit, events, state);
        }
        const again = effective[seed % Math.max(1, effective.length)];
        if (again) expect(decided(state, again)).toEqual([]);
      }),
      { numRuns: 300 },
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
        live([...commands, ...ends], (state) => states.push(state));
        expect(states.at(-1)).toMatchObject({ held: fen(0), cases: new Map() });
      }),
      { numRuns: 100 },
    );
  });
});
