import { fund, type FundEvent } from '@recourse/compensation';
import { fold, type Recorded } from '@recourse/eventing';
import type { HotFund } from './fund-workload.js';

/**
 * What the fund's periods say came of it.
 * @throws Error when an input was not reserved exactly once, or, unless any order will do, in its order, or when money is missing
 */
export function checkFund(
  { name, refundIds, contributed, fromFund }: Pick<HotFund, 'name' | 'refundIds' | 'contributed' | 'fromFund'>,
  events: readonly Pick<Recorded<FundEvent>, 'type' | 'data'>[],
  { isAnyOrder }: { readonly isAnyOrder: boolean },
): void {
  const reservations = (events as readonly FundEvent[]).flatMap((event) => (event.type === 'FundsReserved' ? [event.data] : []));
  const reserved = reservations.map(({ refundId }) => refundId);
  const [wanted, found] = isAnyOrder ? [refundIds.toSorted(), reserved.toSorted()] : [refundIds, reserved];
  const wrong = Array.from({ length: Math.max(wanted.length, found.length) }).findIndex((_, no) => wanted[no] !== found[no]);
  if (wrong >= 0)
    throw new Error(
      `${name} holds ${found.length} reservations for ${wanted.length} inputs; ` +
        `in place of ${wanted[wrong] ?? 'nothing'} stands ${found[wrong] ?? 'nothing'}`,
    );
  const state = fold(fund, events as readonly FundEvent[]);
  const left = state.status !== 'unopened' ? state.available.minor : 0n;
  const spent = reservations.reduce((sum, one) => sum + one.fromFund.minor, 0n);
  if (left + spent !== contributed.minor || spent !== fromFund.minor * BigInt(refundIds.length))
    throw new Error(`${name} was given ${contributed.minor}, has reserved ${spent} and says that ${left} is left`);
}
