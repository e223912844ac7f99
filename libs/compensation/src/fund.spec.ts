import { type EventOf, eventsOf, fold, isRejection, type Recorded, specify } from '@recourse/eventing';
import { add, money, type Money, zero } from '@recourse/money';
import type { OrderEvent } from '@recourse/orders/events';
import fc from 'fast-check';
import { fund, type Fund, type FundCommand, type FundEvent, type FundInput, fundProcessor, lineOf } from './fund.js';

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
    expect(lineOf(state).map(({ refundId }) => refundId)).toEqual(['r2', 'r4']);
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
          const waiting = queue.map(({ refundId }) => refundId);
          expect([...funded, ...waiting]).toEqual(inOrder.slice(0, funded.length + waiting.length));
          if (queue[0]) expect(queue[0].fromFund.minor).toBeGreaterThan(available.minor);
        });
      }),
      { numRuns: 100 },
    );
  });
});
