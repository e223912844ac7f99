import { type EventOf, eventsOf, fold, isRejection, type Recorded, specify } from '@recourse/eventing';
import { add, money, type Money, zero } from '@recourse/money';
import type { OrderEvent } from '@recourse/orders/events';
import fc from 'fast-check';
import { fund, type FundCommand, type FundEvent, type FundInput, fundProcessor } from './fund.js';
import { type Fund, lineOf } from './fund-state.js';

const at = '2026-03-01T08:00:00.000Z';
const fen = (minor: number, asset = 'CNY'): Money => money(BigInt(minor), asset);
const event = eventsOf<FundEvent>();
type Approved = EventOf<OrderEvent, 'RefundApproved'>;

const parties = { platform: 'demo', merchant: 'm1', buyer: 'b1', payee: 'vault:b1', rail: 'alipay' };
interface Wanted {
  fromFund: number;
  fromFees?: number;
  share?: number;
  fromEscrow?: number;
  cancelled?: boolean;
  asset?: string;
}
const approved = (refundId: string, { fromFund, fromFees = 0, share = 0, fromEscrow = 0, ...rest }: Wanted): Approved => {
  const of = (minor: number) => fen(minor, rest.asset);
  const line = { unitNo: 1, liable: 'MERCHANT', fromFees: of(0), fromFund: of(0), fromEscrow: of(0) } as const;
  return {
    type: 'RefundApproved',
    data: {
      ...parties,
      refundId,
      orderId: 'o1',
      ground: rest.cancelled
        ? { kind: 'cancelled-before-delivery' }
        : { kind: 'verdict', disputeId: 'o1.1', verdictId: refundId, rule: 'dead-key' },
      lines: [
        {
          ...line,
          source: 'fund',
          amount: of(fromFund + fromFees),
          merchantShare: of(share),
          fromFund: of(fromFund),
          fromFees: of(fromFees),
        },
        {
          ...line,
          unitNo: 2,
          source: 'escrow',
          amount: of(fromEscrow),
          merchantShare: of(fromEscrow),
          fromEscrow: of(fromEscrow),
        },
      ],
      total: of(fromFund + fromFees + fromEscrow),
      fromEscrow: of(fromEscrow),
      fromFund: of(fromFund),
      fromFees: of(fromFees),
      merchantShare: of(share + fromEscrow),
      approvedAt: at,
    },
  };
};
const reservation = (refundId: string, { fromFund, fromFees = 0, share = 0, fromEscrow = 0, cancelled = false }: Wanted) => ({
  ...parties,
  refundId,
  orderId: 'o1',
  ...(cancelled ? {} : { caseId: 'o1.1' }),
  amount: fen(fromFund + fromFees),
  fromFund: fen(fromFund),
  fromFees: fen(fromFees),
  merchantShare: fen(share),
  total: fen(fromFund + fromFees + fromEscrow),
});
const contributes = (amount: number, asset = 'CNY'): FundInput => ({
  type: 'ContributionApproved',
  data: {
    contributionId: 'k1',
    platform: 'demo',
    amount: fen(amount, asset),
    rail: 'alipay',
    transaction: 't1',
    proposedBy: 'ann',
    approvedBy: 'bob',
    approvedAt: at,
  },
});
const debit = { platform: 'demo', merchant: 'm1', obligationId: 'r1', refundId: 'r1', outstanding: fen(0), debitedAt: at };
const depositDebited = (amount: number): FundInput => ({
  type: 'DepositDebited',
  data: { ...debit, fromHeld: fen(amount), fromDeposit: fen(0), amount: fen(amount) },
});
const payableDebited = (amount: number): FundInput => ({ type: 'PayableDebited', data: { ...debit, amount: fen(amount) } });
const take = (input: FundInput): FundCommand => ({ type: 'TakeInput', input });
/** What an input leads to, with everything that follows by itself, as the runner asks for it. */
const after = (history: readonly FundEvent[], ...taken: readonly FundInput[]): readonly FundEvent[] => {
  let state = fold(fund, history);
  const events: FundEvent[] = [];
  const decide = (command: FundCommand, when: string) => {
    const decided = fund.decide({ ...command, at: when }, state);
    if (isRejection(decided)) throw new Error(decided.detail);
    state = fold(fund, decided, state);
    events.push(...decided);
  };
  for (const one of taken) {
    decide(take(one), at);
    for (let more = fundProcessor.onward?.(state); more; more = fundProcessor.onward?.(state)) decide(more, at);
  }
  return events;
};

const periodOpened = event('FundPeriodOpened', { platform: 'demo', period: '0001', available: fen(0), openedAt: at });
const contributed = (amount: number) =>
  event('FundContributed', { platform: 'demo', contributionId: 'k1', amount: fen(amount), rail: 'alipay' });
