import type {
  BuyerDebtRejection,
  ContributionRejection,
  FundControlRejection,
  OutsideRefusal,
  PayoutRejection,
  ReconciliationRejection,
} from '@recourse/compensation/events';
import type { DepositRejection } from '@recourse/deposits/events';
import type { ComplaintRejection, DisputeRejection, PolicyRejection, TranscriptRejection } from '@recourse/disputes/events';
import type { Rejection } from '@recourse/eventing';
import { kebab, Problem } from '@recourse/nest';
import type { FeeRejection, OrderRejection } from '@recourse/orders/events';

type Code =
  | OrderRejection
  | FeeRejection
  | DisputeRejection
  | ComplaintRejection
  | PolicyRejection
  | TranscriptRejection
  | DepositRejection
  | ContributionRejection
  | FundControlRejection
  | PayoutRejection
  | BuyerDebtRejection
  | OutsideRefusal
  | ReconciliationRejection
  | 'OwnedByAnother';

/** 404: it is not there. 422: it can never be so. 409: it cannot be so now. 403: not by you. */
const statuses: Readonly<Record<Code, 403 | 404 | 409 | 422>> = {
  AccountClosed: 409,
  AccountUnopened: 404,
  AlreadyApproved: 409,
  AlreadyDecided: 409,
  AlreadyDelivered: 409,
  AlreadyOverturned: 409,
  AlreadyPaused: 409,
  AlreadyProposed: 409,
  AlreadySucceeded: 409,
  AmountNotPositive: 422,
  AmountTooLarge: 422,
  AssetMismatch: 422,
  AwaitingApproval: 409,
  CaptureMismatch: 422,
  ClaimNotSubmitted: 409,
  ClaimOver: 409,
  ClaimUnknown: 404,
  ClearingUnderway: 409,
  ComplaintAnswered: 409,
  ComplaintDiffers: 409,
  ComplaintNotYet: 422,
  ComplaintOver: 409,
  ComplaintUnknown: 404,
  ConsentMissing: 422,
  ContradictoryDecision: 422,
  ContributionExists: 409,
  ContributionUnknown: 404,
  DeadlineBackdated: 422,
  DebtDiffers: 409,
  DebtUnknown: 404,
  DeliveryFailed: 409,
  DeliveryWindowOver: 409,
  DifferenceSettled: 409,
  DifferenceUnknown: 404,
  DiscountTooLarge: 422,
  DisputeExists: 409,
  DisputeUnknown: 404,
  DraftOver: 409,
  DraftUsed: 409,
  EvidenceTooLate: 409,
  ExplanationInvalid: 422,
  ExposureTooHigh: 409,
  ExposureUnknown: 422,
  FeeMissing: 422,
  FeeScheduled: 422,
  FeeTooLarge: 422,
  FeesBackdated: 422,
  FeesInvalid: 422,
  FraudUnfounded: 422,
  LimitsUnchanged: 409,
  LimitsUnknown: 404,
  MoreThanFree: 409,
  MoreThanOwed: 409,
  MoreThanPayable: 409,
  NoAnswerExpected: 409,
  NoReplacementToCheck: 409,
  NotADraft: 409,
  NotARefund: 422,
  NotAwaitingApproval: 409,
  NotByVerdict: 409,
  NotDelivered: 409,
  NotNextTransfer: 409,
  NotPaid: 409,
  NotPaused: 409,
  NotProposed: 409,
  NotUnclaimed: 409,
  NotUnderReview: 409,
  NothingChanges: 409,
  NothingOrdered: 422,
  NothingToReview: 409,
  NothingOwed: 409,
  NothingPayable: 409,
  NothingToConfirm: 409,
  NothingToReveal: 409,
  ObligationOutstanding: 409,
  ObligationUnknown: 404,
  OrderExists: 409,
  OrderIsCancelled: 409,
  OrderUnknown: 404,
  OwnedByAnother: 409,
  PayoutDiffers: 409,
  PayoutIsCancelled: 409,
  PayoutUnknown: 404,
  PlatformBearsIt: 409,
  PolicyInvalid: 422,
  PromiseIncomplete: 422,
  RailContradictsItself: 409,
  RefundIsOverturned: 409,
  RefundIsRevoked: 409,
  RefundNotPaid: 409,
  RefundPaid: 409,
  RefundTooLarge: 409,
  RefundUnknown: 404,
  RefundWasRefused: 409,
  ReissueOver: 409,
  SameSubject: 403,
  TermsNotNewer: 409,
  TooManyCaptures: 409,
  TooManyClaims: 409,
  TooManyDifferences: 409,
  TooManyUnits: 422,
  TooMuchEvidence: 409,
  TranscriptEmpty: 422,
  TranscriptTooLong: 422,
  TransferLive: 409,
  TransferUnknown: 404,
  Unclaimed: 409,
  UnitRefunded: 409,
  UnitReplaced: 409,
  UnitUnderClaim: 409,
  UnitUnknown: 404,
  VerdictUnknown: 404,
  VerificationUnexpected: 409,
  VersionNotNext: 409,
  WithdrawalOver: 409,
  WithdrawalPending: 409,
  WrongDelivery: 422,
  WrongKey: 409,
  WrongPolicy: 409,
};

/** A domain's refusal as its client reads it: `OrderUnknown` → 404 `order-unknown`. */
export const problemOfRejection = ({ rejected, detail }: Rejection): Problem =>
  new Problem(Object.hasOwn(statuses, rejected) ? statuses[rejected as Code] : 409, kebab(rejected), detail);
