import { reject, type Decider } from './decider.js';
import { eventsOf, type Event } from './event.js';

/** One thing in the world has one owner here: a rail transaction, a key fingerprint, an external complaint number. */
export type UniqueEvent = Event<'UniqueClaimed', { readonly kind: string; readonly hash: string; readonly owner: string }>;
export type UniqueCommand = {
  readonly type: 'ClaimUnique';
  readonly kind: string;
  readonly hash: string;
  readonly owner: string;
};
type Unique = { readonly owner?: string };

const event = eventsOf<UniqueEvent>();

/** Stream `unique-{kind}-{hash}`. A retry by the same owner goes on, another owner is rejected. */
export const unique: Decider<UniqueCommand, Unique, UniqueEvent, 'OwnedByAnother'> = {
  category: 'unique',
  initial: {},
  events: { UniqueClaimed: 1 },
  decide: (command, state) => {
    if (state.owner === undefined)
      return [event('UniqueClaimed', { kind: command.kind, hash: command.hash, owner: command.owner })];
    return state.owner === command.owner
      ? []
      : reject('OwnedByAnother', `this ${command.kind} belongs to another record already`);
  },
  evolve: (_, claimed) => ({ owner: claimed.data.owner }),
};
