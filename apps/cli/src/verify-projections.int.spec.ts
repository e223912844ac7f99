import { readModels, type AnyReadModel } from '@recourse/postgres';
import { sql, type RawBuilder } from 'kysely';
import {
  announce,
  complain,
  handOver,
  deceive,
  differ,
  fail,
  hinder,
  open,
  queue,
  refund,
  restrict,
  saleOf,
  startSampleInstallation,
  type SampleInstallation,
} from './sample-installation.js';
import { verifyProjections } from './verify-projections.js';

const tables = readModels.flatMap((model) => model.tables);
const fails = (model: AnyReadModel, type: string): AnyReadModel => ({
  ...model,
  on: { ...model.on, [type]: () => Promise.reject(new Error(`no ${type} today`)) },
});
const replaced = (name: string, by: (model: AnyReadModel) => AnyReadModel) =>
  readModels.map((model) => (model.name === name ? by(model) : model));

let house: SampleInstallation;
const verified = (models = readModels, maxNamed?: number) =>
  verifyProjections({ ...house, readModels: models }, maxNamed === undefined ? {} : { maxNamed });
const run = (statement: RawBuilder<unknown>) => statement.execute(house.database.db);

const tell = async () => {
  await open(house);
  await refund(house, saleOf(1), 'alice');
  await queue(house, saleOf(2));
};

