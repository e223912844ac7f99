import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { policySchema } from './policy-schema.js';
import type { PolicyTable } from './policy-table.js';
import { readDefaultPolicy } from './sample-case.js';
import { anyRules, tableOf } from './sample-table.js';
import { isTable, readTable } from './table-check.js';

const fitsSchema = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(policySchema());
const isRead = (input: unknown) => isTable(readTable(input));

let policy: PolicyTable;
beforeAll(async () => {
  policy = await readDefaultPolicy();
});

it('takes the policy that comes with the product, and whatever the validator reads', () => {
  expect(fitsSchema(policy)).toBe(true);
  fc.assert(fc.property(anyRules, (rules) => isRead(tableOf(rules)) && fitsSchema(tableOf(rules))));
});

type Place = readonly (string | number)[];
const placesIn = (value: unknown, at: Place = []): Place[] =>
  value === null || typeof value !== 'object'
    ? [at]
    : [
        at,
        ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...at, Array.isArray(value) ? Number(key) : key])),
      ];
/** The value with something else at one place, or with nothing there. */
function changed(value: unknown, [key, ...rest]: Place, put: unknown): unknown {
  if (key === undefined) return put;
  if (Array.isArray(value)) return value.with(Number(key), changed(value[Number(key)], rest, put));
  const members = value as Record<string, unknown>;
  const next = changed(members[key], rest, put);
  return Object.fromEntries(Object.entries({ ...members, [key]: next }).filter(([, inner]) => inner !== undefined));
}

it('and the validator refuse the same, whatever is put at any place of a table', () => {
  const { rules, ...head } = policy;
  const small = { ...head, rules: [rules[0], rules[19], rules.at(-1)] };
  const places = placesIn(small);
  const stranger = fc.constantFrom<unknown>(
    undefined,
    null,
    0,
    1,
    1.5,
    -1,
    true,
    '',
    ' ',
    'x',
    '规则',
    'default',
    'Not-An-Id',
    'yes',
    'no',
    'NONE',
    'verify',
    'decide',
    'review',
    'await-evidence',
    'person-requested',
    'merchant',
    'game-card',
    [],
    ['yes'],
    ['yes', 'yes'],
    ['nobody'],
    ['S16', ' '],
    {},
    { do: 'verify' },
    { do: 'verify', more: 1 },
    { zh: '规则', en: 'rules' },
    { zh: 'rules', en: 'rules' },
    { delivered: 'no' },
    { unheard: 'of' },
    'x'.repeat(1_001),
    'x'.repeat(201),
    Array(21).fill('S16'),
    Array(501).fill(rules[0]),
  );
  fc.assert(
    fc.property(fc.constantFrom(...places.slice(1)), stranger, (place, put) => {
      const input = changed(small, place, put);
      return fitsSchema(input) === isRead(input);
    }),
    { numRuns: 3_000 },
  );
});

it.each([
  ['no object', 7],
  ['a table of no rules', { ...tableOf([]) }],
  ['an unknown member', { ...tableOf([]), note: 'x' }],
])('and the validator refuse %s', (_, input) => {
  expect([fitsSchema(input), isRead(input)]).toEqual([false, false]);
});
