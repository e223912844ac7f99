import { fold, isRejection, type Instant, type Stamped } from '@recourse/eventing';
import { money, type Money } from '@recourse/money';
import { deposit, type DepositCommand, type DepositEvent } from './deposit.js';
import type { Deposit } from './deposit-state.js';
import { depositPeriods } from './period.js';
import { nextSettlement, type SettlementSchedule } from './settlement.js';

const fen = (minor: number): Money => money(BigInt(minor));
/** A Wednesday, 18:00 in Shanghai. */
const noon = '2026-03-04T10:00:00.000Z';
const endOfDay = '2026-03-04T15:59:59.999Z';
const afterIt = '2026-03-04T16:00:00.000Z';

const did = (state: Deposit, command: DepositCommand, at: Instant = noon): readonly DepositEvent[] => {
  const outcome = deposit.decide({ ...command, at } as Stamped<DepositCommand>, state);
  if (isRejection(outcome)) throw new Error(`${command.type} was refused: ${outcome.rejected}`);
  return outcome;
};
const after = (state: Deposit, command: DepositCommand, at: Instant = noon): Deposit =>
  fold(deposit, did(state, command, at), state);
const agree = (termsVersion: number, settlement?: SettlementSchedule): DepositCommand => ({
  type: 'AgreeDeposit',
  platform: 'demo',
  merchant: 'm1',
  termsVersion,
  minimum: fen(0),
  payee: 'p1',
  rail: 'sandbox',
  ...(settlement && { settlement }),
});
const daily: SettlementSchedule = { every: 'day', minimum: fen(100) };
const opened = (schedule?: SettlementSchedule) => after(deposit.initial, agree(1, schedule));
const credit = (unitNo: number, minor: number): DepositCommand => ({
  type: 'CreditPayable',
  orderId: 'o1',
  unitNo,
  amount: fen(minor),
});
const pass: DepositCommand = { type: 'PassDepositDeadlines' };
const types = (events: readonly DepositEvent[]) => events.map(({ type }) => type);

describe('the end of a day or week in Shanghai', () => {
  it('is the last millisecond of the day, whatever the hour', () => {
    expect(nextSettlement('day', '2026-03-03T16:00:00.000Z')).toBe(endOfDay);
    expect(nextSettlement('day', endOfDay)).toBe(endOfDay);
    expect(nextSettlement('day', afterIt)).toBe('2026-03-05T15:59:59.999Z');
  });

  it('is that of a Sunday for a week, over the end of a month and a year', () => {
    expect(nextSettlement('week', noon)).toBe('2026-03-08T15:59:59.999Z');
    expect(nextSettlement('week', '2026-03-08T15:59:59.999Z')).toBe('2026-03-08T15:59:59.999Z');
    expect(nextSettlement('week', '2026-03-08T16:00:00.000Z')).toBe('2026-03-15T15:59:59.999Z');
    expect(nextSettlement('week', '2026-12-30T00:00:00.000Z')).toBe('2027-01-03T15:59:59.999Z');
  });
});

describe('proceeds', () => {
  it('are scheduled once, by the first that come in', () => {
    const state = opened(daily);
    expect(types(did(state, credit(1, 80)))).toEqual(['PayableCredited', 'SettlementScheduled']);
    expect(types(did(after(state, credit(1, 80)), credit(2, 80)))).toEqual(['PayableCredited']);
    expect(types(did(opened(), credit(1, 80)))).toEqual(['PayableCredited']);
  });

  it('leave when the day is over and not within it, all at once, and the timer that comes again finds nothing', () => {
    const state = after(after(opened(daily), credit(1, 80)), credit(2, 80));
    expect(did(state, pass, endOfDay)).toEqual([]);
    const drawn = did(state, pass, afterIt);
    expect(drawn).toMatchObject([
      { type: 'SettlementDrawn', data: { payoutId: 'demo.m1.a20260304', amount: fen(160), due: endOfDay, payee: 'p1' } },
    ]);
    expect(did(fold(deposit, drawn, state), pass, '2026-03-09T00:00:00.000Z')).toEqual([]);
  });

  it('leave late, and once, when nobody was there at the end of the day', () => {
    const state = after(opened(daily), credit(1, 100));
    const drawn = did(state, pass, '2026-03-20T00:00:00.000Z');
    expect(types(drawn)).toEqual(['SettlementDrawn']);
    expect(drawn).toMatchObject([{ data: { payoutId: 'demo.m1.a20260304' } }]);
  });

  it('wait for the next day below the minimum', () => {
    const state = after(opened(daily), credit(1, 99));
    expect(did(state, pass, afterIt)).toMatchObject([
      { type: 'SettlementSkipped', data: { because: 'below-minimum' } },
      { type: 'SettlementScheduled', data: { due: '2026-03-05T15:59:59.999Z' } },
    ]);
  });

  it('wait while a case is open, and leave at the end of the day on which it is over', () => {
    const noted = after(after(opened(daily), credit(1, 200)), {
      type: 'NoteCase',
      caseId: 'c1',
      orderId: 'o1',
      exposure: fen(0),
    });
    expect(did(noted, pass, afterIt)).toMatchObject([{ data: { because: 'open-case' } }, { type: 'SettlementScheduled' }]);
    const free = after(after(noted, pass, afterIt), { type: 'EndCaseNote', caseId: 'c1' }, afterIt);
    expect(types(did(free, pass, '2026-03-05T16:00:00.000Z'))).toEqual(['SettlementDrawn']);
  });

  it('that somebody settled by hand, or that went to a refund, are not there any more', () => {
    const settled = after(after(opened(daily), credit(1, 200)), { type: 'DrawSettlement', payoutId: 'p1' });
    expect(did(settled, pass, afterIt)).toMatchObject([{ type: 'SettlementSkipped', data: { because: 'nothing-payable' } }]);
    expect(types(did(after(settled, pass, afterIt), credit(2, 200), afterIt))).toEqual([
      'PayableCredited',
      'SettlementScheduled',
    ]);
  });

  it('stay when the schedule was given up, and when the merchant leaves', () => {
    const state = after(opened(daily), credit(1, 200));
    expect(did(after(state, agree(2)), pass, afterIt)).toMatchObject([{ data: { because: 'not-agreed' } }]);
    const leaving = after(state, { type: 'CloseAccount', payoutId: 'x1' });
    expect(did(leaving, pass, afterIt)).toMatchObject([{ data: { because: 'leaving' } }, { type: 'SettlementScheduled' }]);
  });

  it('keep their day over the end of a period', () => {
    const state = after(opened(daily), credit(1, 200));
    const closing = depositPeriods.closing(state, '2026-04-01T00:00:00.000Z', 3);
    const next = fold(deposit, depositPeriods.following(fold(deposit, closing ? [closing] : [], state)) ?? []);
    expect(types(did(next, pass, '2026-04-01T00:00:00.000Z'))).toEqual(['SettlementDrawn']);
  });
});

it('a schedule in another asset or with a negative minimum is refused', () => {
  const refused = (minimum: Money) =>
    deposit.decide({ ...agree(1, { every: 'day', minimum }), at: noon } as never, deposit.initial);
  expect(refused(money(1n, 'USD'))).toMatchObject({ rejected: 'AssetMismatch' });
  expect(refused(fen(-1))).toMatchObject({ rejected: 'AmountNotPositive' });
});
