import { isRejection, type Decider, type Stamped } from '@recourse/eventing';
import { money } from '@recourse/money';
import fc from 'fast-check';
import { payout, type PayoutCommand, type PayoutEvent, type PayoutRejection } from './payout.js';
import type { Payout } from './payout-state.js';
import { maxFailures, type RailWord } from './rail-word.js';

type PayoutDecider = Decider<PayoutCommand, Payout, PayoutEvent, PayoutRejection>;

const at = '2026-03-01T08:00:00.000Z';
const keyOf = (transferNo: number) => transferNo.toString(16).padStart(32, '0');
const people = ['finance-1', 'finance-2', 'finance-3'];
const refund = { kind: 'refund', refundId: 'r1', orderId: 'o1', buyer: 'b1', merchant: 'm1' } as const;
const settlement = { kind: 'settlement', merchant: 'm1' } as const;

/** What the rail did with each transfer, in the rail's own mind, and what people said: all that the books of a payout rest on. */
interface Books {
  /** Transfers in order; `open` until the rail said what became of it. */
  readonly transfers: { key: string; state: 'open' | 'paid' | 'failed' | 'back' }[];
  needsTwo: boolean;
  /** Who spoke for it first. */
  first: string | undefined;
  asked: string | undefined;
  cancelled: boolean;
  /** The cancellation came too late. */
  refused: boolean;
  fraud: boolean;
  /** Paid, and back for good. */
  returned: boolean;
  charged: number;
  /** Minor units that the buyer is still to have of us. */
  owed: bigint;
  /** Differences that were taken for this refund. */
  readonly outside: string[];
}

/** Posts one event and says what it breaks: the rules of the house, told without the decider's state. */
function broken(books: Books, { type, data }: PayoutEvent): string | undefined {
  const transferOf = (no: number) => books.transfers[no - 1];
  const became = (no: number, from: string, to: 'paid' | 'failed' | 'back') => {
    const transfer = transferOf(no);
    if (transfer?.state !== from) return `transfer ${no} is ${to} after it was ${transfer?.state}`;
    transfer.state = to;
    return undefined;
  };
  switch (type) {
    case 'PayoutRequested':
      books.needsTwo = data.approvalLimit !== undefined && data.amount.minor > data.approvalLimit.minor;
      books.first = data.requestedBy;
      books.asked = data.requestedBy;
      return undefined;
    case 'PayoutApprovalProposed':
      books.first = data.proposedBy;
      return undefined;
    case 'PayoutHeld':
      books.first = books.asked;
      return undefined;
    case 'PayoutApproved':
      books.needsTwo = false;
      return books.first === undefined || books.first === data.approvedBy ? 'approved by one person' : undefined;
    case 'TransferSubmitted': {
      const last = books.transfers.at(-1)?.state;
      const taken = books.transfers.some(({ key }) => key === data.key);
      books.transfers.push({ key: data.key, state: 'open' });
      if (data.transferNo !== books.transfers.length || taken) return 'a number or a key was used again';
      if (last === 'open') return 'two transfers are live';
      if (last === 'paid') return 'a transfer after one that paid';
      if (books.returned) return 'sent after it came back for good';
      if (books.needsTwo) return 'sent without two people';
      if (data.amount.minor !== books.owed) return 'sent another amount than is owed';
      return books.cancelled ? 'sent after it was cancelled' : undefined;
    }
    case 'PayoutSucceeded':
      books.owed -= data.amount.minor;
      return became(data.transferNo, 'open', 'paid');
    case 'TransferFailed':
      return became(data.transferNo, 'open', 'failed');
    case 'PayoutReversed':
      books.owed += data.amount.minor;
      return became(data.transferNo, 'paid', 'back');
    case 'GatewayFeeCharged':
      books.charged += 1;
      return books.charged > books.transfers.length ? 'a fee was charged twice' : undefined;
    case 'PayoutCancelRequested':
      books.cancelled = true;
      books.fraud = data.isFraud === true;
      return undefined;
    case 'RefundedOutside': {
      const isTwice = books.outside.includes(data.differenceId);
      books.outside.push(data.differenceId);
      books.owed -= data.fromRefund.minor;
      if (isTwice) return 'one difference taken twice';
      if (books.transfers.some(({ state }) => state === 'open')) return 'taken while a transfer is live';
      if (books.owed < 0n || (data.toBuyer.minor > 0n && books.owed > 0n)) return 'taken for more or less than was unpaid';
      return data.stillDue.minor === books.owed ? undefined : 'what is still due is another amount';
    }
    case 'PayoutCancelled':
      if (books.outside.length > 0) return 'cancelled though it was refunded outside';
      return books.transfers.some(({ state }) => state === 'open' || state === 'paid')
        ? 'cancelled though money is out'
        : undefined;
    case 'TransferProcessing':
    case 'TransferOutcomeUnknown':
    case 'TransferBlocked':
    case 'PayoutUnclaimed':
    case 'PayoutDestinationChanged':
    case 'OutsideRefundRefused':
      return undefined;
    case 'PayoutCancelRefused':
      books.refused = true;
      return books.transfers.every(({ state }) => state === 'failed') && books.outside.length === 0
        ? 'refused though nothing was paid'
        : undefined;
    case 'PayoutReturned': {
      const isOut = books.transfers.some(({ state }) => state === 'open' || state === 'paid');
      const isBack = books.transfers.some(({ state }) => state === 'back') || books.outside.length > 0;
      if (isOut || !isBack) return 'returned though it is not back';
      if (data.amount.minor !== books.owed || books.owed === 0n) return 'returned is another amount than lies here';
      if (!books.refused || data.purpose.kind !== 'refund') return 'returned though it is still owed';
      if (books.returned) return 'returned twice';
      books.returned = true;
      return data.isFraud === true && !books.fraud ? 'a fraud that nobody spoke of' : undefined;
    }
  }
}

