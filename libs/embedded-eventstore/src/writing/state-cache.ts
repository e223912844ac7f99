import type { StreamState } from '../storage/stream-state.js';

export interface CachedState extends StreamState {
  /** The newest commit group that changes it; until that is durable the state must stay in memory. */
  group: number;
}

/** States of the streams that were asked for lately: between half of `most` and `most`, and those that are not durable yet. */
export class StateCache {
  private lately = new Map<string, CachedState>();
  private before = new Map<string, CachedState>();

  constructor(
    private readonly most: number,
    private readonly load: (name: string) => StreamState,
  ) {}

  get(name: string): CachedState {
    const known = this.lately.get(name);
    if (known) return known;
    const state = this.before.get(name) ?? { ...this.load(name), group: 0 };
    this.lately.set(name, state);
    return state;
  }

  /** Lets go of what nobody asked for since half of the cache was filled. */
  trim(durableGroup: number): void {
    if (this.lately.size < this.most / 2) return;
    const leaving = this.before;
    this.before = this.lately;
    this.lately = new Map();
    for (const [name, state] of leaving) if (state.group > durableGroup && !this.before.has(name)) this.lately.set(name, state);
  }
}
