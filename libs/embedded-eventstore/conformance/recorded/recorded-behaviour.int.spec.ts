import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { comparable, differences, type Json } from './comparison.js';
import { appending, batches } from './appending.js';
import { caseContext, type RecordedCases } from './case.js';
import { deleting, metadata } from './deleting.js';
import { idempotency } from './idempotency.js';
import { reading } from './reading.js';
import { server, subscribing } from './subscribing.js';
import { target, type Target } from '../target.js';
import { connect, type Wire } from '../wire.js';

const facts = JSON.parse(readFileSync(join(import.meta.dirname, 'facts.json'), 'utf8')) as Record<string, Json>;
const groups: Record<string, RecordedCases> = {
  appending,
  batches,
  idempotency,
  reading,
  metadata,
  deleting,
  subscribing,
  server,
};

let asked: Target;
let wire: Wire;
beforeAll(async () => {
  asked = await target();
  wire = connect(asked.endpoint);
});
afterAll(async () => {
  wire.close();
  await asked.release();
});

describe.each(Object.entries(groups))('answers as EventStoreDB 24.2.0 did: %s', (_, cases) => {
  it.each(Object.entries(cases))('%s', async (name, run) => {
    const { context, tag, ids } = caseContext(wire);
    const seen = JSON.parse(JSON.stringify(await run(context))) as Json;
    expect(differences(facts[name], comparable(seen, tag, ids), name)).toEqual([]);
  });
});

it('asks everything that was recorded', () => {
  const names = Object.values(groups).flatMap((cases) => Object.keys(cases));
  expect(names.sort()).toEqual(Object.keys(facts).sort());
});