const reserved = (refundId: string, wanted: Wanted) => event('FundsReserved', reservation(refundId, wanted));
const queued = (refundId: string, wanted: Wanted) => event('ReservationQueued', reservation(refundId, wanted));
const reimbursed = (amount: number, source: 'deposit' | 'payable') =>
  event('FundReimbursed', {
    platform: 'demo',
    merchant: 'm1',
    obligationId: 'r1',
    refundId: 'r1',
    amount: fen(amount),
    source,
  });

const unopened = specify(fund, at).given();
const empty = unopened.and(periodOpened);

describe('an approved refund', () => {
  it('is paid out of the fund, with the merchant’s share and the fees given back', () => {
    const wanted = { fromFund: 90, fromFees: 10, share: 90 };
    empty
      .and(contributed(100))
      .when(take(approved('r1', wanted)))
      .then(reserved('r1', wanted));
    empty
      .and(contributed(90))
      .when(take(approved('r1', wanted)))
      .then(reserved('r1', wanted));
  });
  it('waits when the fund is one fen short', () => {
    empty
      .and(contributed(89))
      .when(take(approved('r1', { fromFund: 90, fromFees: 10 })))
      .then(queued('r1', { fromFund: 90, fromFees: 10 }));
  });
  it('waits behind whoever waits already, however small it is', () => {
    const waiting = empty.and(contributed(80), queued('r1', { fromFund: 90 }));
    waiting.when(take(approved('r2', { fromFund: 1 }))).then(queued('r2', { fromFund: 1 }));
    waiting.when(take(approved('r2', { fromFund: 0, fromFees: 5 }))).then(queued('r2', { fromFund: 0, fromFees: 5 }));
  });
  it('is no matter of the fund when escrow pays all of it', () => {
    empty.when(take(approved('r1', { fromFund: 0, fromEscrow: 100 }))).thenNothing();
    unopened.when(take(approved('r1', { fromFund: 0, fromEscrow: 100 }))).thenNothing();
  });
  it('paid in part by escrow leaves recourse for the fund’s part only', () => {
    const mixed = { fromFund: 90, share: 90, fromEscrow: 50 };
    empty
      .and(contributed(100))
      .when(take(approved('r1', mixed)))
      .then(reserved('r1', mixed));
  });
  it('without a verdict names no case', () => {
    empty
      .and(contributed(100))
      .when(take(approved('r1', { fromFund: 90, cancelled: true })))
      .then(reserved('r1', { fromFund: 90, cancelled: true }));
  });
  it('is reserved once, though its approval be read twice', () => {
    const again = take(approved('r1', { fromFund: 90 }));
    empty
      .and(queued('r1', { fromFund: 90 }))
      .when(again)
      .thenNothing();
    empty
      .and(contributed(500), reserved('r1', { fromFund: 90 }))
      .when(again)
      .thenNothing();
    empty
      .and(queued('r1', { fromFund: 90 }), contributed(500), reserved('r1', { fromFund: 90 }))
      .when(again)
      .thenNothing();
  });
});

describe('money that arrives', () => {
  it('opens the fund, as does the first refund that finds none', () => {
    unopened.when(take(contributes(100))).then(periodOpened, contributed(100));
    unopened.when(take(approved('r1', { fromFund: 90 }))).then(periodOpened, queued('r1', { fromFund: 90 }));
    unopened
      .when(take(approved('r1', { fromFund: 0, fromFees: 9 })))
      .then(periodOpened, reserved('r1', { fromFund: 0, fromFees: 9 }));
  });
  it('funds as many of the waiting as it reaches, strictly in order', () => {
    const waiting = (second: number) => [
      periodOpened,
      queued('r1', { fromFund: 60 }),
      queued('r2', { fromFund: second }),
      queued('r3', { fromFund: 10 }),
    ];
    expect(after(waiting(50), contributes(100))).toEqual([contributed(100), reserved('r1', { fromFund: 60 })]);
    expect(after(waiting(40), contributes(100))).toEqual([
      contributed(100),
      reserved('r1', { fromFund: 60 }),
      reserved('r2', { fromFund: 40 }),
    ]);
  });
  it('comes back from the merchant’s deposit and payable, and goes to the next in the queue', () => {
    empty.when(take(depositDebited(40))).then(reimbursed(40, 'deposit'));
    expect(after([periodOpened, contributed(50), queued('r1', { fromFund: 90 })], payableDebited(40))).toEqual([
      reimbursed(40, 'payable'),
      reserved('r1', { fromFund: 90 }),
    ]);
  });
  it('is of the fund’s own asset', () => {
    empty.when(take(contributes(1, 'USD'))).thenRejected('AssetMismatch');
    empty.when(take(approved('r1', { fromFund: 1, asset: 'USD' }))).thenRejected('AssetMismatch');
  });
  it('is handed out one reservation at a time, however many wait, so that no decision is large', () => {
    const waiting = Array.from({ length: 2_000 }, (_, i) => queued(`q${i}`, { fromFund: 1 }));
    const rich = empty.and(...waiting).when(take(contributes(2_001)));
    rich.then(contributed(2_001));
    empty
      .and(...waiting, contributed(2_001))
      .when({ type: 'GoOn' })
      .then(reserved('q0', { fromFund: 1 }));
    expect(after([periodOpened, ...waiting], contributes(2_001))).toHaveLength(2_001);
  });
  it('goes to those who waited before it goes to whoever comes next', () => {
    empty
      .and(queued('r1', { fromFund: 60 }), contributed(100))
      .when(take(approved('r2', { fromFund: 5 })))
      .then(queued('r2', { fromFund: 5 }));
  });
});

