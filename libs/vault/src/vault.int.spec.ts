import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createDatabase, type Database, dropDatabase, migrate } from '@recourse/postgres';
import { sql } from 'kysely';
import { addMasterKey, createKeyFile, readKeyFile, removeMasterKey } from './key-file.js';
import { migrations } from './migrations.js';
import { openVault, type Subject, type Vault } from './vault.js';

const adminUrl = process.env['TEST_POSTGRES_URL']!;
const failure = (code: string) => expect.objectContaining({ code });
const order = (): Subject => ({ kind: 'order', id: randomBytes(6).toString('hex') });

describe('the vault', () => {
  let database: Database;
  let name: string;
  let directory: string;
  let keyFile: string;
  let vault: Vault;
  const open = () => openVault({ db: database.db, keyFile });
  /** Everything the schema holds, as text: what a thief of the database reads. */
  const stored = async () => {
    const { rows } = await sql<{ all: string }>`
      SELECT concat_ws(' ', (SELECT string_agg(data_key::text, ' ') FROM vault.data_key), (SELECT string_agg(person::text, ' ') FROM vault.person)) AS "all"`.execute(
      database.db,
    );
    return rows[0]!.all;
  };

  beforeAll(async () => {
    name = `vault_${randomBytes(6).toString('hex')}`;
    database = connect(await createDatabase(adminUrl, name));
    await migrate(database.db, [migrations]);
  });
  afterAll(async () => {
    await database.close();
    await dropDatabase(adminUrl, name);
  });
  beforeEach(async () => {
    await sql`TRUNCATE vault.data_key, vault.person, vault.key_check`.execute(database.db);
    directory = await mkdtemp(join(tmpdir(), 'vault-'));
    keyFile = join(directory, 'keys.json');
    await createKeyFile(keyFile);
    vault = await open();
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('gives back a card key, also after a restart, and keeps it out of the database', async () => {
    const subject = order();
    const ciphertext = await vault.encrypt(subject, 'unit-1', '卡密 ABCD-1234');
    expect(ciphertext).not.toContain('ABCD');
    expect(await stored()).not.toContain('ABCD');
    expect(await (await open()).decrypt(subject, 'unit-1', ciphertext)).toBe('卡密 ABCD-1234');
  });

  it('does not give a card key for another order, another unit or a changed text', async () => {
    const [mine, other] = [order(), order()];
    const ciphertext = await vault.encrypt(mine, 'unit-1', 'ABCD-1234');
    await vault.encrypt(other, 'unit-1', 'EFGH-5678');
    await expect(vault.decrypt(mine, 'unit-2', ciphertext)).rejects.toThrow(failure('Tampered'));
    await expect(vault.decrypt(other, 'unit-1', ciphertext)).rejects.toThrow(failure('Unknown'));
    await expect(vault.decrypt(order(), 'unit-1', ciphertext)).rejects.toThrow(failure('Unknown'));
    await expect(vault.decrypt(mine, 'unit-1', ciphertext.slice(0, -2))).rejects.toThrow(failure('Tampered'));
    await expect(vault.decrypt(mine, 'unit-1', 'ABCD-1234')).rejects.toThrow(failure('Malformed'));
  });

  it('does not accept a wrapped key that was moved to another order', async () => {
    const [mine, other] = [order(), order()];
    const ciphertext = await vault.encrypt(mine, 'unit-1', 'ABCD-1234');
    await sql`INSERT INTO vault.data_key SELECT kind, ${other.id}, key_id || 'x', wrapped FROM vault.data_key WHERE subject = ${mine.id}`.execute(
      database.db,
    );
    await expect(vault.decrypt(other, 'unit-1', ciphertext)).rejects.toThrow(failure('Tampered'));
  });

  it('tells a lost key from a forged text', async () => {
    const subject = order();
    const ciphertext = await vault.encrypt(subject, 'unit-1', 'ABCD-1234');
    await sql`DELETE FROM vault.data_key WHERE subject = ${subject.id}`.execute(database.db);
    await vault.encrypt(subject, 'unit-2', 'EFGH-5678');
    await expect(vault.decrypt(subject, 'unit-1', ciphertext)).rejects.toThrow(failure('Unknown'));
  });

  it('erases an order for good and leaves the others alone', async () => {
    const [erased, kept] = [order(), order()];
    const [gone, stays] = [await vault.encrypt(erased, '1', 'ABCD-1234'), await vault.encrypt(kept, '1', 'EFGH-5678')];
    await vault.shred(erased);
    await vault.shred(erased);
    await expect(vault.decrypt(erased, '1', gone)).rejects.toThrow(failure('Shredded'));
    await expect(vault.encrypt(erased, '2', 'IJKL-9012')).rejects.toThrow(failure('Shredded'));
    expect(await vault.decrypt(kept, '1', stays)).toBe('EFGH-5678');
    const { rows } = await sql<{
      wrapped: string | null;
    }>`SELECT wrapped FROM vault.data_key WHERE subject = ${erased.id}`.execute(database.db);
    expect(rows).toEqual([{ wrapped: null }]);
  });

  it('encrypts nothing for a subject that was erased before its first key', async () => {
    const subject = order();
    await vault.shred(subject);
    await expect(vault.encrypt(subject, '1', 'ABCD-1234')).rejects.toThrow(failure('Shredded'));
  });

  it('gives one data key to all who meet at a new order', async () => {
    const subject = order();
    const second = await open();
    const ciphertexts = await Promise.all(
      Array.from({ length: 16 }, (_, unit) => (unit % 2 ? vault : second).encrypt(subject, `${unit}`, `key ${unit}`)),
    );
    const read = await Promise.all(ciphertexts.map((ciphertext, unit) => vault.decrypt(subject, `${unit}`, ciphertext)));
    expect(read).toEqual(ciphertexts.map((_, unit) => `key ${unit}`));
  });

  it('takes 4 KiB and not a byte more, counted as UTF-8, and only well-formed text', async () => {
    const subject = order();
    const full = '卡'.repeat(1365) + 'x';
    expect(await vault.decrypt(subject, '', await vault.encrypt(subject, '', full))).toBe(full);
    expect(await vault.decrypt(subject, '', await vault.encrypt(subject, '', ''))).toBe('');
    await expect(vault.encrypt(subject, '', `${full}x`)).rejects.toThrow(failure('TooLarge'));
    await expect(vault.encrypt(subject, '', 'AB\ud800')).rejects.toThrow(failure('Malformed'));
    await expect(vault.encrypt({ kind: 'Order', id: '1' }, '', 'x')).rejects.toThrow(failure('Malformed'));
    await expect(vault.encrypt({ kind: 'order', id: '' }, '', 'x')).rejects.toThrow(failure('Malformed'));
    await expect(vault.storePerson({ name: 'x'.repeat(4096) })).rejects.toThrow(failure('TooLarge'));
  });

  it('keeps a payee by reference until he is erased', async () => {
    const reference = await vault.storePerson({ account: '13800000000', name: '张三' });
    expect(reference).toMatch(/^person-[0-9a-f]{32}$/);
    expect(await stored()).not.toMatch(/13800000000|张三/);
    expect(await vault.readPerson(reference)).toEqual({ account: '13800000000', name: '张三' });
    await vault.shred({ kind: 'person', id: reference });
    await expect(vault.readPerson(reference)).rejects.toThrow(failure('Shredded'));
    await expect(vault.readPerson('person-never')).rejects.toThrow(failure('Unknown'));
    const { rows } = await sql`SELECT 1 FROM vault.person WHERE reference = ${reference}`.execute(database.db);
    expect(rows).toEqual([]);
  });

  it('fingerprints alike what is alike, apart by kind, the same after a restart and differently elsewhere', async () => {
    const print = vault.fingerprint('key', 'ABCD-1234');
    expect(print).toMatch(/^[0-9a-f]{64}$/);
    expect((await open()).fingerprint('key', 'ABCD-1234')).toBe(print);
    expect(vault.fingerprint('key', 'ABCD-1235')).not.toBe(print);
    expect(vault.fingerprint('keyA', 'BCD-1234')).not.toBe(print);
    const elsewhere = join(directory, 'elsewhere.json');
    await createKeyFile(elsewhere);
    await sql`TRUNCATE vault.key_check`.execute(database.db);
    expect((await openVault({ db: database.db, keyFile: elsewhere })).fingerprint('key', 'ABCD-1234')).not.toBe(print);
  });

  it('writes under the newest master key and reads what older ones wrapped', async () => {
    const [before, after] = [order(), order()];
    const old = await vault.encrypt(before, '1', 'ABCD-1234');
    const added = await addMasterKey(keyFile);
    const rotated = await open();
    const fresh = await rotated.encrypt(after, '1', 'EFGH-5678');
    expect(await rotated.decrypt(before, '1', old)).toBe('ABCD-1234');
    expect(await rotated.decrypt(after, '1', fresh)).toBe('EFGH-5678');
    const { rows } = await sql<{ wrapped: string }>`SELECT wrapped FROM vault.data_key WHERE subject = ${after.id}`.execute(
      database.db,
    );
    expect(rows[0]!.wrapped).toContain(`v1.${added}.`);
  });

  it('retires a master key once every data key is wrapped anew; erased subjects stay erased', async () => {
    const [kept, erased] = [order(), order()];
    const [ciphertext] = [await vault.encrypt(kept, '1', 'ABCD-1234'), await vault.encrypt(erased, '1', 'EFGH-5678')];
    await vault.shred(erased);
    const old = (await readKeyFile(keyFile)).newestId;
    await addMasterKey(keyFile);
    const rotated = await open();
    expect(await rotated.rewrapDataKeys()).toBe(1);
    expect(await rotated.rewrapDataKeys()).toBe(0);
    await removeMasterKey(keyFile, old);
    const retired = await open();
    expect(await retired.decrypt(kept, '1', ciphertext)).toBe('ABCD-1234');
    await expect(retired.encrypt(erased, '1', 'x')).rejects.toThrow(failure('Shredded'));
  });

  it('does not open without a master key that is still needed', async () => {
    await vault.encrypt(order(), '1', 'ABCD-1234');
    const old = (await readKeyFile(keyFile)).newestId;
    await addMasterKey(keyFile);
    await removeMasterKey(keyFile, old);
    await expect(open()).rejects.toThrow(failure('KeyFileMismatch'));
  });

  it('does not open with the key file of another installation', async () => {
    const elsewhere = join(directory, 'elsewhere.json');
    await createKeyFile(elsewhere);
    await expect(openVault({ db: database.db, keyFile: elsewhere })).rejects.toThrow(failure('KeyFileMismatch'));
    await expect(open()).resolves.toBeDefined();
  });
});
