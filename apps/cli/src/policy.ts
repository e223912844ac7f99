import { readFile, stat } from 'node:fs/promises';
import {
  diffTables,
  isTable,
  lintTable,
  policyHash,
  readTable,
  type Answer,
  type Extent,
  type OutcomeChange,
  type PolicyDiff,
  type PolicyFinding,
  type PolicyRule,
  type PolicyTable,
} from '@recourse/disputes';
import type { Language } from './explain.js';

export interface PolicyOutput {
  readonly json: boolean;
  readonly say: (line: string) => void;
}

const maxFileBytes = 1024 * 1024;
const maxShownFaults = 20;

/** @throws Error that names the file, for one that cannot be read or is no table */
export async function tableIn(file: string): Promise<PolicyTable> {
  const cannot = (why: string, cause?: unknown) => new Error(`${file} ${why}`, { cause });
  const found = await stat(file).catch((error: unknown) => {
    throw cannot((error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read', error);
  });
  if (!found.isFile()) throw cannot('is not a file');
  if (found.size > maxFileBytes) throw cannot(`has ${found.size} bytes; a policy has at most ${maxFileBytes}`);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw cannot('cannot be read', error);
  });
  let input: unknown;
  try {
    // Editors on Windows begin a file with a mark that is no JSON.
    input = JSON.parse(text.replace(/^\uFEFF/u, ''));
  } catch (error) {
    throw cannot(`is not JSON: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  const table = readTable(input);
  if (isTable(table)) return table;
  const more = table.length > maxShownFaults ? [`  and ${table.length - maxShownFaults} more`] : [];
  throw cannot(['is not a policy table:', ...table.slice(0, maxShownFaults).map((fault) => `  ${fault}`), ...more].join('\n'));
}

export const nameOf = (table: PolicyTable) => ({ id: table.id, version: table.version, hash: policyHash(table) });
export const titled = ({ id, version, hash }: ReturnType<typeof nameOf>): string =>
  `${id} version ${version} (${hash.slice(0, 12)})`;
export const many = (count: number, what: string): string => `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
const said = (facts: PolicyRule['when']): string =>
  Object.entries(facts)
    .map(([fact, value]) => `${fact}=${typeof value === 'string' ? value : value.join('|')}`)
    .join(' ');

/** `recourse policy lint`. @returns 1 when the linter refuses the table, else 0 */
export async function runPolicyLint(file: string, lang: Language, { json, say }: PolicyOutput): Promise<number> {
  const table = await tableIn(file);
  const findings = lintTable(table);
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  if (json) say(JSON.stringify({ policy: nameOf(table), errors, warnings, findings }, undefined, 2));
  else {
    for (const finding of findings) for (const line of findingLines(finding, lang)) say(line);
    say(`${titled(nameOf(table))}: ${many(table.rules.length, 'rule')}, ${many(errors, 'error')}, ${many(warnings, 'warning')}`);
  }
  return errors > 0 ? 1 : 0;
}

function findingLines({ severity, code, message, basis, witness, count }: PolicyFinding, lang: Language): string[] {
  const [first = '', ...rest] = lang === 'both' ? [message.en, message.zh] : [message[lang]];
  return [
    `${severity} ${code}: ${first} [${basis.join(', ')}]`,
    ...rest.map((text) => `  ${text}`),
    ...(count === undefined ? [] : [`  in ${many(count, 'combination')} of facts`]),
    ...(witness === undefined ? [] : [`  for example ${said(witness)}`]),
    '',
  ];
}

/** `recourse policy diff`. @returns 0 */
export async function runPolicyDiff(oldFile: string, newFile: string, { json, say }: PolicyOutput): Promise<number> {
  const [before, after] = [await tableIn(oldFile), await tableIn(newFile)];
  const diff = diffTables(before, after);
  if (diff === undefined) throw new Error('the tables tell apart more situations than can be compared');
  const names = { old: nameOf(before), new: nameOf(after) };
  if (json) say(JSON.stringify({ ...names, ...diff }, undefined, 2));
  else for (const line of diffLines(names, diff)) say(line);
  return 0;
}

const outcomeIn = ({ outcome }: Answer): string =>
  outcome.do === 'decide'
    ? `${outcome.remedy}${percent(outcome.refundPercent)} (liable ${outcome.liable}, borne by ${outcome.bearer}${percent(outcome.merchantPercent)})`
    : outcome.do;
const percent = (part: number | undefined): string => (part === undefined ? '' : ` ${part} %`);
const answer = (one: Answer): string => `${one.rule ?? 'no rule'}: ${outcomeIn(one)}`;
const extentLines = ({ count, possible, witness }: Extent): string[] => [
  `    ${many(count, 'combination')}, ${possible.toLocaleString('en')} of which can happen`,
  `    for example ${said(witness)}`,
];
const favour: Readonly<Record<OutcomeChange['favours'], string>> = {
  buyer: 'better for the buyer',
  others: 'WORSE for the buyer',
  nobody: 'neither better nor worse for the buyer',
};

const leastIn = (minimums: PolicyTable['minimums']): string =>
  minimums === undefined
    ? 'none'
    : `after-sale ${minimums.afterSaleHours} h at least, delivered within ${minimums.deliverWithinHours} h`;

function changeLines(change: OutcomeChange): string[] {
  return [
    `  ${answer(change.old)}`,
    `  → ${answer(change.new)}`,
    `    ${favour[change.favours]}; changed: ${change.changed.join(', ')}`,
    ...extentLines(change),
    ...change.boxes.map((box) => `    where ${said(box) || 'the facts are any'}`),
    ...(change.boxesLeftOut ? ['    and elsewhere: more boxes than are listed'] : []),
    '',
  ];
}

function diffLines(
  names: { readonly old: ReturnType<typeof nameOf>; readonly new: ReturnType<typeof nameOf> },
  diff: PolicyDiff,
): string[] {
  const list = (title: string, ids: readonly string[]) => (ids.length === 0 ? [] : [`${title}: ${ids.join(', ')}`]);
  return [
    `${titled(names.old)} → ${titled(names.new)}`,
    `${diff.changedCombinations.toLocaleString('en')} of ${many(diff.combinations, 'combination')} of facts get another outcome`,
    ...list('rules added', diff.rulesAdded),
    ...list('rules removed', diff.rulesRemoved),
    ...(diff.titleChanged ? ['the title has changed'] : []),
    ...(diff.minimums === undefined
      ? []
      : [`least promise of an offer 最低承诺: ${leastIn(diff.minimums.old)} → ${leastIn(diff.minimums.new)}`]),
    ...(diff.changes.length === 0 ? [] : ['', 'Outcomes 结果', ...diff.changes.flatMap(changeLines)]),
    ...(diff.changesLeftOut === 0 ? [] : [`  and ${many(diff.changesLeftOut, 'more change')}`]),
    ...(diff.promises.length === 0 ? [] : ['Units under a promise 承诺']),
    ...diff.promises.flatMap((change) => [
      `  ${change.promise}: better in ${change.better.toLocaleString('en')}, worse in ${change.worse.toLocaleString('en')}`,
      ...extentLines(change),
    ]),
    ...(diff.texts.length === 0 ? [] : ['', 'Same outcome, other words 说明']),
    ...diff.texts.flatMap((change) => [
      `  ${change.oldRule} → ${change.newRule}: ${change.changed.join(', ')}`,
      ...extentLines(change),
    ]),
  ];
}
