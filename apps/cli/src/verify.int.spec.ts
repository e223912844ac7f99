import { fund, type FundEvent } from '@recourse/compensation';
import { fold } from '@recourse/eventing';
import { money } from '@recourse/money';
import { readModels } from '@recourse/postgres';
import { sql } from 'kysely';
import {
  account,
  depositStream,
  event,
  fen,
  fundStream,
  open,
  queue,
  refund,
  restrict,
  saleOf,
  startSampleInstallation,
  type Sale,
  type SampleInstallation,
} from './sample-installation.js';
import { printReport, verify, type VerifyOptions, type VerifyProgress, type VerifyReport } from './verify.js';

const tables = readModels.flatMap((model) => model.tables).length;

let house: SampleInstallation;
let payee: string;
let first: Sale;
let second: Sale;

beforeEach(async () => {
  house = await startSampleInstallation();
  payee = await house.vault.storePerson({ account: 'alice' });
  first = saleOf(1, payee);
  second = saleOf(2, payee);
  await open(house);
  await refund(house, first, 'alice');
  await refund(house, second, 'alice');
  await queue(house, saleOf(3, payee));
});
afterEach(() => house.remove());

const verified = (options?: VerifyOptions) => verify({ ...house, rails: [house.sandboxRail] }, options);
const named = ({ violations }: VerifyReport, invariant: string) =>
  violations.filter((violation) => violation.invariant === invariant);
/** Projects what was told, and verifies. */
const ofTold = async (invariant: string) => {
  await house.project();
  return named(await verified(), invariant);
};

it('holds of a fund that is limited, low and paused, and of a refund that waited aside until a person lifted it', async () => {
  const held = saleOf(4, payee);
  await restrict(house, held, saleOf(5, payee));
  const resumed = { platform: 'demo', asset: 'CNY', by: 'ann', reason: 'all is well', resumedAt: '2026-03-05T09:00:00.000Z' };
  await house.append(fundStream, held.freed, event('FundResumed', resumed), saleOf(3, payee).reserved, held.reserved);
  await house.project();
  expect(await verified()).toMatchObject({ holds: true, violations: [] });
});

describe('a fund that goes on in a new period', () => {
  const closedAt = '2026-03-31T16:00:00.000Z';
  const nextPeriod = fundStream.replace('0001', '0002');
  /** Ends the period with whoever waits in it. */
  const turn = async () => {
    let state = fold(fund, (await house.eventStore.readStream<FundEvent>(fundStream, { limit: 1_000 })) as readonly FundEvent[]);
    const closing = fund.periods?.closing(state, closedAt, 1);
    if (closing === undefined) throw new Error('the period goes on');
    await house.append(fundStream, closing);
    state = fund.evolve(state, closing);
    return fund.periods?.following(state) ?? [];
  };

  it('holds, with the refunds that waited', async () => {
    const held = saleOf(4, payee);
    await restrict(house, held, saleOf(5, payee));
    await house.append(nextPeriod, ...(await turn()));
    const resumed = { platform: 'demo', asset: 'CNY', by: 'ann', reason: 'all is well', resumedAt: closedAt };
    await house.append(nextPeriod, held.freed, event('FundResumed', resumed), saleOf(3, payee).reserved, held.reserved);
    await house.project();
    expect(await verified()).toMatchObject({ holds: true, violations: [] });
  });

  it('is named when it begins with other money than it had (I1)', async () => {
    const [begins, ...forward] = await turn();
    if (begins?.type !== 'FundPeriodOpened') throw new Error('a period begins with its money');
    const { available } = begins.data;
    const wrong = { ...begins.data, available: { ...available, minor: available.minor + 1n } };
    const position = await house.append(nextPeriod, event('FundPeriodOpened', wrong));
    await house.append(nextPeriod, ...forward);
    expect(await ofTold('I1')).toEqual([expect.objectContaining({ subject: 'demo/fund:available', position })]);
  });
});

it('a healthy installation holds, and says how much was checked', async () => {
  await house.project();
  const seen: VerifyProgress[] = [];
  const report = await verified({ onProgress: (progress) => seen.push(progress) });
  expect(report.violations).toEqual([]);
  expect(report).toMatchObject({
    holds: true,
    events: 68,
    transfers: 2,
    erasedPayees: 0,
    tables,
    position: await house.eventStore.lastPosition(),
  });
  expect(report.counts).toEqual({ I1: 0, I2: 0, I3: 0, I4: 0, I5: 0, I6: 0, I7: 0, I8: 0, I9: 0 });
  expect(seen).toEqual([{ events: 68, position: report.position }]);
  const { rows } = await sql`select nspname from pg_namespace where nspname like 'verify%'`.execute(house.database.db);
  expect(rows).toEqual([]);
});

it('an installation without a single event holds', async () => {
  const empty = await startSampleInstallation();
  expect(await verify({ ...empty, rails: [empty.sandboxRail] })).toMatchObject({ holds: true, events: 0, position: 0n, rows: 0 });
  await empty.remove();
});

