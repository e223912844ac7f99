import type { DepositEvent, HoldFor } from '@recourse/deposits/events';
import type { Instant, Recorded } from '@recourse/eventing';
import { add, isZero, negate, zero, type Money } from '@recourse/money';
import type { RefundGround } from '@recourse/orders/events';

/** The three numbers of a deposit statement. */
export interface DepositStanding {
  /** merchant:{m}:deposit */
  readonly available: Money;
  /** merchant:{m}:held */
  readonly held: Money;
  /** Recourse that was opened and is not recovered yet. */
  readonly owed: Money;
}

/** Why a deposit moved, in words for the merchant. */
export const statementReasons = {
  'topped-up': { zh: '保证金充值', en: 'Top-up' },
  'held-for-case': { zh: '纠纷冻结', en: 'Held for a case' },
  'held-for-obligation': { zh: '待追偿冻结', en: 'Held for an obligation' },
  'hold-released': { zh: '解除冻结', en: 'Hold released' },
  'obligation-opened': { zh: '垫付退款，形成追偿', en: 'Refund advanced, recourse opened' },
  'refund-funded': { zh: '保证金直接支付退款', en: 'Refund paid from the deposit' },
  'refund-funding-revoked': { zh: '退款撤销，保证金退回', en: 'Refund revoked, deposit given back' },
  'deposit-debited': { zh: '保证金扣款追偿', en: 'Recourse from deposit' },
  withdrawn: { zh: '保证金提取', en: 'Deposit withdrawn' },
  'draw-returned': { zh: '提取退回', en: 'Withdrawal came back' },
  'recourse-written-off': { zh: '追偿核销', en: 'Recourse written off' },
  'recourse-reinstated': { zh: '核销恢复', en: 'Recourse reinstated' },
  'recourse-forgiven': { zh: '判定被推翻，免除追偿', en: 'Verdict overturned, recourse forgiven' },
  'obligation-revoked': { zh: '退款撤销，追偿取消', en: 'Refund revoked, recourse cancelled' },
  'payable-debited': { zh: '货款抵扣追偿', en: 'Recourse from sales proceeds' },
} as const;
export type StatementReason = keyof typeof statementReasons;

/** What a line refers to, as far as the account's own events tell. */
export interface StatementReference {
  readonly caseId?: string;
  readonly orderId?: string;
  readonly obligationId?: string;
  readonly refundId?: string;
  /** The rail's transaction of a top-up. */
  readonly transaction?: string;
  /** Of a withdrawal. */
  readonly payoutId?: string;
}

/** What one event does to the three numbers. */
export interface DepositMovement {
  readonly reason: StatementReason;
  readonly reference: StatementReference;
  readonly change: DepositStanding;
}

export interface StatementLine extends DepositMovement {
  readonly eventId: string;
  readonly position: bigint;
  readonly effectiveAt: Instant;
  /** Why the refund behind the line was due, if the caller knows: it names verdict and rule. */
  readonly ground?: RefundGround;
  readonly opening: DepositStanding;
  readonly closing: DepositStanding;
}

export interface DepositStatement {
  readonly opening: DepositStanding;
  readonly lines: readonly StatementLine[];
  readonly closing: DepositStanding;
}

export const emptyStanding = (asset = 'CNY'): DepositStanding => ({
  available: zero(asset),
  held: zero(asset),
  owed: zero(asset),
});
const addStanding = (one: DepositStanding, other: DepositStanding): DepositStanding => ({
  available: add(one.available, other.available),
  held: add(one.held, other.held),
  owed: add(one.owed, other.owed),
});

