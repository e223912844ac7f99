export { buyerDebts } from './buyer-debts.js';
export { claimToDispute } from './claim-to-dispute.js';
export { judging } from './judging.js';
export { depositId, merchantAccount } from './merchant-account.js';
export { overturning } from './overturning.js';
export { refunding } from './refunding.js';
