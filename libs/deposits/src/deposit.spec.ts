import { eventsOf, plusHours, plusMs, specify } from '@recourse/eventing';
import { money, type Money } from '@recourse/money';
import { deposit, type DepositCommand, type DepositEvent } from './deposit.js';
import { maxSweepEvents } from './sweep.js';

const at = '2026-03-01T08:00:00.000Z';
const account = { platform: 'demo', merchant: 'm1' };
const fen = (minor: number, asset = 'CNY'): Money => money(BigInt(minor), asset);
const event = eventsOf<DepositEvent>();
const ofCase = (caseId: string) => ({ kind: 'case', caseId }) as const;
const ofObligation = (obligationId: string) => ({ kind: 'obligation', obligationId }) as const;

const periodOpened = event('DepositPeriodOpened', {
  ...account,
  period: '0001',
  deposit: fen(0),
  held: fen(0),
  payable: fen(0),
  openedAt: at,
});
const agreed = (termsVersion: number) =>
  event('DepositAgreed', { ...account, termsVersion, minimum: fen(1000), payee: 'vault:p1', rail: 'alipay', agreedAt: at });
const toppedUp = (amount: number, transaction = 't1') =>
  event('DepositToppedUp', { ...account, amount: fen(amount), rail: 'alipay', transaction, toppedUpAt: at });
const credited = (amount: number, unitNo = 1) =>
  event('PayableCredited', { ...account, orderId: 'o1', unitNo, amount: fen(amount) });
const noted = (caseId: string, exposure: number) =>
  event('CaseNoted', { ...account, caseId, orderId: 'o1', exposure: fen(exposure), notedAt: at });
const noteEnded = (caseId: string) => event('CaseNoteEnded', { ...account, caseId, endedAt: at });
const held = (secures: ReturnType<typeof ofCase> | ReturnType<typeof ofObligation>, amount: number) =>
  event('DepositHeld', { ...account, for: secures, amount: fen(amount) });
const released = (caseId: string, amount: number) =>
  event('HoldReleased', { ...account, for: ofCase(caseId), amount: fen(amount) });
const reassigned = (caseId: string, obligationId: string, amount: number) =>
  event('HoldReassigned', { ...account, caseId, obligationId, amount: fen(amount) });
const owes = (obligationId: string, amount: number, caseId?: string) =>
  event('ObligationOpened', {
    ...account,
    obligationId,
    refundId: obligationId,
    ...(caseId === undefined ? {} : { caseId }),
    orderId: 'o1',
    amount: fen(amount),
    openedAt: at,
  });
const paid = (obligationId: string) =>
  event('ObligationRefundPaid', { ...account, obligationId, refundId: obligationId, paidAt: at });
const debited = (obligationId: string, taken: { fromHeld?: number; fromDeposit?: number; outstanding?: number }) =>
  event('DepositDebited', {
    ...account,
    obligationId,
    refundId: obligationId,
    fromHeld: fen(taken.fromHeld ?? 0),
    fromDeposit: fen(taken.fromDeposit ?? 0),
    amount: fen((taken.fromHeld ?? 0) + (taken.fromDeposit ?? 0)),
    outstanding: fen(taken.outstanding ?? 0),
    debitedAt: at,
  });
const payableDebited = (obligationId: string, amount: number, outstanding = 0) =>
  event('PayableDebited', {
    ...account,
    obligationId,
    refundId: obligationId,
    amount: fen(amount),
    outstanding: fen(outstanding),
    debitedAt: at,
  });
const drawn = (payoutId: string, amount: number) =>
  event('SettlementDrawn', { ...account, payoutId, amount: fen(amount), payee: 'vault:p1', rail: 'alipay', drawnAt: at });
const returned = (payoutId: string, toPayable: number, toDeposit = 0) =>
  event('DrawReturned', {
    ...account,
    payoutId,
    amount: fen(toDeposit + toPayable),
    toDeposit: fen(toDeposit),
    toPayable: fen(toPayable),
    returnedAt: at,
  });

const agree = (termsVersion: number, asset = 'CNY'): DepositCommand => ({
  type: 'AgreeDeposit',
  ...account,
  termsVersion,
  minimum: fen(1000, asset),
  payee: 'vault:p1',
  rail: 'alipay',
});
const topUp = (amount: number, transaction = 't9', asset = 'CNY'): DepositCommand => ({
  type: 'TopUpDeposit',
  amount: fen(amount, asset),
  rail: 'alipay',
  transaction,
});
const credit = (amount: number, unitNo = 9): DepositCommand => ({
  type: 'CreditPayable',
  orderId: 'o1',
  unitNo,
  amount: fen(amount),
});
const note = (caseId: string, exposure: number): DepositCommand => ({
  type: 'NoteCase',
  caseId,
  orderId: 'o1',
  exposure: fen(exposure),
});
const endNote = (caseId: string): DepositCommand => ({ type: 'EndCaseNote', caseId });
const open = (obligationId: string, amount: number, caseId?: string): DepositCommand => ({
  type: 'OpenObligation',
  obligationId,
  refundId: obligationId,
  ...(caseId === undefined ? {} : { caseId }),
  orderId: 'o1',
  amount: fen(amount),
});
const collect = (obligationId: string): DepositCommand => ({ type: 'CollectObligation', obligationId });
const draw = (payoutId: string, amount?: number): DepositCommand => ({
  type: 'DrawSettlement',
  payoutId,
  ...(amount === undefined ? {} : { amount: fen(amount) }),
});
const giveBack = (payoutId: string): DepositCommand => ({ type: 'ReturnDraw', payoutId });

