import { eventsOf, fold, plusHours, plusMs, specify } from '@recourse/eventing';
import { money, type Money } from '@recourse/money';
import { deposit, type DepositCommand, type DepositEvent } from './deposit.js';
import { depositPeriods } from './period.js';

const at = '2026-03-01T08:00:00.000Z';
const account = { platform: 'demo', merchant: 'm1' };
const fen = (minor: number, asset = 'CNY'): Money => money(BigInt(minor), asset);
const event = eventsOf<DepositEvent>();
const obligation = (obligationId: string) => ({ kind: 'obligation', obligationId }) as const;
const owed = (refundId: string) => ({ ...account, obligationId: refundId, refundId });

const agreed = (termsVersion = 1, minimum = 0) =>
  event('DepositAgreed', { ...account, termsVersion, minimum: fen(minimum), payee: 'vault:p1', rail: 'alipay', agreedAt: at });
const nothing = { deposit: fen(0), held: fen(0), payable: fen(0) };
const opened = event('DepositPeriodOpened', { ...account, period: '0001', ...nothing, openedAt: at });
const toppedUp = (amount: number, transaction = 't1') =>
  event('DepositToppedUp', { ...account, amount: fen(amount), rail: 'alipay', transaction, toppedUpAt: at });
const owes = (refundId: string, amount: number) =>
  event('ObligationOpened', { ...owed(refundId), caseId: 'c1', orderId: 'o1', amount: fen(amount), openedAt: at });
const held = (refundId: string, amount: number) =>
  event('DepositHeld', { ...account, for: obligation(refundId), amount: fen(amount) });
const released = (refundId: string, amount: number) =>
  event('HoldReleased', { ...account, for: obligation(refundId), amount: fen(amount) });
const paid = (refundId: string) => event('ObligationRefundPaid', { ...owed(refundId), paidAt: at });
const debited = (refundId: string, fromDeposit: number, outstanding = 0, fromHeld = 0) =>
  event('DepositDebited', {
    ...owed(refundId),
    fromHeld: fen(fromHeld),
    fromDeposit: fen(fromDeposit),
    amount: fen(fromHeld + fromDeposit),
    outstanding: fen(outstanding),
    debitedAt: at,
  });
const payableDebited = (refundId: string, amount: number, outstanding = 0) =>
  event('PayableDebited', { ...owed(refundId), amount: fen(amount), outstanding: fen(outstanding), debitedAt: at });
const proposed = (refundId: string, amount: number) =>
  event('WriteOffProposed', { ...owed(refundId), amount: fen(amount), reason: 'gone', proposedBy: 'chen', proposedAt: at });
const writtenOff = (refundId: string, amount: number) =>
  event('RecourseWrittenOff', {
    ...owed(refundId),
    amount: fen(amount),
    reason: 'gone',
    proposedBy: 'chen',
    approvedBy: 'zhou',
    writtenOffAt: at,
  });
const reinstated = (refundId: string, amount: number, rest = 0) =>
  event('RecourseReinstated', { ...owed(refundId), amount: fen(amount), writtenOff: fen(rest), reinstatedAt: at });
const forgiven = (refundId: string, amount: number) =>
  event('RecourseForgiven', { ...owed(refundId), amount: fen(amount), forgivenAt: at });
const claimed = (refundId: string, recovered: number, escrowLoss = 0) =>
  event('CompensationClaimed', {
    ...account,
    refundId,
    orderId: 'o1',
    caseId: 'c1',
    amount: fen(recovered + escrowLoss),
    recovered: fen(recovered),
    escrowLoss: fen(escrowLoss),
    claimedAt: at,
  });
const credited = (refundId: string, amount: number) =>
  event('CompensationCredited', { ...account, refundId, orderId: 'o1', amount: fen(amount) });

const make = (refundId: string, recourse: number, escrowLoss = 0, asset = 'CNY'): DepositCommand => ({
  type: 'MakeWhole',
  obligationId: refundId,
  refundId,
  orderId: 'o1',
  caseId: 'c1',
  escrowLoss: fen(escrowLoss, asset),
  recourse: fen(recourse, asset),
});
const collect = (obligationId: string): DepositCommand => ({ type: 'CollectObligation', obligationId });
const revoke = (obligationId: string): DepositCommand => ({ type: 'RevokeObligation', obligationId });
const credit = (refundId: string, amount: number): DepositCommand => ({
  type: 'CreditCompensation',
  refundId,
  orderId: 'o1',
  amount: fen(amount),
});
const topUp = (amount: number): DepositCommand => ({
  type: 'TopUpDeposit',
  amount: fen(amount),
  rail: 'alipay',
  transaction: 't9',
});

const unopened = specify(deposit, at).given();
const account1 = unopened.and(opened, agreed());

