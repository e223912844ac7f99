import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  dispute,
  factNames,
  factValues,
  isTable,
  rederive,
  validateTable,
  type PolicyTable,
  type VerdictSources,
} from '@recourse/disputes';
import type { Recorded } from '@recourse/eventing';
import { format as prettify, resolveConfig } from 'prettier';
import { readExample, type DisputeExample } from './dispute-example.js';
import { playExample } from './dispute-story.js';

const root = join(import.meta.dirname, '..', '..', '..');
const directory = join(root, 'examples', 'disputes');
const names = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .toSorted();
const textOf = (name: string): string => readFileSync(join(directory, name), 'utf8');
/** Writes what comes as what is expected; the difference is read before it is committed. */
const isWritten = process.env['UPDATE_EXAMPLES'] === '1';

const policyFile = join(root, 'libs', 'disputes', 'policies', 'default-policy.json');
const table = validateTable(JSON.parse(readFileSync(policyFile, 'utf8'))) as PolicyTable;
const examples: (readonly [string, DisputeExample])[] = names.map((name) => [name, readExample(name, textOf(name))]);

it('the policy of the examples is one that may be published', () => {
  expect(isTable(table)).toBe(true);
});

/** Whichever fact of a verdict is changed, to whatever it might be: its name is told. */
function expectTamperingSeen(sources: VerdictSources): void {
  const { verdict } = sources;
  for (const fact of factNames)
    for (const value of factValues[fact].filter((one) => one !== verdict.data.units[0]?.facts[fact])) {
      const units = verdict.data.units.map((unit) => ({ ...unit, facts: { ...unit.facts, [fact]: value } }));
      const differences = rederive({ ...sources, verdict: { ...verdict, data: { ...verdict.data, units } } });
      expect(differences).toContainEqual(
        expect.objectContaining({ fact, found: value, expected: verdict.data.units[0]?.facts[fact] }),
      );
    }
}

it.each(examples)('%s comes as it is told', async (name, example) => {
  const { came, verdicts: reached, explained } = await playExample(example, table);
  if (isWritten) {
    const path = join(directory, name);
    const text = JSON.stringify({ ...example, expected: came });
    writeFileSync(path, await prettify(text, { ...(await resolveConfig(path)), filepath: path }));
  } else expect(came).toEqual(example.expected);
  // I7: every verdict of a story follows from its events, and every case can be told.
  expect(reached.flatMap(rederive)).toEqual([]);
  for (const sources of reached) expectTamperingSeen(sources);
  for (const { units, path, verdicts } of explained) {
    expect(units.flatMap(({ facts }) => facts).every(({ meaning }) => meaning.zh !== '' && meaning.en !== '')).toBe(true);
    for (const { rule, decidedBy } of verdicts) if (decidedBy === 'rule') expect(path.map((one) => one.rule)).toContain(rule);
  }
});

it('an incident that nobody recorded, or that names another unit, proves nothing', async () => {
  const example = examples.find(([name]) => name.endsWith('incident-under-review.json'))?.[1];
  const [sources] = example === undefined ? [] : (await playExample(example, table)).verdicts;
  if (sources === undefined) throw new Error('the example is gone');
  const unproven = [expect.objectContaining({ fact: 'platformFailure', found: 'yes, from 5@order-demo.E1' })];
  const recorded = (keep: (event: Recorded) => Recorded | undefined) => {
    const cited = [...sources.cited].flatMap(([reference, event]) => {
      const kept = event.type === 'IncidentRecorded' ? keep(event) : event;
      return kept === undefined ? [] : [[reference, kept] as const];
    });
    return rederive({ ...sources, cited: new Map(cited) });
  };
  expect(recorded((event) => event)).toEqual([]);
  expect(recorded(() => undefined)).toEqual(unproven);
  const elsewhere = { orders: [{ orderId: 'demo.E1', units: [2] }] };
  expect(recorded((event) => ({ ...event, data: { ...(event.data as object), ...elsewhere } }))).toEqual(unproven);
  expect(recorded((event) => ({ ...event, position: sources.verdict.position }))).toEqual(unproven);
});

