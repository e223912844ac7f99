import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { currentVersion, decodeData, encodeData, upcast } from '@recourse/eventing';
import { Ajv, type ValidateFunction } from 'ajv';
import { catalogue } from './deciders.js';

const directory = join(import.meta.dirname, '..', '..', '..', 'docs', 'events');
const parse = (text: string): unknown => JSON.parse(text);
const read = (folder: string, name: string): string => readFileSync(join(directory, folder, `${name}.json`), 'utf8');
const namesIn = (folder: string): string[] => readdirSync(join(directory, folder)).map((file) => file.replace(/\.json$/, ''));

const stored = Object.keys(catalogue).flatMap((type) => {
  const newest = currentVersion(catalogue, type);
  return Array.from({ length: newest }, (_, older) => ({ type, newest, version: older + 1, name: `${type}.v${older + 1}` }));
});
const current = stored.filter(({ version, newest }) => version === newest);

const ajv = new Ajv({ strict: true, keywords: ['x-version'] });
const validators = new Map<string, ValidateFunction>();
/** What the schema of the newest shape has against the data; nothing when it fits. */
function faultsIn(type: string, data: unknown): readonly string[] {
  const validate = validators.get(type) ?? ajv.compile(parse(read('schemas', type)) as object);
  validators.set(type, validate);
  validate(data);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** A sample as the store has it: without the blanks that make the file readable. */
const storedText = (name: string): string => JSON.stringify(parse(read('samples', name)));

type Fields = Readonly<Record<string, unknown>>;
/** The data once for each object in it, with one more field there. */
function* withOneMore(value: unknown): Generator<unknown> {
  if (value === null || typeof value !== 'object') return;
  if (!Array.isArray(value)) yield { ...value, unheardOf: 'x' };
  for (const [key, inner] of Object.entries(value))
    for (const changed of withOneMore(inner))
      yield Array.isArray(value) ? value.with(Number(key), changed) : { ...value, [key]: changed };
}

describe('the events that are stored', () => {
  it('have a sample for every version of every type, and no sample without a type', () => {
    expect(namesIn('samples').toSorted()).toEqual(stored.map(({ name }) => name).toSorted());
  });

  it('have a schema for every type, of its newest version, and no schema without a type', () => {
    expect(namesIn('schemas').toSorted()).toEqual(Object.keys(catalogue).toSorted());
    for (const { type, newest } of current)
      expect(parse(read('schemas', type))).toMatchObject({ title: type, 'x-version': newest });
  });

  it.each(stored)('$name is read back in the newest shape', ({ type, version, name }) => {
    const data = upcast(catalogue, type, decodeData(storedText(name)), version);
    expect(faultsIn(type, parse(encodeData(data)))).toEqual([]);
  });

  it.each(current)('$name is written byte for byte as it was read', ({ name }) => {
    expect(encodeData(decodeData(storedText(name)))).toBe(storedText(name));
  });
});

describe('a shape that changed without a new version', () => {
  it.each(current)('is refused when $type lost a field', ({ type, name }) => {
    const { required } = parse(read('schemas', type)) as { required: readonly string[] };
    const sample = parse(storedText(name)) as Fields;
    expect(required).not.toEqual([]);
    for (const field of required) {
      const rest = Object.fromEntries(Object.entries(sample).filter(([key]) => key !== field));
      expect(faultsIn(type, rest)).toContain(` must have required property '${field}'`);
    }
  });

  it.each(current)('is refused when $type got a field, at whatever depth', ({ type, name }) => {
    const changed = [...withOneMore(parse(storedText(name)))];
    expect(changed).not.toEqual([]);
    for (const data of changed) expect(faultsIn(type, data)).toContainEqual(expect.stringContaining('must NOT have additional'));
  });

  it('is refused when an amount is a number or not in its one spelling', () => {
    const type = 'PayableCredited';
    const sample = parse(storedText(`${type}.v${currentVersion(catalogue, type)}`)) as Fields;
    const amounts = [5, '5.00', '05', '+5', '-0', ''].map((minor) => ({ asset: 'CNY', minor }));
    for (const amount of amounts) expect(faultsIn(type, { ...sample, amount })).not.toEqual([]);
    expect(faultsIn(type, { ...sample, amount: { asset: 'CNY', minor: '-5' } })).toEqual([]);
  });
});