const word: fc.Arbitrary<RailWord> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record(
      {
        state: fc.constant('Succeeded' as const),
        railTransferId: fc.constantFrom('rail-1', 'rail-2'),
        fee: fc.constantFrom(money(0n), money(3n)),
      },
      { requiredKeys: ['state', 'railTransferId'] },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      state: fc.constant('Reversed' as const),
      railTransferId: fc.constantFrom('rail-1', 'rail-2'),
      code: fc.constant('BACK'),
    }),
  },
  {
    weight: 6,
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
  { weight: 2, arbitrary: fc.record({ state: fc.constant('Unknown' as const), cause: fc.constantFrom('timeout', 'reset') }) },
);
const transferNo = fc.integer({ min: 0, max: 8 });
const subject = fc.constantFrom(...people);
const hear = (no: number, said: RailWord): PayoutCommand => ({ type: 'RecordRailWord', transferNo: no, word: said });
const submit = (no: number, key = keyOf(no)): PayoutCommand => ({ type: 'SubmitTransfer', transferNo: no, key });
const change: PayoutCommand = { type: 'ChangeDestination', payee: 'vault:b2' };

/** A step sees how many transfers there are, so that the walks get far; now and then it is anything at all. */
type Step = (count: number, request: Extract<PayoutCommand, { type: 'RequestPayout' }>) => PayoutCommand;
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: word.map(
      (said): Step =>
        (count) =>
          hear(count, said),
    ),
  },
  { weight: 6, arbitrary: fc.constant<Step>((count) => submit(count + 1)) },
  { weight: 2, arbitrary: subject.map((by): Step => () => ({ type: 'ApprovePayout', subject: by })) },
  { weight: 2, arbitrary: fc.constant<Step>(() => change) },
  {
    weight: 1,
    arbitrary: fc.tuple(transferNo, word).map(
      ([no, said]): Step =>
        () =>
          hear(no, said),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(transferNo, transferNo).map(
      ([no, other]): Step =>
        () =>
          submit(no, keyOf(other)),
    ),
  },
  {
    weight: 1,
    arbitrary: transferNo.map(
      (other): Step =>
        (count) =>
          submit(count + 1, keyOf(other)),
    ),
  },
  { weight: 1, arbitrary: subject.map((by): Step => () => ({ type: 'HoldPayout', subject: by, reason: 'wait' })) },
  { weight: 1, arbitrary: fc.constant<Step>((_, request) => request) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('d1', 'd2', 'd3'), fc.constantFrom(1n, 40n, 100n, 130n))
      .map(([differenceId, minor]): Step => () => ({
        type: 'RecordRefundedOutside',
        differenceId,
        rail: 'wechat',
        amount: money(minor),
      })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(subject, fc.boolean()).map(([by, isFraud]): Step => (_, { payoutId, platform, purpose }) => ({
      ...(isFraud ? { isFraud } : {}),
      type: 'CancelPayout',
      payoutId,
      platform,
      purpose,
      subject: by,
      reason: 'asked',
    })),
  },
);
const request = fc
  .record(
    {
      purpose: fc.constantFrom(refund, settlement),
      approvalLimit: fc.constantFrom(money(99n), money(100n)),
      requestedBy: subject,
    },
    { requiredKeys: ['purpose'] },
  )
  .map((part) => ({
    type: 'RequestPayout' as const,
    payoutId: 'r1',
    platform: 'demo',
    rail: 'alipay',
    payee: 'vault:b1',
    amount: money(100n),
    ...part,
  }));