describe('a merchant whose verdict is overturned', () => {
  it('before anything was taken owes nothing any more, and nothing is compensated', () => {
    account1.and(owes('r1', 200), paid('r1')).when(make('r1', 200)).then(forgiven('r1', 200));
  });
  it('when a part was taken owes nothing any more, and gets that part back', () => {
    account1
      .and(toppedUp(80), owes('r1', 200), paid('r1'), debited('r1', 80, 120))
      .when(make('r1', 200))
      .then(forgiven('r1', 120), claimed('r1', 80));
  });
  it('when everything was taken gets all of it back', () => {
    account1.and(toppedUp(500), owes('r1', 200), paid('r1'), debited('r1', 200)).when(make('r1', 200)).then(claimed('r1', 200));
  });
  it('whose own deposit paid the refund has no obligation here: all of it was taken', () => {
    account1.when(make('r1', 200)).then(claimed('r1', 200));
  });
  it('gets what escrow would have given him, alone or with the rest', () => {
    account1.when(make('r1', 0, 95)).then(claimed('r1', 0, 95));
    account1
      .and(toppedUp(80), owes('r1', 200), paid('r1'), debited('r1', 80, 120))
      .when(make('r1', 200, 95))
      .then(forgiven('r1', 120), claimed('r1', 80, 95));
  });
  it('that cost him nothing is not touched, also without an account', () => {
    account1.when(make('r1', 0)).thenNothing();
    unopened.when(make('r1', 0)).thenNothing();
    account1
      .and(owes('r1', 200), paid('r1'))
      .when(make('r1', 0, 95))
      .then(claimed('r1', 0, 95));
  });
  it('and who has no account keeps his loss waiting, loudly', () => {
    unopened.when(make('r1', 0, 95)).thenRejected('AccountUnopened');
    unopened.when(make('r1', 95)).thenRejected('AccountUnopened');
    unopened.when(credit('r1', 95)).thenRejected('AccountUnopened');
    unopened.when(revoke('r1')).thenRejected('AccountUnopened');
  });
  it('lost zero or more, in the asset of his account', () => {
    account1.when(make('r1', -1)).thenRejected('AmountNotPositive');
    account1.when(make('r1', 0, -1)).thenRejected('AmountNotPositive');
    account1.when(make('r1', 1, 0, 'USD')).thenRejected('AssetMismatch');
  });
  it('is made whole once, whatever a second word of it says', () => {
    const forgivenAlone = account1.and(owes('r1', 200), paid('r1'), forgiven('r1', 200));
    forgivenAlone.when(make('r1', 200)).thenNothing();
    const both = account1.and(
      toppedUp(80),
      owes('r1', 200),
      paid('r1'),
      debited('r1', 80, 120),
      forgiven('r1', 120),
      claimed('r1', 80),
    );
    both.when(make('r1', 200)).thenNothing();
    both.when(make('r1', 900, 900)).thenNothing();
    account1
      .and(claimed('r1', 0, 95))
      .when(make('r1', 0, 95))
      .thenNothing();
    both.when(make('r2', 0, 95)).then(event('CompensationClaimed', { ...claimed('r2', 0, 95).data }));
  });
});

describe('an overturned verdict on some units of a refund', () => {
  const owing = account1.and(toppedUp(50), owes('r1', 200), paid('r1'), debited('r1', 50, 150));
  it('forgives what is outstanding first, and gives back the rest', () => {
    owing.when(make('r1', 120)).then(forgiven('r1', 120));
    owing.when(make('r1', 170)).then(forgiven('r1', 150), claimed('r1', 20));
  });
  it('leaves what he owes for the others, which the next money pays', () => {
    owing.and(forgiven('r1', 120)).when(topUp(100)).then(toppedUp(100, 't9'), debited('r1', 30));
  });
  it('gives back the hold beyond what he still owes, and collects that at once', () => {
    account1
      .and(toppedUp(200), owes('r1', 200), held('r1', 200))
      .when(make('r1', 120))
      .then(paid('r1'), released('r1', 120), forgiven('r1', 120), debited('r1', 0, 0, 80));
  });
});

