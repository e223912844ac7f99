import type { DisputeEvent, VerificationResult } from '@recourse/disputes';
import { isAfter, type Instant, type Recorded } from '@recourse/eventing';
import type { OrderEvent } from '@recourse/orders';
import { VerifierUnavailable, type EarlierAnswer, type VerificationQuestion } from '@recourse/verifiers';
import type { AskingAgain } from './asking-again.js';
import { RecordVerification } from './commands.js';
import { jobContext, JobRefused, send, type JobTools } from './jobs.js';

export interface VerificationTools extends JobTools {
  readonly askingAgain: AskingAgain;
}

/** No question is begun later; what is left has its turn with the next wake-up, so that a slow source holds no place for long. */
const budgetMs = 20_000;
/** Of one order; what older ones were told no longer matters. */
const maxEarlierCases = 10;
const maxEvents = 5_000;

type Case = readonly Recorded<DisputeEvent>[];
interface Question extends Omit<VerificationQuestion, 'askedAt' | 'earlier'> {
  readonly orderId: string;
}
type Questions = readonly [Question, ...Question[]];
const isAnything = (questions: readonly Question[]): questions is Questions => questions.length > 0;

/**
 * Asks the verifier about the units of a case that still wait for its word, and records all answers at once. Who has no answer is
 * asked again until the time for the question is over; then a person looks. S18, S49
 */
export async function runVerification(tools: VerificationTools, disputeId: string, signal: AbortSignal): Promise<void> {
  const { askingAgain, clock, eventStore } = tools;
  if (!askingAgain.isDue(disputeId)) return;
  const events = await eventStore.readStream<DisputeEvent>(`dispute-${disputeId}`, { limit: maxEvents });
  const questions = openQuestions(events, await clock.now());
  if (!isAnything(questions)) {
    askingAgain.forget(disputeId);
    return;
  }
  const { results, retryAfterMs } = await askAll(tools, disputeId, questions, signal);
  if (results.length > 0) await record(tools, disputeId, results);
  if (results.length === questions.length) askingAgain.forget(disputeId);
  else await askingAgain.later(disputeId, retryAfterMs);
}

/** Units nobody has spoken of yet and whose time is not over, as the buyer had them when he claimed. */
function openQuestions(events: Case, now: Instant): Question[] {
  const claimed = events.flatMap(({ type, data }) => (type === 'DisputeSubmitted' ? data.units : []));
  const known = new Set(answersIn(events).map(({ unitNo }) => unitNo));
  const open = new Map<number, Question>();
  for (const { type, data } of events) {
    if (type !== 'VerificationRequested' || isAfter(now, data.until)) continue;
    for (const { unitNo, deliveryReference } of data.units) {
      if (known.has(unitNo)) continue;
      const revealedAt = claimed.find((unit) => unit.unitNo === unitNo)?.revealedAt;
      const { orderId, productKind } = data;
      open.set(unitNo, { orderId, productKind, unitNo, deliveryReference, ...(revealedAt === undefined ? {} : { revealedAt }) });
    }
  }
  return [...open.values()];
}

const answersIn = (events: Case): readonly VerificationResult[] =>
  events.flatMap(({ type, data }) => (type === 'VerificationRecorded' ? data.results : []));

interface Asked {
  readonly results: readonly VerificationResult[];
  readonly retryAfterMs: number;
}

async function askAll(tools: VerificationTools, disputeId: string, questions: Questions, signal: AbortSignal): Promise<Asked> {
  const { askingAgain, clock, verifier } = tools;
  const earlier = await earlierAnswers(tools, disputeId, questions);
  const results: VerificationResult[] = [];
  const startedAt = performance.now();
  // Another unit is first each time, so that one without an answer does not keep the others from being asked about.
  const first = askingAgain.triesOf(disputeId) % questions.length;
  for (const question of [...questions.slice(first), ...questions.slice(0, first)]) {
    if (performance.now() - startedAt > budgetMs) break;
    const askedAt = await clock.now();
    try {
      const asked = { ...question, askedAt, earlier: earlier.get(question.deliveryReference) ?? [] };
      const { outcome, source, resultHash } = await verifier.verify(asked, signal);
      results.push({ unitNo: question.unitNo, outcome, source, resultHash, queriedAt: askedAt });
    } catch (error) {
      if (!(error instanceof VerifierUnavailable)) throw error;
      return { results, retryAfterMs: error.retryAfterMs };
    }
  }
  return { results, retryAfterMs: 0 };
}

/** By reference, what earlier cases of the same order were told of it: a source that takes back its word is not believed. */
async function earlierAnswers(
  { eventStore }: JobTools,
  disputeId: string,
  questions: Questions,
): Promise<ReadonlyMap<string, readonly EarlierAnswer[]>> {
  const found = new Map<string, EarlierAnswer[]>();
  const asked = new Set(questions.map(({ deliveryReference }) => deliveryReference));
  const order = await eventStore.readStream<OrderEvent>(`order-${questions[0].orderId}`, { limit: maxEvents });
  const cases = order.flatMap(({ type, data }) =>
    type === 'ClaimOpened' && data.claimId !== disputeId && data.units.some((unit) => asked.has(unit.deliveryReference ?? ''))
      ? [data.claimId]
      : [],
  );
  for (const claimId of cases.slice(-maxEarlierCases)) {
    const events = await eventStore.readStream<DisputeEvent>(`dispute-${claimId}`, { limit: maxEvents });
    const references = new Map(
      events.flatMap(({ type, data }) =>
        type === 'VerificationRequested' ? data.units.map((unit) => [unit.unitNo, unit.deliveryReference] as const) : [],
      ),
    );
    for (const { unitNo, outcome, queriedAt } of answersIn(events)) {
      const reference = references.get(unitNo);
      if (reference !== undefined && asked.has(reference))
        found.set(reference, [...(found.get(reference) ?? []), { outcome, queriedAt }]);
    }
  }
  return found;
}

async function record(tools: JobTools, disputeId: string, results: readonly VerificationResult[]): Promise<void> {
  try {
    await send(
      tools,
      new RecordVerification(disputeId, { type: 'RecordVerification', results }, await jobContext(tools, 'verification')),
    );
  } catch (error) {
    // Another run was faster, or the case ended meanwhile.
    if (!(error instanceof JobRefused && ['VerificationUnexpected', 'AlreadyDecided'].includes(error.code))) throw error;
  }
}
