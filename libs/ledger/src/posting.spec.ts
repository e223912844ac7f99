import { format } from '@recourse/money';
import { UnknownEventType } from '@recourse/eventing';
import { show } from './balanced-postings.js';
import { Books } from './journal.js';
import { postingsOf, type DomainEvent } from './posting.js';
import * as history from './sample-history.js';

interface Golden {
  readonly event: DomainEvent;
  readonly postings: readonly string[];
  /** What a balance on the account's normal side goes up or down by. */
  readonly moves: Readonly<Record<string, string>>;
}

const golden = {
  PaymentCaptured: {
    event: history.captured(10_000),
    postings: ['demo/gateway:alipay → demo/escrow:demo.o1 100.00 CNY'],
    moves: { 'demo/escrow:demo.o1': '100.00', 'demo/gateway:alipay': '100.00' },
  },
  SurplusCaptured: {
    event: history.surplus(10_000),
    postings: ['demo/gateway:alipay → demo/refund:demo.o1.surplus.0000000000000000 100.00 CNY'],
    moves: { 'demo/gateway:alipay': '100.00', 'demo/refund:demo.o1.surplus.0000000000000000': '100.00' },
  },
  EscrowReleased: {
    event: history.released(1, 'confirmed'),
    postings: ['demo/escrow:demo.o1 → demo/merchant:m1:settling 95.00 CNY', 'demo/escrow:demo.o1 → demo/platform:fees 5.00 CNY'],
    moves: { 'demo/escrow:demo.o1': '-100.00', 'demo/merchant:m1:settling': '95.00', 'demo/platform:fees': '5.00' },
  },
  RefundFundedFromEscrow: {
    event: history.fundedFromEscrow,
    postings: ['demo/escrow:demo.o1 → demo/refund:demo.o1.1.v1 100.00 CNY'],
    moves: { 'demo/escrow:demo.o1': '-100.00', 'demo/refund:demo.o1.1.v1': '100.00' },
  },
  RefundRevoked: {
    event: history.revoked('escrow'),
    postings: ['demo/refund:demo.o1.1.v1 → demo/escrow:demo.o1 100.00 CNY'],
    moves: { 'demo/escrow:demo.o1': '100.00', 'demo/refund:demo.o1.1.v1': '-100.00' },
  },
  PayableCredited: {
    event: history.credited(),
    postings: ['demo/merchant:m1:settling → demo/merchant:m1:payable 95.00 CNY'],
    moves: { 'demo/merchant:m1:payable': '95.00', 'demo/merchant:m1:settling': '-95.00' },
  },
  DepositToppedUp: {
    event: history.toppedUp(3_000),
    postings: ['demo/gateway:alipay → demo/merchant:m1:deposit 30.00 CNY'],
    moves: { 'demo/gateway:alipay': '30.00', 'demo/merchant:m1:deposit': '30.00' },
  },
  DepositHeld: {
    event: history.held(1_000),
    postings: ['demo/merchant:m1:deposit → demo/merchant:m1:held 10.00 CNY'],
    moves: { 'demo/merchant:m1:deposit': '-10.00', 'demo/merchant:m1:held': '10.00' },
  },
  HoldReleased: {
    event: history.deadKey.find(({ type }) => type === 'HoldReleased')!,
    postings: ['demo/merchant:m1:held → demo/merchant:m1:deposit 5.00 CNY'],
    moves: { 'demo/merchant:m1:deposit': '5.00', 'demo/merchant:m1:held': '-5.00' },
  },
  DepositDebited: {
    event: history.debited(3_000, 6_500, 0),
    postings: [
      'demo/merchant:m1:held → demo/merchant:m1:recourse 30.00 CNY',
      'demo/merchant:m1:deposit → demo/merchant:m1:recourse 65.00 CNY',
    ],
    moves: {
      'demo/merchant:m1:deposit': '-65.00',
      'demo/merchant:m1:held': '-30.00',
      'demo/merchant:m1:recourse': '-95.00',
    },
  },
  PayableDebited: {
    event: history.payableDebited(6_500, 0),
    postings: ['demo/merchant:m1:payable → demo/merchant:m1:recourse 65.00 CNY'],
    moves: { 'demo/merchant:m1:payable': '-65.00', 'demo/merchant:m1:recourse': '-65.00' },
  },
  RefundFundedFromDeposit: {
    event: history.fundedFromDeposit(8_000, 1_500),
    postings: [
      'demo/merchant:m1:held → demo/refund:demo.o1.1.v1 80.00 CNY',
      'demo/merchant:m1:deposit → demo/refund:demo.o1.1.v1 15.00 CNY',
      'demo/platform:fees → demo/refund:demo.o1.1.v1 5.00 CNY',
    ],
    moves: {
      'demo/merchant:m1:held': '-80.00',
      'demo/merchant:m1:deposit': '-15.00',
      'demo/platform:fees': '-5.00',
      'demo/refund:demo.o1.1.v1': '100.00',
    },
  },
  DepositFundingRevoked: {
    event: history.depositFundingRevoked,
    postings: [
      'demo/refund:demo.o1.1.v1 → demo/merchant:m1:deposit 95.00 CNY',
      'demo/refund:demo.o1.1.v1 → demo/platform:fees 5.00 CNY',
    ],
    moves: { 'demo/merchant:m1:deposit': '95.00', 'demo/platform:fees': '5.00', 'demo/refund:demo.o1.1.v1': '-100.00' },
  },
  SettlementDrawn: {
    event: history.settlementDrawn(9_500),
    postings: ['demo/merchant:m1:payable → demo/outgoing:demo.m1.s1 95.00 CNY'],
    moves: { 'demo/merchant:m1:payable': '-95.00', 'demo/outgoing:demo.m1.s1': '95.00' },
  },
  SettlementReturned: {
    event: history.settlementReturned(9_500),
    postings: ['demo/outgoing:demo.m1.s1 → demo/merchant:m1:payable 95.00 CNY'],
    moves: { 'demo/merchant:m1:payable': '95.00', 'demo/outgoing:demo.m1.s1': '-95.00' },
  },
  WithdrawalDrawn: {
    event: history.withdrawalDrawn(30_000, 9_500),
    postings: [
      'demo/merchant:m1:deposit → demo/outgoing:demo.m1.w1 300.00 CNY',
      'demo/merchant:m1:payable → demo/outgoing:demo.m1.w1 95.00 CNY',
    ],
    moves: {
      'demo/merchant:m1:deposit': '-300.00',
      'demo/merchant:m1:payable': '-95.00',
      'demo/outgoing:demo.m1.w1': '395.00',
    },
  },
  DrawReturned: {
    event: history.drawReturned(30_000, 9_500),
    postings: [
      'demo/outgoing:demo.m1.w1 → demo/merchant:m1:deposit 300.00 CNY',
      'demo/outgoing:demo.m1.w1 → demo/merchant:m1:payable 95.00 CNY',
    ],
    moves: {
      'demo/merchant:m1:deposit': '300.00',
      'demo/merchant:m1:payable': '95.00',
      'demo/outgoing:demo.m1.w1': '-395.00',
    },
  },
  RecourseWrittenOff: {
    event: history.writtenOff(6_500),
    postings: ['demo/fund:advanced → demo/merchant:m1:recourse 65.00 CNY'],
    moves: { 'demo/fund:advanced': '-65.00', 'demo/merchant:m1:recourse': '-65.00' },
  },
  RecourseReinstated: {
    event: history.reinstated(2_000, 4_500),
    postings: ['demo/merchant:m1:recourse → demo/fund:advanced 20.00 CNY'],
    moves: { 'demo/fund:advanced': '20.00', 'demo/merchant:m1:recourse': '20.00' },
  },
  RecourseForgiven: {
    event: history.forgiven(6_500),
    postings: ['demo/fund:advanced → demo/merchant:m1:recourse 65.00 CNY'],
    moves: { 'demo/fund:advanced': '-65.00', 'demo/merchant:m1:recourse': '-65.00' },
  },
  CompensationCredited: {
    event: history.compensationCredited(3_000),
    postings: ['demo/merchant:m1:settling → demo/merchant:m1:payable 30.00 CNY'],
    moves: { 'demo/merchant:m1:payable': '30.00', 'demo/merchant:m1:settling': '-30.00' },
  },
  FundContributed: {
    event: history.contributed,
    postings: ['demo/gateway:alipay → demo/fund:available 1000.00 CNY'],
    moves: { 'demo/fund:available': '1000.00', 'demo/gateway:alipay': '1000.00' },
  },
  FundsReserved: {
    event: history.reserved('fund'),
    postings: [
      'demo/fund:available → demo/refund:demo.o1.1.v1 95.00 CNY',
      'demo/platform:fees → demo/refund:demo.o1.1.v1 5.00 CNY',
      'demo/merchant:m1:recourse → demo/fund:advanced 95.00 CNY',
    ],
    moves: {
      'demo/fund:advanced': '95.00',
      'demo/fund:available': '-95.00',
      'demo/merchant:m1:recourse': '95.00',
      'demo/platform:fees': '-5.00',
      'demo/refund:demo.o1.1.v1': '100.00',
    },
  },
  FundReimbursed: {
    event: history.reimbursed(9_500),
    postings: ['demo/fund:advanced → demo/fund:available 95.00 CNY'],
    moves: { 'demo/fund:advanced': '-95.00', 'demo/fund:available': '95.00' },
  },
  ReservationRevoked: {
    event: history.reservationRevoked,
    postings: [
      'demo/refund:demo.o1.1.v1 → demo/fund:available 95.00 CNY',
      'demo/refund:demo.o1.1.v1 → demo/platform:fees 5.00 CNY',
      'demo/fund:advanced → demo/merchant:m1:recourse 95.00 CNY',
    ],
    moves: {
      'demo/fund:advanced': '-95.00',
      'demo/fund:available': '95.00',
      'demo/merchant:m1:recourse': '-95.00',
      'demo/platform:fees': '5.00',
      'demo/refund:demo.o1.1.v1': '-100.00',
    },
  },
  MerchantCompensated: {
    event: history.compensated(3_000),
    postings: ['demo/fund:available → demo/merchant:m1:settling 30.00 CNY'],
    moves: { 'demo/fund:available': '-30.00', 'demo/merchant:m1:settling': '30.00' },
  },
  BuyerFraudEstablished: {
    event: history.buyerFraud(10_000),
    postings: ['demo/buyer:b1:owed → demo/fund:advanced 100.00 CNY'],
    moves: { 'demo/buyer:b1:owed': '100.00', 'demo/fund:advanced': '100.00' },
  },
  FraudRepaid: {
    event: history.fraudRepaid(3_000, 'rail'),
    postings: ['demo/gateway:alipay → demo/buyer:b1:owed 30.00 CNY', 'demo/fund:advanced → demo/fund:available 30.00 CNY'],
    moves: {
      'demo/buyer:b1:owed': '-30.00',
      'demo/fund:advanced': '-30.00',
      'demo/fund:available': '30.00',
      'demo/gateway:alipay': '30.00',
    },
  },
  RefundReturned: {
    event: history.refundReturned(3_000),
    postings: ['demo/refund:demo.o1.1.v1 → demo/fund:available 30.00 CNY'],
    moves: { 'demo/fund:available': '30.00', 'demo/refund:demo.o1.1.v1': '-30.00' },
  },
  DoublePaymentRepaid: {
    event: history.doublePaymentRepaid,
    postings: ['demo/gateway:alipay → demo/buyer:b1:owed 100.00 CNY'],
    moves: { 'demo/buyer:b1:owed': '-100.00', 'demo/gateway:alipay': '100.00' },
  },
  BuyerDebtWrittenOff: {
    event: history.buyerDebtWrittenOff('fraud', 7_000),
    postings: ['demo/fund:advanced → demo/buyer:b1:owed 70.00 CNY'],
    moves: { 'demo/buyer:b1:owed': '-70.00', 'demo/fund:advanced': '-70.00' },
  },
  PayoutSucceeded: {
    event: history.succeeded(),
    postings: ['demo/refund:demo.o1.1.v1 → demo/gateway:alipay 100.00 CNY'],
    moves: { 'demo/gateway:alipay': '-100.00', 'demo/refund:demo.o1.1.v1': '-100.00' },
  },
  PayoutReversed: {
    event: history.reversed(),
    postings: ['demo/gateway:alipay → demo/refund:demo.o1.1.v1 100.00 CNY'],
    moves: { 'demo/gateway:alipay': '100.00', 'demo/refund:demo.o1.1.v1': '100.00' },
  },
  GatewayFeeCharged: {
    event: history.gatewayFee,
    postings: ['demo/platform:gateway-cost → demo/gateway:alipay 0.10 CNY'],
    moves: { 'demo/gateway:alipay': '-0.10', 'demo/platform:gateway-cost': '0.10' },
  },
  RefundedOutside: {
    event: history.refundedOutside(9_000, 1_000),
    postings: ['demo/refund:demo.o1.1.v1 → demo/gateway:alipay 90.00 CNY', 'demo/buyer:b1:owed → demo/gateway:alipay 10.00 CNY'],
    moves: { 'demo/buyer:b1:owed': '10.00', 'demo/gateway:alipay': '-100.00', 'demo/refund:demo.o1.1.v1': '-90.00' },
  },
  DifferenceBooked: {
    event: history.differenceBooked(10_000),
    postings: ['demo/suspense:alipay → demo/gateway:alipay 100.00 CNY'],
    moves: { 'demo/gateway:alipay': '-100.00', 'demo/suspense:alipay': '100.00' },
  },
  DifferenceCleared: {
    event: history.differenceCleared(10_000),
    postings: ['demo/gateway:alipay → demo/suspense:alipay 100.00 CNY'],
    moves: { 'demo/gateway:alipay': '100.00', 'demo/suspense:alipay': '-100.00' },
  },
  DifferenceWrittenOff: {
    event: history.differenceWrittenOff(10_000),
    postings: ['demo/platform:losses → demo/suspense:alipay 100.00 CNY'],
    moves: { 'demo/platform:losses': '100.00', 'demo/suspense:alipay': '-100.00' },
  },
} satisfies Partial<Record<DomainEvent['type'], Golden>>;

