import { Buffer } from 'node:buffer';
import { isTable, policyHash, validateTable } from '@recourse/disputes';
import fc from 'fast-check';
import { chained, sha256 } from './chain.js';
import type { CaseMaterial } from './material.js';
import { hashList, type Manifest, packOf } from './pack.js';
import { sampleMaterial } from './sample-material.js';
import { verifyPack } from './verification.js';
import { NotAPack, type ReadFile, unzip, zipOf } from './zip.js';

const archive = async (material: CaseMaterial): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(zipOf(packOf(material).files)));
const rezipped = async (files: readonly ReadFile[]): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(zipOf(files.map(({ path, bytes }) => ({ path, load: () => Promise.resolve(bytes) })))));
const changed = (files: readonly ReadFile[], path: string, change: (text: string) => string): readonly ReadFile[] =>
  files.map((file) =>
    file.path === path ? { path, bytes: Buffer.from(change(Buffer.from(file.bytes).toString('utf8')), 'utf8') } : file,
  );
/** Somebody who knows how it is made writes every hash anew. */
function rehashed(files: readonly ReadFile[], change: (manifest: Manifest) => object = () => ({})): readonly ReadFile[] {
  const list = files
    .filter(({ path }) => path !== 'manifest.json' && path !== 'hashes.txt')
    .map(({ path, bytes }) => ({ path, bytes: bytes.length, sha256: sha256(bytes) }));
  const withManifest = changed(files, 'manifest.json', (text) => {
    const manifest = JSON.parse(text) as Manifest;
    return JSON.stringify({ ...manifest, files: list, ...change(manifest) });
  });
  const all = withManifest.filter(({ path }) => path !== 'hashes.txt');
  return changed(withManifest, 'hashes.txt', () =>
    hashList(all.map(({ path, bytes }) => ({ path, bytes: bytes.length, sha256: sha256(bytes) }))),
  );
}
const problemsOf = async (files: readonly ReadFile[]) => (await verifyPack(await rezipped(files))).problems;

let whole: Buffer;
let files: readonly ReadFile[];
beforeAll(async () => {
  whole = await archive(await sampleMaterial('客服说等一等'));
  files = await unzip(whole);
});

describe('a pack', () => {
  it('holds, and says what it is of', async () => {
    expect(await verifyPack(whole)).toMatchObject({
      disputeId: 'demo.o1.1',
      view: 'platform',
      files: 8,
      lines: 3,
      verdicts: 1,
      problems: [],
      sha256: packOf(await sampleMaterial('客服说等一等')).sha256,
    });
    expect(files.map(({ path }) => path)).toEqual([
      'case.json',
      'evidence/01-e1.txt',
      'hashes.txt',
      'index.html',
      'manifest.json',
      'policy.json',
      'timeline.json',
      'verdict-1.json',
    ]);
  });

  it('is the same byte for byte when it is made again', async () => {
    expect((await archive(await sampleMaterial('客服说等一等'))).equals(whole)).toBe(true);
  });

  it('names evidence that was erased and still holds', async () => {
    const erased = await archive(await sampleMaterial(undefined));
    expect((await verifyPack(erased)).problems).toEqual([]);
    const page = (await unzip(erased)).find(({ path }) => path === 'index.html');
    expect(Buffer.from(page!.bytes).toString()).toContain('erased on request');
  });

  it('with any byte changed does not hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const broken = Buffer.from(whole);
        broken[at] = (broken[at]! + by) % 256;
        const report = await verifyPack(broken).catch((error: unknown) => {
          if (error instanceof NotAPack) return undefined;
          throw error;
        });
        return report === undefined || report.problems.length > 0;
      }),
      { numRuns: 300 },
    );
  });

  it('that is cut off, or longer, is none', async () => {
    await expect(verifyPack(whole.subarray(0, -1))).rejects.toThrow(NotAPack);
    await expect(verifyPack(Buffer.concat([whole, Buffer.from([0])]))).rejects.toThrow(NotAPack);
    await expect(verifyPack(Buffer.from('hello'))).rejects.toThrow(NotAPack);
  });

  it('in which a file was changed, left out or added names it', async () => {
    expect(await problemsOf(changed(files, 'evidence/01-e1.txt', (text) => `${text}！`))).toContain(
      'evidence/01-e1.txt is not what the manifest says',
    );
    expect(await problemsOf(files.filter(({ path }) => path !== 'evidence/01-e1.txt'))).toContain(
      'evidence/01-e1.txt is missing',
    );
    expect(await problemsOf([...files, { path: 'extra.txt', bytes: Buffer.from('x') }])).toContain(
      'extra.txt is not in the manifest',
    );
    expect(await problemsOf(files.filter(({ path }) => path !== 'policy.json'))).toEqual(['policy.json is missing']);
  });
});

