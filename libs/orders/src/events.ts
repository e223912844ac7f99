export type * from './order.js';
export { claimReasons } from './order.js';
export { deadlinesOf } from './deadline.js';
