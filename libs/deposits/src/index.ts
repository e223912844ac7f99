export * from './deposit.js';
export type { Deposit } from './deposit-state.js';
export { maxSweepEvents, shortfall } from './sweep.js';
export { usualCoolingOffHours } from './terms.js';
