import { specify } from '@recourse/eventing';
import { policy, policyInForce, type PolicyEvent } from './policy.js';
import { policyHash, type PolicyTable } from './policy-table.js';

const { given } = specify(policy);
const text = { zh: '规则', en: 'rules' };
const tableOf = (version: number, title = text): PolicyTable => ({
  id: 'default',
  version,
  title,
  rules: [{ id: 'person', when: {}, then: { do: 'review' }, explanation: text, basis: ['S16'] }],
});
const publish = (table: PolicyTable, at: string) => ({ type: 'PublishPolicy', platform: 'demo', table, at }) as const;
const published = (table: PolicyTable, publishedAt: string, effectiveFrom: string): PolicyEvent => ({
  type: 'PolicyPublished',
  data: { platform: 'demo', id: 'demo', version: table.version, hash: policyHash(table), table, publishedAt, effectiveFrom },
});
const [march1, march5, march12] = ['2026-03-01T00:00:00.000Z', '2026-03-05T06:00:00.000Z', '2026-03-12T06:00:00.000Z'];
const first = published(tableOf(1), march1, march1);
const second = published(tableOf(2), march5, march12);

it('takes effect at once when it is the first, and seven days after its announcement when it is not', () => {
  given()
    .when(publish(tableOf(1), march1))
    .then(first);
  given(first)
    .when(publish(tableOf(2), march5))
    .then(second);
});

it('is published once, however often it is sent', () => {
  given(first)
    .when(publish(tableOf(1), march5))
    .thenNothing();
  given(first, second)
    .when(publish(tableOf(1), march12))
    .thenNothing();
});

it('counts its versions without a gap', () => {
  given()
    .when(publish(tableOf(2), march1))
    .thenRejected('VersionNotNext');
  given(first)
    .when(publish(tableOf(3), march5))
    .thenRejected('VersionNotNext');
  given(first)
    .when(publish(tableOf(1, { zh: '新规则', en: 'new rules' }), march5))
    .thenRejected('VersionNotNext');
});

it('is refused when the table is not sound', () => {
  given()
    .when(publish({ ...tableOf(1), rules: [] }, march1))
    .thenRejected('PolicyInvalid');
});

it('is in force from exactly the announced moment', () => {
  const log = [first, second];
  expect(policyInForce([], march1)).toBeUndefined();
  expect(policyInForce(log, '2026-02-28T23:59:59.999Z')).toBeUndefined();
  expect(policyInForce(log, march1)?.version).toBe(1);
  expect(policyInForce(log, '2026-03-12T05:59:59.999Z')?.version).toBe(1);
  expect(policyInForce(log, march12)?.version).toBe(2);
});
