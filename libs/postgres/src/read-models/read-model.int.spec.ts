import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { connect, createDatabase, dropDatabase, type Database } from '../database.js';
import { migrate } from '../migration.js';
import { readModelMigrations, readModels } from './index.js';

const adminUrl = process.env['TEST_POSTGRES_URL']!;
const name = `read_models_${randomUUID()}`;
let database: Database;

beforeAll(async () => {
  database = connect(await createDatabase(adminUrl, name));
});
afterAll(async () => {
  await database.close();
  await dropDatabase(adminUrl, name);
});

it('a read model whose tables change is made anew in a database of an earlier version, and filled from the start of the log', async () => {
  const { db } = database;
  const upTo = readModelMigrations.steps.findIndex((step) => step.name === 'deposit-statement.v2');
  await migrate(db, [{ ...readModelMigrations, steps: readModelMigrations.steps.slice(0, upTo) }]);
  await sql`create table read.merchant_movement (position bigint primary key)`.execute(db);
  await sql`insert into read.merchant_movement values (1)`.execute(db);
  await migrate(db, [readModelMigrations]);
  const { rows } = await sql<{ recorded_at: string }>`select recorded_at from read.merchant_movement`.execute(db);
  expect(rows).toEqual([]);
});

it('the newest step of a read model is its version', () => {
  for (const { name: model, version } of readModels) {
    const steps = readModelMigrations.steps.filter((step) => step.name.startsWith(`${model}.v`));
    expect(steps.at(-1)?.name).toBe(`${model}.v${version}`);
  }
});
