import { encodeData, fold, fullPeriodEvents, maxEventBytes } from '@recourse/eventing';
import { money, type Money } from '@recourse/money';
import { event } from './books.js';
import { deposit, type DepositEvent } from './deposit.js';
import type { Deposit } from './deposit-state.js';
import { depositPeriods } from './period.js';

const fen = (minor: number): Money => money(BigInt(minor));
const account = { platform: 'demo', merchant: 'm1' };
const openedAt = '2026-03-01T08:00:00.000Z';
const nothing = { deposit: fen(0), held: fen(0), payable: fen(0) };
const opened: DepositEvent[] = [
  event('DepositPeriodOpened', { ...account, period: '0001', ...nothing, openedAt }),
  event('DepositAgreed', { ...account, termsVersion: 1, minimum: fen(0), payee: 'p', rail: 'sandbox', agreedAt: openedAt }),
];
const stateAfter = (...events: DepositEvent[]): Deposit => fold(deposit, [...opened, ...events]);
const toppedUp = event('DepositToppedUp', {
  ...account,
  amount: fen(500),
  rail: 'sandbox',
  transaction: 't1',
  toppedUpAt: openedAt,
});
const closedAt = '2026-03-31T16:00:00.000Z';
const closed = event('DepositPeriodClosed', { ...account, period: '0001', ...nothing, deposit: fen(500), closedAt });

it('a period is due at the first moment of the next month in Shanghai, and not a millisecond before', () => {
  const state = stateAfter(toppedUp);
  expect(depositPeriods.closing(state, '2026-03-31T15:59:59.999Z', 3)).toBeUndefined();
  expect(depositPeriods.closing(state, closedAt, 3)).toEqual(closed);
});

it('a period is due when it is full', () => {
  const state = stateAfter(toppedUp);
  expect(depositPeriods.closing(state, openedAt, fullPeriodEvents - 1)).toBeUndefined();
  expect(depositPeriods.closing(state, openedAt, fullPeriodEvents)).toMatchObject({ type: 'DepositPeriodClosed' });
});

it('an account that is not open yet has nothing to close', () => {
  expect(depositPeriods.closing(deposit.initial, '2027-01-01T00:00:00.000Z', fullPeriodEvents)).toBeUndefined();
  expect(depositPeriods.following(deposit.initial)).toBeUndefined();
  expect(depositPeriods.following(stateAfter(toppedUp))).toBeUndefined();
});

it('the next one begins with the balances, the terms and the number after', () => {
  expect(depositPeriods.following(stateAfter(toppedUp, closed))).toEqual([
    event('DepositPeriodOpened', {
      ...account,
      period: '0002',
      ...nothing,
      deposit: fen(500),
      carried: {
        terms: { version: 1, payee: 'p', rail: 'sandbox', coolingOffHours: 168 },
        minimum: fen(0),
        isShort: false,
        isClosed: false,
      },
      openedAt: closedAt,
    }),
  ]);
});

it('what the account funded goes on until it is paid', () => {
  const parties = { ...account, buyer: 'b1', payee: 'vault:b1', rail: 'sandbox', refundId: 'r1', orderId: 'o1' };
  const amounts = { fromHeld: fen(0), fromDeposit: fen(100), fromFees: fen(5), amount: fen(105), total: fen(105) };
  const funded = event('RefundFundedFromDeposit', { ...parties, ...amounts, fundedAt: openedAt });
  const following = depositPeriods.following(stateAfter(toppedUp, funded, closed)) ?? [];
  const funding = { refundId: 'r1', orderId: 'o1', share: fen(100), fromFees: fen(5) };
  expect(following.at(-1)).toEqual(event('DepositCarriedForward', { ...account, fundings: [funding] }));
  expect(deposit.decide({ type: 'CollectObligation', obligationId: 'r1', at: closedAt }, fold(deposit, following))).toMatchObject(
    [{ type: 'DepositFundingPaid', data: { amount: fen(105) } }],
  );
});

it('a closed period takes no command', () => {
  const over = stateAfter(toppedUp, closed);
  expect(deposit.decide({ type: 'CloseAccount', payoutId: 'x', at: closedAt }, over)).toMatchObject({
    rejected: 'AccountUnopened',
  });
});

it('three thousand open obligations go on in events that the store takes, in one append', () => {
  const owed = Array.from({ length: 3_000 }, (_, no) => {
    const id = `demo.order-with-a-long-number-${no}.1.v1`;
    return event('ObligationOpened', {
      ...account,
      obligationId: id,
      refundId: id,
      caseId: id,
      orderId: id,
      amount: fen(1),
      openedAt,
    });
  });
  const following = depositPeriods.following(stateAfter(...owed, closed)) ?? [];
  const sizes = following.map(({ data }) => encodeData(data).length);
  expect(Math.max(...sizes)).toBeLessThan(maxEventBytes);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1_000_000);
  expect(fold(deposit, following)).toMatchObject({ obligations: { length: 3_000 } });
});