describe('an obligation that is forgiven', () => {
  it('was not yet known to be paid: it counts as paid, and the word of it finds nothing to collect', () => {
    const held200 = account1.and(toppedUp(200), owes('r1', 200), held('r1', 200));
    const events = [paid('r1'), released('r1', 200), forgiven('r1', 200)];
    held200.when(make('r1', 200)).then(...events);
    held200
      .and(...events)
      .when(collect('r1'))
      .thenNothing();
  });
  it('and its collection lead to the same in either order: he bears nothing', () => {
    const held200 = account1.and(toppedUp(200), owes('r1', 200), held('r1', 200));
    const after = (...commands: DepositCommand[]) =>
      commands.reduce((state, command) => state.and(...state.when(command).events), held200);
    const first = after(collect('r1'), make('r1', 200), credit('r1', 200));
    const second = after(make('r1', 200), collect('r1'));
    expect(first.state).toMatchObject({ deposit: fen(0), held: fen(0), payable: fen(200), obligations: [] });
    expect(second.state).toMatchObject({ deposit: fen(200), held: fen(0), payable: fen(0), obligations: [] });
  });
  it('gives back its own hold only, and what it gives back goes to whoever waits for it', () => {
    account1
      .and(toppedUp(300), owes('r1', 200), held('r1', 200), owes('r2', 150), held('r2', 100))
      .when(make('r1', 200))
      .then(paid('r1'), released('r1', 200), forgiven('r1', 200), held('r2', 50));
    account1
      .and(toppedUp(200), owes('r1', 200), held('r1', 200), owes('r2', 150), paid('r2'))
      .when(make('r1', 200))
      .then(paid('r1'), released('r1', 200), forgiven('r1', 200), debited('r2', 150));
  });
  it('takes a proposal to write it off with it, also where a part stays owed', () => {
    const asked = account1.and(owes('r1', 200), paid('r1'), proposed('r1', 200));
    const approve: DepositCommand = { type: 'ApproveWriteOff', obligationId: 'r1', subject: 'zhou' };
    asked.when(make('r1', 200)).then(forgiven('r1', 200));
    asked.and(forgiven('r1', 200)).when(approve).thenRejected('ObligationUnknown');
    asked.and(forgiven('r1', 120)).when(approve).thenRejected('NotProposed');
  });
  it('is not opened again; one that is opened only then is owed, and the compensation pays it', () => {
    const open: DepositCommand = { type: 'OpenObligation', obligationId: 'r1', refundId: 'r1', orderId: 'o1', amount: fen(200) };
    account1.and(owes('r1', 200), paid('r1'), forgiven('r1', 200)).when(open).thenNothing();
    const { data } = owes('r1', 200);
    const late = event('ObligationOpened', {
      ...account,
      obligationId: 'r1',
      refundId: 'r1',
      orderId: 'o1',
      amount: data.amount,
      openedAt: at,
    });
    const claimedFirst = account1.and(claimed('r1', 200));
    claimedFirst.when(open).then(late);
    claimedFirst.and(late, paid('r1')).when(credit('r1', 200)).then(credited('r1', 200), payableDebited('r1', 200));
  });
  it('cures no shortfall by itself and lets a withdrawal go that waited for it', () => {
    const late = plusMs(plusHours(at, 168), 1);
    const closing = event('ClosingRequested', { ...account, payoutId: 'x1', until: plusHours(at, 168), requestedAt: at });
    const cooledOff = event('CoolingOffEnded', { ...account, payoutId: 'x1', endedAt: late });
    const payment = {
      ...account,
      payoutId: 'x1',
      amount: fen(500),
      fromDeposit: fen(500),
      fromPayable: fen(0),
      payee: 'vault:p1',
      rail: 'alipay',
      drawnAt: at,
    };
    const waiting = account1.and(toppedUp(500), owes('r1', 200), held('r1', 200), closing, cooledOff);
    waiting
      .when(make('r1', 200, 95))
      .then(
        paid('r1'),
        released('r1', 200),
        forgiven('r1', 200),
        claimed('r1', 0, 95),
        event('WithdrawalDrawn', payment),
        event('AccountClosed', { ...account, payoutId: 'x1', closedAt: at }),
      );
  });
  it('leaves a withdrawal alone that is at the rail', () => {
    const draw = { ...account, payoutId: 'w1', amount: fen(300), fromDeposit: fen(300), fromPayable: fen(0) };
    const away = account1.and(
      toppedUp(300),
      event('WithdrawalDrawn', { ...draw, payee: 'vault:p1', rail: 'alipay', drawnAt: at }),
      owes('r1', 200),
      paid('r1'),
    );
    away.when(make('r1', 200)).then(forgiven('r1', 200));
    away
      .and(forgiven('r1', 200))
      .when({ type: 'ReturnDraw', payoutId: 'w1' })
      .then(
        event('DrawReturned', {
          ...account,
          payoutId: 'w1',
          amount: fen(300),
          toDeposit: fen(300),
          toPayable: fen(0),
          returnedAt: at,
        }),
      );
  });
});