const which = { platform: 'demo', asset: 'CNY' };
const word = { ...which, reason: 'an odd night' };
const stopped = event('FundPaused', { ...word, kind: 'kill-switch', by: 'ann', pausedAt: at });
const resumed = event('FundResumed', { ...word, by: 'bob', proposedBy: 'ann', resumedAt: at });
const limited = (daily: number | undefined, mark?: number) =>
  event('FundLimitsSet', {
    ...word,
    version: 1,
    ...(mark === undefined ? {} : { lowWaterMark: fen(mark) }),
    ...(daily === undefined ? {} : { dailyPerMerchant: fen(daily) }),
    proposedBy: 'ann',
    approvedBy: 'bob',
    setAt: at,
  });

describe('a merchant who is to be compensated', () => {
  const loss = (refundId: string, amount: number) => ({
    ...which,
    merchant: 'm1',
    refundId,
    orderId: 'o1',
    caseId: 'o1.1',
    amount: fen(amount),
  });
  const claims = (refundId: string, amount: number, asset = 'CNY'): FundInput => ({
    type: 'CompensationClaimed',
    data: {
      platform: 'demo',
      merchant: 'm1',
      refundId,
      orderId: 'o1',
      caseId: 'o1.1',
      amount: fen(amount, asset),
      recovered: fen(amount, asset),
      escrowLoss: fen(0, asset),
      claimedAt: at,
    },
  });
  const waits = (refundId: string, amount: number) => event('CompensationQueued', loss(refundId, amount));
  const compensated = (refundId: string, amount: number) => event('MerchantCompensated', loss(refundId, amount));

  it('is paid at once while there is money and nobody waits', () => {
    empty
      .and(contributed(95))
      .when(take(claims('r1', 95)))
      .then(compensated('r1', 95));
  });
  it('for a refund without a case names none', () => {
    const noCase = { platform: 'demo', merchant: 'm1', refundId: 'r1', orderId: 'o1', amount: fen(95) };
    const data = { ...noCase, recovered: fen(0), escrowLoss: fen(95), claimedAt: at };
    empty
      .and(contributed(95))
      .when(take({ type: 'CompensationClaimed', data }))
      .then(event('MerchantCompensated', { ...which, merchant: 'm1', refundId: 'r1', orderId: 'o1', amount: fen(95) }));
  });
  it('waits when the fund is one fen short, and in his turn', () => {
    empty
      .and(contributed(94))
      .when(take(claims('r1', 95)))
      .then(waits('r1', 95));
    unopened.when(take(claims('r1', 95))).then(periodOpened, waits('r1', 95));
    const line = [periodOpened, contributed(50), queued('r2', { fromFund: 60 }), waits('r1', 20), queued('r3', { fromFund: 10 })];
    expect(after(line, claims('r4', 5), contributes(15))).toEqual([
      waits('r4', 5),
      contributed(15),
      reserved('r2', { fromFund: 60 }),
    ]);
    expect(after(line, contributes(40))).toEqual([
      contributed(40),
      reserved('r2', { fromFund: 60 }),
      compensated('r1', 20),
      reserved('r3', { fromFund: 10 }),
    ]);
  });
  it('holds up the refunds behind him, as they do him', () => {
    const line = empty.and(contributed(50), waits('r1', 60));
    line.when(take(approved('r2', { fromFund: 1 }))).then(queued('r2', { fromFund: 1 }));
    expect(after([periodOpened, contributed(50), waits('r1', 60), queued('r2', { fromFund: 1 })], contributes(10))).toEqual([
      contributed(10),
      compensated('r1', 60),
    ]);
  });
  it('is compensated once, though his claim be read twice, and apart from the refund of the same name', () => {
    const again = take(claims('r1', 95));
    empty.and(waits('r1', 95)).when(again).thenNothing();
    empty.and(contributed(500), compensated('r1', 95)).when(again).thenNothing();
    empty.and(waits('r1', 95), contributed(500), compensated('r1', 95)).when(again).thenNothing();
    empty
      .and(contributed(500), reserved('r1', { fromFund: 90 }))
      .when(again)
      .then(compensated('r1', 95));
    empty
      .and(contributed(500), compensated('r1', 95))
      .when(take(approved('r1', { fromFund: 90 })))
      .then(reserved('r1', { fromFund: 90 }));
  });
  it('waits while the fund is paused, and goes on in the order in which it came', () => {
    const still = [periodOpened, contributed(100), stopped];
    const paused = event('CompensationQueued', { ...loss('r1', 40), why: 'paused' });
    const behind = event('ReservationQueued', { ...reservation('r2', { fromFund: 50 }), why: 'paused' });
    expect(after(still, claims('r1', 40), approved('r2', { fromFund: 50 }))).toEqual([paused, behind]);
    const ordered: FundInput = {
      type: 'FundResumeOrdered',
      data: { ...word, orderedBy: 'bob', proposedBy: 'ann', orderedAt: at },
    };
    expect(after([...still, paused, behind], ordered)).toEqual([
      resumed,
      compensated('r1', 40),
      reserved('r2', { fromFund: 50 }),
    ]);
  });
  it('is not held back by the daily limit of his refunds, does not count for it, and passes those who wait aside', () => {
    const rich = [periodOpened, contributed(500), limited(100)];
    const today = { countedOn: '2026-03-01' };
    const on = (refundId: string, minor: number) => ({ ...reservation(refundId, { fromFund: minor }), ...today });
    expect(
      after(rich, claims('r1', 150), approved('r2', { fromFund: 100 }), approved('r3', { fromFund: 1 }), claims('r4', 30)),
    ).toEqual([
      compensated('r1', 150),
      event('FundsReserved', on('r2', 100)),
      event('ReservationQueued', { ...on('r3', 1), why: 'velocity-limit' }),
      compensated('r4', 30),
    ]);
  });
  it('is paid in the asset of the fund', () => {
    empty.when(take(claims('r1', 95, 'USD'))).thenRejected('AssetMismatch');
  });
});

