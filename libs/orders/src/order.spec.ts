import {
  decodeData,
  earliest,
  encodeData,
  type EventOf,
  isAfter,
  isRejection,
  plusHours,
  plusMs,
  type Stamped,
} from '@recourse/eventing';
import { add, compare, isNegative, isPositive, isZero, type Money, money, subtract, sum, zero } from '@recourse/money';
import * as fc from 'fast-check';
import { deadlinesOf } from './deadline.js';
import { order, type OrderCommand, type OrderEvent } from './order.js';
import {
  after,
  cancel,
  capture,
  claim,
  close,
  confirm,
  deliver,
  fail,
  freeze,
  history,
  pass,
  place,
  refund,
  replace,
  reveal,
  submit,
  typesOf,
  unfreeze,
} from './order-examples.js';
import type { Order } from './order-state.js';
import { heldOf } from './unit.js';

describe('an order from sale to settlement', () => {
  it('pays one dead key of five back and settles the four others', () => {
    const events = history(
      place(5),
      capture(5_000n),
      { ...deliver(1, 2, 3, 4, 5), at: after(1) },
      { ...reveal(3), at: after(2) },
      { ...claim([3]), at: after(3) },
      { ...pass, at: after(25, 1) },
      { ...refund([{ unitNo: 3 }]), at: after(30) },
    );
    expect(typesOf(events.slice(2))).toEqual([
      ...Array.from({ length: 5 }, () => 'UnitDelivered'),
      'KeyRevealed',
      'ClaimOpened',
      ...Array.from({ length: 4 }, () => 'EscrowReleased'),
      'RefundApproved',
      'RefundFundedFromEscrow',
      'ClaimClosed',
    ]);
  });

  it('reissues a dead key, and the buyer who is content lets the window run out', () => {
    const events = history(
      place(),
      capture(),
      { ...deliver(1), at: after(1) },
      { ...reveal(), at: after(2) },
      { ...claim([1], { draft: true }), at: after(3) },
      { ...submit(), at: after(4) },
      { ...replace(), at: after(10) },
      { ...reveal(), at: after(11) },
      { ...close('reissued'), at: after(34) },
      { ...pass, at: after(56, 1) },
    );
    expect(events.at(-1)).toMatchObject({ type: 'EscrowReleased', data: { because: 'window-ended' } });
  });

  it('pays a buyer for the platform’s own failure, and the merchant who performed too', () => {
    const failed = refund([{ liable: 'PLATFORM', bearer: 'platform' }]);
    const events = history(place(), capture(), fail(), claim([1], { reason: 'platform-failure' }), failed);
    expect(typesOf(events.slice(-3))).toEqual(['RefundApproved', 'EscrowReleased', 'ClaimClosed']);
  });
});

/** The books as an accountant would keep them: one line per unit, from the events alone and knowing nothing of the decider. */
class Books {
  readonly lines = new Map<
    number,
    { price: Money; fee: Money; held: Money; out: Money; refunded: Money; feeKept: Money; claim?: string }
  >();

  private readonly refundIds = new Set<string>();
  private readonly captures = new Map<string, Money>();
  private readonly freezes = new Set<string>();

  line(unitNo: number) {
    const line = this.lines.get(unitNo);
    if (!line) throw new Error(`no unit ${unitNo}`);
    return line;
  }

  enter(event: OrderEvent): void {
    if (event.type === 'OrderPlaced')
      for (const { unitNo, price, fee } of event.data.units)
        this.lines.set(unitNo, { price, fee, held: zero(), out: zero(), refunded: zero(), feeKept: zero() });
    if (event.type === 'PaymentCaptured') for (const line of this.lines.values()) line.held = line.price;
    if (event.type === 'PaymentCaptured' || event.type === 'SurplusCaptured') this.capture(event);
    if (event.type === 'OrderFrozen') this.freezes.add(event.data.scope);
    if (event.type === 'OrderUnfrozen') this.freezes.delete(event.data.scope);
    if (event.type === 'ClaimOpened') for (const { unitNo } of event.data.units) this.line(unitNo).claim = event.data.claimId;
    if (event.type === 'ClaimClosed') for (const { unitNo } of event.data.units) delete this.line(unitNo).claim;
    if (event.type === 'RefundFundedFromEscrow') for (const { unitNo, amount } of event.data.lines) this.takeOut(unitNo, amount);
    if (event.type === 'EscrowReleased') this.release(event);
    if (event.type === 'RefundApproved') this.approve(event);
  }

  /** A transaction pays once and goes back once at most; the two together are what it brought. */
  private capture({ type, data }: EventOf<OrderEvent, 'PaymentCaptured' | 'SurplusCaptured'>): void {
    expect(isPositive(data.amount)).toBe(true);
    const name = `${type} ${data.transaction}`;
    expect(this.captures.has(name)).toBe(false);
    this.captures.set(name, data.amount);
    if (type === 'SurplusCaptured') this.refundIds.add(data.refundId);
  }

