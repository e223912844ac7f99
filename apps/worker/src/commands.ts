import type { BuyerDebtCommand, FundControlCommand, PayoutCommand, ReconciliationCommand } from '@recourse/compensation';
import type { DepositCommand } from '@recourse/deposits';
import type { ComplaintCommand, DisputeCommand } from '@recourse/disputes';
import type { CommandAction, CommandContext } from '@recourse/eventing';
import { commandOf } from '@recourse/nest';
import type { OrderCommand } from '@recourse/orders';

export class ApproveRefund extends commandOf<OrderCommand, 'ApproveRefund'>('order', 'ApproveRefund') {}
export class RevokeRefund extends commandOf<OrderCommand, 'RevokeRefund'>('order', 'RevokeRefund') {}
export class OverturnRefund extends commandOf<OrderCommand, 'OverturnRefund'>('order', 'OverturnRefund') {}
export class CloseClaim extends commandOf<OrderCommand, 'CloseClaim'>('order', 'CloseClaim') {}
export class NoteIncident extends commandOf<OrderCommand, 'NoteIncident'>('order', 'NoteIncident') {}
export class PassOrderDeadlines extends commandOf<OrderCommand, 'PassOrderDeadlines'>('order', 'PassOrderDeadlines') {}

export class OpenDispute extends commandOf<DisputeCommand, 'OpenDispute'>('dispute', 'OpenDispute') {}
export class SubmitDispute extends commandOf<DisputeCommand, 'SubmitDispute'>('dispute', 'SubmitDispute') {}
export class ReportReplacement extends commandOf<DisputeCommand, 'ReportReplacement'>('dispute', 'ReportReplacement') {}
export class AttestIncident extends commandOf<DisputeCommand, 'AttestIncident'>('dispute', 'AttestIncident') {}
export class ApplyPolicy extends commandOf<DisputeCommand, 'ApplyPolicy'>('dispute', 'ApplyPolicy') {}
export class RecordVerification extends commandOf<DisputeCommand, 'RecordVerification'>('dispute', 'RecordVerification') {}
export class LinkComplaint extends commandOf<DisputeCommand, 'LinkComplaint'>('dispute', 'LinkComplaint') {}
export class PassDisputeDeadlines extends commandOf<DisputeCommand, 'PassDisputeDeadlines'>('dispute', 'PassDisputeDeadlines') {}

export class PassComplaintDeadlines extends commandOf<ComplaintCommand, 'PassComplaintDeadlines'>(
  'complaint',
  'PassComplaintDeadlines',
) {}

export class CreditPayable extends commandOf<DepositCommand, 'CreditPayable'>('deposit', 'CreditPayable') {}
export class NoteCase extends commandOf<DepositCommand, 'NoteCase'>('deposit', 'NoteCase') {}
export class EndCaseNote extends commandOf<DepositCommand, 'EndCaseNote'>('deposit', 'EndCaseNote') {}
export class OpenObligation extends commandOf<DepositCommand, 'OpenObligation'>('deposit', 'OpenObligation') {}
export class CollectObligation extends commandOf<DepositCommand, 'CollectObligation'>('deposit', 'CollectObligation') {}
export class FundRefund extends commandOf<DepositCommand, 'FundRefund'>('deposit', 'FundRefund') {}
export class RevokeFunding extends commandOf<DepositCommand, 'RevokeFunding'>('deposit', 'RevokeFunding') {}
export class RevokeObligation extends commandOf<DepositCommand, 'RevokeObligation'>('deposit', 'RevokeObligation') {}
export class CreditCompensation extends commandOf<DepositCommand, 'CreditCompensation'>('deposit', 'CreditCompensation') {}
export class MakeWhole extends commandOf<DepositCommand, 'MakeWhole'>('deposit', 'MakeWhole') {}
export class ConfirmDraw extends commandOf<DepositCommand, 'ConfirmDraw'>('deposit', 'ConfirmDraw') {}
export class ReturnDraw extends commandOf<DepositCommand, 'ReturnDraw'>('deposit', 'ReturnDraw') {}
export class PassDepositDeadlines extends commandOf<DepositCommand, 'PassDepositDeadlines'>('deposit', 'PassDepositDeadlines') {}