describe('a refund that came back and is owed no more', () => {
  const returns = (kind: 'refund' | 'settlement'): FundInput => ({
    type: 'PayoutReturned',
    data: {
      payoutId: 'r1',
      platform: 'demo',
      purpose:
        kind === 'refund' ? { kind, refundId: 'r1', orderId: 'o1', buyer: 'b1', merchant: 'm1' } : { kind, merchant: 'm1' },
      rail: 'alipay',
      amount: fen(100),
      returnedAt: at,
    },
  });
  const back = event('RefundReturned', { ...which, merchant: 'm1', buyer: 'b1', refundId: 'r1', amount: fen(100) });
  it('is the fund’s, and goes to the next in the line', () => {
    empty.when(take(returns('refund'))).then(back);
    unopened.when(take(returns('refund'))).then(periodOpened, back);
    expect(after([periodOpened, queued('r2', { fromFund: 90 })], returns('refund'))).toEqual([
      back,
      reserved('r2', { fromFund: 90 }),
    ]);
  });
  it('is not what a merchant was paid: that is his', () => {
    empty.when(take(returns('settlement'))).thenNothing();
    unopened.when(take(returns('settlement'))).thenNothing();
    const { route } = fundProcessor;
    expect(route(returns('settlement') as Parameters<typeof route>[0])).toBeUndefined();
    expect(route(returns('refund') as Parameters<typeof route>[0])).toMatchObject({ id: 'demo.CNY' });
  });
});

describe('a fund that stands still', () => {
  it('lets refunds wait in order and takes money; resumed it funds them in that order', () => {
    const still = [periodOpened, contributed(100), stopped];
    const paused = (refundId: string, minor: number) =>
      event('ReservationQueued', { ...reservation(refundId, { fromFund: minor }), why: 'paused' });
    expect(after(still, approved('r1', { fromFund: 60 }), approved('r2', { fromFund: 50 }), contributes(10))).toEqual([
      paused('r1', 60),
      paused('r2', 50),
      contributed(10),
    ]);
    const ordered: FundInput = {
      type: 'FundResumeOrdered',
      data: { ...word, orderedBy: 'bob', proposedBy: 'ann', orderedAt: at },
    };
    expect(after([...still, paused('r1', 60), paused('r2', 50), contributed(10)], ordered)).toEqual([
      resumed,
      reserved('r1', { fromFund: 60 }),
      reserved('r2', { fromFund: 50 }),
    ]);
  });
});

describe('the low-water mark', () => {
  const level = (minor: number) => ({ ...which, available: fen(minor), lowWaterMark: fen(50), at });
  it('is told once when the money falls below it, and once when it is back at it', () => {
    const rich = [periodOpened, contributed(100), limited(undefined, 50)];
    expect(
      after(rich, approved('r1', { fromFund: 50 }), approved('r2', { fromFund: 1 }), approved('r3', { fromFund: 1 })),
    ).toEqual([
      reserved('r1', { fromFund: 50 }),
      reserved('r2', { fromFund: 1 }),
      event('FundRanLow', level(49)),
      reserved('r3', { fromFund: 1 }),
    ]);
    const low = [...rich, reserved('r1', { fromFund: 52 }), event('FundRanLow', level(48))];
    expect(after(low, contributes(1), contributes(1), contributes(1))).toEqual([
      contributed(1),
      contributed(1),
      event('FundRecovered', level(50)),
      contributed(1),
    ]);
  });
  it('is not told of money that goes out again at once', () => {
    const waiting = [periodOpened, limited(undefined, 50), event('FundRanLow', level(0)), queued('r1', { fromFund: 60 })];
    expect(after(waiting, contributes(100))).toEqual([contributed(100), reserved('r1', { fromFund: 60 })]);
  });
});

