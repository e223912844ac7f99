import type { Instant } from '@recourse/eventing';
import { add, compare, isPositive, sameAsset, type Money } from '@recourse/money';
import { Fields, Unreadable } from './fields.js';
import { doubtful, type Finding, isYetToCome, type RecordSource, settled } from './record-source.js';

const states = ['CREDITED', 'NOT_CREDITED', 'PENDING'] as const;
const maxCredits = 20;
const maxReferenceCharacters = 256;

interface Credit {
  readonly amount: Money;
  readonly creditedAt: Instant;
  readonly toOrderedAccount: boolean;
}

function creditOf(value: unknown): Credit {
  const fields = new Fields(value);
  const credit = {
    amount: fields.money('amount'),
    creditedAt: fields.instant('creditedAt'),
    toOrderedAccount: fields.flag('toOrderedAccount'),
  };
  fields.end();
  if (!isPositive(credit.amount)) throw new Unreadable('a credit is of more than nothing');
  return credit;
}

/** What arrived at the account that was ordered, against what was ordered. */
function weigh(ordered: Money, credits: readonly Credit[]): Finding {
  if (credits.some(({ amount }) => !sameAsset(amount, ordered)))
    throw new Unreadable('credits and the ordered amount are of different kinds of money');
  const own = credits.filter(({ toOrderedAccount }) => toOrderedAccount);
  const [first, ...others] = own;
  // What another phone got is nothing to this buyer.
  if (first === undefined) return settled('NOT_CREDITED');
  const total = others.reduce((sum, { amount }) => add(sum, amount), first.amount);
  const since = own
    .map(({ creditedAt }) => creditedAt)
    .toSorted()
    .at(-1);
  if (compare(total, ordered) < 0) return settled('WRONG_VALUE', since);
  // One order may be credited in parts; more than it in several is the same wish twice. S58
  return settled(others.length > 0 && compare(total, ordered) > 0 ? 'DUPLICATE' : 'CREDITED', since);
}

/** The carrier's record of a top-up. S51 */
export const carrierRecord: RecordSource = {
  name: 'carrier-record',
  productKind: 'phone-top-up',
  path: '/v1/carrier-credits/query',
  read: (record, question) => {
    const state = record.oneOf('state', states);
    switch (state) {
      case 'PENDING':
        return { is: 'pending' };
      case 'NOT_CREDITED':
        return settled('NOT_CREDITED');
      case 'CREDITED': {
        const ordered = record.money('orderedAmount');
        const credits = record.list('credits', maxCredits).map(creditOf);
        const repeats = record.has('duplicateOf') && record.text('duplicateOf', maxReferenceCharacters) !== '';
        if (credits.length === 0) return doubtful('it is credited and has no credit');
        if (credits.some(({ creditedAt }) => isYetToCome(creditedAt, question)))
          return doubtful('it was credited at a moment that is yet to come');
        const finding = weigh(ordered, credits);
        return repeats && finding.is === 'settled' && finding.outcome === 'CREDITED'
          ? settled('DUPLICATE', finding.since)
          : finding;
      }
    }
  },
};
