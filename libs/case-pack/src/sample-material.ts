import { readFile } from 'node:fs/promises';
import { dispute, isTable, policyHash, validateTable } from '@recourse/disputes';
import type { CaseFile, DisputeCommand, DisputeEvent, PolicyTable } from '@recourse/disputes/events';
import { fold, isRejection, plusHours, type Recorded, type Stamped, systemActor } from '@recourse/eventing';
import { caseSteps, type DomainEvent } from '@recourse/ledger';
import { money } from '@recourse/money';
import type { CaseMaterial } from './material.js';

const claimedAt = '2026-03-01T20:00:00.000Z';

async function defaultPolicy(): Promise<PolicyTable> {
  const text = await readFile(new URL('../../disputes/policies/default-policy.json', import.meta.url), 'utf8');
  const table = validateTable(JSON.parse(text) as unknown);
  if (!isTable(table)) throw new Error(table.join('\n'));
  return table;
}

function told(commands: readonly Stamped<DisputeCommand>[]): readonly DisputeEvent[] {
  const events: DisputeEvent[] = [];
  for (const command of commands) {
    const outcome = dispute.decide(command, fold(dispute, events));
    if (isRejection(outcome)) throw new Error(`${command.type}: ${outcome.rejected}`);
    events.push(...outcome);
  }
  return events;
}

const recorded = (data: DisputeEvent, index: number): Recorded<DomainEvent> => ({
  ...data,
  id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
  stream: 'dispute-demo.o1.1',
  revision: BigInt(index),
  position: BigInt(100 + index),
  metadata: {
    commandId: `c${index}`,
    correlationId: 'k',
    actor: index === 0 ? { subject: 'buyer-b1', role: 'buyer', party: 'b1', platform: 'demo' } : systemActor('judging', 'demo'),
    schemaVersion: 1,
    recordedAt: claimedAt,
    effectiveAt: claimedAt,
  },
});

/** A claim for dislike of two keys, which a rule decides at once, with a piece of evidence. */
export async function sampleMaterial(text: string | undefined, change: Partial<CaseMaterial> = {}): Promise<CaseMaterial> {
  const table = await defaultPolicy();
  const frozen = { id: 'demo', version: 1, hash: policyHash(table) };
  const file: CaseFile = {
    disputeId: 'demo.o1.1',
    orderId: 'demo.o1',
    platform: 'demo',
    merchant: 'm1',
    buyer: 'b1',
    reason: 'dislike',
    productKind: 'game-card',
    promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: true, sevenDay: false },
    policy: frozen,
    units: [1, 2].map((unitNo) => ({
      unitNo,
      product: '50元游戏点卡 <5 个>',
      price: money(5_000n),
      fee: money(250n),
      escrow: 'held',
      deliveredAt: '2026-03-01T08:00:00.000Z',
      revealedAt: '2026-03-01T08:05:00.000Z',
      afterSaleEndsAt: '2026-03-02T08:00:00.000Z',
      deliveryReference: `fingerprint-${unitNo}`,
      platformFailure: false,
      evidence: ['1@order-demo.o1'],
    })),
  };
  const piece = { kind: 'chat', showsActivationFailure: false } as const;
  const events = told([
    {
      type: 'OpenDispute',
      draft: false,
      openedAt: claimedAt,
      evidence: [{ evidenceId: 'e1', content: 'person-1', ...piece }],
      at: claimedAt,
      ...file,
    },
    { type: 'ApplyPolicy', table, at: claimedAt },
  ]);
  return {
    view: 'platform',
    position: BigInt(99 + events.length),
    file,
    openedAt: claimedAt,
    channels: ['app', '12315'],
    complaints: [
      { channel: '12315', number: '****0123', status: 'received', receivedAt: claimedAt, answerBy: plusHours(claimedAt, 168) },
    ],
    steps: caseSteps(events.map(recorded)),
    evidence: [{ evidenceId: 'e1', by: 'buyer', ...piece, submittedAt: claimedAt, text }],
    files: [],
    verdicts: events.flatMap(({ type, data }) => (type === 'VerdictReached' ? [data] : [])),
    overturned: [],
    policy: { ...frozen, publishedAt: '2026-02-01T00:00:00.000Z', effectiveFrom: '2026-02-01T00:00:00.000Z', table },
    ...change,
  };
}