describe('beyond the daily limit of its merchant', () => {
  const today = { countedOn: '2026-03-01' };
  const on = (refundId: string, minor: number, extra: object = today) => ({
    ...reservation(refundId, { fromFund: minor }),
    ...extra,
  });
  const held = (refundId: string, minor: number) => event('ReservationQueued', { ...on(refundId, minor), why: 'velocity-limit' });
  const freed = (refundId: string, minor: number, because: 'lifted' | 'new-day' | 'new-limits', extra: object = today) =>
    event('ReservationFreed', { ...which, refundId, merchant: 'm1', fromFund: fen(minor), because, ...extra });
  const rich = [periodOpened, contributed(500), limited(100)];
  const busy = [...rich, event('FundsReserved', on('r1', 80)), held('r2', 30), held('r3', 150)];
  const began = (day: string): FundInput => ({ type: 'FundDayBegan', data: { ...which, day, begunAt: at } });

  it('a refund waits aside, and nobody behind it waits for it', () => {
    expect(
      after(rich, approved('r1', { fromFund: 80 }), approved('r2', { fromFund: 30 }), approved('r4', { fromFund: 20 })),
    ).toEqual([event('FundsReserved', on('r1', 80)), held('r2', 30), event('FundsReserved', on('r4', 20))]);
  });
  it('it goes on when a person lifts it, with his reason, and only once', () => {
    const lift: FundInput = { type: 'FundHoldLiftOrdered', data: { ...word, refundId: 'r3', orderedBy: 'ann', orderedAt: at } };
    const by = { ...today, by: 'ann', reason: 'an odd night' };
    expect(after(busy, lift, lift)).toEqual([
      event('ReservationFreed', {
        ...which,
        refundId: 'r3',
        merchant: 'm1',
        fromFund: fen(150),
        because: 'lifted',
        by: by.by,
        reason: by.reason,
        ...today,
      }),
      event('FundsReserved', on('r3', 150)),
    ]);
  });
  it('the new day lets each merchant’s go on in their order, the first one in any case', () => {
    const tomorrow = { countedOn: '2026-03-02' };
    const opened = event('FundDayOpened', { ...which, day: '2026-03-02', openedAt: at });
    expect(after(busy, began('2026-03-02'))).toEqual([
      opened,
      freed('r2', 30, 'new-day', tomorrow),
      event('FundsReserved', on('r2', 30, tomorrow)),
    ]);
    expect(after([...rich, event('FundsReserved', on('r1', 80)), held('r3', 150)], began('2026-03-02'))).toEqual([
      opened,
      freed('r3', 150, 'new-day', tomorrow),
      event('FundsReserved', on('r3', 150, tomorrow)),
    ]);
    expect(after(rich, began('2026-03-02'))).toEqual([]);
  });
  it('what is freed takes the place of its approval, ahead of whoever was approved later', () => {
    const short = [
      periodOpened,
      contributed(100),
      limited(100),
      event('FundsReserved', on('r1', 80)),
      held('r2', 30),
      queued('r4', { fromFund: 90 }),
    ];
    const lift: FundInput = { type: 'FundHoldLiftOrdered', data: { ...word, refundId: 'r2', orderedBy: 'ann', orderedAt: at } };
    const state = fold(fund, [...short, ...after(short, lift)]);
    if (state.status !== 'open') throw new Error('unopened');
    expect(lineOf(state).map(({ wanted }) => wanted.refundId)).toEqual(['r2', 'r4']);
  });
});

