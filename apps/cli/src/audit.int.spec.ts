import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  eventAt,
  eventsOfRefund,
  figureReport,
  refundReport,
  refundsOfTotal,
  speedReport,
  type RefundGrouping,
  type RefundSelection,
} from '@recourse/postgres';
import { sql } from 'kysely';
import { runAudit, type AuditOptions, type AuditReportName } from './audit.js';
import {
  account,
  depositStream,
  event,
  fen,
  fundStream,
  open,
  policy as frozen,
  queue,
  refund,
  saleOf,
  startSampleInstallation,
  type Sale,
  type SampleInstallation,
} from './sample-installation.js';

let house: SampleInstallation;
let debitPosition: bigint;
const mixed = 'demo.o4.1.v1';

/** The same sale, its refund approved at another moment. */
const approvedAt = (sale: Sale, moment: string): Sale => ({
  ...sale,
  refunded: sale.refunded.map((one) =>
    one.type === 'RefundApproved' ? event('RefundApproved', { ...one.data, approvedAt: moment }) : one,
  ),
});

/** Three units: one out of escrow, two that merchant and platform share; paid, and recovered in two uneven steps. */
async function mixedRefund({ append }: SampleInstallation): Promise<bigint> {
  const orderId = 'demo.o4';
  const parties = { ...account, buyer: 'b2', payee: 'person-b2', rail: 'sandbox' };
  const ids = { refundId: mixed, orderId };
  const line = (unitNo: number, escrow: number, fund: number, fees: number, share: number) => ({
    unitNo,
    source: escrow > 0 ? ('escrow' as const) : ('fund' as const),
    liable: escrow > 0 ? ('MERCHANT' as const) : ('SHARED' as const),
    amount: fen(escrow + fund + fees),
    fromEscrow: fen(escrow),
    fromFund: fen(fund),
    fromFees: fen(fees),
    merchantShare: fen(share),
  });
  await append(
    `order-${orderId}`,
    event('RefundApproved', {
      ...ids,
      ...parties,
      ground: { kind: 'verdict', disputeId: 'demo.o4.1', verdictId: mixed, rule: 'shared' },
      lines: [line(1, 10_000, 0, 0, 0), line(2, 0, 4_901, 100, 3_401), line(3, 0, 3_333, 0, 3_332)],
      total: fen(18_334),
      fromEscrow: fen(10_000),
      fromFund: fen(8_234),
      fromFees: fen(100),
      merchantShare: fen(6_733),
      approvedAt: '2026-03-10T08:00:00.000Z',
    }),
    event('RefundFundedFromEscrow', {
      ...ids,
      ...parties,
      lines: [{ unitNo: 1, amount: fen(10_000) }],
      amount: fen(10_000),
      total: fen(18_334),
      complete: false,
    }),
  );
  await append(
    fundStream,
    event('FundsReserved', {
      ...ids,
      ...parties,
      amount: fen(8_334),
      fromFund: fen(8_234),
      fromFees: fen(100),
      merchantShare: fen(6_733),
      total: fen(18_334),
    }),
  );
  const payout = {
    payoutId: mixed,
    platform: 'demo',
    purpose: { kind: 'refund', refundId: mixed, orderId, buyer: 'b2', merchant: 'm1' },
    rail: 'sandbox',
    amount: fen(18_334),
  } as const;
  const transfer = { transferNo: 1, key: 'f'.repeat(32) };
  await append(
    `payout-${mixed}`,
    event('PayoutRequested', { ...payout, payee: 'person-b2', requestedAt: '2026-03-10T15:59:59.000Z' }),
    event('TransferProcessing', { ...transfer, payoutId: mixed }),
    event('PayoutSucceeded', { ...payout, ...transfer, railTransferId: 'r4', succeededAt: '2026-03-10T16:00:00.000Z' }),
  );
  const owed = { ...account, obligationId: mixed, refundId: mixed };
  const debitedAt = '2026-03-11T08:00:00.000Z';
  await append(
    depositStream,
    event('ObligationOpened', { ...owed, orderId, amount: fen(6_733), openedAt: debitedAt }),
    event('DepositDebited', {
      ...owed,
      fromHeld: fen(0),
      fromDeposit: fen(1_001),
      amount: fen(1_001),
      outstanding: fen(5_732),
      debitedAt,
    }),
  );
  return append(depositStream, event('PayableDebited', { ...owed, amount: fen(32), outstanding: fen(5_700), debitedAt }));
}

