import { payout, reconciliation } from '@recourse/compensation';
import { type CommandContext, systemActor } from '@recourse/eventing';
import { openAggregateStore, openEventStore, waitUntil, type Executed, type Log } from '@recourse/eventstore';
import { format, money } from '@recourse/money';
import { catalogue, defaultRailReceiver, reconcilePage, uuidOf, type PageReport } from '@recourse/nest';
import {
  connect,
  type DifferenceRow,
  differences as readModel,
  existingVirtualClock,
  liveSchema,
  listDifferences,
  machineClock,
} from '@recourse/postgres';
import { openSandboxRail } from '@recourse/rails';
import { table } from './tables.js';

export interface ReconcileCommand {
  readonly rail: string;
  readonly day: string;
  readonly platform: string;
  readonly json: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
}
interface Stores {
  readonly databaseUrl: string;
  readonly eventStoreUrl: string;
}

type Sums = Omit<PageReport, 'next'>;
const nothing: Sums = { lines: 0, agreed: 0, heard: 0, booked: 0, explained: 0, elsewhere: 0 };
const names = Object.keys(nothing) as (keyof Sums)[];
/** A million lines, which no day has. */
const maxPages = 2_000;
const maxShown = 200;
const shownWithinMs = 5_000;
const quiet: Log = () => undefined;

/** `recourse reconcile`: beside a running installation, or on one at rest whose books are up to date. @returns the exit code */
export async function runReconcile({ databaseUrl, eventStoreUrl }: Stores, command: ReconcileCommand): Promise<number> {
  const { rail: railName, day, platform, json, environment, say } = command;
  const database = connect(databaseUrl, { applicationName: 'recourse-reconcile', maxConnections: 2, searchPath: liveSchema });
  const eventStore = openEventStore({ connectionString: eventStoreUrl, catalogue, log: quiet });
  try {
    const clock = (await existingVirtualClock(database.db)) ?? machineClock;
    const rail = openSandboxRail({ db: database.db, now: () => clock.now() });
    if (rail.name !== railName) throw new Error(`this installation has the rail ${rail.name}`);
    const aggregates = openAggregateStore({ eventStore, log: quiet });
    const actor = systemActor('reconcile', platform);
    const now = await clock.now();
    // The same finding has the same id, so that it takes effect once however often the command runs.
    const contextOf = (part: string): CommandContext => {
      const commandId = uuidOf(`reconcile/${platform}/${railName}/${day}`, part);
      return { commandId, correlationId: commandId, actor, at: now };
    };
    let sums = nothing;
    let after: string | undefined;
    for (let page = 1; ; page += 1) {
      if (page > maxPages) throw new Error(`the bill of ${day} does not end after ${maxPages} pages`);
      const { next, ...report } = await reconcilePage(
        {
          database,
          eventStore,
          rail,
          account: environment['RECOURSE_RAIL_RECEIVER'] ?? defaultRailReceiver,
          hear: async (payoutId, word, part) => {
            demand(await aggregates.execute(payout, payoutId, word, contextOf(part)));
          },
          book: async (id, findings) => {
            const found = [findings.lines.map(({ lineId }) => lineId), findings.agreed];
            return demand(await aggregates.execute(reconciliation, id, findings, contextOf(JSON.stringify(found))));
          },
        },
        { platform, day, subject: actor.subject, now, ...(after === undefined ? {} : { after }) },
      );
      sums = Object.fromEntries(names.map((name) => [name, sums[name] + report[name]])) as unknown as Sums;
      after = next;
      if (after === undefined) break;
    }
    await waitUntil(database, [readModel], await eventStore.lastPosition(), shownWithinMs);
    const open = (await listDifferences(database.db, { platform, status: 'open', rail: railName, day, limit: maxShown })).map(
      shown,
    );
    if (json) say(JSON.stringify({ rail: railName, day, ...sums, open }));
    else for (const line of lines(railName, day, sums, open)) say(line);
    return open.length === 0 ? 0 : 1;
  } finally {
    await eventStore.close();
    await database.close();
  }
}

/** What was recorded by an earlier run is not told as done by this one. */
function demand(executed: Executed) {
  if (executed.outcome === 'rejected') throw new Error(`${executed.rejection.rejected}: ${executed.rejection.detail}`);
  return executed.outcome === 'appended' ? executed.events : [];
}

const shown = ({ difference_id, kind, direction, asset, amount, reference, order_id }: DifferenceRow) => ({
  differenceId: difference_id,
  kind,
  direction,
  amount: `${format(money(amount, asset))} ${asset}`,
  reference,
  orderId: order_id,
});

function lines(rail: string, day: string, sums: Sums, open: readonly ReturnType<typeof shown>[]): string[] {
  const { lines: read, agreed, heard, booked, explained, elsewhere } = sums;
  return [
    `${rail} on ${day}: ${read} lines, ${agreed} agree (${heard} heard from the bill), ${booked} differences booked, ${explained} explained, ${elsewhere} of other platforms`,
    ...(open.length === 0
      ? ['nothing is open']
      : table(
          ['difference', 'kind', 'direction', 'amount', 'reference', 'order'],
          open.map((one) => [one.differenceId, one.kind, one.direction, one.amount, one.reference ?? '-', one.orderId ?? '-']),
          [3],
        )),
  ];
}