describe('an uploaded file', () => {
  const video = Buffer.from([0, 1, 2, 255]);
  const stored = (bytes: Buffer) => ({
    path: 'evidence/e1-screen.mp4',
    bytes: video.length,
    sha256: sha256(video),
    load: () => Promise.resolve(bytes),
  });

  it('is in the pack as it is and is named by its hash', async () => {
    const pack = await archive(await sampleMaterial('x', { files: [stored(video)] }));
    expect((await verifyPack(pack)).problems).toEqual([]);
    const unpacked = await unzip(pack);
    expect(Buffer.from(unpacked.find(({ path }) => path === 'evidence/e1-screen.mp4')!.bytes).equals(video)).toBe(true);
    const swapped = unpacked.map((file) => (file.path.endsWith('.mp4') ? { ...file, bytes: Buffer.from([1]) } : file));
    expect(await problemsOf(rehashed(swapped))).toContain('evidence/e1-screen.mp4 is not what was uploaded');
    expect(await problemsOf(rehashed([...unpacked, { path: 'evidence/more.txt', bytes: video }]))).toContain(
      'evidence/more.txt belongs to no evidence of the case',
    );
  });

  it('that is not what was uploaded makes no pack', async () => {
    const material = await sampleMaterial('x', { files: [stored(Buffer.from([9, 9, 9, 9]))] });
    await expect(archive(material)).rejects.toThrow('evidence/e1-screen.mp4 is not what was uploaded');
  });
});

describe('a pack of which every hash was made anew', () => {
  it('names the line of the timeline that was changed', async () => {
    const forged = changed(files, 'timeline.json', (text) => text.replace('"rule": "dislike', '"rule": "liking'));
    expect(await problemsOf(rehashed(forged))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^line \d of the timeline/)]),
    );
  });

  it('names a line that was taken out', async () => {
    const forged = changed(files, 'timeline.json', (text) => {
      const lines = JSON.parse(text) as object[];
      return JSON.stringify(lines.toSpliced(1, 1));
    });
    expect(await problemsOf(rehashed(forged))).toContain('line 2 of the timeline does not follow from the one before');
  });

  it('names the verdict that the policy does not lead to', async () => {
    const forged = changed(files, 'verdict-1.json', (text) => text.replaceAll(/"liable": "\w+"/g, '"liable": "UNPROVEN"'));
    expect(await problemsOf(rehashed(forged))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^demo\.o1\.1\.v1 unit 1: the rule says/)]),
    );
  });

  it('names a policy that is not the one the order froze', async () => {
    let hash = '';
    const forged = changed(files, 'policy.json', (text) => {
      const policy = JSON.parse(text) as { table: { title: { en: string } }; hash: string };
      policy.table.title.en = 'another policy';
      const table = validateTable(policy.table);
      if (!isTable(table)) throw new Error(table.join('\n'));
      hash = policyHash(table);
      return JSON.stringify({ ...policy, hash });
    });
    const problems = await problemsOf(rehashed(forged, () => ({ policyHash: hash })));
    expect(problems).toContainEqual(expect.stringMatching(/^the policy has hash .*, the order froze /));
  });

  it('names a chain that was begun anew under another head', async () => {
    const forged = changed(files, 'timeline.json', (text) => {
      const lines = (JSON.parse(text) as { hash: string; previous: string }[]).map((line) => ({ ...line, hash: '' }));
      return JSON.stringify(chained('0'.repeat(64), lines));
    });
    const problems = await problemsOf(rehashed(forged));
    expect(problems).toContain('line 1 of the timeline does not follow from the one before');
    expect(problems).toContain('the timeline does not end where the manifest says');
  });
});

describe('a party’s pack', () => {
  it('names roles and not people, and no account of the books', async () => {
    const his = await unzip(await archive(await sampleMaterial('好的', { view: 'buyer' })));
    const timeline = Buffer.from(his.find(({ path }) => path === 'timeline.json')!.bytes).toString();
    expect(timeline).not.toMatch(/system:judging|postings|"person"/);
    expect(timeline).toContain('"party": "b1"');
    expect((await verifyPack(await rezipped(his))).problems).toEqual([]);
  });
});
