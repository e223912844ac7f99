import { randomUUID } from 'node:crypto';
import { eventsOf, systemActor, type DataOf, type Recorded } from '@recourse/eventing';
import type { DomainEvent } from '@recourse/ledger';
import { money } from '@recourse/money';
import { refundReport } from '../audit/refund-totals.js';
import { connect, createDatabase, dropDatabase, type Database } from '../database.js';
import { migrate } from '../migration.js';
import { readModelMigrations, readModels } from './all.js';
import { ageing, findAccount, listMovements } from './deposit-statement.js';
import { findFund } from './fund-book.js';
import { listCoverage } from './fund-coverage.js';
import { inSchema, liveSchema } from './read-model.js';
import { findRefund } from './refund-history.js';

const adminUrl = process.env['TEST_POSTGRES_URL'] ?? '';
const name = `make_whole_${randomUUID()}`;
let database: Database;

const made = eventsOf<DomainEvent>();
const event = <Type extends DomainEvent['type']>(type: Type, data: DataOf<DomainEvent, Type>): DomainEvent => made(type, data);
const fen = (minor: number) => money(BigInt(minor));
const at = '2026-03-04T08:00:00.000Z';
const account = { platform: 'demo', merchant: 'm1' };
const refundId = 'demo.o1.1.v1';
const ids = { refundId, orderId: 'demo.o1' };
const owed = { ...account, obligationId: refundId, refundId };
const parties = { ...account, buyer: 'b1', payee: 'person-b1', rail: 'sandbox' };
const lost = { ...account, ...ids, caseId: 'demo.o1.1', amount: fen(12_500) };
const loss = { ...lost, asset: 'CNY' };

/** Two units of 100.00 at a fee of 5.00 each: one out of escrow, one out of the fund, with the merchant's 95.00 to recover. */
const refunded: readonly [stream: string, ...DomainEvent[]][] = [
  [
    'order-demo.o1',
    event('RefundApproved', {
      ...ids,
      ...parties,
      ground: { kind: 'verdict', disputeId: 'demo.o1.1', verdictId: refundId, rule: 'used-before-sale' },
      lines: [
        {
          unitNo: 1,
          source: 'escrow',
          liable: 'MERCHANT',
          amount: fen(10_000),
          fromEscrow: fen(10_000),
          fromFund: fen(0),
          fromFees: fen(0),
          merchantShare: fen(0),
        },
        {
          unitNo: 2,
          source: 'fund',
          liable: 'MERCHANT',
          amount: fen(10_000),
          fromEscrow: fen(0),
          fromFund: fen(9_500),
          fromFees: fen(500),
          merchantShare: fen(9_500),
        },
      ],
      total: fen(20_000),
      fromEscrow: fen(10_000),
      fromFund: fen(9_500),
      fromFees: fen(500),
      merchantShare: fen(9_500),
      approvedAt: at,
    }),
    event('RefundFundedFromEscrow', {
      ...ids,
      ...parties,
      lines: [{ unitNo: 1, amount: fen(10_000) }],
      amount: fen(10_000),
      total: fen(20_000),
      complete: false,
    }),
  ],
  [
    'fund-demo.CNY.0001',
    event('FundPeriodOpened', { platform: 'demo', period: '0001', available: fen(0), openedAt: at }),
    event('FundContributed', { platform: 'demo', contributionId: 'c1', amount: fen(10_000), rail: 'sandbox' }),
    event('FundsReserved', {
      ...ids,
      ...parties,
      caseId: 'demo.o1.1',
      amount: fen(10_000),
      fromFund: fen(9_500),
      fromFees: fen(500),
      merchantShare: fen(9_500),
      total: fen(20_000),
    }),
  ],
  [
    `payout-${refundId}`,
    event('PayoutSucceeded', {
      payoutId: refundId,
      platform: 'demo',
      purpose: { kind: 'refund', ...ids, buyer: 'b1', merchant: 'm1' },
      rail: 'sandbox',
      amount: fen(20_000),
      transferNo: 1,
      key: 'k'.repeat(32),
      railTransferId: 'r1',
      succeededAt: at,
    }),
  ],
  [
    'deposit-demo.m1.0001',
    event('DepositPeriodOpened', { ...account, period: '0001', deposit: fen(0), held: fen(0), payable: fen(0), openedAt: at }),
    event('DepositAgreed', { ...account, termsVersion: 1, minimum: fen(0), payee: 'p1', rail: 'sandbox', agreedAt: at }),
    event('DepositToppedUp', { ...account, amount: fen(3_000), rail: 'sandbox', transaction: 't1', toppedUpAt: at }),
    event('ObligationOpened', { ...owed, caseId: 'demo.o1.1', orderId: 'demo.o1', amount: fen(9_500), openedAt: at }),
    event('DepositDebited', {
      ...owed,
      fromHeld: fen(0),
      fromDeposit: fen(3_000),
      amount: fen(3_000),
      outstanding: fen(6_500),
      debitedAt: at,
    }),
  ],
];
const reimbursed = event('FundReimbursed', { ...owed, amount: fen(3_000), source: 'deposit' });
const writtenOff = event('RecourseWrittenOff', {
  ...owed,
  amount: fen(6_500),
  reason: 'gone',
  proposedBy: 'chen',
  approvedBy: 'zhou',
  writtenOffAt: at,
});
const reinstated = event('RecourseReinstated', { ...owed, amount: fen(6_500), writtenOff: fen(0), reinstatedAt: at });
const forgiven = event('RecourseForgiven', { ...owed, amount: fen(6_500), forgivenAt: at });
const claimed = event('CompensationClaimed', { ...lost, recovered: fen(3_000), escrowLoss: fen(9_500), claimedAt: at });
const queued = event('CompensationQueued', loss);
const contributed = event('FundContributed', { platform: 'demo', contributionId: 'c2', amount: fen(20_000), rail: 'sandbox' });
const compensated = event('MerchantCompensated', loss);
const credited = event('CompensationCredited', { ...account, ...ids, amount: fen(12_500) });