describe('a refund that its merchant bears and the fund has no money for', () => {
  const bears = (fromFund: number): Wanted => ({ fromFund, fromFees: 5, share: fromFund });
  const about = (refundId: string) => ({ ...which, refundId, orderId: 'o1', merchant: 'm1' });
  const waits = (refundId: string, fromFund: number) => ({ ...about(refundId), fromFund: fen(fromFund) });
  const handed = (refundId: string, fromFund: number) => event('ReservationHandedOver', reservation(refundId, bears(fromFund)));
  const funded = (refundId: string, fromFund: number): FundInput => ({
    type: 'RefundFundedFromDeposit',
    data: {
      ...parties,
      refundId,
      orderId: 'o1',
      fromHeld: fen(0),
      fromDeposit: fen(fromFund),
      fromFees: fen(5),
      amount: fen(fromFund + 5),
      total: fen(fromFund + 5),
      fundedAt: at,
    },
  });
  const ofMerchant = { platform: 'demo', merchant: 'm1', orderId: 'o1' };
  const declined = (refundId: string): FundInput => ({
    type: 'HandOverDeclined',
    data: { ...ofMerchant, refundId, amount: fen(90), because: 'not-covered', declinedAt: at },
  });
  const paid = (refundId: string): FundInput => ({
    type: 'DepositFundingPaid',
    data: { ...ofMerchant, refundId, amount: fen(95), paidAt: at },
  });
  const topUp = (merchant = 'm1'): FundInput => ({
    type: 'DepositToppedUp',
    data: { platform: 'demo', merchant, amount: fen(1), rail: 'alipay', transaction: 't', toppedUpAt: at },
  });
  const revoked = (refundId: string, wanted: Wanted): FundInput => {
    const { fromFund, fromFees = 0, share = 0 } = wanted;
    const amounts = { fromEscrow: fen(0), fromFund: fen(fromFund), fromFees: fen(fromFees), merchantShare: fen(share) };
    const refund = { ...parties, refundId, orderId: 'o1', disputeId: 'o1.1', lines: [], total: fen(fromFund + fromFees) };
    return { type: 'RefundRevoked', data: { ...refund, ...amounts, revokedAt: at } };
  };
  const askedFor = [periodOpened, queued('r1', bears(90)), handed('r1', 90)];
  const takenOver = event('ReservationTakenOver', waits('r1', 90));
  const handedBack = event('ReservationHandedBack', waits('r1', 90));
  const ended = event('HandOverEnded', about('r1'));
  const takenBack = event('HandOverRevoked', about('r1'));
  const withdrawn = event('ReservationWithdrawn', waits('r1', 90));

  it('is asked of his deposit at once, and once', () => {
    expect(after([periodOpened, contributed(89)], approved('r1', bears(90)), declined('r1'))).toEqual([
      queued('r1', bears(90)),
      handed('r1', 90),
      handedBack,
    ]);
  });
  it('is not asked of it where the platform bears a part, or only fees go back', () => {
    expect(after([periodOpened], approved('r1', { fromFund: 90, share: 89 }))).toEqual([
      queued('r1', { fromFund: 90, share: 89 }),
    ]);
    const feesOnly = { fromFund: 0, fromFees: 5 };
    expect(after([periodOpened, queued('r0', { fromFund: 1 })], approved('r1', feesOnly))).toEqual([queued('r1', feesOnly)]);
  });
  it('is asked of it when the fund goes on after a pause, and not before', () => {
    const paused = event('ReservationQueued', { ...reservation('r1', bears(90)), why: 'paused' });
    expect(after([periodOpened, stopped], approved('r1', bears(90)), topUp())).toEqual([paused]);
    const ordered: FundInput = {
      type: 'FundResumeOrdered',
      data: { ...word, orderedBy: 'bob', proposedBy: 'ann', orderedAt: at },
    };
    expect(after([periodOpened, stopped, paused], ordered)).toEqual([resumed, handed('r1', 90)]);
  });
  it('keeps its number: those behind it go on, and it goes ahead of them when it comes back', () => {
    const behind = { fromFund: 60 };
    expect(after(askedFor, contributes(50), approved('r2', behind), declined('r1'), contributes(60))).toEqual([
      contributed(50),
      queued('r2', behind),
      handedBack,
      contributed(60),
      reserved('r1', bears(90)),
    ]);
    expect(after(askedFor, contributes(70), approved('r2', behind))).toEqual([contributed(70), reserved('r2', behind)]);
  });
  it('is asked for again when this merchant topped up while it waits, and not when another did', () => {
    const renewed = event('HandOversRenewed', { ...which, merchant: 'm1' });
    expect(after([...askedFor, handedBack], topUp('m2'), topUp())).toEqual([renewed, handed('r1', 90)]);
    expect(after(askedFor, topUp())).toEqual([]);
    expect(after([periodOpened], topUp())).toEqual([]);
  });
  it('is the deposit’s once it took it over, whatever money comes to the fund, until the buyer has it', () => {
    expect(after(askedFor, funded('r1', 90), contributes(500), topUp(), paid('r1'), paid('r1'))).toEqual([
      takenOver,
      contributed(500),
      ended,
    ]);
    expect(after([...askedFor, takenOver, ended], approved('r1', bears(90)))).toEqual([]);
  });
  it('does not count against his day at the fund once his deposit paid it', () => {
    const today = { countedOn: '2026-03-01' };
    const counted = { ...reservation('r1', bears(90)), ...today };
    const limitedFund = [
      periodOpened,
      limited(100),
      event('ReservationQueued', counted),
      event('ReservationHandedOver', counted),
    ];
    const next = { fromFund: 100 };
    expect(after(limitedFund, approved('r2', next)).map(({ data }) => data)).toMatchObject([{ why: 'velocity-limit' }]);
    expect(after([...limitedFund, takenOver], approved('r2', next))).toEqual([
      event('ReservationQueued', { ...reservation('r2', next), ...today }),
    ]);
  });

  it('revoked while it waits is withdrawn, in the line or aside, and the next one goes on', () => {
    const line = [periodOpened, contributed(50), queued('r1', { fromFund: 90 }), queued('r2', { fromFund: 50 })];
    expect(after(line, revoked('r1', { fromFund: 90 }))).toEqual([withdrawn, reserved('r2', { fromFund: 50 })]);
    const aside = event('ReservationQueued', { ...reservation('r1', { fromFund: 90 }), why: 'velocity-limit' });
    expect(after([periodOpened, aside], revoked('r1', { fromFund: 90 }), contributes(100))).toEqual([
      withdrawn,
      contributed(100),
    ]);
  });
  it('revoked before the deposit answered is withdrawn, and what the deposit gave all the same goes back', () => {
    expect(after(askedFor, revoked('r1', bears(90)), funded('r1', 90))).toEqual([withdrawn, takenBack]);
    expect(after(askedFor, revoked('r1', bears(90)), declined('r1'))).toEqual([withdrawn, ended]);
  });
  it('revoked after the deposit paid it goes back there', () => {
    expect(after([...askedFor, takenOver], revoked('r1', bears(90)))).toEqual([takenBack]);
  });
  it('revoked when the fund had paid it is the fund’s again, and goes to whoever waits', () => {
    const rich = [periodOpened, contributed(90), reserved('r1', bears(90)), queued('r2', { fromFund: 80 })];
    const amounts = { fromFund: fen(90), fromFees: fen(5), merchantShare: fen(90) };
    expect(after(rich, revoked('r1', bears(90)))).toEqual([
      event('ReservationRevoked', { ...about('r1'), ...amounts }),
      reserved('r2', { fromFund: 80 }),
    ]);
    empty.when(take(revoked('r1', { fromFund: 0 }))).thenNothing();
    unopened.when(take(revoked('r1', bears(90)))).thenNothing();
  });
});

