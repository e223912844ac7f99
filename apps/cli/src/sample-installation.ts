import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEventStoreNode } from '@recourse/embedded-eventstore';
import { dispute, policyHash, type DisputeEvent, type PolicyTable } from '@recourse/disputes';
import { eventsOf, fold, isRejection, systemActor, type Clock, type DataOf, type Metadata } from '@recourse/eventing';
import { openEventStore, runProjections, waitUntil, type EventStore, type Subscription } from '@recourse/eventstore';
import type { DomainEvent } from '@recourse/ledger';
import { money, type Money } from '@recourse/money';
import { catalogue, migrationSets } from '@recourse/nest';
import { replayClaim, type OpenedClaim, type OrderEvent } from '@recourse/orders';
import {
  connect,
  createDatabase,
  dropDatabase,
  liveSchema,
  migrate,
  neverSkipped,
  readModels,
  type AnyReadModel,
  type Database,
} from '@recourse/postgres';
import { openSandboxRail, transferKey, type SandboxRail } from '@recourse/rails';
import { createKeyFile, openVault, type Vault } from '@recourse/vault';

/** The stores, the rail and the vault of an installation in this process, and a history to tell in them. */
export interface SampleInstallation {
  readonly eventStore: EventStore;
  readonly eventStoreUrl: string;
  readonly database: Database;
  readonly databaseUrl: string;
  readonly sandboxRail: SandboxRail;
  readonly vault: Vault;
  readonly clock: Clock;
  /** Appends and says where the last of these events is. */
  append(stream: string, ...events: readonly DomainEvent[]): Promise<bigint>;
  startProjections(models?: readonly AnyReadModel[]): Promise<Subscription>;
  /** Projects all there is and stops. */
  project(models?: readonly AnyReadModel[]): Promise<void>;
  remove(): Promise<void>;
}

const endOfMonth = '2026-03-31T08:00:00.000Z';
const at = (day: number) => `2026-03-${String(day).padStart(2, '0')}T08:00:00.000Z`;
const projectionTimeoutMs = 30_000;

