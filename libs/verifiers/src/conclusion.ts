import type { VerificationOutcome } from '@recourse/disputes/events';
import { isAfter } from '@recourse/eventing';
import { Fields, Unreadable } from './fields.js';
import { doubtful, type Finding, type RecordSource } from './record-source.js';
import type { EarlierAnswer, VerificationQuestion } from './verifier.js';

const maxRecords = 20;
const maxReferenceCharacters = 256;
const utf8 = new TextDecoder('utf-8', { fatal: true });

type Settled = Extract<Finding, { is: 'settled' }>;

/** Of a unit nothing had happened to, so that anything may have happened since. */
const untouched: ReadonlySet<VerificationOutcome> = new Set(['UNUSED', 'NOT_CREDITED']);

/** Both cannot be true: something definite was taken back, or what was not there before is said to be older. */
function contradicts({ outcome, since }: Settled, earlier: EarlierAnswer): boolean {
  if (earlier.outcome === 'INCONCLUSIVE') return false;
  return untouched.has(earlier.outcome) ? since !== undefined && isAfter(earlier.queriedAt, since) : outcome !== earlier.outcome;
}

const strings = /"(?:[^"\\]|\\.)*"/g;

/** Of two members of one name this parser keeps the last and another the first: such a text has no one meaning. @throws Unreadable */
function parsed(text: string): unknown {
  let members = 0;
  let content: unknown;
  try {
    content = JSON.parse(text, function (this: unknown, _name: string, value: unknown) {
      if (!Array.isArray(this)) members += 1;
      return value;
    });
  } catch {
    throw new Unreadable('it is not JSON');
  }
  // The parser hands over the whole as a member, too.
  if (text.replace(strings, '').split(':').length !== members) throw new Unreadable('it has two members of one name');
  return content;
}

function textOf(body: Uint8Array): string {
  try {
    return utf8.decode(body);
  } catch {
    throw new Unreadable('it is not UTF-8');
  }
}

function recordsOf(body: Uint8Array, { deliveryReference }: VerificationQuestion): readonly Fields[] {
  const answer = new Fields(parsed(textOf(body)));
  const reference = answer.text('reference', maxReferenceCharacters);
  const records = answer.list('records', maxRecords).map((record) => new Fields(record));
  answer.end();
  if (reference !== deliveryReference) throw new Unreadable('it is about another reference');
  return records;
}

function allIn(source: RecordSource, body: Uint8Array, question: VerificationQuestion): readonly Finding[] {
  return recordsOf(body, question).map((record) => {
    const finding = source.read(record, question);
    record.end();
    return finding;
  });
}

/** The one thing that all records of an answer say, held against what was said before. Never throws for what a source may send. */
export function conclude(source: RecordSource, body: Uint8Array, question: VerificationQuestion): Finding {
  try {
    const findings = allIn(source, body, question);
    const [first, ...others] = findings;
    if (first === undefined) return doubtful('it knows no such reference');
    const doubt = findings.find(({ is }) => is === 'doubtful');
    if (doubt !== undefined) return doubt;
    if (findings.some(({ is }) => is === 'pending')) return { is: 'pending' };
    if (first.is !== 'settled') return first;
    const agree = others.every((one) => one.is === 'settled' && one.outcome === first.outcome && one.since === first.since);
    if (!agree) return doubtful('its records contradict each other');
    if (question.earlier?.some((earlier) => contradicts(first, earlier)) === true)
      return doubtful('it contradicts what was said before');
    return first;
  } catch (error) {
    if (error instanceof Unreadable) return doubtful(error.message);
    throw error;
  }
}
