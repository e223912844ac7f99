import { eventsOf, specify } from '@recourse/eventing';
import { money } from '@recourse/money';
import { payout, type PayoutCommand, type PayoutEvent } from './payout.js';
import { maxFailures, type RailWord } from './rail-word.js';

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

const place = { payoutId: 'r1', platform: 'demo' } as const;
const person = (subject: string): PayoutCommand => ({ type: 'ApprovePayout', subject });
const hold = (subject: string, reason = 'is this the right buyer?'): PayoutCommand => ({ type: 'HoldPayout', subject, reason });
const approvalLimit = money(99n);
const large = event('PayoutRequested', { ...subject, payee: 'vault:b1', requestedAt: at, approvalLimit });
const proposed = (by: string) =>
  event('PayoutApprovalProposed', { ...place, amount: subject.amount, proposedBy: by, proposedAt: at });
const approved = (firstBy: string, approvedBy: string) =>
  event('PayoutApproved', { ...place, amount: subject.amount, approvalLimit, firstBy, approvedBy, approvedAt: at });
const held = (by: string, reason = 'is this the right buyer?') =>
  event('PayoutHeld', { ...place, reason, heldBy: by, heldAt: at });

describe('above its limit', () => {
  const waiting = given(large);
  const asked = event('PayoutRequested', {
    ...subject,
    purpose: { kind: 'settlement', merchant: 'm1' },
    payee: 'vault:m1',
    requestedAt: at,
    requestedBy: 'finance-1',
    approvalLimit,
  });

  it('a payout keeps the limit that was in force, and waits', () => {
    given().when(request({ approvalLimit })).then(large);
    waiting.when(submit(1)).thenRejected('AwaitingApproval');
    waiting.when(change).thenRejected('NotUnclaimed');
    waiting.when(hear(1, saysSucceeded)).thenRejected('TransferUnknown');
    waiting.when(request({ approvalLimit: money(1_000n) })).thenNothing();
    given()
      .when(request({ approvalLimit: money(99n, 'USD') }))
      .thenRejected('AssetMismatch');
  });
  it('begins one minor unit above: exactly the limit needs nobody', () => {
    const within = event('PayoutRequested', { ...subject, payee: 'vault:b1', requestedAt: at, approvalLimit: money(100n) });
    given(within).when(submit(1)).then(submitted(1));
    given(within).when(person('finance-1')).thenRejected('NotAwaitingApproval');
    ready.when(hold('finance-1')).thenRejected('NotAwaitingApproval');
  });
  it('a refund, which nobody asked for, is approved by two different people', () => {
    waiting.when(person('finance-1')).then(proposed('finance-1'));
    const half = waiting.and(proposed('finance-1'));
    half.when(submit(1)).thenRejected('AwaitingApproval');
    half.when(person('finance-1')).thenRejected('SameSubject');
    half.when(person('finance-2')).then(approved('finance-1', 'finance-2'));
    const both = half.and(approved('finance-1', 'finance-2'));
    both.when(submit(1)).then(submitted(1));
    both.when(person('finance-3')).thenRejected('NotAwaitingApproval');
  });
  it('what somebody asked for is approved by another', () => {
    given(asked).when(person('finance-1')).thenRejected('SameSubject');
    given(asked).when(person('finance-2')).then(approved('finance-1', 'finance-2'));
    given(asked, held('finance-3')).when(person('finance-1')).thenRejected('SameSubject');
  });
  it('it may be sent back with a reason, and is then approved anew: it stays owed', () => {
    const back = waiting.and(proposed('finance-1'), held('finance-2'));
    waiting.and(proposed('finance-1')).when(hold('finance-2')).then(held('finance-2'));
    back.when(hold('finance-2')).thenNothing();
    back.when(hold('finance-2', 'still open')).then(held('finance-2', 'still open'));
    back.when(submit(1)).thenRejected('AwaitingApproval');
    back.when(person('finance-1')).then(proposed('finance-1'));
  });
});

