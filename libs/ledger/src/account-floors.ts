import type { Recorded } from '@recourse/eventing';
import { isNegative } from '@recourse/money';
import { accountKinds, findAccount } from './accounts.js';
import { reporter, text, type Check, type Ledger, type Violation } from './invariant.js';
import type { DomainEvent } from './posting.js';

const violation = reporter('I4');

/** I4: names every event that takes a floor-zero account below zero or further down. Keeps nothing. */
export class AccountFloors implements Check {
  readonly invariant = 'I4';

  check(event: Recorded<DomainEvent>, { postings, books }: Ledger): readonly Violation[] {
    const debited = new Map(postings.map(({ debit, amount }) => [`${debit} ${amount.asset}`, { debit, asset: amount.asset }]));
    return [...debited.values()].flatMap(({ debit, asset }) => {
      const account = findAccount(debit);
      if (account === undefined || !accountKinds[account.kind].floorZero) return [];
      const balance = books.balance(debit, asset);
      return isNegative(balance) ? [violation(event.position, debit, text(balance), 'zero or more')] : [];
    });
  }

  finish(): readonly Violation[] {
    return [];
  }
}
