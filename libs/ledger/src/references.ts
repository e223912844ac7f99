import type { DomainEvent } from './posting.js';

/** What an event is about, as far as it says so itself: the way from a line of the books to its case, refund or order. */
export interface EventReferences {
  readonly orderId?: string;
  readonly caseId?: string;
  /** A refund; its obligation and its payout have the same id. */
  readonly refundId?: string;
  /** A settlement's payout, a rail's transaction, a contribution, or a difference between a rail's bill and our books. */
  readonly reference?: string;
}

/** Where events name things: in their data, or in the part that says what money is for. */
const parts = ['for', 'purpose', 'ground', 'into'] as const;
const names = {
  orderId: ['orderId'],
  caseId: ['caseId', 'disputeId'],
  refundId: ['refundId', 'obligationId'],
  reference: ['transaction', 'contributionId', 'payoutId', 'differenceId'],
} as const satisfies Record<keyof EventReferences, readonly string[]>;

export function referencesOf(event: DomainEvent): EventReferences {
  const data: Readonly<Record<string, unknown>> = { ...event.data };
  const places = [data, ...parts.map((part) => data[part]).filter(isObject)];
  const found = (wanted: readonly string[]): string | undefined =>
    wanted.flatMap((name) => places.map((place) => place[name])).find((value) => typeof value === 'string');
  const references: Partial<Record<keyof EventReferences, string>> = {};
  for (const [name, wanted] of Object.entries(names) as [keyof EventReferences, readonly string[]][]) {
    const value = found(wanted);
    if (value !== undefined && value !== references.refundId) references[name] = value;
  }
  return references;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
