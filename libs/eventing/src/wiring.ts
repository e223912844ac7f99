import type { AnyDecider } from './decider.js';
import type { AnyCatalogue } from './upcasting.js';

/** What an installation is put together from, as far as its parts must fit each other. */
export interface Wiring {
  readonly deciders: readonly Pick<AnyDecider, 'category' | 'events'>[];
  readonly commands: readonly { readonly type: string; readonly category: string }[];
  readonly projections: readonly {
    readonly name: string;
    readonly version: number;
    readonly on: object;
    readonly tables: readonly string[];
  }[];
  readonly processes: readonly { readonly name: string; readonly version: number; readonly on: object }[];
  /** Names of the projections that `verify` has a pass for. */
  readonly verified: readonly string[];
}

export class WiringFaults extends Error {
  override readonly name = 'WiringFaults';
  constructor(readonly faults: readonly string[]) {
    super(`the parts do not fit together:\n${faults.map((fault) => `- ${fault}`).join('\n')}`);
  }
}

const repeated = (values: readonly string[]): string[] => [...new Set(values.filter((value, i) => values.indexOf(value) !== i))];

/** Every fault at once, so that a start fails once and not once per fault. */
export function wiringFaults(wiring: Wiring): string[] {
  const categories = new Set(wiring.deciders.map((decider) => decider.category));
  const types = wiring.deciders.flatMap((decider) => Object.keys(decider.events));
  const known = new Set(types);
  const readers = [
    ...wiring.projections.map((projection) => ({ kind: 'projection', ...projection })),
    ...wiring.processes.map((process) => ({ kind: 'process', ...process })),
  ];
  const tables = wiring.projections.flatMap((projection) => projection.tables);
  return [
    ...repeated(wiring.deciders.map((decider) => decider.category)).map((category) => `two deciders of the category ${category}`),
    ...[...categories]
      .filter((category) => !/^[a-z]+$/.test(category))
      .map((category) => `the category ${category} is not lower-case letters only`),
    ...repeated(types).map((type) => `the event type ${type} belongs to two deciders`),
    ...repeated(wiring.commands.map((command) => command.type)).map((type) => `the command ${type} is registered twice`),
    ...wiring.commands
      .filter((command) => !categories.has(command.category))
      .map((command) => `the command ${command.type} has no decider (category ${command.category})`),
    ...repeated(readers.map((reader) => reader.name)).map((name) => `two readers are named ${name}`),
    ...readers
      .filter((reader) => Object.keys(reader.on).length === 0)
      .map((reader) => `the ${reader.kind} ${reader.name} handles no event`),
    ...readers.flatMap((reader) =>
      Object.keys(reader.on)
        .filter((type) => !known.has(type))
        .map((type) => `the ${reader.kind} ${reader.name} handles ${type}, which no decider makes`),
    ),
    ...wiring.projections
      .filter((projection) => projection.tables.length === 0)
      .map((projection) => `the projection ${projection.name} owns no table`),
    ...repeated(tables).map((table) => `the table ${table} belongs to two projections`),
    ...wiring.projections
      .filter((projection) => !wiring.verified.includes(projection.name))
      .map((projection) => `the projection ${projection.name} has no verify pass`),
  ];
}

/** @throws WiringFaults with the whole list */
export function checkWiring(wiring: Wiring): void {
  const faults = wiringFaults(wiring);
  if (faults.length > 0) throw new WiringFaults(faults);
}

/** All event types of an installation, for readers of the whole log. */
export const catalogueOf = (deciders: readonly Pick<AnyDecider, 'events'>[]): AnyCatalogue =>
  Object.assign({}, ...deciders.map((decider) => decider.events)) as AnyCatalogue;
