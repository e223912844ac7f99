export * from './deposit.js';
