export * from './bill.js';
export * from './buyer-debt.js';
export * from './contribution.js';
export * from './fund-control.js';
export * from './fund.js';
export { fundPeriodsOf } from './fund-period.js';
export type { Fund } from './fund-state.js';
export * from './payout.js';
export * from './reconciliation.js';