  /** Everything that came in, by what became of it. */
  came(transaction: string): Money {
    return sum(['PaymentCaptured', 'SurplusCaptured'].map((type) => this.captures.get(`${type} ${transaction}`) ?? zero()));
  }

  private takeOut(unitNo: number, amount: Money): void {
    const line = this.line(unitNo);
    line.held = subtract(line.held, amount);
    line.out = add(line.out, amount);
    expect(isNegative(line.held)).toBe(false);
  }

  private release({ data }: EventOf<OrderEvent, 'EscrowReleased'>): void {
    const line = this.line(data.unitNo);
    expect(data.amount).toEqual(line.held);
    expect(this.freezes.size).toBe(0);
    expect(data.amount).toEqual(add(data.net, data.fee));
    expect([isPositive(data.amount), isNegative(data.fee), isNegative(data.net)]).toEqual([true, false, false]);
    if (data.because !== 'platform-bears') expect(line.claim).toBeUndefined();
    line.feeKept = data.fee;
    this.takeOut(data.unitNo, data.amount);
  }

  private approve({ data }: EventOf<OrderEvent, 'RefundApproved'>): void {
    expect(this.refundIds.has(data.refundId)).toBe(false);
    this.refundIds.add(data.refundId);
    for (const from of ['fromEscrow', 'fromFund', 'fromFees', 'merchantShare'] as const)
      expect(data[from]).toEqual(sum(data.lines.map((line) => line[from])));
    expect(data.total).toEqual(sum(data.lines.map(({ amount }) => amount)));
    expect(data.total).toEqual(sum([data.fromEscrow, data.fromFund, data.fromFees]));
    for (const { unitNo, source, amount, fromFees, merchantShare, fromFund } of data.lines) {
      const line = this.line(unitNo);
      line.refunded = add(line.refunded, amount);
      line.feeKept = subtract(line.feeKept, fromFees);
      expect(compare(line.refunded, line.price)).not.toBe(1);
      expect([isPositive(amount), isNegative(line.feeKept), isNegative(merchantShare)]).toEqual([true, false, false]);
      expect(compare(merchantShare, fromFund)).not.toBe(1);
      if (source === 'fund' && isZero(line.held)) expect(compare(fromFees, line.fee)).not.toBe(1);
    }
  }

  /** Captured = released + refunded from escrow + held, unit by unit, in the books and in the order's own state. */
  balance(state: Order): void {
    if (state.status === 'none' || state.status === 'placed') return;
    for (const [unitNo, line] of this.lines) {
      expect(add(line.held, line.out)).toEqual(line.price);
      expect(heldOf(state.units.get(unitNo)!)).toEqual(line.held);
    }
  }
}

const unitNo = fc.integer({ min: 1, max: 3 });
const someUnits = fc.uniqueArray(unitNo, { minLength: 1, maxLength: 3 });
const claimNo = fc.integer({ min: 1, max: 4 });
const part = fc.record({
  unitNo,
  amount: fc.oneof(
    fc.constant(money(1_000n)),
    fc.bigInt(1n, 1_000n).map((minor) => money(minor)),
  ),
  liable: fc.constantFrom('MERCHANT', 'PLATFORM', 'SHARED'),
  bearer: fc.constantFrom('merchant', 'platform'),
  replacementFailed: fc.boolean(),
});
const command: fc.Arbitrary<OrderCommand> = fc.oneof(
  { weight: 4, arbitrary: someUnits.map((units) => deliver(...units)) },
  { weight: 2, arbitrary: unitNo.map(reveal) },
  { weight: 2, arbitrary: someUnits.map((units) => confirm(...units)) },
  { weight: 1, arbitrary: unitNo.map(fail) },
  { weight: 1, arbitrary: fc.constant(cancel) },
  { weight: 2, arbitrary: fc.constant(pass) },
  { weight: 2, arbitrary: fc.constantFrom('order' as const, 'merchant' as const).map(freeze) },
  { weight: 3, arbitrary: fc.constantFrom('order' as const, 'merchant' as const).map(unfreeze) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.integer({ min: 2, max: 5 }), fc.bigInt(1n, 4_000n))
      .map(([n, minor]) => capture(minor, { transaction: `t-${n}` })),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(someUnits, fc.boolean(), fc.constantFrom('app', 'alipay'))
      .map(([units, draft, channel]) => claim(units, { draft, channel })),
  },
  { weight: 2, arbitrary: claimNo.map(submit) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('refused', 'reissued', 'withdrawn', 'lapsed'), claimNo, fc.uniqueArray(unitNo, { maxLength: 2 }))
      .map(([outcome, n, units]) => close(outcome, n, ...units)),
  },
  { weight: 2, arbitrary: fc.tuple(unitNo, claimNo).map(([unit, n]) => replace(unit, `new-${unit}-${n}`, n)) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.array(part, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 3 }), claimNo)
      .map(([parts, v, n]) => refund(parts, v, n)),
  },
);
const placing = fc
  .record({ settlement: fc.constantFrom('ESCROW', 'ON_DELIVERY'), sevenDay: fc.boolean(), discount: fc.bigInt(0n, 2_900n) })
  .chain(({ settlement, sevenDay, discount }) =>
    fc.bigInt(0n, 3_000n - discount).map((fee) =>
      place(3, {
        settlement,
        promise: { ...place().promise, sevenDay },
        discount: money(discount),
        fee: money(fee),
      }),
    ),
  );
