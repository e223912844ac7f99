import type { SourceName } from './verifier-keys.js';

export const faults = [
  'none',
  /** Down: 503. */
  'unavailable',
  /** 429. */
  'throttled',
  /** 401, as if it did not know our key. */
  'refused',
  /** The connection is cut without a word. */
  'reset',
  /** Never answers. */
  'silent',
  'redirect',
  'unsigned',
  'bad-signature',
  /** A true answer to another request. */
  'wrong-nonce',
  /** Signed an hour ago. */
  'stale',
  /** Signed, and no JSON. */
  'garbage',
  /** Signed, and a megabyte long. */
  'oversized',
  /** Signed, and about another reference. */
  'wrong',
  /** Signed, and its records cannot all be true. */
  'contradictory',
] as const;
export type Fault = (typeof faults)[number];

export interface Behaviour {
  readonly fault: Fault;
  /** Default 0; before it does anything. */
  readonly delayMs?: number;
  /** Default for good; for so many requests. */
  readonly times?: number;
  /** Default 1; what a throttled one is told to wait. */
  readonly retryAfterS?: number;
}

/** The narrower scope counts; neither: everything. */
export interface Scope {
  readonly source?: SourceName;
  readonly reference?: string;
}

interface Told extends Required<Omit<Behaviour, 'times'>> {
  left: number;
}

/** How a simulator is told to behave. */
export class Behaviours {
  private readonly told = new Map<string, Told>();

  tell({ fault, delayMs = 0, retryAfterS = 1, times = Infinity }: Behaviour, { source, reference }: Scope): void {
    this.told.set(keyOf(source, reference), { fault, delayMs, retryAfterS, left: times });
  }

  /** Uses up one of the `times`. */
  next(source: SourceName, reference: string): Omit<Told, 'left'> {
    for (const key of [
      keyOf(source, reference),
      keyOf(undefined, reference),
      keyOf(source, undefined),
      keyOf(undefined, undefined),
    ]) {
      const told = this.told.get(key);
      if (told === undefined) continue;
      told.left -= 1;
      if (told.left <= 0) this.told.delete(key);
      return told;
    }
    return { fault: 'none', delayMs: 0, retryAfterS: 1 };
  }
}

const keyOf = (source: string | undefined, reference: string | undefined): string => `${source ?? '*'} ${reference ?? '*'}`;

/** Records that cannot all be true, one of them what is known. */
export function contradiction(source: SourceName, known: readonly object[] | undefined): readonly object[] {
  const records = known ?? [contraryTo(source, [])];
  return [...records, contraryTo(source, records)];
}

function contraryTo(source: SourceName, records: readonly object[]): object {
  const says = (state: string) => records.some((record) => 'state' in record && record.state === state);
  switch (source) {
    case 'card-activation':
      return { state: says('INVALID') ? 'UNUSED' : 'INVALID' };
    case 'membership-entitlement':
      return says('INVALID') ? { state: 'NONE', redeemable: true } : { state: 'INVALID' };
    case 'carrier-record': {
      if (says('CREDITED')) return { state: 'NOT_CREDITED' };
      const amount = { asset: 'CNY', minor: '100' };
      const credit = { amount, creditedAt: '2026-01-01T00:00:00.000Z', toOrderedAccount: true };
      return { state: 'CREDITED', orderedAmount: amount, credits: [credit] };
    }
  }
}
