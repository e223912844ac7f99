import { plusHours, plusMs, type DataOf, type Instant } from '@recourse/eventing';
import { money } from '@recourse/money';
import type { Delivery, OrderEvent } from '@recourse/orders/events';
import fc from 'fast-check';
import { caseAfter, standingsIn, type CaseHistory } from './case-standing.js';
import { losses, type UnitSnapshot } from './clocks.js';
import { eligibilityOf, sourceOf } from './eligibility.js';
import type { CaseFile, DisputeEvent } from './dispute.js';
import type { PolicyRule } from './policy-table.js';
import { PolicyProspects } from './prospects.js';
import { readDefaultPolicy } from './sample-case.js';
import { tableOf } from './sample-table.js';
import { changeBy, newStanding, termsOf } from './unit-standing.js';

let standard: PolicyProspects;
beforeAll(async () => {
  standard = new PolicyProspects(await readDefaultPolicy());
});

const orderId = 'demo.1001';
const start: Instant = '2026-03-01T00:00:00.000Z';
const after = (hours: number, ms = 0): Instant => plusMs(start, hours * 3_600_000 + ms);
const policy = { id: 'demo', version: 1, hash: 'ab'.repeat(32) };
const promise = { afterSaleHours: 24, deliverWithinHours: 24, reissue: true, sevenDay: true };
type Placed = DataOf<OrderEvent, 'OrderPlaced'>;
const placed = (change: Partial<Placed> = {}): OrderEvent => ({
  type: 'OrderPlaced',
  data: {
    ...{ orderId, platform: 'demo', merchant: 'm1', buyer: 'b1', payee: 'vault:b1', rail: 'sandbox', receiver: 'ours' },
    ...{ productKind: 'game-card', settlement: 'ESCROW', promise, policy, total: money(1_000n) },
    units: [{ unitNo: 1, product: 'card', price: money(1_000n), fee: money(50n) }],
    payBefore: after(0.5),
    placedAt: start,
    ...change,
  },
});
const paid: OrderEvent = {
  type: 'PaymentCaptured',
  data: {
    ...{ orderId, platform: 'demo', rail: 'sandbox', transaction: 't', amount: money(1_000n) },
    capturedAt: after(0),
    deliverBefore: after(24),
  },
};
const card: Delivery = { kind: 'key', ciphertext: 'sealed', fingerprint: 'f', masked: '****' };
const delivered = (at: Instant = after(0), sevenDay = true, delivery: Delivery = card): OrderEvent => ({
  type: 'UnitDelivered',
  data: {
    ...{ orderId, unitNo: 1, delivery, deliveredAt: at, afterSaleEndsAt: plusHours(at, 24) },
    ...(sevenDay ? { sevenDayEndsAt: plusHours(at, 168) } : {}),
  },
});
const revealed = (at: Instant): OrderEvent => ({ type: 'KeyRevealed', data: { orderId, unitNo: 1, revealedAt: at } });
const claimId = `${orderId}.1`;
const file: Omit<CaseFile, 'disputeId'> = {
  ...{ orderId, platform: 'demo', merchant: 'm1', buyer: 'b1', reason: 'key-invalid', promise, policy, productKind: 'game-card' },
  units: [
    {
      ...{ unitNo: 1, product: 'card', price: money(1_000n), fee: money(50n), platformFailure: false, evidence: [] },
      ...{ escrow: 'held', deliveredAt: after(0), afterSaleEndsAt: after(24) },
    },
  ],
};
const claimed = (at: Instant, draft: boolean): OrderEvent => ({
  type: 'ClaimOpened',
  data: { claimId, ...file, channel: 'app', draft, openedAt: at },
});
const closed = (at: Instant, afterSaleEndsAt?: Instant): OrderEvent => ({
  type: 'ClaimClosed',
  data: {
    ...{ claimId, orderId, outcome: 'lapsed', closedAt: at },
    units: [{ unitNo: 1, ...(afterSaleEndsAt === undefined ? {} : { afterSaleEndsAt }) }],
  },
});

