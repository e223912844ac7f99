import { utf8ToBytes } from '@noble/hashes/utils.js';
import {
  askedOf,
  canonicalJson,
  contradictionIn,
  factNames,
  factValues,
  type PolicyRule,
  type PolicyTable,
} from './policy-table.js';

const maxRules = 500;
const maxTableBytes = 48 * 1024;
const maxProblems = 100;
const maxExplanationLength = 1_000;
const maxBasis = 20;
const maxBasisLength = 200;

const liabilities = ['PLATFORM', 'MERCHANT', 'BUYER', 'NONE', 'UNPROVEN'];
const identifier = /^[a-z0-9][a-z0-9.-]{0,63}$/;

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Exactly these members: what nobody reads must not be hashed as if it were a rule. */
function membersOf(where: string, value: unknown, names: readonly string[]): string[] {
  if (!isObject(value)) return [`${where} is not an object`];
  return [
    ...names.filter((name) => !Object.hasOwn(value, name)).map((name) => `${where}.${name} is missing`),
    ...Object.keys(value)
      .filter((name) => !names.includes(name))
      .map((name) => `${where}.${name} is not known`),
  ];
}

const isText = (value: unknown, maxLength: number): value is string =>
  typeof value === 'string' && value.trim() !== '' && value.length <= maxLength;

function explanationProblems(where: string, value: unknown): string[] {
  const members = membersOf(where, value, ['zh', 'en']);
  if (members.length > 0 || !isObject(value)) return members;
  return ['zh', 'en'].flatMap((language) => {
    const text = value[language];
    if (!isText(text, maxExplanationLength))
      return [`${where}.${language} is not a text of 1 to ${maxExplanationLength} characters`];
    return language === 'zh' && !/\p{Script=Han}/u.test(text) ? [`${where}.zh is not in Chinese`] : [];
  });
}

function basisProblems(where: string, value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxBasis)
    return [`${where} is not a list of 1 to ${maxBasis}`];
  return value.every((item) => isText(item, maxBasisLength)) ? [] : [`${where} has an entry that is not a short text`];
}

function conditionProblems(where: string, value: unknown): string[] {
  if (!isObject(value)) return [`${where} is not an object`];
  return Object.entries(value).flatMap(([fact, asked]) => {
    if (!Object.hasOwn(factValues, fact)) return [`${where}.${fact} is not a fact`];
    const known: readonly unknown[] = factValues[fact as keyof typeof factValues];
    const values: readonly unknown[] = Array.isArray(asked) ? asked : [asked];
    if (values.length === 0) return [`${where}.${fact} asks for nothing, so the rule can never match`];
    if (new Set(values).size < values.length) return [`${where}.${fact} names a value twice`];
    return values.every((one) => known.includes(one))
      ? []
      : [`${where}.${fact} has a value that is not one of ${known.join(', ')}`];
  });
}

function outcomeProblems(where: string, value: unknown): string[] {
  if (!isObject(value)) return [`${where} is not an object`];
  switch (value['do']) {
    case 'verify':
    case 'await-reissue':
    case 'await-merchant':
    case 'review':
      return membersOf(where, value, ['do']);
    case 'decide': {
      const members = membersOf(where, value, ['do', 'liable', 'remedy', 'bearer']);
      if (members.length > 0) return members;
      return [
        ...(liabilities.includes(value['liable'] as string) ? [] : [`${where}.liable is not one of ${liabilities.join(', ')}`]),
        ...(['NONE', 'FULL_REFUND'].includes(value['remedy'] as string) ? [] : [`${where}.remedy is not NONE or FULL_REFUND`]),
        ...(['merchant', 'platform', 'none'].includes(value['bearer'] as string)
          ? []
          : [`${where}.bearer is not merchant, platform or none`]),
      ];
    }
    default:
      return [`${where}.do is not verify, await-reissue, await-merchant, review or decide`];
  }
}

function ruleProblems(where: string, value: unknown): string[] {
  const members = membersOf(where, value, ['id', 'when', 'then', 'explanation', 'basis']);
  if (members.length > 0 || !isObject(value)) return members;
  return [
    ...(typeof value['id'] === 'string' && identifier.test(value['id']) ? [] : [`${where}.id is not like late-without-evidence`]),
    ...conditionProblems(`${where}.when`, value['when']),
    ...outcomeProblems(`${where}.then`, value['then']),
    ...explanationProblems(`${where}.explanation`, value['explanation']),
    ...basisProblems(`${where}.basis`, value['basis']),
  ];
}

