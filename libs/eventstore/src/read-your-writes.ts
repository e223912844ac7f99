import type { Database } from '@recourse/postgres';
import { pause } from './backoff.js';
import { checkpointsOf, lowest, projectionReader, type Reader } from './reader.js';

const pollMs = 15;

/** What every one of these projections has shown; 0n before they began. */
export async function projectionsAt<Tables>({ db }: Database<Tables>, projections: readonly Reader[]): Promise<bigint> {
  const readers = projections.map(projectionReader);
  return lowest(await checkpointsOf(db, readers), readers);
}

/** One look at the database serves everybody who waits there. */
const looks = new WeakMap<object, Map<string, Promise<bigint>>>();

function look<Tables>(database: Database<Tables>, projections: readonly Reader[]): Promise<bigint> {
  const ongoing = looks.get(database) ?? new Map<string, Promise<bigint>>();
  looks.set(database, ongoing);
  const key = projections.map(projectionReader).join();
  const known = ongoing.get(key);
  if (known) return known;
  const fresh = pause(pollMs).then(() => {
    ongoing.delete(key);
    return projectionsAt(database, projections);
  });
  ongoing.set(key, fresh);
  return fresh;
}

/** Read your writes, from any process: whether these projections have shown everything up to `position` in time. */
export async function waitUntil<Tables>(
  database: Database<Tables>,
  projections: readonly Reader[],
  position: bigint,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  if ((await projectionsAt(database, projections)) >= position) return true;
  while (performance.now() < deadline) {
    if ((await look(database, projections)) >= position) return true;
  }
  return false;
}
