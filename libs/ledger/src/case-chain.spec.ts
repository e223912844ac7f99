import type { Recorded } from '@recourse/eventing';
import { caseSteps, isAboutCase } from './case-chain.js';
import type { DomainEvent } from './posting.js';

const at = '2026-03-01T04:00:00.000Z';
const recorded = (type: string, data: object, id = type, causationId?: string): Recorded<DomainEvent> =>
  ({
    id,
    stream: 'order-demo.o1',
    revision: 0n,
    position: 1n,
    type,
    data,
    metadata: {
      commandId: 'c',
      correlationId: 'c',
      ...(causationId === undefined ? {} : { causationId }),
      actor: { subject: 's', role: 'system', party: 'p', platform: 'demo' },
      schemaVersion: 1,
      recordedAt: at,
      effectiveAt: at,
    },
  }) as unknown as Recorded<DomainEvent>;
const orderId = 'demo.o1';
const units = new Set([2]);

it('an event of the order belongs to a case when it names one of its units, or none and no other claim', () => {
  const isAbout = (type: string, data: object) => isAboutCase(recorded(type, data), 'demo.o1.2', units);
  expect(isAbout('KeyRevealed', { orderId, unitNo: 2, revealedAt: at })).toBe(true);
  expect(isAbout('KeyRevealed', { orderId, unitNo: 1, revealedAt: at })).toBe(false);
  expect(isAbout('ClaimAttached', { orderId, claimId: 'demo.o1.2', channel: 'court', attachedAt: at })).toBe(true);
  expect(isAbout('ClaimAttached', { orderId, claimId: 'demo.o1.1', channel: 'court', attachedAt: at })).toBe(false);
  // An earlier claim on the same unit is a part of its story.
  expect(isAbout('ClaimSubmitted', { orderId, claimId: 'demo.o1.1', units: [2], submittedAt: at })).toBe(true);
  expect(isAbout('OrderFrozen', { orderId, scope: 'order', reason: 'why', frozenAt: at })).toBe(true);
});

it('a step names its event, and the step that led to it where that is one of the case', () => {
  const [first, second, third] = caseSteps([
    recorded('KeyRevealed', { orderId, unitNo: 2, revealedAt: at }, 'e1'),
    recorded('ClaimSubmitted', { orderId, claimId: 'demo.o1.2', units: [2], submittedAt: at }, 'e2', 'e1'),
    recorded('ClaimSubmitted', { orderId, claimId: 'demo.o1.2', units: [2], submittedAt: at }, 'e3', 'elsewhere'),
  ]);
  expect(first).toMatchObject({ eventId: 'e1', name: { en: 'Key revealed to the buyer' } });
  expect(second).toMatchObject({ eventId: 'e2', because: '0@order-demo.o1' });
  expect(third).not.toHaveProperty('because');
});
