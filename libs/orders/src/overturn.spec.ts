import { type CommandOf, fold, isRejection, specify } from '@recourse/eventing';
import { add, money, type Money, subtract, sum, zero } from '@recourse/money';
import fc from 'fast-check';
import { order, type OrderCommand, type OrderEvent, type OverturnedUnit } from './order.js';
import {
  after,
  cancel,
  claim,
  confirm,
  delivered,
  freeze,
  history,
  orderId,
  paid,
  pass,
  refund,
  start,
  typesOf,
  unfreeze,
} from './order-examples.js';
import type { Paid } from './order-state.js';
import { heldOf } from './unit.js';

const { given } = specify(order, start);
const refundId = `${orderId}.1.v1`;
const none = zero();
const yuan10 = money(1_000n);
const gone = (unitNo = 1): OverturnedUnit => ({ unitNo, liable: 'BUYER', bearer: 'none' });
const onPlatform = (unitNo = 1): OverturnedUnit => ({ unitNo, liable: 'NONE', bearer: 'platform' });
const revoke = (...units: OverturnedUnit[]): CommandOf<OrderCommand, 'RevokeRefund'> => ({
  type: 'RevokeRefund',
  refundId,
  units: units.length > 0 ? units : [gone()],
});
const overturn = (...units: OverturnedUnit[]): CommandOf<OrderCommand, 'OverturnRefund'> => ({
  type: 'OverturnRefund',
  refundId,
  units: units.length > 0 ? units : [gone()],
  buyerOwes: false,
});
const platform = { bearer: 'platform', liable: 'PLATFORM' } as const;
const both = [{}, { unitNo: 2 }];
const fromEscrow = history(...delivered(), claim(), refund());
const fromFund = history(...delivered(), confirm(1), claim(), refund());
const stateOf = (events: readonly OrderEvent[]) => fold(order, events) as Paid;
const unitOf = (events: readonly OrderEvent[], unitNo = 1) => stateOf(events).units.get(unitNo)!;

