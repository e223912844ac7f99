export type * from './order.js';
export type { FeeCommand, FeeEvent, FeeRate, FeeRates, FeeRejection, FeeSchedule } from './fee-schedule.js';
export { claimReasons } from './order.js';
export { deadlinesOf } from './deadline.js';
export { orderEventTypes } from './event-types.js';
