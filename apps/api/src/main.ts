import { Logger } from '@nestjs/common';
import { instantOf } from '@recourse/eventing';
import { openIdentity } from '@recourse/identity';
import { openAdapters, readEnvironment, runApp, StderrLogger } from '@recourse/nest';
import { createApi } from './app.js';

Logger.overrideLogger(new StderrLogger());

await runApp('api', async ({ log, ready }) => {
  const environment = readEnvironment(process.env);
  const { railReceiver, apiHost, apiPort, jwks, issuer } = environment;
  const adapters = await openAdapters(environment, 'recourse-api', log);
  try {
    // Credentials live in the world outside, so their clock is the machine's.
    const now = () => instantOf(Date.now());
    const identity = await openIdentity({ db: adapters.database.db, jwks, issuer, now });
    const app = await createApi({ ...adapters, identity, railReceiver, log });
    await app.listen(apiPort, apiHost);
    const address: unknown = app.getHttpServer().address();
    ready({ port: typeof address === 'object' && address !== null && 'port' in address ? address.port : apiPort });
    return async () => {
      await app.close();
      await adapters.close();
    };
  } catch (error) {
    await adapters.close();
    throw error;
  }
});
