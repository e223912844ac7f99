import { utf8ToBytes } from '@noble/hashes/utils.js';
import { lintTable } from './policy-lint.js';
import { canonicalJson, factValues, personRequestedRule, type PolicyTable } from './policy-table.js';

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
    case 'await-evidence':
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
      return [`${where}.do is not verify, await-reissue, await-merchant, await-evidence, review or decide`];
  }
}

function ruleProblems(where: string, value: unknown): string[] {
  const members = membersOf(where, value, ['id', 'when', 'then', 'explanation', 'basis']);
  if (members.length > 0 || !isObject(value)) return members;
  return [
    ...(typeof value['id'] === 'string' && identifier.test(value['id']) ? [] : [`${where}.id is not like late-without-evidence`]),
    ...(value['id'] === personRequestedRule ? [`${where}.id is reserved for what a buyer asked a person for`] : []),
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

/**
 * Reads a table from untrusted JSON: known facts and values only, both languages, a basis, at most 500 rules and 48 KiB.
 * Whether it judges fairly is `lintTable`'s to say.
 * @returns the table, or what is wrong with its form (at most 100 lines)
 */
export function readTable(input: unknown): PolicyTable | readonly string[] {
  const structure = structureProblems(input);
  if (structure.length > 0) return structure.slice(0, maxProblems);
  const table = input as PolicyTable;
  const bytes = utf8ToBytes(canonicalJson(table)).length;
  return bytes <= maxTableBytes ? table : [`the table has ${bytes} bytes, more than ${maxTableBytes}`];
}

/**
 * Reads a table from untrusted JSON and refuses one that the linter finds an error in.
 * @returns the table, or what is wrong with it (at most 100 lines)
 */
export function validateTable(input: unknown): PolicyTable | readonly string[] {
  const table = readTable(input);
  if (!isTable(table)) return table;
  const errors = lintTable(table).filter(({ severity }) => severity === 'error');
  return errors.length > 0 ? errors.map(({ message }) => message.en) : table;
}

export const isTable = (outcome: PolicyTable | readonly string[]): outcome is PolicyTable => !Array.isArray(outcome);
