import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { DisputeCommand } from '@recourse/disputes/events';
import { instantOf, type Actor, type Recorded } from '@recourse/eventing';
import { openAggregateStore, openEventStore, projectionsAt, type AggregateStore, type EventStore } from '@recourse/eventstore';
import type { DomainEvent } from '@recourse/ledger';
import { catalogue, deciders } from '@recourse/nest';
import { connect, liveSchema, readModels, type Database } from '@recourse/postgres';
import { sql } from 'kysely';
import type { Round } from './report.js';
import { durationMs, Journeys, type Journey, type RefundKind } from './journey.js';
import { atOnce, benchPlatform } from './market.js';
import type { Installation } from '../installation.js';

/** One round of refunds, and the events they consist of. */
export interface Measured extends Round {
  readonly journeys: readonly Journey[];
  readonly events: readonly Recorded<DomainEvent>[];
}

/** Looking costs time that the refunds need, so a crowd, which takes longer, is looked at less often. */
const pollAloneMs = 5;
const pollCrowdMs = 20;
const roundTimeoutMs = 120_000;
const settleTimeoutMs = 60_000;
const arbitrator: Actor = { subject: 'arbitrator-a1', role: 'arbitrator', party: 'a1', platform: benchPlatform };

/** Watches a running installation from beside: it gives verdicts and looks at the log and at the read models' checkpoints. */
export class BenchSubject {
  readonly #eventStore: EventStore;
  readonly #aggregates: AggregateStore;
  readonly #database: Database;

  constructor(installation: Installation) {
    const log = () => undefined;
    this.#eventStore = openEventStore({ connectionString: installation.eventStoreUrl, catalogue, log });
    this.#aggregates = openAggregateStore({ eventStore: this.#eventStore, log });
    this.#database = connect(installation.databaseUrl, { applicationName: 'recourse-bench', maxConnections: 2 });
  }

  /** Until every reader has handled all there is and nothing new has come of it. @throws Error after 60 s */
  async settled(): Promise<void> {
    const giveUpAt = performance.now() + settleTimeoutMs;
    for (;;) {
      const head = await this.#eventStore.lastPosition();
      if ((await this.readersAt()) >= head && (await this.#eventStore.lastPosition()) === head) return;
      if (performance.now() > giveUpAt) throw new Error(`the installation is not still within ${settleTimeoutMs} ms`);
      await delay(pollCrowdMs);
    }
  }

  /**
   * Decides these disputes, so many at once, and follows each refund from its verdict until the read models show the last of it.
   * Moments are the `recordedAt` of events: of a command, when it was decided, so its append counts for the stage behind it and
   * the verdict's own append counts too. The end is the first look, every 5 ms one by one and every 20 ms at once, at which the
   * checkpoints of all projections, which are moved in the transaction that shows an event, have passed the refund's last
   * event. Per second counts all refunds from the first verdict until the projections show the head of the log.
   * @throws Error when the refunds have not all ended within 120 s, or the read models do not show them as paid and recovered
   */
  async refunds(kind: RefundKind, disputeIds: readonly string[], verdictsAtOnce: number): Promise<Measured> {
    const refundIds = disputeIds.map((id) => `${id}.v1`);
    const journeys = new Journeys(kind, refundIds);
    const events: Recorded<DomainEvent>[] = [];
    let position = await this.#eventStore.lastPosition();
    const tail = this.#eventStore.subscribe({
      name: 'bench',
      after: () => Promise.resolve(position),
      handle: (batch) => {
        for (const event of batch.events as readonly Recorded<DomainEvent>[]) {
          journeys.take(event);
          events.push(event);
        }
        position = batch.upTo;
        return Promise.resolve();
      },
    });
    try {
      const isAlone = verdictsAtOnce === 1;
      const deciding = isAlone
        ? this.oneByOne(disputeIds, journeys)
        : atOnce(disputeIds, verdictsAtOnce, (disputeId) => this.decide(disputeId));
      const endedAtMs = await this.watch(journeys, deciding, isAlone ? pollAloneMs : pollCrowdMs);
      await this.checkShown(kind, refundIds);
      const all = [...journeys.all.values()];
      const firstMs = Math.min(...all.map(({ atMs }) => atMs.get('verdict') ?? Infinity));
      return {
        perSecond: (all.length * 1_000) / (endedAtMs - firstMs),
        latenciesMs: all.map(durationMs),
        journeys: all,
        events,
      };
    } finally {
      await tail.stop();
    }
  }

