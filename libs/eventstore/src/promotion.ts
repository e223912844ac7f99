import { sql, type Kysely } from 'kysely';
import { processReader, type Reader } from './reader.js';
import { ProcessSuperseded } from './store-error.js';

/**
 * Makes this version of a process the one that acts: it takes over the checkpoint and the parked events of the version before
 * it, in one transaction, behind the batch that one may be at. A process that is new begins at the beginning of the log.
 * @throws ProcessSuperseded when a newer version acts already
 */
export async function takeOver<Tables>(db: Kysely<Tables>, process: Reader): Promise<void> {
  const own = processReader(process);
  const prefix = own.slice(0, -String(process.version).length);
  await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${prefix}, 0))`.execute(trx);
    const { rows } = await sql<{ reader: string }>`
      select reader from recourse.checkpoint where starts_with(reader, ${prefix}) for update`.execute(trx);
    const versions = rows.map((row) => Number(row.reader.slice(prefix.length))).filter(Number.isSafeInteger);
    if (versions.some((version) => version > process.version)) throw new ProcessSuperseded(own);
    if (versions.includes(process.version)) return;
    if (versions.length === 0) {
      await sql`insert into recourse.checkpoint (reader, position) values (${own}, 0)`.execute(trx);
      return;
    }
    const before = `${prefix}${Math.max(...versions)}`;
    await sql`update recourse.parked_event set reader = ${own} where reader = ${before}`.execute(trx);
    await sql`update recourse.checkpoint set reader = ${own}, updated_at = now() where reader = ${before}`.execute(trx);
  });
}