describe('a refund that is revoked before it was paid', () => {
  it('gives escrow its part back, and the merchant gets the unit at once, less the fee', () => {
    const events = given(...fromEscrow).when(revoke()).events;
    expect(typesOf(events)).toEqual(['RefundRevoked', 'EscrowReleased']);
    expect(events).toMatchObject([
      {
        data: {
          refundId,
          orderId,
          disputeId: `${orderId}.1`,
          buyer: 'b1',
          lines: [{ unitNo: 1, source: 'escrow', fromEscrow: yuan10 }],
          total: yuan10,
          fromEscrow: yuan10,
          fromFund: none,
          fromFees: none,
          merchantShare: none,
        },
      },
      { data: { unitNo: 1, amount: yuan10, fee: money(100n), net: money(900n), because: 'claim-closed' } },
    ]);
    expect(unitOf([...fromEscrow, ...events])).toMatchObject({ refunded: none, refundedFromEscrow: none, escrow: 'released' });
  });

  it('says what the fund and the merchant bore of it; nothing of a released unit comes back to escrow', () => {
    const events = given(...fromFund).when(revoke()).events;
    expect(events).toMatchObject([
      {
        type: 'RefundRevoked',
        data: { fromEscrow: none, fromFund: money(900n), fromFees: money(100n), merchantShare: money(900n) },
      },
    ]);
    expect(events).toHaveLength(1);
    // The price is there to be refunded again, and the fee on it goes back with it.
    const again = given(...fromFund, ...events).and(...given(...fromFund, ...events).when(claim()).events);
    expect(again.when(refund([{}], 1, 2)).events[0]).toMatchObject({
      data: { fromFees: money(100n), merchantShare: money(900n) },
    });
  });

  it('is revoked once, and never paid or approved again', () => {
    const revoked = given(...fromEscrow).and(...given(...fromEscrow).when(revoke()).events);
    revoked.when(revoke()).thenNothing();
    revoked.when(refund()).thenNothing();
    revoked.when(overturn()).thenRejected('RefundIsRevoked');
  });

  it('keeps the units frozen that somebody froze; they are released when the freeze ends', () => {
    const held = history(...delivered(), claim(), refund(), freeze());
    const events = given(...held).when(revoke()).events;
    expect(typesOf(events)).toEqual(['RefundRevoked']);
    expect(heldOf(unitOf([...held, ...events]))).toEqual(yuan10);
    const frozen = given(...held, ...events);
    frozen.when({ ...pass, at: after(100) }).thenNothing();
    expect(frozen.when({ ...unfreeze(), at: after(2) }).events).toMatchObject([
      {},
      { type: 'EscrowReleased', data: { amount: yuan10, net: money(900n), because: 'unfrozen' } },
    ]);
  });

  it('of a unit that never came is the merchant’s too, and not refunded as overdue', () => {
    const undelivered = history(...paid(), claim([1], { reason: 'not-delivered' }), refund());
    const events = given(...undelivered).when({ ...revoke(), at: after(30) }).events;
    expect(typesOf(events)).toEqual(['RefundRevoked', 'EscrowReleased']);
    const frozen = history(...paid(), claim([1], { reason: 'not-delivered' }), refund(), freeze());
    given(...frozen, ...given(...frozen).when(revoke()).events)
      .when({ ...pass, at: after(30) })
      .thenNothing();
  });

  it('gives a second release of a shared unit a number of its own, so that both are credited', () => {
    const shared = refund([
      { amount: money(600n), liable: 'SHARED' },
      { amount: money(400n), liable: 'SHARED', bearer: 'platform' },
    ]);
    const before = history(...delivered(), claim(), shared);
    expect(before.at(-2)).toMatchObject({ type: 'EscrowReleased', data: { amount: money(400n), fee: money(40n) } });
    expect(before.at(-2)?.data).not.toHaveProperty('releaseNo');
    expect(given(...before).when(revoke()).events).toMatchObject([
      { data: { fromEscrow: money(600n), fromFund: money(400n) } },
      { type: 'EscrowReleased', data: { amount: money(600n), fee: money(60n), releaseNo: 2 } },
    ]);
  });

  it('is approved anew for the units that keep theirs', () => {
    const two = history(...delivered(2), claim([1, 2]), refund(both));
    const events = given(...two).when(revoke(gone(2))).events;
    expect(typesOf(events)).toEqual(['RefundRevoked', 'RefundApproved', 'RefundFundedFromEscrow', 'EscrowReleased']);
    expect(events).toMatchObject([
      { data: { total: money(2_000n), lines: [{ unitNo: 1 }, { unitNo: 2 }] } },
      {
        data: {
          refundId: `${refundId}.r`,
          ground: { kind: 'verdict', disputeId: `${orderId}.1`, verdictId: refundId, rule: 'dead-key' },
          lines: [{ unitNo: 1, liable: 'MERCHANT', source: 'escrow', amount: yuan10 }],
          total: yuan10,
        },
      },
      { data: { refundId: `${refundId}.r`, amount: yuan10, complete: true } },
      { data: { unitNo: 2, amount: yuan10 } },
    ]);
    const all = [...two, ...events];
    expect([unitOf(all, 1).refunded, unitOf(all, 2).refunded]).toEqual([yuan10, none]);
  });

  it('is approved anew at the cost of the platform, and the merchant gets the unit that escrow holds', () => {
    const two = history(...delivered(2), claim([1, 2]), refund(both));
    const events = given(...two).when(revoke(onPlatform(1), gone(2))).events;
    expect(typesOf(events)).toEqual(['RefundRevoked', 'RefundApproved', 'EscrowReleased', 'EscrowReleased']);
    expect(events).toMatchObject([
      {},
      {
        data: { lines: [{ unitNo: 1, liable: 'NONE', source: 'fund', fromFund: yuan10, merchantShare: none }], fromEscrow: none },
      },
      { data: { unitNo: 1, because: 'platform-bears', net: money(900n) } },
      { data: { unitNo: 2, because: 'claim-closed', net: money(900n) } },
    ]);
  });

  it('of released units asks the merchant for the rest only', () => {
    const two = history(...delivered(2), confirm(1, 2), claim([1, 2]), refund(both));
    expect(given(...two).when(revoke(gone(1))).events).toMatchObject([
      { data: { merchantShare: money(1_800n), fromFees: money(200n) } },
      { data: { lines: [{ unitNo: 2 }], merchantShare: money(900n), fromFees: money(100n), fromFund: money(900n) } },
    ]);
    expect(given(...two).when(revoke(gone(1), onPlatform(2))).events).toMatchObject([
      {},
      { data: { merchantShare: none, fromFees: none, fromFund: yuan10 } },
    ]);
  });

  it('of a unit the platform bore leaves it with the merchant, who had it released', () => {
    const borne = history(...delivered(), claim(), refund([platform]));
    const events = given(...borne).when(revoke()).events;
    expect(events).toMatchObject([{ type: 'RefundRevoked', data: { fromFund: yuan10, merchantShare: none, fromEscrow: none } }]);
    expect(events).toHaveLength(1);
  });

  it('of a shared fault releases what came back to escrow, and the fee is taken once', () => {
    const shared = history(
      ...delivered(),
      claim(),
      refund([
        { amount: money(600n), liable: 'SHARED' },
        { amount: money(400n), liable: 'SHARED', bearer: 'platform' },
      ]),
    );
    const events = given(...shared).when(revoke()).events;
    expect(events).toMatchObject([
      { data: { fromEscrow: money(600n), fromFund: money(400n) } },
      { type: 'EscrowReleased', data: { amount: money(600n), fee: money(60n), net: money(540n) } },
    ]);
  });

  it('is no matter of a claim of its own: the after-sale time it stopped is over', () => {
    const events = [...fromEscrow, ...given(...fromEscrow).when(revoke()).events];
    given(...events)
      .when({ ...pass, at: after(100) })
      .thenNothing();
    expect(typesOf(given(...events).when(claim()).events)).toEqual(['ClaimOpened']);
  });

  it('may belong to an order whose other units were cancelled since', () => {
    const rest = history(...paid(2), claim([1], { reason: 'not-delivered' }), refund(), cancel);
    const events = given(...rest).when(revoke()).events;
    expect(typesOf(events)).toEqual(['RefundRevoked', 'EscrowReleased']);
    given(...rest, ...events)
      .when(revoke())
      .thenNothing();
  });
});

