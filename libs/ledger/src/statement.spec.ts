import type { DepositEvent } from '@recourse/deposits/events';
import type { Recorded } from '@recourse/eventing';
import { format } from '@recourse/money';
import type { RefundGround } from '@recourse/orders/events';
import { Books } from './journal.js';
import {
  credited,
  deadKey,
  depositFundingRevoked,
  handedOver,
  debited,
  payableDebited,
  replaced,
  depositOpened,
  fen,
  madeWhole,
  madeWholeAfterWriteOff,
  obligationOpened,
  obligationRevoked,
  recorded,
  refundId,
  settlementDrawn,
  thinDeposit,
  withdrawalDrawn,
  drawReturned,
  writtenOffDebt,
  toppedUp,
} from './sample-history.js';
import { depositMovementOf, depositStatement, type DepositStanding } from './statement.js';
import type { DomainEvent } from './posting.js';

const types = ['DepositPeriodOpened', 'DepositToppedUp', 'DepositHeld', 'HoldReleased', 'HoldReassigned', 'ObligationOpened'];
const ofDeposit = (history: readonly DomainEvent[]) =>
  recorded(history).filter(({ type }) =>
    [
      ...types,
      'ObligationRefundPaid',
      'DepositDebited',
      'PayableDebited',
      'PayableCredited',
      'RefundFundedFromDeposit',
      'DepositFundingRevoked',
      'SettlementDrawn',
      'WithdrawalDrawn',
      'DrawReturned',
      'RecourseWrittenOff',
      'RecourseReinstated',
      'RecourseForgiven',
      'ObligationRevoked',
      'CompensationClaimed',
      'CompensationCredited',
    ].includes(type),
  ) as Recorded<DepositEvent>[];
const numbers = ({ available, held, owed }: DepositStanding) => [available, held, owed].map(format).join(' ');
const lines = (history: readonly DomainEvent[]) =>
  depositStatement(ofDeposit(history)).lines.map(({ reason, closing }) => `${reason}: ${numbers(closing)}`);

it('tells a merchant why every cent left his deposit', () => {
  expect(lines(deadKey)).toEqual([
    'topped-up: 500.00 0.00 0.00',
    'held-for-case: 400.00 100.00 0.00',
    'obligation-opened: 400.00 100.00 95.00',
    'hold-released: 405.00 95.00 95.00',
    'deposit-debited: 405.00 0.00 0.00',
  ]);
  expect(lines([...handedOver, depositFundingRevoked])).toEqual([
    'topped-up: 500.00 0.00 0.00',
    'held-for-case: 420.00 80.00 0.00',
    'refund-funded: 405.00 0.00 0.00',
    'refund-funding-revoked: 500.00 0.00 0.00',
  ]);
  expect(lines(thinDeposit)).toEqual([
    'topped-up: 30.00 0.00 0.00',
    'held-for-case: 0.00 30.00 0.00',
    'obligation-opened: 0.00 30.00 95.00',
    'deposit-debited: 0.00 0.00 65.00',
    'topped-up: 100.00 0.00 65.00',
    'deposit-debited: 35.00 0.00 0.00',
  ]);
});

it('proceeds taken for recourse lower what is owed and leave the deposit alone', () => {
  const history = replaced(deadKey, 'DepositDebited', debited(3_000, 0, 6_500), payableDebited(6_500, 0));
  expect(lines(history).slice(-2)).toEqual(['deposit-debited: 405.00 65.00 65.00', 'payable-debited: 405.00 65.00 0.00']);
});

