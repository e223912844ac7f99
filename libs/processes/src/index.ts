import { buyerDebts } from './buyer-debts.js';
import { claimToDispute } from './claim-to-dispute.js';
import { incidents } from './incidents.js';
import { judging } from './judging.js';
import { merchantAccount } from './merchant-account.js';
import { overturning } from './overturning.js';
import { reconciling } from './reconciling.js';
import { refunding } from './refunding.js';

/** All that run. */
export const processes = [
  claimToDispute,
  incidents,
  judging,
  refunding,
  overturning,
  merchantAccount,
  buyerDebts,
  reconciling,
] as const;
export { depositId } from './merchant-account.js';
export { buyerDebts, claimToDispute, incidents, judging, merchantAccount, overturning, reconciling, refunding };
