import type { Event, EventOf, Recorded, StreamReader } from '@recourse/eventing';
import { money } from '@recourse/money';

/** A recorded event as a process meets it; only its type and data matter to most specs. */
export const recorded = <E extends Event, Type extends E['type']>(
  stream: string,
  type: Type,
  data: EventOf<E, Type>['data'],
  place: { readonly id?: string; readonly revision?: bigint; readonly position?: bigint } = {},
): Recorded<EventOf<E, Type>> =>
  ({
    id: `event-${type}`,
    stream,
    revision: 0n,
    position: 1n,
    type,
    data,
    ...place,
    metadata: {
      commandId: 'c',
      correlationId: 'c',
      actor: { subject: 's', role: 'system', party: 'p', platform: 'demo' },
      schemaVersion: 1,
      recordedAt: '2026-03-01T00:00:00.000Z',
      effectiveAt: '2026-03-01T00:00:00.000Z',
    },
  }) as unknown as Recorded<EventOf<E, Type>>;

/** Streams that hold just these events. */
export const streams = (...events: Recorded[]): StreamReader => ({
  read: <E extends Event>(stream: string) =>
    Promise.resolve(events.filter((event) => event.stream === stream) as unknown as readonly Recorded<E>[]),
});

export const parties = { platform: 'demo', merchant: 'm1', buyer: 'b1', payee: 'person-1', rail: 'sandbox' } as const;
export const fen = (minor: number) => money(BigInt(minor));
export const noon = '2026-03-01T04:00:00.000Z';