function structureProblems(value: unknown): string[] {
  const members = membersOf('table', value, ['id', 'version', 'title', 'rules']);
  if (members.length > 0 || !isObject(value)) return members;
  const { id, version, title, rules } = value;
  return [
    ...(typeof id === 'string' && identifier.test(id) ? [] : ['table.id is not like default']),
    ...(Number.isSafeInteger(version) && (version as number) >= 1 ? [] : ['table.version is not a whole number from 1']),
    ...explanationProblems('table.title', title),
    ...(!Array.isArray(rules) || rules.length === 0 || rules.length > maxRules
      ? [`table.rules is not a list of 1 to ${maxRules}`]
      : rules.flatMap((rule, i) => ruleProblems(`rules[${i}]`, rule))),
  ];
}

/** Whatever matches `later` matches `earlier` too, so `later` never gets its turn. */
const covers = (earlier: PolicyRule, later: PolicyRule): boolean =>
  factNames.every((fact) => {
    const accepted = askedOf(earlier, fact);
    return accepted === undefined || (askedOf(later, fact) ?? factValues[fact]).every((value) => accepted.includes(value));
  });

/** Waiting again for what is known already would never end. */
const waitsFor = { verify: 'verification', 'await-reissue': 'reissue', 'await-merchant': 'merchantAnswer' } as const;

function lintRule(rule: PolicyRule, earlier: readonly PolicyRule[]): string[] {
  const problems: string[] = [];
  const covering = earlier.find((candidate) => covers(candidate, rule));
  if (covering !== undefined) problems.push(`rule ${rule.id} can never match: ${covering.id} comes first and covers it`);
  if (earlier.some((other) => other.id === rule.id)) problems.push(`rule id ${rule.id} is used twice`);
  if (rule.then.do === 'decide') {
    const contradiction = contradictionIn(rule.then);
    if (contradiction !== undefined) problems.push(`rule ${rule.id} contradicts itself: ${contradiction}`);
    const asksWhy = askedOf(rule, 'reason') !== undefined || askedOf(rule, 'verification') !== undefined;
    if (rule.then.remedy === 'NONE' && !asksWhy)
      problems.push(`rule ${rule.id} refuses without asking for the reason or the verification: a hidden barrier`); // S16, S17
  } else if (rule.then.do !== 'review') {
    const fact = waitsFor[rule.then.do];
    if (askedOf(rule, fact)?.join() !== 'none') problems.push(`rule ${rule.id} waits without asking that ${fact} is none`);
  }
  return problems;
}

function lint(table: PolicyTable): string[] {
  const last = table.rules.at(-1);
  const catchesAll = last !== undefined && factNames.every((fact) => askedOf(last, fact) === undefined);
  const bytes = utf8ToBytes(canonicalJson(table)).length;
  return [
    ...(bytes <= maxTableBytes ? [] : [`the table has ${bytes} bytes, more than ${maxTableBytes}`]),
    ...table.rules.flatMap((rule, i) => lintRule(rule, table.rules.slice(0, i))),
    ...(catchesAll ? [] : ['the last rule is not a catch-all: its `when` must be empty']),
    ...(catchesAll && last.then.do !== 'review'
      ? ['the catch-all may only send to review: refusing by default is a barrier']
      : []),
  ];
}

/**
 * Reads a table from untrusted JSON: known facts and values only, unique ids, both languages, a basis, at most 500 rules and
 * 48 KiB, a catch-all that sends to review, decisions without contradiction, no rule that can never match.
 * @returns the table, or what is wrong with it (at most 100 lines)
 */
export function validateTable(input: unknown): PolicyTable | readonly string[] {
  const structure = structureProblems(input);
  if (structure.length > 0) return structure.slice(0, maxProblems);
  const table = input as PolicyTable;
  const problems = lint(table);
  return problems.length > 0 ? problems.slice(0, maxProblems) : table;
}

export const isTable = (outcome: PolicyTable | readonly string[]): outcome is PolicyTable => !Array.isArray(outcome);
