import { fullPeriodEvents, periodNo, type Periods, shanghaiMonth } from '@recourse/eventing';
import { accountOf, event, type Obligation } from './books.js';
import type { CarriedObligation, DepositEvent } from './deposit.js';
import type { Deposit } from './deposit-state.js';

/** An event holds 64 KiB, and none of these takes more than 400 bytes. */
const carriedAtOnce = 100;

/** A period ends with its calendar month in Shanghai, or when it is full. What is open goes on; what was done stays behind. */
export const depositPeriods: Periods<Deposit, DepositEvent> = {
  closing: (state, at, length) => {
    if (state.status !== 'open') return undefined;
    const { period, deposit, held, payable } = state;
    if (length < fullPeriodEvents && shanghaiMonth(at) <= shanghaiMonth(period.openedAt)) return undefined;
    return event('DepositPeriodClosed', { ...accountOf(state), period: period.no, deposit, held, payable, closedAt: at });
  },
  following: (state) => {
    if (state.status !== 'over') return undefined;
    const { terms, minimum, isShort, isClosed, leaving, settlementDue, deposit, held, payable, closedAt } = state;
    const open = { ...(leaving && { leaving }), ...(settlementDue !== undefined && { settlementDue }) };
    const carried = { terms, minimum, isShort, isClosed, ...open };
    const account = accountOf(state);
    const period = periodNo(Number(state.period.no) + 1);
    return [
      event('DepositPeriodOpened', { ...account, period, deposit, held, payable, carried, openedAt: closedAt }),
      ...parts(state.obligations.map(carriedOf)).map((obligations) =>
        event('DepositCarriedForward', { ...account, obligations }),
      ),
      ...parts(state.writtenOff).map((writtenOff) => event('DepositCarriedForward', { ...account, writtenOff })),
      ...parts([...state.cases].map(([caseId, amount]) => ({ caseId, held: amount }))).map((cases) =>
        event('DepositCarriedForward', { ...account, cases }),
      ),
      // A payment may bounce after its period, so each is known for one more.
      ...parts(
        [...state.draws]
          .filter(([, { isPaid, isCarried }]) => !isPaid || !isCarried)
          .map(([payoutId, { fromDeposit, fromPayable, isPaid }]) => ({ payoutId, fromDeposit, fromPayable, isPaid })),
      ).map((draws) => event('DepositCarriedForward', { ...account, draws })),
      ...parts([...state.fundings.values()]).map((fundings) => event('DepositCarriedForward', { ...account, fundings })),
    ];
  },
};

const parts = <T>(all: readonly T[]): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(all.length / carriedAtOnce) }, (_, no) =>
    all.slice(no * carriedAtOnce, (no + 1) * carriedAtOnce),
  );

const carriedOf = ({
  obligationId,
  refundId,
  caseId,
  outstanding,
  held,
  refundPaid,
  proposal,
}: Obligation): CarriedObligation => ({
  obligationId,
  refundId,
  ...(caseId === undefined ? {} : { caseId }),
  outstanding,
  held,
  refundPaid,
  ...(proposal && { proposal }),
});
