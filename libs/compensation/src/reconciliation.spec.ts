import { eventsOf, specify } from '@recourse/eventing';
import { money } from '@recourse/money';
import {
  type DifferenceLine,
  maxDifferences,
  reconciliation,
  type ReconciliationCommand,
  type ReconciliationEvent,
  reconciliationOf,
} from './reconciliation.js';

const at = '2026-03-02T02:00:00.000Z';
const event = eventsOf<ReconciliationEvent>();
const differenceId = 'alipay.2026-03-01.l1';
const place = { differenceId, platform: 'demo', rail: 'alipay', day: '2026-03-01' } as const;
const sum = { ...place, direction: 'out', amount: money(500n) } as const;
const line: DifferenceLine = {
  lineId: 'l1',
  kind: 'refund',
  direction: 'out',
  amount: money(500n),
  reference: 't1',
  orderId: 'demo.o1',
  occurredAt: '2026-03-01T03:00:00.000Z',
};
const came: DifferenceLine = { lineId: 'l2', kind: 'other', direction: 'in', amount: money(9n), occurredAt: line.occurredAt };
const booked = event('DifferenceBooked', {
  ...sum,
  lineId: 'l1',
  kind: 'refund',
  reference: 't1',
  orderId: 'demo.o1',
  occurredAt: line.occurredAt,
  bookedAt: at,
});
const bookedIn = event('DifferenceBooked', {
  ...place,
  differenceId: 'alipay.2026-03-01.l2',
  direction: 'in',
  amount: money(9n),
  lineId: 'l2',
  kind: 'other',
  occurredAt: line.occurredAt,
  bookedAt: at,
});
const assigned = event('DifferenceAssigned', { ...sum, refundId: 'r1', assignedBy: 'f1', assignedAt: at });
const released = event('DifferenceReleased', { ...place, refundId: 'r1', why: 'TransferLive', releasedAt: at });
const cleared = event('DifferenceCleared', {
  ...sum,
  into: { kind: 'refunded-outside', refundId: 'r1' },
  by: 'f1',
  clearedAt: at,
});
const proposed = event('DifferenceWriteOffProposed', { ...sum, reason: 'nobody knows', proposedBy: 'f1', proposedAt: at });
const writtenOff = event('DifferenceWrittenOff', {
  ...sum,
  reason: 'nobody knows',
  proposedBy: 'f1',
  approvedBy: 'f2',
  writtenOffAt: at,
});

const book = (lines: readonly DifferenceLine[], agreed: readonly string[] = [], platform = 'demo'): ReconciliationCommand => ({
  type: 'BookDifferences',
  platform,
  rail: 'alipay',
  day: '2026-03-01',
  lines,
  agreed,
  subject: 'f1',
});
const assign = (refundId = 'r1', id = differenceId): ReconciliationCommand => ({
  type: 'AssignDifference',
  differenceId: id,
  refundId,
  subject: 'f1',
});
const release = (refundId = 'r1'): ReconciliationCommand => ({
  type: 'ReleaseDifference',
  differenceId,
  refundId,
  why: 'TransferLive',
});
const clear = (refundId = 'r1'): ReconciliationCommand => ({ type: 'ClearDifference', differenceId, refundId });
const propose = (subject = 'f1', reason = 'nobody knows'): ReconciliationCommand => ({
  type: 'ProposeDifferenceWriteOff',
  differenceId,
  reason,
  subject,
});
const approve = (subject = 'f2'): ReconciliationCommand => ({ type: 'ApproveDifferenceWriteOff', differenceId, subject });

const { given } = specify(reconciliation, at);
const open = given(booked);

