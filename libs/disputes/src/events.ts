export type { Dispute } from './case.js';
export type * from './dispute.js';
export type * from './policy.js';
export type * from './policy-table.js';
