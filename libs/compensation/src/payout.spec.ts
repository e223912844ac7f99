import { eventsOf, fold, isRejection, specify, type Stamped } from '@recourse/eventing';
import { money } from '@recourse/money';
import fc from 'fast-check';
import { maxFailures, payout, type Payout, type PayoutCommand, type PayoutEvent, type RailWord } from './payout.js';

const at = '2026-03-01T08:00:00.000Z';
const event = eventsOf<PayoutEvent>();
const subject = {
  payoutId: 'r1',
  platform: 'demo',
  purpose: { kind: 'refund', refundId: 'r1', orderId: 'o1', buyer: 'b1', merchant: 'm1' },
  rail: 'alipay',
  amount: money(100n),
} as const;
const keyOf = (transferNo: number) => transferNo.toString(16).padStart(32, '0');
const transfer = (transferNo: number) => ({ transferNo, key: keyOf(transferNo) });

const requested = event('PayoutRequested', { ...subject, payee: 'vault:b1', requestedAt: at });
const submitted = (no: number, payee = 'vault:b1') =>
  event('TransferSubmitted', { ...subject, ...transfer(no), payee, submittedAt: at });
const processing = (no: number) => event('TransferProcessing', { ...transfer(no), payoutId: 'r1' });
const unknown = (no: number, cause = 'timeout') => event('TransferOutcomeUnknown', { ...transfer(no), payoutId: 'r1', cause });
const blocked = (no: number, code = 'NOT_ENOUGH') =>
  event('TransferBlocked', { ...transfer(no), payoutId: 'r1', why: 'FundingBlocked', code });
const failed = (no: number, failure: 'PayeeActionRequired' | 'RequestWrong' | 'Closed' = 'Closed') =>
  event('TransferFailed', { ...transfer(no), payoutId: 'r1', failure, code: 'X' });
const unclaimed = event('PayoutUnclaimed', { payoutId: 'r1', code: 'X' });
const moved = event('PayoutDestinationChanged', { payoutId: 'r1', payee: 'vault:b2', changedAt: at });
const succeeded = (no: number) =>
  event('PayoutSucceeded', { ...subject, ...transfer(no), railTransferId: 'rail-1', succeededAt: at });

const request = (other: Partial<Extract<PayoutCommand, { type: 'RequestPayout' }>> = {}): PayoutCommand => ({
  type: 'RequestPayout',
  ...subject,
  payee: 'vault:b1',
  ...other,
});
const submit = (transferNo: number, key = keyOf(transferNo)): PayoutCommand => ({ type: 'SubmitTransfer', transferNo, key });
const hear = (transferNo: number, word: RailWord): PayoutCommand => ({ type: 'RecordRailWord', transferNo, word });
const saysSucceeded: RailWord = { state: 'Succeeded', railTransferId: 'rail-1' };
const saysFailed = (failure: 'PayeeActionRequired' | 'RequestWrong' | 'Closed' = 'Closed'): RailWord => ({
  state: 'Failed',
  failure,
  code: 'X',
});
const saysUnknown: RailWord = { state: 'Unknown', cause: 'timeout' };
const change: PayoutCommand = { type: 'ChangeDestination', payee: 'vault:b2' };

const { given } = specify(payout, at);
const ready = given(requested);
const live = ready.and(submitted(1));

describe('requesting', () => {
  it('is done once; the same request again changes nothing', () => {
    given().when(request()).then(requested);
    ready.when(request()).thenNothing();
    live.and(succeeded(1)).when(request()).thenNothing();
    ready.and(submitted(1), failed(1, 'PayeeActionRequired'), unclaimed, moved).when(request()).thenNothing();
  });
  it('with other content under the same id is refused', () => {
    ready.when(request({ amount: money(101n) })).thenRejected('PayoutDiffers');
    ready.when(request({ amount: money(100n, 'USD') })).thenRejected('PayoutDiffers');
    ready.when(request({ payee: 'vault:b2' })).thenRejected('PayoutDiffers');
    ready.when(request({ rail: 'wechatpay' })).thenRejected('PayoutDiffers');
    ready.when(request({ purpose: { ...subject.purpose, buyer: 'b2' } })).thenRejected('PayoutDiffers');
    ready.when(request({ purpose: { kind: 'settlement', merchant: 'm1' } })).thenRejected('PayoutDiffers');
    ready.when(request({ purpose: { kind: 'withdrawal', merchant: 'm1' } })).thenRejected('PayoutDiffers');
    given()
      .when(request({ amount: money(0n) }))
      .thenRejected('AmountNotPositive');
  });
  it('comes before anything else', () => {
    for (const command of [submit(1), hear(1, saysSucceeded), change]) given().when(command).thenRejected('PayoutUnknown');
  });
});