describe('the fund’s processor', () => {
  const recorded = (input: FundInput) => input as Recorded<FundInput>;
  it('leads every input to the fund of its platform and asset', () => {
    for (const input of [contributes(1), depositDebited(1), payableDebited(1), approved('r1', { fromFund: 1 })])
      expect(fundProcessor.route(recorded(input))).toEqual({ id: 'demo.CNY', command: take(input) });
    expect(fundProcessor.route(recorded(contributes(1, 'USD')))).toMatchObject({ id: 'demo.USD' });
  });
  it('passes by what escrow pays', () => {
    expect(fundProcessor.route(recorded(approved('r1', { fromFund: 0, fromEscrow: 100 })))).toBeUndefined();
  });
});

const amount = fc.integer({ min: 0, max: 200 });
const input: fc.Arbitrary<FundInput> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({ fromFund: amount, fromFees: fc.integer({ min: 0, max: 20 }), fromEscrow: amount })
      .map((w) => approved('', w)),
  },
  { weight: 1, arbitrary: amount.map((minor) => contributes(minor + 1)) },
  { weight: 1, arbitrary: amount.map((minor) => depositDebited(minor + 1)) },
  { weight: 1, arbitrary: amount.map((minor) => payableDebited(minor + 1)) },
);
/** Refund ids count up, as approvals do in the log; now and then one is read twice. */
const inputs = fc.array(fc.tuple(input, fc.boolean()), { maxLength: 80, size: 'max' }).map((drawn) =>
  drawn.flatMap(([one, twice], i): FundInput[] => {
    const named = one.type === 'RefundApproved' ? { ...one, data: { ...one.data, refundId: `r${i}` } } : one;
    return twice && named.type === 'RefundApproved' ? [named, named] : [named];
  }),
);
function live(
  taken: readonly FundInput[],
  look: (state: Extract<Fund, { status: 'open' }>, log: readonly FundEvent[]) => void,
): void {
  const log: FundEvent[] = [];
  let state: Fund = fund.initial;
  for (const one of taken) {
    for (const happened of after(log, one)) {
      state = fold(fund, [happened], state);
      log.push(happened);
      if (state.status === 'open') expect(state.available.minor).toBeGreaterThanOrEqual(0n);
    }
    if (state.status === 'open') look(state, log);
  }
}

