import { createContext, Script } from 'node:vm';
import { filterPageTimeoutMs, maxFilterPatternLength, maxFilterPrefixes } from './limits.js';
import type { EventRecord } from './record.js';
import { invalid } from './refusal.js';

/** Picks the events of a page that a reader of `$all` asked for. */
export interface EventFilter {
  select(page: readonly EventRecord[]): readonly EventRecord[];
}

export interface FilterExpression {
  on: 'stream' | 'type';
  /** Empty: none. */
  regex: string;
  prefixes: readonly string[];
}

/** A filter with neither regex nor prefix matches nothing. Throws a Refusal for a pattern that is not usable. */
export function eventFilter({ on, regex, prefixes }: FilterExpression): EventFilter {
  const subject = on === 'stream' ? (record: EventRecord) => record.streamNameBytes : (record: EventRecord) => record.typeBytes;
  if (regex !== '') return patternFilter(regex, (record) => subject(record).toString('utf8'));
  if (prefixes.length > maxFilterPrefixes) throw invalid(`a filter may have ${maxFilterPrefixes} prefixes`);
  const wanted = prefixes.map((prefix) => Buffer.from(prefix));
  const begins = (value: Buffer, prefix: Buffer) =>
    value.length >= prefix.length && value.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
  return { select: (page) => page.filter((record) => wanted.some((prefix) => begins(subject(record), prefix))) };
}

function patternFilter(pattern: string, subject: (record: EventRecord) => string): EventFilter {
  if (pattern.length > maxFilterPatternLength) throw invalid(`a filter's pattern may have ${maxFilterPatternLength} characters`);
  let expression: RegExp;
  try {
    expression = new RegExp(pattern);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : 'the pattern is no regular expression');
  }
  if (runsStraight(pattern)) return { select: (page) => page.filter((record) => expression.test(subject(record))) };
  return {
    select(page) {
      const matches = testWithTimeout(expression, page.map(subject));
      return page.filter((_, index) => matches[index]);
    },
  };
}

/** An anchored pattern without groups, alternatives or escapes of its own making and with one quantifier cannot backtrack far. */
function runsStraight(pattern: string): boolean {
  return pattern.startsWith('^') && !/[(|)]/.test(pattern) && (pattern.match(/[*+?{]/g) ?? []).length <= 1;
}

/** V8 runs a regular expression to its end whatever that takes, except under the time limit of a script. */
const sandbox = createContext({ expression: /^/, subjects: [] as string[] });
const test = new Script('subjects.map((subject) => expression.test(subject))');

function testWithTimeout(expression: RegExp, subjects: string[]): boolean[] {
  Object.assign(sandbox, { expression, subjects });
  try {
    return test.runInContext(sandbox, { timeout: filterPageTimeoutMs }) as boolean[];
  } catch {
    throw invalid(`the filter's pattern takes longer than ${filterPageTimeoutMs} ms for one page of events`);
  }
}