it('a journal row that was changed, lost or made up is named (I1)', async () => {
  await house.project();
  const { rows } = await sql<{
    position: bigint;
  }>`select position from read.journal where line = 0 order by position limit 3`.execute(house.database.db);
  const [changed, lost, last] = rows.map(({ position }) => position);
  await sql`update read.journal set amount = amount + 1 where position = ${changed}`.execute(house.database.db);
  await sql`delete from read.journal where position = ${lost}`.execute(house.database.db);
  await sql`insert into read.journal (position, line, platform, event_type, stream, debit, credit, asset, amount, recorded_at, effective_at)
    select position, 7, platform, event_type, stream, debit, credit, asset, amount, recorded_at, effective_at from read.journal where position = ${last} and line = 0`.execute(
    house.database.db,
  );
  const report = await verified();
  expect(report.counts).toMatchObject({ I1: 3, I9: 3 });
  expect(named(report, 'I1')).toEqual([
    {
      invariant: 'I1',
      subject: `journal line 0 of ${changed}`,
      position: changed,
      found: 'demo/gateway:sandbox → demo/merchant:m1:deposit 10000.01 CNY',
      expected: 'demo/gateway:sandbox → demo/merchant:m1:deposit 10000.00 CNY',
    },
    expect.objectContaining({ subject: `journal line 0 of ${lost}`, found: 'no row' }),
    expect.objectContaining({ subject: `journal line 7 of ${last}`, expected: 'no row' }),
  ]);
});

it('a unit whose escrow is released twice is named (I2)', async () => {
  const position = await house.append(first.orderStream, first.released);
  expect(await ofTold('I2')).toEqual([
    {
      invariant: 'I2',
      subject: 'demo.o1#1',
      position,
      found: 'released 100.00 CNY',
      expected: 'at most 0.00 CNY, what it holds',
    },
  ]);
});

it('a unit refunded beyond its price is named (I3)', async () => {
  const position = await house.append(first.orderStream, first.approved(`${first.orderId}.1.v2`));
  expect(await ofTold('I3')).toEqual([
    { invariant: 'I3', subject: 'demo.o1#1', position, found: '100.00 CNY', expected: 'at most 0.00 CNY' },
  ]);
});

it('a hold beyond the deposit is named with its account (I4)', async () => {
  const hold = { kind: 'case', caseId: 'demo.o9.1' } as const;
  const position = await house.append(depositStream, event('DepositHeld', { ...account, for: hold, amount: fen(2_000_000) }));
  expect(await ofTold('I4')).toMatchObject([{ subject: 'demo/merchant:m1:deposit', position, expected: 'zero or more' }]);
});

it('a second transfer after the first has paid is named (I5)', async () => {
  const position = await house.append(first.payoutStream, first.submitted(2, 'f'.repeat(32)));
  expect(await ofTold('I5')).toEqual([
    {
      invariant: 'I5',
      subject: first.refundId,
      position,
      found: 'transfer 2 submitted',
      expected: 'transfer 1, Succeeded, to have failed or come back first',
    },
  ]);
});

it("a second payment of one transfer in the rail's own book is named (I5)", async () => {
  await sql`alter table sandbox_rail.transfer drop constraint transfer_pkey`.execute(house.database.db);
  await sql`insert into sandbox_rail.transfer (key, asset, minor, payee, reference, state, at)
    select key, asset, minor, payee, reference, state, at from sandbox_rail.transfer where key = ${second.key}`.execute(
    house.database.db,
  );
  expect(await ofTold('I5')).toMatchObject([
    { subject: second.key, found: 'paid twice in the book of the rail', expected: 'one payment' },
  ]);
});

it("a payment that the rail's book does not have is named (I5)", async () => {
  await sql`delete from sandbox_rail.transfer where key = ${second.key}`.execute(house.database.db);
  expect(await ofTold('I5')).toMatchObject([{ subject: second.key, expected: 'a payment in the book of sandbox' }]);
});

it('a fund reimbursed with more than was recovered is named (I6)', async () => {
  const position = await house.append(fundStream, first.reimbursed(fen(1)));
  expect(await ofTold('I6')).toMatchObject([
    { subject: first.refundId, position, found: 'reimbursed 0.01 CNY', expected: 'at most 0.00 CNY, recovered' },
  ]);
});

it("a transfer in the rail's book that nobody wrote down is named (I8)", async () => {
  const key = 'e'.repeat(32);
  await house.sandboxRail.transfer({ key, amount: money(4_200n), payee: 'mallory', reference: 'none' });
  const report = await verified();
  expect(named(report, 'I8')).toEqual([
    {
      invariant: 'I8',
      subject: key,
      position: report.position,
      found: '42.00 CNY in the book of sandbox',
      expected: 'an earlier TransferSubmitted with this key',
    },
  ]);
});

