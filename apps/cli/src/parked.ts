import {
  openAggregateStore,
  openEventStore,
  processReader,
  replayProcess,
  replayProjection,
  type Log,
  type Replayed,
  type ReplayRequest,
} from '@recourse/eventstore';
import { catalogue, deciders, queueName } from '@recourse/nest';
import { connect, existingVirtualClock, listParked, liveSchema, machineClock, readModels } from '@recourse/postgres';
import { processes } from '@recourse/processes';
import { openQueue } from '@recourse/queue';
import { table } from './tables.js';

interface Stores {
  readonly databaseUrl: string;
  readonly eventStoreUrl: string;
  readonly queueUrl: string;
}

const maxErrorCharacters = 100;

/** Events that a reader could not handle, and those that wait behind them, as a table. */
export async function parkedTable({ databaseUrl }: Pick<Stores, 'databaseUrl'>): Promise<string[]> {
  const database = connect(databaseUrl, { applicationName: 'recourse-parked', maxConnections: 1 });
  try {
    const rows = await listParked(database.db);
    if (rows.length === 0) return ['nothing is parked'];
    return table(
      ['reader', 'lane', 'position', 'parked', 'error'],
      rows.map((row) => [row.reader, row.lane, String(row.position), row.parkedAt, row.error.slice(0, maxErrorCharacters)]),
      [2],
    );
  } finally {
    await database.close();
  }
}

/** Handles the parked events of one lane at last, beside a running worker or without one. @throws Error for a reader that does not exist */
export async function replayParked(stores: Stores, request: ReplayRequest, log: Log): Promise<Replayed> {
  const database = connect(stores.databaseUrl, { applicationName: 'recourse-replay', maxConnections: 4, searchPath: liveSchema });
  const eventStore = openEventStore({ connectionString: stores.eventStoreUrl, catalogue, log });
  try {
    if (!processes.some((process) => processReader(process) === request.reader)) {
      return await replayProjection({ eventStore, database, projections: readModels, log }, request);
    }
    const aggregates = openAggregateStore({ eventStore, log });
    const queue = await openQueue({ url: stores.queueUrl, name: queueName, onError: (error) => log('warn', error.message) });
    try {
      return await replayProcess(
        {
          eventStore,
          database,
          processes,
          dispatch: ({ category, id, command }, context) => {
            const decider = deciders.find((one) => one.category === category);
            if (decider === undefined) throw new Error(`there is no decider of the category ${category}`);
            return aggregates.execute(decider, id, command, context);
          },
          wake: (kind, key) => queue.wake(kind, key),
          clock: (await existingVirtualClock(database.db)) ?? machineClock,
          log,
        },
        request,
      );
    } finally {
      await queue.close();
    }
  } finally {
    await eventStore.close();
    await database.close();
  }
}