const ratedBefore = '2026-05-01T00:00:00.000Z';
/** `total` delivered orders of a platform of their own at 50.00; every fifth is refunded, one of them by the platform's fault. */
async function ratedOrders({ append }: SampleInstallation, platform: string, total: number, deliveredAt: string): Promise<void> {
  for (let n = 1; n <= total; n += 1) {
    const orderId = `${platform}.${deliveredAt.slice(0, 10)}-${n}`;
    const { sold, approved } = saleOf(n);
    const events = [...sold, approved()].flatMap((one) => {
      if (one.type === 'OrderPlaced') return [event('OrderPlaced', { ...one.data, orderId, platform, total: fen(5_000) })];
      if (one.type === 'UnitDelivered') return [event('UnitDelivered', { ...one.data, orderId, deliveredAt })];
      if (one.type !== 'RefundApproved' || n % 5 > 0) return [];
      const lines = one.data.lines.map((line) => ({
        ...line,
        amount: fen(3_000),
        liable: n === 5 ? ('PLATFORM' as const) : line.liable,
      }));
      return [
        event('RefundApproved', { ...one.data, orderId, platform, refundId: `${orderId}.v1`, lines, approvedAt: deliveredAt }),
      ];
    });
    await append(`order-${orderId}`, ...events);
  }
}

beforeAll(async () => {
  house = await startSampleInstallation();
  await open(house);
  await refund(house, saleOf(1), 'alice');
  await queue(house, approvedAt(saleOf(2), '2026-03-31T15:59:59.999Z'));
  await queue(house, approvedAt(saleOf(3), '2026-03-31T16:00:00.000Z'));
  debitPosition = await mixedRefund(house);
  await ratedOrders(house, 'rated', 20, '2026-04-01T00:00:00.000Z');
  await ratedOrders(house, 'rated', 5, '2026-03-31T23:59:59.999Z');
  await ratedOrders(house, 'few', 19, '2026-04-30T23:59:59.999Z');
  await house.project();
}, 60_000);
afterAll(() => house.remove());

const all: RefundSelection = { platform: 'demo', basis: 'approval' };
const reported = (selection: Partial<RefundSelection> = {}, ...by: RefundGrouping[]) =>
  refundReport(house.database.db, { ...all, ...selection }, by);
/** key, refunds, units, refunded, paid, recovered, outstanding, platform-borne, fees given back; in fen. */
const rows = async (selection: Partial<RefundSelection>, ...by: RefundGrouping[]) =>
  (await reported(selection, ...by)).groups.map(({ key, asset, refunds, units, ...amounts }) => {
    expect(asset).toBe('CNY');
    const { refunded, paid, recovered, outstanding, platformBorne, feesGivenBack } = amounts;
    const minors = [refunded, paid, recovered, outstanding, platformBorne, feesGivenBack].map(({ minor }) => Number(minor));
    return [key.join(' '), Number(refunds), Number(units), ...minors];
  });

/** The command on these stores: what it said, line by line, and how it ended. */
async function told(name: AuditReportName, options: Partial<AuditOptions> = {}) {
  const said: string[] = [];
  const { databaseUrl: DATABASE_URL, eventStoreUrl: EVENTSTORE_URL } = house;
  const code = await runAudit(
    name,
    { dataDir: 'nowhere', platform: 'demo', format: 'table', ...options },
    { DATABASE_URL, EVENTSTORE_URL },
    { say: (line) => said.push(line), complain: (line) => said.push(`! ${line}`) },
  );
  return { code, said };
}

