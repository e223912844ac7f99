/** One PostgreSQL for all integration specs of a run, at TEST_POSTGRES_URL; each spec makes databases of its own in it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@recourse/postgres';

let directory;
let postgres;

/** jest's global set-up; the workers inherit the environment. */
export default async function start() {
  directory = await mkdtemp(join(tmpdir(), 'recourse integration '));
  postgres = await startEmbeddedPostgres({ directory });
  process.env['TEST_POSTGRES_URL'] = postgres.connectionString;
}

export async function stop() {
  await postgres?.stop();
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
}
