export * from './bill.js';
export * from './contribution.js';
export * from './fund-control.js';
export * from './fund.js';
export * from './payout.js';
export * from './reconciliation.js';