describe('totals of the refund history', () => {
  // o1: 95.00 of the fund and 5.00 of fees, paid and recovered. o2, o3: the same, still queued. o4: 183.34 of three sources.
  it('of everything are the sums of its refunds', async () => {
    expect(await rows({})).toEqual([['', 4, 6, 3 * 10_000 + 18_334, 10_000 + 18_334, 9_500 + 1_033, 5_700, 1_501, 500 + 100]]);
  });

  it('by source count a refund in each source it has money of, and every fen once', async () => {
    expect(await rows({}, 'source')).toEqual([
      ['escrow', 1, 1, 10_000, 10_000, 0, 0, 0, 0],
      ['fees', 4, 4, 3 * 500 + 100, 500 + 100, 0, 0, 0, 600],
      ['fund', 4, 5, 3 * 9_500 + 8_234, 9_500 + 8_234, 10_533, 5_700, 1_501, 0],
    ]);
  });

  it('by bearer say who finally pays', async () => {
    expect(await rows({}, 'bearer')).toEqual([
      ['merchant', 4, 6, 10_000 + 3 * 9_500 + 6_733, 10_000 + 9_500 + 6_733, 10_533, 5_700, 0, 0],
      ['platform', 4, 5, 1_501 + 1_600, 1_501 + 600, 0, 0, 1_501, 600],
    ]);
  });

  it('take a day to end at midnight in Shanghai, to the millisecond', async () => {
    expect(await rows({}, 'day')).toEqual([
      ['2026-03-04', 1, 1, 10_000, 10_000, 9_500, 0, 0, 500],
      ['2026-03-10', 1, 3, 18_334, 18_334, 1_033, 5_700, 1_501, 100],
      ['2026-03-31', 1, 1, 10_000, 0, 0, 0, 0, 0],
      ['2026-04-01', 1, 1, 10_000, 0, 0, 0, 0, 0],
    ]);
    expect((await rows({}, 'month')).map(([month, refunds]) => [month, refunds])).toEqual([
      ['2026-03', 3],
      ['2026-04', 1],
    ]);
    expect((await rows({ from: '2026-03-31T16:00:00.000Z' }))[0]?.slice(1, 4)).toEqual([1, 1, 10_000]);
    expect((await rows({ before: '2026-03-31T16:00:00.000Z' }))[0]?.slice(1, 4)).toEqual([3, 5, 38_334]);
  });

  it('by payment are about the refunds that were paid, on the day they were', async () => {
    expect(await rows({ basis: 'payment' }, 'day', 'merchant')).toEqual([
      ['2026-03-05 m1', 1, 1, 10_000, 10_000, 9_500, 0, 0, 500],
      ['2026-03-11 m1', 1, 3, 18_334, 18_334, 1_033, 5_700, 1_501, 100],
    ]);
  });

  it('may be of any combination of filters', async () => {
    expect(await rows({ rule: 'shared', source: 'fund', bearer: 'merchant' }, 'liable', 'rail')).toEqual([
      ['SHARED sandbox', 1, 2, 6_733, 6_733, 1_033, 5_700, 0, 0],
    ]);
    expect(await rows({ status: 'queued', source: 'fees' }, 'rule')).toEqual([['used-before-sale', 2, 2, 1_000, 0, 0, 0, 0, 0]]);
    expect(await rows({ merchant: 'm2' })).toEqual([]);
    expect(await rows({ rule: '-' })).toEqual([]);
  });

  it('show a platform nothing of another', async () => {
    expect(await reported({ platform: 'other' })).toMatchObject({ groups: [], totals: [], checks: [], agrees: true });
    expect(await refundsOfTotal(house.database.db, { ...all, platform: 'other' }, { limit: 10 })).toEqual([]);
    expect(await eventAt(house.database.db, 'other', debitPosition)).toBeUndefined();
  });
});

