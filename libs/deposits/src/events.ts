export type * from './deposit.js';
export type { Deposit } from './deposit-state.js';
