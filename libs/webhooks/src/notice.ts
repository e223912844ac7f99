import type { DepositEvent } from '@recourse/deposits/events';
import { toJson } from '@recourse/money';
import type { StatedMovement } from '@recourse/postgres';

/** What a merchant is told of, by event of his account; null: no money of his moves. */
export const noticeTypes = {
  DepositPeriodOpened: null,
  DepositCarriedForward: null,
  DepositPeriodClosed: null,
  DepositAgreed: null,
  DepositToppedUp: 'deposit.topped_up',
  PayableCredited: 'payable.credited',
  CaseNoted: null,
  CaseNoteEnded: null,
  DepositHeld: 'deposit.held',
  HoldReleased: 'deposit.hold_released',
  HoldReassigned: null,
  ObligationOpened: 'recourse.opened',
  ObligationRefundPaid: null,
  DepositDebited: 'deposit.debited',
  PayableDebited: 'payable.debited',
  RefundFundedFromDeposit: 'deposit.refund_funded',
  HandOverDeclined: null,
  DepositFundingPaid: null,
  DepositFundingRevoked: 'deposit.refund_funding_revoked',
  SettlementDrawn: 'settlement.drawn',
  SettlementReturned: 'settlement.returned',
  SettlementScheduled: null,
  SettlementSkipped: null,
  WithdrawalRequested: null,
  ClosingRequested: null,
  WithdrawalCancelled: null,
  CoolingOffEnded: null,
  WithdrawalDrawn: 'withdrawal.drawn',
  DrawPaid: null,
  DrawReturned: 'draw.returned',
  AccountClosed: 'account.closed',
  WriteOffProposed: null,
  RecourseWrittenOff: 'recourse.written_off',
  RecourseReinstated: 'recourse.reinstated',
  ObligationRevoked: 'recourse.revoked',
  RecourseForgiven: 'recourse.forgiven',
  CompensationClaimed: null,
  CompensationCredited: 'compensation.credited',
  DepositFellShort: 'deposit.fell_short',
  ShortfallCured: 'deposit.shortfall_cured',
} as const satisfies Record<DepositEvent['type'], string | null>;

export const noticeTypeOf = (event: string): string | null =>
  Object.hasOwn(noticeTypes, event) ? noticeTypes[event as keyof typeof noticeTypes] : null;

/** Where the API says more of a movement; paths, since only the merchant knows by which name he reaches it. */
export interface MovementLinks {
  readonly statement: string;
  readonly refund?: string;
  /** The case with its verdict, the rule that fired and its explanation. */
  readonly dispute?: string;
  readonly evidence?: string;
  /** The case says until when its verdict can be appealed against. */
  readonly appeal?: string;
}

export function linksOf({ merchant, position, refund_id, case_id }: StatedMovement): MovementLinks {
  const caseAt = case_id === null ? undefined : `/disputes/${case_id}`;
  return {
    statement: `/deposits/${merchant}/statement?from=${position}&to=${position + 1n}`,
    ...(refund_id === null ? {} : { refund: `/refunds/${refund_id}` }),
    ...(caseAt === undefined ? {} : { dispute: caseAt, evidence: `${caseAt}/evidence`, appeal: caseAt }),
  };
}

/** The body of a message: the same whenever it is sent. Of people and keys it says nothing. */
export function noticeBody(asset: string, movement: StatedMovement): string {
  const money = (minor: bigint) => toJson({ asset, minor });
  return JSON.stringify({
    type: noticeTypeOf(movement.kind),
    timestamp: movement.recorded_at,
    data: {
      position: movement.position.toString(),
      event: movement.kind,
      platform: movement.platform,
      merchant: movement.merchant,
      recordedAt: movement.recorded_at,
      effectiveAt: movement.at,
      dispute: movement.case_id,
      refund: movement.refund_id,
      order: movement.order_id,
      reference: movement.reference,
      rule: movement.rule,
      change: {
        available: money(movement.deposit_change),
        held: money(movement.held_change),
        owed: money(movement.owed_change),
        payable: money(movement.payable_change),
      },
      balance: {
        available: money(movement.deposit),
        held: money(movement.held),
        owed: money(movement.owed),
        payable: money(movement.payable),
      },
      links: linksOf(movement),
    },
  });
}