const silent: Record<Exclude<DomainEvent['type'], keyof typeof golden>, true> = {
  OrderPlaced: true,
  OrderCancelled: true,
  DeliveryOverdue: true,
  UnitDelivered: true,
  PlatformDeliveryFailed: true,
  PlatformIncidentNoted: true,
  KeyRevealed: true,
  ReceiptConfirmed: true,
  ClaimOpened: true,
  ClaimSubmitted: true,
  ClaimAttached: true,
  ClaimClosed: true,
  ReplacementDelivered: true,
  RefundApproved: true,
  RefundOverturned: true,
  RefundShutOut: true,
  OrderFrozen: true,
  OrderUnfrozen: true,
  FeeSchedulePublished: true,
  DisputeDrafted: true,
  DisputeSubmitted: true,
  DraftLapsed: true,
  EvidenceSubmitted: true,
  IncidentAttested: true,
  EvidenceTagged: true,
  MerchantPromised: true,
  VerificationRequested: true,
  VerificationRecorded: true,
  ReissueAwaited: true,
  ReissueMissed: true,
  BuyerCheckAwaited: true,
  ReplacementRefused: true,
  ResolvedByReissue: true,
  MerchantAnswerAwaited: true,
  MerchantAnswered: true,
  MerchantStayedSilent: true,
  EvidenceAwaited: true,
  EvidencePhaseEnded: true,
  PersonRequested: true,
  VerdictVoided: true,
  ReviewStarted: true,
  ReviewEscalated: true,
  VerdictReached: true,
  VerdictBecameFinal: true,
  VerdictOverrideProposed: true,
  ComplaintLinked: true,
  CasePackExported: true,
  ComplaintReceived: true,
  ComplaintAnswered: true,
  ComplaintBecameOverdue: true,
  ComplaintClosed: true,
  VerdictOverrideWithdrawn: true,
  VerdictOverturned: true,
  AppealLodged: true,
  AppealWithdrawn: true,
  AppealEscalated: true,
  AppealRuled: true,
  DisputeWithdrawn: true,
  PolicyPublished: true,
  IncidentRecorded: true,
  IncidentWidened: true,
  IncidentEnded: true,
  IncidentRetracted: true,
  PolicyShortNoticeProposed: true,
  PolicyShortNoticeWithdrawn: true,
  PolicyWithdrawn: true,
  PolicyRetired: true,
  DepositPeriodOpened: true,
  DepositCarriedForward: true,
  SettlementScheduled: true,
  SettlementSkipped: true,
  DepositPeriodClosed: true,
  DepositAgreed: true,
  CaseNoted: true,
  CaseNoteEnded: true,
  HoldReassigned: true,
  ObligationOpened: true,
  ObligationRefundPaid: true,
  HandOverDeclined: true,
  DepositFundingPaid: true,
  WithdrawalRequested: true,
  ClosingRequested: true,
  WithdrawalCancelled: true,
  CoolingOffEnded: true,
  DrawPaid: true,
  AccountClosed: true,
  WriteOffProposed: true,
  ObligationRevoked: true,
  CompensationClaimed: true,
  DepositFellShort: true,
  ShortfallCured: true,
  FundPeriodOpened: true,
  FundCarriedForward: true,
  FundPeriodClosed: true,
  ReservationQueued: true,
  ReservationFreed: true,
  CompensationQueued: true,
  ReservationHandedOver: true,
  ReservationTakenOver: true,
  ReservationHandedBack: true,
  HandOversRenewed: true,
  HandOverEnded: true,
  HandOverRevoked: true,
  ReservationWithdrawn: true,
  FundPaused: true,
  FundResumed: true,
  FundLimitsSet: true,
  FundDayOpened: true,
  FundRanLow: true,
  FundRecovered: true,
  FundPauseOrdered: true,
  FundResumeProposed: true,
  FundResumeOrdered: true,
  FundLimitsProposed: true,
  FundLimitsApproved: true,
  FundHoldLiftOrdered: true,
  FundDayBegan: true,
  ContributionProposed: true,
  ContributionApproved: true,
  PayoutRequested: true,
  PayoutApprovalProposed: true,
  PayoutApproved: true,
  PayoutHeld: true,
  TransferSubmitted: true,
  TransferProcessing: true,
  TransferOutcomeUnknown: true,
  TransferBlocked: true,
  TransferFailed: true,
  PayoutUnclaimed: true,
  PayoutDestinationChanged: true,
  PayoutCancelRequested: true,
  PayoutCancelled: true,
  PayoutCancelRefused: true,
  PayoutReturned: true,
  BuyerDebtOpened: true,
  BuyerDebtRepaid: true,
  BuyerDebtReturned: true,
  DebtWriteOffProposed: true,
  DebtWriteOffApproved: true,
  OutsideRefundRefused: true,
  DifferenceAssigned: true,
  DifferenceReleased: true,
  DifferenceWriteOffProposed: true,
  UniqueClaimed: true,
};

