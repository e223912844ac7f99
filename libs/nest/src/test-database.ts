import { randomUUID } from 'node:crypto';
import { connect, createDatabase, dropDatabase, migrate, type Database, type MigrationSet } from '@recourse/postgres';

export interface TestDatabase extends Database {
  remove(): Promise<void>;
}

/** A database of its own on the server of the test run. */
export async function createTestDatabase(...sets: MigrationSet[]): Promise<TestDatabase> {
  const adminUrl = process.env['TEST_POSTGRES_URL'];
  if (adminUrl === undefined)
    throw new Error('TEST_POSTGRES_URL is not set: integration specs run under the root jest configuration');
  const name = `nest_${randomUUID()}`;
  const database = connect(await createDatabase(adminUrl, name));
  await migrate(database.db, sets);
  return {
    ...database,
    remove: async () => {
      await database.close();
      await dropDatabase(adminUrl, name);
    },
  };
}
