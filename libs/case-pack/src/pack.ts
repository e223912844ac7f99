import { sha256 } from './chain.js';
import { type Documents, documentsOf } from './documents.js';
import type { CaseMaterial, StoredFile } from './material.js';
import { pageOf } from './page.js';
import type { PackFile } from './zip.js';

export const packFormat = 'recourse-case-pack';
export const packVersion = 1;

export interface ListedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}
export interface Manifest {
  readonly format: string;
  readonly version: number;
  readonly disputeId: string;
  readonly view: string;
  /** Of the last event in the timeline. */
  readonly position: string;
  readonly policyHash: string;
  readonly timeline: { readonly lines: number; readonly start: string; readonly head: string };
  readonly files: readonly ListedFile[];
}

/** All but a large file's bytes is at hand. */
export interface Pack {
  readonly files: readonly PackFile[];
  /** Of hashes.txt, which names the hash of every other file: one number for the whole pack. */
  readonly sha256: string;
  readonly position: string;
}

interface Written extends ListedFile {
  load(): Promise<Uint8Array>;
}

const written = (path: string, text: string): Written => {
  const bytes = Buffer.from(text, 'utf8');
  return { path, bytes: bytes.length, sha256: sha256(bytes), load: () => Promise.resolve(bytes) };
};
const json = (path: string, value: unknown): Written => written(path, `${JSON.stringify(value, null, 2)}\n`);
/** What the file store gives must be what it was asked for, or the pack would be broken when it is made. */
const checked = (file: StoredFile): Written => ({
  ...file,
  load: async () => {
    const bytes = await file.load();
    if (bytes.length !== file.bytes || sha256(bytes) !== file.sha256) throw new Error(`${file.path} is not what was uploaded`);
    return bytes;
  },
});
const listed = ({ path, bytes, sha256: hash }: ListedFile): ListedFile => ({ path, bytes, sha256: hash });
const byPath = (one: ListedFile, other: ListedFile): number => (one.path < other.path ? -1 : 1);

/** As `sha256sum -c hashes.txt` reads it. */
export const hashList = (files: readonly ListedFile[]): string =>
  files
    .toSorted(byPath)
    .map(({ path, sha256: hash }) => `${hash}  ${path}\n`)
    .join('');

function manifestOf({ case: { disputeId }, view, position, policy, timeline }: Documents, files: readonly Written[]): Manifest {
  const start = timeline[0]?.previous ?? '';
  return {
    format: packFormat,
    version: packVersion,
    disputeId,
    view,
    position,
    policyHash: policy.hash,
    timeline: { lines: timeline.length, start, head: timeline.at(-1)?.hash ?? start },
    files: files.toSorted(byPath).map(listed),
  };
}

/** The files of a pack: a page for people, the same as JSON for programs, and the hashes of all of it. S74, S76 */
export function packOf(material: CaseMaterial): Pack {
  const documents = documentsOf(material);
  const content: Written[] = [
    written('index.html', pageOf(documents)),
    json('case.json', documents.case),
    json('timeline.json', documents.timeline),
    json('policy.json', documents.policy),
    ...documents.verdicts.map((verdict, index) => json(`verdict-${index + 1}.json`, verdict)),
    ...[...documents.texts].map(([path, text]) => written(path, text)),
    ...material.files.map(checked),
  ];
  const all = [...content, json('manifest.json', manifestOf(documents, content))];
  const hashes = written('hashes.txt', hashList(all));
  return { files: [...all, hashes], sha256: hashes.sha256, position: documents.position };
}