it('another amount or payee at the rail than was written down is named (I8)', async () => {
  await sql`update sandbox_rail.transfer set minor = 10001 where key = ${first.key}`.execute(house.database.db);
  await sql`update sandbox_rail.transfer set payee = 'mallory' where key = ${second.key}`.execute(house.database.db);
  expect(await ofTold('I8')).toMatchObject([
    { subject: first.key, found: '100.01 CNY on sandbox', expected: '100.00 CNY' },
    { subject: second.key, found: 'another payee on sandbox', expected: `payee ${payee}` },
  ]);
});

it('a payee the vault has lost is named, one that was erased is only counted (I8)', async () => {
  await house.project();
  await house.vault.shred({ kind: 'person', id: payee });
  expect(await verified()).toMatchObject({ holds: true, erasedPayees: 2 });
  await sql`delete from vault.data_key`.execute(house.database.db);
  expect((await verified()).counts).toMatchObject({ I8: 2 });
});

it('a projection that is behind, or has not begun, is no violation', async () => {
  expect(await verified()).toMatchObject({ holds: true, rows: 0 });
  await house.project();
  await queue(house, saleOf(4, payee));
  expect(await verified()).toMatchObject({ holds: true, events: 82 });
});

it('while sales go on and are projected, nothing is named that is not so', async () => {
  await house.project();
  const running = await house.startProjections();
  // The day on which these sales are paid.
  house = { ...house, clock: { now: () => Promise.resolve('2026-03-05T08:00:00.000Z') } };
  let selling = true;
  const sales = (async () => {
    // However slow the machine is, no more than the deposit covers.
    for (let n = 10; selling && n < 100; n += 1) await refund(house, saleOf(n, payee), 'alice');
  })();
  const reports: VerifyReport[] = [];
  try {
    for (let round = 0; round < 3; round += 1) reports.push(await verified());
  } finally {
    selling = false;
    await sales;
    await running.stop();
  }
  expect(reports.flatMap(({ violations }) => violations)).toEqual([]);
  expect(reports[2]!.events).toBeGreaterThan(reports[0]!.events);
});

it('names as many as asked for and counts all, however long the journal is', async () => {
  await house.project();
  await sql`insert into read.journal (position, line, platform, event_type, stream, debit, credit, asset, amount, recorded_at, effective_at)
    select j.position, 10 + n, platform, event_type, stream, debit, credit, asset, amount, recorded_at, effective_at
    from (select * from read.journal order by position, line limit 1) as j, generate_series(1, 2500) as n`.execute(
    house.database.db,
  );
  const report = await verified({ maxViolations: 2 });
  expect(report.counts).toMatchObject({ I1: 2_500, I9: 2_500 });
  expect(named(report, 'I1')).toHaveLength(2);
});

describe('the report', () => {
  const printed = (report: VerifyReport, form: 'table' | 'json') => {
    let text = '';
    printReport(report, form, (more) => (text += more));
    return text;
  };
  const report: VerifyReport = {
    holds: false,
    violations: [
      { invariant: 'I4', subject: 'demo/fund:available', position: 42n, found: '-0.01 CNY', expected: 'zero or more' },
    ],
    counts: { I1: 0, I2: 0, I3: 0, I4: 12, I5: 0, I6: 0, I7: 0, I8: 0, I9: 0 },
    events: 100,
    position: 42n,
    transfers: 3,
    erasedPayees: 1,
    tables,
    rows: 7,
    durationMs: 1_234,
  };

  it('shows people what was counted and what is wrong', () => {
    expect(printed(report, 'table'))
      .toBe(`100 events up to position 42, 3 transfers at the rails, 7 rows of ${tables} tables; 1.2 s
1 transfers went to a payee who was erased since and could not be compared

violations
  I1   0  the journal is what the events post, and it balances
  I2   0  captured is released, refunded from escrow or held, and nothing is held past its release
  I3   0  no unit is refunded beyond its price
  I4  12  no account with floor zero is below zero
  I5   0  a refund is paid once
  I6   0  what the fund laid out is recovered, outstanding, written off or borne by the platform
  I7   0  every verdict follows from the events before it and from its policy
  I8   0  every transfer was written down before it was made, or is a listed difference
  I9   0  every read model is the fold of the log

I4  demo/fund:available  at 42
    found     -0.01 CNY
    expected  zero or more
12 violations, the first of each kind named
`);
  });

  it('says so when everything holds', () => {
    const sound = { ...report, holds: true, violations: [], counts: { ...report.counts, I4: 0 }, erasedPayees: 0 };
    expect(printed(sound, 'table')).toMatch(/everything holds\n$/);
  });

  it('is JSON for programs, with positions as text', () => {
    expect(JSON.parse(printed(report, 'json'))).toMatchObject({ holds: false, position: '42', violations: [{ position: '42' }] });
  });
});