const unopened = specify(deposit, at).given();
const account1 = unopened.and(periodOpened, agreed(1));

const days = (count: number) => plusHours(at, 24 * count);
const afterMs = (moment: string) => plusMs(moment, 1);
const withdraw = (payoutId: string, amount: number): DepositCommand => ({
  type: 'RequestWithdrawal',
  payoutId,
  amount: fen(amount),
});
const requested = (payoutId: string, amount: number) =>
  event('WithdrawalRequested', { ...account, payoutId, amount: fen(amount), until: days(7), requestedAt: at });
const closing = event('ClosingRequested', { ...account, payoutId: 'x1', until: days(7), requestedAt: at });
const cancelledFor = (
  payoutId: string,
  because: 'merchant' | 'obligation' | 'minimum' | 'closing',
  obligationId?: string,
  cancelledAt = at,
) =>
  event('WithdrawalCancelled', {
    ...account,
    payoutId,
    because,
    ...(obligationId === undefined ? {} : { obligationId }),
    cancelledAt,
  });
const withdrawn = (payoutId: string, fromDeposit: number, drawnAt: string, fromPayable = 0) =>
  event('WithdrawalDrawn', {
    ...account,
    payoutId,
    amount: fen(fromDeposit + fromPayable),
    fromDeposit: fen(fromDeposit),
    fromPayable: fen(fromPayable),
    payee: 'vault:p1',
    rail: 'alipay',
    drawnAt,
  });
const cooledOff = (payoutId: string, endedAt: string) => event('CoolingOffEnded', { ...account, payoutId, endedAt });
const drawPaid = (payoutId: string) => event('DrawPaid', { ...account, payoutId, paidAt: at });
const closed = (closedAt: string) => event('AccountClosed', { ...account, payoutId: 'x1', closedAt });
const passed = (moment: string) => ({ type: 'PassDepositDeadlines', at: moment }) as const;
const propose = (obligationId: string, subject: string): DepositCommand => ({
  type: 'ProposeWriteOff',
  obligationId,
  reason: 'the merchant is gone',
  subject,
});
const approve = (obligationId: string, subject: string): DepositCommand => ({ type: 'ApproveWriteOff', obligationId, subject });
const proposed = (obligationId: string, amount: number) =>
  event('WriteOffProposed', {
    ...account,
    obligationId,
    refundId: obligationId,
    amount: fen(amount),
    reason: 'the merchant is gone',
    proposedBy: 'chen',
    proposedAt: at,
  });
const writtenOff = (obligationId: string, amount: number) =>
  event('RecourseWrittenOff', {
    ...account,
    obligationId,
    refundId: obligationId,
    amount: fen(amount),
    reason: 'the merchant is gone',
    proposedBy: 'chen',
    approvedBy: 'zhou',
    writtenOffAt: at,
  });
const reinstated = (obligationId: string, amount: number, rest: number) =>
  event('RecourseReinstated', {
    ...account,
    obligationId,
    refundId: obligationId,
    amount: fen(amount),
    writtenOff: fen(rest),
    reinstatedAt: at,
  });
const fellShort = (shortfall: number, minimum = 1000) =>
  event('DepositFellShort', { ...account, minimum: fen(minimum), shortfall: fen(shortfall), fellAt: at });
const cured = event('ShortfallCured', { ...account, minimum: fen(1000), curedAt: at });

describe('agreeing to deposit terms', () => {
  it('opens the account with nothing in it', () => {
    unopened.when(agree(1)).then(periodOpened, agreed(1));
  });
  it('is done again only for higher terms', () => {
    account1.when(agree(2)).then(agreed(2));
    account1.when(agree(1)).thenRejected('TermsNotNewer');
    account1.and(agreed(3)).when(agree(2)).thenRejected('TermsNotNewer');
    account1.when(agree(2, 'USD')).thenRejected('AssetMismatch');
    unopened.when({ ...agree(1), minimum: fen(-1) } as DepositCommand).thenRejected('AmountNotPositive');
  });
  it('comes before anything else', () => {
    for (const command of [topUp(1), credit(1), note('c1', 1), endNote('c1'), open('r1', 1), draw('p1'), giveBack('p1')])
      unopened.when(command).thenRejected('AccountUnopened');
  });
  it('is not needed where an escrow refund left nothing to collect', () => {
    unopened.when(collect('r1')).thenNothing();
  });
});

describe('topping up', () => {
  it('adds to the deposit, once per rail transaction', () => {
    account1.when(topUp(500, 't1')).then(toppedUp(500, 't1'));
    account1.and(toppedUp(500, 't1')).when(topUp(500, 't1')).thenNothing();
  });
  it('takes an amount of this account only', () => {
    account1.when(topUp(0)).thenRejected('AmountNotPositive');
    account1.when(topUp(-1)).thenRejected('AmountNotPositive');
    account1.when(topUp(1, 't1', 'USD')).thenRejected('AssetMismatch');
  });
  it('only raises the hold of an obligation whose buyer is not paid yet', () => {
    account1
      .and(owes('r1', 200))
      .when(topUp(500, 't1'))
      .then(toppedUp(500, 't1'), held(ofObligation('r1'), 200));
    account1
      .and(owes('r1', 200))
      .when(topUp(50, 't1'))
      .then(toppedUp(50, 't1'), held(ofObligation('r1'), 50));
  });
  it('pays what is outstanding, oldest first, and holds the rest for what is not paid yet', () => {
    account1
      .and(owes('r0', 70), owes('r1', 200), owes('r2', 100), paid('r2'), paid('r1'))
      .when(topUp(350, 't1'))
      .then(
        toppedUp(350, 't1'),
        debited('r1', { fromDeposit: 200 }),
        debited('r2', { fromDeposit: 100 }),
        held(ofObligation('r0'), 50),
      );
    account1
      .and(owes('r1', 200), owes('r2', 100), paid('r1'), paid('r2'))
      .when(topUp(250, 't1'))
      .then(toppedUp(250, 't1'), debited('r1', { fromDeposit: 200 }), debited('r2', { fromDeposit: 50, outstanding: 50 }));
  });
});

