export * from './contribution.js';
export * from './fund-control.js';
export * from './fund.js';
export { fundPeriodsOf } from './fund-period.js';
export * from './payout.js';
