import { type EventOf, fold, specify } from '@recourse/eventing';
import { money, zero } from '@recourse/money';
import { order, type OrderCommand, type OrderEvent } from './order.js';
import { after, claim, close, confirm, delivered, history, orderId, refund, replace, start, typesOf } from './order-examples.js';

const { given } = specify(order, start);
const held = history(...delivered(), claim());
const released = history(...delivered(), confirm(1), claim());
const platform = { bearer: 'platform', liable: 'PLATFORM' } as const;
const none = zero();

/** Verdict `v` on claim `n` refunds nothing of unit 1. */
const shutOut = (v: number, n = 1) =>
  ({
    type: 'RefundShutOut',
    data: { refundId: `${orderId}.${n}.v${v}`, orderId, disputeId: `${orderId}.${n}`, units: [1], shutOutAt: start },
  }) as const;

/** Refunds unit 1 in these parts, each under a claim of its own. */
const inParts = (before: readonly OrderCommand[], ...parts: bigint[]) =>
  history(...before, ...parts.flatMap((part, i) => [claim(), refund([{ amount: money(part) }], 1, i + 1)]));
const approvalsOf = (events: readonly OrderEvent[]) =>
  events
    .filter((event): event is EventOf<OrderEvent, 'RefundApproved'> => event.type === 'RefundApproved')
    .map(({ data }) => data);

describe('the source of a refund', () => {
  it('is escrow when it holds the unit and the merchant bears it: no fee was taken, nothing is to recover', () => {
    const [approved, funded, closed] = given(...held).when({ ...refund(), at: after(2) }).events;
    expect(approved).toMatchObject({
      type: 'RefundApproved',
      data: {
        refundId: `${orderId}.1.v1`,
        ground: { kind: 'verdict', disputeId: `${orderId}.1`, verdictId: `${orderId}.1.v1`, rule: 'dead-key' },
        lines: [{ source: 'escrow', liable: 'MERCHANT', amount: money(1_000n), fromEscrow: money(1_000n) }],
        total: money(1_000n),
        fromEscrow: money(1_000n),
        fromFund: none,
        fromFees: none,
        merchantShare: none,
      },
    });
    expect(funded).toMatchObject({ type: 'RefundFundedFromEscrow', data: { amount: money(1_000n), complete: true } });
    expect(closed).toEqual({
      type: 'ClaimClosed',
      data: { claimId: `${orderId}.1`, orderId, outcome: 'refunded', units: [{ unitNo: 1 }], closedAt: after(2) },
    });
  });

  it('is the fund when the platform bears it, and the merchant gets his held unit', () => {
    const events = given(...held).when(refund([platform])).events;
    expect(typesOf(events)).toEqual(['RefundApproved', 'EscrowReleased', 'ClaimClosed']);
    expect(events).toMatchObject([
      { data: { fromFund: money(1_000n), fromEscrow: none, fromFees: none, merchantShare: none, lines: [{ source: 'fund' }] } },
      { data: { because: 'platform-bears', amount: money(1_000n), net: money(900n) } },
      {},
    ]);
  });

  it('is the fund after release: the fee on the merchant’s share comes back, the rest is recourse', () => {
    const events = given(...released).when(refund()).events;
    expect(typesOf(events)).toEqual(['RefundApproved', 'ClaimClosed']);
    expect(events[0]).toMatchObject({
      data: {
        total: money(1_000n),
        fromFund: money(900n),
        fromFees: money(100n),
        merchantShare: money(900n),
        lines: [{ source: 'fund', amount: money(1_000n), merchantShare: money(900n), fromFees: money(100n) }],
      },
    });
  });

  it('is the fund alone when the platform bears a released unit', () => {
    expect(given(...released).when(refund([platform])).events[0]).toMatchObject({
      data: { fromFund: money(1_000n), fromFees: none, merchantShare: none },
    });
  });

  it('is both for a shared fault: the merchant’s part from escrow, the platform’s from the fund, and the rest is released', () => {
    const shared = refund([
      { amount: money(600n), liable: 'SHARED' },
      { amount: money(400n), liable: 'SHARED', bearer: 'platform' },
    ]);
    const events = given(...held).when(shared).events;
    expect(typesOf(events)).toEqual(['RefundApproved', 'RefundFundedFromEscrow', 'EscrowReleased', 'ClaimClosed']);
    expect(events).toMatchObject([
      { data: { total: money(1_000n), fromEscrow: money(600n), fromFund: money(400n) } },
      { data: { amount: money(600n), complete: false } },
      { data: { amount: money(400n), fee: money(40n), net: money(360n) } },
      {},
    ]);
    expect(given(...released).when(shared).events[0]).toMatchObject({
      data: { lines: [{ amount: money(1_000n), merchantShare: money(540n), fromFees: money(60n), fromFund: money(940n) }] },
    });
  });

  it('is told per unit, in one refund', () => {
    const mixed = given(...history(...delivered(2), confirm(2), claim([1, 2])));
    expect(mixed.when(refund([{ unitNo: 2 }, {}])).events).toMatchObject([
      {
        data: {
          total: money(2_000n),
          fromEscrow: money(1_000n),
          fromFund: money(900n),
          fromFees: money(100n),
          merchantShare: money(900n),
          lines: [
            { unitNo: 1, source: 'escrow' },
            { unitNo: 2, source: 'fund' },
          ],
        },
      },
      { data: { amount: money(1_000n), total: money(2_000n), complete: false } },
      { data: { units: [{ unitNo: 1 }, { unitNo: 2 }] } },
    ]);
  });
});