describe('proceeds of released escrow', () => {
  it('become payable, once per unit', () => {
    account1.when(credit(90, 1)).then(credited(90, 1));
    account1.and(credited(90, 1)).when(credit(90, 1)).thenNothing();
    account1.and(credited(90, 1)).when(credit(90, 2)).then(credited(90, 2));
    account1.when(credit(0)).thenRejected('AmountNotPositive');
  });
  it('become payable again for what came back to escrow and was released once more, and that once too', () => {
    const again = { ...credit(40, 1), releaseNo: 2 } as const;
    const creditedAgain = account1.and(credited(90, 1)).when(again).events;
    expect(creditedAgain).toMatchObject([{ type: 'PayableCredited', data: { amount: fen(40), releaseNo: 2 } }]);
    account1
      .and(credited(90, 1), ...creditedAgain)
      .when(again)
      .thenNothing();
  });
  it('pay what is outstanding before the merchant sees them', () => {
    account1
      .and(owes('r1', 200), paid('r1'))
      .when(credit(90))
      .then(credited(90, 9), payableDebited('r1', 90, 110));
    account1.and(owes('r1', 50), paid('r1')).when(credit(90)).then(credited(90, 9), payableDebited('r1', 50));
  });
  it('are left alone by an obligation whose buyer is not paid yet', () => {
    account1.and(owes('r1', 200)).when(credit(90)).then(credited(90, 9));
  });
});

describe('a submitted claim', () => {
  it('holds the price of units whose escrow is gone, as far as the deposit reaches', () => {
    account1
      .and(toppedUp(500))
      .when(note('c1', 200))
      .then(noted('c1', 200), held(ofCase('c1'), 200));
    account1
      .and(toppedUp(150))
      .when(note('c1', 200))
      .then(noted('c1', 200), held(ofCase('c1'), 150));
  });
  it('is only noted while escrow secures it', () => {
    account1.and(toppedUp(500)).when(note('c1', 0)).then(noted('c1', 0));
  });
  it('is noted once, and not again after its end', () => {
    account1.and(noted('c1', 0)).when(note('c1', 100)).thenNothing();
    account1.and(toppedUp(500), noted('c1', 0), noteEnded('c1')).when(note('c1', 100)).thenNothing();
  });
  it('has an exposure of zero or more in the asset of the account', () => {
    account1.when(note('c1', -1)).thenRejected('AmountNotPositive');
    account1.when({ type: 'NoteCase', caseId: 'c1', orderId: 'o1', exposure: fen(1, 'USD') }).thenRejected('AssetMismatch');
  });
  it('gives its hold back when it ends without a refund, once', () => {
    const open = account1.and(toppedUp(500), noted('c1', 200), held(ofCase('c1'), 200));
    open.when(endNote('c1')).then(noteEnded('c1'), released('c1', 200));
    open.and(noteEnded('c1'), released('c1', 200)).when(endNote('c1')).thenNothing();
    account1.and(noted('c1', 0)).when(endNote('c1')).then(noteEnded('c1'));
    account1.when(endNote('c1')).thenNothing();
  });
  it('gives its hold back to whoever waits for it: a paid obligation is debited, an unpaid one held', () => {
    account1
      .and(toppedUp(200), noted('c1', 200), held(ofCase('c1'), 200), owes('r1', 150), paid('r1'), owes('r2', 80))
      .when(endNote('c1'))
      .then(noteEnded('c1'), released('c1', 200), debited('r1', { fromDeposit: 150 }), held(ofObligation('r2'), 50));
  });
});

describe('an obligation', () => {
  it('takes over the hold of its case', () => {
    account1
      .and(toppedUp(500), noted('c1', 200), held(ofCase('c1'), 200))
      .when(open('r1', 200, 'c1'))
      .then(owes('r1', 200, 'c1'), reassigned('c1', 'r1', 200));
  });
  it('leaves back what of the case it does not need', () => {
    account1
      .and(toppedUp(200), noted('c1', 200), held(ofCase('c1'), 200))
      .when(open('r1', 120, 'c1'))
      .then(owes('r1', 120, 'c1'), reassigned('c1', 'r1', 120), released('c1', 80));
  });
  it('holds what the deposit has when the case holds too little', () => {
    account1
      .and(toppedUp(100), noted('c1', 200), held(ofCase('c1'), 100), toppedUp(60, 't2'))
      .when(open('r1', 200, 'c1'))
      .then(owes('r1', 200, 'c1'), reassigned('c1', 'r1', 100), held(ofObligation('r1'), 60));
    account1
      .and(toppedUp(500))
      .when(open('r1', 200))
      .then(owes('r1', 200), held(ofObligation('r1'), 200));
    account1.when(open('r1', 200)).then(owes('r1', 200));
  });
  it('is opened once, also after it was settled', () => {
    account1.and(owes('r1', 200)).when(open('r1', 200)).thenNothing();
    account1
      .and(toppedUp(200), owes('r1', 200), paid('r1'), debited('r1', { fromDeposit: 200 }))
      .when(open('r1', 200))
      .thenNothing();
  });
  it('is an amount of this account', () => {
    account1.when(open('r1', 0)).thenRejected('AmountNotPositive');
    account1
      .when({ type: 'OpenObligation', obligationId: 'r1', refundId: 'r1', orderId: 'o1', amount: fen(1, 'USD') })
      .thenRejected('AssetMismatch');
  });
  it('and the end of its case lose nothing in either order', () => {
    const claimed = account1.and(toppedUp(200), noted('c1', 200), held(ofCase('c1'), 200));
    const opened = claimed.and(...claimed.when(open('r1', 120, 'c1')).events);
    const openedThenEnded = opened.and(...opened.when(endNote('c1')).events);
    const ended = claimed.and(...claimed.when(endNote('c1')).events);
    const endedThenOpened = ended.and(...ended.when(open('r1', 120, 'c1')).events);
    for (const { state } of [openedThenEnded, endedThenOpened])
      expect(state).toMatchObject({ deposit: fen(80), held: fen(120), cases: new Map(), obligations: [{ held: fen(120) }] });
  });
  it('needs no second hold for its case when the note comes after it', () => {
    account1
      .and(toppedUp(500), owes('r1', 200, 'c1'), held(ofObligation('r1'), 200))
      .when(note('c1', 200))
      .then(noted('c1', 200));
  });
});

