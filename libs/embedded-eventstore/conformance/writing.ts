import { randomUUID } from 'node:crypto';
import { eventsOf, type AppendAnswer, type BatchAnswer, type EventSketch, type Position, type Seen, type Wire } from './wire.js';

/** What tests write, and what came of it: the two append calls answer in different messages what is one outcome here. */
export type WriteOutcome =
  | { outcome: 'stored'; revision: string; position: string | undefined }
  | { outcome: 'wrong expected version'; current: string; expected: string }
  | { outcome: 'deleted' }
  | { outcome: 'failed'; code: string };

export const appendCalls = ['Append', 'BatchAppend'] as const;
export type AppendCall = (typeof appendCalls)[number];

export const newStream = (label = 's') => `${label}-${randomUUID()}`;
export const newEvent = (more: Partial<EventSketch> = {}): EventSketch => ({ id: randomUUID(), ...more });
export const newEvents = (count: number, more: Partial<EventSketch> = {}) => Array.from({ length: count }, () => newEvent(more));
export const idsIn = (messages: readonly Seen[]) =>
  eventsOf(messages).map(({ event }) => (event === 'absent' ? event : event.id));
export const idsOf = (events: readonly EventSketch[]) => events.map(({ id }) => id);

/** Throws if the commit and the prepare position differ: to a client they are one. */
export function positionOf(position: Position | 'no_position' | 'unset'): string | undefined {
  if (typeof position !== 'object') return undefined;
  if (position.commit !== position.prepare) throw new Error(`commit ${position.commit}, prepare ${position.prepare}`);
  return position.commit;
}

export async function write(
  wire: Wire,
  call: AppendCall,
  stream: string,
  events: readonly EventSketch[],
  expected = 'any',
): Promise<WriteOutcome> {
  if (call === 'Append') return appendOutcome(await wire.append(stream, events, expected));
  const { responses, error } = await wire.batch([{ stream, events: [...events], expected }], { timeoutMs: 15_000 });
  return responses[0] ? batchOutcome(responses[0]) : { outcome: 'failed', code: error?.code ?? 'no answer' };
}

export function appendOutcome({ success, wrongExpectedVersion: wrong, error }: AppendAnswer): WriteOutcome {
  if (success) return { outcome: 'stored', revision: success.revision, position: positionOf(success.position) };
  if (wrong) return { outcome: 'wrong expected version', current: String(wrong['current']), expected: String(wrong['expected']) };
  return failed(error?.code, error?.trailers['exception'] === 'stream-deleted');
}

export function batchOutcome({ success, error }: BatchAnswer): WriteOutcome {
  if (success) return { outcome: 'stored', revision: success.revision, position: positionOf(success.position) };
  const details = String(error?.['details'] ?? '');
  if (details.endsWith('.WrongExpectedVersion'))
    return { outcome: 'wrong expected version', current: String(error?.['current']), expected: String(error?.['expected']) };
  return failed(String(error?.['code']), details.endsWith('.StreamDeleted'));
}

/** Of a delete or a tombstone; its wrong expectation comes in trailers, with the numbers of the old TCP protocol. */
export function deleteOutcome(
  answer: Awaited<ReturnType<Wire['softDelete']>>,
): WriteOutcome | { outcome: 'done'; position: string } {
  if ('position' in answer) return { outcome: 'done', position: positionOf(answer.position) ?? 'none' };
  const { code, trailers } = answer.error;
  if (trailers['exception'] !== 'wrong-expected-version') return failed(code, trailers['exception'] === 'stream-deleted');
  const current = trailers['actual-version'] === '-1' ? 'no_stream' : (trailers['actual-version'] ?? '');
  const words: Record<string, string> = { '-1': 'no_stream', '-2': 'any', '-4': 'stream_exists' };
  const expected = trailers['expected-version'] ?? '';
  return { outcome: 'wrong expected version', current, expected: words[expected] ?? expected };
}

const failed = (code: string | undefined, deleted: boolean): WriteOutcome =>
  deleted ? { outcome: 'deleted' } : { outcome: 'failed', code: code ?? 'no answer' };

/** The append's answer where nothing else will do. */
export async function mustStore(
  wire: Wire,
  stream: string,
  events: readonly EventSketch[],
  expected = 'any',
): Promise<{ revision: number; position: bigint; at: Position }> {
  const outcome = appendOutcome(await wire.append(stream, events, expected));
  if (outcome.outcome !== 'stored' || outcome.position === undefined) throw new Error(JSON.stringify(outcome));
  const { revision, position } = outcome;
  return { revision: Number(revision), position: BigInt(position), at: { commit: position, prepare: position } };
}