const story = fc.tuple(placing, fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), command), { maxLength: 40, size: 'max' }));

/** Lives through a story; commands that are refused leave no trace, as in the world. */
class World {
  state: Order = order.initial;
  now = after(0);
  readonly events: OrderEvent[] = [];
  constructor(readonly onEvent: (event: OrderEvent, state: Order) => void = () => undefined) {}

  decide(command: OrderCommand): readonly OrderEvent[] {
    const outcome = order.decide({ ...command, at: this.now } as Stamped<OrderCommand>, this.state);
    return isRejection(outcome) ? [] : outcome;
  }

  send(command: OrderCommand): void {
    for (const event of this.decide(command)) {
      this.state = order.evolve(this.state, event);
      this.events.push(event);
      this.onEvent(event, this.state);
    }
    expect(this.decide(command)).toEqual([]);
  }

  buy(placed: OrderCommand): void {
    this.send(placed);
    if (this.state.status === 'placed') this.send(capture(this.state.terms.total.minor));
  }

  /** A timer that knows nothing but what the events say wakes the order a millisecond after each deadline. */
  waitUntil(moment: string): void {
    for (;;) {
      const due = this.events.flatMap(deadlinesOf).map((deadline) => plusMs(deadline, 1));
      const next = earliest(...due.filter((wake) => isAfter(wake, this.now) && !isAfter(wake, moment)));
      if (next === undefined) break;
      this.now = next;
      this.send(pass);
    }
    this.now = moment;
  }
}

describe('whatever happens to an order', () => {
  it('keeps its money: captured = released + refunded + held, refunds ≤ price, nothing released under a claim, nothing twice', () => {
    fc.assert(
      fc.property(story, ([placed, steps]) => {
        const books = new Books();
        const world = new World((event, state) => {
          expect(decodeData(encodeData(event.data))).toEqual(event.data);
          books.enter(event);
          books.balance(state);
        });
        world.buy(placed);
        const told = new Set<string>();
        for (const [hours, step] of steps) {
          world.now = plusHours(world.now, hours);
          // The rail says the same of a transaction every time.
          if (step.type === 'CapturePayment' && told.has(step.transaction)) continue;
          world.send(step);
          if (step.type !== 'CapturePayment' || world.state.status === 'none') continue;
          told.add(step.transaction);
          expect(books.came(step.transaction)).toEqual(step.amount);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [
      'released to the merchant a second time',
      (event: OrderEvent): OrderEvent[] => (event.type === 'EscrowReleased' ? [event, event] : [event]),
    ],
    [
      'lost when it was too much',
      (event: OrderEvent): OrderEvent[] =>
        event.type === 'SurplusCaptured'
          ? [{ ...event, data: { ...event.data, amount: money(event.data.amount.minor + 1n) } }]
          : [event],
    ],
    [
      'kept though the event of its freeze is gone',
      (event: OrderEvent): OrderEvent[] => (event.type === 'OrderUnfrozen' ? [] : [event]),
    ],
  ])('the books of this test would notice money that is %s', (_, mutate) => {
    const books = new Books();
    const told = () => {
      let state: Order = order.initial;
      for (const event of history(
        place(),
        capture(1_500n),
        deliver(1),
        freeze(),
        { ...unfreeze(), at: after(1) },
        { ...confirm(1), at: after(2) },
      ).flatMap(mutate)) {
        state = order.evolve(state, event);
        books.enter(event);
        books.balance(state);
      }
      expect(books.came('t-1')).toEqual(money(1_500n));
    };
    expect(told).toThrow();
  });

  it('does all by its deadlines: woken after each of them, nothing is ever left to fall due and in the end nothing is held', () => {
    fc.assert(
      fc.property(story, ([placed, steps]) => {
        const world = new World();
        world.buy(placed);
        const letGo = [...[1, 2, 3, 4].map((n) => close('withdrawn', n)), unfreeze('order'), unfreeze('merchant')];
        for (const [hours, step] of [...steps, ...letGo.map((one) => [0, one] as const)]) {
          world.waitUntil(plusHours(world.now, hours));
          world.send(step);
          expect(world.decide(pass)).toEqual([]);
        }
        world.waitUntil('2099-01-01T00:00:00.000Z');
        expect(world.decide(pass)).toEqual([]);
        if (world.state.status !== 'paid') return;
        const open = [...world.state.units.values()].filter((unit) => unit.claim === undefined && !unit.platformFailure);
        expect(open.filter((unit) => isPositive(heldOf(unit)))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
