import { order, type OrderEvent } from './order.js';

/** Every event of an order. */
export const orderEventTypes = Object.keys(order.events) as readonly OrderEvent['type'][];
