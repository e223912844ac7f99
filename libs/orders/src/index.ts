export { maxClaimUnits, maxEventsForClaims } from './claim.js';
export { type OpenedClaim, replayClaim } from './claim-replay.js';
export { deadlinesOf } from './deadline.js';
export * from './fee-schedule.js';
export * from './order.js';
export { type Order } from './order-state.js';
export { maxEventsForSurplus, surplusRefundId } from './payment.js';
export { maxPromiseHours, maxUnits, payWithinMs } from './placement.js';
