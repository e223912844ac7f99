import { fund, type Fund, type FundEvent, type FundInput, fundProcessor } from '@recourse/compensation';
import { deposit, type Deposit, type DepositCommand } from '@recourse/deposits';
import { type Action, isRejection, plusHours, type Event, type Recorded, type StreamReader } from '@recourse/eventing';
import { Books, type DomainEvent } from '@recourse/ledger';
import { money, zero } from '@recourse/money';
import { merchantAccount, refunding } from '@recourse/processes';
import fc from 'fast-check';

const fen = (minor: number) => money(BigInt(minor));
const account = { platform: 'demo', merchant: 'm1' };
const parties = { ...account, buyer: 'b1', payee: 'vault:b1', rail: 'sandbox' };
const nothingToRead: StreamReader = { read: () => Promise.resolve([]) };
type Handlers = Readonly<
  Record<string, ((event: Recorded, streams: StreamReader) => readonly Action[] | Promise<readonly Action[]>) | undefined>
>;

/** One merchant, one fund and the log between them; whoever reads it is as far behind as it is let. */
class House {
  readonly log: Recorded[] = [];
  readonly books = new Books();
  #fund: Fund = fund.initial;
  #deposit: Deposit = deposit.initial;
  #at = '2026-03-01T08:00:00.000Z';
  readonly #read = { fund: 0, account: 0, refunding: 0 };
  readonly #refunds: { readonly refundId: string; readonly share: number }[] = [];
  readonly #revoked = new Set<string>();
  readonly #payouts = new Map<string, 'requested' | 'paid'>();
  readonly #notices = { topUps: 0, withdrawals: 0 };

  constructor() {
    this.tell({ type: 'AgreeDeposit', ...account, termsVersion: 1, minimum: zero(), payee: 'vault:m1', rail: 'sandbox' });
  }

  get ofFund(): Fund {
    return this.#fund;
  }
  get ofDeposit(): Deposit {
    return this.#deposit;
  }
  readonly types = (): readonly string[] => this.log.map(({ type }) => type);

