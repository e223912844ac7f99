import type { FundControlEvent, FundEvent } from '@recourse/compensation/events';
import type { DepositEvent } from '@recourse/deposits/events';
import type { ComplaintEvent, DisputeEvent } from '@recourse/disputes/events';
import { lastMomentOf, plusHours } from '@recourse/eventing';
import type { OrderEvent } from '@recourse/orders/events';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

interface Tables {
  /** One row per clock that runs. A frozen one is stopped by a claim; one without a moment has not begun. */
  deadline: {
    stream: string;
    name: string;
    due_at: string | null;
    after_sale_ends_at: string | null;
    seven_day_ends_at: string | null;
    frozen: boolean;
  };
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);
const orderStream = (orderId: string) => `order-${orderId}`;
const disputeStream = (disputeId: string) => `dispute-${disputeId}`;
const complaintStream = (complaintId: string) => `complaint-${complaintId}`;
const authority = 'answer-to-authority';
const fundControlStream = (platform: string, asset: string) => `fundcontrol-${platform}.${asset}`;
const blank = { due_at: null, after_sale_ends_at: null, seven_day_ends_at: null, frozen: false };

/** Starts a clock, or one that has not begun yet. */
async function start(tx: ReadModelTx, stream: string, name: string, dueAt: string | null): Promise<void> {
  await of(tx)
    .insertInto('deadline')
    .values({ stream, name, ...blank, due_at: dueAt })
    .onConflict((conflict) => conflict.columns(['stream', 'name']).doUpdateSet({ due_at: dueAt }))
    .execute();
}
const change = (tx: ReadModelTx, stream: string, names: readonly string[], values: Partial<Tables['deadline']>) =>
  of(tx)
    .updateTable('deadline')
    .set(values)
    .where('stream', '=', stream)
    .where('name', 'in', [...names])
    .execute();
async function clear(tx: ReadModelTx, stream: string, names: readonly string[]): Promise<void> {
  if (names.length > 0)
    await of(tx)
      .deleteFrom('deadline')
      .where('stream', '=', stream)
      .where('name', 'in', [...names])
      .execute();
}

const deliver = (units: readonly number[]) => units.map((unit) => `deliver:${unit}`);
const release = (units: readonly number[]) => units.map((unit) => `release:${unit}`);
const freezeMark = 'frozen:';
/** K13; the event concerns the reviews that ended so long before. */
const escalationHours = 48;
/** An account has one at a time, of a withdrawal or of its closing. */
const coolingOff = 'cooling-off';
const settlement = 'settlement';
/** Of the account, since a cooling-off may end in a later period than it began in. */
const depositStream = ({ platform, merchant }: { readonly platform: string; readonly merchant: string }) =>
  `deposit-${platform}.${merchant}`;
const waits = ['verification', 'reissue', 'buyer-check', 'merchant-answer', 'evidence', 'review'] as const;
/** The next thing a unit of a case waits for replaces the one before. */
async function wait(
  tx: ReadModelTx,
  disputeId: string,
  units: readonly number[],
  name: (typeof waits)[number],
  until: string,
): Promise<void> {
  await stopWaiting(tx, disputeId, units);
  for (const unit of units) await start(tx, disputeStream(disputeId), `${name}:${unit}`, until);
}
const stopWaiting = (tx: ReadModelTx, disputeId: string, units: readonly number[]) =>
  clear(
    tx,
    disputeStream(disputeId),
    units.flatMap((unit) => waits.map((name) => `${name}:${unit}`)),
  );

