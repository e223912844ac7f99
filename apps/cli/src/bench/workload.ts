import { jsonEvent, type EventData } from '@eventstore/db-client';

const types = ['RefundApproved', 'PayoutRequested', 'RefundFundedFromEscrow', 'PayoutSucceeded'] as const;
const rareType = 'DepositDebited';
const rareEvery = 100;

/** Prefixes of event types, and how many of all events they match. */
export const halfMatching = { prefix: 'Refund', share: 0.5 };
export const rarelyMatching = { prefix: 'Deposit', share: 1 / rareEvery };

/** Every second type is of a refund; each hundredth event, the last of its hundred, is rare. */
export const typeOf = (no: number): string =>
  no % rareEvery === rareEvery - 1 ? rareType : (types[no % types.length] ?? types[0]);

export const dataOf = (no: number) => ({
  refundId: `demo.order-${no}.1.v1`,
  orderNo: `order-${no}`,
  merchant: `merchant-${no % 97}`,
  buyer: `buyer-${no % 1_009}`,
  amount: { asset: 'CNY', minor: '5000' },
  shares: { merchant: { asset: 'CNY', minor: '4750' }, platform: { asset: 'CNY', minor: '250' } },
  policy: 'a1c7e5f0b2d94c6e8f1a3b5d7c9e0f2a',
});

export const metadataOf = (no: number) => ({
  commandId: `demo.order-${no}.1.v1:approve`,
  correlationId: '7f1c2a34-9b5d-4e6f-8a70-1b2c3d4e5f60',
  actor: { subject: 'system:refund', role: 'system', party: 'refund', platform: 'demo' },
  schemaVersion: 1,
  recordedAt: '2026-01-31T08:15:30.123Z',
});

/** An event with a new id; about 270 bytes of data and 230 of metadata, as Recourse's own have. */
export const eventOf = (no: number): EventData => jsonEvent({ type: typeOf(no), data: dataOf(no), metadata: metadataOf(no) });

export const eventsFrom = (no: number, count: number): EventData[] =>
  Array.from({ length: count }, (_, index) => eventOf(no + index));
