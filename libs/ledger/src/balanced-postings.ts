import type { Recorded } from '@recourse/eventing';
import { equals, isPositive, type Money } from '@recourse/money';
import { findAccount, formatAccount } from './accounts.js';
import { reporter, text, type Check, type Ledger, type Violation } from './invariant.js';
import type { Books } from './journal.js';
import type { DomainEvent, Posting } from './posting.js';

const violation = reporter('I1');
export const show = ({ debit, credit, amount }: Posting): string => `${debit} → ${credit} ${text(amount)}`;

/**
 * I1 within the log: every posting is a positive amount between two accounts of one platform, an event posts in one
 * asset, and a period begins with the balances the last one ended with. The stored journal: `compareJournal`.
 */
export class BalancedPostings implements Check {
  readonly invariant = 'I1';
  #books: Books | undefined;
  #last = 0n;

  check(event: Recorded<DomainEvent>, { postings, books }: Ledger): readonly Violation[] {
    this.#books = books;
    this.#last = event.position;
    const found = postings.flatMap((posting) => this.#faults(event, posting, postings));
    for (const [account, amount] of carriedForward(event)) {
      const balance = books.balance(account, amount.asset);
      if (!equals(balance, amount)) found.push(violation(event.position, account, `opened with ${text(amount)}`, text(balance)));
    }
    return found;
  }

  finish(): readonly Violation[] {
    return (this.#books?.trialBalance() ?? [])
      .filter(({ difference }) => difference.minor !== 0n)
      .map(({ asset, debits, credits }) =>
        violation(this.#last, asset, `debits ${text(debits)}, credits ${text(credits)}`, 'equal sums'),
      );
  }

  #faults(event: Recorded<DomainEvent>, posting: Posting, postings: readonly Posting[]): Violation[] {
    const fault = (expected: string) => violation(event.position, event.stream, show(posting), expected);
    const debit = findAccount(posting.debit);
    const credit = findAccount(posting.credit);
    const faults: Violation[] = [];
    if (debit === undefined || credit === undefined) faults.push(fault('two accounts of the chart'));
    else if (debit.platform !== credit.platform) faults.push(fault('two accounts of one platform'));
    if (posting.debit === posting.credit) faults.push(fault('two different accounts'));
    if (!isPositive(posting.amount)) faults.push(fault('a positive amount'));
    if (posting.amount.asset !== postings[0]?.amount.asset) faults.push(fault(`an amount in ${postings[0]?.amount.asset}`));
    return faults;
  }
}

function carriedForward(event: DomainEvent): readonly (readonly [account: string, amount: Money])[] {
  if (event.type === 'FundPeriodOpened') {
    const { platform, available } = event.data;
    return [[formatAccount({ platform, kind: 'available' }), available]];
  }
  if (event.type !== 'DepositPeriodOpened') return [];
  const { platform, merchant: owner } = event.data;
  return (['deposit', 'held', 'payable'] as const).map((kind) => [formatAccount({ platform, kind, owner }), event.data[kind]]);
}
