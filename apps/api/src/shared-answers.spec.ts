import { readFile } from 'node:fs/promises';
import { eligibilityOf, PolicyProspects, type PolicyTable } from '@recourse/disputes';
import { money } from '@recourse/money';
import type { KnownUnit } from '@recourse/postgres';
import { maxSharedBytes, SharedAnswers } from './shared-answers.js';

const known = (hash: string): KnownUnit => ({
  snapshot: {
    terms: {
      ...{ orderId: 'demo.o1', unitNo: 1, platform: 'demo', merchant: 'm1', buyer: 'b1', product: 'card' },
      ...{ productKind: 'game-card', settlement: 'ESCROW', price: money(1_000n), fee: money(50n) },
      promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: true, sevenDay: false },
      policy: { id: 'demo', version: 1, hash },
      payBefore: '2026-03-01T00:30:00.000Z',
    },
    standing: {
      ...{ order: 'paid', escrow: 'held', refunded: money(0n), freezes: [], confirmed: false, draftUsed: false },
      ...{ platformFailure: false, deliveredAt: '2026-03-01T01:00:00.000Z', afterSaleEndsAt: '2026-03-02T01:00:00.000Z' },
    },
  },
  position: 7n,
  since: '2026-03-01T01:00:00.000Z',
});

it('units whose prospects would make the answer too large get a problem each, and those that share theirs an answer', async () => {
  const file = new URL('../../../libs/disputes/policies/default-policy.json', import.meta.url);
  const table = new PolicyProspects(JSON.parse(await readFile(file, 'utf8')) as PolicyTable);
  const shared = new SharedAnswers();
  const results = Array.from({ length: 1_000 }, (_, i) => {
    const one = known(i.toString(16).padStart(64, '0'));
    return shared.add(one, eligibilityOf(one.snapshot, table, one.since), table);
  });
  const refused = results.findIndex((result) => 'problem' in result);
  expect(refused).toBeGreaterThan(50);
  expect(results.slice(refused).every((result) => 'problem' in result)).toBe(true);
  expect(results[refused]).toMatchObject({ problem: { type: 'urn:recourse:problem:answer-full', status: 413 } });
  const bytes = Buffer.byteLength(JSON.stringify(shared.shown()));
  expect(bytes).toBeLessThan(maxSharedBytes * 1.1);
  const again = known('0'.repeat(64));
  expect(shared.add(again, eligibilityOf(again.snapshot, table, again.since), table)).toMatchObject({
    eligibility: { prospects: 'p1' },
  });
});
