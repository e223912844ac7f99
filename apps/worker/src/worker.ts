import { Logger, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import { buyerDebt, fundControl, fundProcessor, payout, reconciliation } from '@recourse/compensation';
import { deposit } from '@recourse/deposits';
import { complaint, dispute } from '@recourse/disputes';
import { checkWiring, type Clock } from '@recourse/eventing';
import {
  openAggregateStore,
  runProcesses,
  runProjections,
  runStreamProcessor,
  waitUntil,
  type Alarm,
  type AggregateStore,
  type EventStore,
  type Executed,
  type Log,
  type Subscription,
} from '@recourse/eventstore';
import { aggregateStoreProvider, type ApprovalLimits, deciders, handlersFor } from '@recourse/nest';
import { order } from '@recourse/orders';
import { machineClock, neverSkipped, readModels, type Database } from '@recourse/postgres';
import { processes } from '@recourse/processes';
import type { WakeUps } from '@recourse/queue';
import type { PayoutRail } from '@recourse/rails';
import type { Vault } from '@recourse/vault';
import type { Verifier } from '@recourse/verifiers';
import { startDispatcher } from '@recourse/webhooks';
import { withApprovalLimit } from './approval-limit.js';
import { AskingAgain } from './asking-again.js';
import { BounceWatch } from './bounce-watch.js';
import {
  buyerDebtCommands,
  commandOfAction,
  complaintCommands,
  depositCommands,
  disputeCommands,
  fundControlCommands,
  orderCommands,
  payoutCommands,
  reconciliationCommands,
} from './commands.js';
import { runDeadline } from './deadline-job.js';
import { FewAtOnce } from './few-at-once.js';
import type { JobTools } from './jobs.js';
import { runPayout } from './payout-job.js';
import { sweep, sweepEveryMs } from './sweep.js';
import { runVerification } from './verification-job.js';

export interface WorkerParts {
  readonly database: Database;
  /** The same database with the read models first in its search path. */
  readonly readDatabase: Database;
  readonly eventStore: EventStore;
  readonly queue: WakeUps;
  readonly clock: Clock;
  readonly rails: ReadonlyMap<string, PayoutRail>;
  readonly vault: Vault;
  readonly verifier: Verifier;
  readonly approvalLimits: ApprovalLimits;
  readonly log: Log;
}

const jobConcurrency = 8;
/** Of these, those that may wait for a verifier. */
const verificationConcurrency = 3;
/** How long the first sweep waits for the read models; what it misses is left to the next one. */
const catchUpMs = 10_000;

checkWiring({
  deciders,
  commands: [
    ...orderCommands,
    ...disputeCommands,
    ...complaintCommands,
    ...depositCommands,
    ...fundControlCommands,
    ...payoutCommands,
    ...buyerDebtCommands,
    ...reconciliationCommands,
  ],
  projections: readModels,
  processes,
  // `recourse verify` rebuilds every read model and compares its rows.
  verified: readModels.map((model) => model.name),
});

@Module({})
class WorkerModule {
  static of(aggregates: AggregateStore): DynamicModule {
    return {
      module: WorkerModule,
      imports: [CqrsModule.forRoot()],
      providers: [
        aggregateStoreProvider(aggregates),
        ...handlersFor(order, ...orderCommands),
        ...handlersFor(dispute, ...disputeCommands),
        ...handlersFor(complaint, ...complaintCommands),
        ...handlersFor(deposit, ...depositCommands),
        ...handlersFor(fundControl, ...fundControlCommands),
        ...handlersFor(payout, ...payoutCommands),
        ...handlersFor(buyerDebt, ...buyerDebtCommands),
        ...handlersFor(reconciliation, ...reconciliationCommands),
      ],
    };
  }
}

/** Everything that happens by itself: projections, processes, the fund, payouts, deadlines, notices to merchants. One worker is active at a time. */
export async function startWorker(parts: WorkerParts): Promise<{ stop(): Promise<void>; readonly failed: Promise<Error> }> {
  const { database, readDatabase, eventStore, queue, clock, log } = parts;
  const logger = new Logger('worker');
  const app = await NestFactory.createApplicationContext(WorkerModule.of(openAggregateStore({ eventStore, log })), {
    logger: ['error', 'warn'],
  });
  await app.init();
  const commands = app.get(CommandBus);
  const onAlarm = (alarm: Alarm) => logger.error(`${alarm.reader} stands still at ${alarm.stream}: ${alarm.error}`);
  const wake = (kind: string, key: string) => queue.wake(kind, key);
  const tools: JobTools = {
    commands,
    eventStore,
    clock,
    rails: parts.rails,
    vault: parts.vault,
    verifier: parts.verifier,
    alarm: (what, where) => logger.error(`${what} ${JSON.stringify(where)}`),
  };

  // What a killed worker was handling stays taken for a while, and would swallow every wake-up of the same name until then.
  await queue.empty();
  const emptiedAt = await eventStore.lastPosition();
  const subscriptions: Subscription[] = [
    await runProjections({ eventStore, database: readDatabase, projections: readModels, log, neverSkip: neverSkipped, onAlarm }),
    await runProcesses({
      eventStore,
      database,
      processes,
      dispatch: (action, context) =>
        commands.execute<object, Executed>(commandOfAction(withApprovalLimit(action, parts.approvalLimits), context)),
      wake,
      clock,
      log,
      onAlarm,
    }),
    await runStreamProcessor(fundProcessor, { eventStore, database, clock, log, onAlarm }),
  ];
  const askingAgain = new AskingAgain({ wake: (key, delayMs) => queue.wake('verification', key, { delayMs }) });
  const fewAtOnce = new FewAtOnce(verificationConcurrency, (key) => queue.wake('verification', key));
  await queue.work(
    {
      payout: (key) => runPayout(tools, key),
      verification: (key, signal) => fewAtOnce.run(key, () => runVerification({ ...tools, askingAgain }, key, signal)),
      deadline: (key) => runDeadline(tools, key),
    },
    { concurrency: jobConcurrency },
  );

  const bounces = new BounceWatch(database);
  // Merchants' servers live in the machine's time, whatever the clock of the house.
  const notices = startDispatcher({
    db: database.db,
    vault: parts.vault,
    now: () => machineClock.now(),
    allowLoopback: [...parts.rails.values()].every((rail) => rail.isSandbox),
    log,
  });

  const sweepNow = () =>
    sweep({ database, bounces, clock, wake }).catch((error: unknown) =>
      logger.warn(`a sweep failed and is made again in a minute: ${String(error)}`),
    );
  // The sweep reads read models: the first one must see what the wake-ups were for that were just removed.
  let sweeping: Promise<unknown> = waitUntil(database, readModels, emptiedAt, catchUpMs).then(sweepNow, sweepNow);
  const timer = setInterval(() => {
    sweeping = sweepNow();
  }, sweepEveryMs);

  // A subscription that was stopped ends without an error; one that cannot go on names it.
  const failed = new Promise<Error>((resolve) => {
    for (const one of subscriptions) void one.stopped.then((error) => error !== undefined && resolve(error));
  });
  return {
    failed,
    stop: async () => {
      clearInterval(timer);
      await notices.stop();
      await sweeping;
      await queue.close();
      await Promise.all(subscriptions.map((one) => one.stop()));
      await app.close();
    },
  };
}
