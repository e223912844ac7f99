import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { connect, createDatabase, dropDatabase, type Database } from './database.js';

const adminUrl = process.env['TEST_POSTGRES_URL']!;
const name = `data base "${randomUUID()}`;
let url: string;
const open: Database[] = [];
const connected = (...options: Parameters<typeof connect> extends [string, ...infer Rest] ? Rest : never) => {
  const database = connect(url, ...options);
  open.push(database);
  return database;
};

beforeAll(async () => {
  url = await createDatabase(adminUrl, name);
});

afterAll(async () => {
  await Promise.all(open.map((database) => database.close()));
  await dropDatabase(adminUrl, name);
});

describe('connect', () => {
  it('reads columns without losing a digit, and times as UTC', async () => {
    const { rows } = await sql`
      select 9223372036854775807::bigint as int8, 12345678901234567890.12::numeric as exact, 7::integer as int4,
        '2026-01-02 03:04:05.678901+08'::timestamptz as moment, 'infinity'::timestamptz as never, null::timestamptz as none,
        array[1, null, -9223372036854775808]::bigint[] as int8s, '{}'::bigint[] as empty,
        array['2026-01-02 03:04:05Z', null]::timestamptz[] as moments`.execute(connected().db);
    expect(rows).toEqual([
      {
        int8: 9223372036854775807n,
        exact: '12345678901234567890.12',
        int4: 7,
        moment: '2026-01-01T19:04:05.678Z',
        never: 'infinity',
        none: null,
        int8s: [1n, null, -9223372036854775808n],
        empty: [],
        moments: ['2026-01-02T03:04:05.000Z', null],
      },
    ]);
  });

  it('writes bigints and ISO times as parameters', async () => {
    const time = '2026-01-02T03:04:05.678Z';
    const { rows } = await sql`select ${2n ** 62n}::bigint as int8, ${time}::timestamptz as moment`.execute(connected().db);
    expect(rows).toEqual([{ int8: 2n ** 62n, moment: time }]);
  });

  it('cancels a statement that runs too long', async () => {
    await expect(sql`select pg_sleep(30)`.execute(connected({ statementTimeoutMs: 100 }).db)).rejects.toThrow(
      'statement timeout',
    );
  });

  it('gives up waiting for a free connection', async () => {
    const { db } = connected({ maxConnections: 1, connectionTimeoutMs: 100 });
    await db.connection().execute(async () => {
      await expect(sql`select 1`.execute(db)).rejects.toThrow('timeout');
    });
    await sql`select 1`.execute(db);
  });

  it('survives that the server ends an idle connection', async () => {
    const broken = new Promise<Error>((resolve) => void connected({ applicationName: 'to be ended', onError: resolve }));
    const victim = open.at(-1)!;
    await sql`select 1`.execute(victim.db);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'to be ended'`.execute(
      connected().db,
    );
    expect((await broken).message).toContain('terminating connection');
    await sql`select 1`.execute(victim.db);
  });
});

describe('a database', () => {
  it('is not made twice, and may be dropped when it is not there or in use', async () => {
    const other = `dropped_${randomUUID()}`;
    const used = connect(await createDatabase(adminUrl, other), { onError: () => undefined });
    await expect(createDatabase(adminUrl, other)).rejects.toThrow('already exists');
    await sql`select 1`.execute(used.db);
    await dropDatabase(adminUrl, other);
    await dropDatabase(adminUrl, other);
    await used.close();
  });
});
