import { fund, fundProcessor, type FundEvent, type FundInput } from '@recourse/compensation';
import { isRejection, periodId, stamp, type Event, type Recorded } from '@recourse/eventing';
import {
  openEventStore,
  processorReader,
  runStreamProcessor,
  type AppendOutcome,
  type EventStore,
  type Log,
  type Subscription,
} from '@recourse/eventstore';
import { catalogue } from '@recourse/nest';
import { connect, machineClock, migrate, resetCheckpoint, writeCheckpoint } from '@recourse/postgres';
import { answered, Answers } from './fund-answers.js';
import { checkFund } from './fund-check.js';
import { Gate } from './fund-gate.js';
import { hotFund, type AppendOfInputs, type HotFund } from './fund-workload.js';
import { within } from './lifetime.js';
import type { Round } from './report.js';

export interface FundSubjectOptions {
  readonly eventStoreUrl: string;
  readonly databaseUrl: string;
  readonly signal: AbortSignal;
}
export interface Load {
  /** Requesters that wait at a time. */
  readonly waiting: number;
  readonly refunds: number;
}

const runTimeoutMs = 120_000;
const checkPage = 1_000;
const reader = processorReader(fundProcessor.name);

/** Whoever reserves: takes the inputs behind `from` out of the log, through the gate, and tells the requesters. */
type Reserver = (hot: HotFund, from: bigint, gate: Gate, answers: Answers) => Promise<Subscription>;

/** One hot fund per measurement, each on the same event store node and PostgreSQL. */
export async function openFundSubject({ eventStoreUrl, databaseUrl, signal }: FundSubjectOptions) {
  let answers = new Answers();
  // Nothing breaks off or begins again in a run that counts.
  const log: Log = (level, message, details) => {
    if (level !== 'info') answers.fail(new Error(`${message} ${JSON.stringify(details, textOfBigint)}`));
  };
  const eventStore = openEventStore({ connectionString: eventStoreUrl, catalogue, log });
  const database = connect(databaseUrl, { applicationName: 'recourse-bench-fund', maxConnections: 2 });
  await migrate(database.db, []);
  let funds = 0;

  const bring = async ({ stream, events, metadata }: AppendOfInputs): Promise<void> => {
    const { status } = await eventStore.append(stream, 'no_stream', events, metadata);
    if (status !== 'appended') throw new Error(`${stream} was there already`);
  };

  const processor: Reserver = async (_, from, gate, told) => {
    await resetCheckpoint(database.db, reader);
    await writeCheckpoint(database.db, reader, from);
    const watched: EventStore = {
      ...eventStore,
      append: async (stream, expected, events, metadata) => {
        const outcome = await eventStore.append(stream, expected, events, metadata);
        tell(told, outcome, events);
        return outcome;
      },
      subscribe: (options) => eventStore.subscribe({ ...options, handle: gate.before(options.handle) }),
    };
    return runStreamProcessor(fundProcessor, { eventStore: watched, database, clock: machineClock, log });
  };

  /** The same inputs and decisions, one append per input; its only writer knows the revision, so it never has to read it again. */
  const naive: Reserver = (hot, from, gate, told) => {
    const stream = periodId(hot.name, 1);
    let state = fund.initial;
    let revision = -1n;
    const take = async (input: Recorded<FundInput>): Promise<void> => {
      const command = { type: 'TakeInput', input } as const;
      const decision = fund.decide(stamp(command, input.metadata.recordedAt), state);
      if (isRejection(decision)) throw new Error(decision.detail);
      const metadata = decision.map(() => ({
        ...input.metadata,
        commandId: `${input.id}:fund`,
        causationId: input.id,
        inputPosition: input.position.toString(),
      }));
      const outcome = await eventStore.append(stream, revision < 0n ? 'no_stream' : revision, decision, metadata);
      if (outcome.status === 'conflict') throw new Error(`another writer appends to ${stream}`);
      revision = outcome.revision;
      state = decision.reduce(fund.evolve, state);
      tell(told, outcome, decision);
    };
    const handle = gate.before(async ({ events }) => {
      for (const event of events) await take(event as Recorded<FundInput>);
    });
    return Promise.resolve(
      eventStore.subscribe({ name: 'naive', types: fundProcessor.inputs, after: () => Promise.resolve(from), handle }),
    );
  };

  /** @throws Error also when the fund does not hold what was asked for */
  const measure = async (reserver: Reserver, { waiting, refunds }: Load, isAppending: boolean): Promise<Round> => {
    const gate = new Gate();
    answers = new Answers();
    const told = answers;
    const hot = hotFund(`bench${(funds += 1)}`, refunds);
    const from = await eventStore.lastPosition();
    await bring(hot.contribution);
    if (!isAppending) for (const pack of hot.approvals) await bring(pack);
    const reserving = await reserver(hot, from, gate, told);
    void reserving.stopped.then((error) => error && told.fail(error));
    try {
      const opened = told.of(hot.contributionId);
      gate.release(1);
      await within(opened, { timeoutMs: runTimeoutMs, what: 'opening a fund', signal });
      if (isAppending) gate.release(Infinity);
      const ask = async (refundId: string, no: number): Promise<void> => {
        const answer = told.of(refundId);
        const own = hot.ownApprovals[no];
        if (isAppending && own) await Promise.all([bring(own), answer]);
        else {
          gate.release(1);
          await answer;
        }
      };
      const all = answered({ waiting, refundIds: hot.refundIds, ask });
      const round = await within(all, { timeoutMs: runTimeoutMs, what: `${refunds} reservations`, signal });
      await check(hot, isAppending);
      return round;
    } finally {
      const stopped = reserving.stop();
      gate.end(new Error('the run is over'));
      await stopped;
    }
  };

  const check = async (hot: HotFund, isAnyOrder: boolean): Promise<void> => {
    const events: Recorded<FundEvent>[] = [];
    for (let no = 1; ; no += 1) {
      const period = await readPeriod(periodId(hot.name, no));
      if (period.length === 0) return checkFund(hot, events, { isAnyOrder });
      events.push(...period);
    }
  };

  const readPeriod = async (stream: string): Promise<Recorded<FundEvent>[]> => {
    const events: Recorded<FundEvent>[] = [];
    for (;;) {
      const page = await eventStore.readStream<FundEvent>(stream, { from: BigInt(events.length), limit: checkPage });
      events.push(...page);
      if (page.length < checkPage) return events;
    }
  };

  return {
    /** The inputs are in the log before the clock starts. */
    reserve: (load: Load) => measure(processor, load, false),
    /** Every requester appends its input first. */
    appendAndReserve: (load: Load) => measure(processor, load, true),
    reserveNaively: (load: Load) => measure(naive, load, false),
    close: async (): Promise<void> => {
      await eventStore.close();
      await database.close();
    },
  };
}
export type FundSubject = Awaited<ReturnType<typeof openFundSubject>>;

/** Only what the store has answered for is told, event by event. */
function tell(answers: Answers, outcome: AppendOutcome, events: readonly Event[]): void {
  if (outcome.status !== 'appended') return;
  for (const { type, data } of events as readonly FundEvent[]) {
    if (type === 'FundsReserved') answers.give(data.refundId);
    else if (type === 'FundContributed') answers.give(data.contributionId);
    else if (type === 'ReservationQueued') answers.fail(new Error(`${data.refundId} was not covered`));
  }
}

const textOfBigint = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);