describe('collecting, after the buyer is paid', () => {
  it('takes the hold, then the deposit, then the payable', () => {
    account1
      .and(toppedUp(150), owes('r1', 200), held(ofObligation('r1'), 150), toppedUp(20, 't2'), credited(90))
      .when(collect('r1'))
      .then(paid('r1'), debited('r1', { fromHeld: 150, fromDeposit: 20, outstanding: 30 }), payableDebited('r1', 30));
  });
  it('leaves the rest outstanding, and the next top-up recovers it', () => {
    const short = account1.and(toppedUp(199), owes('r1', 200), held(ofObligation('r1'), 199));
    short.when(collect('r1')).then(paid('r1'), debited('r1', { fromHeld: 199, outstanding: 1 }));
    short
      .and(paid('r1'), debited('r1', { fromHeld: 199, outstanding: 1 }))
      .when(topUp(500, 't2'))
      .then(toppedUp(500, 't2'), debited('r1', { fromDeposit: 1 }));
    account1.and(owes('r1', 200)).when(collect('r1')).then(paid('r1'));
  });
  it('takes nothing twice', () => {
    account1.and(owes('r1', 200), paid('r1')).when(collect('r1')).thenNothing();
    account1
      .and(toppedUp(500), owes('r1', 200), paid('r1'), debited('r1', { fromDeposit: 200 }))
      .when(collect('r1'))
      .thenNothing();
  });
  it('does nothing for a refund that left no obligation', () => {
    account1.and(toppedUp(500)).when(collect('r1')).thenNothing();
  });
  it('never touches what is held for another', () => {
    account1
      .and(toppedUp(100), noted('c2', 60), held(ofCase('c2'), 60), owes('r3', 40), held(ofObligation('r3'), 40), owes('r1', 90))
      .when(collect('r1'))
      .then(paid('r1'));
  });
  it('goes on with the next command when more obligations wait than one append can carry', () => {
    const many = Array.from({ length: maxSweepEvents + 10 }, (_, i) => [owes(`r${i}`, 1), paid(`r${i}`)]).flat();
    const first = account1.and(...many).when(topUp(2000, 't1'));
    expect(first.events).toHaveLength(maxSweepEvents + 1);
    account1
      .and(...many, ...first.events)
      .when(collect(`r${maxSweepEvents}`))
      .then(...Array.from({ length: 10 }, (_, i) => debited(`r${maxSweepEvents + i}`, { fromDeposit: 1 })));
  });
});

describe('a settlement', () => {
  it('draws what is asked for, or everything payable', () => {
    account1.and(credited(90)).when(draw('p1')).then(drawn('p1', 90));
    account1.and(credited(90)).when(draw('p1', 40)).then(drawn('p1', 40));
    account1.and(credited(90)).when(draw('p1', 90)).then(drawn('p1', 90));
  });
  it('goes to the payee of the newest terms', () => {
    const moved = event('DepositAgreed', { ...agreed(2).data, payee: 'vault:p2', rail: 'wechatpay' });
    account1
      .and(credited(90), moved)
      .when(draw('p1'))
      .then(event('SettlementDrawn', { ...drawn('p1', 90).data, payee: 'vault:p2', rail: 'wechatpay' }));
  });
  it('never draws more than is payable, and never the deposit', () => {
    account1.and(credited(90)).when(draw('p1', 91)).thenRejected('MoreThanPayable');
    account1.and(credited(90)).when(draw('p1', 0)).thenRejected('AmountNotPositive');
    account1.and(toppedUp(500)).when(draw('p1')).thenRejected('NothingPayable');
    account1
      .and(credited(90))
      .when({ type: 'DrawSettlement', payoutId: 'p1', amount: fen(1, 'USD') })
      .thenRejected('AssetMismatch');
  });
  it('waits while an obligation or a case is open', () => {
    const credited90 = account1.and(credited(90));
    credited90.and(owes('r1', 200)).when(draw('p1')).thenRejected('ObligationOutstanding');
    credited90.and(noted('c1', 0)).when(draw('p1')).thenRejected('ObligationOutstanding');
    credited90.and(noted('c1', 0), noteEnded('c1')).when(draw('p1')).then(drawn('p1', 90));
    account1.and(owes('r1', 20), paid('r1'), credited(90), payableDebited('r1', 20)).when(draw('p1')).then(drawn('p1', 70));
  });
  it('is drawn once per payout', () => {
    account1.and(credited(90), drawn('p1', 40)).when(draw('p1', 40)).thenNothing();
    account1.and(credited(90), drawn('p1', 40), returned('p1', 40)).when(draw('p1', 40)).thenNothing();
  });
  it('that cannot be paid comes back, once, and pays what is outstanding', () => {
    const away = account1.and(credited(90), drawn('p1', 90));
    away.when(giveBack('p1')).then(returned('p1', 90));
    away.and(returned('p1', 90)).when(giveBack('p1')).thenNothing();
    away.when(giveBack('p2')).thenRejected('PayoutUnknown');
    away.and(owes('r1', 30), paid('r1')).when(giveBack('p1')).then(returned('p1', 90), payableDebited('r1', 30));
  });
  it('comes back also when the account has forgotten it, to where such payouts come from', () => {
    const forgotten = (kind: 'settlement' | 'withdrawal', amount: number): DepositCommand => ({
      type: 'ReturnDraw',
      payoutId: 'p9',
      draw: { kind, amount: fen(amount) },
    });
    account1.when(forgotten('settlement', 90)).then(returned('p9', 90));
    account1.when(forgotten('withdrawal', 90)).then(returned('p9', 0, 90));
    account1.when(forgotten('settlement', 0)).thenRejected('AmountNotPositive');
    account1.and(credited(90), drawn('p9', 90), returned('p9', 90)).when(forgotten('settlement', 90)).thenNothing();
  });
});