  /** A command to the merchant's account; what it refuses has not happened. */
  tell(command: DepositCommand): void {
    const decided = deposit.decide({ ...command, at: this.#at }, this.#deposit);
    if (isRejection(decided)) return;
    for (const happened of decided) this.#deposit = deposit.evolve(this.#deposit, happened);
    this.#append(...decided);
  }
  topUp(minor: number): void {
    this.tell({ type: 'TopUpDeposit', amount: fen(minor), rail: 'sandbox', transaction: `t${(this.#notices.topUps += 1)}` });
  }
  withdraw(minor: number): void {
    this.tell({ type: 'RequestWithdrawal', payoutId: `w${(this.#notices.withdrawals += 1)}`, amount: fen(minor) });
  }
  /** The cooling-off of whatever was asked for is over. */
  wait(): void {
    this.#at = plusHours(this.#at, 200);
    this.tell({ type: 'PassDepositDeadlines' });
  }
  contribute(minor: number): void {
    const data = { contributionId: 'k1', platform: 'demo', amount: fen(minor), rail: 'sandbox', transaction: 't' };
    this.#append({ type: 'ContributionApproved', data: { ...data, proposedBy: 'ann', approvedBy: 'bob', approvedAt: this.#at } });
  }
  #amounts(share: number) {
    return { fromEscrow: zero(), fromFund: fen(share), fromFees: fen(1), merchantShare: fen(share), total: fen(share + 1) };
  }
  approve(share: number): string {
    const refundId = `r${this.#refunds.length + 1}`;
    this.#refunds.push({ refundId, share });
    const { total, ...parts } = this.#amounts(share);
    const lines = [{ unitNo: 1, source: 'fund', liable: 'MERCHANT', amount: total, ...parts }];
    const ground = { kind: 'not-delivered-in-time' };
    const refund = { ...parties, refundId, orderId: 'o1', ground, lines, total, ...parts, approvedAt: this.#at };
    this.#append({ type: 'RefundApproved', data: refund });
    return refundId;
  }
  /** Once, and only while the buyer has nothing of it: its payout is barred from then on. */
  revoke(refundId: string): void {
    const refund = this.#refunds.find((one) => one.refundId === refundId);
    if (!refund || this.#revoked.has(refundId) || this.#payouts.get(refundId) === 'paid') return;
    this.#revoked.add(refundId);
    const data = { ...parties, refundId, orderId: 'o1', disputeId: 'o1.1', lines: [], ...this.#amounts(refund.share) };
    this.#append({ type: 'RefundRevoked', data: { ...data, revokedAt: this.#at } });
  }
  /** The rail pays what was requested first. */
  pay(): void {
    const next = this.#refunds.find(
      ({ refundId }) => this.#payouts.get(refundId) === 'requested' && !this.#revoked.has(refundId),
    );
    if (!next) return;
    const { refundId, share } = next;
    this.#payouts.set(refundId, 'paid');
    const purpose = { kind: 'refund', refundId, orderId: 'o1', buyer: 'b1', merchant: 'm1' };
    const transfer = { payoutId: refundId, platform: 'demo', purpose, rail: 'sandbox', amount: fen(share + 1), transferNo: 1 };
    this.#append({ type: 'PayoutSucceeded', data: { ...transfer, key: 'k', railTransferId: 'x', succeededAt: this.#at } });
  }

  /** The fund takes its next input, if there is one. */
  fundReads(): boolean {
    const input = this.#next('fund', (type) => fundProcessor.inputs.some((one) => one === type)) as
      Recorded<FundInput> | undefined;
    if (!input) return false;
    for (let command = fundProcessor.route(input)?.command; command; command = fundProcessor.onward?.(this.#fund)) {
      const decided = fund.decide({ ...command, at: this.#at }, this.#fund);
      if (isRejection(decided)) throw new Error(decided.detail);
      for (const happened of decided) this.#fund = fund.evolve(this.#fund, happened);
      this.#append(...(decided as readonly FundEvent[]));
    }
    return true;
  }
  async accountReads(): Promise<boolean> {
    const on = merchantAccount.on as Handlers;
    const event = this.#next('account', (type) => on[type] !== undefined);
    for (const action of (await (event && on[event.type]?.(event, nothingToRead))) ?? [])
      if (action.do === 'command') this.tell(action.command as DepositCommand);
    return event !== undefined;
  }
  async refundingReads(): Promise<boolean> {
    const on = refunding.on as Handlers;
    const funded = ['FundsReserved', 'RefundFundedFromDeposit'];
    const event = this.#next('refunding', (type) => funded.includes(type));
    for (const action of (await (event && on[event.type]?.(event, nothingToRead))) ?? []) {
      if (action.do !== 'command') continue;
      expect(this.#payouts.has(action.id)).toBe(false);
      this.#payouts.set(action.id, 'requested');
    }
    return event !== undefined;
  }
  /** Everybody reads on until nobody has anything left to read. */
  async settle(): Promise<void> {
    while (this.fundReads() || (await this.accountReads()) || (await this.refundingReads()));
  }

  /** What must hold whatever was the order: no money is spent twice, none is lost. */
  check(): void {
    for (const { account: name, balance } of this.books.rows())
      if (/:(?:refund|available|deposit|held|outgoing):?/.test(name) || name.includes('refund:'))
        expect([name, balance.minor >= 0n]).toEqual([name, true]);
  }
  checkAtRest(): void {
    const state = this.#fund;
    for (const { refundId, share } of this.#refunds) {
      const of = (type: string) =>
        this.log.filter((one) => one.type === type && (one.data as { refundId?: string }).refundId === refundId);
      const fundings = of('FundsReserved').length + of('RefundFundedFromDeposit').length;
      const givenBack = of('ReservationRevoked').length + of('DepositFundingRevoked').length;
      const isRevoked = this.#revoked.has(refundId);
      const isPaid = this.#payouts.get(refundId) === 'paid';
      const owed = this.books.balance(`demo/refund:${refundId}`).minor;
      expect(fundings).toBeLessThanOrEqual(1);
      expect(givenBack).toBe(isRevoked ? fundings : 0);
      expect(owed).toBe(fundings === 1 && !isRevoked && !isPaid ? BigInt(share + 1) : 0n);
      if (state.status !== 'open') continue;
      const number = state.numbers.get(refundId);
      const waits = number !== undefined && state.waiting.has(number);
      expect(waits).toBe(fundings === 0 && !isRevoked);
      // Whoever was asked has answered, and only what the buyer does not have yet is still known.
      expect(state.handedOver.get(refundId)).toBe(
        of('RefundFundedFromDeposit').length === 1 && !isRevoked && !isPaid ? 'taken' : undefined,
      );
      expect(this.#deposit.status === 'open' && this.#deposit.fundings.has(refundId)).toBe(state.handedOver.has(refundId));
    }
    if (state.status === 'open') {
      const first = state.waiting.get(state.head);
      if (first?.kind === 'reservation') expect(first.wanted.fromFund.minor).toBeGreaterThan(state.available.minor);
      expect(state.available).toEqual(this.books.balance('demo/fund:available'));
    }
    if (this.#deposit.status === 'open') expect(this.#deposit.deposit).toEqual(this.books.balance('demo/merchant:m1:deposit'));
  }

  #next(reader: 'fund' | 'account' | 'refunding', wants: (type: string) => boolean): Recorded | undefined {
    while (this.#read[reader] < this.log.length) {
      const event = this.log[this.#read[reader]]!;
      this.#read[reader] += 1;
      if (wants(event.type)) return event;
    }
    return undefined;
  }
  #append(...events: readonly Event[]): void {
    for (const event of events) {
      this.books.apply(event as DomainEvent);
      this.check();
      const position = BigInt(this.log.length + 1);
      const actor = { subject: 's', role: 'system', party: 'p', platform: 'demo' } as const;
      const times = { recordedAt: this.#at, effectiveAt: this.#at };
      const metadata = { commandId: 'c', correlationId: 'c', actor, schemaVersion: 1, ...times };
      this.log.push({ ...event, id: `e${position}`, stream: 'house-1', revision: position, position, metadata });
    }
  }
}

type Step =
  | { readonly do: 'fund' | 'account' | 'refunding' | 'pay' | 'wait' }
  | { readonly do: 'approve' | 'topUp' | 'withdraw' | 'contribute'; readonly fen: number }
  | { readonly do: 'revoke'; readonly pick: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constantFrom('fund' as const, 'account' as const, 'refunding' as const, 'pay' as const, 'wait' as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('approve' as const, 'topUp' as const, 'withdraw' as const, 'contribute' as const),
      fen: fc.integer({ min: 1, max: 60 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('revoke' as const), pick: fc.integer({ min: 1, max: 8 }) }) },
);
async function take(house: House, one: Step): Promise<void> {
  switch (one.do) {
    case 'fund':
      return void house.fundReads();
    case 'account':
      return void (await house.accountReads());
    case 'refunding':
      return void (await house.refundingReads());
    case 'pay':
      return house.pay();
    case 'wait':
      return house.wait();
    case 'approve':
      return void house.approve(one.fen);
    case 'topUp':
      return house.topUp(one.fen);
    case 'withdraw':
      return house.withdraw(one.fen);
    case 'contribute':
      return house.contribute(one.fen);
    case 'revoke':
      return house.revoke(`r${one.pick}`);
  }
}

describe('a refund between the fund and the deposit', () => {
  it('is funded once, by one of them, in whatever order they read the log and whatever happens meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        const house = new House();
        for (const one of steps) await take(house, one);
        await house.settle();
        house.checkAtRest();
        for (let left = steps.length; left > 0; left -= 1) house.pay();
        await house.settle();
        house.checkAtRest();
      }),
      { numRuns: 1_000 },
    );
  });

  const asked = async (depositHas: number, share = 50): Promise<House> => {
    const house = new House();
    if (depositHas > 0) house.topUp(depositHas);
    house.approve(share);
    house.fundReads();
    while (house.fundReads());
    expect(house.types().at(-1)).toBe('ReservationHandedOver');
    return house;
  };

  it('is paid by the deposit although a withdrawal was asked for before the question came', async () => {
    const house = await asked(60);
    house.withdraw(60);
    await house.settle();
    expect(house.types().slice(-4)).toEqual([
      'WithdrawalRequested',
      'RefundFundedFromDeposit',
      'WithdrawalCancelled',
      'ReservationTakenOver',
    ]);
  });
  it('goes on waiting where the withdrawal had left before the question came', async () => {
    const house = await asked(60);
    house.withdraw(60);
    house.wait();
    await house.settle();
    expect(house.types().slice(-4)).toEqual([
      'WithdrawalRequested',
      'WithdrawalDrawn',
      'HandOverDeclined',
      'ReservationHandedBack',
    ]);
    house.checkAtRest();
  });
  it('is paid by a top-up that the deposit took before it answered, and asked for again by one that came after', async () => {
    const before = await asked(0);
    before.topUp(50);
    await before.settle();
    expect(before.types()).not.toContain('HandOverDeclined');
    const after = await asked(0);
    await after.accountReads();
    after.topUp(50);
    await after.settle();
    expect(after.types().slice(-7)).toEqual([
      'HandOverDeclined',
      'DepositToppedUp',
      'ReservationHandedBack',
      'HandOversRenewed',
      'ReservationHandedOver',
      'RefundFundedFromDeposit',
      'ReservationTakenOver',
    ]);
  });
  it('leaves money that arrives while it is handed over to those behind it, and takes its old place when it comes back', async () => {
    const house = await asked(0, 50);
    house.contribute(49);
    const second = house.approve(10);
    while (house.fundReads());
    expect(house.log.at(-1)).toMatchObject({ type: 'FundsReserved', data: { refundId: second } });
    await house.accountReads();
    house.contribute(11);
    house.approve(1);
    await house.settle();
    const reserved = house.log
      .filter(({ type }) => type === 'FundsReserved')
      .map(({ data }) => (data as { refundId: string }).refundId);
    expect(reserved).toEqual(['r2', 'r1']);
    house.checkAtRest();
  });
  it('that is revoked while the deposit is asked goes back to it, should it have funded it', async () => {
    const house = await asked(60);
    house.revoke('r1');
    await house.settle();
    expect(house.types().slice(-5)).toEqual([
      'RefundRevoked',
      'ReservationWithdrawn',
      'RefundFundedFromDeposit',
      'HandOverRevoked',
      'DepositFundingRevoked',
    ]);
    house.checkAtRest();
  });
});