describe('what was written off', () => {
  const given = account1.and(owes('r1', 200), paid('r1'), proposed('r1', 200), writtenOff('r1', 200));
  it('is taken up again and forgiven in one append', () => {
    given.when(make('r1', 200)).then(reinstated('r1', 200), forgiven('r1', 200));
    given.when(make('r1', 200, 95)).then(reinstated('r1', 200), forgiven('r1', 200), claimed('r1', 0, 95));
  });
  it('and recovered in part after all is forgiven for the rest; the part is given back', () => {
    const partly = given.and(toppedUp(50), reinstated('r1', 50, 150), debited('r1', 50));
    partly.when(make('r1', 200)).then(reinstated('r1', 150), forgiven('r1', 150), claimed('r1', 50));
  });
  it('is not collected from money that comes after that', () => {
    const over = given.and(reinstated('r1', 200), forgiven('r1', 200));
    expect(over.state).toMatchObject({ writtenOff: [], obligations: [] });
    over.when(topUp(500)).then(toppedUp(500, 't9'));
    over.when(make('r1', 200)).thenNothing();
  });
  it('stays written off for the units whose verdict stands', () => {
    given.when(make('r1', 120)).then(reinstated('r1', 120, 80), forgiven('r1', 120));
    given
      .and(reinstated('r1', 120, 80), forgiven('r1', 120))
      .when(topUp(500))
      .then(toppedUp(500, 't9'), reinstated('r1', 80), debited('r1', 80));
  });
});

describe('a compensation that the fund has paid', () => {
  it('becomes payable, once per refund', () => {
    account1.when(credit('r1', 95)).then(credited('r1', 95));
    account1.and(credited('r1', 95)).when(credit('r1', 95)).thenNothing();
    account1.and(credited('r1', 95)).when(credit('r2', 40)).then(credited('r2', 40));
    account1.when(credit('r1', 0)).thenRejected('AmountNotPositive');
  });
  it('pays what he owes for other refunds first', () => {
    account1.and(owes('r2', 60), paid('r2')).when(credit('r1', 95)).then(credited('r1', 95), payableDebited('r2', 60));
    account1
      .and(owes('r2', 60), paid('r2'), proposed('r2', 60), writtenOff('r2', 60))
      .when(credit('r1', 95))
      .then(credited('r1', 95), reinstated('r2', 60), payableDebited('r2', 60));
  });
  it('is credited to a merchant who has left, who settles it or closes again', () => {
    const gone = account1.and(event('AccountClosed', { ...account, payoutId: 'x1', closedAt: at }));
    gone.when(credit('r1', 95)).then(credited('r1', 95));
    const back = gone.and(credited('r1', 95));
    const drawn = { ...account, payoutId: 'p1', amount: fen(95), payee: 'vault:p1', rail: 'alipay', drawnAt: at };
    back.when({ type: 'DrawSettlement', payoutId: 'p1' }).then(event('SettlementDrawn', drawn));
    gone.when({ type: 'DrawSettlement', payoutId: 'p1' }).thenRejected('AccountClosed');
    const until = plusHours(at, 168);
    back
      .when({ type: 'CloseAccount', payoutId: 'x2' })
      .then(event('ClosingRequested', { ...account, payoutId: 'x2', until, requestedAt: at }));
    gone.when(make('r2', 0, 95)).then(claimed('r2', 0, 95));
  });
});

describe('an obligation whose refund was revoked', () => {
  it('is no more, and its hold is free again for whoever waits for it', () => {
    const revoked = event('ObligationRevoked', { ...owed('r1'), amount: fen(200), revokedAt: at });
    account1.and(owes('r1', 200)).when(revoke('r1')).then(revoked);
    account1
      .and(toppedUp(150), owes('r1', 200), held('r1', 150), owes('r2', 60), paid('r2'))
      .when(revoke('r1'))
      .then(released('r1', 150), revoked, debited('r2', 60));
    const over = account1.and(owes('r1', 200), revoked);
    over.when(revoke('r1')).thenNothing();
    over.when(collect('r1')).thenNothing();
    over.when({ type: 'OpenObligation', obligationId: 'r1', refundId: 'r1', orderId: 'o1', amount: fen(200) }).thenNothing();
  });
  it('was opened, and its buyer was not paid: anything else is said aloud', () => {
    account1.when(revoke('r1')).thenRejected('ObligationUnknown');
    account1.and(owes('r1', 200), paid('r1')).when(revoke('r1')).thenRejected('RefundPaid');
  });
});

it('what was forgiven and claimed is over in the next period too', () => {
  const before = account1.and(
    toppedUp(80),
    owes('r1', 200),
    paid('r1'),
    debited('r1', 80, 120),
    forgiven('r1', 120),
    claimed('r1', 80),
  );
  const closed = depositPeriods.closing(before.state, '2026-04-01T00:00:00.000Z', 8);
  const next = fold(deposit, depositPeriods.following(before.and(closed!).state)!);
  expect(next).toMatchObject({ status: 'open', obligations: [], writtenOff: [] });
});
