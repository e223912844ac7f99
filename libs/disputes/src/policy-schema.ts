import { factValues, personRequestedRule, type PolicyTable, type RuleOutcome } from './policy-table.js';
import {
  bearers,
  identifier,
  liabilities,
  maxBasis,
  maxBasisLength,
  maxExplanationLength,
  maxMinimumHours,
  maxRules,
  remedies,
} from './table-check.js';

type Schema = Readonly<Record<string, unknown>>;

/** Exactly these members. */
const object = (properties: Readonly<Record<string, Schema>>, required = Object.keys(properties)): Schema => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});
const oneOf = (values: readonly string[]): Schema => ({ type: 'string', enum: [...values] });
const text = (maxLength: number, pattern = '\\S'): Schema => ({ type: 'string', maxLength, pattern });

const percent: Schema = { type: 'integer', minimum: 1, maximum: 99 };
const hours: Schema = { type: 'integer', minimum: 1, maximum: maxMinimumHours };
/** A percentage where its remedy or bearer needs one, and nowhere else. */
const onlyWith = (name: string, member: string, value: string): Schema => ({
  if: { properties: { [member]: { const: value } } },
  then: { properties: { [name]: true }, required: [name] },
  else: { properties: { [name]: false } },
});
/** What a rule does; a new step does not compile until it has its form here. */
const outcomes: Readonly<Record<RuleOutcome['do'], Readonly<Record<string, Schema>>>> = {
  verify: {},
  'await-reissue': {},
  'await-merchant': {},
  'await-evidence': {},
  review: {},
  decide: {
    liable: oneOf(liabilities),
    remedy: oneOf(remedies),
    bearer: oneOf(bearers),
    refundPercent: { ...percent, description: 'PARTIAL_REFUND: of the price, half up' },
    merchantPercent: { ...percent, description: 'bearer shared: of the refund' },
  },
};

const percents = { refundPercent: ['remedy', 'PARTIAL_REFUND'], merchantPercent: ['bearer', 'shared'] } as const;
function outcomeOf(step: string, more: Readonly<Record<string, Schema>>): Schema {
  const properties = { do: { const: step }, ...more };
  const names = Object.keys(properties);
  const plain = object(
    properties,
    names.filter((name) => !Object.hasOwn(percents, name)),
  );
  return step === 'decide'
    ? { ...plain, allOf: Object.entries(percents).map(([name, [member, value]]) => onlyWith(name, member, value)) }
    : plain;
}

const members: Readonly<Record<keyof PolicyTable, Schema>> = {
  id: { type: 'string', pattern: identifier.source, description: 'name of the table, such as default' },
  version: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'the next one of its policy' },
  title: { $ref: '#/$defs/explanation' },
  minimums: {
    description: 'the least that an offer may promise',
    ...object({ afterSaleHours: hours, deliverWithinHours: hours }),
  },
  rules: {
    type: 'array',
    minItems: 1,
    maxItems: maxRules,
    items: { $ref: '#/$defs/rule' },
    description: 'tried in order, the first that matches decides; the last one matches everything and sends to review',
  },
};

/**
 * JSON Schema (2020-12) of a policy table: its form as `readTable` takes it, but for the 48 KiB of the whole. Whether the table
 * judges fairly is the linter's to say.
 */
export const policySchema = (): Schema => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:recourse:policy-table',
  title: 'Refund policy: a decision table over the facts of one unit',
  ...object(
    members,
    Object.keys(members).filter((name) => name !== 'minimums'),
  ),
  $defs: {
    explanation: {
      description: 'what buyers and merchants read',
      ...object({ zh: text(maxExplanationLength, '\\p{Script=Han}'), en: text(maxExplanationLength) }),
    },
    rule: object({
      id: { type: 'string', pattern: identifier.source, not: { const: personRequestedRule } },
      when: { $ref: '#/$defs/facts' },
      then: { $ref: '#/$defs/outcome' },
      explanation: { $ref: '#/$defs/explanation' },
      basis: {
        type: 'array',
        minItems: 1,
        maxItems: maxBasis,
        items: text(maxBasisLength),
        description: 'requirement ids, contract clauses or law',
      },
    }),
    facts: {
      description: 'one value, or any of several; a fact left out matches anything',
      ...object(
        Object.fromEntries(
          Object.entries(factValues).map(([fact, values]) => [
            fact,
            { anyOf: [oneOf(values), { type: 'array', minItems: 1, uniqueItems: true, items: oneOf(values) }] },
          ]),
        ),
        [],
      ),
    },
    outcome: {
      description: 'only decide ends a unit; after review a person decides',
      oneOf: Object.entries(outcomes).map(([step, more]) => outcomeOf(step, more)),
    },
  },
});