describe('approving a refund', () => {
  it('happens once per verdict', () => {
    given(...history(...delivered(), claim(), refund()))
      .when(refund())
      .thenNothing();
  });

  it('never gives more than was paid for the unit', () => {
    const totalOf = (events: readonly OrderEvent[]) =>
      events.flatMap(({ type, data }) => (type === 'RefundApproved' ? [data.total.minor] : []));
    expect(totalOf(given(...held).when(refund([{ amount: money(1_001n) }])).events)).toEqual([1_000n]);
    const part = history(...delivered(), claim(), refund([{ amount: money(400n) }]));
    expect(totalOf(given(...part).when(refund([{ amount: money(601n) }], 2)).events)).toEqual([600n]);
    const shared = refund([{ amount: money(400n) }, { amount: money(400n), bearer: 'platform' }], 2);
    expect(given(...part).when(shared).events[0]).toMatchObject({
      data: {
        total: money(600n),
        lines: [
          { source: 'escrow', amount: money(300n) },
          { source: 'fund', amount: money(300n) },
        ],
      },
    });
    given(...history(...delivered(), claim(), refund()))
      .when(refund([{}], 2))
      .then(shutOut(2));
    const rest = given(...history(...delivered(), claim(), refund([{ amount: money(400n) }]))).when(
      refund([{ amount: money(600n) }], 2),
    );
    expect(typesOf(rest.events)).toEqual(['RefundApproved', 'RefundFundedFromEscrow']);
  });

  it('is for a unit of the claim, in the order’s asset, above zero', () => {
    given(...held)
      .when(refund([{ amount: money(1n, 'USD') }]))
      .thenRejected('AssetMismatch');
    given(...held)
      .when(refund([{ amount: none }]))
      .thenRejected('AmountNotPositive');
    given(...held)
      .when(refund([]))
      .thenRejected('UnitUnknown');
    given(...held)
      .when(refund([{}], 1, 2))
      .thenRejected('ClaimUnknown');
    given(...history(...delivered(2), claim()))
      .when(refund([{ unitNo: 2 }]))
      .thenRejected('UnitUnknown');
    given(...history(...delivered(), claim(), close('withdrawn')))
      .when(refund())
      .thenRejected('ClaimOver');
  });

  it('by an appeal, while the rest is under another claim: what is left is refunded once, and ends that claim', () => {
    const again = history(...delivered(), claim(), refund([{ amount: money(400n) }]), claim());
    const part = given(...again).when(refund([{ amount: money(1n) }], 2));
    expect(typesOf(part.events)).not.toContain('ClaimClosed');
    const whole = given(...again).when(refund([{ amount: money(600n) }], 2));
    expect(whole.events.at(-1)).toMatchObject({ type: 'ClaimClosed', data: { claimId: `${orderId}.2`, outcome: 'refunded' } });
    given(...again, ...whole.events)
      .when(refund([{ amount: money(600n) }], 1, 2))
      .then(shutOut(1, 2));
    // The key that came under the second claim is checked first, and the second case goes on.
    const replaced = given(...again).when(replace(1, 'new-key', 2)).events;
    given(...again, ...replaced)
      .when(refund([{ amount: money(600n) }], 2))
      .then(shutOut(2));
  });

  it('leaves the other units of the claim frozen', () => {
    const part = given(...history(...delivered(2), claim([1, 2]), refund()));
    part.when(confirm(2)).thenRejected('UnitUnderClaim');
    expect(part.when(close('refused')).events).toMatchObject([{ data: { outcome: 'refused', units: [{ unitNo: 2 }] } }]);
  });

  it('refunds what an appeal gives and releases what stays refused, whichever comes first', () => {
    const late = { at: after(200) };
    const refunded = { ...refund([{ unitNo: 1 }]), ...late };
    const closed = { ...close('refused'), units: [2], ...late };
    const frozen = history(...delivered(2), { ...claim([1, 2]), at: after(25) });
    const ends = [
      [refunded, closed],
      [closed, refunded],
    ].map(([first, second]) => {
      const before = given(...frozen).when(first!).events;
      const state = fold(order, [...frozen, ...before, ...given(...frozen, ...before).when(second!).events]);
      if (state.status !== 'paid') throw new Error('the order is paid');
      return [...state.units.values()].map(({ escrow, refunded: back, released, claim: open }) => ({
        escrow,
        back,
        released,
        open,
      }));
    });
    expect(ends[0]).toEqual([
      { escrow: 'held', back: money(1_000n), released: none, open: undefined },
      { escrow: 'released', back: none, released: money(1_000n), open: undefined },
    ]);
    expect(ends[1]).toEqual(ends[0]);
  });

  it('gives the clock of a partly refunded unit back, and releases the rest with the rest of the fee', () => {
    const part = refund([{ amount: money(333n) }]);
    const inTime = given(...history(...delivered(), { ...claim(), at: after(4) })).when({ ...part, at: after(9) }).events;
    expect(inTime).toMatchObject([{}, {}, { data: { outcome: 'refunded', units: [{ unitNo: 1, afterSaleEndsAt: after(29) }] } }]);
    const late = given(...history(...delivered(), { ...claim(), at: after(25) })).when({ ...part, at: after(30) }).events;
    expect(late.at(-1)).toMatchObject({
      data: { because: 'claim-closed', amount: money(667n), fee: money(67n), net: money(600n) },
    });
  });

  it('names the units of which a part is left, so that their clocks go on', () => {
    const [part] = approvalsOf(inParts(delivered(), 333n));
    expect(part?.unitsWithRest).toEqual([1]);
    const [, rest] = approvalsOf(inParts(delivered(), 333n, 667n));
    expect(rest).not.toHaveProperty('unitsWithRest');
  });

  it('keeps the rest of a unit safe when the platform bears a part of it, and gives it to the merchant when nothing is left', () => {
    const part = refund([{ amount: money(333n), ...platform }]);
    const before = history(...delivered(), claim());
    const events = given(...before).when({ ...part, at: after(2) }).events;
    expect(typesOf(events)).toEqual(['RefundApproved', 'ClaimClosed']);
    const again = given(...before, ...events, ...history(...delivered(), claim(), part, claim()).slice(-1));
    const full = again.when({ ...refund([{ amount: money(667n) }], 1, 2), at: after(3) }).events;
    expect(typesOf(full)).toEqual(['RefundApproved', 'RefundFundedFromEscrow', 'EscrowReleased', 'ClaimClosed']);
    expect(full).toMatchObject([{}, {}, { data: { because: 'platform-bears', amount: money(333n), fee: money(33n) } }, {}]);
  });

  it('leaves a partly refunded unit to be claimed and reissued, and tells the dispute what is left', () => {
    const before = history(...delivered(), claim(), refund([{ amount: money(333n) }]));
    const [opened] = given(...before).when(claim()).events;
    expect(opened).toMatchObject({ data: { units: [{ unitNo: 1, price: money(1_000n), refunded: money(333n) }] } });
    expect(typesOf(given(...before, opened!).when(replace(1, 'new-key', 2)).events)).toEqual(['ReplacementDelivered']);
  });

  it('rounds the fee of parts half up, and the parts give back the fee exactly', () => {
    const fees = (...parts: bigint[]) =>
      approvalsOf(inParts([...delivered(), confirm(1)], ...parts)).map(({ fromFees }) => fromFees.minor);
    expect(fees(335n, 330n, 335n)).toEqual([34n, 33n, 33n]);
    expect(fees(5n, 5n, 990n)).toEqual([1n, 0n, 99n]);
  });
});