describe('whatever reaches the fund', () => {
  it('contributed + reimbursed = available + reserved', () => {
    fc.assert(
      fc.property(inputs, (taken) => {
        live(taken, ({ available }, log) => {
          let cameIn = zero();
          let accounted = available;
          for (const { type, data } of log) {
            if (type === 'FundContributed' || type === 'FundReimbursed') cameIn = add(cameIn, data.amount);
            if (type === 'FundsReserved') accounted = add(accounted, data.fromFund);
          }
          expect(accounted).toEqual(cameIn);
        });
      }),
      { numRuns: 100 },
    );
  });

  it('refunds are funded in the order of their approvals, each once, and none waits that could be funded', () => {
    fc.assert(
      fc.property(inputs, (taken) => {
        const approvals = taken.flatMap((one) =>
          one.type === 'RefundApproved' && one.data.fromFund.minor + one.data.fromFees.minor > 0n ? [one.data.refundId] : [],
        );
        const inOrder = [...new Set(approvals)];
        live(taken, (state, log) => {
          const { available } = state;
          const queue = lineOf(state);
          const funded = log.flatMap(({ type, data }) => (type === 'FundsReserved' ? [data.refundId] : []));
          const waiting = queue.map(({ wanted }) => wanted.refundId);
          expect([...funded, ...waiting]).toEqual(inOrder.slice(0, funded.length + waiting.length));
          if (queue[0]?.kind === 'reservation') expect(queue[0].wanted.fromFund.minor).toBeGreaterThan(available.minor);
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe('a buyer who deceived or was paid twice', () => {
  const debt = { platform: 'demo', debtId: 'r1', buyer: 'b1', merchant: 'm1', refundId: 'r1', kind: 'fraud' } as const;
  const twice = { ...debt, debtId: 'r1.outside', kind: 'double-payment' } as const;
  /** As the fund says it. */
  const said = ({ platform, ...whose }: typeof debt | typeof twice) => ({ platform, asset: 'CNY', ...whose });
  const byRail = { rail: 'alipay', transaction: 't7' };
  const people = { reason: 'gone', proposedBy: 'ann', approvedBy: 'bob' };
  const overturned = (amount: Money, buyerOwes?: Money): FundInput => ({
    type: 'RefundOverturned',
    data: {
      ...parties,
      refundId: 'r1',
      orderId: 'o1',
      disputeId: 'o1.1',
      units: [1],
      amount,
      escrowLoss: amount,
      recourse: fen(0),
      ...(buyerOwes === undefined ? {} : { buyerOwes }),
      overturnedAt: at,
    },
  });
  const established = event('BuyerFraudEstablished', {
    platform: 'demo',
    asset: 'CNY',
    refundId: 'r1',
    orderId: 'o1',
    merchant: 'm1',
    buyer: 'b1',
    amount: fen(100),
  });
  const repays = (amount: number, of: typeof debt | typeof twice = debt): FundInput => ({
    type: 'BuyerDebtRepaid',
    data: { ...of, ...byRail, amount: fen(amount), outstanding: fen(0), repaidAt: at },
  });
  const comesBack = (amount: number, rest: number): FundInput => ({
    type: 'BuyerDebtReturned',
    data: { ...debt, amount: fen(amount), rest: fen(rest), outstanding: fen(0), returnedAt: at },
  });
  const fraudRepaid = (amount: number, how: typeof byRail | object = byRail) =>
    event('FraudRepaid', { ...said(debt), amount: fen(amount), ...how });
  const refundReturned = (amount: number) =>
    event('RefundReturned', {
      platform: 'demo',
      asset: 'CNY',
      merchant: 'm1',
      buyer: 'b1',
      refundId: 'r1',
      amount: fen(amount),
    });

  it('owes the fund what he got, if he still has it and deceived', () => {
    empty.when(take(overturned(fen(100), fen(100)))).then(established);
    unopened.when(take(overturned(fen(100), fen(100)))).then(periodOpened, established);
    empty.when(take(overturned(fen(100)))).thenNothing();
    empty.when(take(overturned(fen(100), fen(0)))).thenNothing();
    unopened.when(take(overturned(fen(100)))).thenNothing();
  });
  it('repays the fund, and whoever waits for it goes on', () => {
    const waiting = [periodOpened, queued('r8', { fromFund: 60 }), queued('r9', { fromFund: 60 }), established];
    expect(after(waiting, repays(100))).toEqual([fraudRepaid(100), reserved('r8', { fromFund: 60 })]);
    expect(after(waiting, comesBack(70, 50))).toEqual([
      fraudRepaid(70, {}),
      refundReturned(50),
      reserved('r8', { fromFund: 60 }),
      reserved('r9', { fromFund: 60 }),
    ]);
  });
  it('pays by the refund that came back only what he still owes; the rest is the fund’s', () => {
    empty
      .and(established)
      .when(take(comesBack(100, 0)))
      .then(fraudRepaid(100, {}));
    empty
      .and(established)
      .when(take(comesBack(0, 100)))
      .then(refundReturned(100));
  });
  it('who was paid twice repays the gateway, not the fund', () => {
    const booked = event('DoublePaymentRepaid', { ...said(twice), amount: fen(100), ...byRail });
    expect(after([periodOpened, queued('r8', { fromFund: 60 })], repays(100, twice))).toEqual([booked]);
  });
  it('is let off by two people', () => {
    for (const whose of [debt, twice])
      empty
        .when(take({ type: 'DebtWriteOffApproved', data: { ...whose, ...people, amount: fen(100), approvedAt: at } }))
        .then(event('BuyerDebtWrittenOff', { ...said(whose), amount: fen(100), ...people }));
  });
  it('owes in the asset of the fund', () => {
    empty.when(take(overturned(fen(100, 'USD'), fen(100, 'USD')))).thenRejected('AssetMismatch');
  });
});
