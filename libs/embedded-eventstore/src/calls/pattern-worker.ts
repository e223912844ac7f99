import { parentPort } from 'node:worker_threads';
import { compiledPatterns } from '../limits.js';
import type { PatternAnswer, PatternQuestion } from './pattern-thread.js';

/** The pattern thread: it may take as long as it likes for an answer, whoever asked ends it when that is too long. */
const expressions = new Map<string, RegExp>();

parentPort?.on('message', ({ pattern, subjects }: PatternQuestion) => parentPort?.postMessage(answer(pattern, subjects)));

function answer(pattern: string, subjects: readonly string[]): PatternAnswer {
  try {
    const expression = compiled(pattern);
    return { matches: subjects.map((subject) => expression.test(subject)) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : 'the pattern cannot be run' };
  }
}

/** The one used least recently makes room. */
function compiled(pattern: string): RegExp {
  const expression = expressions.get(pattern) ?? new RegExp(pattern);
  expressions.delete(pattern);
  expressions.set(pattern, expression);
  for (const oldest of expressions.keys()) {
    if (expressions.size <= compiledPatterns) break;
    expressions.delete(oldest);
  }
  return expression;
}