  async close(): Promise<void> {
    await this.#eventStore.close();
    await this.#database.close();
  }

  /** The next verdict falls when the refund before it is shown. */
  private async oneByOne(disputeIds: readonly string[], journeys: Journeys): Promise<void> {
    for (const disputeId of disputeIds) {
      await this.decide(disputeId);
      const giveUpAt = performance.now() + roundTimeoutMs;
      while (journeys.all.get(`${disputeId}.v1`)?.atMs.has('read models') !== true && performance.now() < giveUpAt)
        await delay(pollAloneMs);
    }
  }

  /** @returns when the read models showed the head of the log, all refunds being over */
  private async watch(journeys: Journeys, deciding: Promise<unknown>, pollMs: number): Promise<number> {
    const count = journeys.all.size;
    let failure: unknown;
    deciding.catch((error: unknown) => (failure = error ?? new Error('the verdicts failed')));
    const giveUpAt = performance.now() + roundTimeoutMs;
    let head: bigint | undefined;
    for (;;) {
      const shown = await projectionsAt(this.#database, readModels);
      const atMs = Date.now();
      journeys.shown(shown, atMs);
      if (journeys.ended === count) head ??= await this.#eventStore.lastPosition();
      const areShown = [...journeys.all.values()].every((journey) => journey.atMs.has('read models'));
      if (head !== undefined && shown >= head && areShown) return atMs;
      if (failure !== undefined) throw failure as Error;
      if (performance.now() > giveUpAt)
        throw new Error(`${journeys.ended} of ${count} refunds ended within ${roundTimeoutMs} ms`);
      await delay(pollMs);
    }
  }

  private async decide(disputeId: string): Promise<void> {
    const decider = deciders.find(({ category }) => category === 'dispute');
    if (decider === undefined) throw new Error('there is no decider of disputes');
    const command: DisputeCommand = {
      type: 'DecideDispute',
      person: arbitrator.subject,
      units: [{ unitNo: 1, liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' }],
      explanation: { zh: '卡密无效，由商家承担。', en: 'The key is dead; the merchant bears it.' },
    };
    const commandId = randomUUID();
    const at = instantOf(Date.now());
    const executed = await this.#aggregates.execute(decider, disputeId, command, {
      commandId,
      correlationId: commandId,
      actor: arbitrator,
      at,
    });
    if (executed.outcome === 'rejected') throw new Error(`${disputeId} was not decided: ${executed.rejection.detail}`);
  }

  /** Of all readers that this installation has. */
  private async readersAt(): Promise<bigint> {
    const { rows } = await sql<{ position: bigint }>`select min(position) as position from recourse.checkpoint`.execute(
      this.#database.db,
    );
    return rows[0]?.position ?? 0n;
  }

  private async checkShown(kind: RefundKind, refundIds: readonly string[]): Promise<void> {
    const { rows } = await sql<{ count: bigint }>`
      select count(*) as count from ${sql.table(`${liveSchema}.refund`)}
      where refund_id = any(${refundIds}::text[]) and status = 'paid' and outstanding = 0 and recovered = merchant_share
        and (from_fund > 0) = ${kind === 'fund'}`.execute(this.#database.db);
    if (rows[0]?.count !== BigInt(refundIds.length))
      throw new Error(`the read models show ${rows[0]?.count ?? 0n} of ${refundIds.length} refunds as paid and recovered`);
  }
}
