import { dispute, type DisputeEvent } from './dispute.js';

/** Every event of a case; a fold needs all of them. */
export const disputeEventTypes = Object.keys(dispute.events) as readonly DisputeEvent['type'][];