let position = 0n;
async function project(...history: readonly [stream: string, ...DomainEvent[]][]): Promise<void> {
  await database.db.transaction().execute(async (trx) => {
    await inSchema(trx, liveSchema);
    for (const [stream, ...events] of history)
      for (const one of events) {
        position += 10n;
        const recorded = {
          ...one,
          id: `e${position}`,
          stream,
          revision: position,
          position,
          metadata: {
            commandId: 'c',
            correlationId: 'c',
            actor: systemActor('history'),
            schemaVersion: 1,
            recordedAt: at,
            effectiveAt: at,
          },
        } as Recorded<DomainEvent>;
        for (const { on } of readModels)
          await (on as Readonly<Record<string, (event: Recorded<DomainEvent>, tx: typeof trx) => unknown>>)[one.type]?.(
            recorded,
            trx,
          );
      }
  });
}

beforeEach(async () => {
  database = connect(await createDatabase(adminUrl, name));
  await migrate(database.db, [readModelMigrations]);
  position = 0n;
  await project(...refunded, ['fund-demo.CNY.0001', reimbursed]);
});
afterEach(async () => {
  await database.close();
  await dropDatabase(adminUrl, name);
});

const fundNow = async () => (await findFund(database.db, 'demo'))[0];
const refundNow = async () => {
  const { outstanding, recovered, compensated: given, status } = (await findRefund(database.db, refundId))!;
  return { outstanding, recovered, compensated: given, status };
};
/** bearer: refunded, paid, recovered, outstanding, platform-borne; in fen. */
const byBearer = async () => {
  const { groups, agrees, checks } = await refundReport(database.db, { platform: 'demo', basis: 'approval' }, ['bearer']);
  expect([agrees, checks.filter(({ difference }) => difference.minor !== 0n)]).toEqual([true, []]);
  return groups.map(({ key, refunded: whole, paid, recovered, outstanding, platformBorne }) => [
    ...key,
    ...[whole, paid, recovered, outstanding, platformBorne].map(({ minor }) => Number(minor)),
  ]);
};

