import { randomUUID } from 'node:crypto';
import { eventsOf, systemActor, type DataOf, type Instant, type Recorded } from '@recourse/eventing';
import { postingsOf, type DomainEvent } from '@recourse/ledger';
import { money } from '@recourse/money';
import fc from 'fast-check';
import { sql } from 'kysely';
import { connect, createDatabase, dropDatabase, type Database } from '../database.js';
import { migrate } from '../migration.js';
import { readModelMigrations } from './all.js';
import {
  balancePage,
  booksPosition,
  cutAt,
  journalPage,
  kindBalances,
  statementPage,
  type Cut,
  type JournalPlace,
} from './books.js';
import { journal } from './journal.js';
import { inSchema, liveSchema } from './read-model.js';

const adminUrl = process.env['TEST_POSTGRES_URL'] ?? '';
const name = `books_${randomUUID()}`;
let database: Database;

beforeAll(async () => {
  database = connect(await createDatabase(adminUrl, name));
  await migrate(database.db, [readModelMigrations]);
});
afterAll(async () => {
  await database.close();
  await dropDatabase(adminUrl, name);
});

const made = eventsOf<DomainEvent>();
const event = <Type extends DomainEvent['type']>(type: Type, data: DataOf<DomainEvent, Type>): DomainEvent => made(type, data);
const fen = (minor: number) => money(BigInt(minor));
const instant = (ms: number): Instant => new Date(Date.UTC(2026, 2, 1) + ms).toISOString();
const merchant = { platform: 'demo', merchant: 'm1' };
const ended = 1_000_000n;

/** An event of the log: what it moves, and its two times in milliseconds; servers may be behind each other. */
interface Entry {
  readonly kind: 'top-up' | 'hold' | 'release' | 'fund' | 'reserve';
  readonly amount: number;
  readonly recordedMs: number;
  readonly delayMs: number;
}
const eventOf = ({ kind, amount }: Entry, no: number): DomainEvent => {
  switch (kind) {
    case 'top-up':
      return event('DepositToppedUp', {
        ...merchant,
        amount: fen(amount),
        rail: 'sandbox',
        transaction: `t${no}`,
        toppedUpAt: instant(0),
      });
    case 'hold':
      return event('DepositHeld', { ...merchant, for: { kind: 'case', caseId: `c${no}` }, amount: fen(amount) });
    case 'release':
      return event('HoldReleased', { ...merchant, for: { kind: 'case', caseId: `c${no}` }, amount: fen(amount) });
    case 'fund':
      return event('FundContributed', { platform: 'demo', contributionId: `f${no}`, amount: fen(amount), rail: 'sandbox' });
    case 'reserve':
      return event('FundsReserved', {
        ...merchant,
        buyer: 'b1',
        payee: 'p1',
        rail: 'sandbox',
        refundId: `r${no}`,
        orderId: `o${no}`,
        amount: fen(amount + 1),
        fromFund: fen(amount),
        fromFees: fen(1),
        merchantShare: fen(amount),
        total: fen(amount + 1),
      });
  }
};
const recordedOf = (entry: Entry, index: number): Recorded<DomainEvent> => ({
  ...eventOf(entry, index),
  id: `e${index}`,
  stream: 'history-1',
  revision: BigInt(index),
  position: BigInt((index + 1) * 10),
  metadata: {
    commandId: `c${index}`,
    correlationId: 'c',
    actor: systemActor('history'),
    schemaVersion: 1,
    recordedAt: instant(entry.recordedMs),
    effectiveAt: instant(entry.recordedMs - entry.delayMs),
  },
});

async function project(events: readonly Recorded<DomainEvent>[]): Promise<void> {
  await database.db.transaction().execute(async (trx) => {
    await inSchema(trx, liveSchema);
    await sql`truncate journal, balance`.execute(trx);
    for (const each of events) await journal.on[each.type]?.(each, trx);
  });
}

/** The plainest model of a cut: every event on its own. */
const counts = ({ position, recordedBy, effectiveBy }: Cut, { position: at, metadata }: Recorded<DomainEvent>): boolean =>
  at <= position &&
  (recordedBy === undefined || metadata.recordedAt <= recordedBy) &&
  (effectiveBy === undefined || metadata.effectiveAt <= effectiveBy);
