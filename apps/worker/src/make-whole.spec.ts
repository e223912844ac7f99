import {
  fund,
  type Fund,
  type FundCommand,
  type FundEvent,
  type FundInput,
  fundProcessor,
  type PayoutEvent,
} from '@recourse/compensation';
import { deposit, type Deposit, type DepositCommand, type DepositEvent } from '@recourse/deposits';
import { type Event, type EventOf, isRejection, type Recorded } from '@recourse/eventing';
import { Books, type DomainEvent } from '@recourse/ledger';
import { add, money, subtract, zero } from '@recourse/money';
import { merchantAccount } from '@recourse/processes';
import fc from 'fast-check';

const fen = (minor: number) => money(BigInt(minor));
const noon = '2026-03-01T04:00:00.000Z';
const parties = { platform: 'demo', merchant: 'm1', buyer: 'b1', payee: 'person-1', rail: 'sandbox' };
/** Only what a process looks at. */
const recorded = <E extends Event>(event: E): Recorded<E> => event as unknown as Recorded<E>;
const streams = { read: () => Promise.resolve([]) };
const account = { platform: 'demo', merchant: 'm1' };
const ids = { refundId: 'demo.o1.1.v1', orderId: 'demo.o1' };

/** What else may happen on the way, each once at most and in any order. */
const happenings = ['lane', 'lane', 'lane', 'whole', 'top-up', 'propose', 'write-off', 'late top-up', 'contribution'] as const;
type Happening = (typeof happenings)[number];
interface Sale {
  /** What the merchant's deposit has, the fund's part of the refund, his escrow's part, and what comes in later. */
  readonly deposit: number;
  readonly share: number;
  readonly escrowLoss: number;
  readonly topUp: number;
  /** The fund has nothing left after the refund. */
  readonly isShort: boolean;
  readonly order: readonly Happening[];
}

/** The merchant's account and the fund as they read each other, the account's lane in the order of the log. */
class House {
  deposit: Deposit = deposit.initial;
  fund: Fund = fund.initial;
  readonly lane: Recorded<FundEvent | PayoutEvent>[] = [];
  readonly told: string[] = [];
  readonly books = new Books();

  tell(command: DepositCommand): void {
    const decided = deposit.decide({ ...command, at: noon }, this.deposit);
    if (isRejection(decided)) return;
    for (const event of decided) {
      this.deposit = deposit.evolve(this.deposit, event);
      this.note(event);
      if (isInput(event)) this.feed(event);
    }
  }

  feed(input: FundInput): void {
    this.decide({ type: 'TakeInput', input });
    for (let more = fundProcessor.onward?.(this.fund); more; more = fundProcessor.onward?.(this.fund)) this.decide(more);
  }

  private note(event: DomainEvent): void {
    this.told.push(event.type);
    this.books.apply(event);
  }

  private decide(command: FundCommand): void {
    const decided = fund.decide({ ...command, at: noon }, this.fund);
    if (isRejection(decided)) throw new Error(decided.detail);
    for (const event of decided) {
      this.fund = fund.evolve(this.fund, event);
      this.note(event);
      if (event.type === 'FundsReserved' || event.type === 'MerchantCompensated') this.lane.push(recorded<FundEvent>(event));
    }
  }

  /** The account's process acts on the next event of its lane. */
  async goOn(): Promise<void> {
    const event = this.lane.shift();
    const handle = event && (merchantAccount.on[event.type] as ((event: unknown, read: unknown) => unknown) | undefined);
    for (const action of ((await handle?.(event, streams)) ?? []) as { command: DepositCommand }[]) this.tell(action.command);
  }
}

const isInput = (
  event: DepositEvent,
): event is EventOf<DepositEvent, 'DepositDebited' | 'PayableDebited' | 'CompensationClaimed'> =>
  event.type === 'DepositDebited' || event.type === 'PayableDebited' || event.type === 'CompensationClaimed';

const contribution = (contributionId: string, minor: number): FundInput => ({
  type: 'ContributionApproved',
  data: {
    contributionId,
    platform: 'demo',
    amount: fen(minor),
    rail: 'sandbox',
    transaction: contributionId,
    proposedBy: 'ann',
    approvedBy: 'bob',
    approvedAt: noon,
  },
});
const topUp = (transaction: string, minor: number): DepositCommand => ({
  type: 'TopUpDeposit',
  amount: fen(minor),
  rail: 'sandbox',
  transaction,
});

