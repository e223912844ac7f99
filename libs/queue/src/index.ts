export { openQueue, QueueFull, type Handler, type QueueOptions, type WakeUps, type WorkOptions } from './wake-ups.js';