describe('a refund that is overturned when it is paid, or goes on to be', () => {
  it('says what the merchant would have received out of escrow, net of the fee', () => {
    expect(given(...fromEscrow).when(overturn()).events).toMatchObject([
      {
        type: 'RefundOverturned',
        data: { refundId, disputeId: `${orderId}.1`, units: [1], amount: yuan10, escrowLoss: money(900n), recourse: none },
      },
    ]);
  });

  it('says what is taken from the merchant for the fund', () => {
    expect(given(...fromFund).when(overturn()).events).toMatchObject([
      { data: { amount: yuan10, escrowLoss: none, recourse: money(900n) } },
    ]);
  });

  it('counts the units that are overturned, whether their refund goes or the platform bears it', () => {
    const three = history(...delivered(3), confirm(2), claim([1, 2, 3]), refund([{}, { unitNo: 2 }, { unitNo: 3, ...platform }]));
    const overturned = (...units: OverturnedUnit[]) => given(...three).when(overturn(...units)).events[0]?.data;
    expect(overturned(onPlatform(2), gone(1))).toMatchObject({
      units: [1, 2],
      amount: money(2_000n),
      escrowLoss: money(900n),
      recourse: money(900n),
    });
    expect(overturned(gone(3))).toMatchObject({ units: [3], amount: yuan10, escrowLoss: none, recourse: none });
  });

  it('makes the buyer owe the units whose refund goes, if he deceived and has the money', () => {
    const two = history(...delivered(2), claim([1, 2]), refund(both));
    const owed = (buyerOwes: boolean, ...units: OverturnedUnit[]) =>
      given(...two).when({ ...overturn(...units), buyerOwes }).events[0]?.data;
    expect(owed(true, gone(1), onPlatform(2))).toMatchObject({ amount: money(2_000n), buyerOwes: yuan10 });
    expect(owed(true, onPlatform(1))).not.toHaveProperty('buyerOwes');
    expect(owed(false, gone(1))).not.toHaveProperty('buyerOwes');
  });

  it('is overturned once, and changes nothing of the order', () => {
    const events = given(...fromEscrow).when(overturn()).events;
    const over = given(...fromEscrow, ...events);
    over.when(overturn()).thenNothing();
    over.when(revoke()).thenRejected('RefundIsOverturned');
    over.when(claim()).thenRejected('UnitRefunded');
    over.when({ ...pass, at: after(100) }).thenNothing();
  });

  it('rests on its own part of the fee when the unit was refunded in parts', () => {
    const part = (amount: bigint, n: number) => [claim(), refund([{ amount: money(amount) }], 1, n)];
    const parts = history(...delivered(), ...part(335n, 1), ...part(330n, 2));
    const last = { ...overturn(), refundId: `${orderId}.2.v1` };
    // 66.5 − 33.5, each half up.
    expect(given(...parts).when(last).events).toMatchObject([{ data: { amount: money(330n), escrowLoss: money(297n) } }]);
  });
});

