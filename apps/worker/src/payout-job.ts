import { dueOf, payout, type Payout, type PayoutEvent, type PayoutRejection, type RailWord } from '@recourse/compensation';
import { fold } from '@recourse/eventing';
import { transferKey, type PayoutRail, type QueryOutcome } from '@recourse/rails';
import { RecordRailWord, SubmitTransfer } from './commands.js';
import { jobContext, JobRefused, send, type JobTools } from './jobs.js';

/** Every step re-reads the stream; so many are enough for the most transfers one destination may have. */
const maxSteps = 16;

/** The payout was moved on by somebody else since it was read; it is read again. */
const movedOn: ReadonlySet<string> = new Set([
  'AlreadySucceeded',
  'AwaitingApproval',
  'NotNextTransfer',
  'PayoutIsCancelled',
  'TransferLive',
  'Unclaimed',
] satisfies PayoutRejection[]);

type Live = Extract<Payout, { status: 'live' }>;
type Succeeded = Extract<Payout, { status: 'succeeded' }>;

/**
 * Moves one payout on: intent, rail, word, each stored before the next. Running twice, or dying anywhere, changes nothing:
 * the intent names the transfer's key before the rail is called, and a transfer that may be at the rail is asked about first.
 * Of one that succeeded the rail is asked whether it came back.
 */
export async function runPayout(tools: JobTools, payoutId: string): Promise<void> {
  let submittedNow = false;
  let paidNow = false;
  for (let step = 0; step < maxSteps; step += 1) {
    const state = await stateOf(tools, payoutId);
    switch (state.status) {
      case 'unrequested':
      case 'barred':
      case 'waiting':
      case 'unclaimed':
      case 'outside':
      case 'cancelled':
      case 'returned':
        return;
      case 'ready':
        submittedNow = await submit(tools, payoutId, state.keys.length + 1);
        break;
      case 'live': {
        const rail = railOf(tools, state);
        if (rail === undefined) return;
        const word = await wordOf(tools, rail, state, submittedNow);
        submittedNow = false;
        await record(tools, state, word);
        // What is not definite is asked about at the next wake-up; the sweep makes one every minute.
        if (!isFinal(word)) return;
        paidNow = word.state === 'Succeeded';
        break;
      }
      case 'succeeded': {
        const rail = railOf(tools, state);
        if (paidNow || rail === undefined) return;
        const word = wordSince(state, await rail.query(state.transfer.key));
        if (word === undefined || !(await record(tools, state, word)) || word.state !== 'Reversed') return;
        break;
      }
    }
  }
}

const isFinal = ({ state }: RailWord): boolean => state === 'Succeeded' || state === 'Failed' || state === 'Reversed';

function railOf({ rails, alarm }: JobTools, { requested: { payoutId, rail } }: Live | Succeeded): PayoutRail | undefined {
  const found = rails.get(rail);
  if (found === undefined) alarm('a payout names a rail that is not configured', { payoutId, rail });
  return found;
}

/** Stores the intent. @returns whether the rail cannot know the transfer yet, as far as this job can tell */
async function submit(tools: JobTools, payoutId: string, transferNo: number): Promise<boolean> {
  const command = { type: 'SubmitTransfer', transferNo, key: transferKey(payoutId, transferNo) } as const;
  try {
    const { outcome } = await send(tools, new SubmitTransfer(payoutId, command, await jobContext(tools, 'payout')));
    return outcome === 'appended';
  } catch (error) {
    if (error instanceof JobRefused && movedOn.has(error.code)) return false;
    throw error;
  }
}

/** @returns whether it could be recorded: two words of the rail that cannot both be true are for a person */
async function record(tools: JobTools, { requested, transfer }: Live | Succeeded, word: RailWord): Promise<boolean> {
  const { payoutId, rail } = requested;
  const { transferNo } = transfer;
  try {
    await send(
      tools,
      new RecordRailWord(payoutId, { type: 'RecordRailWord', transferNo, word }, await jobContext(tools, 'payout')),
    );
    return true;
  } catch (error) {
    if (!(error instanceof JobRefused && error.code === 'RailContradictsItself')) throw error;
    tools.alarm(error.message, { payoutId, rail });
    return false;
  }
}

/** What the rail says of a transfer that succeeded, if that is news: it came back, or its fee is known now. */
function wordSince({ charged, transfer }: Succeeded, outcome: QueryOutcome): RailWord | undefined {
  switch (outcome.state) {
    case 'Reversed':
    case 'Failed':
      return definite(outcome);
    case 'Succeeded':
      return outcome.fee === undefined || charged.includes(transfer.transferNo) ? undefined : definite(outcome);
    case 'Processing':
    case 'Unknown':
    case 'NotFound':
    case 'FundingBlocked':
    case 'ChannelHalted':
    case 'Conflict':
      return undefined;
  }
}

function definite(outcome: Extract<QueryOutcome, { state: 'Succeeded' | 'Reversed' | 'Failed' }>): RailWord {
  if (outcome.state === 'Failed') return { state: 'Failed', failure: outcome.class, code: outcome.code };
  const { railTransferId, fee } = outcome;
  const told = { railTransferId, ...(fee === undefined ? {} : { fee }) };
  return outcome.state === 'Succeeded' ? { state: 'Succeeded', ...told } : { state: 'Reversed', ...told, code: outcome.code };
}

async function stateOf({ eventStore }: JobTools, payoutId: string): Promise<Payout> {
  return fold(payout, await eventStore.readStream<PayoutEvent>(`payout-${payoutId}`, { limit: 5_000 }));
}

async function wordOf(tools: JobTools, rail: PayoutRail, state: Live, submittedNow: boolean): Promise<RailWord> {
  const { key } = state.transfer;
  const known: QueryOutcome = submittedNow ? { state: 'NotFound' } : await rail.query(key);
  // The same key and the same parameters again: the rail pays a key once, however often it is sent.
  const outcome = known.state === 'NotFound' ? await resend(tools, rail, state) : known;
  switch (outcome.state) {
    case 'Succeeded':
    case 'Reversed':
    case 'Failed':
      return definite(outcome);
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

async function resend({ vault }: JobTools, rail: PayoutRail, state: Live) {
  const { requested, payee, transfer } = state;
  const person = await vault.readPerson(payee);
  return rail.transfer({
    key: transfer.key,
    amount: dueOf(state),
    payee: person['account'] ?? '',
    reference: requested.payoutId,
  });
}