it('what is forgiven or revoked is owed no more; a compensation is proceeds and leaves the deposit alone', () => {
  expect(lines(madeWhole).slice(-2)).toEqual(['deposit-debited: 0.00 0.00 65.00', 'recourse-forgiven: 0.00 0.00 0.00']);
  expect(lines(madeWholeAfterWriteOff).slice(-2)).toEqual([
    'recourse-reinstated: 0.00 0.00 45.00',
    'recourse-forgiven: 0.00 0.00 0.00',
  ]);
  expect(lines([toppedUp(5_000), obligationOpened(9_500), obligationRevoked]).slice(-2)).toEqual([
    'obligation-opened: 50.00 0.00 95.00',
    'obligation-revoked: 50.00 0.00 0.00',
  ]);
  const [, , , forgivenLine] = depositStatement(ofDeposit(madeWhole)).lines.slice(-4);
  expect(forgivenLine?.reference).toEqual({ obligationId: refundId, refundId, orderId: 'demo.o1', caseId: 'demo.o1.1' });
});

it('every line opens where the one before closed, and the last agrees with the books', () => {
  for (const history of [deadKey, thinDeposit, madeWhole, madeWholeAfterWriteOff]) {
    const { opening, lines: all, closing } = depositStatement(ofDeposit(history));
    let standing = opening;
    for (const line of all) {
      expect(line.opening).toEqual(standing);
      standing = line.closing;
    }
    expect(standing).toEqual(closing);
    const books = new Books();
    for (const event of history) books.apply(event);
    expect(closing).toEqual({
      available: books.balance('demo/merchant:m1:deposit'),
      held: books.balance('demo/merchant:m1:held'),
      owed: books.balance('demo/merchant:m1:recourse'),
    });
  }
});

it('a debit names case, order and the rule behind the refund', () => {
  const ground: RefundGround = { kind: 'verdict', disputeId: 'd', verdictId: refundId, rule: 'used-before-sale' };
  const { lines: all } = depositStatement(ofDeposit(deadKey), undefined, (id) => (id === refundId ? ground : undefined));
  expect(all.at(-1)).toMatchObject({
    reason: 'deposit-debited',
    reference: { caseId: 'demo.o1.1', orderId: 'demo.o1', obligationId: refundId, refundId },
    ground,
    effectiveAt: '2026-03-06T08:00:00.000Z',
  });
  expect(all[0]).toMatchObject({ reference: { transaction: 't1' } });
  expect(all[0]).not.toHaveProperty('ground');
});

it('goes on from the last statement or from a period that brings money forward', () => {
  const from = { available: fen(500), held: fen(20), owed: fen(7) };
  const later = depositStatement(ofDeposit([depositOpened(500, '0002'), toppedUp(100)]), from);
  expect([later.opening, later.closing].map(numbers)).toEqual(['5.00 0.20 0.07', '6.00 0.20 0.07']);
  const fresh = depositStatement(ofDeposit([depositOpened(500, '0002'), toppedUp(100)]));
  expect([fresh.opening, fresh.closing].map(numbers)).toEqual(['5.00 0.00 0.00', '6.00 0.00 0.00']);
  expect(depositStatement([])).toMatchObject({ lines: [], opening: depositStatement([]).closing });
});

it('proceeds and settlements are no movement of the deposit', () => {
  for (const event of [credited(), settlementDrawn(100), depositOpened(5)])
    expect(depositMovementOf(event as DepositEvent)).toBeUndefined();
});

it('withdrawals, what comes back of them, and debts that were given up have lines of their own', () => {
  expect(lines([...writtenOffDebt, toppedUp(5_000, 't4'), withdrawalDrawn(4_000), drawReturned(4_000)]).slice(4)).toEqual([
    'recourse-written-off: 0.00 0.00 0.00',
    'topped-up: 20.00 0.00 0.00',
    'recourse-reinstated: 20.00 0.00 20.00',
    'deposit-debited: 0.00 0.00 0.00',
    'topped-up: 50.00 0.00 0.00',
    'withdrawn: 10.00 0.00 0.00',
    'draw-returned: 50.00 0.00 0.00',
  ]);
  expect(lines([depositOpened(), withdrawalDrawn(0, 9_500), drawReturned(0, 9_500)])).toEqual([]);
});
