export { claimToDispute } from './claim-to-dispute.js';
export { judging } from './judging.js';
export { depositId, merchantAccount } from './merchant-account.js';
export { reconciling } from './reconciling.js';
export { refunding } from './refunding.js';