/** Walks any commands through a decider beside the books. @throws Error that says which rule was broken */
const law = (decider: PayoutDecider) =>
  fc.property(request, fc.array(step, { maxLength: 60, size: 'max' }), (asked, steps) => {
    const books: Books = {
      transfers: [],
      needsTwo: false,
      first: undefined,
      asked: undefined,
      cancelled: false,
      refused: false,
      fraud: false,
      returned: false,
      charged: 0,
      owed: asked.amount.minor,
      outside: [],
    };
    let state = decider.initial;
    const take = (command: PayoutCommand): void => {
      const outcome = decider.decide({ ...command, at } as Stamped<PayoutCommand>, state);
      if (isRejection(outcome)) return;
      for (const happened of outcome) {
        const fault = broken(books, happened);
        if (fault !== undefined) throw new Error(fault);
        state = decider.evolve(state, happened);
      }
    };
    steps.forEach((choose, index) => {
      // Now and then a cancellation comes before the request.
      if (index === 1) take(asked);
      take(choose(books.transfers.length, asked));
    });
    const out = books.transfers.filter(({ state: now }) => now === 'open' || now === 'paid').length;
    expect(out).toBeLessThanOrEqual(1);
    // Whatever came back and is no longer owed was told to whoever books it.
    if (asked.purpose.kind === 'refund') expect(books.returned).toBe(books.refused && books.owed > 0n);
  });

it('in any order of commands and words of the rail the payee has his money once, with two people behind what needs them', () => {
  fc.assert(law(payout), { numRuns: 2_000 });
});

