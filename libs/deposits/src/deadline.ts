import type { Instant } from '@recourse/eventing';
import type { Change, Open } from './books.js';
import { settling } from './settlement.js';
import { swept } from './sweep.js';
import { cooledOff, departure } from './withdrawal.js';

/** A timer: what has cooled off leaves, or is said to wait; what is to be settled leaves, or is said not to. */
export function passDeadlines(state: Open, at: Instant): readonly Change[] {
  const leaves = departure(state, at).length > 0;
  const due = [...(leaves ? [] : cooledOff(state, at)), ...settling(state, at)];
  return leaves || due.length > 0 ? swept(state, at, ...due) : [];
}