describe('a withdrawal of the deposit', () => {
  const rich = account1.and(toppedUp(1500));
  const waiting = rich.and(requested('w1', 500));

  it('takes what is free above the minimum, and waits for seven days', () => {
    rich.when(withdraw('w1', 500)).then(requested('w1', 500));
    rich.when(withdraw('w1', 501)).thenRejected('MoreThanFree');
    rich.when(withdraw('w1', 0)).thenRejected('AmountNotPositive');
    rich.when(withdraw('w1', -1)).thenRejected('AmountNotPositive');
    rich.when({ type: 'RequestWithdrawal', payoutId: 'w1', amount: fen(1, 'USD') }).thenRejected('AssetMismatch');
    account1.and(toppedUp(900), credited(900)).when(withdraw('w1', 1)).thenRejected('MoreThanFree');
  });
  it('waits as long as the terms say', () => {
    account1
      .and(event('DepositAgreed', { ...agreed(2).data, coolingOffHours: 24 }), toppedUp(1500))
      .when(withdraw('w1', 500))
      .then(event('WithdrawalRequested', { ...requested('w1', 500).data, until: days(1) }));
  });
  it('is refused while an obligation or a case is open, or another one waits', () => {
    rich.and(owes('r1', 1), paid('r1')).when(withdraw('w1', 1)).thenRejected('ObligationOutstanding');
    rich.and(noted('c1', 0)).when(withdraw('w1', 1)).thenRejected('ObligationOutstanding');
    waiting.when(withdraw('w2', 1)).thenRejected('WithdrawalPending');
    waiting.when(withdraw('w1', 500)).thenNothing();
  });
  it('leaves one millisecond after its cooling-off, not at its end, and once', () => {
    waiting.when(passed(days(7))).thenNothing();
    const late = afterMs(days(7));
    waiting.when(passed(late)).then(withdrawn('w1', 500, late));
    waiting
      .and(withdrawn('w1', 500, late))
      .when(passed(days(8)))
      .thenNothing();
  });
  it('leaves late after a pause, for the moment at which it left', () => {
    waiting.when(passed(days(30))).then(withdrawn('w1', 500, days(30)));
  });
  it('may be cancelled by the merchant until it is drawn', () => {
    waiting.when({ type: 'CancelWithdrawal', payoutId: 'w1' }).then(cancelledFor('w1', 'merchant'));
    waiting.and(cancelledFor('w1', 'merchant')).when({ type: 'CancelWithdrawal', payoutId: 'w1' }).thenRejected('WithdrawalOver');
    waiting
      .and(withdrawn('w1', 500, days(8)))
      .when({ type: 'CancelWithdrawal', payoutId: 'w1' })
      .thenRejected('WithdrawalOver');
    rich.when({ type: 'CancelWithdrawal', payoutId: 'w1' }).thenRejected('PayoutUnknown');
    waiting
      .and(cancelledFor('w1', 'merchant'))
      .when(passed(days(8)))
      .thenNothing();
  });
  it('gives way to a new obligation in its cooling-off; one already drawn stands', () => {
    waiting.when(open('r1', 200)).then(owes('r1', 200), cancelledFor('w1', 'obligation', 'r1'), held(ofObligation('r1'), 200));
    const away = waiting.and(withdrawn('w1', 500, days(8)));
    away.when(open('r1', 1200)).then(owes('r1', 1200), held(ofObligation('r1'), 1000));
  });
  it('and a debit in the same millisecond lose nothing in either order', () => {
    const late = afterMs(days(7));
    const owed = (state: typeof rich) => state.and(...state.when({ ...open('r1', 1200), at: late }).events);
    const left = (state: typeof rich) => state.and(...state.when(passed(late)).events);
    const collected = (state: typeof rich) => state.and(...state.when({ ...collect('r1'), at: late }).events);
    expect(collected(owed(left(waiting))).state).toMatchObject({
      deposit: fen(0),
      held: fen(0),
      draws: new Map([['w1', { fromDeposit: fen(500) }]]),
      obligations: [{ outstanding: fen(200) }],
    });
    expect(collected(left(owed(waiting))).state).toMatchObject({
      deposit: fen(300),
      held: fen(0),
      draws: new Map(),
      leaving: undefined,
      obligations: [],
    });
  });
  it('waits for a case that was opened in the meantime, and leaves with its end', () => {
    const late = afterMs(days(7));
    const inTheWay = waiting.and(noted('c1', 200), held(ofCase('c1'), 200));
    inTheWay.when(passed(late)).then(cooledOff('w1', late));
    const over = inTheWay.and(cooledOff('w1', late));
    over.when(passed(days(8))).thenNothing();
    over.when(endNote('c1')).then(noteEnded('c1'), released('c1', 200), withdrawn('w1', 500, at));
    over
      .when(open('r1', 200, 'c1'))
      .then(owes('r1', 200, 'c1'), cancelledFor('w1', 'obligation', 'r1'), reassigned('c1', 'r1', 200));
  });
  it('is cancelled at its end when the terms demand more by then', () => {
    const stricter = waiting.and(event('DepositAgreed', { ...agreed(2).data, minimum: fen(1200) }));
    stricter.when(passed(days(8))).then(cancelledFor('w1', 'minimum', undefined, days(8)));
  });
  it('comes back when its payout is given up, once, and pays what is outstanding', () => {
    const away = waiting.and(withdrawn('w1', 500, days(8)));
    away.when(giveBack('w1')).then(returned('w1', 0, 500));
    away
      .and(returned('w1', 0, 500))
      .when(giveBack('w1'))
      .thenNothing();
    away
      .and(owes('r1', 30), paid('r1'), debited('r1', { fromDeposit: 10, outstanding: 20 }))
      .when(giveBack('w1'))
      .then(returned('w1', 0, 500), debited('r1', { fromDeposit: 20 }));
  });
  it('does not touch a top-up that comes while it is on its way', () => {
    const away = waiting.and(withdrawn('w1', 500, days(8)));
    away.when(topUp(70)).then(toppedUp(70, 't9'));
    away.when({ type: 'ConfirmDraw', payoutId: 'w1' }).then(drawPaid('w1'));
    away.and(drawPaid('w1')).when({ type: 'ConfirmDraw', payoutId: 'w1' }).thenNothing();
  });
});

