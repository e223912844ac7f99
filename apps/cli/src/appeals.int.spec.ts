import { plusDays, plusHours, plusMs } from '@recourse/eventing';
import type { DomainEvent } from '@recourse/ledger';
import { makeDataDir, problemOf, removeDataDir, startTestInstallation, type TestInstallation } from './test-installation.js';
import { cny, keysAt, maker, type Market, openMarket, supervisor } from './test-market.js';

/** A refund above it waits for two people, and can still be taken back. */
const limitFen = 1_000_000;
const fee = 100;
const buyer = 'buyer:b1';
const merchant = 'merchant:m1';
const first = 'arbitrator:he';
const reviewer = 'arbitrator:lu';

const buyerAtFault = { liable: 'BUYER', remedy: 'NONE', bearer: 'none' };
const merchantBears = { liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' };
const platformBears = { liable: 'NONE', remedy: 'FULL_REFUND', bearer: 'platform' };
const explanation = {
  zh: '录屏显示卡密首次激活即失败',
  en: 'the recording shows that the key failed when it was first activated',
};
const ruling = (...units: object[]) => ({ ...(units.length > 0 ? { units } : {}), explanation });
const reason = { reason: '裁决所依据的事实不对' };

describe('a verdict that is appealed', () => {
  let dataDir: string;
  let house: TestInstallation;
  let market: Market;

  const post: TestInstallation['send'] = (...request) => house.send(...request);
  const accepted: TestInstallation['post'] = (...request) => house.post(...request);

  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
    market = await openMarket(house);
    await market.agree('m1', { minimum: cny(10_000), payeeAccount: 'sandbox-fee-m1' });
    await market.topUp('m1', 'deposit-m1', 50_000);
    await market.contribute('fund-1', 5_000_000);
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  /** Keys of which the verifier says this, claimed, and judged by the policy. @returns the verdict */
  const judged = async (orderNo: string, outcome: 'INVALID' | 'ACTIVATED_AFTER_REVEAL', price = 5_000): Promise<string> => {
    await market.buy(orderNo, keysAt([price], fee));
    await market.deliverKeys(orderNo, [1], outcome);
    await market.reveal(orderNo, 1);
    await house.settle();
    await market.claim(orderNo);
    await house.settle();
    return `demo.${orderNo}.1.v1`;
  };
  const caseId = (verdictId: string) => verdictId.replace(/\.v\d+$/, '');
  const verdictPath = (verdictId: string) => `/disputes/${caseId(verdictId)}/verdicts/${verdictId}`;
  const dispute = (as: string, verdictId: string) => house.read(as, `/disputes/${caseId(verdictId)}`);
  const appeal = (as: string, verdictId: string, change: object = {}) =>
    accepted(as, `${verdictPath(verdictId)}/appeal`, { ...reason, ...change });
  const rule = async (verdictId: string, ...units: object[]) => {
    await accepted(reviewer, `${verdictPath(verdictId)}/appeal/ruling`, ruling(...units));
    await house.settle();
  };
  const refund = (refundId: string) => house.read(buyer, `/refunds/${refundId}`);
  const unitOf = (orderNo: string) => house.read(buyer, `/orders/${orderNo}`);
  const transfersOf = async (refundId: string) =>
    (await house.transfers()).filter(({ reference }) => reference === refundId).map(({ state }) => state);
  const payable = async () =>
    Number(((await house.read(maker, '/deposits/m1')) as Record<string, { minor: string }>)['payable']?.minor);
  const eventsOf = async <Type extends DomainEvent['type']>(type: Type, verdictId: string) =>
    (await house.events()).flatMap((event) =>
      event.type === type && 'verdictId' in event.data && event.data.verdictId === verdictId ? [event.data] : [],
    ) as Extract<DomainEvent, { type: Type }>['data'][];

  it('that refused is refunded out of escrow when the buyer shows more, though its seven days are over meanwhile', async () => {
    const before = await payable();
    const verdictId = await judged('A1', 'ACTIVATED_AFTER_REVEAL');
    const decided = (await dispute(buyer, verdictId)) as { verdicts: { appealUntil: string; mayAppeal: object[] }[] };
    expect(decided.verdicts).toMatchObject([{ rule: 'activated-after-reveal', mayAppeal: [{ by: 'buyer', units: [1] }] }]);
    const { appealUntil } = decided.verdicts[0]!;

    const path = `${verdictPath(verdictId)}/appeal`;
    expect(problemOf(await post(merchant, path, reason))).toBe('409 nothing-to-appeal');
    expect(problemOf(await post(first, path, reason))).toBe('403 role-not-allowed');
    expect(problemOf(await post(buyer, path, {}))).toBe('400 invalid-input');
    expect(problemOf(await post(buyer, path, { ...reason, units: [2] }))).toBe('404 unit-unknown');
    expect(problemOf(await post(buyer, path.replace('.v1/', '.v2/'), reason))).toBe('404 verdict-unknown');
    expect(problemOf(await post(reviewer, `${path}/ruling`, ruling()))).toBe('409 not-under-appeal');

    await house.settle(plusHours(appealUntil, -1));
    expect(await appeal(buyer, verdictId)).toMatchObject({ appealId: `${verdictId}.a1`, units: [1] });
    expect(problemOf(await post(buyer, path, reason))).toBe('409 already-appealed');
    await accepted(buyer, `/disputes/${caseId(verdictId)}/evidence`, {
      kind: 'screen-recording',
      showsActivationFailure: true,
      text: '首次激活即提示已使用',
    });
    await house.settle(plusHours(appealUntil, 24));

    // Nothing is final: the unit is held, the case is noted, and whoever rules finds it on his list.
    expect(await dispute(buyer, verdictId)).toMatchObject({
      status: 'decided',
      units: [{ next: { who: 'arbitrator', until: plusHours(appealUntil, 71) } }],
      verdicts: [{ finalAt: null, mayAppeal: [], appeals: [{ by: 'buyer', units: [1], status: 'open' }] }],
    });
    expect(await unitOf('A1')).toMatchObject({ units: [{ money: 'held' }] });
    expect(problemOf(await post(merchant, '/deposits/m1/withdrawals', { amount: cny(1) }))).toBe('409 obligation-outstanding');
    expect(await house.read(reviewer, '/reviews')).toMatchObject({
      reviews: [{ kind: 'appeal', disputeId: caseId(verdictId), verdictId, appealedBy: ['buyer'], units: [1], overdue: false }],
    });
    expect(await house.read(reviewer, `${verdictPath(verdictId)}/appeals`)).toMatchObject({
      appeals: [{ by: 'buyer', ...reason }],
    });

    expect(problemOf(await post(buyer, `${path}/ruling`, ruling()))).toBe('403 role-not-allowed');
    expect(problemOf(await post(reviewer, `${path}/ruling`, ruling({ unit: 1, for: 'buyer', ...buyerAtFault })))).toBe(
      '409 nothing-changes',
    );
    await rule(verdictId, { unit: 1, for: 'buyer', ...merchantBears });
    const given = `${caseId(verdictId)}.v2`;
    expect(await refund(given)).toMatchObject({ status: 'paid', total: cny(5_000), fromEscrow: cny(5_000) });
    expect(await transfersOf(given)).toEqual(['Succeeded']);
    expect(await payable()).toBe(before);
    expect(await dispute(buyer, verdictId)).toMatchObject({
      status: 'final',
      units: [{ verdict: given, next: { who: 'nobody', until: null } }],
      verdicts: [
        {
          appeals: [{ status: 'ruled' }],
          ruling: { outcome: 'changed', decidedBy: 'person', units: [{ unit: 1, facts: { activationFailureEvidence: 'yes' } }] },
        },
        { verdictId: given, appealOf: verdictId, decidedBy: 'appeal', rule: 'appeal', mayAppeal: [] },
      ],
    });
    expect(await house.read(reviewer, '/reviews')).toEqual({ reviews: [] });
    expect(problemOf(await post(merchant, `${verdictPath(given)}/appeal`, reason))).toBe('409 verdict-is-final');
  });

  it('is paid while the merchant appeals, and an appeal that he wins before the payment takes the refund back', async () => {
    const before = await payable();
    const verdictId = await judged('B1', 'INVALID', limitFen + 1);
    expect(await refund(verdictId)).toMatchObject({ status: 'funded' });
    await appeal(merchant, verdictId);
    await rule(verdictId, { unit: 1, for: 'merchant', ...buyerAtFault });
    expect(await refund(verdictId)).toMatchObject({ status: 'revoked' });
    expect(await house.read(maker, `/payouts/${verdictId}`)).toMatchObject({ status: 'cancelled' });
    expect(await payable()).toBe(before + limitFen + 1 - fee);
    const [told] = (await dispute(buyer, verdictId))['verdicts'] as { override: object }[];
    expect(told).toMatchObject({ override: { status: 'overturned', appealId: `${verdictId}.a1`, isFraud: false } });
    expect(told?.override).not.toHaveProperty('approvedBy');
    expect(await dispute(supervisor, verdictId)).toMatchObject({
      verdicts: [{ override: { proposedBy: 'merchant-m1', approvedBy: 'arbitrator-lu' } }],
    });
  });

  it('makes the merchant whole who wins after the payment, and the buyer keeps what he has', async () => {
    const before = await payable();
    const lost = await judged('B2', 'INVALID');
    expect(await refund(lost)).toMatchObject({ status: 'paid' });
    await appeal(merchant, lost);
    await rule(lost, { unit: 1, for: 'merchant', ...buyerAtFault });
    expect(await refund(lost)).toMatchObject({ status: 'overturned', total: cny(5_000) });
    expect(await payable()).toBe(before + 5_000 - fee);

    const shifted = await judged('B3', 'INVALID');
    await appeal(merchant, shifted);
    await rule(shifted, { unit: 1, for: 'merchant', ...platformBears });
    expect(await payable()).toBe(before + 2 * (5_000 - fee));
    expect([await transfersOf(lost), await transfersOf(shifted)]).toEqual([['Succeeded'], ['Succeeded']]);
  });

  it('has both parties’ appeals ruled together, by another person than who decided', async () => {
    const before = await payable();
    await market.buy('D1', keysAt([5_000, 5_000], 2 * fee));
    await market.deliverKeys('D1', [1, 2]);
    for (const unit of [1, 2]) await market.reveal('D1', unit);
    await market.claim('D1', { units: [1, 2], reason: 'platform-failure' });
    await house.settle();
    const listed = (await house.read(first, '/reviews'))['reviews'] as { until: string; due: string }[];
    expect(listed).toMatchObject([{ kind: 'review', disputeId: 'demo.D1.1', units: [1, 2], escalated: false }]);
    expect(listed[0]?.until).toBe(plusHours(listed[0]!.due, 48));
    await accepted(first, '/disputes/demo.D1.1/decision', {
      units: [
        { unit: 1, ...buyerAtFault },
        { unit: 2, ...merchantBears },
      ],
      explanation,
    });
    await house.settle();
    const verdictId = 'demo.D1.1.v1';
    await appeal(buyer, verdictId);
    await appeal(merchant, verdictId);
    const path = `${verdictPath(verdictId)}/appeal/ruling`;
    const both = ruling({ unit: 1, for: 'buyer', ...merchantBears }, { unit: 2, for: 'merchant', ...buyerAtFault });
    expect(problemOf(await post(first, path, both))).toBe('403 same-reviewer');
    expect(problemOf(await post(supervisor, `${verdictPath(verdictId)}/override`, { ...both, isFraud: false }))).toBe(
      '400 invalid-input',
    );
    const override = { units: [{ unit: 2, ...buyerAtFault }], isFraud: false, explanation };
    expect(problemOf(await post(supervisor, `${verdictPath(verdictId)}/override`, override))).toBe('409 under-appeal');
    await accepted(reviewer, path, both);
    await house.settle();
    expect(await refund('demo.D1.1.v2')).toMatchObject({ status: 'paid', total: cny(5_000), fromEscrow: cny(5_000) });
    expect(await refund(verdictId)).toMatchObject({ status: 'overturned' });
    expect(await payable()).toBe(before + 5_000 - fee);
    expect(await eventsOf('AppealRuled', verdictId)).toMatchObject([{ appeals: [`${verdictId}.a1`, `${verdictId}.a2`] }]);
  });

  it('may be left alone again: a withdrawn appeal lets it become final when its time is over', async () => {
    const verdictId = await judged('W1', 'ACTIVATED_AFTER_REVEAL');
    await appeal(buyer, verdictId);
    await accepted(buyer, `${verdictPath(verdictId)}/appeal/withdrawal`);
    expect(problemOf(await post(buyer, `${verdictPath(verdictId)}/appeal`, reason))).toBe('409 already-appealed');
    // Seven days, and then what the claim had left of the after-sale window.
    await house.settle(plusDays(await house.now(), 9));
    expect(await dispute(buyer, verdictId)).toMatchObject({
      status: 'final',
      verdicts: [{ appeals: [{ status: 'withdrawn' }] }],
    });
    expect(await unitOf('W1')).toMatchObject({ units: [{ money: 'released', refunded: cny(0) }] });
    expect(problemOf(await post(buyer, `${verdictPath(verdictId)}/appeal`, reason))).toBe('409 appeal-too-late');
  });

  it('is decided for whoever appealed when the platform is late, and at its cost', async () => {
    const refused = await judged('C1', 'ACTIVATED_AFTER_REVEAL');
    const borne = await judged('C2', 'INVALID');
    await appeal(buyer, refused);
    await appeal(merchant, borne);
    const before = await payable();
    const lodgedAt = await house.now();
    await house.settle(plusMs(plusHours(lodgedAt, 72), 1));
    expect(await house.read(supervisor, '/reviews?limit=1')).toMatchObject({
      reviews: [{ kind: 'appeal', overdue: true, escalated: true, until: plusHours(lodgedAt, 120) }],
      next: expect.stringContaining('~appeal~') as string,
    });
    const { next } = (await house.read(supervisor, '/reviews?limit=1')) as { next: string };
    expect(((await house.read(supervisor, `/reviews?after=${next}`))['reviews'] as object[]).length).toBe(1);
    // Nobody looks for a month.
    await house.settle(plusDays(lodgedAt, 30));
    for (const verdictId of [refused, borne])
      expect([(await eventsOf('AppealEscalated', verdictId)).length, await eventsOf('AppealRuled', verdictId)]).toMatchObject([
        1,
        [{ decidedBy: 'overdue', outcome: 'changed' }],
      ]);
    const given = `${caseId(refused)}.v2`;
    expect(await refund(given)).toMatchObject({ status: 'paid', total: cny(5_000), fromEscrow: cny(0) });
    expect(await dispute(buyer, refused)).toMatchObject({
      verdicts: [{}, { decidedBy: 'overdue', units: [{ liable: 'PLATFORM', bearer: 'platform' }] }],
    });
    // He gets the unit that the fund refunded, and what the other had cost him.
    expect(await payable()).toBe(before + 2 * (5_000 - fee));
    expect(await transfersOf(borne)).toEqual(['Succeeded']);
  });

  it('leaves books that verify', async () => {
    expect(await house.read(maker, '/audit/refunds')).toMatchObject({ agrees: true });
    expect(await market.verify()).toMatchObject({ holds: true, violations: [] });
  });
});