/** @throws Error when TEST_POSTGRES_URL is not set */
export async function startSampleInstallation(): Promise<SampleInstallation> {
  const adminUrl = process.env['TEST_POSTGRES_URL'];
  if (adminUrl === undefined)
    throw new Error('TEST_POSTGRES_URL is not set: integration specs run under the root jest configuration');
  const closers: (() => Promise<unknown>)[] = [];
  const remove = async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    const directory = await mkdtemp(join(tmpdir(), 'recourse-verify-'));
    closers.push(() => rm(directory, { recursive: true, force: true }));
    const node = await startEventStoreNode({ directory: join(directory, 'eventstore') });
    closers.push(() => node.stop());
    const name = `installation_${randomBytes(6).toString('hex')}`;
    const databaseUrl = await createDatabase(adminUrl, name);
    closers.push(() => dropDatabase(adminUrl, name));
    const database = connect(databaseUrl);
    const readDatabase = connect(databaseUrl, { searchPath: liveSchema });
    closers.push(() => Promise.all([database.close(), readDatabase.close()]));
    await migrate(database.db, migrationSets);
    const keyFile = join(directory, 'vault.json');
    await createKeyFile(keyFile);
    const eventStore = openEventStore({ connectionString: node.connectionString, catalogue, log: () => undefined });
    closers.push(() => eventStore.close());
    return {
      eventStore,
      eventStoreUrl: node.connectionString,
      database,
      databaseUrl,
      sandboxRail: openSandboxRail({ db: database.db, now: () => Promise.resolve(at(5)) }),
      vault: await openVault({ db: database.db, keyFile }),
      clock: { now: () => Promise.resolve(endOfMonth) },
      append: appender(eventStore),
      ...projecting(eventStore, database, readDatabase),
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

function appender(eventStore: EventStore): SampleInstallation['append'] {
  const revisions = new Map<string, bigint>();
  return async (stream, ...events) => {
    const about = events.map(() => metadata());
    const outcome = await eventStore.append(stream, revisions.get(stream) ?? 'no_stream', events, about);
    if (outcome.status !== 'appended' || outcome.position === undefined) throw new Error(`${stream} was not appended to`);
    revisions.set(stream, outcome.revision);
    return outcome.position;
  };
}

function projecting(
  eventStore: EventStore,
  database: Database,
  readDatabase: Database,
): Pick<SampleInstallation, 'startProjections' | 'project'> {
  const log = () => undefined;
  const startProjections = (projections: readonly AnyReadModel[] = readModels) =>
    runProjections({ eventStore, database: readDatabase, projections, neverSkip: neverSkipped, log, attempts: 1 });
  return {
    startProjections,
    project: async (models = readModels) => {
      const running = await startProjections(models);
      const done = await waitUntil(database, models, await eventStore.lastPosition(), projectionTimeoutMs);
      await running.stop();
      if (!done) throw new Error(`not projected within ${projectionTimeoutMs} ms`);
    },
  };
}

const metadata = (day = 6): Metadata => ({
  commandId: randomBytes(16).toString('hex'),
  correlationId: 'history',
  actor: systemActor('history', platform),
  schemaVersion: 1,
  recordedAt: at(day),
  effectiveAt: at(day),
});

const made = eventsOf<DomainEvent>();
export const event = <Type extends DomainEvent['type']>(type: Type, data: DataOf<DomainEvent, Type>): DomainEvent =>
  made(type, data);
export const fen = (minor: number): Money => money(BigInt(minor));

export const platform = 'demo';
export const account = { platform, merchant: 'm1' };
const rail = 'sandbox';
/** Small, and fair enough for one dead key. */
export const table: PolicyTable = {
  id: 'standard',
  version: 1,
  title: { zh: '样例规则', en: 'A sample' },
  rules: [
    {
      id: 'used-before-sale',
      when: { reason: 'key-used', activationFailureEvidence: 'yes' },
      then: { do: 'decide', liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' },
      explanation: { zh: '售前已使用', en: 'used before the sale' },
      basis: ['S09'],
    },
    { id: 'person', when: {}, then: { do: 'review' }, explanation: { zh: '人工审核', en: 'a person decides' }, basis: ['K14'] },
  ],
};
export const policy = { id: 'standard', version: 1, hash: policyHash(table) };
const promise = { afterSaleHours: 24, deliverWithinHours: 24, reissue: false, sevenDay: false };
const price = fen(10_000);
const fee = fen(500);
const net = fen(9_500);
const nothing = fen(0);

const fundOf = { platform, asset: 'CNY' };

export const depositStream = 'deposit-demo.m1.0001';
export const fundStream = 'fund-demo.CNY.0001';

/** A merchant with a deposit and a fund with money. */
export async function open({ append }: SampleInstallation): Promise<void> {
  const period = '0001';
  const published = { platform, ...policy, table, publishedAt: at(1), effectiveFrom: at(1) };
  await append('policy-standard', event('PolicyPublished', published));
  await append(
    depositStream,
    event('DepositPeriodOpened', { ...account, period, deposit: nothing, held: nothing, payable: nothing, openedAt: at(1) }),
    event('DepositAgreed', { ...account, termsVersion: 1, minimum: nothing, payee: 'person-m1', rail, agreedAt: at(1) }),
    event('DepositToppedUp', { ...account, amount: fen(1_000_000), rail, transaction: 't1', toppedUpAt: at(1) }),
  );
  await append(
    fundStream,
    event('FundPeriodOpened', { platform, period, available: nothing, openedAt: at(1) }),
    event('FundContributed', { platform, contributionId: 'demo.c1', amount: fen(10_000_000), rail }),
  );
}

/** The claim on the unit, with what its order knows of it. */
function claimOn(sold: readonly OrderEvent[], claimId: string): OpenedClaim {
  const [placed] = sold;
  if (placed?.type !== 'OrderPlaced') throw new Error('an order begins with OrderPlaced');
  const { orderId, productKind } = placed.data;
  const said = { claimId, reason: 'key-used', channel: 'app', draft: false, openedAt: at(3) } as const;
  const units = [{ unitNo: 1, product: 'card', price, fee, escrow: 'released', platformFailure: false, evidence: [] } as const];
  const opened = made('ClaimOpened', { ...said, ...account, orderId, buyer: 'b1', productKind, promise, policy, units });
  const claim = replayClaim([...sold, opened as OrderEvent], claimId);
  if (claim === undefined) throw new Error('the unit of this order is not there to be claimed');
  return claim;
}

/** The case as the house itself tells it: opened with evidence, and decided by the rule a day later. */
function decidedBy({ claimId, openedAt, ...claim }: OpenedClaim): readonly DisputeEvent[] {
  const evidence = [{ evidenceId: 'e1', kind: 'chat', showsActivationFailure: true, content: 'person-x' }] as const;
  const open = { type: 'OpenDispute', ...claim, draft: false, disputeId: claimId, evidence, openedAt, at: openedAt } as const;
  const opened = accepted(dispute.decide(open, dispute.initial));
  return [...opened, ...accepted(dispute.decide({ type: 'ApplyPolicy', table, at: at(4) }, fold(dispute, opened)))];
}
function accepted(outcome: ReturnType<typeof dispute.decide>): readonly DisputeEvent[] {
  if (isRejection(outcome)) throw new Error(outcome.detail);
  return outcome;
}

/** A policy that was withdrawn before it took effect. */
export async function announce({ append }: SampleInstallation): Promise<void> {
  const text = { zh: '标准规则', en: 'standard rules' };
  const version = { platform, id: platform, version: 1, hash: policy.hash };
  const table = { id: policy.id, version: 1, title: text, rules: [] };
  await append(
    'policy-demo',
    event('PolicyPublished', { ...version, table, publishedAt: at(1), effectiveFrom: at(9) }),
    event('PolicyWithdrawn', { ...version, reason: text, withdrawnBy: 'li', withdrawnAt: at(2) }),
  );
}

/** One order `demo.o{n}` of one unit whose key is dead. */
export const saleOf = (n: number, payee = 'person-b1') => {
  const orderId = `demo.o${n}`;
  const claimId = `${orderId}.1`;
  const refundId = `${claimId}.v1`;
  const key = transferKey(refundId, 1);
  const hold = { kind: 'case', caseId: claimId } as const;
  const parties = { ...account, buyer: 'b1', payee, rail };
  const unit = { unitNo: 1, product: 'card', price, fee };
  const shares = { fromEscrow: nothing, fromFund: net, fromFees: fee, merchantShare: net };
  const payoutOf = {
    payoutId: refundId,
    platform,
    purpose: { kind: 'refund', refundId, orderId, buyer: 'b1', merchant: 'm1' },
    rail,
    amount: price,
  } as const;
  const reservation = {
    ...parties,
    refundId,
    orderId,
    caseId: claimId,
    amount: price,
    fromFund: net,
    fromFees: fee,
    merchantShare: net,
    total: price,
  };
  const approved = (id = refundId) =>
    event('RefundApproved', {
      refundId: id,
      orderId,
      ...parties,
      ground: { kind: 'verdict', disputeId: claimId, verdictId: refundId, rule: 'used-before-sale' },
      lines: [{ unitNo: 1, source: 'fund', amount: price, liable: 'MERCHANT', ...shares }],
      total: price,
      ...shares,
      approvedAt: at(4),
    });
  const submitted = (transferNo = 1, by = key) =>
    event('TransferSubmitted', { ...payoutOf, transferNo, key: by, payee, submittedAt: at(4) });
  const released = event('EscrowReleased', { orderId, ...account, unitNo: 1, amount: price, fee, net, because: 'delivered' });
  const sold = [
    event('OrderPlaced', {
      orderId,
      ...parties,
      receiver: 'ours',
      productKind: 'game-card',
      settlement: 'ON_DELIVERY',
      promise,
      policy,
      units: [unit],
      total: price,
      payBefore: at(2),
      placedAt: at(2),
    }),
    event('PaymentCaptured', {
      orderId,
      platform,
      rail,
      transaction: `t-${n}`,
      amount: price,
      capturedAt: at(2),
      deliverBefore: at(3),
    }),
    event('UnitDelivered', {
      orderId,
      unitNo: 1,
      delivery: { kind: 'key', ciphertext: 'c', fingerprint: `f${n}`, masked: '****' },
      deliveredAt: at(2),
      afterSaleEndsAt: at(3),
    }),
    released,
  ];
  const claim = claimOn(sold as readonly OrderEvent[], claimId);
  return {
    orderId,
    refundId,
    key,
    orderStream: `order-${orderId}`,
    disputeStream: `dispute-${claimId}`,
    payoutStream: `payout-${refundId}`,
    approved,
    released,
    submitted,
    sold: [...sold, event('ClaimOpened', claim)],
    noted: [
      event('PayableCredited', { ...account, orderId, unitNo: 1, amount: net }),
      event('CaseNoted', { ...account, caseId: claimId, orderId, exposure: price, notedAt: at(3) }),
      event('DepositHeld', { ...account, for: hold, amount: price }),
    ],
    decided: decidedBy(claim),
    appealed: [
      event('AppealLodged', {
        ...account,
        disputeId: claimId,
        verdictId: refundId,
        orderId,
        buyer: 'b1',
        appealId: `${refundId}.a1`,
        by: 'merchant',
        units: [1],
        reason: 'person-y',
        lodgedBy: 'merchant-m1',
        lodgedAt: at(4),
        until: at(7),
      }),
      event('AppealRuled', {
        ...account,
        disputeId: claimId,
        verdictId: refundId,
        orderId,
        buyer: 'b1',
        appeals: [`${refundId}.a1`],
        outcome: 'upheld',
        units: [],
        decidedBy: 'person',
        person: 'cat',
        explanation: { zh: '维持', en: 'it stands' },
        basis: ['S79'],
        ruledAt: at(5),
      }),
      event('VerdictBecameFinal', {
        ...account,
        disputeId: claimId,
        orderId,
        verdictId: refundId,
        refused: [],
        finalAt: at(5),
      }),
    ],
    doubted: event('VerdictOverrideProposed', {
      ...account,
      disputeId: claimId,
      verdictId: refundId,
      orderId,
      buyer: 'b1',
      units: [
        {
          unitNo: 1,
          liable: 'BUYER',
          bearer: 'none',
          remedy: 'NONE',
          refund: nothing,
          was: { liable: 'MERCHANT', bearer: 'merchant', remedy: 'FULL_REFUND', refund: price },
        },
      ],
      isFraud: false,
      explanation: { zh: '复核', en: 'a second look' },
      proposedBy: 'ann',
      proposedAt: at(5),
    }),
    refunded: [
      approved(),
      event('ClaimClosed', { claimId, orderId, outcome: 'refunded', units: [{ unitNo: 1 }], closedAt: at(4) }),
    ],
    reserved: event('FundsReserved', reservation),
    queued: event('ReservationQueued', reservation),
    handedOver: event('ReservationHandedOver', reservation),
    aside: event('ReservationQueued', { ...reservation, why: 'velocity-limit', countedOn: '2026-03-06' }),
    freed: event('ReservationFreed', {
      ...fundOf,
      refundId,
      merchant: 'm1',
      fromFund: net,
      because: 'lifted',
      by: 'ann',
      reason: 'checked',
      countedOn: '2026-03-06',
    }),
    owed: [
      event('ObligationOpened', {
        ...account,
        obligationId: refundId,
        refundId,
        caseId: claimId,
        orderId,
        amount: net,
        openedAt: at(4),
      }),
      event('HoldReassigned', { ...account, caseId: claimId, obligationId: refundId, amount: net }),
      event('HoldReleased', { ...account, for: hold, amount: fee }),
      event('CaseNoteEnded', { ...account, caseId: claimId, endedAt: at(4) }),
    ],
    requested: event('PayoutRequested', { ...payoutOf, payee, requestedAt: at(4) }),
    succeeded: event('PayoutSucceeded', { ...payoutOf, transferNo: 1, key, railTransferId: `r${n}`, succeededAt: at(5) }),
    debited: [
      event('ObligationRefundPaid', { ...account, obligationId: refundId, refundId, paidAt: at(5) }),
      event('DepositDebited', {
        ...account,
        obligationId: refundId,
        refundId,
        fromHeld: net,
        fromDeposit: nothing,
        amount: net,
        outstanding: nothing,
        debitedAt: at(5),
      }),
    ],
    reimbursed: (amount = net) =>
      event('FundReimbursed', { ...account, obligationId: refundId, refundId, amount, source: 'deposit' }),
  };
};
export type Sale = ReturnType<typeof saleOf>;

/** The refund was approved, and the fund has taken it up or not yet. */
async function approve({ append }: SampleInstallation, sale: Sale, fund: 'reserved' | 'queued' | 'aside'): Promise<void> {
  await append(sale.orderStream, ...sale.sold);
  await append(depositStream, ...sale.noted);
  await append(sale.disputeStream, ...sale.decided);
  await append(sale.orderStream, ...sale.refunded);
  await append(fundStream, sale[fund]);
}

/** Somebody holds the order's money back and wants its verdict overturned, which an appeal did not bring about, and the merchant wants his deposit. */
export async function hinder({ append }: SampleInstallation, sale: Sale): Promise<void> {
  const frozen = { orderId: sale.orderId, ...account, scope: 'order', reason: 'an odd night', frozenAt: at(5) } as const;
  await append(sale.orderStream, event('OrderFrozen', frozen));
  await append(sale.disputeStream, ...sale.appealed, sale.doubted);
  const asked = { payoutId: 'demo.m1.w1', amount: fen(1), until: at(12), requestedAt: at(5) };
  await append(depositStream, event('WithdrawalRequested', { ...account, ...asked }));
}

/** The platform itself fails for an hour, and says so. */
export async function fail({ append }: SampleInstallation, { orderId }: Sale): Promise<void> {
  const title = { zh: '激活网关中断', en: 'the activation gateway was down' };
  const period = { from: '2026-03-02T08:00:00.000Z', until: '2026-03-02T09:00:00.000Z' };
  const said = { title, system: 'gateway', ...period, orders: [{ orderId, units: [1] }], recordedBy: 'ann', recordedAt: at(5) };
  await append('incident-demo.I1', event('IncidentRecorded', { incidentId: 'demo.I1', platform, ...said }));
}

/** Its buyer goes to the hotline with his case. */
export async function complain({ append }: SampleInstallation, { orderId }: Sale): Promise<void> {
  const complaintId = 'demo.5f0c1e2d3a4b5c6d7e8f901a2b3c4d5e';
  const externalNumber = { fingerprint: 'ab'.repeat(32), masked: '****0123' };
  const units = [{ unitNo: 1, disputeId: `${orderId}.1` }];
  const told = { channel: '12315', externalNumber, content: 'person-z', units, receivedAt: at(4), answerBy: at(9) } as const;
  const received = { complaintId, ...account, orderId, buyer: 'b1', ...told, recordedBy: 'ann', recordedAt: at(5) };
  await append(`complaint-${complaintId}`, event('ComplaintReceived', received));
}

/** A line of the rail's bill that nobody here made. */
export async function differ({ append }: SampleInstallation): Promise<void> {
  const line = { lineId: 'movement-1', kind: 'fee', direction: 'out', amount: fen(8), occurredAt: at(5) } as const;
  const differenceId = 'sandbox.2026-03-05.movement-1';
  const booked = event('DifferenceBooked', { differenceId, platform, rail, day: '2026-03-05', ...line, bookedAt: at(6) });
  await append('reconciliation-sandbox.2026-03-05', booked);
}

export const queue = (to: SampleInstallation, sale: Sale): Promise<void> => approve(to, sale, 'queued');
/** The fund is short, and has asked the merchant's deposit. */
export async function handOver(to: SampleInstallation, sale: Sale): Promise<void> {
  await queue(to, sale);
  await to.append(fundStream, sale.handedOver);
}

/** The fund is limited by two people, holds a refund aside, runs low and is paused; a claim is open; another fund tells of two days. */
export async function restrict(to: SampleInstallation, sale: Sale, claimed: Sale): Promise<void> {
  const two = { proposedBy: 'ann', approvedBy: 'bob' };
  const limits = { version: 1, lowWaterMark: fen(90_000_000), dailyPerMerchant: net, reason: 'weekly review' };
  await to.append(fundStream, event('FundLimitsSet', { ...fundOf, ...limits, ...two, setAt: at(5) }));
  await approve(to, sale, 'aside');
  await to.append(claimed.orderStream, ...claimed.sold);
  const level = { available: fen(9_000_000), lowWaterMark: limits.lowWaterMark, at: at(5) };
  await to.append(
    fundStream,
    event('FundRanLow', { ...fundOf, ...level }),
    event('FundPaused', { ...fundOf, kind: 'pause', by: 'ann', reason: 'an odd night', pausedAt: at(5) }),
  );
  const other = { platform: 'other' };
  const opened = event('FundPeriodOpened', { ...other, period: '0001', available: nothing, openedAt: at(6) });
  const contributed = event('FundContributed', { ...other, contributionId: 'other.c1', amount: fen(5), rail });
  await to.eventStore.append('fund-other.CNY.0001', 'no_stream', [opened, contributed], [metadata(6), metadata(8)]);
}

/** Its buyer deceived: he owes what he was refunded, and two people do not agree yet to give it up. */
export async function deceive({ append }: SampleInstallation, { orderId, refundId }: Sale): Promise<void> {
  const owed = { debtId: refundId, ...account, buyer: 'b1', refundId, kind: 'fraud', amount: price } as const;
  await append(
    fundStream,
    event('BuyerFraudEstablished', { ...fundOf, ...account, buyer: 'b1', refundId, orderId, amount: price }),
  );
  await append(
    `buyerdebt-${refundId}`,
    event('BuyerDebtOpened', { ...owed, outstanding: price, openedAt: at(6) }),
    event('DebtWriteOffProposed', { ...owed, reason: 'gone', proposedBy: 'ann', proposedAt: at(7) }),
  );
}

/** A dead key from the sale until the fund is whole again; the rail pays `payeeAccount`. */
export async function refund(to: SampleInstallation, sale: Sale, payeeAccount: string): Promise<void> {
  const { append, sandboxRail } = to;
  await approve(to, sale, 'reserved');
  await append(depositStream, ...sale.owed);
  await append(sale.payoutStream, sale.requested, sale.submitted());
  await sandboxRail.transfer({ key: sale.key, amount: price, payee: payeeAccount, reference: sale.refundId });
  await append(sale.payoutStream, sale.succeeded);
  await append(depositStream, ...sale.debited);
  await append(fundStream, sale.reimbursed());
}