describe('a total', () => {
  it('leads to its refunds, page by page, and their parts add up to it', async () => {
    const selection: RefundSelection = { ...all, source: 'fund' };
    const [first, ...more] = await refundsOfTotal(house.database.db, selection, { limit: 2 });
    const rest = await refundsOfTotal(house.database.db, selection, { after: more[0]!.refundId, limit: 2 });
    const found = [first!, ...more, ...rest];
    expect(found.map(({ refundId }) => refundId)).toEqual(['demo.o1.1.v1', mixed, 'demo.o2.1.v1', 'demo.o3.1.v1']);
    const [total] = (await reported({ source: 'fund' })).totals;
    expect(found.reduce((sum, { refunded }) => sum + refunded.minor, 0n)).toBe(total!.refunded.minor);
    expect(found.reduce((sum, { outstanding }) => sum + outstanding.minor, 0n)).toBe(total!.outstanding.minor);
  });

  it('leads through a refund to its events and their lines of the journal, and back', async () => {
    const events = await eventsOfRefund(house.database.db, { refundId: mixed, asset: 'CNY' }, 0n, 100);
    expect(events.map(({ event: type }) => type)).toEqual([
      'RefundApproved',
      'RefundFundedFromEscrow',
      'FundsReserved',
      'PayoutRequested',
      'TransferProcessing',
      'PayoutSucceeded',
      'ObligationOpened',
      'DepositDebited',
      'PayableDebited',
    ]);
    const debit = events.at(-1)!;
    expect(debit).toMatchObject({
      position: debitPosition,
      stream: depositStream,
      postings: [
        { line: 0, debit: 'demo/merchant:m1:payable', credit: 'demo/merchant:m1:recourse', amount: { asset: 'CNY', minor: 32n } },
      ],
    });
    // 0.32 in proportion to what is left of 34.01 and 33.32 after 10.01 of both: 0.16 each.
    expect(debit.movements.map(({ unit, measure, amount }) => [unit, measure, amount.minor])).toEqual([
      [2, 'recovered', 16n],
      [3, 'recovered', 16n],
      [2, 'owed', -16n],
      [3, 'owed', -16n],
    ]);
    expect(await eventAt(house.database.db, 'demo', debitPosition)).toMatchObject({
      refundId: mixed,
      event: 'PayableDebited',
      postings: debit.postings,
    });
    const { rows: journal } = await sql<{ position: bigint }>`
      select position from read.journal where event_type = 'DepositToppedUp'`.execute(house.database.db);
    expect(await eventAt(house.database.db, 'demo', journal[0]!.position)).toMatchObject({
      event: 'DepositToppedUp',
      refundId: null,
    });
  });
});

describe('the sums of the journal', () => {
  const funds = (amount: number) => ({ asset: 'CNY', minor: BigInt(amount) });
  const check = (of: string, report: number, journal = report) => ({
    of,
    report: funds(report),
    journal: funds(journal),
    difference: funds(report - journal),
  });

  it('are those of the report, of everything and of a selection', async () => {
    const report = await reported();
    expect(report.agrees).toBe(true);
    expect(report.checks).toEqual([
      check('funded from escrow', 10_000),
      check('funded by the fund', 9_500 + 8_234),
      check('fees given back', 600),
      check('funded from deposits', 0),
      check('paid', 28_334),
      check('recovered', 10_533),
      check('compensated', 0),
      check('outstanding', 5_700),
    ]);
    const selected = await reported({ rule: 'shared', source: 'escrow' });
    expect(selected.checks).toEqual([
      check('funded from escrow', 10_000),
      check('funded by the fund', 8_234),
      check('fees given back', 100),
      check('funded from deposits', 0),
      check('paid', 18_334),
      check('recovered', 1_033),
      check('compensated', 0),
      check('outstanding', 5_700),
    ]);
  });

  it.each([
    [
      'a fen too much',
      sql`update read.refund_movement set amount = amount + 1 where measure = 'paid' and source = 'escrow'`,
      check('paid', 28_335, 28_334),
    ],
    [
      'a lost recovery',
      sql`delete from read.refund_movement where measure = 'recovered' and amount = 9500`,
      check('recovered', 1_033, 10_533),
    ],
    [
      'a lost line of the journal',
      sql`delete from read.journal where event_type = 'RefundFundedFromEscrow'`,
      check('funded from escrow', 10_000, 0),
    ],
  ])('differ by %s, and the report says by how much', async (_, damage, difference) => {
    const tables = ['journal', 'refund_movement'];
    const { db } = house.database;
    for (const name of tables)
      await sql`create table ${sql.id('public', name)} as select * from ${sql.id('read', name)}`.execute(db);
    try {
      await damage.execute(db);
      const report = await reported();
      expect(report.agrees).toBe(false);
      expect(report.checks.filter((one) => one.difference.minor !== 0n)).toEqual([difference]);
      expect(await told('refunds', { format: 'csv' })).toMatchObject({ code: 1 });
    } finally {
      for (const name of tables) {
        await sql`delete from ${sql.id('read', name)}`.execute(db);
        await sql`insert into ${sql.id('read', name)} select * from ${sql.id('public', name)}`.execute(db);
        await sql`drop table ${sql.id('public', name)}`.execute(db);
      }
    }
    expect((await reported()).agrees).toBe(true);
  });
});

