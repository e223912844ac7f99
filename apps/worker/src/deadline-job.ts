import { categoryOf, idOf } from '@recourse/eventing';
import {
  BeginFundDay,
  PassComplaintDeadlines,
  PassDepositDeadlines,
  PassDisputeDeadlines,
  PassOrderDeadlines,
} from './commands.js';
import { jobContext, send, type JobTools } from './jobs.js';

/** A timer only wakes the decider, which compares every deadline of the stream with the command's time. */
export async function runDeadline(tools: JobTools, stream: string): Promise<void> {
  const context = await jobContext(tools, 'deadline');
  switch (categoryOf(stream)) {
    case 'order':
      await send(tools, new PassOrderDeadlines(idOf(stream), { type: 'PassOrderDeadlines' }, context));
      return;
    case 'dispute':
      await send(tools, new PassDisputeDeadlines(idOf(stream), { type: 'PassDisputeDeadlines' }, context));
      return;
    case 'complaint':
      await send(tools, new PassComplaintDeadlines(idOf(stream), { type: 'PassComplaintDeadlines' }, context));
      return;
    case 'fundcontrol':
      await send(tools, new BeginFundDay(idOf(stream), { type: 'BeginFundDay' }, context));
      return;
    case 'deposit':
      await send(tools, new PassDepositDeadlines(idOf(stream), { type: 'PassDepositDeadlines' }, context));
      return;
    default:
      tools.alarm('a deadline of an unknown kind of stream', { stream });
  }
}
