import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { connect, createDatabase, dropDatabase, type Database } from './database.js';
import { migrate, type MigrationSet, type MigrationStep } from './migration.js';

const adminUrl = process.env['TEST_POSTGRES_URL']!;
let name: string;
let url: string;
const open: Database[] = [];
const database = () => {
  const opened = connect(url);
  open.push(opened);
  return opened.db;
};

beforeEach(async () => {
  name = `migration_${randomUUID()}`;
  url = await createDatabase(adminUrl, name);
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((opened) => opened.close()));
  await dropDatabase(adminUrl, name);
});

const table = (schema: string, title: string): MigrationStep => ({
  name: title,
  up: async (trx) => {
    await sql`create table ${sql.id(schema, title)} (id bigint primary key)`.execute(trx);
  },
});
const set = (...titles: string[]): MigrationSet => ({ schema: 'shop', steps: titles.map((title) => table('shop', title)) });
const applied = async () => {
  const { rows } = await sql<{
    name: string;
  }>`select name from recourse.migration where schema = 'shop' order by position`.execute(database());
  return rows.map((row) => row.name);
};

describe('migrate', () => {
  it('applies each step once, in order, and only what is new the next time', async () => {
    await migrate(database(), [set('a')]);
    await migrate(database(), [set('a', 'b', 'c')]);
    await migrate(database(), [set('a', 'b', 'c')]);
    expect(await applied()).toEqual(['a', 'b', 'c']);
    await sql`select * from shop.a, shop.b, shop.c`.execute(database());
  });

  it('lets one of several processes do the work while the others wait', async () => {
    let runs = 0;
    const counted: MigrationSet = {
      schema: 'shop',
      steps: [
        {
          name: 'slow',
          up: async (trx) => {
            runs += 1;
            await sql`select pg_sleep(0.3)`.execute(trx);
            await table('shop', 'slow').up(trx);
          },
        },
      ],
    };
    await Promise.all([1, 2, 3, 4, 5].map(() => migrate(database(), [counted])));
    expect(runs).toBe(1);
    expect(await applied()).toEqual(['slow']);
  });

  it('names the cause when another process holds the lock for too long', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let entered: () => void = () => undefined;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    const first = migrate(database(), [
      {
        schema: 'shop',
        steps: [
          {
            name: 'stuck',
            up: () => {
              entered();
              return held;
            },
          },
        ],
      },
    ]);
    await inside;
    await expect(migrate(database(), [], { lockTimeoutMs: 50 })).rejects.toThrow(
      'Another process has been migrating this database for more than 50 ms',
    );
    release();
    await first;
  });

  it('leaves nothing of a step that fails, keeps those before it, and can be run again', async () => {
    const broken: MigrationSet = {
      schema: 'shop',
      steps: [
        table('shop', 'a'),
        {
          name: 'b',
          up: async (trx) => {
            await table('shop', 'b').up(trx);
            throw new Error('half-way');
          },
        },
      ],
    };
    await expect(migrate(database(), [broken])).rejects.toThrow('half-way');
    expect(await applied()).toEqual(['a']);
    await migrate(database(), [set('a', 'b')]);
    expect(await applied()).toEqual(['a', 'b']);
  });

  it('refuses a database that is newer than the program, before it changes anything', async () => {
    await migrate(database(), [set('a', 'b')]);
    await expect(migrate(database(), [{ schema: 'earlier', steps: [] }, set('a')])).rejects.toThrow(
      'The database is newer than this program: schema shop has the migration b, which this version does not know.',
    );
    const { rows } = await sql`select 1 from pg_namespace where nspname = 'earlier'`.execute(database());
    expect(rows).toEqual([]);
  });

  it('refuses steps that were reordered or inserted', async () => {
    await migrate(database(), [set('a', 'b')]);
    await expect(migrate(database(), [set('b', 'a')])).rejects.toThrow('differ from those applied, first at a');
    await expect(migrate(database(), [set('a', 'new', 'b')])).rejects.toThrow('differ from those applied, first at b');
  });

  it('refuses two steps or two sets of one name', async () => {
    await expect(migrate(database(), [set('a', 'a')])).rejects.toThrow('The migration shop/a is named twice.');
    await expect(migrate(database(), [set('a'), set('b')])).rejects.toThrow('The migration shop is named twice.');
  });
});
