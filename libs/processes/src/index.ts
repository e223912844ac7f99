export { claimToDispute } from './claim-to-dispute.js';
export { judging } from './judging.js';
export { depositId, merchantAccount, openPeriod } from './merchant-account.js';
export { refunding } from './refunding.js';