export class RequestPayout extends commandOf<PayoutCommand, 'RequestPayout'>('payout', 'RequestPayout') {}
export class CancelPayout extends commandOf<PayoutCommand, 'CancelPayout'>('payout', 'CancelPayout') {}
export class SubmitTransfer extends commandOf<PayoutCommand, 'SubmitTransfer'>('payout', 'SubmitTransfer') {}
export class RecordRailWord extends commandOf<PayoutCommand, 'RecordRailWord'>('payout', 'RecordRailWord') {}
export class RecordRefundedOutside extends commandOf<PayoutCommand, 'RecordRefundedOutside'>('payout', 'RecordRefundedOutside') {}

export class ClearDifference extends commandOf<ReconciliationCommand, 'ClearDifference'>('reconciliation', 'ClearDifference') {}
export class ReleaseDifference extends commandOf<ReconciliationCommand, 'ReleaseDifference'>(
  'reconciliation',
  'ReleaseDifference',
) {}

export class OpenBuyerDebt extends commandOf<BuyerDebtCommand, 'OpenBuyerDebt'>('buyerdebt', 'OpenBuyerDebt') {}
export class SettleDebtByReturn extends commandOf<BuyerDebtCommand, 'SettleDebtByReturn'>('buyerdebt', 'SettleDebtByReturn') {}

export class BeginFundDay extends commandOf<FundControlCommand, 'BeginFundDay'>('fundcontrol', 'BeginFundDay') {}

export const orderCommands = [ApproveRefund, RevokeRefund, OverturnRefund, CloseClaim, NoteIncident, PassOrderDeadlines] as const;
export const disputeCommands = [
  OpenDispute,
  SubmitDispute,
  ReportReplacement,
  AttestIncident,
  ApplyPolicy,
  RecordVerification,
  LinkComplaint,
  PassDisputeDeadlines,
] as const;
export const complaintCommands = [PassComplaintDeadlines] as const;
export const depositCommands = [
  CreditPayable,
  NoteCase,
  EndCaseNote,
  OpenObligation,
  CollectObligation,
  FundRefund,
  RevokeFunding,
  RevokeObligation,
  CreditCompensation,
  MakeWhole,
  ConfirmDraw,
  ReturnDraw,
  PassDepositDeadlines,
] as const;
export const fundControlCommands = [BeginFundDay] as const;
export const payoutCommands = [RequestPayout, CancelPayout, SubmitTransfer, RecordRailWord, RecordRefundedOutside] as const;
export const buyerDebtCommands = [OpenBuyerDebt, SettleDebtByReturn] as const;
export const reconciliationCommands = [ClearDifference, ReleaseDifference] as const;

type AnyCommandClass = { readonly category: string; readonly type: string } & (new (
  id: string,
  command: never,
  context: CommandContext,
) => object);
const classes: ReadonlyMap<string, AnyCommandClass> = new Map(
  (
    [
      ...orderCommands,
      ...disputeCommands,
      ...depositCommands,
      ...payoutCommands,
      ...buyerDebtCommands,
      ...reconciliationCommands,
    ] as readonly AnyCommandClass[]
  ).map((one) => [`${one.category}/${one.type}`, one]),
);

/** The command object of a process's action. @throws Error when this worker has no class for it */
export function commandOfAction(action: CommandAction, context: CommandContext): object {
  const commandClass = classes.get(`${action.category}/${action.command.type}`);
  if (commandClass === undefined)
    throw new Error(`the worker has no command class for ${action.category}/${action.command.type}`);
  return new commandClass(action.id, action.command as never, context);
}
