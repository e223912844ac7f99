export * from './deposit.js';
export { maxSweepEvents, shortfall } from './sweep.js';
