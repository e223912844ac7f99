import type { PayoutEvent } from '@recourse/compensation/events';
import { categoryOf, type DataOf, type Recorded } from '@recourse/eventing';
import { parseAccount, postingsOf, type AccountKind, type DomainEvent, type Posting } from '@recourse/ledger';
import { allocate, money } from '@recourse/money';
import { sql, type Kysely } from 'kysely';
import { readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

/** Whose money goes out: of the order's escrow, the fund, the merchant's deposit, the platform's fees, or what was paid too much. K5 */
export const refundSources = ['escrow', 'fund', 'deposit', 'fees', 'surplus'] as const;
export type RefundSource = (typeof refundSources)[number];
/**
 * Who finally pays: as approved, until an overturned verdict leaves to the platform what it forgives and what it compensates;
 * nobody for a surplus. K1
 */
export const refundBearers = ['merchant', 'platform', 'none'] as const;
export type RefundBearer = (typeof refundBearers)[number];
/** `owed` is what the merchant owes for it at that moment: it rises and falls. */
type Measure = 'approved' | 'funded' | 'paid' | 'recovered' | 'owed' | 'compensated';

interface RefundEventRow {
  position: bigint;
  refund_id: string;
  stream: string;
  event_type: string;
  at: string;
}
interface RefundMovementRow {
  position: bigint;
  line: number;
  refund_id: string;
  /** 0 where the approval that would name the unit is not in this history. */
  unit_no: number;
  source: RefundSource;
  bearer: RefundBearer;
  liable: string;
  measure: Measure;
  amount: bigint;
}
export interface RefundAuditTables {
  refund_event: RefundEventRow;
  refund_movement: RefundMovementRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<RefundAuditTables>(db);

type Movement = Pick<RefundMovementRow, 'unit_no' | 'source' | 'bearer' | 'liable' | 'measure' | 'amount'>;
/** One unit's money of one source that one party bears: the least that a filter can tell apart. */
type Part = Pick<RefundMovementRow, 'unit_no' | 'source' | 'bearer' | 'liable'> &
  Record<'approved' | 'funded' | 'paid' | 'owed', bigint>;

/** Which refund is an event about? A payout's id is its refund's; so are a verdict's and an obligation's. */
function refundOf({ type, data }: DomainEvent): string | undefined {
  if (type === 'AppealLodged' || type === 'AppealWithdrawn' || type === 'AppealRuled') return data.verdictId;
  if (type === 'VerdictReached') return data.units.some(({ refund }) => refund.minor > 0n) ? data.verdictId : undefined;
  if (type === 'DepositHeld' || type === 'HoldReleased')
    return data.for.kind === 'obligation' ? data.for.obligationId : undefined;
  if ('purpose' in data) return data.purpose.kind === 'refund' ? data.purpose.refundId : undefined;
  if ('refundId' in data) return data.refundId;
  if ('obligationId' in data) return data.obligationId;
  return 'payoutId' in data ? data.payoutId : undefined;
}

type RefundNaming = Extract<DomainEvent, { readonly data: { readonly refundId: string } }> | PayoutEvent;
type OfAppeal = 'AppealLodged' | 'AppealWithdrawn' | 'AppealRuled';
type Followed = RefundNaming['type'] | OfAppeal | 'VerdictReached' | 'HoldReassigned' | 'DepositHeld' | 'HoldReleased';

/** Every event type that is about a refund; one that names a refund and is missing here does not compile. */
const followed: Readonly<Record<Followed, true>> = {
  VerdictReached: true,
  AppealLodged: true,
  AppealWithdrawn: true,
  AppealRuled: true,
  SurplusCaptured: true,
  RefundApproved: true,
  RefundFundedFromEscrow: true,
  RefundRevoked: true,
  RefundOverturned: true,
  RefundShutOut: true,
  ReservationQueued: true,
  ReservationFreed: true,
  ReservationHandedOver: true,
  ReservationTakenOver: true,
  ReservationHandedBack: true,
  HandOverEnded: true,
  HandOverRevoked: true,
  ReservationWithdrawn: true,
  RefundFundedFromDeposit: true,
  HandOverDeclined: true,
  DepositFundingPaid: true,
  DepositFundingRevoked: true,
  FundHoldLiftOrdered: true,
  FundsReserved: true,
  ReservationRevoked: true,
  FundReimbursed: true,
  CompensationQueued: true,
  MerchantCompensated: true,
  RefundReturned: true,
  ObligationOpened: true,
  ObligationRefundPaid: true,
  HoldReassigned: true,
  DepositHeld: true,
  HoldReleased: true,
  DepositDebited: true,
  PayableDebited: true,
  WriteOffProposed: true,
  RecourseWrittenOff: true,
  RecourseReinstated: true,
  ObligationRevoked: true,
  RecourseForgiven: true,
  CompensationClaimed: true,
  CompensationCredited: true,
  PayoutRequested: true,
  TransferSubmitted: true,
  TransferProcessing: true,
  TransferOutcomeUnknown: true,
  TransferBlocked: true,
  TransferFailed: true,
  PayoutUnclaimed: true,
  PayoutDestinationChanged: true,
  PayoutSucceeded: true,
  PayoutApprovalProposed: true,
  PayoutApproved: true,
  PayoutHeld: true,
  PayoutReversed: true,
  PayoutCancelRequested: true,
  PayoutCancelled: true,
  PayoutCancelRefused: true,
  PayoutReturned: true,
  RefundedOutside: true,
  OutsideRefundRefused: true,
  DifferenceAssigned: true,
  DifferenceReleased: true,
  GatewayFeeCharged: true,
  BuyerFraudEstablished: true,
  BuyerDebtOpened: true,
  BuyerDebtRepaid: true,
  BuyerDebtReturned: true,
  DebtWriteOffProposed: true,
  DebtWriteOffApproved: true,
  FraudRepaid: true,
  DoublePaymentRepaid: true,
  BuyerDebtWrittenOff: true,
};

async function follow(event: Recorded<DomainEvent>, tx: ReadModelTx): Promise<void> {
  const refundId = refundOf(event);
  // A settlement's payout has an id too, and a verdict that refused; only refunds were heard of before.
  if (refundId === undefined || (isPerhapsOfRefund(event) && !(await isKnown(tx, refundId)))) return;
  const { position, stream, type } = event;
  await of(tx)
    .insertInto('refund_event')
    .values({ position, refund_id: refundId, stream, event_type: type, at: event.metadata.effectiveAt })
    .execute();
  const movements = await movementsOf(event, refundId, tx);
  if (movements.length === 0) return;
  await of(tx)
    .insertInto('refund_movement')
    .values(movements.map((movement, line) => ({ position, line, refund_id: refundId, ...movement })))
    .execute();
}

const ofAppeals: ReadonlySet<DomainEvent['type']> = new Set<OfAppeal>(['AppealLodged', 'AppealWithdrawn', 'AppealRuled']);
const isPerhapsOfRefund = ({ type, data }: DomainEvent): boolean =>
  ofAppeals.has(type) || ('payoutId' in data && !('purpose' in data) && !('refundId' in data));

async function isKnown(tx: ReadModelTx, refundId: string): Promise<boolean> {
  const found = await of(tx).selectFrom('refund_event').select('position').where('refund_id', '=', refundId).limit(1).execute();
  return found.length > 0;
}

async function movementsOf(event: Recorded<DomainEvent>, refundId: string, tx: ReadModelTx): Promise<readonly Movement[]> {
  if (event.type === 'RefundApproved') return approved(event.data);
  const back = event.type === 'RefundRevoked' ? await revoked(refundId, tx) : [];
  return [...back, ...(await posted(event, refundId, tx))];
}

/** Whatever its parts have become, none of it is approved any more. */
const revoked = async (refundId: string, tx: ReadModelTx): Promise<readonly Movement[]> =>
  (await partsOf(tx, refundId))
    .filter((part) => part.approved !== 0n)
    .map(({ unit_no, source, bearer, liable, approved: amount }) => ({
      unit_no,
      source,
      bearer,
      liable,
      measure: 'approved',
      amount: -amount,
    }));

function approved({ lines }: DataOf<DomainEvent, 'RefundApproved'>): readonly Movement[] {
  return lines
    .flatMap(({ unitNo, liable, fromEscrow, fromFund, fromFees, merchantShare }): Movement[] => {
      const part = (source: RefundSource, bearer: RefundBearer, amount: bigint): Movement => ({
        unit_no: unitNo,
        source,
        bearer,
        liable,
        measure: 'approved',
        amount,
      });
      return [
        part('escrow', 'merchant', fromEscrow.minor),
        part('fund', 'merchant', merchantShare.minor),
        part('fund', 'platform', fromFund.minor - merchantShare.minor),
        part('fees', 'platform', fromFees.minor),
      ];
    })
    .filter(({ amount }) => amount !== 0n);
}

/** What the event's postings mean for the parts of the refund; the accounts say it, so that a new event needs no line here. */
async function posted(event: Recorded<DomainEvent>, refundId: string, tx: ReadModelTx): Promise<readonly Movement[]> {
  const effects = postingsOf(event).flatMap((posting) => effectsOf(posting, event));
  if (effects.length === 0) return [];
  const parts = await partsOf(tx, refundId);
  return effects.flatMap((effect) => spread(effect, parts));
}

interface Effect {
  readonly measure: Measure;
  readonly amount: bigint;
  readonly asset: string;
  /** Which parts it is about. */
  readonly of: (part: Part) => boolean;
  /** In proportion to what is left of them, so that the last fen closes every one of them exactly. */
  readonly by: (part: Part) => bigint;
  /** The source it is told under, if not the part's own. */
  readonly as?: RefundSource;
  /** The bearer it is told under, if not the part's own. */
  readonly borneBy?: RefundBearer;
  /** Where it goes when no such part is known. */
  readonly source: RefundSource;
  readonly bearer: RefundBearer;
}

const fundedFrom: Readonly<Partial<Record<AccountKind, RefundSource>>> = {
  escrow: 'escrow',
  available: 'fund',
  fees: 'fees',
  deposit: 'deposit',
  held: 'deposit',
};
const merchantMoney: ReadonlySet<AccountKind> = new Set(['deposit', 'held', 'payable']);
const isRecourse = ({ source, bearer }: Part): boolean => source === 'fund' && bearer === 'merchant';
const every = (): boolean => true;

function effectsOf({ debit, credit, amount: { asset, minor } }: Posting, { type, stream }: Recorded<DomainEvent>): Effect[] {
  const [from, to] = [parseAccount(debit).kind, parseAccount(credit).kind];
  const funding = (source: RefundSource, amount: bigint): Effect => ({
    measure: 'funded',
    amount,
    asset,
    of: (part) => part.source === source,
    by: (part) => (amount > 0n ? part.approved - part.funded : part.funded),
    source,
    bearer: source === 'fees' ? 'platform' : 'merchant',
  });
  const paying = (amount: bigint): Effect => ({
    measure: 'paid',
    amount,
    asset,
    of: every,
    by: (part) => (amount > 0n ? part.approved - part.paid : part.paid),
    source: 'fund',
    bearer: 'platform',
  });
  const owing = (measure: Measure, amount: bigint, by: Effect['by']): Effect => ({
    measure,
    amount,
    asset,
    of: isRecourse,
    by,
    source: 'fund',
    bearer: 'merchant',
  });
  if (to === 'refund') {
    // Paid too much by the buyer: his own money, which nobody bears. From the payout's stream it is a transfer that came back.
    if (from === 'gateway' && categoryOf(stream) === 'order') {
      const own = { asset, amount: minor, of: () => false, by: () => 0n, source: 'surplus', bearer: 'none' } as const;
      return [
        { ...own, measure: 'approved' },
        { ...own, measure: 'funded' },
      ];
    }
    if (from === 'gateway') return [paying(-minor)];
    const source = fundedFrom[from];
    if (source === 'deposit') return handedOver(funding('deposit', minor));
    return source === undefined ? [] : [funding(source, minor)];
  }
  if (from === 'refund') {
    if (to === 'gateway') return [paying(minor)];
    const source = fundedFrom[to];
    if (source === undefined) return [];
    // The whole refund goes to the fund, whoever funded which part of it.
    return [type === 'RefundReturned' ? { ...funding(source, -minor), of: every, as: source } : funding(source, -minor)];
  }
  if (from === 'recourse' && to === 'advanced') return [owing('owed', minor, ({ approved: share }) => share)];
  if (to === 'recourse') {
    const less = owing('owed', -minor, ({ owed }) => owed);
    if (type === 'RecourseForgiven') return [...leftToPlatform(owing('owed', minor, ({ owed }) => owed)), less];
    return merchantMoney.has(from) ? [owing('recovered', minor, ({ owed }) => owed), less] : [less];
  }
  if (from !== 'available' || to !== 'settling') return [];
  // Recovered from him, taken out of his deposit, or kept from his escrow: of everything that was his to bear.
  const lost = {
    ...owing('compensated', minor, ({ approved: share }) => share),
    of: ({ bearer }: Part) => bearer === 'merchant',
  };
  return [{ ...lost, borneBy: 'platform' }];
}

/** The fund's part of the merchant became a part of his deposit: approved and funded there, and no longer approved here. */
function handedOver(funded: Effect): Effect[] {
  const share = { ...funded, of: isRecourse, by: ({ approved: whole }: Part) => whole } as const;
  return [
    { ...share, measure: 'approved', as: 'deposit' },
    { ...share, as: 'deposit' },
    { ...share, measure: 'approved', amount: -funded.amount, source: 'fund' },
  ];
}

/** What the merchant still owed was approved, funded and paid as his share, and is the platform's now. */
const leftToPlatform = (share: Effect): Effect[] =>
  (['approved', 'funded', 'paid'] as const).flatMap((measure): Effect[] => [
    { ...share, measure, amount: -share.amount },
    { ...share, measure, borneBy: 'platform' },
  ]);

/** In minor units, exactly: the parts sum to the amount. */
function spread(effect: Effect, parts: readonly Part[]): Movement[] {
  const { measure, amount, asset, source, bearer, as, borneBy } = effect;
  const meant = parts.filter(effect.of);
  const left = meant.map((part) => atLeastZero(effect.by(part)));
  const weights = left.some(isSome) ? left : meant.map((part) => atLeastZero(part.approved));
  if (!weights.some(isSome)) return [{ unit_no: 0, source, bearer: borneBy ?? bearer, liable: 'UNPROVEN', measure, amount }];
  return allocate(money(amount, asset), weights).flatMap(({ minor }, index) => {
    const part = meant[index];
    if (part === undefined || minor === 0n) return [];
    const isOwn = as === undefined && borneBy === undefined;
    if (isOwn && measure !== 'recovered' && measure !== 'compensated') part[measure] += minor;
    const { unit_no, liable } = part;
    return [{ unit_no, source: as ?? part.source, bearer: borneBy ?? part.bearer, liable, measure, amount: minor }];
  });
}

const isSome = (amount: bigint): boolean => amount > 0n;
const atLeastZero = (amount: bigint): bigint => (amount > 0n ? amount : 0n);

async function partsOf(tx: ReadModelTx, refundId: string): Promise<Part[]> {
  const measured = (measure: Measure) => sql`coalesce(sum(amount) filter (where measure = ${measure}), 0)::bigint`;
  const { rows } = await sql<Part>`select unit_no, source, bearer, liable, ${measured('approved')} as approved,
    ${measured('funded')} as funded, ${measured('paid')} as paid, ${measured('owed')} as owed
    from refund_movement where refund_id = ${refundId}
    group by unit_no, source, bearer, liable order by unit_no, source, bearer, liable`.execute(tx);
  return rows;
}

/** What did each event do to a refund, unit by unit, source by source? A total is a sum of these, so it leads to its events. */
export const refundAudit = readModel<DomainEvent>({
  name: 'refund-audit',
  version: 1,
  tables: ['refund_event', 'refund_movement'],
  create: async (tx) => {
    await sql`create table refund_event (
      position bigint primary key, refund_id text not null, stream text not null, event_type text not null, at timestamptz not null)`.execute(
      tx,
    );
    await sql`create index on refund_event (refund_id, position)`.execute(tx);
    await sql`create table refund_movement (
      position bigint not null, line integer not null, refund_id text not null, unit_no integer not null, source text not null,
      bearer text not null, liable text not null, measure text not null, amount bigint not null, primary key (position, line))`.execute(
      tx,
    );
    await sql`create index on refund_movement (refund_id)`.execute(tx);
  },
  on: Object.fromEntries(Object.keys(followed).map((type) => [type, follow])),
});