/** Which clocks run, and until when? A timer only wakes the decider, which compares with its command's time. */
export const deadlines = readModel<OrderEvent | DisputeEvent | ComplaintEvent | DepositEvent | FundEvent | FundControlEvent>({
  name: 'deadlines',
  version: 1,
  tables: ['deadline'],
  create: async (tx) => {
    await sql`create table deadline (
      stream text not null, name text not null, due_at timestamptz, after_sale_ends_at timestamptz, seven_day_ends_at timestamptz,
      frozen boolean not null, primary key (stream, name))`.execute(tx);
    await sql`create index on deadline (due_at) where not frozen`.execute(tx);
  },
  on: {
    OrderPlaced: async ({ data }, tx) => {
      for (const { unitNo } of data.units) {
        await start(tx, orderStream(data.orderId), `deliver:${unitNo}`, null);
        if (data.settlement === 'ESCROW') await start(tx, orderStream(data.orderId), `release:${unitNo}`, null);
      }
    },
    PaymentCaptured: async ({ data }, tx) => {
      await of(tx)
        .updateTable('deadline')
        .set({ due_at: data.deliverBefore })
        .where('stream', '=', orderStream(data.orderId))
        .where('name', 'like', 'deliver:%')
        .execute();
    },
    OrderCancelled: async ({ data }, tx) => {
      await of(tx).deleteFrom('deadline').where('stream', '=', orderStream(data.orderId)).execute();
    },
    DeliveryOverdue: ({ data }, tx) => clear(tx, orderStream(data.orderId), deliver(data.units)),
    UnitDelivered: async ({ data }, tx) => {
      const stream = orderStream(data.orderId);
      await clear(tx, stream, deliver([data.unitNo]));
      const sevenDay = data.sevenDayEndsAt ?? null;
      await change(tx, stream, release([data.unitNo]), {
        after_sale_ends_at: data.afterSaleEndsAt,
        seven_day_ends_at: sevenDay,
        due_at: sevenDay !== null && sevenDay > data.afterSaleEndsAt ? sevenDay : data.afterSaleEndsAt,
      });
    },
    PlatformDeliveryFailed: ({ data }, tx) => clear(tx, orderStream(data.orderId), deliver([data.unitNo])),
    KeyRevealed: async ({ data }, tx) => {
      // The seven-day promise ends with the reveal; what is left is the after-sale window. K10
      await sql`update deadline set due_at = after_sale_ends_at, seven_day_ends_at = null
        where stream = ${orderStream(data.orderId)} and name = ${`release:${data.unitNo}`} and due_at is not null`.execute(tx);
    },
    // A mark of its own beside the clocks, since a claim that ends must not let a frozen one run.
    OrderFrozen: ({ data }, tx) => start(tx, orderStream(data.orderId), `${freezeMark}${data.scope}`, null),
    OrderUnfrozen: ({ data }, tx) => clear(tx, orderStream(data.orderId), [`${freezeMark}${data.scope}`]),
    EscrowReleased: ({ data }, tx) => clear(tx, orderStream(data.orderId), release([data.unitNo])),
    ClaimOpened: async ({ data }, tx) => {
      const units = data.units.map((unit) => unit.unitNo);
      await change(tx, orderStream(data.orderId), [...deliver(units), ...release(units)], { frozen: true });
    },
    ClaimClosed: async ({ data }, tx) => {
      const stream = orderStream(data.orderId);
      for (const { unitNo, afterSaleEndsAt } of data.units) {
        await change(tx, stream, [...deliver([unitNo]), ...release([unitNo])], { frozen: false });
        if (afterSaleEndsAt !== undefined) {
          await sql`update deadline set after_sale_ends_at = ${afterSaleEndsAt}, due_at = greatest(${afterSaleEndsAt}::timestamptz, seven_day_ends_at)
            where stream = ${stream} and name = ${`release:${unitNo}`}`.execute(tx);
        }
      }
    },
    RefundApproved: async ({ data }, tx) => {
      const units = data.lines.map((line) => line.unitNo);
      await clear(tx, orderStream(data.orderId), [
        ...deliver(units),
        ...release(data.lines.filter((line) => line.source === 'escrow').map((line) => line.unitNo)),
      ]);
    },
    DisputeDrafted: ({ data }, tx) => start(tx, disputeStream(data.disputeId), 'draft', data.until),
    DisputeSubmitted: ({ data }, tx) => clear(tx, disputeStream(data.disputeId), ['draft']),
    DraftLapsed: ({ data }, tx) => clear(tx, disputeStream(data.disputeId), ['draft']),
    VerificationRequested: ({ data }, tx) =>
      wait(
        tx,
        data.disputeId,
        data.units.map((unit) => unit.unitNo),
        'verification',
        data.until,
      ),
    VerificationRecorded: ({ data }, tx) =>
      stopWaiting(
        tx,
        data.disputeId,
        data.results.map((result) => result.unitNo),
      ),
    ReissueAwaited: ({ data }, tx) => wait(tx, data.disputeId, data.units, 'reissue', data.until),
    ReissueMissed: ({ data }, tx) => stopWaiting(tx, data.disputeId, data.units),
    BuyerCheckAwaited: ({ data }, tx) => wait(tx, data.disputeId, data.units, 'buyer-check', data.until),
    ReplacementRefused: ({ data }, tx) => stopWaiting(tx, data.disputeId, data.units),
    ResolvedByReissue: ({ data }, tx) => stopWaiting(tx, data.disputeId, data.units),
    MerchantAnswerAwaited: ({ data }, tx) => wait(tx, data.disputeId, data.units, 'merchant-answer', data.until),
    MerchantAnswered: async ({ data }, tx) => {
      await of(tx)
        .deleteFrom('deadline')
        .where('stream', '=', disputeStream(data.disputeId))
        .where('name', 'like', 'merchant-answer:%')
        .execute();
    },
    MerchantStayedSilent: ({ data }, tx) => stopWaiting(tx, data.disputeId, data.units),
    EvidenceAwaited: ({ data }, tx) => wait(tx, data.disputeId, data.units, 'evidence', data.until),
    EvidencePhaseEnded: ({ data }, tx) => stopWaiting(tx, data.disputeId, data.units),
    ReviewStarted: ({ data }, tx) => wait(tx, data.disputeId, data.units, 'review', data.until),
    ReviewEscalated: async ({ data }, tx) => {
      await of(tx)
        .updateTable('deadline')
        .set({ due_at: data.until })
        .where('stream', '=', disputeStream(data.disputeId))
        .where('name', 'like', 'review:%')
        .where('due_at', '=', plusHours(data.until, -escalationHours))
        .execute();
    },
    VerdictReached: async ({ data }, tx) => {
      await stopWaiting(
        tx,
        data.disputeId,
        data.units.map((unit) => unit.unitNo),
      );
      await start(tx, disputeStream(data.disputeId), `final:${data.verdictId}`, data.appealUntil);
    },
    VerdictBecameFinal: ({ data }, tx) => clear(tx, disputeStream(data.disputeId), [`final:${data.verdictId}`]),
    DisputeWithdrawn: async ({ data }, tx) => {
      await of(tx).deleteFrom('deadline').where('stream', '=', disputeStream(data.disputeId)).execute();
    },
    ComplaintReceived: ({ data }, tx) => start(tx, complaintStream(data.complaintId), authority, data.answerBy),
    ComplaintAnswered: ({ data }, tx) => clear(tx, complaintStream(data.complaintId), [authority]),
    ComplaintBecameOverdue: ({ data }, tx) => clear(tx, complaintStream(data.complaintId), [authority]),
    ComplaintClosed: ({ data }, tx) => clear(tx, complaintStream(data.complaintId), [authority]),
    // Whoever is held aside by a daily limit waits for the next day, and if that does not let him go, for the one after.
    ReservationQueued: async ({ data }, tx) => {
      if (data.why !== 'velocity-limit' || data.countedOn === undefined) return;
      const stream = fundControlStream(data.platform, data.fromFund.asset);
      await start(tx, stream, `aside:${data.refundId}`, lastMomentOf(data.countedOn));
    },
    ReservationFreed: ({ data }, tx) => clear(tx, fundControlStream(data.platform, data.asset), [`aside:${data.refundId}`]),
    ReservationWithdrawn: ({ data }, tx) => clear(tx, fundControlStream(data.platform, data.asset), [`aside:${data.refundId}`]),
    FundDayBegan: async ({ data }, tx) => {
      await of(tx)
        .updateTable('deadline')
        .set({ due_at: lastMomentOf(data.day) })
        .where('stream', '=', fundControlStream(data.platform, data.asset))
        .where('due_at', '<', lastMomentOf(data.day))
        .execute();
    },
    WithdrawalRequested: ({ data }, tx) => start(tx, depositStream(data), coolingOff, data.until),
    ClosingRequested: ({ data }, tx) => start(tx, depositStream(data), coolingOff, data.until),
    WithdrawalCancelled: ({ data }, tx) => clear(tx, depositStream(data), [coolingOff]),
    CoolingOffEnded: ({ data }, tx) => clear(tx, depositStream(data), [coolingOff]),
    WithdrawalDrawn: ({ data }, tx) => clear(tx, depositStream(data), [coolingOff]),
    AccountClosed: ({ data }, tx) => clear(tx, depositStream(data), [coolingOff, settlement]),
    SettlementScheduled: ({ data }, tx) => start(tx, depositStream(data), settlement, data.due),
    SettlementSkipped: ({ data }, tx) => clear(tx, depositStream(data), [settlement]),
    SettlementDrawn: ({ data }, tx) =>
      data.due === undefined ? Promise.resolve() : clear(tx, depositStream(data), [settlement]),
  },
});

const running = (db: Kysely<NoTables>) =>
  of(db)
    .withSchema(liveSchema)
    .selectFrom('deadline')
    .where('frozen', '=', false)
    .where('due_at', 'is not', null)
    .where(
      sql<boolean>`not (name like 'release:%' and exists (select 1 from read.deadline mark
        where mark.stream = deadline.stream and mark.name like ${`${freezeMark}%`}))`,
    );

/** Streams with a deadline before `now`: exactly at it is still inside. At most `limit`, oldest first. */
export async function dueStreams(db: Kysely<NoTables>, now: string, limit: number): Promise<string[]> {
  const rows = await running(db)
    .select((eb) => ['stream', eb.fn.min('due_at').as('due_at')])
    .where('due_at', '<', now)
    .groupBy('stream')
    .orderBy('due_at')
    .limit(limit)
    .execute();
  return rows.map((row) => row.stream);
}

/** The earliest deadline at or after `now`, or undefined. */
export async function nextDeadline(db: Kysely<NoTables>, now: string): Promise<string | undefined> {
  const row = await running(db)
    .select((eb) => eb.fn.min('due_at').as('due_at'))
    .where('due_at', '>=', now)
    .executeTakeFirst();
  return row?.due_at ?? undefined;
}
