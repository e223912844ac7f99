import { type DataOf, type Decider, eventsOf, isAfter, plusDays, reject, type Event, type Instant } from '@recourse/eventing';
import { policyHash, type PolicyTable } from './policy-table.js';
import { isTable, validateTable } from './table-check.js';

/** Stream `policy-{id}`; what an order freezes is `{id, version, hash}`. */
export type PolicyEvent = Event<
  'PolicyPublished',
  {
    readonly platform: string;
    readonly id: string;
    readonly version: number;
    readonly hash: string;
    readonly table: PolicyTable;
    readonly publishedAt: Instant;
    readonly effectiveFrom: Instant;
  }
>;
export type PolicyCommand = { readonly type: 'PublishPolicy'; readonly platform: string; readonly table: PolicyTable };
export type PolicyRejection = 'PolicyInvalid' | 'VersionNotNext';

export interface PublishedPolicy {
  readonly id: string;
  readonly version: number;
  readonly hash: string;
  readonly effectiveFrom: Instant;
}

const noticeDays = 7; // 电商法 34
const event = eventsOf<PolicyEvent>();

/** The policies of one platform: versions 1, 2, 3…; all but the first are announced seven days before they take effect. */
export const policy: Decider<PolicyCommand, readonly PublishedPolicy[], PolicyEvent, PolicyRejection> = {
  category: 'policy',
  initial: [],
  events: { PolicyPublished: 1 },
  decide: ({ platform, table, at }, published) => {
    const checked = validateTable(table);
    if (!isTable(checked)) return reject('PolicyInvalid', checked.join('; '));
    const hash = policyHash(table);
    if (published.some((version) => version.hash === hash)) return [];
    const next = published.length + 1;
    if (table.version !== next)
      return reject('VersionNotNext', `the table says version ${table.version}, the next one is ${next}`);
    const effectiveFrom = next === 1 ? at : plusDays(at, noticeDays);
    return [event('PolicyPublished', { platform, id: platform, version: next, hash, table, publishedAt: at, effectiveFrom })];
  },
  evolve: (published, { data: { id, version, hash, effectiveFrom } }) => [...published, { id, version, hash, effectiveFrom }],
};

/** The version that judges an order placed at `at`: a moment exactly at its beginning is inside. Undefined before the first. */
export const policyInForce = (events: readonly PolicyEvent[], at: Instant): DataOf<PolicyEvent, 'PolicyPublished'> | undefined =>
  events.findLast(({ data }) => !isAfter(data.effectiveFrom, at))?.data;