function expectedBalances(events: readonly Recorded<DomainEvent>[], cut: Cut): Record<string, bigint> {
  const balances: Record<string, bigint> = {};
  for (const each of events)
    if (counts(cut, each))
      for (const { debit, credit, amount } of postingsOf(each)) {
        balances[debit] = (balances[debit] ?? 0n) - amount.minor;
        balances[credit] = (balances[credit] ?? 0n) + amount.minor;
      }
  return Object.fromEntries(Object.entries(balances).filter(([, minor]) => minor !== 0n));
}

const allBalances = async (cut: Cut) => {
  const found: Record<string, bigint> = {};
  for (let after: { account: string; asset: string } | undefined; ;) {
    const rows = await balancePage(database.db, { limit: 3, ...(after && { after }) }, cut);
    for (const { account, amount } of rows) if (amount !== 0n) found[account] = amount;
    after = rows.at(-1);
    if (rows.length < 3) return found;
  }
};
const lines = async (filter: { from?: Cut; to: Cut; account?: string }) => {
  const found: string[] = [];
  for (let after: JournalPlace | undefined; ;) {
    const rows = await journalPage(database.db, { ...filter, limit: 2, ...(after && { after }) });
    found.push(...rows.map(({ position, line, debit, credit, amount }) => `${position}-${line} ${debit} ${credit} ${amount}`));
    after = rows.at(-1);
    if (rows.length < 2) return found;
  }
};
const expectedLines = (
  events: readonly Recorded<DomainEvent>[],
  { from, to, account }: { from?: Cut; to: Cut; account?: string },
) =>
  events
    .filter((each) => counts(to, each) && (from === undefined || !counts(from, each)))
    .flatMap((each) =>
      postingsOf(each).map(({ debit, credit, amount }, line) => ({
        touches: account === undefined || debit === account || credit === account,
        text: `${each.position}-${line} ${debit} ${credit} ${amount.minor}`,
      })),
    )
    .filter(({ touches }) => touches)
    .map(({ text }) => text);

const entry: fc.Arbitrary<Entry> = fc.record({
  kind: fc.constantFrom('top-up', 'hold', 'release', 'fund', 'reserve'),
  amount: fc.integer({ min: 1, max: 1_000 }),
  // Few different milliseconds, so that many events share one and some are behind the event before.
  recordedMs: fc.integer({ min: 5, max: 12 }),
  delayMs: fc.integer({ min: 0, max: 5 }),
});

it('balances, lines and statements of any cut are those of its events, however the times lie', async () => {
  const account = 'demo/merchant:m1:deposit';
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 12 }), fc.integer(), async (entries, choice) => {
      const events = entries.map(recordedOf);
      await project(events);
      const points = [choice % 130, choice % 9].map((point) => Math.abs(point)).map(BigInt);
      const [low = 0n, high = 0n] = points.toSorted((one, other) => (one < other ? -1 : 1));
      const [early, late] = [low, high].map((point) => instant(Number(point % 15n)));
      for (const [from, to] of [
        [cutAt(low, 'recorded', ended), cutAt(high, 'recorded', ended)],
        ...(['recorded', 'effective'] as const).map(
          (time) =>
            [cutAt([early!, late!].toSorted()[0], time, ended), cutAt([early!, late!].toSorted()[1], time, ended)] as const,
        ),
      ] as const) {
        expect(await allBalances(to)).toEqual(expectedBalances(events, to));
        expect(await lines({ from, to })).toEqual(expectedLines(events, { from, to }));
        expect(await lines({ from, to, account })).toEqual(expectedLines(events, { from, to, account }));
        const kinds = await kindBalances(database.db, 'demo', to);
        const sum = (side: 'debits' | 'credits') => kinds.reduce((total, row) => total + row[side], 0n);
        expect(sum('debits')).toBe(sum('credits'));
        expect(sum('credits')).toBe(
          Object.values(expectedBalances(events, to)).reduce((total, minor) => total + (minor > 0n ? minor : 0n), 0n),
        );
        await expectStatement(account, { from, to });
      }
    }),
    { numRuns: 25 },
  );
});

