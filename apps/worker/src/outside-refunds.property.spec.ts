import {
  differenceIdOf,
  payout,
  type PayoutCommand,
  type PayoutEvent,
  reconciliation,
  type ReconciliationCommand,
  type ReconciliationEvent,
} from '@recourse/compensation';
import { type AnyDecider, type Command, type CommandAction, erased, type Event, fold, isRejection } from '@recourse/eventing';
import { Books, type DomainEvent } from '@recourse/ledger';
import { money } from '@recourse/money';
import { reconciling } from '@recourse/processes';
import fc from 'fast-check';

const at = '2026-03-02T08:00:00.000Z';
const [rail, day] = ['alipay', '2026-03-01'];
const refunds = { r1: 100n, r2: 60n } as const;
const bill = { l1: 100n, l2: 40n, l3: 130n } as const;
type RefundId = keyof typeof refunds;
type LineId = keyof typeof bill;
type Deciders = Readonly<Record<string, AnyDecider>>;
const deciders: Deciders = { payout: erased(payout), reconciliation: erased(reconciliation) };
const handlers = reconciling.on as Readonly<
  Record<string, ((event: Event, streams: never) => readonly CommandAction[]) | undefined>
>;

/** Two payouts, a bill, and the process between them, which hears each stream in its order but the streams in any. */
class House {
  readonly log: Event[] = [];
  readonly #streams = new Map<string, Event[]>();
  readonly #unheard = new Map<string, Event[]>();

  constructor(private readonly of: Deciders) {}

  send(category: string, id: string, command: Command): boolean {
    const stream = `${category}-${id}`;
    const decider = this.of[category]!;
    const history = this.#streams.get(stream) ?? [];
    const decided = decider.decide({ ...command, at }, fold(decider, history));
    if (isRejection(decided)) return false;
    this.#streams.set(stream, [...history, ...decided]);
    this.#unheard.set(stream, [...(this.#unheard.get(stream) ?? []), ...decided]);
    this.log.push(...decided);
    return true;
  }