describe('a line that our books do not have', () => {
  it('is booked once, however often the bill is read', () => {
    given()
      .when(book([line, came]))
      .then(booked, bookedIn);
    given()
      .when(book([line, line]))
      .then(booked);
    open.when(book([line])).thenNothing();
    open.when(book([{ ...line, amount: money(400n) }, came])).then(bookedIn);
    given(booked, assigned, cleared)
      .when(book([line]))
      .thenNothing();
  });
  it('is explained when the books have it by now', () => {
    const explained = event('DifferenceCleared', {
      ...sum,
      into: { kind: 'explained', reason: 'bill and books agree by now' },
      by: 'f1',
      clearedAt: at,
    });
    open.when(book([], ['l1', 'l9'])).then(explained);
    open
      .and(explained)
      .when(book([], ['l1']))
      .thenNothing();
    open
      .and(assigned)
      .when(book([], ['l1']))
      .thenNothing();
    open.when(book([], ['l1'], 'other')).thenNothing();
  });
  it('is an amount, and a day has so many at most', () => {
    given()
      .when(book([{ ...line, amount: money(0n) }]))
      .thenRejected('AmountNotPositive');
    const many = Array.from({ length: maxDifferences + 1 }, (_, index) => ({ ...line, lineId: `n${index}` }));
    given().when(book(many)).thenRejected('TooManyDifferences');
    expect(given().when(book(many.slice(1))).events).toHaveLength(maxDifferences);
  });
});

describe('a difference that is a refund made outside', () => {
  it('is cleared when the payout of that refund has taken it, and once', () => {
    open.when(assign()).then(assigned);
    open.and(assigned).when(assign()).thenNothing();
    open.and(assigned).when(clear()).then(cleared);
    open.and(assigned, cleared).when(clear()).thenRejected('DifferenceSettled');
    open.and(assigned, cleared).when(assign()).thenRejected('DifferenceSettled');
  });
  it('is nobody else’s while the payout is asked', () => {
    const asked = open.and(assigned);
    for (const command of [assign('r2'), clear('r2'), propose(), approve()]) asked.when(command).thenRejected('ClearingUnderway');
    asked.when(release('r2')).thenNothing();
    open.and(proposed, assigned).when(approve()).thenRejected('ClearingUnderway');
  });
  it('is open again when the payout cannot take it', () => {
    open.and(assigned).when(release()).then(released);
    const again = open.and(assigned, released);
    again.when(release()).thenNothing();
    again.when(clear()).thenRejected('ClearingUnderway');
    again.when(assign('r2')).then(event('DifferenceAssigned', { ...assigned.data, refundId: 'r2' }));
  });
  it('is money that went out, and not what the rail takes for itself', () => {
    given(bookedIn).when(assign('r1', 'alipay.2026-03-01.l2')).thenRejected('NotARefund');
    given(event('DifferenceBooked', { ...booked.data, kind: 'fee' }))
      .when(assign())
      .thenRejected('NotARefund');
  });
});

describe('a difference that nobody can explain', () => {
  it('is written off by two people, once', () => {
    open.when(propose()).then(proposed);
    open.and(proposed).when(propose()).thenNothing();
    open.and(proposed).when(propose('f2')).thenRejected('AlreadyProposed');
    open.and(proposed).when(approve('f1')).thenRejected('SameSubject');
    open.and(proposed).when(approve()).then(writtenOff);
    open.when(approve()).thenRejected('NotProposed');
    for (const command of [propose(), approve(), assign(), clear()])
      open.and(proposed, writtenOff).when(command).thenRejected('DifferenceSettled');
    given().when(propose()).thenRejected('DifferenceUnknown');
  });
  it('may be found to be a refund after it was proposed', () => {
    open.and(proposed).when(assign()).then(assigned);
    open.and(proposed, assigned, released).when(approve()).then(writtenOff);
  });
});

it('the id of a difference leads to its stream', () => {
  expect(reconciliationOf(differenceId)).toBe('alipay.2026-03-01');
  for (const not of ['', 'alipay', 'alipay.2026-03-01', 'alipay.2026-3-1.l1', 'a.b.2026-03-01.l1', `${differenceId}.x`])
    expect(reconciliationOf(not)).toBeUndefined();
});
