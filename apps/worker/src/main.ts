import { Logger } from '@nestjs/common';
import { openAdapters, openVerifier, readEnvironment, runApp, StderrLogger } from '@recourse/nest';
import { lead } from '@recourse/postgres';
import { startWorker } from './worker.js';

Logger.overrideLogger(new StderrLogger());

/** One worker is active; a standby waits on the lock until the first is gone. */
const leadershipLock = 'recourse-worker';

await runApp('worker', async ({ log, ready, fail }) => {
  const environment = readEnvironment(process.env);
  const adapters = await openAdapters(environment, 'recourse-worker', log);
  const verifier = await openVerifier(environment, adapters.sandboxVerifier, log).catch(async (error: unknown) => {
    await adapters.close();
    throw error;
  });
  let worker: ReturnType<typeof startWorker> | undefined;
  const leadership = lead(environment.databaseUrl, leadershipLock, {
    onGained: () => {
      worker = startWorker({ ...adapters, verifier, approvalLimits: environment.approvalLimits, log });
      worker.then((started) => {
        ready({ leading: true });
        return started.failed.then(fail);
      }, fail);
    },
    // Whoever lost the lock may not act any more: the standby has it by now.
    onLost: (reason) => fail(new Error(`the leadership was lost: ${reason}`)),
    onError: (error) => log('warn', 'the leadership could not be sought', { error: error.message }),
  });
  return async () => {
    await worker?.then((started) => started.stop());
    await leadership.release();
    await adapters.close();
  };
});