/** Page by page, every balance follows from the one before, from the opening balance to the closing one. */
async function expectStatement(account: string, span: { from: Cut; to: Cut }): Promise<void> {
  let standing: bigint | undefined;
  for (let after: JournalPlace | undefined; ;) {
    const page = await statementPage(database.db, account, { ...span, limit: 2, ...(after && { after }) });
    if (page === undefined) return;
    standing ??= page.opening[0]!.minor;
    for (const { side, amount, balance } of page.lines) {
      standing += side === 'credit' ? amount.minor : -amount.minor;
      expect(balance.minor).toBe(standing);
    }
    after = page.lines.at(-1);
    if (page.lines.length < 2) {
      expect(page.closing[0]!.minor).toBe(standing);
      return;
    }
  }
}

it('events of one millisecond are told apart by position, and belong together in time', async () => {
  const same = { kind: 'top-up', recordedMs: 7, delayMs: 0 } as const;
  await project([
    recordedOf({ ...same, amount: 100 }, 0),
    recordedOf({ ...same, amount: 20 }, 1),
    recordedOf({ ...same, amount: 3, recordedMs: 6 }, 2),
  ]);
  const deposit = async (cut: Cut) => (await allBalances(cut))['demo/merchant:m1:deposit'] ?? 0n;
  expect(await deposit(cutAt(10n, 'recorded', ended))).toBe(100n);
  expect(await deposit(cutAt(19n, 'recorded', ended))).toBe(100n);
  expect(await deposit(cutAt(20n, 'recorded', ended))).toBe(120n);
  expect(await deposit(cutAt(instant(7), 'recorded', ended))).toBe(123n);
  // The third was recorded before the others, though it stands behind them.
  expect(await deposit(cutAt(instant(6), 'recorded', ended))).toBe(3n);
  expect(await deposit(cutAt(instant(5), 'recorded', ended))).toBe(0n);
});

it('an account that nothing was posted to has no statement', async () => {
  expect(await statementPage(database.db, 'demo/merchant:nobody:deposit', { to: { position: ended }, limit: 5 })).toBeUndefined();
});

it("a statement reads its account's lines, not the journal", async () => {
  await project([recordedOf({ kind: 'top-up', amount: 5, recordedMs: 1, delayMs: 0 }, 0)]);
  await sql`insert into read.journal select 1000 + n, 0, 'demo', 'PaymentCaptured', 'order-o', 'demo/gateway:sandbox', 'demo/escrow:demo.o' || n,
    'CNY', 1, null, null, null, null, ${instant(9)}::timestamptz, ${instant(9)}::timestamptz from generate_series(1, 20000) as n`.execute(
    database.db,
  );
  await sql`analyze read.journal`.execute(database.db);
  const read = async () => {
    await sql`select pg_stat_force_next_flush()`.execute(database.db);
    const { rows } = await sql<{ scans: bigint }>`
      select seq_scan as scans from pg_stat_user_tables where schemaname = 'read' and relname = 'journal'`.execute(database.db);
    return rows[0]!.scans;
  };
  const before = await read();
  for (const from of [
    cutAt(5n, 'recorded', ended),
    cutAt(instant(0), 'recorded', ended),
    cutAt(instant(0), 'effective', ended),
  ]) {
    const to = cutAt(from.position === 5n ? 500n : instant(5), from.effectiveBy === undefined ? 'recorded' : 'effective', ended);
    expect(await statementPage(database.db, 'demo/merchant:m1:deposit', { from, to, limit: 10 })).toMatchObject({ lines: [{}] });
  }
  expect(await read()).toBe(before);
});

it('a database with the journal of an earlier version gets the new one, to be filled from the beginning of the log', async () => {
  const older = `older_${randomUUID()}`;
  const { db, close } = connect(await createDatabase(adminUrl, older));
  const steps = readModelMigrations.steps.slice(0, 8);
  expect(steps.at(-1)?.name).toBe('journal.v1');
  await migrate(db, [{ schema: liveSchema, steps }]);
  await sql`create table read.journal (position bigint primary key)`.execute(db);
  await sql`create table read.balance (account text primary key)`.execute(db);
  await sql`insert into recourse.checkpoint (reader, position) values ('projection:journal.v1', 42)`.execute(db);
  await migrate(db, [readModelMigrations]);
  expect(await booksPosition(db)).toBe(0n);
  expect(await journalPage(db, { to: { position: ended }, limit: 5 })).toEqual([]);
  const { rows } = await sql`select * from recourse.checkpoint`.execute(db);
  expect(rows).toEqual([]);
  await close();
  await dropDatabase(adminUrl, older);
});