const purpose = { kind: 'settlement', merchant: 'm1' } as const;
const reversed = (no: number, of: object = {}) =>
  event('PayoutReversed', { ...subject, ...of, ...transfer(no), railTransferId: 'rail-1', code: 'BACK', reversedAt: at });
const saysReversed: RailWord = { state: 'Reversed', railTransferId: 'rail-1', code: 'BACK' };
const fee = (no: number) =>
  event('GatewayFeeCharged', { ...place, ...transfer(no), rail: 'alipay', amount: money(3n), chargedAt: at });

describe('a transfer that comes back', () => {
  const paid = live.and(succeeded(1));
  const back = paid.and(reversed(1));

  it('is owed again and paid by the next transfer, under a key of its own', () => {
    paid.when(hear(1, saysReversed)).then(reversed(1));
    back.when(submit(1)).thenRejected('NotNextTransfer');
    back.when(submit(2, keyOf(1))).thenRejected('WrongKey');
    back.when(submit(2)).then(submitted(2));
    back.and(submitted(2)).when(hear(2, saysSucceeded)).then(succeeded(2));
  });
  it('before anybody heard that it had arrived has done both', () => {
    live.when(hear(1, saysReversed)).then(succeeded(1), reversed(1));
    live.when(hear(1, { ...saysReversed, fee: money(3n) })).then(succeeded(1), fee(1), reversed(1));
  });
  it('says nothing new when it is heard of again, and nothing else may be said of it', () => {
    back.when(hear(1, saysReversed)).thenNothing();
    back.when(hear(1, saysSucceeded)).thenNothing();
    back.and(submitted(2)).when(hear(1, saysReversed)).thenNothing();
    back.when(hear(1, saysFailed())).thenRejected('RailContradictsItself');
    back.when(hear(1, { ...saysReversed, railTransferId: 'rail-2' })).thenRejected('RailContradictsItself');
    paid.when(hear(1, { ...saysReversed, railTransferId: 'rail-2' })).thenRejected('RailContradictsItself');
    live.and(failed(1)).when(hear(1, saysReversed)).thenRejected('RailContradictsItself');
  });
  it('again and again waits for another destination', () => {
    const bounces = Array.from({ length: maxFailures - 1 }, (_, i) => [submitted(i + 1), succeeded(i + 1), reversed(i + 1)]);
    const last = ready.and(...bounces.flat(), submitted(maxFailures), succeeded(maxFailures));
    last
      .when(hear(maxFailures, saysReversed))
      .then(reversed(maxFailures), event('PayoutUnclaimed', { payoutId: 'r1', code: 'BACK' }));
  });
});

describe('the fee of the rail', () => {
  it('is charged once, with its success or when the rail tells it later', () => {
    live.when(hear(1, { ...saysSucceeded, fee: money(3n) })).then(succeeded(1), fee(1));
    live
      .and(succeeded(1))
      .when(hear(1, { ...saysSucceeded, fee: money(3n) }))
      .then(fee(1));
    live
      .and(succeeded(1), fee(1))
      .when(hear(1, { ...saysSucceeded, fee: money(3n) }))
      .thenNothing();
    live
      .and(succeeded(1), reversed(1))
      .when(hear(1, { ...saysSucceeded, fee: money(3n) }))
      .then(fee(1));
    live.when(hear(1, { ...saysSucceeded, fee: money(0n) })).then(succeeded(1));
  });
});