describe('a transfer', () => {
  it('is stored before the rail is called, and a job that runs twice stores it once', () => {
    ready.when(submit(1)).then(submitted(1));
    live.when(submit(1)).thenNothing();
    live.and(unknown(1)).when(submit(1)).thenNothing();
    live.and(blocked(1)).when(submit(1)).thenNothing();
  });
  it('keeps its key for life and shares it with no other', () => {
    live.when(submit(1, keyOf(7))).thenRejected('WrongKey');
    live
      .and(failed(1))
      .when(submit(2, keyOf(1)))
      .thenRejected('WrongKey');
  });
  it('starts only when the one before it has failed for good', () => {
    for (const doubt of [[], [processing(1)], [unknown(1)], [blocked(1)]])
      live
        .and(...doubt)
        .when(submit(2))
        .thenRejected('TransferLive');
    live.and(failed(1)).when(submit(2)).then(submitted(2));
    live.and(failed(1, 'RequestWrong')).when(submit(2)).then(submitted(2));
    live.and(failed(1)).when(submit(1)).thenRejected('NotNextTransfer');
    live.and(failed(1)).when(submit(3)).thenRejected('NotNextTransfer');
    ready.when(submit(2)).thenRejected('NotNextTransfer');
  });
  it('that succeeded is the last', () => {
    live.when(hear(1, saysSucceeded)).then(succeeded(1));
    live.and(succeeded(1)).when(submit(1)).thenRejected('AlreadySucceeded');
    live.and(succeeded(1)).when(submit(2)).thenRejected('AlreadySucceeded');
    live.and(succeeded(1)).when(change).thenRejected('AlreadySucceeded');
  });
});

describe('the rail’s word', () => {
  it('is recorded when it says something new', () => {
    live.when(hear(1, { state: 'Processing' })).then(processing(1));
    live.when(hear(1, { state: 'FundingBlocked', code: 'NOT_ENOUGH' })).then(blocked(1));
    live
      .when(hear(1, { state: 'ChannelHalted', code: 'NO_AUTH' }))
      .then(event('TransferBlocked', { ...transfer(1), payoutId: 'r1', why: 'ChannelHalted', code: 'NO_AUTH' }));
    live.when(hear(1, saysFailed())).then(failed(1));
    live.when(hear(2, saysSucceeded)).thenRejected('TransferUnknown');
    ready.when(hear(0, saysSucceeded)).thenRejected('TransferUnknown');
  });
  it('heard twice is recorded once', () => {
    live
      .and(processing(1))
      .when(hear(1, { state: 'Processing' }))
      .thenNothing();
    live
      .and(unknown(1))
      .when(hear(1, { state: 'Unknown', cause: 'connection reset' }))
      .thenNothing();
    live
      .and(blocked(1))
      .when(hear(1, { state: 'FundingBlocked', code: 'NOT_ENOUGH' }))
      .thenNothing();
    live
      .and(blocked(1))
      .when(hear(1, { state: 'FundingBlocked', code: 'QUOTA' }))
      .then(blocked(1, 'QUOTA'));
    live.and(succeeded(1)).when(hear(1, saysSucceeded)).thenNothing();
    live.and(failed(1)).when(hear(1, saysFailed())).thenNothing();
  });
  it('alone ends an unknown outcome', () => {
    live.when(hear(1, saysUnknown)).then(unknown(1));
    live.and(unknown(1)).when(hear(1, saysSucceeded)).then(succeeded(1));
    live.and(unknown(1)).when(hear(1, saysFailed())).then(failed(1));
    live
      .and(unknown(1))
      .when(hear(1, { state: 'Processing' }))
      .then(processing(1));
    live.and(unknown(1)).when(change).thenRejected('NotUnclaimed');
  });
  it('that comes late, after the end, changes nothing', () => {
    for (const late of [saysUnknown, { state: 'Processing' } as const]) {
      live.and(succeeded(1)).when(hear(1, late)).thenNothing();
      live.and(failed(1)).when(hear(1, late)).thenNothing();
    }
    live.and(failed(1), submitted(2)).when(hear(1, saysFailed())).thenNothing();
  });
  it('against its own earlier word is for people to look at', () => {
    live.and(succeeded(1)).when(hear(1, saysFailed())).thenRejected('RailContradictsItself');
    live.and(failed(1)).when(hear(1, saysSucceeded)).thenRejected('RailContradictsItself');
    live.and(failed(1), submitted(2)).when(hear(1, saysSucceeded)).thenRejected('RailContradictsItself');
    live.and(failed(1), submitted(2), succeeded(2)).when(hear(1, saysSucceeded)).thenRejected('RailContradictsItself');
    live
      .and(succeeded(1))
      .when(hear(1, { state: 'Succeeded', railTransferId: 'rail-2' }))
      .thenRejected('RailContradictsItself');
  });
});

