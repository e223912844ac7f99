import { plusDays, plusMs, specify } from '@recourse/eventing';
import { policy, type PolicyCommand, type PolicyEvent } from './policy.js';
import { policyHash, type PolicyRule, type PolicyTable } from './policy-table.js';
import { policiesFrom, policyInForce, standingsOf } from './policy-timeline.js';

const { given } = specify(policy);
const text = { zh: '规则', en: 'rules' };
const reason = { zh: '修正规则', en: 'mends a rule' };
const person: PolicyRule = { id: 'person', when: {}, then: { do: 'review' }, explanation: text, basis: ['S16'] };
const tableOf = (version: number, title = text, rules: readonly PolicyRule[] = []): PolicyTable => ({
  id: 'default',
  version,
  title,
  rules: [...rules, person],
});
const publish = (table: PolicyTable, at: string, change: object = {}) =>
  ({ type: 'PublishPolicy', platform: 'demo', table, at, ...change }) as const;
const published = (table: PolicyTable, publishedAt: string, effectiveFrom: string): PolicyEvent => ({
  type: 'PolicyPublished',
  data: { platform: 'demo', id: 'demo', version: table.version, hash: policyHash(table), table, publishedAt, effectiveFrom },
});
const [march1, march5, march12] = ['2026-03-01T00:00:00.000Z', '2026-03-05T06:00:00.000Z', '2026-03-12T06:00:00.000Z'];
const march10 = '2026-03-10T00:00:00.000Z';
const first = published(tableOf(1), march1, march1);
const second = published(tableOf(2), march5, march12);
const hashOf = (version: number) => policyHash(tableOf(version));

