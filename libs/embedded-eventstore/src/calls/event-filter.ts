import {
  knownSubjectLength,
  knownSubjects,
  maxEventTypeBytes,
  maxFilterPatternLength,
  maxFilterPrefixes,
  maxStraightSteps,
  maxStreamNameBytes,
} from '../limits.js';
import type { EventRecord } from '../storage/record.js';
import { stepsAtMost } from './pattern-cost.js';
import type { PatternReader, PatternThread } from './pattern-thread.js';
import { invalid } from './refusal.js';

/** Picks the events of a page that a reader of `$all` asked for. */
export interface EventFilter {
  /** In order; at once, unless the pattern thread has to be asked. Rejects with a Refusal if the pattern takes too long there. */
  select(page: readonly EventRecord[], patterns: PatternThread, reader: PatternReader): Selection | Promise<Selection>;
}

type Selection = readonly EventRecord[];
type Subject = (record: EventRecord) => Buffer;

export interface FilterExpression {
  on: 'stream' | 'type';
  /** Empty: none. */
  regex: string;
  prefixes: readonly string[];
}

/** A filter with neither regex nor prefix matches nothing. Throws a Refusal for a pattern that is not usable. */
export function eventFilter({ on, regex, prefixes }: FilterExpression): EventFilter {
  const subject: Subject = on === 'stream' ? (record) => record.streamNameBytes : (record) => record.typeBytes;
  return regex === '' ? prefixFilter(prefixes, subject) : patternFilter(regex, subject);
}

function prefixFilter(prefixes: readonly string[], subject: Subject): EventFilter {
  if (prefixes.length > maxFilterPrefixes) throw invalid(`a filter may have ${maxFilterPrefixes} prefixes`);
  const wanted = withoutExtensions(prefixes.map((prefix) => Buffer.from(prefix)));
  return { select: (page) => page.filter((record) => beginsWithOne(subject(record), wanted)) };
}

/** Sorted; a prefix that begins with another one of the list says nothing more than that. */
function withoutExtensions(prefixes: readonly Buffer[]): Buffer[] {
  const kept: Buffer[] = [];
  for (const prefix of prefixes.toSorted((a, b) => Buffer.compare(a, b))) {
    const shorter = kept.at(-1);
    if (!shorter || beyond(prefix, shorter) !== 0) kept.push(prefix);
  }
  return kept;
}

/** None of the sorted prefixes begins with another, so each value has one place among them where its own can be. */
function beginsWithOne(value: Buffer, prefixes: readonly Buffer[]): boolean {
  let low = 0;
  let high = prefixes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const prefix = prefixes[middle];
    const order = prefix ? beyond(value, prefix) : -1;
    if (order === 0) return true;
    if (order > 0) low = middle + 1;
    else high = middle;
  }
  return false;
}

/** 0: the value begins with the prefix; else on which side of all that do it lies. */
function beyond(value: Buffer, prefix: Buffer): number {
  for (let index = 0; index < prefix.length; index++) {
    const order = (value[index] ?? -1) - (prefix[index] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

function patternFilter(pattern: string, subject: Subject): EventFilter {
  if (pattern.length > maxFilterPatternLength) throw invalid(`a filter's pattern may have ${maxFilterPatternLength} characters`);
  refuseForeignEscapes(pattern);
  let expression: RegExp;
  try {
    expression = new RegExp(pattern);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : 'the pattern is no regular expression');
  }
  if (!runsStraight(pattern)) return threadFilter(pattern, subject);
  return { select: (page) => page.filter((record) => expression.test(subject(record).toString('utf8'))) };
}

/** The pattern cannot hold the node up, whatever the stream or the type is called. */
export function runsStraight(pattern: string): boolean {
  return stepsAtMost(pattern, Math.max(maxStreamNameBytes, maxEventTypeBytes)) <= maxStraightSteps;
}

/** What .NET, and so EventStoreDB, reads as an anchor, a category or a control character, JavaScript takes for the letter. */
function refuseForeignEscapes(pattern: string): void {
  for (const [escape, letter = ''] of pattern.matchAll(/\\(.)/gs)) {
    if ('AZzGpPae'.includes(letter)) throw invalid(`a pattern cannot use ${escape}: JavaScript does not know it`);
  }
}

/** Types are few and streams recur, so answers are remembered and only new subjects go to the thread. */
function threadFilter(pattern: string, subject: Subject): EventFilter {
  const known = new Map<string, boolean>();
  const remember = (text: string, isMatch: boolean) => {
    if (text.length > knownSubjectLength) return;
    if (known.size >= knownSubjects) known.clear();
    known.set(text, isMatch);
  };
  const ask = async (page: Selection, texts: readonly string[], patterns: PatternThread, reader: PatternReader) => {
    const answers = new Map<string, boolean>();
    for (const text of texts) answers.set(text, known.get(text) ?? false);
    const questions = Array.from(answers.keys()).filter((text) => !known.has(text));
    const matches = await patterns.test(pattern, questions, reader);
    for (const [index, text] of questions.entries()) {
      answers.set(text, matches[index] ?? false);
      remember(text, matches[index] ?? false);
    }
    return page.filter((_, index) => answers.get(texts[index] ?? ''));
  };
  return {
    select(page, patterns, reader) {
      const texts = page.map((record) => subject(record).toString('utf8'));
      if (texts.every((text) => known.has(text))) return page.filter((_, index) => known.get(texts[index] ?? ''));
      return ask(page, texts, patterns, reader);
    },
  };
}
