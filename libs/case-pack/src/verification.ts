import { Buffer } from 'node:buffer';
import { isTable, policyHash, rejudge, validateTable } from '@recourse/disputes';
import type { DisputeEvent } from '@recourse/disputes/events';
import { type DataOf, decodeData } from '@recourse/eventing';
import { brokenLinks, chainStart, sha256, type Chained } from './chain.js';
import type { CaseDocument, TimelineEntry, VerdictDocument } from './documents.js';
import type { FrozenPolicy } from './material.js';
import { hashList, type Manifest, packFormat, packVersion } from './pack.js';
import { type ReadFile, unzip } from './zip.js';

export interface PackReport {
  readonly disputeId: string;
  readonly view: string;
  readonly position: string;
  /** Of hashes.txt; the platform's log has the same under CasePackExported. */
  readonly sha256: string;
  readonly files: number;
  readonly lines: number;
  readonly verdicts: number;
  /** What is not as it was exported; empty for a pack that holds. */
  readonly problems: readonly string[];
}

interface Opened {
  readonly manifest: Manifest;
  readonly file: CaseDocument;
  readonly timeline: readonly Chained<TimelineEntry>[];
  readonly policy: FrozenPolicy;
  readonly verdicts: readonly { readonly path: string; readonly text: string; readonly document: VerdictDocument }[];
}

const verdictPath = /^verdict-[1-9][0-9]*\.json$/;
const required = ['case.json', 'hashes.txt', 'index.html', 'manifest.json', 'policy.json', 'timeline.json'];
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');

function opened(files: ReadonlyMap<string, Uint8Array>): Opened {
  const read = (path: string): unknown => JSON.parse(textOf(files.get(path) ?? new Uint8Array()));
  return {
    manifest: read('manifest.json') as Manifest,
    file: read('case.json') as CaseDocument,
    timeline: read('timeline.json') as Opened['timeline'],
    policy: read('policy.json') as FrozenPolicy,
    verdicts: [...files.keys()]
      .filter((path) => verdictPath.test(path))
      .map((path) => ({ path, text: textOf(files.get(path) ?? new Uint8Array()), document: read(path) as VerdictDocument })),
  };
}

function fileProblems(files: readonly ReadFile[], manifest: Manifest): string[] {
  const present = files.map(({ path, bytes }) => ({ path, bytes: bytes.length, sha256: sha256(bytes) }));
  const listed = new Map(manifest.files.map((file) => [file.path, file]));
  const content = present.filter(({ path }) => path !== 'hashes.txt' && path !== 'manifest.json');
  const hashes = files.find(({ path }) => path === 'hashes.txt');
  const expected = hashList(present.filter(({ path }) => path !== 'hashes.txt'));
  return [
    ...content.flatMap(({ path, bytes, sha256: hash }) => {
      const known = listed.get(path);
      if (known === undefined) return [`${path} is not in the manifest`];
      return known.sha256 === hash && known.bytes === bytes ? [] : [`${path} is not what the manifest says`];
    }),
    ...[...listed.keys()].filter((path) => !content.some((file) => file.path === path)).map((path) => `${path} is missing`),
    ...(hashes !== undefined && textOf(hashes.bytes) === expected ? [] : ['hashes.txt does not list the files as they are']),
    ...(manifest.format === packFormat && manifest.version === packVersion ? [] : ['the manifest is of another format']),
  ];
}

function timelineProblems({ manifest, timeline, file }: Opened): string[] {
  const start = chainStart(manifest.disputeId, manifest.view);
  const broken = brokenLinks(start, timeline);
  const isOrdered = timeline.every(
    ({ no, position }, index) => no === index + 1 && BigInt(position) > BigInt(timeline[index - 1]?.position ?? -1),
  );
  return [
    ...broken.map((no) => `line ${no} of the timeline does not follow from the one before`),
    ...(isOrdered ? [] : ['the lines of the timeline are not in the order of the log']),
    ...(manifest.timeline.head === (timeline.at(-1)?.hash ?? start) && manifest.timeline.lines === timeline.length
      ? []
      : ['the timeline does not end where the manifest says']),
    ...(manifest.disputeId === file.disputeId ? [] : ['manifest and case are of two disputes']),
  ];
}