describe('a version of the policy', () => {
  it('takes effect at once when it is the first, and seven days after its announcement when it is not', () => {
    given()
      .when(publish(tableOf(1), march1))
      .then(first);
    given(first)
      .when(publish(tableOf(2), march5))
      .then(second);
  });

  it('takes effect later by choice, and never with shorter notice by one person', () => {
    given(first)
      .when(publish(tableOf(2), march5, { effectiveFrom: plusMs(march12, 1) }))
      .then(published(tableOf(2), march5, plusMs(march12, 1)));
    given(first)
      .when(publish(tableOf(2), march5, { effectiveFrom: march12 }))
      .then(second);
    given(first)
      .when(publish(tableOf(2), march5, { effectiveFrom: plusMs(march12, -1) }))
      .thenRejected('NoticeTooShort');
    given()
      .when(publish(tableOf(1), march5, { effectiveFrom: march12 }))
      .then(published(tableOf(1), march5, march12));
    given()
      .when(publish(tableOf(1), march5, { effectiveFrom: plusMs(march5, -1) }))
      .thenRejected('NoticeTooShort');
  });

  it('is published once, however often it is sent', () => {
    given(first)
      .when(publish(tableOf(1), march5))
      .thenNothing();
    given(first, second)
      .when(publish(tableOf(1), march12))
      .thenNothing();
    given(first, second)
      .when(publish(tableOf(2), march12, { effectiveFrom: march12 }))
      .thenNothing();
    given(first, second)
      .when(publish(tableOf(2), march12, { effectiveFrom: plusDays(march12, 30) }))
      .thenRejected('VersionNotNext');
  });

  it('has the next number', () => {
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

  it('takes effect no earlier than one that was announced before it; at the same moment the later one stands', () => {
    const far = published(tableOf(2), march5, plusDays(march12, 30));
    given(first, far)
      .when(publish(tableOf(3), march10))
      .thenRejected('CrossesAnnounced');
    given(first, far)
      .when(publish(tableOf(3), march10, { effectiveFrom: plusMs(plusDays(march12, 30), -1) }))
      .thenRejected('CrossesAnnounced');
    const same = published(tableOf(3), march10, plusDays(march12, 30));
    given(first, far)
      .when(publish(tableOf(3), march10, { effectiveFrom: plusDays(march12, 30) }))
      .then(same);
    const log = [first, far, same];
    expect(policyInForce(log, plusMs(plusDays(march12, 30), -1))?.version).toBe(1);
    expect(policyInForce(log, plusDays(march12, 30))?.version).toBe(3);
    expect(standingsOf(log, plusDays(march12, 30)).map(({ status }) => status)).toEqual(['superseded', 'superseded', 'in-force']);
  });
});

const proposal = (table: PolicyTable, change: Partial<{ subject: string; effectiveFrom: string; reason: typeof reason }> = {}) =>
  ({ type: 'ProposeShortNotice', platform: 'demo', table, reason, subject: 'li', at: march5, ...change }) as const;
const proposed = (table: PolicyTable, change: object = {}): PolicyEvent => ({
  type: 'PolicyShortNoticeProposed',
  data: {
    platform: 'demo',
    id: 'demo',
    version: table.version,
    hash: policyHash(table),
    table,
    ...change,
    reason,
    proposedBy: 'li',
    proposedAt: march5,
  },
});
const approve = (version: number, at: string, subject = 'wang') =>
  ({ type: 'ApproveShortNotice', platform: 'demo', hash: hashOf(version), subject, at }) as const;
const approved = (version: number, at: string, effectiveFrom: string): PolicyEvent => ({
  type: 'PolicyPublished',
  data: {
    platform: 'demo',
    id: 'demo',
    version,
    hash: hashOf(version),
    table: tableOf(version),
    publishedAt: at,
    effectiveFrom,
    proposedBy: 'li',
    approvedBy: 'wang',
    reason,
  },
});

describe('a shorter notice', () => {
  it('is proposed by one and approved by another, and takes effect at the approval', () => {
    given(first)
      .when(proposal(tableOf(2)))
      .then(proposed(tableOf(2)));
    given(first, proposed(tableOf(2)))
      .when(approve(2, march10))
      .then(approved(2, march10, march10));
    given(first, proposed(tableOf(2)))
      .when(approve(2, march10, 'li'))
      .thenRejected('SameSubject');
  });

  it('takes effect at the moment that was proposed, unless that is over when it is approved', () => {
    const later = { effectiveFrom: plusMs(march10, 1) };
    given(first)
      .when(proposal(tableOf(2), later))
      .then(proposed(tableOf(2), later));
    given(first, proposed(tableOf(2), later))
      .when(approve(2, march10))
      .then(approved(2, march10, plusMs(march10, 1)));
    given(first, proposed(tableOf(2), later))
      .when(approve(2, march12))
      .then(approved(2, march12, march12));
    given(first)
      .when(proposal(tableOf(2), { effectiveFrom: plusMs(march5, -1) }))
      .thenRejected('NoticeTooShort');
  });

  it('is bound to the very table: another hash, another number or a withdrawn proposal is not approved', () => {
    given(first, proposed(tableOf(2)))
      .when({ ...approve(2, march10), hash: 'f'.repeat(64) })
      .thenRejected('NotProposed');
    given(first).when(approve(2, march10)).thenRejected('NotProposed');
    given(first, proposed(tableOf(2)), published(tableOf(2, reason), march5, march12))
      .when(approve(2, march10))
      .thenRejected('NotProposed');
    const withdrawn: PolicyEvent = {
      type: 'PolicyShortNoticeWithdrawn',
      data: { platform: 'demo', id: 'demo', version: 2, hash: hashOf(2), withdrawnBy: 'wang', withdrawnAt: march10 },
    };
    const withdraw = { type: 'WithdrawShortNotice', platform: 'demo', hash: hashOf(2), subject: 'wang', at: march10 } as const;
    given(first, proposed(tableOf(2)))
      .when(withdraw)
      .then(withdrawn);
    given(first, proposed(tableOf(2)), withdrawn)
      .when(withdraw)
      .thenRejected('NotProposed');
    given(first, proposed(tableOf(2)), withdrawn)
      .when(approve(2, march10))
      .thenRejected('NotProposed');
  });

  it('is changed by who proposed it, and by nobody else', () => {
    given(first, proposed(tableOf(2)))
      .when(proposal(tableOf(2, reason), { subject: 'wang' }))
      .thenRejected('AlreadyProposed');
    given(first, proposed(tableOf(2)))
      .when(proposal(tableOf(2, reason)))
      .then(proposed(tableOf(2, reason)));
  });

  it('says why in both languages, has a sound table of the next number, and crosses nothing that is announced', () => {
    given(first)
      .when(proposal(tableOf(2), { reason: { zh: '', en: 'x' } }))
      .thenRejected('ExplanationInvalid');
    given(first)
      .when(proposal(tableOf(3)))
      .thenRejected('VersionNotNext');
    given(first)
      .when(proposal({ ...tableOf(2), rules: [] }))
      .thenRejected('PolicyInvalid');
    given(first, second)
      .when(proposal(tableOf(3)))
      .thenRejected('CrossesAnnounced');
  });
});

const withdrawal = (version: number, at: string) =>
  ({ type: 'WithdrawPolicy', platform: 'demo', version, reason, subject: 'li', at }) as const;
const withdrawn = (version: number, at: string): PolicyEvent => ({
  type: 'PolicyWithdrawn',
  data: { platform: 'demo', id: 'demo', version, hash: hashOf(version), reason, withdrawnBy: 'li', withdrawnAt: at },
});

describe('an announced version', () => {
  it('is withdrawn up to the last millisecond before it takes effect', () => {
    const last = plusMs(march12, -1);
    given(first, second).when(withdrawal(2, last)).then(withdrawn(2, last));
    given(first, second).when(withdrawal(2, march12)).thenRejected('AlreadyInForce');
    given(first, second, withdrawn(2, last)).when(withdrawal(2, march12)).thenNothing();
    given(first, second).when(withdrawal(3, last)).thenRejected('PolicyUnknown');
    given(first, second)
      .when({ ...withdrawal(2, last), reason: { zh: '因为', en: ' ' } })
      .thenRejected('ExplanationInvalid');
  });

  it('that was withdrawn never takes effect, stays in the list, and its number is not used again', () => {
    const log = [first, second, withdrawn(2, march10)];
    expect(policyInForce(log, march12)?.version).toBe(1);
    expect(standingsOf(log, march12).map(({ status }) => status)).toEqual(['in-force', 'withdrawn']);
    given(...log)
      .when(publish(tableOf(2), march10))
      .thenRejected('VersionNotNext');
    given(...log)
      .when(publish(tableOf(3), march10))
      .then(published(tableOf(3), march10, plusDays(march10, 7)));
  });
});

const standard = tableOf(1, text, [
  {
    id: 'undelivered',
    when: { delivered: 'no' },
    then: { do: 'decide', liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' },
    explanation: text,
    basis: ['S44'],
  },
]);
const generous: PolicyTable = { ...standard, title: { zh: '本店规则', en: 'rules of this shop' } };
const ofMerchant = (event: PolicyEvent): PolicyEvent => {
  const data = { ...{ platform: 'demo', merchant: 'm1' }, ...event.data, id: 'demo.m1' };
  const members = Object.entries(data).flatMap((member) =>
    member[0] === 'table' ? [member, ['standards', [policyHash(standard)]] as const] : [member],
  );
  return { type: event.type, data: Object.fromEntries(members) } as unknown as PolicyEvent;
};
const forMerchant = (table: PolicyTable, at: string, change: object = {}) =>
  publish(table, at, { merchant: 'm1', standards: [standard], ...change });
const retire = (at: string, change: object = {}): PolicyCommand & { at: string } =>
  ({ type: 'RetirePolicy', platform: 'demo', merchant: 'm1', reason, subject: 'li', at, ...change }) as const;
const retired = (retiredAt: string, effectiveFrom: string): PolicyEvent => ({
  type: 'PolicyRetired',
  data: { platform: 'demo', merchant: 'm1', id: 'demo.m1', reason, retiredBy: 'li', retiredAt, effectiveFrom },
});
const own = ofMerchant(published(generous, march5, march12));

describe("a merchant's own policy", () => {
  it('is announced like a change, since the platform’s is in force until then', () => {
    given().when(forMerchant(generous, march5)).then(own);
  });

  it('needs a policy of the platform, and falls short of none of its tables', () => {
    given()
      .when(publish(generous, march5, { merchant: 'm1' }))
      .thenRejected('PolicyMissing');
    given()
      .when(forMerchant(tableOf(1), march5))
      .thenRejected('WorseThanPlatform');
    given()
      .when(forMerchant(tableOf(1), march5, { standards: [tableOf(1), standard] }))
      .thenRejected('WorseThanPlatform');
    const atOurCost: PolicyRule = {
      ...standard.rules[0]!,
      then: { do: 'decide', liable: 'NONE', remedy: 'FULL_REFUND', bearer: 'platform' },
    };
    given()
      .when(forMerchant(tableOf(1, text, [atOurCost]), march5))
      .thenRejected('CostlierForPlatform');
  });

  it('is compared again when its short notice is approved', () => {
    given(ofMerchant(proposed(tableOf(1))))
      .when({ ...approve(1, march10), merchant: 'm1', standards: [standard] })
      .thenRejected('WorseThanPlatform');
  });

  it('ends with seven days’ notice, and from exactly then on there is none', () => {
    given(own)
      .when(retire(march12))
      .then(retired(march12, plusDays(march12, 7)));
    given(own)
      .when(retire(march12, { effectiveFrom: plusMs(plusDays(march12, 7), -1) }))
      .thenRejected('NoticeTooShort');
    given(own)
      .when(retire(march12, { reason: { zh: '', en: '' } }))
      .thenRejected('ExplanationInvalid');
    const end = plusDays(march12, 7);
    const log = [own, retired(march12, end)];
    expect(policyInForce(log, plusMs(end, -1))?.version).toBe(1);
    expect(policyInForce(log, end)).toBeUndefined();
    expect(standingsOf(log, plusMs(end, -1))).toMatchObject([{ status: 'in-force', until: end }]);
    expect(standingsOf(log, end)).toMatchObject([{ status: 'retired', until: end }]);
    given(...log)
      .when(retire(end))
      .thenRejected('AlreadyRetired');
  });

  it('does not end before what is announced, and comes back as its next version', () => {
    given(ofMerchant(published(generous, march5, plusDays(march12, 30))))
      .when(retire(march5))
      .thenRejected('CrossesAnnounced');
    const end = plusDays(march12, 7);
    const next = { ...generous, version: 2 };
    given(own, retired(march12, end))
      .when(forMerchant(next, march12, { effectiveFrom: end }))
      .then(ofMerchant(published(next, march12, end)));
    const log = [own, retired(march12, end), ofMerchant(published(next, march12, end))];
    expect(policyInForce(log, end)?.version).toBe(2);
  });

  it('that there is not cannot end; the platform’s own never does without a successor', () => {
    given().when(retire(march5)).thenRejected('PolicyUnknown');
    given(first).when({ type: 'RetirePolicy', platform: 'demo', reason, subject: 'li', at: march5 }).thenRejected('PolicyNeeded');
  });
});

it('is in force from exactly the announced moment', () => {
  const log = [first, second];
  expect(policyInForce([], march1)).toBeUndefined();
  expect(policyInForce(log, '2026-02-28T23:59:59.999Z')).toBeUndefined();
  expect(policyInForce(log, march1)?.version).toBe(1);
  expect(policyInForce(log, '2026-03-12T05:59:59.999Z')?.version).toBe(1);
  expect(policyInForce(log, march12)?.version).toBe(2);
});

it('every version stands in the list for ever, as what it is at that moment', () => {
  const log = [first, second, published(tableOf(3), march10, plusDays(march12, 30))];
  const statuses = (at: string) => standingsOf(log, at).map(({ status, until }) => [status, until]);
  expect(statuses(plusMs(march12, -1))).toEqual([
    ['in-force', march12],
    ['announced', plusDays(march12, 30)],
    ['announced', undefined],
  ]);
  expect(statuses(march12).map(([status]) => status)).toEqual(['superseded', 'in-force', 'announced']);
  expect(statuses('2029-03-12T00:00:00.000Z').map(([status]) => status)).toEqual(['superseded', 'superseded', 'in-force']);
  expect(policiesFrom(log, march12).map(({ version }) => version)).toEqual([2, 3]);
  expect(policiesFrom(log, march10).map(({ version }) => version)).toEqual([1, 2, 3]);
});
