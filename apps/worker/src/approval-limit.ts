import type { PayoutCommand } from '@recourse/compensation';
import type { CommandAction, CommandOf } from '@recourse/eventing';
import { approvalLimitOf, type ApprovalLimits } from '@recourse/nest';

/** Puts the limit in force on a request for a payout, so that its event says by which limit it was judged, then and for ever. */
export function withApprovalLimit(action: CommandAction, limits: ApprovalLimits): CommandAction {
  if (action.category !== 'payout' || action.command.type !== 'RequestPayout') return action;
  const request = action.command as CommandOf<PayoutCommand, 'RequestPayout'>;
  const approvalLimit = approvalLimitOf(limits, request.platform, request.amount.asset);
  const command: PayoutCommand = { ...request, approvalLimit };
  return { ...action, command };
}
