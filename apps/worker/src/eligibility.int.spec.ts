import { randomUUID } from 'node:crypto';
import { dispute, eligibilityOf, policyHash, PolicyProspects, type PolicyTable } from '@recourse/disputes';
import {
  caseAfter,
  type CaseHistory,
  type DisputeEvent,
  standingsIn,
  termsOf,
  type UnitSnapshot,
  type UnitStanding,
} from '@recourse/disputes/events';
import { categoryOf, idOf, type Instant, instantOf, epochMsOf, isAfter, plusMs, type Recorded } from '@recourse/eventing';
import type { DomainEvent } from '@recourse/ledger';
import { order, type Order } from '@recourse/orders';
import type { OrderEvent } from '@recourse/orders/events';
import {
  connect,
  createDatabase,
  type Database,
  dropDatabase,
  eligibility,
  inSchema,
  type KnownUpTo,
  knownUnits,
  liveSchema,
  migrate,
  policiesOf,
  readModelMigrations,
  type UnitOfOrder,
} from '@recourse/postgres';
import fc from 'fast-check';
import { sql } from 'kysely';
import { acts, Town } from './world-acts.js';
import type { Dice } from './world-rail.js';
import { comeToRest } from './world-rest.js';

const name = `eligibility_${randomUUID()}`;
let database: Database;
beforeAll(async () => {
  database = connect(await createDatabase(process.env['TEST_POSTGRES_URL'] ?? '', name));
  await migrate(database.db, [readModelMigrations]);
});
afterAll(async () => {
  await database.close();
  await dropDatabase(process.env['TEST_POSTGRES_URL'] ?? '', name);
});

/** Mulberry32. */
function diceOf(seed: number): Dice {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}
const weighted = Object.entries(acts).flatMap(([act, [weight]]) => Array.from({ length: weight }, () => act));
const steps = fc.noBias(
  fc.array(fc.tuple(fc.constantFrom(...weighted), fc.nat(2 ** 31 - 1)), { minLength: 60, maxLength: 160, size: 'max' }),
);

async function lived(life: readonly (readonly [string, number])[]): Promise<readonly Recorded<DomainEvent>[]> {
  const town = new Town();
  for (const [act, seed] of life) await acts[act]![1](town, diceOf(seed));
  await comeToRest(town);
  return town.world.log;
}

/** Event by event, as the runner does it, with the tables of one world at a time. */
async function project(log: readonly Recorded<DomainEvent>[]): Promise<void> {
  await database.db.transaction().execute(async (tx) => {
    await inSchema(tx, liveSchema);
    for (const table of eligibility.tables) await sql`truncate ${sql.id(liveSchema, table)}`.execute(tx);
    for (const event of log) await eligibility.on[event.type]?.(event, tx);
  });
}

/** The unit as the deciders themselves know it after these events. */
function folded(log: readonly Recorded<DomainEvent>[], { orderId, unitNo }: UnitOfOrder): UnitSnapshot | undefined {
  const events = log.filter(({ stream }) => stream === `order-${orderId}`) as unknown as readonly OrderEvent[];
  const [placed] = events;
  if (placed?.type !== 'OrderPlaced') return undefined;
  const state = events.reduce<Order>(order.evolve, order.initial);
  if (state.status === 'none') throw new Error('an order that was placed is there');
  const unit = state.units.get(unitNo);
  const terms = termsOf(placed.data).find((one) => one.unitNo === unitNo);
  if (unit === undefined || terms === undefined) return undefined;
  const paid = state.status === 'paid' ? state : state.status === 'cancelled' ? state.paid : undefined;
  const { escrow, refunded, confirmed, draftUsed, platformFailure, delivered, claim } = unit;
  const { deliveredAt, afterSaleEndsAt, sevenDayEndsAt } = delivered ?? {};
  const revealedAt = delivered?.delivery.kind === 'top-up' ? deliveredAt : delivered?.revealedAt;
  const all = {
    ...{ escrow, refunded, confirmed, draftUsed, platformFailure, deliveredAt, afterSaleEndsAt, sevenDayEndsAt, revealedAt },
    order: state.status,
    freezes: [...state.freezes],
    deliverBefore: paid?.deliverBefore,
    claim: claim === undefined ? undefined : { claimId: claim.claimId, stoppedAt: claim.clockStoppedAt },
  };
  const standing = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as unknown as UnitStanding;
  const cases = new Map<string, CaseHistory>();
  let latest: UnitSnapshot['latest'];
  for (const event of log) {
    if (categoryOf(event.stream) !== dispute.category || !idOf(event.stream).startsWith(`${orderId}.`)) continue;
    const history = caseAfter(cases.get(event.stream), event as unknown as DisputeEvent);
    cases.set(event.stream, history);
    const now = standingsIn(history).get(unitNo);
    // An older case may still change when a newer one is there.
    if (now !== undefined && numberOf(now.disputeId) >= numberOf(latest?.disputeId ?? '0')) latest = now;
  }
  return { terms, standing, ...(latest === undefined ? {} : { latest }) };
}

