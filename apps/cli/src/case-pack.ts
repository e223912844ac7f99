import { createWriteStream } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gatherCase, NotAPack, packOf, type PackReport, type PackView, verifyPack, zipOf } from '@recourse/case-pack';
import { dispute } from '@recourse/disputes';
import { systemActor } from '@recourse/eventing';
import { openAggregateStore, openEventStore } from '@recourse/eventstore';
import { openFileStore, openUploads } from '@recourse/files';
import { catalogue, uuidOf } from '@recourse/nest';
import { connect, existingVirtualClock, machineClock } from '@recourse/postgres';
import { openVault } from '@recourse/vault';
import { type Stores, storesOf } from './verify-installation.js';

export interface CasePackOptions {
  readonly dataDir: string;
  readonly disputeId: string;
  readonly view: PackView;
  readonly out: string;
}
interface Voice {
  readonly say: (line: string) => void;
}

const exporter = 'cli';
/** A pack is checked in memory. */
const maxCheckedBytes = 1 << 30;

/** Writes the pack beside its place and puts it there whole; what is there already is not overwritten. @throws Error */
export async function exportCase(
  { databaseUrl, eventStoreUrl, keyFile, filesUrl }: Stores & { readonly filesUrl: string },
  { disputeId, view, out }: Omit<CasePackOptions, 'dataDir'>,
): Promise<string> {
  const reserved = await open(out, 'wx').catch((error: unknown) => {
    throw new Error(`cannot write ${out}: ${error instanceof Error ? error.message : String(error)}`);
  });
  await reserved.close();
  const database = connect(databaseUrl, { applicationName: 'recourse-case-pack', maxConnections: 2 });
  const eventStore = openEventStore({ connectionString: eventStoreUrl, catalogue, log: () => undefined });
  try {
    const vault = await openVault({ db: database.db, keyFile });
    const uploads = openUploads({ db: database.db, vault, store: await openFileStore(filesUrl) });
    const material = await gatherCase({ eventStore, database, vault, uploads }, disputeId, view);
    if (material === undefined) throw new Error(`there is no dispute ${disputeId}`);
    const { files, sha256, position } = packOf(material);
    await pipeline(Readable.from(zipOf(files)), createWriteStream(`${out}.part`, { mode: 0o600 }));
    const clock = (await existingVirtualClock(database.db)) ?? machineClock;
    const actor = systemActor(exporter, material.file.platform);
    const commandId = uuidOf('case-pack', disputeId, actor.subject, sha256);
    await openAggregateStore({ eventStore, log: () => undefined }).execute(
      dispute,
      disputeId,
      { type: 'RecordExport', by: actor.subject, view, position, sha256 },
      { commandId, correlationId: commandId, actor, at: await clock.now() },
    );
    await rename(`${out}.part`, out);
    return sha256;
  } catch (error) {
    await Promise.all([rm(out, { force: true }), rm(`${out}.part`, { force: true })]);
    throw error;
  } finally {
    await eventStore.close();
    await database.close();
  }
}

/** `recourse case-pack`: beside a running installation, of one at rest, or of the stores that the environment names. */
export async function runCasePack(
  { dataDir, ...wanted }: CasePackOptions,
  environment: Readonly<Record<string, string | undefined>>,
  { say }: Voice,
): Promise<number> {
  const stores = await storesOf(dataDir, environment);
  try {
    const filesUrl = environment['RECOURSE_FILES'] ?? pathToFileURL(join(dataDir, 'files')).href;
    const sha256 = await exportCase({ ...stores, filesUrl }, wanted);
    say(`${wanted.out}: the case ${wanted.disputeId} as the ${wanted.view} may see it, SHA-256 of its hashes.txt ${sha256}`);
    return 0;
  } finally {
    await stores.stop();
  }
}

export const reportLines = (file: string, report: PackReport): string[] => [
  `${file}: dispute ${report.disputeId} for the ${report.view}, up to log position ${report.position}`,
  `${report.files} files, ${report.lines} lines of the timeline, ${report.verdicts} verdict(s) decided again`,
  `SHA-256 of hashes.txt ${report.sha256}; the platform's log names the same if it made this pack`,
  ...report.problems.map((problem) => `! ${problem}`),
  report.problems.length === 0 ? 'the pack holds' : `the pack does not hold: ${report.problems.length} problem(s)`,
];

/** `recourse case-pack verify`: from the file alone. @returns 1 when it does not hold */
export async function runCasePackVerify(file: string, json: boolean, { say }: Voice): Promise<number> {
  const handle = await open(file);
  try {
    if ((await handle.stat()).size > maxCheckedBytes) throw new Error(`${file} is larger than ${maxCheckedBytes} bytes`);
  } finally {
    await handle.close();
  }
  try {
    const report = await verifyPack(await readFile(file));
    if (json) say(JSON.stringify(report, null, 2));
    else for (const line of reportLines(file, report)) say(line);
    return report.problems.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof NotAPack)) throw error;
    say(
      json
        ? JSON.stringify({ problems: [error.message] }, null, 2)
        : `${file} is no case pack as it was exported: ${error.message}`,
    );
    return 1;
  }
}