  /** @returns whether there was anything to hear. @throws Error for a command that would halt the process */
  hear(choice: number): boolean {
    const streams = [...this.#unheard].filter(([, events]) => events.length > 0);
    const [stream, events] = streams[choice % Math.max(streams.length, 1)] ?? [];
    const event = events?.[0];
    if (stream === undefined || event === undefined) return false;
    this.#unheard.set(stream, events?.slice(1) ?? []);
    for (const { category, id, command } of handlers[event.type]?.(event, undefined as never) ?? [])
      if (!this.send(category, id, command)) throw new Error(`the process halts at ${command.type}`);
    return true;
  }
}

const pay = (refundId: RefundId, command: PayoutCommand) => (house: House) => void house.send('payout', refundId, command);
const settle = (command: ReconciliationCommand) => (house: House) => void house.send('reconciliation', `${rail}.${day}`, command);
const purposeOf = (refundId: RefundId) =>
  ({ kind: 'refund', refundId, orderId: 'demo.o1', buyer: 'b1', merchant: 'm1' }) as const;
const keyOf = (refundId: string, no: number) => `${refundId}${no}`.padEnd(32, '0');

const refund = fc.constantFrom<RefundId>('r1', 'r2');
const line = fc.constantFrom<LineId>('l1', 'l2', 'l3').map((lineId) => differenceIdOf(rail, day, lineId));
const transferNo = fc.integer({ min: 1, max: 3 });
const step: fc.Arbitrary<(house: House) => void> = fc.oneof(
  { weight: 6, arbitrary: fc.nat(9).map((choice) => (house: House) => void house.hear(choice)) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(line, refund)
      .map(([differenceId, refundId]) => settle({ type: 'AssignDifference', differenceId, refundId, subject: 'f1' })),
  },
  {
    weight: 1,
    arbitrary: line.map((differenceId) =>
      settle({ type: 'ProposeDifferenceWriteOff', differenceId, reason: 'unknown', subject: 'f1' }),
    ),
  },
  {
    weight: 1,
    arbitrary: line.map((differenceId) => settle({ type: 'ApproveDifferenceWriteOff', differenceId, subject: 'f2' })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(refund, transferNo)
      .map(([refundId, no]) => pay(refundId, { type: 'SubmitTransfer', transferNo: no, key: keyOf(refundId, no) })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(refund, transferNo, fc.constantFrom('Succeeded', 'Reversed', 'Failed')).map(([refundId, no, state]) =>
      pay(refundId, {
        type: 'RecordRailWord',
        transferNo: no,
        word:
          state === 'Failed'
            ? { state, failure: 'Closed', code: 'X' }
            : { state: state as 'Reversed', railTransferId: keyOf(refundId, no), code: 'X' },
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: refund.map((payoutId) =>
      pay(payoutId, {
        type: 'CancelPayout',
        payoutId,
        platform: 'demo',
        purpose: purposeOf(payoutId),
        subject: 'f1',
        reason: 'overturned',
      }),
    ),
  },
);

const law = (of: Deciders) =>
  fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
    const house = new House(of);
    for (const refundId of Object.keys(refunds) as RefundId[])
      pay(refundId, {
        type: 'RequestPayout',
        payoutId: refundId,
        platform: 'demo',
        purpose: purposeOf(refundId),
        rail,
        payee: 'vault:b1',
        amount: money(refunds[refundId]),
      })(house);
    const lines = Object.entries(bill).map(
      ([lineId, minor]) => ({ lineId, kind: 'refund', direction: 'out', amount: money(minor), occurredAt: at }) as const,
    );
    settle({ type: 'BookDifferences', platform: 'demo', rail, day, lines, agreed: [], subject: 'f1' })(house);
    for (const take of steps) take(house);
    while (house.hear(0));
    demandOneEnd(house.log as (PayoutEvent | ReconciliationEvent)[]);
  });

/** However it went: each line of the bill has left the gateway once in our books, and has one end or none. */
function demandOneEnd(log: readonly (PayoutEvent | ReconciliationEvent)[]): void {
  const books = new Books();
  for (const event of log) books.apply(event as DomainEvent);
  const total = Object.values(bill).reduce((sum, minor) => sum + minor, 0n);
  const paid = log.reduce((sum, { type, data }) => {
    if (type === 'PayoutSucceeded') return sum + data.amount.minor;
    return type === 'PayoutReversed' ? sum - data.amount.minor : sum;
  }, 0n);
  let open = total;
  for (const lineId of Object.keys(bill) as LineId[]) {
    const ofLine = log.filter(({ data }) => 'differenceId' in data && data.differenceId === differenceIdOf(rail, day, lineId));
    const ends = ofLine.filter(({ type }) => type === 'DifferenceCleared' || type === 'DifferenceWrittenOff');
    const taken = ofLine.filter(({ type }) => type === 'RefundedOutside').length;
    const cleared = ends.filter(({ type }) => type === 'DifferenceCleared').length;
    if (ends.length > 1 || taken !== cleared)
      throw new Error(`${lineId} was taken ${taken} times and ended ${ends.length} times`);
    if (ends.length > 0) open -= bill[lineId];
    else if (ofLine.findLast(({ type }) => type.startsWith('Difference'))?.type === 'DifferenceAssigned')
      throw new Error(`${lineId} waits for an answer for ever`);
  }
  expect(-books.balance('demo/gateway:alipay', 'CNY').minor).toBe(total + paid);
  expect(books.balance('demo/suspense:alipay', 'CNY').minor).toBe(open);
}

it('in any order of people, rails and readers a line of the bill pays one refund once, and has one end', () => {
  fc.assert(law(deciders), { numRuns: 1_000 });
});

/** The decider with its lock gone: what is assigned looks open to these commands. */
const unlockedFor = (isMeant: (command: Command) => boolean): Deciders => {
  const whole = erased(reconciliation);
  const decide: AnyDecider['decide'] = (command, state) => {
    const { differences } = state as { differences: ReadonlyMap<string, { status: string }> };
    const seen = [...differences].map(([id, one]) => [id, one.status === 'assigned' ? { ...one, status: 'open' } : one] as const);
    return whole.decide(command, isMeant(command) ? { differences: new Map(seen) } : state);
  };
  return { ...deciders, reconciliation: { ...whole, decide } };
};

it.each([
  ['that a second refund may take while the first is asked', ({ type }: Command) => type === 'AssignDifference'],
  ['that is written off while a refund is asked', ({ type }: Command) => type.endsWith('WriteOff')],
])('the law would notice a line %s', (_, isMeant) => {
  expect(fc.check(law(unlockedFor(isMeant)), { numRuns: 2_000, seed: 1 }).failed).toBe(true);
});