describe('figures', () => {
  const scope = { platform: 'demo', from: '2026-03-01T00:00:00.000Z', before: '2026-04-01T00:00:00.000Z' };
  const policy = { version: 1, hash: frozen.hash, effectiveFrom: '2026-03-02T08:00:00.000Z' };
  const valuesOf = async (name: 'reliability' | 'parties', effectiveFrom = policy.effectiveFrom) => {
    const { groups } = await figureReport(house.database.db, name, { ...scope, policies: [{ ...policy, effectiveFrom }] });
    const figures = Object.values(groups).flat();
    return Object.fromEntries(
      figures.map(({ id, value }) => [id, value === null ? null : `${value.numerator}/${value.denominator}`]),
    );
  };

  it('of reliability are fractions of what the events say', async () => {
    // Three cases of one unit each: paid, with evidence of a failed activation, the merchant liable, by the published policy.
    expect(await valuesOf('reliability')).toEqual({
      'rule-transparency': '3/3',
      'evidence-completeness': '9/9',
      'evidence-transaction': '3/3',
      'evidence-problem': '3/3',
      'evidence-party': '3/3',
      'channel-availability': '3/3',
    });
  });

  it('of transparency do not count a policy that took effect after the order', async () => {
    expect(await valuesOf('reliability', '2026-03-02T08:00:00.001Z')).toMatchObject({ 'rule-transparency': '0/3' });
  });

  it('of the three parties are left out where there is too little to say', async () => {
    expect(await valuesOf('parties')).toEqual({
      'user-upheld': '3/3',
      'user-liable': '0/3',
      'user-late': '0/3',
      'user-evidence': '3/3',
      'user-withdrawn': '0/3',
      'platform-liable': '0/3',
      'platform-delivery-failure': '0/3',
      'platform-in-time': '3/3',
      'platform-by-rule': '3/3',
      'platform-paid': '2/4',
      'merchant-refund-rate': null,
      'merchant-refund-rate-by-amount': null,
      'merchant-liable': '3/3',
      'merchant-proactive': '0/3',
      'merchant-silent': null,
      'merchant-undelivered': '0/3',
    });
  });

  it('of the refund rate are over the orders delivered in 30 × 24 hours, to the millisecond, and never over fewer than 20', async () => {
    const rates = async (platform: string) => {
      const { groups } = await figureReport(house.database.db, 'parties', {
        ...scope,
        platform,
        before: ratedBefore,
        policies: [],
      });
      return groups['merchant']!.filter(({ id }) => id.startsWith('merchant-refund-rate')).map(
        ({ value }) => value && [value.numerator, value.denominator, value.display],
      );
    };
    // Of four refunds in twenty orders the platform is liable for one.
    expect(await rates('rated')).toEqual([
      [3n, 20n, '15.0%'],
      [9_000n, 100_000n, '9.0%'],
    ]);
    expect(await rates('few')).toEqual([null, null]);
  });

  it('carry their formula in Chinese and English, and the events they come from', async () => {
    for (const name of ['reliability', 'parties'] as const) {
      const { groups, leftOut } = await figureReport(house.database.db, name, { ...scope, policies: [policy] });
      for (const { formula, events, value, because } of Object.values(groups).flat()) {
        expect(formula.zh).toMatch(/^（[^）].*÷/);
        expect(formula.en).toMatch(/^\(.* ÷ \(/);
        expect(events.length).toBeGreaterThan(0);
        expect(value === null).toBe(because !== undefined);
      }
      expect(leftOut.length).toBeGreaterThan(0);
    }
  });

  it('of speed are exact, and exactly 24 hours are within 24 hours', async () => {
    const { speeds } = await speedReport(house.database.db, { ...scope, policies: [] });
    const day = 86_400_000n;
    expect(speeds.map(({ id, count, medianMs, p90Ms, within24h }) => [id, count, medianMs, p90Ms, within24h?.numerator])).toEqual(
      [
        ['claim-to-verdict', 3n, day, day, 3n],
        ['verdict-to-paid', 1n, day, day, 1n],
        ['claim-to-paid', 1n, 2n * day, 2n * day, 0n],
      ],
    );
  });

  it('of a platform without a history are no figures', async () => {
    const { groups } = await figureReport(house.database.db, 'reliability', { ...scope, platform: 'other', policies: [] });
    expect(
      Object.values(groups)
        .flat()
        .every(({ value }) => value === null),
    ).toBe(true);
    const { speeds } = await speedReport(house.database.db, { ...scope, platform: 'other', policies: [] });
    expect(speeds.map(({ count, medianMs, within72h }) => [count, medianMs, within72h])).toEqual([
      [0n, null, null],
      [0n, null, null],
      [0n, null, null],
    ]);
  });
});

describe('recourse audit', () => {
  it('prints totals and the sums of the journal, in two languages', async () => {
    const { code, said } = await told('refunds', { by: 'month', from: '2026-03', to: '2026-03' });
    expect(code).toBe(0);
    expect(said[0]).toMatch(/^月 month +币种 asset +退款笔数 refunds/);
    expect(said[2]?.split(/ +/)).toEqual(['2026-03', 'CNY', '3', '5', '383.34', '283.34', '105.33', '57.00', '15.01', '6.00']);
    expect(said).toContain('Beside the journal 与日记账核对: equal 相符');
  });

  it('writes a file that was not there, and no other', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'recourse-audit-'));
    try {
      const out = join(directory, 'refunds.csv');
      expect(await told('refunds', { format: 'csv', each: true, source: 'escrow', out })).toEqual({ code: 0, said: [] });
      const text = await readFile(out, 'utf8');
      expect(text.startsWith('\uFEFF退款号 refund,订单 order,')).toBe(true);
      expect(text.split('\r\n')[1]).toBe(
        'demo.o4.1.v1,demo.o4,m1,b2,sandbox,verdict,shared,paid,2026-03-10T08:00:00.000Z,2026-03-10T16:00:00.000Z,1,CNY,100.00,100.00,0.00,0.00,0.00,0.00',
      );
      await expect(told('refunds', { out })).rejects.toThrow('EEXIST');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it.each(['reliability', 'parties', 'speed'] as const)('prints %s as a table, as CSV and as JSON', async (name) => {
    for (const format of ['table', 'csv', 'json'] as const) {
      const { code, said } = await told(name, { format });
      expect(code).toBe(0);
      if (format === 'json') expect(JSON.parse(said.join('\n'))).toMatchObject({ position: expect.any(String) as string });
      else expect(said.length).toBeGreaterThan(3);
    }
  });

  it.each<[string, Partial<AuditOptions>]>([
    ['--by is one or two different of', { by: 'day,month,year' }],
    ['--by is one or two different of', { by: 'day,day' }],
    ['--source is one of', { source: 'wallet' }],
    ['--bearer is one of', { bearer: 'BUYER' }],
    ['no day, month or year', { from: '2026-02-30' }],
    ['ends before it begins', { from: '2026-04', to: '2026-03' }],
  ])('says "%s"', async (message, options) => {
    await expect(told('refunds', options)).rejects.toThrow(message);
  });
});