describe('a row of a read model (I9)', () => {
  beforeAll(async () => {
    house = await startSampleInstallation();
    await tell();
    await restrict(house, saleOf(3), saleOf(4));
    await handOver(house, saleOf(5));
    await hinder(house, saleOf(2));
    await deceive(house, saleOf(1));
    await differ(house);
    await fail(house, saleOf(2));
    await announce(house);
    await complain(house, saleOf(2));
    await house.project();
  });
  afterAll(() => house.remove());

  it('of every table is there to be tampered with, and all are as the log says', async () => {
    for (const table of tables) {
      const { rows } = await sql<{ rows: bigint }>`select count(*) as rows from ${sql.id('read', table)}`.execute(
        house.database.db,
      );
      expect([table, rows[0]!.rows > 0n]).toEqual([table, true]);
    }
    expect(await verified()).toMatchObject({ violations: [], count: 0, tables: tables.length });
  });

  /** What a column becomes, by type. */
  const other: Readonly<Record<string, (column: RawBuilder<unknown>) => RawBuilder<unknown>>> = {
    text: (column) => sql`${column} || 'x'`,
    bigint: (column) => sql`${column} + 1000000000`,
    integer: (column) => sql`${column} + 1000000`,
    'timestamp with time zone': (column) => sql`coalesce(${column}, now()) + interval '1 second'`,
    boolean: (column) => sql`not ${column}`,
    jsonb: () => sql`'{}'::jsonb`,
  };
  const columnsOf = async (table: string) => {
    const { rows } = await sql<{ name: string; type: string; key: boolean }>`
      select c.column_name as name, c.data_type as type, k.column_name is not null as key
      from information_schema.columns c left join information_schema.key_column_usage k
        on k.table_schema = c.table_schema and k.table_name = c.table_name and k.column_name = c.column_name
      where c.table_schema = 'read' and c.table_name = ${table} order by c.ordinal_position`.execute(house.database.db);
    return rows;
  };
  const restored = async (table: string, work: () => Promise<void>) => {
    await run(sql`create table public.kept as select * from ${sql.id('read', table)}`);
    try {
      await work();
    } finally {
      await run(sql`delete from ${sql.id('read', table)}`);
      await run(sql`insert into ${sql.id('read', table)} select * from public.kept`);
      await run(sql`drop table public.kept`);
    }
  };
  const oneRow = (table: string) => sql`ctid = (select ctid from ${sql.id('read', table)} limit 1)`;

  it.each(tables)('changed in %s is named with its key and the column', async (table) => {
    const column =
      (await columnsOf(table)).findLast(({ key, type }) => !key && type !== 'text') ??
      (await columnsOf(table)).findLast(({ key }) => !key)!;
    await restored(table, async () => {
      const id = sql.id(column.name);
      await run(sql`update ${sql.id('read', table)} set ${id} = ${other[column.type]!(id)} where ${oneRow(table)}`);
      const { count, violations } = await verified();
      expect(count).toBe(1);
      expect(violations).toEqual([
        expect.objectContaining({
          invariant: 'I9',
          subject: expect.stringMatching(new RegExp(`^read\\.${table} \\w+=`)) as string,
          found: expect.stringMatching(new RegExp(`^${column.name}=`)) as string,
          expected: expect.stringMatching(new RegExp(`^${column.name}=`)) as string,
        }),
      ]);
    });
  });

  it.each(tables)('lost from %s is named', async (table) => {
    await restored(table, async () => {
      await run(sql`delete from ${sql.id('read', table)} where ${oneRow(table)}`);
      const { count, violations } = await verified();
      expect(count).toBe(1);
      expect(violations).toMatchObject([{ subject: expect.stringContaining(`read.${table} `) as string, found: 'no row' }]);
    });
  });

  it.each(tables)('made up in %s is named', async (table) => {
    const columns = await columnsOf(table);
    const firstKey = columns.find(({ key }) => key)!;
    await restored(table, async () => {
      const values = columns.map(({ name, type }) => (name === firstKey.name ? other[type]!(sql.id(name)) : sql.id(name)));
      await run(
        sql`insert into ${sql.id('read', table)} select ${sql.join(values)} from ${sql.id('read', table)} where ${oneRow(table)}`,
      );
      const { count, violations } = await verified();
      expect(count).toBe(1);
      expect(violations).toMatchObject([{ subject: expect.stringContaining(`read.${table} `) as string, expected: 'no row' }]);
    });
  });

  it('is shown as it is and as it should be, amounts to the last fen', async () => {
    await restored('balance', async () => {
      await run(sql`update read.balance set amount = 9007199254740993 where account = 'demo/fund:available'`);
      expect((await verified()).violations).toMatchObject([
        {
          subject: 'read.balance account=demo/fund:available asset=CNY',
          found: 'amount=9007199254740993',
          expected: 'amount=10000000',
        },
      ]);
    });
  });

  it('is one of a few that are named when many differ; the rest is counted', async () => {
    await restored('merchant_movement', async () => {
      await run(sql`update read.merchant_movement set held = held + 1`);
      const { rows } = await sql<{ rows: bigint }>`select count(*) as rows from read.merchant_movement`.execute(
        house.database.db,
      );
      const all = Number(rows[0]!.rows);
      const { count, violations } = await verified(readModels, 2);
      expect(count).toBe(all);
      expect(violations).toHaveLength(3);
      expect(violations[2]).toMatchObject({ subject: 'read.merchant_movement', found: `${all - 2} further rows` });
    });
  });

  it('counts as a violation when this program cannot fold an event that was folded before', async () => {
    const { violations } = await verified(replaced('payout-queue', (model) => fails(model, 'PayoutSucceeded')));
    expect(violations).toMatchObject([
      { subject: 'payout-queue payout-demo.o1.1.v1', found: 'PayoutSucceeded cannot be folded: no PayoutSucceeded today' },
      { subject: 'read.payout payout_id=demo.o1.1.v1', found: expect.stringContaining('status=succeeded') as string },
      { subject: 'read.payment payout_id=demo.o1.1.v1 transfer_no=1', found: expect.stringContaining('paid_at') as string },
    ]);
  });

  it('leaves nothing behind, not even after a run that failed or was killed', async () => {
    const schemas = async () => {
      const { rows } = await sql<{ name: string }>`select nspname as name from pg_namespace where nspname like 'verify%'`.execute(
        house.database.db,
      );
      return rows.map(({ name }) => name);
    };
    await expect(verifyProjections({ ...house, readModels, eventStore: { readAll: () => { throw new Error('no log'); } } })).rejects.toThrow('no log'); // prettier-ignore
    expect(await schemas()).toEqual([]);
    await run(sql`create schema verify_0123456789ab`);
    await run(sql`create table verify_0123456789ab.fund (platform text)`);
    await verified();
    expect(await schemas()).toEqual([]);
  });

  it('may be compared by two runs at once', async () => {
    for (const { count } of await Promise.all([verified(), verified(), verified()])) expect(count).toBe(0);
  });
});

describe('a parked event (I9)', () => {
  beforeAll(async () => {
    house = await startSampleInstallation();
    await tell();
    await house.project(replaced('order-book', (model) => fails(model, 'ClaimOpened')));
  });
  afterAll(() => house.remove());

  it('is named with its stream and error; the rows before it are as the log says', async () => {
    const { count, violations } = await verified();
    expect(count).toBe(2);
    expect(violations).toMatchObject(
      ['order-demo.o1', 'order-demo.o2'].map((stream) => ({
        invariant: 'I9',
        subject: `order-book ${stream}`,
        found: '3 parked: Error: no ClaimOpened today',
        expected: 'no parked event',
      })),
    );
  });

  it('is named where it is, among a few of many', async () => {
    const { count, violations } = await verified(readModels, 1);
    expect(count).toBe(2);
    expect(violations).toMatchObject([
      { subject: 'order-book order-demo.o1' },
      { subject: 'order-book', found: '1 further parked streams' },
    ]);
  });
});
