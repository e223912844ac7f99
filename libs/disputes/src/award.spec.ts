import { fold, isRejection, plusHours, specify, type Stamped } from '@recourse/eventing';
import { money, sum } from '@recourse/money';
import type { UnitFacts } from '@recourse/orders/events';
import fc from 'fast-check';
import { awardOf, contradictionIn, type PersonDecision, restOf } from './award.js';
import { dispute, type DisputeCommand, type DisputeEvent } from './dispute.js';
import type { PolicyTable } from './policy-table.js';
import { caseFile, claimedAt, readDefaultPolicy, undelivered, unit } from './sample-case.js';
import { tableOf } from './sample-table.js';
import { rejudge } from './verdict.js';

const fen = (minor: number) => money(BigInt(minor));
const full = { liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' } as const;
const part = { liable: 'MERCHANT', remedy: 'PARTIAL_REFUND', bearer: 'merchant' } as const;
const shared = { liable: 'SHARED', remedy: 'FULL_REFUND', bearer: 'shared' } as const;

it.each([
  ['MERCHANT', 'FULL_REFUND', 'merchant', {}, true],
  ['PLATFORM', 'FULL_REFUND', 'platform', {}, true],
  ['UNPROVEN', 'FULL_REFUND', 'platform', {}, true],
  ['NONE', 'FULL_REFUND', 'merchant', {}, true],
  ['NONE', 'FULL_REFUND', 'platform', {}, true],
  ['NONE', 'NONE', 'none', {}, true],
  ['BUYER', 'NONE', 'none', {}, true],
  ['UNPROVEN', 'NONE', 'none', {}, true],
  ['BUYER', 'FULL_REFUND', 'merchant', {}, false],
  ['MERCHANT', 'FULL_REFUND', 'platform', {}, false],
  ['PLATFORM', 'FULL_REFUND', 'merchant', {}, false],
  ['UNPROVEN', 'FULL_REFUND', 'merchant', {}, false],
  ['NONE', 'FULL_REFUND', 'none', {}, false],
  ['NONE', 'NONE', 'merchant', {}, false],
  ['MERCHANT', 'NONE', 'none', {}, false],
  ['PLATFORM', 'NONE', 'none', {}, false],
  ['SHARED', 'NONE', 'none', {}, false],
  ['SHARED', 'FULL_REFUND', 'merchant', {}, false],
  ['SHARED', 'FULL_REFUND', 'shared', {}, false],
  ['SHARED', 'FULL_REFUND', 'shared', { merchantPercent: 50 }, true],
  ['SHARED', 'FULL_REFUND', 'shared', { merchantPercent: 100 }, false],
  ['SHARED', 'FULL_REFUND', 'shared', { merchantPercent: 0.5 }, false],
  ['SHARED', 'PARTIAL_REFUND', 'shared', { merchantPercent: 50, refundPercent: 10 }, true],
  ['SHARED', 'PARTIAL_REFUND', 'merchant', { refundPercent: 10 }, true],
  ['MERCHANT', 'FULL_REFUND', 'shared', { merchantPercent: 50 }, false],
  ['MERCHANT', 'FULL_REFUND', 'merchant', { merchantPercent: 50 }, false],
  ['MERCHANT', 'FULL_REFUND', 'merchant', { refundPercent: 50 }, false],
  ['MERCHANT', 'FULL_REFUND', 'merchant', { amount: fen(1) }, false],
  ['MERCHANT', 'PARTIAL_REFUND', 'merchant', {}, false],
  ['MERCHANT', 'PARTIAL_REFUND', 'merchant', { refundPercent: 99 }, true],
  ['MERCHANT', 'PARTIAL_REFUND', 'merchant', { refundPercent: 100 }, false],
  ['MERCHANT', 'PARTIAL_REFUND', 'merchant', { amount: fen(1) }, true],
  ['MERCHANT', 'PARTIAL_REFUND', 'merchant', { amount: fen(1), refundPercent: 1 }, false],
  ['BUYER', 'PARTIAL_REFUND', 'merchant', { refundPercent: 50 }, false],
] as const)('liable %s, remedy %s, borne by %s, %j: %s', (liable, remedy, bearer, more, consistent) => {
  expect(contradictionIn({ liable, remedy, bearer, ...more }) === undefined).toBe(consistent);
});

describe('what a decision gives', () => {
  it.each([
    // 33 % half up
    [{ ...part, refundPercent: 33 }, { price: 1_000 }, 330, undefined],
    [{ ...part, refundPercent: 33 }, { price: 150 }, 50, undefined],
    [{ ...part, refundPercent: 33 }, { price: 149 }, 49, undefined],
    [{ ...part, refundPercent: 50 }, { price: 1 }, 1, undefined],
    [{ ...part, refundPercent: 1 }, { price: 1 }, 1, undefined],
    // never more than is left
    [{ ...part, refundPercent: 50 }, { price: 1_000, refunded: 700 }, 300, undefined],
    [full, { price: 1_000 }, 1_000, undefined],
    [full, { price: 1_000, refunded: 330 }, 670, undefined],
    [{ liable: 'BUYER', remedy: 'NONE', bearer: 'none' } as const, { price: 1_000, refunded: 330 }, 0, undefined],
    [{ ...part, amount: fen(7) }, { price: 1_000 }, 7, undefined],
    // largest remainder, the odd fen to the larger share, and to the merchant where both are the same
    [{ ...shared, merchantPercent: 50 }, { price: 1_001 }, 1_001, 501],
    [{ ...shared, merchantPercent: 33 }, { price: 1_001 }, 1_001, 330],
    [{ ...shared, merchantPercent: 50 }, { price: 1 }, 1, 1],
    [{ ...shared, merchantPercent: 1 }, { price: 1 }, 1, 0],
    [{ ...shared, remedy: 'PARTIAL_REFUND', refundPercent: 33, merchantPercent: 50 } as const, { price: 1_001 }, 330, 165],
  ] as const)('%j of %j is %d, the merchant’s part %s', (decision, { price, ...before }, refund, merchantPart) => {
    const refunded = 'refunded' in before ? { refunded: fen(before.refunded) } : {};
    const award = awardOf(decision, { price: fen(price), ...refunded });
    expect(award.refund).toEqual(fen(refund));
    expect(award.merchantPart).toEqual(merchantPart === undefined ? undefined : fen(merchantPart));
  });

  it('is above zero, within what is left, and split without a rest', () => {
    const anyClaimed = fc
      .tuple(fc.integer({ min: 1, max: 10 ** 9 }), fc.double({ min: 0, max: 0.999, noNaN: true }))
      .map(([price, before]) => ({ price: fen(price), refunded: fen(Math.min(price - 1, Math.floor(price * before))) }));
    const percent = fc.integer({ min: 1, max: 99 });
    fc.assert(
      fc.property(anyClaimed, percent, percent, fc.boolean(), (claimed, refundPercent, merchantPercent, isPart) => {
        const decision: PersonDecision = isPart
          ? { ...shared, remedy: 'PARTIAL_REFUND', refundPercent, merchantPercent }
          : { ...shared, merchantPercent };
        const { refund, merchantPart = fen(0) } = awardOf(decision, claimed);
        expect(refund.minor > 0n && refund.minor <= restOf(claimed).minor).toBe(true);
        expect(merchantPart.minor >= 0n && merchantPart.minor <= refund.minor).toBe(true);
        const exact = Number(refund.minor) * merchantPercent;
        expect(Math.abs(Number(merchantPart.minor) * 100 - exact)).toBeLessThan(100);
      }),
    );
  });
});

describe('a person decides in part', () => {
  let table: PolicyTable;
  beforeAll(async () => {
    table = await readDefaultPolicy();
  });
  const explanation = { zh: '面值不足，退差价', en: 'it is worth less than sold: the difference goes back' };
  const at = plusHours(claimedAt, 1);
  const { given } = specify(dispute, at);

  function underReview(units: readonly UnitFacts[], policy = table): DisputeEvent[] {
    const events: DisputeEvent[] = [];
    const file = caseFile('platform-failure', policy, { units });
    const commands: Stamped<DisputeCommand>[] = [
      { type: 'OpenDispute', draft: false, openedAt: claimedAt, at: claimedAt, ...file },
      { type: 'ApplyPolicy', table: policy, at: claimedAt },
    ];
    for (const command of commands) {
      const outcome = dispute.decide(command, fold(dispute, events));
      if (isRejection(outcome)) throw new Error(outcome.detail);
      events.push(...outcome);
    }
    return events;
  }
  const decide = (decision: PersonDecision) =>
    ({ type: 'DecideDispute', person: 'anna', units: [{ unitNo: 1, ...decision }], explanation }) as const;
  const verdictOf = (events: readonly DisputeEvent[]) =>
    events.flatMap(({ type, data }) => (type === 'VerdictReached' ? [data] : []))[0]!;

  it('of the price or by an amount, and the verdict says of what it is a part', () => {
    const file = underReview([unit(1)]);
    const byPercent = verdictOf(given(...file).when(decide({ ...part, refundPercent: 33 })).events);
    expect(byPercent.units).toMatchObject([{ remedy: 'PARTIAL_REFUND', refund: fen(330), refundPercent: 33, price: fen(1_000) }]);
    const byAmount = verdictOf(given(...file).when(decide({ ...part, amount: fen(123) })).events);
    expect(byAmount.units).toMatchObject([{ remedy: 'PARTIAL_REFUND', refund: fen(123), price: fen(1_000) }]);
    expect(byAmount.units[0]).not.toHaveProperty('refundPercent');
    for (const verdict of [byPercent, byAmount]) expect(rejudge(verdict, table)).toEqual([]);
  });

  it('and at once by both who are at fault', () => {
    const events = given(...underReview([unit(1, { price: fen(1_001) })])).when(
      decide({ ...shared, merchantPercent: 50 }),
    ).events;
    const verdict = verdictOf(events);
    expect(verdict.units).toMatchObject([{ bearer: 'shared', refund: fen(1_001), merchantPart: fen(501), merchantPercent: 50 }]);
    expect(rejudge(verdict, table)).toEqual([]);
    const tampered = { ...verdict, units: verdict.units.map((one) => ({ ...one, merchantPart: fen(500) })) };
    expect(rejudge(tampered, table)).toEqual(["o1.1.v1 unit 1: the merchant's part is 501, the verdict says 500"]);
  });

  it('gives the rest of a unit that was refunded in part before', () => {
    const file = underReview([unit(1, { refunded: fen(330) })]);
    const verdict = verdictOf(given(...file).when(decide(full)).events);
    expect(verdict.units).toMatchObject([
      { remedy: 'FULL_REFUND', refund: fen(670), price: fen(1_000), refundedBefore: fen(330) },
    ]);
    expect(rejudge(verdict, table)).toEqual([]);
    expect(sum([fen(330), verdict.units[0]!.refund])).toEqual(fen(1_000));
    const more = { ...verdict, units: verdict.units.map((one) => ({ ...one, refund: fen(1_000) })) };
    expect(rejudge(more, table)).toEqual(['o1.1.v1 unit 1: the decision gives 670, the verdict 1000']);
  });

  it.each([
    [{ ...part, amount: money(1n, 'USD') }, 'in the asset of its order'],
    [{ ...part, amount: fen(0) }, 'above zero'],
    [{ ...part, amount: fen(1_000) }, 'the whole price is a FULL_REFUND'],
    [{ ...part, amount: fen(671) }, 'less than that is left'],
    [{ ...part, refundPercent: 0 }, 'from 1 to 99'],
    [part, 'says how much'],
  ] as const)('%j is refused: %s', (decision, why) => {
    const outcome = dispute.decide({ ...decide(decision), at }, fold(dispute, underReview([unit(1, { refunded: fen(330) })])));
    expect(outcome).toMatchObject({ rejected: 'ContradictoryDecision', detail: expect.stringContaining(why) as string });
  });

  it('never of what was not delivered', () => {
    const text = { zh: '由人审核', en: 'a person looks at it' };
    const byPerson = tableOf([{ id: 'person', when: {}, then: { do: 'review' }, explanation: text, basis: ['S16'] }]);
    given(...underReview([undelivered(1)], byPerson))
      .when(decide({ ...part, refundPercent: 50 }))
      .thenRejected('ContradictoryDecision');
  });

  it('a rule decides in part too, and its verdict is run again with its amounts', () => {
    const text = { zh: '退差价', en: 'the difference goes back' };
    const byRule = tableOf([
      {
        id: 'part',
        when: {},
        then: { do: 'decide', ...shared, remedy: 'PARTIAL_REFUND', refundPercent: 33, merchantPercent: 50 },
        explanation: text,
        basis: ['K7'],
      },
    ]);
    const verdict = verdictOf(underReview([unit(1, { price: fen(1_001) })], byRule));
    expect(verdict.units).toMatchObject([{ refund: fen(330), merchantPart: fen(165), refundPercent: 33, merchantPercent: 50 }]);
    expect(rejudge(verdict, byRule)).toEqual([]);
    const tampered = { ...verdict, units: verdict.units.map((one) => ({ ...one, refundPercent: 34 })) };
    expect(rejudge(tampered, byRule)).toHaveLength(2);
  });

  describe('and two people', () => {
    const decided = (decision: PersonDecision) => {
      const file = underReview([unit(1, { price: fen(1_001) })]);
      return [...file, ...given(...file).when(decide(decision)).events];
    };
    type Wanted = Extract<DisputeCommand, { type: 'ProposeOverride' }>['units'][number];
    const propose = (wanted: Omit<Wanted, 'unitNo'>) =>
      ({
        type: 'ProposeOverride',
        verdictId: 'o1.1.v1',
        units: [{ unitNo: 1, ...wanted }],
        isFraud: false,
        explanation,
        subject: 'anna',
      }) as const;
    const refused = { liable: 'BUYER', remedy: 'NONE', bearer: 'none' } as const;

    it('take a shared refund back, or let the platform bear all of it', () => {
      const was = { ...shared, refund: fen(1_001), merchantPart: fen(501) };
      const standing = given(...decided({ ...shared, merchantPercent: 50 }));
      expect(standing.when(propose(refused)).events).toMatchObject([{ data: { units: [{ refund: fen(0), was }] } }]);
      expect(standing.when(propose({ liable: 'PLATFORM', remedy: 'FULL_REFUND', bearer: 'platform' })).events).toMatchObject([
        { data: { units: [{ bearer: 'platform', refund: fen(1_001), was }] } },
      ]);
      standing.when(propose(full)).thenRejected('PlatformBearsIt');
    });

    it('take a partial refund back, or let the platform bear it, and change no amount', () => {
      const standing = given(...decided({ ...part, refundPercent: 33 }));
      expect(standing.when(propose(refused)).events).toMatchObject([{ data: { units: [{ was: { refund: fen(330) } }] } }]);
      expect(standing.when(propose({ liable: 'PLATFORM', remedy: 'PARTIAL_REFUND', bearer: 'platform' })).events).toMatchObject([
        { data: { units: [{ refund: fen(330) }] } },
      ]);
      standing
        .when(propose({ liable: 'PLATFORM', remedy: 'FULL_REFUND', bearer: 'platform' }))
        .thenRejected('RefundAmountStands');
      standing.when(propose(part)).thenRejected('NothingChanges');
    });
  });
});