const numberOf = (disputeId: string): number => Number(disputeId.slice(disputeId.lastIndexOf('.') + 1));

const unitsIn = (log: readonly Recorded<DomainEvent>[]): readonly UnitOfOrder[] =>
  log.flatMap((event) =>
    event.type === 'OrderPlaced' ? termsOf(event.data).map(({ orderId, unitNo }) => ({ orderId, unitNo })) : [],
  );

const pick = <Item>(items: readonly Item[], dice: Dice): Item => items[dice(items.length)]!;

describe('what is known of a unit', () => {
  it('as of any moment and any position is the fold of the events up to it, whatever happened', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(2 ** 31 - 1), async (life, seed) => {
        const log = await lived(life);
        const units = unitsIn(log);
        fc.pre(units.length > 0);
        await project(log);
        const dice = diceOf(seed);
        const tables = tablesOf(log);
        const kept = await policiesOf(database.db, [...tables.keys()]);
        expect([...kept].map(([hash, table]) => [hash, policyHash(table)])).toEqual(
          [...tables.keys()].map((hash) => [hash, hash]),
        );
        const [first, last] = [epochMsOf(log[0]!.metadata.recordedAt), epochMsOf(log.at(-1)!.metadata.recordedAt)];
        for (let look = 0; look < 6; look += 1) {
          const near = pick(log, dice);
          // At an event, a millisecond before it, or any time.
          const at = pick(
            [near.metadata.recordedAt, plusMs(near.metadata.recordedAt, -1), instantOf(first + dice(last - first + 1))],
            dice,
          );
          const upTo: KnownUpTo = dice(2) === 0 ? { at } : { position: near.position };
          const known = log.filter(({ position, metadata }) =>
            'at' in upTo ? metadata.recordedAt <= at : position <= upTo.position,
          );
          const found = await knownUnits(database.db, units, upTo);
          for (const [i, unit] of units.entries()) {
            const expected = folded(known, unit);
            expect(found[i]?.snapshot).toEqual(expected);
            if (expected === undefined) continue;
            const table = tables.get(expected.terms.policy.hash)!;
            const moment = 'at' in upTo ? at : found[i]!.since;
            expect(eligibilityOf(found[i]!.snapshot, table, moment)).toEqual(eligibilityOf(expected, table, moment));
          }
        }
      }),
      { numRuns: 12, interruptAfterTimeLimit: 50_000 },
    );
  }, 110_000);

  it('gives an answer that time alone changes a millisecond after it says, and not before', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(2 ** 31 - 1), async (life, seed) => {
        const log = await lived(life);
        const dice = diceOf(seed);
        const tables = tablesOf(log);
        for (const unit of unitsIn(log).slice(0, 6)) {
          const snapshot = folded(log.slice(0, 1 + dice(log.length)), unit);
          if (snapshot === undefined) continue;
          const table = tables.get(snapshot.terms.policy.hash)!;
          let at: Instant = instantOf(epochMsOf(snapshot.terms.payBefore) - 1_800_000 + dice(10 * 86_400_000));
          // From one change to the next, to the last.
          for (let changes = 0; ; changes += 1) {
            expect(changes).toBeLessThan(20);
            const said = (answer: ReturnType<typeof eligibilityOf>) => ({ ...answer, at: undefined, validUntil: undefined });
            const now = eligibilityOf(snapshot, table, at);
            const { validUntil } = now;
            const later = plusMs(at, dice(40 * 86_400_000));
            if (validUntil === undefined || !isAfter(later, validUntil))
              expect(said(eligibilityOf(snapshot, table, later))).toEqual(said(now));
            if (validUntil === undefined) break;
            expect(isAfter(at, validUntil)).toBe(false);
            expect(said(eligibilityOf(snapshot, table, validUntil))).toEqual(said(now));
            const next = plusMs(validUntil, 1);
            expect(said(eligibilityOf(snapshot, table, next))).not.toEqual(said(now));
            at = next;
          }
        }
      }),
      { numRuns: 25, interruptAfterTimeLimit: 30_000 },
    );
  }, 60_000);
});

function tablesOf(log: readonly Recorded<DomainEvent>[]): ReadonlyMap<string, PolicyProspects> {
  const tables: PolicyTable[] = log.flatMap((event) => (event.type === 'PolicyPublished' ? [event.data.table] : []));
  return new Map(tables.map((table) => [policyHash(table), new PolicyProspects(table)]));
}
