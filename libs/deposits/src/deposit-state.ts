import type { Instant } from '@recourse/eventing';
import { zero } from '@recourse/money';
import { accountOf, type Books, emptyBooks, type Open, post } from './books.js';
import type { DepositEvent } from './deposit.js';
import { usualCoolingOffHours } from './terms.js';

/** All money a merchant has here, as far as it is open. `opening` lasts only between the first two events of one append. */
export type Deposit =
  | { readonly status: 'unopened' }
  | (Books & { readonly status: 'opening' })
  | Open
  /** This period of the account, which goes on in the next. */
  | (Omit<Open, 'status'> & { readonly status: 'over'; readonly closedAt: Instant });

export function evolve(state: Deposit, happened: DepositEvent): Deposit {
  if (happened.type === 'DepositPeriodOpened') {
    const { period: no, deposit: free, held, payable, carried, openedAt } = happened.data;
    const balances = { deposit: free, held, payable, minimum: zero(free.asset) };
    const books = { ...accountOf(happened.data), period: { no, openedAt }, ...balances, ...emptyBooks };
    return carried ? { status: 'open', ...books, ...carried } : { status: 'opening', ...books };
  }
  // The fund asked for money of a merchant who has no account; that he gets one later is nobody's concern here.
  if (state.status === 'unopened' && happened.type === 'HandOverDeclined') return state;
  if (state.status === 'unopened' || state.status === 'over')
    throw new Error(`${happened.type} stands before DepositPeriodOpened, or behind DepositPeriodClosed`);
  if (happened.type === 'DepositPeriodClosed') {
    if (state.status !== 'open') throw new Error('a period is closed before its terms were agreed');
    return { ...state, status: 'over', closedAt: happened.data.closedAt };
  }
  if (happened.type === 'DepositAgreed') {
    const { termsVersion: version, minimum, payee, rail, coolingOffHours = usualCoolingOffHours, settlement } = happened.data;
    // A merchant who left and agrees to new terms is back.
    return {
      ...state,
      status: 'open',
      isClosed: false,
      minimum,
      terms: { version, payee, rail, coolingOffHours, ...(settlement && { settlement }) },
    };
  }
  return post(state, happened);
}
