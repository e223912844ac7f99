import { payout, type Payout, type PayoutEvent, type RailWord } from '@recourse/compensation';
import { fold } from '@recourse/eventing';
import { transferKey, type PayoutRail, type QueryOutcome } from '@recourse/rails';
import { RecordRailWord, SubmitTransfer } from './commands.js';
import { jobContext, send, type JobTools } from './jobs.js';

/** Every step re-reads the stream; so many are enough for the most transfers one destination may have. */
const maxSteps = 16;

/**
 * Moves one payout on: intent, rail, word, each stored before the next. Running twice, or dying anywhere, changes nothing:
 * the intent names the transfer's key before the rail is called, and a transfer that may be at the rail is asked about first.
 */
export async function runPayout(tools: JobTools, payoutId: string): Promise<void> {
  let justSubmitted = false;
  for (let step = 0; step < maxSteps; step += 1) {
    const state = await stateOf(tools, payoutId);
    switch (state.status) {
      case 'unrequested':
      case 'succeeded':
      case 'unclaimed':
        return;
      case 'ready': {
        const transferNo = state.keys.length + 1;
        await send(
          tools,
          new SubmitTransfer(
            payoutId,
            { type: 'SubmitTransfer', transferNo, key: transferKey(payoutId, transferNo) },
            await jobContext(tools, 'payout'),
          ),
        );
        justSubmitted = true;
        break;
      }
      case 'live': {
        const rail = tools.rails.get(state.requested.rail);
        if (rail === undefined) {
          tools.alarm('a payout names a rail that is not configured', { payoutId, rail: state.requested.rail });
          return;
        }
        const word = await wordOf(tools, rail, state, justSubmitted);
        justSubmitted = false;
        await send(
          tools,
          new RecordRailWord(
            payoutId,
            { type: 'RecordRailWord', transferNo: state.transfer.transferNo, word },
            await jobContext(tools, 'payout'),
          ),
        );
        // What is not definite is asked about at the next wake-up; the sweep makes one every minute.
        if (word.state !== 'Succeeded' && word.state !== 'Failed') return;
        break;
      }
    }
  }
}

async function stateOf({ eventStore }: JobTools, payoutId: string): Promise<Payout> {
  return fold(payout, await eventStore.readStream<PayoutEvent>(`payout-${payoutId}`, { limit: 5_000 }));
}

async function wordOf(
  tools: JobTools,
  rail: PayoutRail,
  state: Extract<Payout, { status: 'live' }>,
  justSubmitted: boolean,
): Promise<RailWord> {
  const { key } = state.transfer;
  const known: QueryOutcome = justSubmitted ? { state: 'NotFound' } : await rail.query(key);
  // The same key and the same parameters again: the rail pays a key once, however often it is sent.
  const outcome = known.state === 'NotFound' ? await resend(tools, rail, state) : known;
  switch (outcome.state) {
    case 'Succeeded':
      return { state: 'Succeeded', railTransferId: outcome.railTransferId };
    case 'Failed':
      return { state: 'Failed', failure: outcome.class, code: outcome.code };
    case 'FundingBlocked':
    case 'ChannelHalted':
      tools.alarm('a rail cannot pay', { payoutId: state.requested.payoutId, rail: rail.name, code: outcome.code });
      return outcome;
    case 'Conflict':
      tools.alarm('a transfer key is known to the rail with other content', {
        payoutId: state.requested.payoutId,
        rail: rail.name,
        code: outcome.code,
      });
      return { state: 'Unknown', cause: `conflict ${outcome.code}` };
    case 'Processing':
    case 'Unknown':
      return outcome;
  }
}

async function resend(
  { vault }: JobTools,
  rail: PayoutRail,
  { requested, payee, transfer }: Extract<Payout, { status: 'live' }>,
) {
  const person = await vault.readPerson(payee);
  return rail.transfer({
    key: transfer.key,
    amount: requested.amount,
    payee: person['account'] ?? '',
    reference: requested.payoutId,
  });
}