const plenty = 100_000;
async function lived({ deposit: own, share, escrowLoss, topUp: more, isShort, order }: Sale): Promise<House> {
  const house = new House();
  house.tell({ type: 'AgreeDeposit', ...account, termsVersion: 1, minimum: fen(0), payee: 'p1', rail: 'sandbox' });
  house.tell(topUp('t1', own));
  house.feed(contribution('k1', isShort ? share : plenty));
  house.feed({
    type: 'RefundApproved',
    data: {
      ...parties,
      ...ids,
      ground: { kind: 'not-delivered-in-time' },
      lines: [
        {
          unitNo: 1,
          source: 'fund',
          liable: 'MERCHANT',
          amount: fen(share),
          fromEscrow: fen(0),
          fromFund: fen(share),
          fromFees: fen(0),
          merchantShare: fen(share),
        },
      ],
      total: fen(share),
      fromEscrow: fen(0),
      fromFund: fen(share),
      fromFees: fen(0),
      merchantShare: fen(share),
      approvedAt: noon,
    },
  });
  const paid: PayoutEvent = {
    type: 'PayoutSucceeded',
    data: {
      payoutId: ids.refundId,
      platform: 'demo',
      purpose: { kind: 'refund', ...ids, buyer: 'b1', merchant: 'm1' },
      rail: 'sandbox',
      amount: fen(share),
      transferNo: 1,
      key: 'k',
      railTransferId: 'r',
      succeededAt: noon,
    },
  };
  house.books.apply(paid);
  house.lane.push(recorded(paid));
  const steps: Record<Happening, () => void | Promise<void>> = {
    lane: () => house.goOn(),
    whole: () =>
      house.tell({ type: 'MakeWhole', obligationId: ids.refundId, ...ids, escrowLoss: fen(escrowLoss), recourse: fen(share) }),
    'top-up': () => house.tell(topUp('t2', more)),
    'late top-up': () => house.tell(topUp('t3', more)),
    propose: () => house.tell({ type: 'ProposeWriteOff', obligationId: ids.refundId, reason: 'gone', subject: 'ann' }),
    'write-off': () => house.tell({ type: 'ApproveWriteOff', obligationId: ids.refundId, subject: 'bob' }),
    contribution: () => house.feed(contribution('k2', plenty)),
  };
  for (const step of order) await steps[step]();
  while (house.lane.length > 0) await house.goOn();
  return house;
}

const sale: fc.Arbitrary<Sale> = fc.record({
  deposit: fc.integer({ min: 1, max: 300 }),
  share: fc.integer({ min: 1, max: 300 }),
  escrowLoss: fc.integer({ min: 0, max: 100 }),
  topUp: fc.integer({ min: 1, max: 100 }),
  isShort: fc.boolean(),
  order: fc.shuffledSubarray([...happenings], { minLength: happenings.length }),
});

it('whenever a verdict is overturned, the merchant ends with what he would have had, and the fund bears it', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(sale, async (one) => {
      const { deposit: account1, fund: fund1, told, books } = await lived(one);
      if (account1.status !== 'open' || fund1.status !== 'open') throw new Error('both are open');
      for (const type of told) seen.add(type);
      expect(account1).toMatchObject({ obligations: [], writtenOff: [], held: zero() });
      expect(add(account1.deposit, account1.payable)).toEqual(fen(one.deposit + 2 * one.topUp + one.escrowLoss));
      const contributed = fen((one.isShort ? one.share : plenty) + plenty);
      expect(fund1.available).toEqual(subtract(contributed, fen(one.share + one.escrowLoss)));
      expect(fund1.waiting.size).toBe(0);
      for (const settled of ['merchant:m1:recourse', 'merchant:m1:settling', 'fund:advanced', `refund:${ids.refundId}`])
        expect(books.balance(`demo/${settled}`, 'CNY')).toEqual(zero());
      expect(told.filter((type) => type === 'CompensationClaimed').length).toBeLessThan(2);
    }),
    { numRuns: 2_000 },
  );
  // All the ways there are were among them.
  for (const type of [
    'RecourseForgiven',
    'RecourseWrittenOff',
    'RecourseReinstated',
    'CompensationQueued',
    'CompensationCredited',
  ])
    expect(seen).toContain(type);
});

describe('step by step', () => {
  const all = { deposit: 100, share: 200, escrowLoss: 50, topUp: 30, isShort: true };
  const after = async (...order: Happening[]) => (await lived({ ...all, order })).told.slice(6);
  it('collected in part, overturned, compensated when the fund has money again', async () => {
    expect(await after('lane', 'lane', 'whole', 'contribution')).toEqual([
      'ObligationOpened',
      'DepositHeld',
      'ObligationRefundPaid',
      'DepositDebited',
      'FundReimbursed',
      'RecourseForgiven',
      'CompensationClaimed',
      'CompensationQueued',
      'FundContributed',
      'MerchantCompensated',
      'CompensationCredited',
    ]);
  });
  it('written off, recovered in part after all, overturned', async () => {
    expect((await after('lane', 'lane', 'propose', 'write-off', 'top-up', 'whole')).slice(5)).toEqual([
      'WriteOffProposed',
      'RecourseWrittenOff',
      'DepositToppedUp',
      'RecourseReinstated',
      'DepositDebited',
      'FundReimbursed',
      'RecourseReinstated',
      'RecourseForgiven',
      'CompensationClaimed',
      'CompensationQueued',
    ]);
  });
});