describe('a cancellation', () => {
  const ask = (of: object = {}): PayoutCommand => ({
    type: 'CancelPayout',
    ...place,
    purpose: subject.purpose,
    subject: 'finance-1',
    reason: 'overturned',
    ...of,
  });
  const what = { ...place, purpose: subject.purpose };
  const cancelAsked = event('PayoutCancelRequested', {
    ...what,
    reason: 'overturned',
    requestedBy: 'finance-1',
    requestedAt: at,
  });
  const cancelled = event('PayoutCancelled', { ...what, cancelledAt: at });
  const refused = event('PayoutCancelRefused', { ...what, railTransferId: 'rail-1', refusedAt: at });
  const returned = (of: object = {}) => event('PayoutReturned', { ...subject, ...of, returnedAt: at });

  it('before anything was requested bars the payout for ever', () => {
    given().when(ask()).then(cancelAsked, cancelled);
    const barred = given(cancelAsked, cancelled);
    barred.when(ask()).thenNothing();
    barred.when(request()).thenNothing();
    barred.when(request({ purpose: { ...subject.purpose, buyer: 'b2' } })).thenRejected('PayoutDiffers');
    barred.when(submit(1)).thenRejected('PayoutUnknown');
  });
  it('while no transfer is live is answered at once, whatever the payout waits for', () => {
    for (const still of [ready, given(large), given(large, proposed('f1')), live.and(failed(1)), live.and(failed(1), unclaimed)])
      still.when(ask()).then(cancelAsked, cancelled);
    const over = ready.and(cancelAsked, cancelled);
    over.when(submit(1)).thenRejected('PayoutIsCancelled');
    over.when(person('finance-1')).thenRejected('NotAwaitingApproval');
    over.when(change).thenRejected('NotUnclaimed');
    over.when(ask()).thenNothing();
    over.when(request()).thenNothing();
    ready.when(ask({ purpose })).thenRejected('PayoutDiffers');
  });
  it('while a transfer is live waits for the rail’s word, and bars the next transfer', () => {
    live.when(ask()).then(cancelAsked);
    const asked = live.and(cancelAsked);
    asked.when(ask()).thenNothing();
    asked.when(submit(1)).thenNothing();
    asked.when(submit(2)).thenRejected('TransferLive');
    asked.when(hear(1, saysUnknown)).then(unknown(1));
    asked.when(hear(1, saysFailed('PayeeActionRequired'))).then(failed(1, 'PayeeActionRequired'), cancelled);
    asked.when(hear(1, saysSucceeded)).then(succeeded(1), refused);
    asked.when(hear(1, saysReversed)).then(succeeded(1), reversed(1), refused, returned());
  });
  it('of a refund that arrived is refused; should it come back, it is not paid out again', () => {
    live.and(succeeded(1)).when(ask()).then(cancelAsked, refused);
    const kept = live.and(succeeded(1), cancelAsked, refused);
    kept.when(ask()).thenNothing();
    kept.when(hear(1, saysReversed)).then(reversed(1), returned());
    const back = kept.and(reversed(1), returned());
    back.when(submit(2)).thenRejected('PayoutIsCancelled');
    back.when(hear(1, saysReversed)).thenNothing();
    back.when(ask()).thenNothing();
    back.when(hear(1, { ...saysSucceeded, fee: money(3n) })).then(fee(1));
    live.and(succeeded(1), reversed(1)).when(ask()).then(cancelAsked, refused, returned());
    live.and(succeeded(1), reversed(1), cancelAsked, refused, returned()).when(submit(2)).thenRejected('PayoutIsCancelled');
  });
  it('for fraud says so when the money comes back from who is known to have it', () => {
    const { reason, requestedBy, requestedAt } = cancelAsked.data;
    const askedForFraud = event('PayoutCancelRequested', { ...what, reason, isFraud: true, requestedBy, requestedAt });
    live
      .and(succeeded(1))
      .when(ask({ isFraud: true }))
      .then(askedForFraud, refused);
    live
      .and(succeeded(1), askedForFraud, refused)
      .when(hear(1, saysReversed))
      .then(reversed(1), returned({ isFraud: true }));
    // It came back before: the buyer has nothing, and owes nothing.
    live
      .and(succeeded(1), reversed(1))
      .when(ask({ isFraud: true }))
      .then(askedForFraud, refused, returned());
    live.and(askedForFraud).when(hear(1, saysReversed)).then(succeeded(1), reversed(1), refused, returned());
  });
  it('and the rail’s success at the same moment end alike, whichever is first', () => {
    live.and(cancelAsked).when(hear(1, saysSucceeded)).then(succeeded(1), refused);
    live.and(succeeded(1)).when(ask()).then(cancelAsked, refused);
  });
  it('of a settlement that came back gives the merchant his money', () => {
    const of = { ...place, purpose };
    const settled = { ...subject, purpose };
    const out = given(
      event('PayoutRequested', { ...settled, payee: 'vault:m1', requestedAt: at }),
      event('TransferSubmitted', { ...settled, ...transfer(1), payee: 'vault:m1', submittedAt: at }),
      event('PayoutSucceeded', { ...settled, ...transfer(1), railTransferId: 'rail-1', succeededAt: at }),
      event('PayoutCancelRequested', { ...of, reason: 'overturned', requestedBy: 'finance-1', requestedAt: at }),
      event('PayoutCancelRefused', { ...of, railTransferId: 'rail-1', refusedAt: at }),
    );
    out.when(hear(1, saysReversed)).then(reversed(1, { purpose }), event('PayoutCancelled', { ...of, cancelledAt: at }));
  });
});

