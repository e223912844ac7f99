/** Writes docs/events from the event unions: the JSON Schema of each event's data as it is stored, and the list of all events. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { currentVersion } from '@recourse/eventing';
import { deciders } from '@recourse/nest';
import { format, resolveConfig } from 'prettier';
import {
  AnnotatedType,
  createFormatter,
  createParser,
  DEFAULT_CONFIG,
  NumberType,
  SchemaGenerator,
  StringType,
} from 'ts-json-schema-generator';
import ts from 'typescript';

const root = join(import.meta.dirname, '..');
const target = join(root, 'docs', 'events');
const ledger = join(root, 'libs', 'ledger');
const union = { file: join(ledger, 'src', 'posting.ts'), type: 'DomainEvent' };

/** The store encodes a number as it is, but refuses one that is not whole, and an amount's bigint as text. */
const storedForms = [
  { kind: ts.SyntaxKind.NumberKeyword, type: new AnnotatedType(new NumberType(), { type: 'integer' }, false) },
  { kind: ts.SyntaxKind.BigIntKeyword, type: new AnnotatedType(new StringType(), { pattern: '^(0|-?[1-9]\\d{0,18})$' }, false) },
];

/** The sources themselves and not what was built of them, or an old build would be described. */
function programOf({ file }) {
  const overrides = { customConditions: ['@recourse/source'], composite: false, incremental: false, noEmit: true };
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: ({ messageText }) => fail([String(messageText)]) };
  const { options } = ts.getParsedCommandLineOfConfigFile(join(ledger, 'tsconfig.json'), overrides, host);
  return ts.createProgram([file], options);
}

/** Schema of each event's data by type, and the definitions that they refer to. */
function readUnion(program) {
  const config = { ...DEFAULT_CONFIG, type: union.type, encodeRefs: false };
  const parser = createParser(program, config, (parsers) => {
    for (const { kind, type } of storedForms)
      parsers.addNodeParser({ supportsNode: (node) => node.kind === kind, createType: () => type });
  });
  const { definitions } = new SchemaGenerator(program, parser, createFormatter(config), config).createSchema(union.type);
  const resolve = (schema) => (schema.$ref === undefined ? schema : resolve(definitions[nameIn(schema.$ref)]));
  const membersOf = (schema) => resolve(schema).anyOf?.flatMap(membersOf) ?? [resolve(schema)];
  const members = membersOf(definitions[union.type]);
  return { definitions, data: new Map(members.map(({ properties: { type, data } }) => [type.const, resolve(data)])) };
}
const nameIn = (reference) => reference.slice('#/definitions/'.length);

/** A docstring in front of a member of a union belongs to no node of the compiler, so it is read from the text. */
function readDocs(program) {
  const documented = /\/\*\*((?:(?!\*\/)[^])*)\*\/\s*(?:\||export type \w+ =)\s*Event<\s*'(\w+)'/g;
  const found = program.getSourceFiles().flatMap(({ text }) => [...text.matchAll(documented)]);
  return new Map(found.map(([, doc, type]) => [type, doc.replace(/\s*\n\s*\*?\s*/g, ' ').trim()]));
}

/** Names of the definitions that a schema needs, through others too. */
function referredTo(schema, definitions, found = new Set()) {
  for (const [key, value] of Object.entries(schema)) {
    if (key === '$ref' && !found.has(nameIn(value))) {
      found.add(nameIn(value));
      referredTo(definitions[nameIn(value)], definitions, found);
    } else if (value !== null && typeof value === 'object') referredTo(value, definitions, found);
  }
  return found;
}

/** Without the order of the source, so that moving a line changes no schema. */
function sorted(value) {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? value.toSorted() : value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const names = Object.keys(value).toSorted();
  return Object.fromEntries(names.map((name) => [name, sorted(value[name])]));
}

function schemaOf({ type, version, doc }, data, definitions) {
  const { description, ...shape } = sorted(data);
  const names = [...referredTo(data, definitions)].toSorted();
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: type,
    ...((doc ?? description) ? { description: doc ?? description } : {}),
    'x-version': version,
    ...shape,
    ...(names.length > 0 && { definitions: Object.fromEntries(names.map((name) => [name, sorted(definitions[name])])) }),
  };
}

const rowOf = ({ type, category, version, description = '' }) =>
  `| [${type}](schemas/${type}.json) | ${category} | [${version}](samples/${type}.v${version}.json) | ${description.replaceAll('|', '\\|')} |`;
const indexOf = (events) => `# Events

The data of every event as it is stored; \`npm run generate\` writes this page and \`schemas/\` from the event unions.
The name leads to the JSON Schema of the newest shape, the version to a sample.

## A new shape

1. Change the event's type, and keep the old one as the first of its shapes in the decider's \`events\`:
   \`shape<V1>().then<V2>(step)\`.
2. \`npm run generate\`, and read what it changed.
3. Add \`samples/<Type>.v<version>.json\` with the new data. Samples of older versions are never changed or removed: a test reads
   them back for ever.

## All events

| Event | Stream | Version | What it says |
| --- | --- | --- | --- |
${events.map(rowOf).join('\n')}
`;

async function write(path, text) {
  await writeFile(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
}

function fail(faults) {
  console.error(`no schemas were written:\n${faults.map((fault) => `- ${fault}`).join('\n')}`);
  process.exit(1);
}

const program = programOf(union);
const { definitions, data } = readUnion(program);
const docs = readDocs(program);
const events = deciders.flatMap(({ category, events: catalogue }) =>
  Object.keys(catalogue).map((type) => ({ type, category, version: currentVersion(catalogue, type), doc: docs.get(type) })),
);
const known = new Set(events.map(({ type }) => type));
const faults = [
  ...[...known].filter((type) => !data.has(type)).map((type) => `${type} is in the catalogue but not in ${union.type}`),
  ...[...data.keys()].filter((type) => !known.has(type)).map((type) => `${type} is in ${union.type} but in no decider's events`),
];
if (faults.length > 0) fail(faults);

const schemas = events.map((event) => schemaOf(event, data.get(event.type), definitions));
const directory = join(target, 'schemas');
await mkdir(directory, { recursive: true });
for (const name of await readdir(directory)) if (!known.has(name.replace(/\.json$/, ''))) await rm(join(directory, name));
for (const schema of schemas) await write(join(directory, `${schema.title}.json`), JSON.stringify(schema));
const listed = events.map((event, i) => ({ ...event, description: schemas[i].description }));
await write(join(target, 'README.md'), indexOf(listed));
console.log(`${schemas.length} schemas and their list are in docs/events`);