function verdictProblems({ policy, file, manifest, timeline, verdicts }: Opened): string[] {
  const table = validateTable(policy.table);
  if (!isTable(table)) return ['the policy is no decision table'];
  const hash = policyHash(table);
  const frozen = [policy.hash, file.policy.hash, manifest.policyHash];
  const reached = timeline.filter(({ event }) => event === 'VerdictReached');
  return [
    ...(frozen.every((one) => one === hash) ? [] : [`the policy has hash ${hash}, the order froze ${file.policy.hash}`]),
    ...(reached.length === verdicts.length ? [] : [`the timeline has ${reached.length} verdict(s), the pack ${verdicts.length}`]),
    ...verdicts
      .filter(
        ({ document: { rule, decidedBy } }) =>
          !reached.some(({ facts }) => facts['rule'] === rule && facts['decidedBy'] === decidedBy),
      )
      .map(({ path }) => `${path} is not a verdict of the timeline`),
    ...verdicts.flatMap(({ text }) => rejudge(decodeData(text) as DataOf<DisputeEvent, 'VerdictReached'>, table)),
  ];
}

function evidenceProblems({ file }: Opened, files: ReadonlyMap<string, Uint8Array>): string[] {
  const texts = file.evidence.flatMap(({ text }) => text ?? []);
  const known = new Map<string, string | undefined>([
    ...texts.map((path) => [path, undefined] as const),
    ...file.files.map(({ path, sha256: hash }) => [path, hash] as const),
  ]);
  return [
    ...[...known].flatMap(([path, hash]) => {
      const bytes = files.get(path);
      if (bytes === undefined) return [`${path} is missing`];
      return hash === undefined || sha256(bytes) === hash ? [] : [`${path} is not what was uploaded`];
    }),
    ...[...files.keys()]
      .filter((path) => path.startsWith('evidence/') && !known.has(path))
      .map((path) => `${path} belongs to no evidence of the case`),
  ];
}

/** What the checks themselves stumble over is a problem of the pack too. */
function attempt(what: string, check: () => string[]): string[] {
  try {
    return check();
  } catch (error) {
    return [`${what}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/**
 * Checks a pack from itself alone: every byte accounted for, hashes, chain, the policy that was frozen, and every verdict decided
 * again. Whoever makes a whole pack anew passes this; that it is the platform's, its hash in the platform's log says.
 * @throws NotAPack for what is no archive of this kind
 */
export async function verifyPack(archive: Uint8Array): Promise<PackReport> {
  const list = await unzip(archive);
  const files = new Map(list.map(({ path, bytes }) => [path, bytes]));
  const missing = required.filter((path) => !files.has(path)).map((path) => `${path} is missing`);
  const base = { sha256: sha256(files.get('hashes.txt') ?? ''), files: list.length };
  const unreadable = { ...base, disputeId: '', view: '', position: '', lines: 0, verdicts: 0 };
  if (missing.length > 0) return { ...unreadable, problems: missing };
  let pack: Opened;
  try {
    pack = opened(files);
  } catch (error) {
    return { ...unreadable, problems: [`a file is no JSON: ${error instanceof Error ? error.message : String(error)}`] };
  }
  return {
    ...base,
    disputeId: pack.manifest.disputeId,
    view: pack.manifest.view,
    position: pack.manifest.position,
    lines: pack.timeline.length,
    verdicts: pack.verdicts.length,
    problems: [
      ...attempt('manifest.json', () => fileProblems(list, pack.manifest)),
      ...attempt('timeline.json', () => timelineProblems(pack)),
      ...attempt('policy.json', () => verdictProblems(pack)),
      ...attempt('case.json', () => evidenceProblems(pack, files)),
    ],
  };
}