it('a merchant who is made whole owes nothing, waits for his compensation in the fund, and has it as proceeds', async () => {
  expect(await byBearer()).toEqual([
    ['merchant', 19_500, 19_500, 3_000, 6_500, 0],
    ['platform', 500, 500, 0, 0, 0],
  ]);
  await project(['deposit-demo.m1.0001', forgiven, claimed], ['fund-demo.CNY.0001', queued]);
  expect(await findAccount(database.db, 'demo', 'm1')).toMatchObject({ owed: 0n, payable: 0n });
  expect(await ageing(database.db, 'demo', { at })).toEqual([]);
  expect(await refundNow()).toMatchObject({ outstanding: 0n, recovered: 3_000n, compensated: 0n });
  expect(await fundNow()).toMatchObject({ available: 3_500n, advanced: 0n, queued: 12_500n, queue_length: 1 });
  expect((await listCoverage(database.db, 'demo', 'CNY', at, 1))[0]).toMatchObject({ available: 3_500n, waiting: 12_500n });
  // What was forgiven is the platform's, with the money that paid it.
  expect(await byBearer()).toEqual([
    ['merchant', 13_000, 13_000, 3_000, 0, 0],
    ['platform', 7_000, 7_000, 0, 0, 6_500],
  ]);

  await project(['fund-demo.CNY.0001', contributed, compensated], ['deposit-demo.m1.0001', credited]);
  expect(await findAccount(database.db, 'demo', 'm1')).toMatchObject({ deposit: 0n, owed: 0n, payable: 12_500n });
  expect(await refundNow()).toMatchObject({ compensated: 12_500n });
  expect(await fundNow()).toMatchObject({ available: 11_000n, compensated: 12_500n, queued: 0n, queue_length: 0 });
  expect((await listCoverage(database.db, 'demo', 'CNY', at, 1))[0]).toMatchObject({ available: 11_000n, waiting: 0n });
  expect(await byBearer()).toEqual([
    ['merchant', 13_000, 13_000, 3_000, 0, 0],
    ['platform', 7_000, 7_000, 0, 0, 19_000],
  ]);
  const told = await listMovements(database.db, 'demo', 'm1', 0n, 100);
  expect(
    told
      .slice(-3)
      .map((row) => [row.kind, row.case_id, row.refund_id, row.reference, row.rule, row.owed_change, row.payable_change]),
  ).toEqual([
    ['RecourseForgiven', 'demo.o1.1', refundId, 'verdict overturned', 'used-before-sale', -6_500n, 0n],
    ['CompensationClaimed', 'demo.o1.1', refundId, 'verdict overturned', 'used-before-sale', 0n, 0n],
    ['CompensationCredited', 'demo.o1.1', refundId, 'verdict overturned', 'used-before-sale', 0n, 12_500n],
  ]);
});

it('what was written off is outstanding again only between two events of one append', async () => {
  await project(['deposit-demo.m1.0001', writtenOff]);
  expect(await fundNow()).toMatchObject({ advanced: 0n });
  await project(['deposit-demo.m1.0001', reinstated, forgiven]);
  expect(await refundNow()).toMatchObject({ outstanding: 0n, recovered: 3_000n });
  expect(await fundNow()).toMatchObject({ advanced: 0n });
  expect(await findAccount(database.db, 'demo', 'm1')).toMatchObject({ owed: 0n });
  expect(await byBearer()).toEqual([
    ['merchant', 13_000, 13_000, 3_000, 0, 0],
    ['platform', 7_000, 7_000, 0, 0, 6_500],
  ]);
});

it('a refund that came back and is owed no more is money of the fund', async () => {
  const purpose = { kind: 'refund', ...ids, buyer: 'b1', merchant: 'm1' } as const;
  const payout = { payoutId: refundId, platform: 'demo', purpose, rail: 'sandbox', amount: fen(20_000) };
  const transfer = { transferNo: 1, key: 'k'.repeat(32), railTransferId: 'r1', code: 'ACCOUNT_CLOSED' };
  await project(
    ['deposit-demo.m1.0001', forgiven, claimed],
    ['fund-demo.CNY.0001', contributed, compensated],
    [
      `payout-${refundId}`,
      event('PayoutReversed', { ...payout, ...transfer, reversedAt: at }),
      event('PayoutReturned', { ...payout, returnedAt: at }),
    ],
    ['fund-demo.CNY.0001', event('RefundReturned', { ...account, asset: 'CNY', buyer: 'b1', refundId, amount: fen(20_000) })],
  );
  expect(await fundNow()).toMatchObject({ available: 31_000n, returned: 20_000n });
  expect(await refundNow()).toMatchObject({ status: 'returned' });
  // 95.00 reserved, 30.00 recovered, 125.00 compensated, and 200.00 came back: the fund is up by escrow and fee of the two sales.
  const sums = await byBearer();
  expect(sums.reduce((total, row) => total + Number(row[5]), 0)).toBe(9_500 - 3_000 + 12_500 - 20_000);
});