describe('what cannot be overturned', () => {
  it('is a refund that nobody approved, that rests on no verdict, or units that are not of it', () => {
    for (const command of [revoke, overturn]) {
      given(...history(...delivered(), claim()))
        .when(command())
        .thenRejected('RefundUnknown');
      given(...history(...paid()).slice(0, 1))
        .when(command())
        .thenRejected('RefundUnknown');
      given().when(command()).thenRejected('OrderUnknown');
      given(...fromEscrow)
        .when({ ...command(), units: [] })
        .thenRejected('UnitUnknown');
      given(...fromEscrow)
        .when(command(gone(2)))
        .thenRejected('UnitUnknown');
      given(...fromEscrow)
        .when(command(gone(1), onPlatform(1)))
        .thenRejected('UnitUnknown');
      const overdue = history(...paid(), { ...pass, at: after(25) });
      given(...overdue)
        .when({ ...command(), refundId: `${orderId}.overdue` })
        .thenRejected('NotByVerdict');
    }
    given(...history(...paid(), cancel))
      .when({ ...revoke(), refundId: `${orderId}.cancel` })
      .thenRejected('NotByVerdict');
  });
});

/** What the events did with each fen of the order: it lies in escrow, with the merchant, the platform, or a refund. */
function escrowAfter(events: readonly OrderEvent[]): Money {
  const moved = events.map((event) => {
    if (event.type === 'PaymentCaptured') return event.data.amount;
    if (event.type === 'RefundRevoked') return event.data.fromEscrow;
    const out = event.type === 'EscrowReleased' || event.type === 'RefundFundedFromEscrow' ? event.data.amount : none;
    return subtract(none, out);
  });
  return sum(moved, 'CNY');
}

it('whatever is refunded, frozen, released and revoked, escrow holds what its units hold, and fees are never more than the fee', () => {
  const bearer = fc.constantFrom('merchant', 'platform', 'both');
  const change = fc.constantFrom('stays', 'gone', 'platform');
  fc.assert(
    fc.property(
      fc.array(fc.record({ bearer, change, released: fc.boolean(), part: fc.constantFrom(1_000n, 335n, 1n) }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.constantFrom('never', 'before', 'after'),
      (units, frozen) => {
        const n = units.length;
        const all = units.map((_, index) => index + 1);
        const confirmed = all.filter((no) => units[no - 1]?.released);
        const wanted = units.flatMap(({ bearer: who, part }, index) => {
          const line = { unitNo: index + 1, amount: money(part) };
          if (who !== 'both') return [{ ...line, bearer: who }];
          const half = money(part / 2n);
          const parts = [
            { ...line, amount: half, bearer: 'merchant' as const },
            { ...line, amount: subtract(line.amount, half), bearer: 'platform' as const },
          ];
          return parts.filter(({ amount }) => amount.minor > 0n);
        });
        const freezing = (when: string) => (frozen === when ? [freeze()] : []);
        const before = history(
          ...delivered(n),
          ...(confirmed.length > 0 ? [confirm(...confirmed)] : []),
          claim(all),
          ...freezing('before'),
          refund(wanted),
          ...freezing('after'),
        );
        const changes = units.flatMap(({ change: to }, index) =>
          to === 'stays' ? [] : [to === 'gone' ? gone(index + 1) : onPlatform(index + 1)],
        );
        fc.pre(changes.length > 0);
        const events = [...before];
        for (const command of [revoke(...changes), unfreeze(), { ...pass, at: after(100) }]) {
          const outcome = order.decide({ at: after(50), ...command }, fold(order, events));
          if (isRejection(outcome)) throw new Error(outcome.rejected);
          events.push(...outcome);
          const now = [...stateOf(events).units.values()];
          expect(sum(now.map(heldOf), 'CNY')).toEqual(escrowAfter(events));
        }
        expect(escrowAfter(events)).toEqual(none);
        // Fees that were taken, less those that were given back for good.
        const releases = events.flatMap((event) => (event.type === 'EscrowReleased' ? [event.data] : []));
        const revoked = new Set(events.flatMap((event) => (event.type === 'RefundRevoked' ? [event.data.refundId] : [])));
        const approvals = events.flatMap((event) => (event.type === 'RefundApproved' ? [event.data] : []));
        const back = approvals.filter((data) => !revoked.has(data.refundId)).map(({ fromFees }) => fromFees);
        const taken = releases.map(({ fee }) => fee);
        const fees = subtract(sum(taken, 'CNY'), sum(back, 'CNY'));
        expect(fees.minor).toBeGreaterThanOrEqual(0n);
        expect(fees.minor).toBeLessThanOrEqual(100n * BigInt(n));
        for (const { amount, fee, net } of releases) expect(add(fee, net)).toEqual(amount);
        for (const unit of stateOf(events).units.values()) expect(unit.refunded.minor).toBeLessThanOrEqual(1_000n);
      },
    ),
    { numRuns: 500 },
  );
});