const movesOf = (event: DomainEvent) => {
  const books = new Books();
  books.apply(event);
  return Object.fromEntries([...books.rows()].map(({ account, balance }) => [account, format(balance)]));
};

it.each(Object.entries<Golden>(golden))('%s moves exactly its accounts', (type, { event, postings, moves }) => {
  expect(event.type).toBe(type);
  expect(postingsOf(event).map(show)).toEqual(postings);
  expect(movesOf(event)).toEqual(moves);
});

it.each(Object.keys(silent))('%s moves nothing', (type) => {
  expect(postingsOf({ type, data: {} } as DomainEvent)).toEqual([]);
});

it('a settlement is paid out of its own account', () => {
  expect(postingsOf(history.settlementPaid.at(-1)!).map(show)).toEqual([
    'demo/outgoing:demo.m1.s1 → demo/gateway:alipay 95.00 CNY',
  ]);
});

it('a refund that came back pays for the fraud out of its own account', () => {
  expect(postingsOf(history.fraudRepaid(7_000, 'refund')).map(show)).toEqual([
    'demo/refund:demo.o1.1.v1 → demo/buyer:b1:owed 70.00 CNY',
    'demo/fund:advanced → demo/fund:available 70.00 CNY',
  ]);
});

it('the platform bears what was paid twice and is never repaid', () => {
  expect(postingsOf(history.buyerDebtWrittenOff('double-payment', 7_000)).map(show)).toEqual([
    'demo/platform:losses → demo/buyer:b1:owed 70.00 CNY',
  ]);
});

it('money that came in and nobody knows is posted the other way round', () => {
  const [booked, cleared, writtenOff] = [
    history.differenceBooked(700, 'in'),
    history.differenceCleared(700, { kind: 'explained', reason: 'booked since' }, 'in'),
    history.differenceWrittenOff(700, 'zhou', 'in'),
  ];
  expect([booked, cleared, writtenOff].flatMap((event) => postingsOf(event)).map(show)).toEqual([
    'demo/gateway:alipay → demo/suspense:alipay 7.00 CNY',
    'demo/suspense:alipay → demo/gateway:alipay 7.00 CNY',
    'demo/suspense:alipay → demo/platform:losses 7.00 CNY',
  ]);
});

it('a part that is nothing is not posted', () => {
  expect(postingsOf(history.reserved('platform')).map(show)).toEqual([
    'demo/fund:available → demo/refund:demo.o1.1.v1 100.00 CNY',
  ]);
  expect(postingsOf(history.debited(3_000, 0, 6_500))).toHaveLength(1);
});

it('stops at an event of a newer program', () => {
  expect(() => postingsOf({ type: 'EventOfTomorrow', data: {} } as unknown as DomainEvent)).toThrow(UnknownEventType);
});
