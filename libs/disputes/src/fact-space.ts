import { askedOf, factNames, factValues, type Facts, type PolicyRule } from './policy-table.js';

/** A part of the fact space: a fact left out may have any value. What a rule asks is a box too. */
export type FactBox = PolicyRule['when'];
/** The values that each fact may take. */
export type FactSpace = { readonly [Fact in keyof Facts]: readonly Facts[Fact][] };

/** The values of a fact in a box, in the order of the space. */
export const valuesIn = (box: FactBox, fact: keyof Facts, space: FactSpace = factValues): readonly string[] => {
  const asked = askedOf({ when: box }, fact);
  return asked === undefined ? space[fact] : space[fact].filter((value) => asked.includes(value));
};
/** How many combinations of facts a box holds. */
export const sizeOf = (box: FactBox, space: FactSpace = factValues): number =>
  factNames.reduce((product, fact) => product * valuesIn(box, fact, space).length, 1);

/** The combinations that can happen: an undelivered unit has no clock and nothing to verify, a delivered one has a clock. */
export const consistentBoxes: readonly FactBox[] = [
  { delivered: 'yes', afterSale: ['before', 'at', 'after'] },
  { delivered: 'no', revealed: 'no', afterSale: 'none', sevenDay: 'none', verification: 'none', reissue: 'none' },
];
/** Where an example is looked for first, since people know such cases. */
export const ordinaryBox: FactBox = {
  delivered: 'yes',
  platformFailure: 'no',
  afterSale: ['before', 'at', 'after'],
  sevenDay: 'none',
  activationFailureEvidence: 'no',
};
export const intersection = (one: FactBox, other: FactBox): FactBox =>
  Object.fromEntries(
    factNames
      .filter((fact) => one[fact] !== undefined || other[fact] !== undefined)
      .map((fact) => [fact, valuesIn(one, fact).filter((value) => valuesIn(other, fact).includes(value))]),
  );