describe('a merchant who leaves', () => {
  const close: DepositCommand = { type: 'CloseAccount', payoutId: 'x1' };
  const late = afterMs(days(7));
  const leaving = account1.and(toppedUp(1500), closing);

  it('gets deposit and proceeds in one payment after the cooling-off, and the account is closed', () => {
    account1.and(toppedUp(1500)).when(close).then(closing);
    leaving.when(close).thenNothing();
    leaving.when({ type: 'CloseAccount', payoutId: 'x2' }).thenRejected('WithdrawalPending');
    leaving.when(passed(days(7))).thenNothing();
    leaving
      .and(credited(90))
      .when(passed(late))
      .then(withdrawn('x1', 1500, late, 90), closed(late));
  });
  it('whose account is empty needs no payment', () => {
    account1.and(closing).when(passed(late)).then(closed(late));
  });
  it('takes the place of a withdrawal that waits, and may stay after all', () => {
    account1.and(toppedUp(1500), requested('w1', 500)).when(close).then(cancelledFor('w1', 'closing'), closing);
    leaving.when({ type: 'CancelWithdrawal', payoutId: 'x1' }).then(cancelledFor('x1', 'merchant'));
    leaving.when(withdraw('w2', 1)).thenRejected('WithdrawalPending');
  });
  it('still gets the proceeds of late releases', () => {
    leaving.when(credit(90)).then(credited(90, 9));
    leaving.when(topUp(90)).then(toppedUp(90, 't9'));
  });
  it('waits for obligations: the last one that is settled lets the rest go', () => {
    const owing = leaving.and(owes('r1', 200), held(ofObligation('r1'), 200));
    account1
      .and(toppedUp(1500), owes('r1', 200), held(ofObligation('r1'), 200))
      .when(close)
      .then(closing);
    owing.when(passed(late)).then(cooledOff('x1', late));
    owing
      .and(cooledOff('x1', late))
      .when(collect('r1'))
      .then(paid('r1'), debited('r1', { fromHeld: 200 }), withdrawn('x1', 1300, at), closed(at));
    owing.when(open('r2', 100)).then(owes('r2', 100), held(ofObligation('r2'), 100));
  });
  it('waits for settlements and withdrawals that are on their way', () => {
    const settling = account1.and(toppedUp(100), credited(90), drawn('p1', 40), closing);
    settling.when(passed(late)).then(cooledOff('x1', late));
    const over = settling.and(cooledOff('x1', late));
    over.when({ type: 'ConfirmDraw', payoutId: 'p1' }).then(drawPaid('p1'), withdrawn('x1', 100, at, 50), closed(at));
    over.when(giveBack('p1')).then(returned('p1', 40), withdrawn('x1', 100, at, 90), closed(at));
  });

  const gone = leaving.and(withdrawn('x1', 1500, late), closed(late));
  it('finds the account closed', () => {
    gone.when(topUp(1)).thenRejected('AccountClosed');
    gone.when(draw('p1')).thenRejected('AccountClosed');
    gone.when(withdraw('w1', 1)).thenRejected('AccountClosed');
    gone.when({ type: 'CloseAccount', payoutId: 'x2' }).thenRejected('AccountClosed');
    gone.when(passed(days(9))).thenNothing();
  });
  it('has late proceeds credited all the same, less what he owes, and asks for the rest by closing again', () => {
    gone.when(credit(90)).then(credited(90, 9));
    gone.and(owes('r1', 20), paid('r1')).when(credit(90)).then(credited(90, 9), payableDebited('r1', 20));
    gone
      .and(credited(90))
      .when({ type: 'CloseAccount', payoutId: 'x2' })
      .then(event('ClosingRequested', { ...closing.data, payoutId: 'x2' }));
  });
  it('is owed what the rail gives back, and opens the account again by agreeing to new terms', () => {
    gone.when(giveBack('x1')).then(returned('x1', 0, 1500));
    gone.when(agree(2)).then(agreed(2));
    gone.and(agreed(2)).when(topUp(1)).then(toppedUp(1, 't9'));
  });
});