/** The unit after these events of its order and of its case. */
function known(events: readonly OrderEvent[], ofCase: readonly DisputeEvent[] = []): UnitSnapshot {
  const [first, ...rest] = events;
  if (first?.type !== 'OrderPlaced') throw new Error('an order begins with being placed');
  const terms = termsOf(first.data)[0]!;
  const standing = rest.reduce((unit, event) => changeBy(event)?.to(unit, 1) ?? unit, newStanding(terms));
  const history = ofCase.reduce<CaseHistory | undefined>(caseAfter, undefined);
  const latest = history === undefined ? undefined : standingsIn(history).get(1);
  return { terms, standing, ...(latest === undefined ? {} : { latest }) };
}
const at = (snapshot: UnitSnapshot, moment: Instant, table = standard) => eligibilityOf(snapshot, table, moment);
const ruleFor = (snapshot: UnitSnapshot, reason: string, moment: Instant, table = standard) =>
  at(snapshot, moment, table).prospects.prospects.find(({ reasons }) => (reasons as readonly string[]).includes(reason))?.rule;
const running = (snapshot: UnitSnapshot, moment: Instant) => at(snapshot, moment).clocks.map(({ name, until }) => [name, until]);
/** What an answer says, apart from when. */
const said = (snapshot: UnitSnapshot, moment: Instant, table = standard) => ({ ...at(snapshot, moment, table), at: undefined });

describe('at its very end a window is open, and a millisecond later it is over', () => {
  const unit = () =>
    known([placed({ promise: { ...promise, sevenDay: false } }), paid, delivered(after(0), false), revealed(after(1))]);

  it('the half hour to pay', () => {
    expect(at(known([placed()]), after(0.5))).toMatchObject({ because: 'order-not-paid', validUntil: after(0.5) });
    expect(at(known([placed()]), after(0.5, 1))).toMatchObject({ because: 'payment-over', clocks: [] });
    expect(at(known([placed()]), after(0.5, 1)).validUntil).toBeUndefined();
  });

  it('the delivery', () => {
    expect(running(known([placed(), paid]), after(24))).toEqual([['delivery', after(24)]]);
    expect(running(known([placed(), paid]), after(24, 1))).toEqual([]);
  });

  it('the after-sale window', () => {
    expect(at(unit(), after(23)).validUntil).toBe(after(24));
    expect(said(unit(), after(24))).toEqual(said(unit(), after(2)));
    expect(ruleFor(unit(), 'key-invalid', after(24))).toBe('verify');
    expect(ruleFor(unit(), 'key-invalid', after(24, 1))).toBe('late-without-evidence');
    expect(at(unit(), after(24, 1)).validUntil).toBeUndefined();
  });

  it('the seven days, which end with the reveal', () => {
    const unseen = known([placed(), paid, delivered()]);
    expect(ruleFor(unseen, 'seven-day', after(168))).toBe('seven-day-promise');
    expect(at(unseen, after(168)).validUntil).toBe(after(168));
    expect(ruleFor(unseen, 'seven-day', after(168, 1))).toBe('seven-day-over');
    const seen = known([placed(), paid, delivered(), revealed(after(30))]);
    expect(ruleFor(seen, 'seven-day', after(30))).toBe('seven-day-revealed');
    expect(running(seen, after(30))).toEqual([]);
    // The default policy tells the two apart no more, so nothing changes when the promise would have ended.
    expect(at(seen, after(30)).validUntil).toBeUndefined();
  });

  it('a window of a policy that tells the very end from the time before it', () => {
    const text = { zh: '由规则决定', en: 'The rule decides' };
    const rule = (id: string, when: PolicyRule['when']): PolicyRule => ({
      ...{ id, when, explanation: text, basis: ['S16'] },
      then: { do: 'review' },
    });
    const table = new PolicyProspects(tableOf([rule('at-the-end', { afterSale: 'at' }), rule('any-time', {})]));
    expect(at(unit(), after(2), table).validUntil).toBe(after(24, -1));
    expect(ruleFor(unit(), 'dislike', after(24, -1), table)).toBe('any-time');
    expect(ruleFor(unit(), 'dislike', after(24), table)).toBe('at-the-end');
    expect(at(unit(), after(24), table).validUntil).toBe(after(24));
  });
});

