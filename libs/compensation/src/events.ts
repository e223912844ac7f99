export type * from './bill.js';
export type * from './buyer-debt.js';
export type * from './contribution.js';
export type * from './fund-control.js';
export type * from './fund.js';
export type * from './payout.js';
export type * from './reconciliation.js';
