import { epochMsOf, type EventOf, type Instant, type Recorded } from '@recourse/eventing';
import {
  addsUp,
  handle,
  reporter,
  text,
  type AuditContext,
  type Check,
  type Handlers,
  type Ledger,
  type Violation,
} from './invariant.js';
import { findAccount, formatAccount } from './accounts.js';
import type { DomainEvent } from './posting.js';

type DebtEvent = Recorded<
  EventOf<DomainEvent, 'BuyerDebtOpened' | 'BuyerDebtRepaid' | 'BuyerDebtReturned' | 'DebtWriteOffApproved'>
>;
type Booking = Recorded<EventOf<DomainEvent, 'FraudRepaid' | 'DoublePaymentRepaid' | 'BuyerDebtWrittenOff'>>;

/** Minor units that one side knows of and the other has not followed yet, and since when. */
interface Lag {
  minor: bigint;
  since?: { readonly position: bigint; readonly at: Instant };
}
/** What one buyer owes in one asset. */
interface Account {
  readonly name: string;
  readonly asset: string;
  /** Debited to buyer:owed by whoever found it, and no debt is opened for it yet. */
  readonly unopened: Lag;
  /** Open debts by id. */
  readonly outstanding: Map<string, bigint>;
  /** Paid or given up by debt, and not booked yet. */
  readonly unbooked: Map<string, Lag>;
  /** How far the books are off; each event that changes it is named once. */
  gap: bigint;
}

const violation = reporter('I6');
const lag = (): Lag => ({ minor: 0n });
function moved(side: Lag, minor: bigint, { position, metadata }: Recorded<DomainEvent>): void {
  side.minor += minor;
  if (side.minor === 0n) delete side.since;
  else side.since ??= { position, at: metadata.recordedAt };
}

/**
 * I6, buyers: buyer:{b}:owed is the sum of his open debts, but for what one side has written and the other has not followed yet.
 * A debt is opened for what was debited to him before, never for more; it is paid or given up once, by two people, never beyond
 * what is outstanding; and that is what is booked. Keeps one entry per debt that is not over.
 */
