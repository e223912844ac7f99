import type { AnyProjection, Event, Projection } from '@recourse/eventing';
import { sql, type Kysely, type Transaction } from 'kysely';

/** The schema the live read models stand in; `verify` and a rebuild use another one, so tables are named without it. */
export const liveSchema = 'read';

// Each read model names its own tables; the transaction it is given does not know them.
export type NoTables = Record<never, never>;
/** A read model's view of a database whose tables it knows. */
export const tablesOf = <Tables>(db: Kysely<NoTables>): Kysely<Tables> => db as unknown as Kysely<Tables>;
export type ReadModelTx = Transaction<NoTables>;

/** A projection together with the tables it fills. */
export interface ReadModel<E extends Event = Event> extends Projection<E, ReadModelTx> {
  /** Creates the tables in the schema that comes first in the search path. */
  create(tx: ReadModelTx): Promise<void>;
}

export type AnyReadModel = AnyProjection<ReadModelTx> & Pick<ReadModel, 'create'>;

// A projection handles its own union only; the runner hands it events by type.
export const readModel = <E extends Event>(model: ReadModel<E>): AnyReadModel => model as unknown as AnyReadModel;

/** Makes unqualified table names mean this schema until the transaction ends. */
export async function inSchema<Tables>(trx: Kysely<Tables>, schema: string): Promise<void> {
  await sql`select set_config('search_path', ${`"${schema}"`}, true)`.execute(trx);
}
