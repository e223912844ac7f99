import { type CommandOf, type Instant, periodNo, reject } from '@recourse/eventing';
import { isNegative, sameAsset, zero } from '@recourse/money';
import { event, otherAsset, type Refusal } from './books.js';
import type { DepositCommand, DepositEvent } from './deposit.js';
import type { Deposit } from './deposit-state.js';
import { notices } from './sweep.js';

/** A withdrawal waits for seven days of 24 hours unless the terms say otherwise. */
export const usualCoolingOffHours = 168;

const firstPeriod = periodNo(1);

export function agree(
  command: CommandOf<DepositCommand, 'AgreeDeposit'>,
  at: Instant,
  state: Deposit,
): readonly DepositEvent[] | Refusal {
  const { platform, merchant, termsVersion, minimum, payee, rail, coolingOffHours, settlement } = command;
  if (isNegative(minimum) || (settlement && isNegative(settlement.minimum)))
    return reject('AmountNotPositive', 'the minimum of a deposit, or of a settlement, is zero or more');
  if (settlement && !sameAsset(minimum, settlement.minimum))
    return reject('AssetMismatch', 'the minimum of a settlement is in the asset of the deposit');
  const inForce = state.status === 'open' ? state.terms.version : 0;
  if (termsVersion <= inForce)
    return reject('TermsNotNewer', `terms version ${inForce} is in force; only a higher one replaces it`);
  const coolingOff = { ...(coolingOffHours !== undefined && { coolingOffHours }), ...(settlement && { settlement }) };
  const agreed = event('DepositAgreed', { platform, merchant, termsVersion, minimum, payee, rail, ...coolingOff, agreedAt: at });
  if (state.status !== 'unopened') {
    if (!sameAsset(minimum, state.deposit)) return otherAsset(minimum, state);
    return [agreed, ...notices(state, { ...state, minimum, isClosed: false }, at)];
  }
  const none = zero(minimum.asset);
  const balances = { deposit: none, held: none, payable: none };
  return [event('DepositPeriodOpened', { platform, merchant, period: firstPeriod, ...balances, openedAt: at }), agreed];
}
