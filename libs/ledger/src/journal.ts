import { money, type Money } from '@recourse/money';
import { normalSide } from './accounts.js';
import { postingsOf, type DomainEvent, type Posting } from './posting.js';

export interface BalanceRow {
  readonly account: string;
  /** Counted on the account's normal side: positive as it should be. */
  readonly balance: Money;
}

/** All balances of one asset by the side they stand on; the books are right when both sums are equal. */
export interface TrialBalance {
  readonly asset: string;
  readonly debits: Money;
  readonly credits: Money;
  /** credits − debits, zero in sound books. */
  readonly difference: Money;
}

const byText = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
/** The sign that turns credits − debits into a balance on the account's normal side, and back. */
const signOf = (account: string) => (normalSide(account) === 'credit' ? 1n : -1n);

/**
 * The balances that postings lead to. An account that comes back to zero is forgotten, so memory grows with what is
 * open (orders in escrow, refunds not yet paid) and with the number of merchants, not with the length of the log.
 */
export class Books {
  /** Credits − debits in minor units, by asset and account. */
  readonly #balances = new Map<string, Map<string, bigint>>();

  /** Goes on from a snapshot that `rows` made. @throws UnknownAccount */
  static from(rows: Iterable<BalanceRow>): Books {
    const books = new Books();
    for (const { account, balance } of rows) books.#add(account, balance.asset, signOf(account) * balance.minor);
    return books;
  }

  /** Posts what the event does and says what that was. @throws UnknownEventType */
  apply(event: DomainEvent): readonly Posting[] {
    const postings = postingsOf(event);
    for (const posting of postings) this.post(posting);
    return postings;
  }

  post({ debit, credit, amount }: Posting): void {
    this.#add(debit, amount.asset, -amount.minor);
    this.#add(credit, amount.asset, amount.minor);
  }

  /** On the account's normal side; zero for an account that nothing was posted to. @throws UnknownAccount, MoneyError OutOfRange */
  balance(account: string, asset = 'CNY'): Money {
    return money(signOf(account) * (this.#balances.get(asset)?.get(account) ?? 0n), asset);
  }

  trialBalance(): readonly TrialBalance[] {
    return [...this.#balances]
      .toSorted(([one], [other]) => byText(one, other))
      .map(([asset, accounts]) => {
        let debits = 0n;
        let credits = 0n;
        for (const balance of accounts.values()) {
          if (balance < 0n) debits -= balance;
          else credits += balance;
        }
        return {
          asset,
          debits: money(debits, asset),
          credits: money(credits, asset),
          difference: money(credits - debits, asset),
        };
      });
  }

  /** Every account that is not at zero, by asset and name: what a snapshot stores. */
  *rows(): Generator<BalanceRow> {
    for (const [asset, accounts] of [...this.#balances].toSorted(([one], [other]) => byText(one, other)))
      for (const account of [...accounts.keys()].toSorted(byText)) yield { account, balance: this.balance(account, asset) };
  }

  #add(account: string, asset: string, minor: bigint): void {
    const accounts = this.#balances.get(asset) ?? new Map<string, bigint>();
    this.#balances.set(asset, accounts);
    const balance = (accounts.get(account) ?? 0n) + minor;
    if (balance === 0n) accounts.delete(account);
    else accounts.set(account, balance);
  }
}
