import { money, type Money } from '@recourse/money';
import { normalSide, type Side } from './accounts.js';
import type { Posting } from './posting.js';

/** What a posting does to one of its accounts. */
export interface AccountMovement {
  readonly side: Side;
  readonly counter: string;
  readonly amount: Money;
  /** Of the account in this asset, on its normal side, after the posting. */
  readonly balance: Money;
}

/** Follows one account through its postings, in each asset on its own. */
export class RunningAccount {
  readonly #sign: bigint;
  /** Credits − debits in minor units by asset. */
  readonly #standing: Map<string, bigint>;

  /** @param opening credits − debits in minor units by asset @throws UnknownAccount */
  constructor(
    readonly account: string,
    opening: Iterable<readonly [asset: string, minor: bigint]> = [],
  ) {
    this.#sign = normalSide(account) === 'credit' ? 1n : -1n;
    this.#standing = new Map(opening);
  }

  /** On the account's normal side, by asset. */
  get balances(): readonly Money[] {
    return [...this.#standing]
      .map(([asset, minor]) => money(this.#sign * minor, asset))
      .toSorted((one, other) => (one.asset < other.asset ? -1 : 1));
  }

  /** @throws RangeError when the posting is not of this account, MoneyError OutOfRange */
  move({ debit, credit, amount }: Posting): AccountMovement {
    const { account } = this;
    if (debit !== account && credit !== account)
      throw new RangeError(`a posting from ${debit} to ${credit} is not one of ${account}`);
    const side = debit === account ? 'debit' : 'credit';
    const minor = (this.#standing.get(amount.asset) ?? 0n) + (side === 'credit' ? amount.minor : -amount.minor);
    this.#standing.set(amount.asset, minor);
    return { side, counter: side === 'debit' ? credit : debit, amount, balance: money(this.#sign * minor, amount.asset) };
  }
}
