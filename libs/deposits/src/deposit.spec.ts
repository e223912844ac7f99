import { eventsOf, specify } from '@recourse/eventing';
import { money, type Money } from '@recourse/money';
import { deposit, type DepositCommand, type DepositEvent, maxSweepEvents } from './deposit.js';

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
const returned = (payoutId: string, amount: number) => event('SettlementReturned', { ...account, payoutId, amount: fen(amount) });

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
const giveBack = (payoutId: string): DepositCommand => ({ type: 'ReturnSettlement', payoutId });

const unopened = specify(deposit, at).given();
const account1 = unopened.and(periodOpened, agreed(1));

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
});