describe('together the examples', () => {
  const steps = examples.flatMap(([, { expected }]) => expected.steps);
  const verdicts = examples.flatMap(([, { expected }]) => expected.verdicts);

  it('show every rule of the default policy that decides', () => {
    const shown = new Set(verdicts.filter(({ decidedBy }) => decidedBy === 'rule').map(({ rule }) => rule));
    // No order can promise seven days for a top-up, and a top-up counts as seen: rules before these have the last word.
    const unreachable = ['seven-day-top-up', 'own-cancellation-top-up'];
    expect(table.rules.filter(({ then, id }) => then.do === 'decide' && !shown.has(id)).map(({ id }) => id)).toEqual(unreachable);
  });

  it('show what each silence leads to', () => {
    const silences = [
      'DraftLapsed',
      'ReissueMissed',
      'ResolvedByReissue',
      'MerchantStayedSilent',
      'EvidencePhaseEnded',
      'ReviewEscalated',
      'AppealEscalated',
      'VerdictBecameFinal',
    ];
    const shown = new Set(steps.map(({ event }) => event));
    expect(silences.filter((event) => !shown.has(event))).toEqual([]);
    expect(verdicts.map(({ decidedBy }) => decidedBy)).toEqual(expect.arrayContaining(['rule', 'person', 'appeal', 'overdue']));
    // A verifier who does not answer is replaced by a person.
    expect(steps).toContainEqual(expect.objectContaining({ event: 'ReviewStarted', rule: 'verify' }));
  });

  it('show everything that happens in a case', () => {
    const shown = new Set(steps.map(({ event }) => event));
    // Two people overturn a verdict without an appeal, and what is outside the platform changes nothing in a case.
    const elsewhere = ['VerdictOverrideProposed', 'VerdictOverrideWithdrawn', 'ComplaintLinked', 'CasePackExported'];
    expect(Object.keys(dispute.events).filter((event) => !shown.has(event))).toEqual(elsewhere);
  });

  it('are at least twenty, each with a title of its own', () => {
    expect(examples.length).toBeGreaterThanOrEqual(20);
    expect(new Set(examples.map(([, { title }]) => title.en)).size).toBe(examples.length);
  });
});

describe('an example that is not as it must be', () => {
  const sound = examples[0]?.[1];
  const changed = (change: (example: Record<string, unknown>) => void): string => {
    const example = structuredClone(sound) as unknown as Record<string, unknown>;
    change(example);
    return JSON.stringify(example);
  };
  it.each<[string, (example: Record<string, unknown>) => void, string]>([
    ['an unknown member', (example) => (example['mood'] = 'sad'), 'x.json: example.mood is not known'],
    ['a missing text', (example) => delete example['comment'], 'x.json: example.comment is missing'],
    [
      'an order without its fee',
      (example) => delete (example['order'] as Record<string, unknown>)['fee'],
      'order.fee is missing',
    ],
    [
      'an amount as number',
      (example) => ((example['order'] as Record<string, unknown>)['fee'] = 2.5),
      'order.fee is not what it must be: 2.5',
    ],
    [
      'an act that nobody knows',
      (example) => (example['story'] = [{ at: '2026-03-01T08:00:00.000Z', does: 'shout' }]),
      'story[0].does is not one of',
    ],
    [
      'an act with a slip',
      (example) => (example['story'] = [{ at: '2026-03-01T08:00:00.000Z', does: 'deliver', unit: [1] }]),
      'story[0].unit is not known; story[0].units is missing',
    ],
    [
      'a decision with a slip',
      (example) =>
        (example['story'] = [
          {
            at: '2026-03-01T08:00:00.000Z',
            does: 'decide',
            units: [{ unit: 1, percent: 33 }],
            explanation: { zh: '见', en: 'x' },
          },
        ]),
      'story[0].units is not what it must be',
    ],
    [
      'a requirement that is none',
      (example) => (example['requirements'] = ['X1']),
      'example.requirements is not what it must be',
    ],
  ])('with %s says so', (_, change, fault) => {
    expect(() => readExample('x.json', changed(change))).toThrow(fault);
  });

  it('that tells of an act which is refused says which and why', async () => {
    const story = [{ at: '2026-03-01T08:00:00.000Z', does: 'submit' }];
    const example = readExample(
      'x.json',
      changed((one) => (one['story'] = story)),
    );
    await expect(playExample(example, table)).rejects.toThrow('submit at 2026-03-01T08:00:00.000Z: OrderUnknown');
  });

  it('that tells of an act which is never stored says which and why', async () => {
    const story = [{ at: '2026-03-01T08:00:00.000Z', does: 'place', storedAfter: 'VerdictReached' }];
    const example = readExample(
      'x.json',
      changed((one) => (one['story'] = story)),
    );
    await expect(playExample(example, table)).rejects.toThrow('place waits for VerdictReached, which never came');
  });
});