describe('a claim', () => {
  const drafted: DisputeEvent = {
    type: 'DisputeDrafted',
    data: { disputeId: claimId, ...file, draftedAt: after(10), until: after(34) },
  };
  const submitted = (moment: Instant): DisputeEvent => ({
    type: 'DisputeSubmitted',
    data: { disputeId: claimId, ...file, submittedAt: moment, reissueUntil: plusHours(moment, 24) },
  });
  const before = [placed(), paid, delivered(after(0), false), claimed(after(10), true)];

  it('stops the after-sale clock with its draft, whenever one asks', () => {
    const unit = known(before, [drafted]);
    expect(at(unit, after(33))).toMatchObject({
      ...{ claimable: false, because: 'claim-open', afterSaleStoppedMs: 14 * 3_600_000, mayDraft: false },
      claim: { stage: 'draft', turn: 'buyer', rule: 'verify', isOverdue: false },
      clocks: [{ name: 'draft', until: after(34) }],
      validUntil: after(34),
    });
    expect(at(unit, after(34))).toMatchObject({ because: 'claim-open' });
    expect(at(unit, after(34, 1))).toMatchObject({ because: 'draft-lapsing', clocks: [], claim: { isOverdue: true } });
  });

  it('lets the clock go on with what was left', () => {
    const unit = known(
      [...before, closed(after(40), after(54))],
      [drafted, { type: 'DraftLapsed', data: { disputeId: claimId, orderId, lapsedAt: after(40) } }],
    );
    expect(ruleFor(unit, 'key-invalid', after(54))).toBe('verify');
    expect(ruleFor(unit, 'key-invalid', after(54, 1))).toBe('late-without-evidence');
    expect(at(unit, after(50))).toMatchObject({ claimable: true, mayDraft: false, claim: { isOpen: false, stage: 'lapsed' } });
  });

  it('is judged by its opening, though it is submitted and looked at later', () => {
    const unit = known(before, [drafted, submitted(after(30))]);
    expect(at(unit, after(500))).toMatchObject({ claim: { stage: 'submitted', rule: 'verify', facts: { afterSale: 'before' } } });
  });

  it('that the order knows before its case does is on its way', () => {
    expect(at(known(before), after(11))).toMatchObject({
      because: 'claim-open',
      claim: { stage: 'opening', disputeId: claimId },
    });
  });

  it('shows the stage and who loses by silence, up to the last millisecond of it', () => {
    const wait: DisputeEvent = {
      type: 'MerchantAnswerAwaited',
      data: { disputeId: claimId, units: [1], until: after(60), rule: 'inconclusive' },
    };
    const unit = known(before, [drafted, submitted(after(12)), wait]);
    expect(at(unit, after(60))).toMatchObject({ claim: { stage: 'awaiting-merchant', turn: 'merchant' }, validUntil: after(60) });
    expect(losses['awaiting-merchant'].loses).toBe('merchant');
    expect(at(unit, after(60, 1))).toMatchObject({ claim: { isOverdue: true, turn: 'platform' }, clocks: [] });
  });
});

