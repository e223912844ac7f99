export * from './contribution.js';
export * from './fund.js';
export * from './payout.js';
