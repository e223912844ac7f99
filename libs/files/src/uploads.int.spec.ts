import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { connect, createDatabase, dropDatabase, migrate, type Database } from '@recourse/postgres';
import { createKeyFile, migrations as vaultMigrations, openVault, type Vault } from '@recourse/vault';
import { sql } from 'kysely';
import { openFileStore, type FileStore } from './file-store.js';
import { migrations } from './migrations.js';
import { samples } from './sample-files.js';
import { maxFilesPerScope, openUploads, type StoredFile, type Uploads } from './uploads.js';

const adminUrl = process.env['TEST_POSTGRES_URL'] ?? '';
const databaseName = `files_${randomUUID()}`;
let database: Database;
let directory: string;
let root: string;
let vault: Vault;
let store: FileStore;
let uploads: Uploads;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recourse-uploads-'));
  root = join(directory, 'files');
  database = connect(await createDatabase(adminUrl, databaseName), { applicationName: 'files-test' });
  await migrate(database.db, [vaultMigrations, migrations]);
  await createKeyFile(join(directory, 'keys.json'));
  vault = await openVault({ db: database.db, keyFile: join(directory, 'keys.json') });
  store = await openFileStore(pathToFileURL(root).href);
  uploads = openUploads({ db: database.db, vault, store });
});
afterAll(async () => {
  await database.close();
  await dropDatabase(adminUrl, databaseName);
  await rm(directory, { recursive: true });
});