describe('a buyer who cannot be reached', () => {
  it('is still owed: the payout waits unclaimed for another destination', () => {
    live.when(hear(1, saysFailed('PayeeActionRequired'))).then(failed(1, 'PayeeActionRequired'), unclaimed);
    const waiting = live.and(failed(1, 'PayeeActionRequired'), unclaimed);
    waiting.when(submit(2)).thenRejected('Unclaimed');
    waiting.when(change).then(moved);
    waiting.and(moved).when(submit(2)).then(submitted(2, 'vault:b2'));
    waiting.and(moved).when(change).thenRejected('NotUnclaimed');
    ready.when(change).thenRejected('NotUnclaimed');
  });
  it('is not tried for ever on one destination', () => {
    const tries = Array.from({ length: maxFailures - 1 }, (_, i) => [submitted(i + 1), failed(i + 1)]).flat();
    const last = ready.and(...tries, submitted(maxFailures));
    last.when(hear(maxFailures, saysFailed())).then(failed(maxFailures), unclaimed);
    const again = last.and(failed(maxFailures), unclaimed, moved, submitted(maxFailures + 1, 'vault:b2'));
    again.when(hear(maxFailures + 1, saysFailed())).then(failed(maxFailures + 1));
  });
});

const word: fc.Arbitrary<RailWord> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      state: fc.constant('Succeeded' as const),
      railTransferId: fc.constantFrom('rail-1', 'rail-2'),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      state: fc.constant('Failed' as const),
      failure: fc.constantFrom('PayeeActionRequired' as const, 'RequestWrong' as const, 'Closed' as const),
      code: fc.constantFrom('X', 'Y'),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ state: 'Processing' } as const) },
  {
    weight: 2,
    arbitrary: fc.record({
      state: fc.constantFrom('FundingBlocked' as const, 'ChannelHalted' as const),
      code: fc.constantFrom('X', 'Y'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ state: fc.constant('Unknown' as const), cause: fc.constantFrom('timeout', 'reset') }),
  },
);
const transferNo = fc.integer({ min: 0, max: 8 });
const anyCommand: fc.Arbitrary<PayoutCommand> = fc.oneof(
  fc.constant(request()),
  transferNo.map((no) => submit(no)),
  fc.tuple(transferNo, transferNo).map(([no, other]) => submit(no, keyOf(other))),
  fc.record({ type: fc.constant('RecordRailWord' as const), transferNo, word }),
  fc.constant(change),
);
/** Mostly what a worker would do next, so that the walks get far; now and then anything at all. */
const step = fc.oneof(
  { weight: 1, arbitrary: anyCommand.map((command) => () => command) },
  { weight: 3, arbitrary: word.map((said) => (next: number) => hear(next - 1, said)) },
  { weight: 3, arbitrary: fc.constant((next: number) => submit(next)) },
  { weight: 1, arbitrary: transferNo.map((other) => (next: number) => submit(next, keyOf(other))) },
  { weight: 1, arbitrary: fc.constant(() => change) },
);

it('in any order of commands at most one transfer is live, at most one succeeds, and keys are fixed for life', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      let state: Payout = fold(payout, [requested]);
      const open = new Set<number>();
      const keys = new Map<number, string>();
      const paid = new Set<number>();
      for (const choose of steps) {
        const outcome = payout.decide({ ...choose(keys.size + 1), at } as Stamped<PayoutCommand>, state);
        if (isRejection(outcome)) continue;
        for (const { type, data } of outcome) {
          if ('key' in data) {
            if (type === 'TransferSubmitted') {
              expect(keys.has(data.transferNo)).toBe(false);
              expect([...keys.values()]).not.toContain(data.key);
              expect(data.transferNo).toBe(keys.size + 1);
              keys.set(data.transferNo, data.key);
              open.add(data.transferNo);
            }
            expect(data.key).toBe(keys.get(data.transferNo));
            if (type !== 'TransferSubmitted') expect(open.has(data.transferNo)).toBe(true);
          }
          if (type === 'TransferFailed') open.delete(data.transferNo);
          if (type === 'PayoutSucceeded') {
            open.delete(data.transferNo);
            paid.add(data.transferNo);
          }
          expect(open.size + paid.size).toBeLessThanOrEqual(1);
        }
        state = fold(payout, outcome, state);
      }
    }),
    { numRuns: 500 },
  );
});