describe('a write-off', () => {
  const owing = account1.and(owes('r1', 200), paid('r1'));
  const asked = owing.and(proposed('r1', 200));

  it('is proposed by one person and approved by another', () => {
    owing.when(propose('r1', 'chen')).then(proposed('r1', 200));
    asked.when(approve('r1', 'zhou')).then(writtenOff('r1', 200));
    asked.when(approve('r1', 'chen')).thenRejected('SameSubject');
    owing.when(approve('r1', 'zhou')).thenRejected('NotProposed');
    asked.when(propose('r1', 'chen')).thenNothing();
    asked.when(propose('r1', 'zhou')).thenRejected('AlreadyProposed');
  });
  it('is for what is outstanding of a refund that was paid', () => {
    account1.and(owes('r1', 200)).when(propose('r1', 'chen')).thenRejected('RefundNotPaid');
    account1.when(propose('r1', 'chen')).thenRejected('ObligationUnknown');
    asked
      .and(toppedUp(50), debited('r1', { fromDeposit: 50, outstanding: 150 }))
      .when(approve('r1', 'zhou'))
      .then(writtenOff('r1', 150));
    asked
      .and(toppedUp(200), debited('r1', { fromDeposit: 200 }))
      .when(approve('r1', 'zhou'))
      .thenRejected('ObligationUnknown');
  });
  it('is made once, and the obligation is not opened again', () => {
    const over = asked.and(writtenOff('r1', 200));
    over.when(approve('r1', 'zhou')).thenRejected('ObligationUnknown');
    over.when(open('r1', 200)).thenNothing();
    over.when(collect('r1')).thenNothing();
  });
  it('is taken up again by money that comes later, for exactly what it covers', () => {
    const over = asked.and(writtenOff('r1', 200));
    over.when(topUp(50)).then(toppedUp(50, 't9'), reinstated('r1', 50, 150), debited('r1', { fromDeposit: 50 }));
    over
      .and(toppedUp(50), reinstated('r1', 50, 150), debited('r1', { fromDeposit: 50 }))
      .when(credit(500))
      .then(credited(500, 9), reinstated('r1', 150, 0), payableDebited('r1', 150));
  });
  it('comes after everything that is still owed, oldest first', () => {
    account1
      .and(owes('r1', 200), paid('r1'), proposed('r1', 200), writtenOff('r1', 200))
      .and(owes('r2', 100), paid('r2'), proposed('r2', 100), writtenOff('r2', 100))
      .and(owes('r3', 30), paid('r3'), owes('r4', 40))
      .when(topUp(320))
      .then(
        toppedUp(320, 't9'),
        debited('r3', { fromDeposit: 30 }),
        held(ofObligation('r4'), 40),
        reinstated('r1', 200, 0),
        debited('r1', { fromDeposit: 200 }),
        reinstated('r2', 50, 50),
        debited('r2', { fromDeposit: 50 }),
      );
  });
});

describe('the agreed minimum', () => {
  it('is told of when deposit and holds fall below it, and when they are above it again', () => {
    const met = account1.and(toppedUp(1100));
    const owing = met.and(owes('r1', 300), held(ofObligation('r1'), 300));
    met.when(open('r1', 300)).then(owes('r1', 300), held(ofObligation('r1'), 300));
    owing.when(collect('r1')).then(paid('r1'), debited('r1', { fromHeld: 300 }), fellShort(200));
    const short = owing.and(paid('r1'), debited('r1', { fromHeld: 300 }), fellShort(200));
    short.when(topUp(199)).then(toppedUp(199, 't9'));
    short.when(topUp(200)).then(toppedUp(200, 't9'), cured);
  });
  it('is not fallen below by who never reached it', () => {
    account1.when(topUp(999)).then(toppedUp(999, 't9'));
    account1
      .and(toppedUp(999))
      .when(open('r1', 5))
      .then(owes('r1', 5), held(ofObligation('r1'), 5));
  });
  it('may be raised or lowered by new terms', () => {
    const met = account1.and(toppedUp(1100));
    const higher = { ...agree(2), minimum: fen(1500) } as DepositCommand;
    met.when(higher).then(event('DepositAgreed', { ...agreed(2).data, minimum: fen(1500) }), fellShort(400, 1500));
    account1
      .and(toppedUp(1000), owes('r1', 300), paid('r1'), debited('r1', { fromDeposit: 300 }), fellShort(300))
      .when({ ...agree(2), minimum: fen(700) } as DepositCommand)
      .then(
        event('DepositAgreed', { ...agreed(2).data, minimum: fen(700) }),
        event('ShortfallCured', { ...account, minimum: fen(700), curedAt: at }),
      );
  });
});

it('a settlement that came back under an earlier build is read as it was stored', () => {
  const away = account1.and(credited(90), drawn('p1', 90));
  const back = away.and(event('SettlementReturned', { ...account, payoutId: 'p1', amount: fen(90) }));
  expect(back.state).toMatchObject({ payable: fen(90), draws: new Map() });
  back.when(giveBack('p1')).thenNothing();
});