const png = samples['image/png'];
const text = (content: string) => Buffer.from(content);
const keep = async (scope: string, content: Buffer): Promise<StoredFile> => (await uploads.receive(scope, [content])).keep();
async function contentOf(scope: string, file: StoredFile): Promise<Buffer> {
  const held: Uint8Array[] = [];
  for await (const part of await uploads.open(scope, file)) held.push(part);
  return Buffer.concat(held);
}
const onDisk = async () =>
  (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
const isAttached = () => Promise.resolve(false);

it('gives back what was uploaded, of which the disk shows neither content nor hash', async () => {
  const before = await onDisk();
  const file = await keep('d1/buyer', png);
  expect(file).toMatchObject({ mediaType: 'image/png', bytes: png.length, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect((await contentOf('d1/buyer', file)).equals(png)).toBe(true);
  const [path = ''] = (await onDisk()).filter((one) => !before.includes(one));
  expect(path).not.toContain(file.sha256);
  expect((await readFile(path)).includes('PNG')).toBe(false);
});

it('stores the same once in a scope, and apart in two', async () => {
  const content = text('同样的内容');
  const before = (await onDisk()).length;
  const [first, second] = await Promise.all([keep('d2/buyer', content), keep('d2/buyer', content)]);
  expect(second).toEqual(first);
  expect(await keep('d2/buyer', content)).toEqual(first);
  expect(await onDisk()).toHaveLength(before + 1);
  const other = await keep('d2/merchant', content);
  expect(other).toMatchObject({ sha256: first.sha256 });
  expect(other.reference).not.toBe(first.reference);
  expect(await onDisk()).toHaveLength(before + 2);
  await expect(contentOf('d2/merchant', { ...other, reference: first.reference })).rejects.toMatchObject({ code: 'Tampered' });
});

it('is erased with its key, for one side without the other', async () => {
  const [buyers, merchants] = [await keep('d3/buyer', png), await keep('d3/merchant', png)];
  await vault.shred({ kind: 'person', id: buyers.reference });
  await expect(uploads.open('d3/buyer', buyers)).rejects.toMatchObject({ code: 'Shredded' });
  expect((await contentOf('d3/merchant', merchants)).equals(png)).toBe(true);
  const again = await keep('d3/buyer', png);
  expect((await contentOf('d3/buyer', again)).equals(png)).toBe(true);
  await expect(uploads.open('d3/buyer', buyers)).rejects.toMatchObject({ code: 'Shredded' });
});

it('has room for so many files on each side, also when they come at once', async () => {
  const all = await Promise.allSettled(
    Array.from({ length: maxFilesPerScope + 5 }, (_, i) => keep('d4/buyer', text(`piece ${i}`))),
  );
  const refused = all.flatMap((one) => (one.status === 'rejected' ? [(one.reason as { code: string }).code] : []));
  expect(refused).toEqual(Array(5).fill('NoRoom'));
  expect(await keep('d4/merchant', text('of the other side'))).toMatchObject({ mediaType: 'text/plain' });
});

it('removes what became nothing and leaves what is evidence', async () => {
  const [evidence, orphan] = [await keep('d5/buyer', text('evidence')), await keep('d5/buyer', text('orphan'))];
  const age = (sha256: string) =>
    sql`update files.upload set touched_at = now() - interval '24 hours 1 second' where sha256 = ${sha256}`.execute(database.db);
  await age(evidence.sha256);
  await age(orphan.sha256);
  const sweep = () =>
    uploads.sweepOrphans({
      limit: 10,
      isAttached: (scope, sha256) => Promise.resolve(`${scope} ${sha256}` === `d5/buyer ${evidence.sha256}`),
    });
  expect(await sweep()).toBe(1);
  expect(await sweep()).toBe(0);
  expect((await contentOf('d5/buyer', evidence)).toString()).toBe('evidence');
  await expect(uploads.open('d5/buyer', orphan)).rejects.toMatchObject({ code: 'Shredded' });
  expect(await uploads.claim('d5/buyer', orphan.sha256)).toBeUndefined();
  const again = await keep('d5/buyer', text('orphan'));
  expect((await contentOf('d5/buyer', again)).toString()).toBe('orphan');
});

it('leaves to whoever is attaching it what would be an orphan', async () => {
  const file = await keep('d6/buyer', text('almost forgotten'));
  await sql`update files.upload set touched_at = now() - interval '2 days' where sha256 = ${file.sha256}`.execute(database.db);
  expect(await uploads.claim('d6/buyer', file.sha256)).toEqual(file);
  expect(await uploads.sweepOrphans({ limit: 10, isAttached })).toBe(0);
  expect((await contentOf('d6/buyer', file)).toString()).toBe('almost forgotten');
});

it('that was cut off between its row and its file is begun anew, or swept', async () => {
  const half = async (scope: string, sha256: string) => {
    await sql`insert into files.upload (scope, sha256, bytes, media_type, reference, stored, touched_at)
      values (${scope}, ${sha256}, 3, 'text/plain', 'person-0', false, now() - interval '2 days')`.execute(database.db);
  };
  const { sha256 } = await keep('d7/merchant', text('cut'));
  await half('d7/buyer', sha256);
  expect(await uploads.claim('d7/buyer', sha256)).toBeUndefined();
  expect((await contentOf('d7/buyer', await keep('d7/buyer', text('cut')))).toString()).toBe('cut');
  await half('d8/buyer', sha256);
  expect(await uploads.sweepOrphans({ limit: 10, isAttached })).toBe(1);
});

it('of a refused content keeps nothing', async () => {
  const before = await onDisk();
  await expect(uploads.receive('d9/buyer', [text('<html>')], 'image/png')).rejects.toMatchObject({ code: 'TypeRefused' });
  const received = await uploads.receive('d9/buyer', [text('not wanted after all')]);
  await received.discard();
  expect(await onDisk()).toEqual(before);
});

it('says what is lost and what was changed', async () => {
  const before = await onDisk();
  const file = await keep('d10/buyer', text('x'.repeat(200_000)));
  const [path = ''] = (await onDisk()).filter((one) => !before.includes(one));
  const sealed = await readFile(path);
  await writeFile(path, sealed.subarray(0, 65_552));
  await expect(uploads.open('d10/buyer', file)).rejects.toMatchObject({ code: 'Tampered' });
  await writeFile(path, sealed.subarray(0, -1));
  await expect(contentOf('d10/buyer', file)).rejects.toMatchObject({ code: 'Tampered' });
  await rm(path);
  await expect(uploads.open('d10/buyer', file)).rejects.toMatchObject({ code: 'Missing' });
});
