import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runPolicyDiff, runPolicyLint } from './policy.js';

interface Rule {
  readonly id: string;
  readonly then: object;
}
interface Table {
  readonly version: number;
  readonly rules: readonly Rule[];
}

const defaultPolicy = fileURLToPath(import.meta.resolve('@recourse/disputes/policies/default-policy.json'));
let table: Table;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recourse-policy-'));
  table = JSON.parse(await readFile(defaultPolicy, 'utf8')) as Table;
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const saved = async (name: string, text: string): Promise<string> => {
  const file = join(directory, name);
  await writeFile(file, text);
  return file;
};
/** The default policy's next version, with one rule that does something else. */
const nextVersion = (id: string, then: object): Promise<string> =>
  saved(
    `${id}.json`,
    JSON.stringify({ ...table, version: 2, rules: table.rules.map((rule) => (rule.id === id ? { ...rule, then } : rule)) }),
  );
const refusal = { do: 'decide', liable: 'UNPROVEN', remedy: 'NONE', bearer: 'none' };

const lint = async (file: string, json = false, lang: 'zh' | 'en' | 'both' = 'both') => {
  const lines: string[] = [];
  const code = await runPolicyLint(file, lang, { json, say: (line) => lines.push(line) });
  return { code, text: lines.join('\n') };
};
const diff = async (before: string, after: string, json = false) => {
  const lines: string[] = [];
  const code = await runPolicyDiff(before, after, { json, say: (line) => lines.push(line) });
  return { code, text: lines.join('\n') };
};

it('the policy that comes with the product passes without a word', async () => {
  const { code, text } = await lint(defaultPolicy);
  expect(code).toBe(0);
  expect(text).toMatch(/^default version 1 \([0-9a-f]{12}\): \d+ rules, 0 errors, 0 warnings$/);
});

it('a barrier ends with 1, and is told in both languages with its basis and an example', async () => {
  const file = await nextVersion('contested', refusal);
  const { code, text } = await lint(file);
  expect(code).toBe(1);
  expect(text).toContain('error inconclusive-refused: rule contested refuses although the verification is inconclusive [S49]');
  expect(text).toContain('规则 contested 在核实没有结论时拒绝退款');
  expect(text).toMatch(/for example .*verification=INCONCLUSIVE .*merchantAnswer=contested/);
  expect((await lint(file, false, 'zh')).text).not.toContain('refuses');
});

it('a warning is told and ends with 0', async () => {
  const { code, text } = await lint(await nextVersion('merchant-silent', { do: 'review' }));
  expect(code).toBe(0);
  expect(text).toContain('warning silence-undecided');
  expect(text).toContain('0 errors, 1 warning');
});

it('as JSON it is one document', async () => {
  const { code, text } = await lint(await nextVersion('merchant-silent', refusal), true);
  expect(code).toBe(1);
  expect(JSON.parse(text)).toMatchObject({
    policy: { id: 'default', version: 2, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    errors: 2,
    warnings: 0,
    findings: [
      { code: 'silence-refused', rule: 'merchant-silent', witness: { merchantAnswer: 'silent' } },
      { code: 'inconclusive-refused', rule: 'merchant-silent' },
    ],
  });
});

it('two tables are compared by what they decide, what costs the buyer first', async () => {
  const after = await nextVersion('contested', refusal);
  const { code, text } = await diff(defaultPolicy, after);
  expect(code).toBe(0);
  expect(text).toContain(
    'contested: await-evidence\n  → contested: NONE (liable UNPROVEN, borne by none)\n    WORSE for the buyer',
  );
  const document = JSON.parse((await diff(defaultPolicy, after, true)).text) as { changes: object[] };
  expect(document).toMatchObject({ old: { version: 1 }, new: { version: 2 }, combinations: 189_775_872 });
  expect(document.changes).toHaveLength(1);
  expect((await diff(after, defaultPolicy)).text).toContain('better for the buyer');
  expect((await diff(after, after)).text).toContain('\n0 of 189,775,872 combinations of facts get another outcome');
});

it('a file that begins with a mark of its editor is read', async () => {
  expect((await lint(await saved('mark.json', `\uFEFF${JSON.stringify(table)}`))).code).toBe(0);
});

it.each([
  ['that is not there', async () => join(directory, 'none.json'), 'none.json does not exist'],
  ['that is a folder', async () => directory, 'is not a file'],
  ['that is no JSON', () => saved('half.json', '{"id": '), 'half.json is not JSON: '],
  ['that is no table', () => saved('list.json', '[]'), 'list.json is not a policy table:\n  table is not an object'],
  [
    'with more faults than anybody reads',
    () => saved('rules.json', JSON.stringify({ ...table, rules: Array(99).fill(1) })),
    'and 79 more',
  ],
  ['that is too large', () => saved('large.json', ' '.repeat(1_048_577)), 'has 1048577 bytes; a policy has at most 1048576'],
])('a file %s is refused by its name', async (_, made, message) => {
  const file = await made();
  await expect(lint(file)).rejects.toThrow(message);
  await expect(diff(defaultPolicy, file)).rejects.toThrow(message);
});