export class BuyersDebts implements Check {
  readonly invariant = 'I6';
  readonly #accounts = new Map<string, Account>();
  readonly #on: Handlers = {
    BuyerDebtOpened: (event) => this.#open(event),
    BuyerDebtRepaid: (event) => this.#lower(event, event.data.outstanding.minor),
    BuyerDebtReturned: (event) => this.#lower(event, event.data.outstanding.minor),
    DebtWriteOffApproved: (event) => [
      ...this.#lower(event, 0n),
      ...(event.data.proposedBy === event.data.approvedBy
        ? [violation(event.position, event.data.debtId, `written off by ${event.data.approvedBy} alone`, 'two people')]
        : []),
    ],
    FraudRepaid: (event) => this.#book(event),
    DoublePaymentRepaid: (event) => this.#book(event),
    BuyerDebtWrittenOff: (event) => this.#book(event),
  };

  check(event: Recorded<DomainEvent>, ledger: Ledger): readonly Violation[] {
    const touched = new Set<Account>();
    for (const { debit, credit, amount } of ledger.postings) {
      if (findAccount(debit)?.kind === 'owed') {
        const account = this.#account(debit, amount.asset);
        moved(account.unopened, amount.minor, event);
        touched.add(account);
      }
      if (findAccount(credit)?.kind === 'owed') touched.add(this.#account(credit, amount.asset));
    }
    const found = handle(this.#on, event, ledger);
    return [...found, ...[...touched].flatMap((account) => this.#balanced(account, event, ledger))];
  }

  /** Whoever follows the log may be late, but not for longer than the house is allowed. */
  finish({ now, toleranceMs }: AuditContext): readonly Violation[] {
    return [...this.#accounts.values()].flatMap(({ name, asset, unopened, unbooked }) =>
      [
        { subject: name, side: unopened, expected: 'a debt opened for it' },
        ...[...unbooked].map(([subject, side]) => ({ subject, side, expected: 'booked by the fund' })),
      ].flatMap(({ subject, side: { minor, since }, expected }) =>
        since === undefined || epochMsOf(now) - epochMsOf(since.at) <= toleranceMs
          ? []
          : [violation(since.position, subject, text({ asset, minor }), expected)],
      ),
    );
  }

  #open(event: DebtEvent & Recorded<EventOf<DomainEvent, 'BuyerDebtOpened'>>): readonly Violation[] {
    const { debtId, amount, outstanding } = event.data;
    const account = this.#of(event);
    const { unopened } = account;
    const debited = { asset: amount.asset, minor: unopened.minor };
    const before = account.outstanding.get(debtId) ?? 0n;
    moved(unopened, -amount.minor, event);
    account.outstanding.set(debtId, before + amount.minor);
    const wrong = (found: string, expected: string) => violation(event.position, debtId, found, expected);
    return [
      ...(unopened.minor < 0n ? [wrong(`opened for ${text(amount)}`, `at most ${text(debited)}, debited to him`)] : []),
      ...(addsUp(outstanding, [amount, { asset: amount.asset, minor: before }])
        ? []
        : [wrong(`outstanding ${text(outstanding)}`, text({ asset: amount.asset, minor: before + amount.minor }))]),
    ];
  }

  #lower(event: Exclude<DebtEvent, { type: 'BuyerDebtOpened' }>, stated: bigint): readonly Violation[] {
    const { debtId, amount } = event.data;
    const { asset } = amount;
    const account = this.#of(event);
    const before = account.outstanding.get(debtId) ?? 0n;
    const after = before - amount.minor;
    if (after === 0n) account.outstanding.delete(debtId);
    else account.outstanding.set(debtId, after);
    const unbooked = account.unbooked.get(debtId) ?? lag();
    moved(unbooked, amount.minor, event);
    if (unbooked.minor !== 0n) account.unbooked.set(debtId, unbooked);
    if (after < 0n)
      return [
        violation(event.position, debtId, `${text(amount)} taken off`, `at most ${text({ asset, minor: before })}, outstanding`),
      ];
    return stated === after
      ? []
      : [violation(event.position, debtId, `outstanding ${text({ asset, minor: stated })}`, text({ asset, minor: after }))];
  }

  #book(event: Booking): readonly Violation[] {
    const { debtId, amount } = event.data;
    const account = this.#of(event);
    const unbooked = account.unbooked.get(debtId) ?? lag();
    const said = { asset: amount.asset, minor: unbooked.minor };
    moved(unbooked, -amount.minor, event);
    if (unbooked.minor === 0n) account.unbooked.delete(debtId);
    else account.unbooked.set(debtId, unbooked);
    return unbooked.minor < 0n
      ? [violation(event.position, debtId, `booked ${text(amount)}`, `at most ${text(said)}, paid or given up`)]
      : [];
  }

  #balanced(account: Account, { position }: Recorded<DomainEvent>, { books }: Ledger): readonly Violation[] {
    const { name, asset, unopened, outstanding, unbooked } = account;
    const balance = books.balance(name, asset);
    const open = [...outstanding.values(), ...[...unbooked.values()].map(({ minor }) => minor)];
    const expected = { asset, minor: open.reduce((sum, minor) => sum + minor, unopened.minor) };
    const gap = balance.minor - expected.minor;
    if (expected.minor === 0n && open.length === 0 && gap === 0n) this.#accounts.delete(`${asset} ${name}`);
    if (gap === account.gap) return [];
    account.gap = gap;
    return gap === 0n ? [] : [violation(position, name, text(balance), `${text(expected)}, his open debts`)];
  }

  #of({ data: { platform, buyer: owner, amount } }: DebtEvent | Booking): Account {
    return this.#account(formatAccount({ platform, kind: 'owed', owner }), amount.asset);
  }

  #account(name: string, asset: string): Account {
    const key = `${asset} ${name}`;
    const account = this.#accounts.get(key) ?? {
      name,
      asset,
      unopened: lag(),
      outstanding: new Map(),
      unbooked: new Map(),
      gap: 0n,
    };
    this.#accounts.set(key, account);
    return account;
  }
}
