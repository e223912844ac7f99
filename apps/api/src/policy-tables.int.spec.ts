import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { policyHash, type PolicyTable } from '@recourse/disputes';
import { connect, createDatabase, dropDatabase, migrate, readModelMigrations, type Database } from '@recourse/postgres';
import { sql } from 'kysely';
import { maxTables, PolicyTables } from './policy-tables.js';

const adminUrl = process.env['TEST_POSTGRES_URL'] ?? '';
const name = `policies_${randomUUID()}`;
let database: Database;
let hashes: string[];

beforeAll(async () => {
  database = connect(await createDatabase(adminUrl, name));
  await migrate(database.db, [readModelMigrations]);
  const file = new URL('../../../libs/disputes/policies/default-policy.json', import.meta.url);
  const table = JSON.parse(await readFile(file, 'utf8')) as PolicyTable;
  hashes = [];
  for (let version = 1; version <= maxTables + 1; version += 1) {
    const one = { ...table, version };
    hashes.push(policyHash(one));
    await sql`insert into read.eligible_policy values (${policyHash(one)}, ${JSON.stringify(one)})`.execute(database.db);
  }
});
afterAll(async () => {
  await database.close();
  await dropDatabase(adminUrl, name);
});

describe('policies by their hash', () => {
  it('are read once and then at hand', async () => {
    const tables = new PolicyTables(database);
    const first = (await tables.of(hashes.slice(0, 1))).get(hashes[0]!);
    expect(first?.table.version).toBe(1);
    expect((await tables.of(hashes.slice(0, 2))).get(hashes[0]!)).toBe(first);
  });

  it('are as many as are asked for, and no more of them are kept than is said', async () => {
    const tables = new PolicyTables(database);
    const all = await tables.of(hashes);
    expect(all.size).toBe(maxTables + 1);
    expect((await tables.of([hashes.at(-1)!])).get(hashes.at(-1)!)).toBe(all.get(hashes.at(-1)!));
    expect((await tables.of([hashes[0]!])).get(hashes[0]!)).not.toBe(all.get(hashes[0]!));
  });

  it('are an error when they were never published or are not what their hash says', async () => {
    const tables = new PolicyTables(database);
    await expect(tables.of(['0'.repeat(64)])).rejects.toThrow('no policy with the hash 000');
    await sql`insert into read.eligible_policy select ${'1'.repeat(64)}, policy from read.eligible_policy limit 1`.execute(
      database.db,
    );
    await expect(tables.of(['1'.repeat(64)])).rejects.toThrow('no policy with the hash 111');
  });
});
