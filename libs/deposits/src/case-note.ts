import { type CommandOf, type Instant, reject } from '@recourse/eventing';
import { isNegative, min, type Money, sameAsset } from '@recourse/money';
import { accountOf, type Decided, event, ifPositive, isDone, type Open, otherAsset, post, released } from './books.js';
import type { DepositCommand } from './deposit.js';
import { swept } from './sweep.js';

export function noteCase(command: CommandOf<DepositCommand, 'NoteCase'>, at: Instant, state: Open): Decided {
  const { caseId, orderId, exposure } = command;
  if (state.cases.has(caseId) || isDone(state, 'case', caseId)) return [];
  if (isNegative(exposure)) return reject('AmountNotPositive', 'the exposure of a case is zero or more');
  if (!sameAsset(exposure, state.deposit)) return otherAsset(exposure, state);
  const noted = swept(state, at, event('CaseNoted', { ...accountOf(state), caseId, orderId, exposure, notedAt: at }));
  // The note came after its own obligation, which holds for the case already.
  if (state.obligations.some((owed) => owed.caseId === caseId)) return noted;
  const free = noted.reduce(post, state).deposit;
  const hold = (amount: Money) => event('DepositHeld', { ...accountOf(state), for: { kind: 'case', caseId }, amount });
  return [...noted, ...ifPositive(min(exposure, free), hold)];
}

export function endCaseNote({ caseId }: CommandOf<DepositCommand, 'EndCaseNote'>, at: Instant, state: Open): Decided {
  const held = state.cases.get(caseId);
  if (held === undefined) return [];
  const account = accountOf(state);
  const ended = event('CaseNoteEnded', { ...account, caseId, endedAt: at });
  return swept(state, at, ended, ...ifPositive(held, (amount) => released(account, { kind: 'case', caseId }, amount)));
}