describe('a refund that somebody made past us', () => {
  const { purpose } = subject;
  const take = (minor: bigint, differenceId = 'd1', asset = 'CNY'): PayoutCommand => ({
    type: 'RecordRefundedOutside',
    differenceId,
    rail: 'wechat',
    amount: money(minor, asset),
  });
  const outside = (fromRefund: bigint, toBuyer: bigint, stillDue: bigint, differenceId = 'd1') =>
    event('RefundedOutside', {
      payoutId: 'r1',
      platform: 'demo',
      purpose,
      rail: 'wechat',
      fromRefund: money(fromRefund),
      toBuyer: money(toBuyer),
      stillDue: money(stillDue),
      differenceId,
      recordedAt: at,
    });
  const refused = (why: Extract<PayoutEvent, { type: 'OutsideRefundRefused' }>['data']['why'], of = purpose as object) =>
    event('OutsideRefundRefused', {
      payoutId: 'r1',
      platform: 'demo',
      purpose: of as typeof purpose,
      differenceId: 'd1',
      why,
      refusedAt: at,
    });
  const back = event('PayoutReversed', { ...subject, ...transfer(1), railTransferId: 'rail-1', code: 'X', reversedAt: at });

  it('pays what was not paid yet, and no transfer follows', () => {
    ready.when(take(100n)).then(outside(100n, 0n, 0n));
    const gone = ready.and(outside(100n, 0n, 0n));
    gone.when(submit(1)).thenRejected('AlreadySucceeded');
    gone.when(change).thenRejected('AlreadySucceeded');
    gone.when(take(100n)).thenNothing();
    gone.when(take(7n, 'd2')).then(outside(0n, 7n, 0n, 'd2'));
  });
  it('pays it also while the payout waits for people or for its payee', () => {
    const limit = event('PayoutRequested', { ...requested.data, approvalLimit: money(99n) });
    given(limit)
      .when(take(100n))
      .then(outside(100n, 0n, 0n));
    given(limit, outside(100n, 0n, 0n))
      .when({ type: 'ApprovePayout', subject: 'finance-1' })
      .thenRejected('NotAwaitingApproval');
    live
      .and(failed(1, 'PayeeActionRequired'), unclaimed)
      .when(take(100n))
      .then(outside(100n, 0n, 0n));
  });
  it('of a part leaves the rest to be sent, and of too much the buyer owes what is over', () => {
    ready.when(take(40n)).then(outside(40n, 0n, 60n));
    const part = ready.and(outside(40n, 0n, 60n));
    const rest = { ...subject, amount: money(60n) };
    part.when(submit(1)).then(event('TransferSubmitted', { ...rest, ...transfer(1), payee: 'vault:b1', submittedAt: at }));
    part.when(take(100n, 'd2')).then(outside(60n, 40n, 0n, 'd2'));
    const sent = part.and(event('TransferSubmitted', { ...rest, ...transfer(1), payee: 'vault:b1', submittedAt: at }));
    const paid = event('PayoutSucceeded', { ...rest, ...transfer(1), railTransferId: 'rail-1', succeededAt: at });
    sent.when(hear(1, saysSucceeded)).then(paid);
    sent
      .and(paid)
      .when(take(10n, 'd2'))
      .then(outside(0n, 10n, 0n, 'd2'));
  });
  it('of what we have paid already the buyer owes, and it is not sent anew when ours comes back', () => {
    const paid = live.and(succeeded(1));
    paid.when(take(100n)).then(outside(0n, 100n, 0n));
    paid
      .and(outside(0n, 100n, 0n))
      .when(hear(1, { state: 'Reversed', railTransferId: 'rail-1', code: 'X' }))
      .then(back, event('PayoutUnclaimed', { payoutId: 'r1', code: 'REFUNDED_OUTSIDE' }));
    paid
      .and(back)
      .when(take(100n))
      .then(outside(100n, 0n, 0n));
  });
  it('waits for the rail while a transfer may be on its way', () => {
    for (const doubt of [[], [processing(1)], [unknown(1)], [blocked(1)]])
      live
        .and(...doubt)
        .when(take(100n))
        .then(refused('TransferLive'));
    live
      .and(refused('TransferLive'), failed(1))
      .when(take(100n))
      .then(outside(100n, 0n, 0n));
  });
  it('is not this payout’s when it is cancelled, of another asset or no refund', () => {
    const cancel = { payoutId: 'r1', platform: 'demo', purpose };
    const asked = event('PayoutCancelRequested', { ...cancel, reason: 'x', requestedBy: 'f1', requestedAt: at });
    const cancelled = event('PayoutCancelled', { ...cancel, cancelledAt: at });
    given(asked, cancelled).when(take(100n)).then(refused('PayoutIsCancelled'));
    given(asked, cancelled, refused('PayoutIsCancelled')).when(request()).thenNothing();
    ready.and(asked, cancelled).when(take(100n)).then(refused('PayoutIsCancelled'));
    ready.when(take(100n, 'd1', 'USD')).then(refused('AssetMismatch'));
    const settlement = { kind: 'settlement', merchant: 'm1' } as const;
    given(event('PayoutRequested', { ...requested.data, purpose: settlement }))
      .when(take(100n))
      .then(refused('NotARefund', settlement));
    given().when(take(100n)).thenRejected('PayoutUnknown');
    ready.when(take(0n)).thenRejected('AmountNotPositive');
  });
  it('has paid: who asks to cancel it is told so, and what was not sent goes out no more', () => {
    const cancel: PayoutCommand = { type: 'CancelPayout', payoutId: 'r1', platform: 'demo', purpose, subject: 'f1', reason: 'x' };
    const asked = event('PayoutCancelRequested', {
      payoutId: 'r1',
      platform: 'demo',
      purpose,
      reason: 'x',
      requestedBy: 'f1',
      requestedAt: at,
    });
    const no = event('PayoutCancelRefused', {
      payoutId: 'r1',
      platform: 'demo',
      purpose,
      railTransferId: 'd1',
      refusedAt: at,
    });
    expect(ready.and(outside(100n, 0n, 0n)).when(cancel).events).toEqual([asked, no]);
    expect(ready.and(outside(100n, 0n, 0n), asked, no).state.status).toBe('outside');
    ready
      .and(outside(40n, 0n, 60n), asked, no)
      .when(submit(1))
      .thenRejected('PayoutIsCancelled');
  });
});
