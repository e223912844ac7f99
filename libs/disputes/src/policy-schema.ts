import { factValues, personRequestedRule, type Decision, type PolicyTable, type RuleOutcome } from './policy-table.js';
import { identifier, liabilities, maxBasis, maxBasisLength, maxExplanationLength, maxRules } from './table-check.js';

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

const remedies: Readonly<Record<Decision['remedy'], true>> = { NONE: true, FULL_REFUND: true };
const bearers: Readonly<Record<Decision['bearer'], true>> = { merchant: true, platform: true, none: true };
/** What a rule does; a new step does not compile until it has its form here. */
const outcomes: Readonly<Record<RuleOutcome['do'], Readonly<Record<string, Schema>>>> = {
  verify: {},
  'await-reissue': {},
  'await-merchant': {},
  'await-evidence': {},
  review: {},
  decide: {
    liable: oneOf(liabilities),
    remedy: oneOf(Object.keys(remedies)),
    bearer: oneOf(Object.keys(bearers)),
  },
};

const members: Readonly<Record<keyof PolicyTable, Schema>> = {
  id: { type: 'string', pattern: identifier.source, description: 'name of the table, such as default' },
  version: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'the next one of its policy' },
  title: { $ref: '#/$defs/explanation' },
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
  ...object(members),
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
      oneOf: Object.entries(outcomes).map(([step, more]) => object({ do: { const: step }, ...more })),
    },
  },
});