describe('the books would notice', () => {
  /** The decider with one rule broken: it sees another state than there is. */
  const seeing = (see: (state: Payout, command: PayoutCommand) => Payout): PayoutDecider => ({
    ...payout,
    decide: (command, state) => payout.decide(command, see(state, command)),
  });
  const onSubmit = (of: Payout['status'], see: (state: Extract<Payout, { keys: readonly string[] }>) => Payout) =>
    seeing((state, command) =>
      command.type === 'SubmitTransfer' && state.status === of && 'keys' in state ? see(state) : state,
    );
  const asReady = (state: Extract<Payout, { keys: readonly string[] }>): Payout => ({ ...state, status: 'ready' }) as Payout;

  it.each([
    ['a transfer beside a live one', onSubmit('live', asReady), 'two transfers are live'],
    ['a transfer after one that paid', onSubmit('succeeded', asReady), 'a transfer after one that paid'],
    ['a transfer nobody approved', onSubmit('waiting', asReady), 'sent without two people'],
    ['a transfer of what was cancelled', onSubmit('cancelled', asReady), 'sent after it was cancelled'],
    [
      'a key that is used again',
      onSubmit('ready', (state) => ({ ...state, keys: state.keys.map(() => '') }) as Payout),
      'was used again',
    ],
    [
      'one person for two',
      seeing((state, { type }) =>
        type === 'ApprovePayout' && state.status === 'waiting' && state.firstBy !== undefined
          ? { ...state, firstBy: 'x' }
          : state,
      ),
      'approved by one person',
    ],
    [
      'a cancellation while money is on its way',
      seeing((state, { type }) => (type === 'CancelPayout' && state.status === 'live' ? asReady(state) : state)),
      'cancelled though money is out',
    ],
    [
      'money that came back and nobody tells',
      {
        ...payout,
        decide: (command, state) => {
          const outcome = payout.decide(command, state);
          return isRejection(outcome) ? outcome : outcome.filter(({ type }) => type !== 'PayoutReturned');
        },
      } satisfies PayoutDecider,
      'toBe',
    ],
    [
      'money that came back and is told again',
      {
        ...payout,
        evolve: (state, happened) =>
          happened.type === 'PayoutReturned' && state.status === 'returned' && state.keys.length > 0
            ? ({
                ...state,
                status: 'succeeded',
                transfer: { transferNo: state.keys.length, key: state.keys.at(-1) ?? '' },
                railTransferId: 'rail-1',
              } as Payout)
            : payout.evolve(state, happened),
      } satisfies PayoutDecider,
      // Or another takes it for paid in the meantime.
      /is back after it was back|taken for more or less than was unpaid/,
    ],
    [
      'an outside refund while money is on its way',
      seeing((state, { type }) => (type === 'RecordRefundedOutside' && state.status === 'live' ? asReady(state) : state)),
      'taken while a transfer is live',
    ],
    [
      'an outside refund of what is paid, taken for what is owed',
      seeing((state, { type }) => (type === 'RecordRefundedOutside' && state.status === 'succeeded' ? asReady(state) : state)),
      'taken for more or less than was unpaid',
    ],
    [
      'a difference that is taken again',
      seeing((state, { type }) =>
        type === 'RecordRefundedOutside' && 'outside' in state
          ? { ...state, outside: { ...state.outside, differences: [] } }
          : state,
      ),
      'one difference taken twice',
    ],
    [
      'a transfer of all where a part was refunded outside',
      onSubmit('ready', (state) => ({ ...state, outside: { ...state.outside, fromRefund: money(0n) } }) as Payout),
      'sent another amount than is owed',
    ],
  ] as const)('%s', (_, broke, message) => {
    const found = fc.check(law(broke), { numRuns: 5_000, seed: 1 });
    expect(String(found.errorInstance)).toMatch(message);
  });
});

it('a destination gets so many transfers that fail or come back, and no more', () => {
  const endings = fc.array(fc.constantFrom('Failed', 'Reversed'), { minLength: maxFailures, maxLength: maxFailures });
  fc.assert(
    fc.property(endings, (states) => {
      let state = payout.initial;
      const take = (command: PayoutCommand): void => {
        const outcome = payout.decide({ ...command, at } as Stamped<PayoutCommand>, state);
        if (isRejection(outcome)) throw new Error(outcome.rejected);
        for (const happened of outcome) state = payout.evolve(state, happened);
      };
      take({
        type: 'RequestPayout',
        payoutId: 'r1',
        platform: 'demo',
        purpose: refund,
        rail: 'a',
        payee: 'b',
        amount: money(1n),
      });
      states.forEach((ending, index) => {
        expect(state.status).toBe('ready');
        take(submit(index + 1));
        take(
          hear(
            index + 1,
            ending === 'Failed'
              ? { state: 'Failed', failure: 'Closed', code: 'X' }
              : { state: 'Reversed', railTransferId: `rail-${index}`, code: 'X' },
          ),
        );
      });
      expect(state.status).toBe('unclaimed');
    }),
  );
});
