import { randomUUID } from 'node:crypto';
import { connect, createDatabase, dropDatabase, type Database } from './database.js';
import {
  CheckpointPassed,
  listParked,
  park,
  parkedLanes,
  readCheckpoint,
  resetCheckpoint,
  unpark,
  writeCheckpoint,
} from './checkpoint.js';
import { migrate } from './migration.js';

const adminUrl = process.env['TEST_POSTGRES_URL']!;
const name = `checkpoint_${randomUUID()}`;
let database: Database;

beforeAll(async () => {
  database = connect(await createDatabase(adminUrl, name));
  await migrate(database.db, []);
});

afterAll(async () => {
  await database.close();
  await dropDatabase(adminUrl, name);
});

describe('a checkpoint', () => {
  it('is unknown until it is written, and keeps 63 bits', async () => {
    expect(await readCheckpoint(database.db, 'balances')).toBeUndefined();
    await writeCheckpoint(database.db, 'balances', 2n ** 63n - 1n);
    expect(await readCheckpoint(database.db, 'balances')).toBe(2n ** 63n - 1n);
    expect(await readCheckpoint(database.db, 'other')).toBeUndefined();
  });

  it('changes only together with the rows of its transaction', async () => {
    await expect(
      database.db.transaction().execute(async (trx) => {
        await writeCheckpoint(trx, 'rolled-back', 7n);
        throw new Error('a row was refused');
      }),
    ).rejects.toThrow('a row was refused');
    expect(await readCheckpoint(database.db, 'rolled-back')).toBeUndefined();
  });

  it('lets one of two instances that handle the same event at once through, and rolls the other back', async () => {
    await writeCheckpoint(database.db, 'raced', 10n);
    const attempts = await Promise.allSettled(
      [1, 2].map((instance) =>
        database.db.transaction().execute(async (trx) => {
          await writeCheckpoint(trx, 'raced', 11n);
          return instance;
        }),
      ),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = attempts.find((attempt) => attempt.status === 'rejected');
    expect(refused?.reason).toBeInstanceOf(CheckpointPassed);
    expect(await readCheckpoint(database.db, 'raced')).toBe(11n);
  });

  it('never moves backwards, but can be reset for a rebuild', async () => {
    await writeCheckpoint(database.db, 'rebuilt', 5n);
    await park(database.db, { reader: 'rebuilt', stream: 'order-1', position: 5n, eventId: 'e', error: 'x' });
    await expect(writeCheckpoint(database.db, 'rebuilt', 4n)).rejects.toThrow(
      'The reader rebuilt has passed position 4 already: another instance is at work.',
    );
    await resetCheckpoint(database.db, 'rebuilt');
    expect(await readCheckpoint(database.db, 'rebuilt')).toBeUndefined();
    expect(await listParked(database.db, { reader: 'rebuilt' })).toEqual([]);
  });
});

describe('a parked event', () => {
  const event = (stream: string, position: bigint) => ({
    reader: 'journal',
    stream,
    position,
    eventId: `e${String(position)}`,
    error: 'no such account',
  });

  it('blocks its own stream until the last one of it is unparked', async () => {
    await park(database.db, event('order-1', 1n));
    await park(database.db, event('order-1', 4n));
    await park(database.db, event('order-2', 2n));
    expect(await parkedLanes(database.db, 'journal')).toEqual(new Set(['order-1', 'order-2']));
    expect(await parkedLanes(database.db, 'statements')).toEqual(new Set());

    expect(await unpark(database.db, 'journal', 1n)).toBe(true);
    expect(await unpark(database.db, 'journal', 1n)).toBe(false);
    expect(await unpark(database.db, 'journal', 2n)).toBe(true);
    expect(await parkedLanes(database.db, 'journal')).toEqual(new Set(['order-1']));
  });

  it('is listed with why and when, in the order of the log', async () => {
    await park(database.db, { ...event('dispute-1', 20n), reader: 'listed', error: 'x'.repeat(5_000) });
    await park(database.db, { ...event('dispute-1', 10n), reader: 'listed' });
    await park(database.db, { ...event('dispute-1', 10n), reader: 'listed', error: 'still no such account' });
    const [first, second] = await listParked(database.db, { reader: 'listed', lane: 'dispute-1' });
    expect(first).toMatchObject({ position: 10n, eventId: 'e10', error: 'still no such account' });
    expect(first!.parkedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(second).toMatchObject({ position: 20n, error: 'x'.repeat(4_000) });
    expect(await listParked(database.db, { lane: 'dispute-2' })).toEqual([]);
  });
});