describe('the money of a refund', () => {
  it('comes from where it is, and what the merchant bears of it is recovered if it is not there any more', () => {
    expect(sourceOf('merchant', 'held')).toEqual({ pays: ['escrow'], recourse: false });
    expect(sourceOf('platform', 'held')).toEqual({ pays: ['fund'], recourse: false });
    expect(sourceOf('merchant', 'released')).toEqual({ pays: ['fund'], recourse: true });
    expect(sourceOf('platform', 'released')).toEqual({ pays: ['fund'], recourse: false });
    expect(sourceOf('none', 'held')).toBeUndefined();
  });

  it('is what was not refunded before', () => {
    const lines = [
      {
        ...({ unitNo: 1, source: 'escrow', liable: 'MERCHANT', merchantShare: money(0n), fromFees: money(0n) } as const),
        ...{ amount: money(400n), fromFund: money(0n), fromEscrow: money(400n) },
      },
    ];
    const part = {
      platform: 'demo',
      merchant: 'm1',
      buyer: 'b1',
      payee: 'v',
      rail: 'r',
      refundId: 'r1',
      orderId,
      lines,
      total: money(400n),
    };
    const sums = { fromEscrow: money(400n), fromFund: money(0n), fromFees: money(0n), merchantShare: money(0n) };
    const approved: OrderEvent = {
      type: 'RefundApproved',
      data: { ...part, ...sums, ground: { kind: 'not-delivered-in-time' }, approvedAt: after(2) },
    };
    const revoked: OrderEvent = { type: 'RefundRevoked', data: { ...part, ...sums, disputeId: claimId, revokedAt: after(3) } };
    expect(at(known([placed(), paid, delivered(), approved]), after(4)).refundable).toEqual(money(600n));
    expect(at(known([placed(), paid, delivered(), approved, revoked]), after(4))).toMatchObject({
      refundable: money(1_000n),
      escrow: 'held',
    });
  });

  it('is released when the last of its windows ends', () => {
    const releaseOf = (...events: OrderEvent[]) =>
      at(known([placed(), paid, ...events]), after(1)).clocks.find(({ name }) => name === 'release')?.until;
    expect(releaseOf(delivered())).toBe(after(168));
    expect(releaseOf(delivered(), revealed(after(1)))).toBe(after(24));
    expect(
      releaseOf(delivered(), { type: 'ReceiptConfirmed', data: { orderId, units: [1], confirmedAt: after(1) } }),
    ).toBeUndefined();
    const freeze = { orderId, platform: 'demo', merchant: 'm1', scope: 'order', reason: 'x' } as const;
    expect(releaseOf(delivered(), { type: 'OrderFrozen', data: { ...freeze, frozenAt: after(1) } })).toBeUndefined();
    expect(
      releaseOf(
        delivered(),
        { type: 'OrderFrozen', data: { ...freeze, frozenAt: after(1) } },
        { type: 'OrderUnfrozen', data: { ...freeze, unfrozenAt: after(1) } },
      ),
    ).toBe(after(168));
  });
});

it('a top-up counts as opened when it is credited', () => {
  const topUp: Delivery = { kind: 'top-up', receipt: 'r', accountReference: 'v' };
  const unit = known([placed({ productKind: 'phone-top-up' }), paid, delivered(after(1), false, topUp)]);
  expect(at(unit, after(2)).facts).toMatchObject({ delivered: 'yes', revealed: 'yes' });
  expect(ruleFor(unit, 'own-cancellation', after(2))).toBe('own-cancellation-revealed');
});

it('an answer holds until the moment that it names, whatever happened to the unit', () => {
  const moments = fc.array(fc.integer({ min: 0, max: 200 * 3_600_000 }), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(moments, fc.nat(3), fc.integer({ min: 0, max: 200 * 3_600_000 }), (times, count, askedMs) => {
      const [one = 0, two = 0, three = 0] = times.toSorted((a, b) => a - b);
      const all = [delivered(after(0, one)), revealed(after(0, two)), claimed(after(0, three), true)].slice(0, count);
      const unit = known([placed(), paid, ...all]);
      const asked = after(0, askedMs);
      const { validUntil } = at(unit, asked);
      if (validUntil === undefined) return expect(said(unit, after(10_000))).toEqual(said(unit, asked));
      expect(said(unit, validUntil)).toEqual(said(unit, asked));
      expect(said(unit, plusMs(validUntil, 1))).not.toEqual(said(unit, asked));
    }),
  );
});
