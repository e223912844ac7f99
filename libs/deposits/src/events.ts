export type * from './deposit.js';