describe('a refund that the fund has no money for', () => {
  const parties = { ...account, buyer: 'b1', payee: 'vault:b1', rail: 'alipay' };
  const refund = (refundId: string, caseId?: string) => ({
    ...parties,
    refundId,
    orderId: 'o1',
    ...(caseId === undefined ? {} : { caseId }),
  });
  const ask = (refundId: string, share: number, caseId?: string): DepositCommand => ({
    type: 'FundRefund',
    ...refund(refundId, caseId),
    share: fen(share),
    fromFees: fen(5),
    total: fen(share + 5),
  });
  const funded = (refundId: string, fromHeld: number, fromDeposit: number, caseId?: string) =>
    event('RefundFundedFromDeposit', {
      ...refund(refundId, caseId),
      fromHeld: fen(fromHeld),
      fromDeposit: fen(fromDeposit),
      fromFees: fen(5),
      amount: fen(fromHeld + fromDeposit + 5),
      total: fen(fromHeld + fromDeposit + 5),
      fundedAt: at,
    });
  const declined = (because: 'no-account' | 'account-closed' | 'not-covered', amount: number) =>
    event('HandOverDeclined', { ...account, refundId: 'r1', orderId: 'o1', amount: fen(amount), because, declinedAt: at });
  const fundingPaid = event('DepositFundingPaid', { ...account, refundId: 'r1', orderId: 'o1', amount: fen(205), paidAt: at });
  const fundingRevoked = event('DepositFundingRevoked', {
    ...account,
    refundId: 'r1',
    orderId: 'o1',
    toDeposit: fen(200),
    toFees: fen(5),
    amount: fen(205),
    revokedAt: at,
  });
  const fellShort = (shortfall: number) =>
    event('DepositFellShort', { ...account, minimum: fen(1000), shortfall: fen(shortfall), fellAt: at });

  it('is paid out of the hold of its case first, and the rest of that hold is free again', () => {
    const noted300 = account1.and(toppedUp(2000), noted('c1', 300), held(ofCase('c1'), 300));
    noted300.when(ask('r1', 200, 'c1')).then(funded('r1', 200, 0, 'c1'), released('c1', 100));
    account1
      .and(toppedUp(2000), noted('c1', 150), held(ofCase('c1'), 150))
      .when(ask('r1', 200, 'c1'))
      .then(funded('r1', 150, 50, 'c1'));
    account1
      .and(toppedUp(2000))
      .when(ask('r1', 200))
      .then(funded('r1', 0, 200));
  });
  it('is paid as a whole or not at all: one fen short, and it goes on waiting for the fund', () => {
    account1
      .and(toppedUp(200))
      .when(ask('r1', 200))
      .then(funded('r1', 0, 200));
    account1.and(toppedUp(199)).when(ask('r1', 200)).then(declined('not-covered', 200));
  });
  it('does not touch the hold of another case, nor proceeds', () => {
    account1
      .and(toppedUp(300), noted('c2', 200), held(ofCase('c2'), 200), credited(500))
      .when(ask('r1', 200, 'c1'))
      .then(declined('not-covered', 200));
  });
  it('of a merchant without an account, or with a closed one, goes on waiting, and his first agreement is taken as ever', () => {
    unopened.when(ask('r1', 200)).then(declined('no-account', 200));
    unopened.and(declined('no-account', 200)).when(agree(1)).then(periodOpened, agreed(1));
    account1
      .and(closing, closed(days(8)))
      .when(ask('r1', 200))
      .then(declined('account-closed', 200));
  });
  it('makes a withdrawal in its cooling-off give way, and leaves it alone where it is declined', () => {
    const leaving = account1.and(toppedUp(1100), requested('w1', 100));
    leaving.when(ask('r1', 200)).then(funded('r1', 0, 200), cancelledFor('w1', 'obligation', 'r1'), fellShort(100));
    leaving.when(ask('r1', 2000)).then(declined('not-covered', 2000));
  });
  it('is not paid with money that was drawn: that stands', () => {
    account1
      .and(toppedUp(1100), requested('w1', 1000), withdrawn('w1', 1000, days(8)))
      .when(ask('r1', 200))
      .then(declined('not-covered', 200));
  });
  it('is funded once, though it be asked for again, before and after it is paid', () => {
    const once = account1.and(toppedUp(2000), funded('r1', 0, 200));
    once.when(ask('r1', 200)).thenNothing();
    once.when(collect('r1')).then(fundingPaid);
    once.and(fundingPaid).when(collect('r1')).thenNothing();
    once.and(fundingPaid).when(ask('r1', 200)).thenNothing();
  });
  it('comes back to the deposit when it is revoked, and pays what is owed first', () => {
    account1
      .and(toppedUp(2000), funded('r1', 0, 200))
      .when({ type: 'RevokeFunding', refundId: 'r1' })
      .then(fundingRevoked);
    account1
      .and(toppedUp(1200), funded('r1', 0, 200), fundingRevoked)
      .when({ type: 'RevokeFunding', refundId: 'r1' })
      .thenNothing();
    account1
      .and(toppedUp(200), funded('r1', 0, 200), fellShort(1000), owes('r2', 50), paid('r2'))
      .when({ type: 'RevokeFunding', refundId: 'r1' })
      .then(fundingRevoked, debited('r2', { fromDeposit: 50 }));
  });
  it('keeps a closing account open until it is paid', () => {
    const leaving = account1.and(toppedUp(500), closing, funded('r1', 0, 200), fellShort(700));
    leaving.when(passed(afterMs(days(7)))).then(cooledOff('x1', afterMs(days(7))));
    leaving
      .and(cooledOff('x1', afterMs(days(7))))
      .when(collect('r1'))
      .then(fundingPaid, withdrawn('x1', 300, at), closed(at));
  });
});