/** The movement of one event; undefined when none of the three numbers moves. Proceeds, compensation and settlements are not deposit. */
export function depositMovementOf(event: DepositEvent): DepositMovement | undefined {
  switch (event.type) {
    case 'DepositToppedUp': {
      const { amount, transaction } = event.data;
      return movement('topped-up', { transaction }, amount, { available: amount });
    }
    case 'DepositHeld': {
      const { for: secured, amount } = event.data;
      return movement(`held-for-${secured.kind}`, securing(secured), amount, { available: negate(amount), held: amount });
    }
    case 'HoldReleased': {
      const { for: secured, amount } = event.data;
      return movement('hold-released', securing(secured), amount, { available: amount, held: negate(amount) });
    }
    case 'ObligationOpened': {
      const { obligationId, refundId, orderId, caseId, amount } = event.data;
      const reference = { obligationId, refundId, orderId, ...(caseId === undefined ? {} : { caseId }) };
      return movement('obligation-opened', reference, amount, { owed: amount });
    }
    case 'DepositDebited': {
      const { obligationId, refundId, fromDeposit, fromHeld, amount } = event.data;
      const change = { available: negate(fromDeposit), held: negate(fromHeld), owed: negate(amount) };
      return movement('deposit-debited', { obligationId, refundId }, amount, change);
    }
    case 'RefundFundedFromDeposit': {
      const { refundId, orderId, caseId, fromHeld, fromDeposit } = event.data;
      const reference = { refundId, orderId, ...(caseId === undefined ? {} : { caseId }) };
      return movement('refund-funded', reference, fromDeposit, { available: negate(fromDeposit), held: negate(fromHeld) });
    }
    case 'DepositFundingRevoked': {
      const { refundId, orderId, toDeposit } = event.data;
      return movement('refund-funding-revoked', { refundId, orderId }, toDeposit, { available: toDeposit });
    }
    case 'PayableDebited': {
      const { obligationId, refundId, amount } = event.data;
      return movement('payable-debited', { obligationId, refundId }, amount, { owed: negate(amount) });
    }
    case 'WithdrawalDrawn': {
      const { payoutId, fromDeposit } = event.data;
      return isZero(fromDeposit)
        ? undefined
        : movement('withdrawn', { payoutId }, fromDeposit, { available: negate(fromDeposit) });
    }
    case 'DrawReturned': {
      const { payoutId, toDeposit } = event.data;
      return isZero(toDeposit) ? undefined : movement('draw-returned', { payoutId }, toDeposit, { available: toDeposit });
    }
    case 'RecourseWrittenOff': {
      const { obligationId, refundId, amount } = event.data;
      return movement('recourse-written-off', { obligationId, refundId }, amount, { owed: negate(amount) });
    }
    case 'RecourseReinstated': {
      const { obligationId, refundId, amount } = event.data;
      return movement('recourse-reinstated', { obligationId, refundId }, amount, { owed: amount });
    }
    case 'RecourseForgiven': {
      const { obligationId, refundId, amount } = event.data;
      return movement('recourse-forgiven', { obligationId, refundId }, amount, { owed: negate(amount) });
    }
    case 'ObligationRevoked': {
      const { obligationId, refundId, amount } = event.data;
      return movement('obligation-revoked', { obligationId, refundId }, amount, { owed: negate(amount) });
    }
    case 'DepositPeriodOpened':
    case 'DepositCarriedForward':
    case 'DepositPeriodClosed':
    case 'DepositAgreed':
    case 'PayableCredited':
    case 'CaseNoted':
    case 'CaseNoteEnded':
    case 'HoldReassigned':
    case 'ObligationRefundPaid':
    case 'HandOverDeclined':
    case 'DepositFundingPaid':
    case 'SettlementDrawn':
    case 'SettlementReturned':
    case 'SettlementScheduled':
    case 'SettlementSkipped':
    case 'WithdrawalRequested':
    case 'ClosingRequested':
    case 'WithdrawalCancelled':
    case 'CoolingOffEnded':
    case 'DrawPaid':
    case 'AccountClosed':
    case 'WriteOffProposed':
    case 'CompensationClaimed':
    case 'CompensationCredited':
    case 'DepositFellShort':
    case 'ShortfallCured':
      return undefined;
  }
}

const securing = (hold: HoldFor): StatementReference =>
  hold.kind === 'case' ? { caseId: hold.caseId } : { obligationId: hold.obligationId };

const movement = (
  reason: StatementReason,
  reference: StatementReference,
  { asset }: Money,
  change: Partial<DepositStanding>,
): DepositMovement => ({ reason, reference, change: { ...emptyStanding(asset), ...change } });

/**
 * The statement of one merchant's account.
 * @param events of that account, in order; a period's first event sets what is available and held
 * @param from where to go on from; without it the account begins with nothing
 * @param groundOf what is known of a refund, to name verdict and rule
 * @throws MoneyError AssetMismatch
 */
export function depositStatement(
  events: Iterable<Recorded<DepositEvent>>,
  from?: DepositStanding,
  groundOf: (refundId: string) => RefundGround | undefined = () => undefined,
): DepositStatement {
  let opening = from;
  let standing = from;
  const lines: StatementLine[] = [];
  const openedBy = new Map<string, StatementReference>();
  for (const event of events) {
    if (event.type === 'DepositPeriodOpened' && standing === undefined)
      standing = opening = { available: event.data.deposit, held: event.data.held, owed: zero(event.data.deposit.asset) };
    const moved = depositMovementOf(event);
    if (moved === undefined) continue;
    const before = (standing ??= emptyStanding(moved.change.owed.asset));
    opening ??= before;
    standing = addStanding(before, moved.change);

    // Later lines of an obligation name the case and order that its first line named.
    const { obligationId } = moved.reference;
    const reference = { ...(obligationId === undefined ? {} : openedBy.get(obligationId)), ...moved.reference };
    if (obligationId !== undefined && event.type === 'ObligationOpened') openedBy.set(obligationId, reference);
    const ground = reference.refundId === undefined ? undefined : groundOf(reference.refundId);
    lines.push({
      eventId: event.id,
      position: event.position,
      effectiveAt: event.metadata.effectiveAt,
      ...moved,
      reference,
      ...(ground === undefined ? {} : { ground }),
      opening: before,
      closing: standing,
    });
  }
  const closing = standing ?? emptyStanding();
  return { opening: opening ?? closing, lines, closing };
}
