import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  createDevelopmentKeys,
  developmentIssuer,
  openIdentity,
  signToken,
  type DevelopmentKeys,
  type TokenClaims,
} from '@recourse/identity';
import { migrationSets } from '@recourse/nest';
import { connect, migrate, startEmbeddedPostgres, type EmbeddedPostgres } from '@recourse/postgres';
import { createKeyFile } from '@recourse/vault';
import { startChild, type Child } from './child.js';
import { findRunning, forgetRunning, noteRunning } from './running.js';

export interface InstallationOptions {
  readonly dataDir: string;
  /** 0 takes a free port. */
  readonly apiPort: number;
  readonly virtualClock: boolean;
  /** Where a virtual clock starts. */
  readonly clockStart?: string;
  /** The platform whose API key is made at the first start. */
  readonly platform: string;
  readonly say: (line: string) => void;
  /** A part ended by itself and could not be brought back. */
  readonly onFailed: (reason: string) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A running installation: event store, PostgreSQL, API and worker, each the embedded one unless its URL is given. */
export interface Installation {
  readonly apiUrl: string;
  readonly databaseUrl: string;
  readonly eventStoreUrl: string;
  readonly apiKey: string;
  readonly keyFile: string;
  token(claims: TokenClaims): Promise<string>;
  readonly pids: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

const tokenTtlS = 12 * 3_600;
const maxRestarts = 5;

export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const dataDir = resolve(options.dataDir);
  const path = (...parts: string[]) => join(dataDir, ...parts);
  await mkdir(path('log'), { recursive: true, mode: 0o700 });
  const stops: (() => Promise<void>)[] = [];
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopping ??= (async () => {
      for (const one of stops.splice(0)) await one();
    })());
  const lost = (reason: string) => {
    if (stopping === undefined) options.onFailed(reason);
  };
  try {
    // The event store's lock on its folder also tells a second start on this data directory that it is in use.
    const eventStoreUrl =
      options.environment['EVENTSTORE_URL'] ??
      (await embeddedEventStore(path('eventstore'), path('log', 'eventstore.log'), lost, stops).catch((error: unknown) =>
        nameHolder(dataDir, error),
      ));
    const databaseUrl =
      options.environment['DATABASE_URL'] ?? (await embeddedPostgres(path('postgres'), lost, stops)).connectionString;
    const keys = await ensureKeys(dataDir, databaseUrl, options);
    const environment = {
      DATABASE_URL: databaseUrl,
      EVENTSTORE_URL: eventStoreUrl,
      ...(options.environment['REDIS_URL'] === undefined ? {} : { REDIS_URL: options.environment['REDIS_URL'] }),
      RECOURSE_KEY_FILE: keys.keyFile,
      RECOURSE_FILES: options.environment['RECOURSE_FILES'] ?? pathToFileURL(path('files')).href,
      RECOURSE_JWKS: keys.development.jwksFile,
      RECOURSE_ISSUER: developmentIssuer,
      RECOURSE_CLOCK: options.virtualClock ? 'virtual' : 'machine',
      ...(options.clockStart === undefined ? {} : { RECOURSE_CLOCK_START: options.clockStart }),
      RECOURSE_API_PORT: String(options.apiPort),
      NODE_ENV: 'production',
    };
    const app = (name: 'api' | 'worker') =>
      keepAlive({
        name,
        file: appFile(name),
        environment,
        logFile: path('log', `${name}.log`),
        say: options.say,
        onFailed: lost,
      });
    const [api, worker] = await Promise.all([app('api'), app('worker')]);
    stops.unshift(async () => {
      await Promise.all([api.stop(), worker.stop()]);
    });
    const apiUrl = `http://127.0.0.1:${String(api.current().facts['port'])}`;
    await noteRunning(dataDir, { pid: process.pid, apiUrl, databaseUrl, eventStoreUrl });
    stops.unshift(() => forgetRunning(dataDir));
    return {
      apiUrl,
      databaseUrl,
      eventStoreUrl,
      apiKey: keys.apiKey,
      keyFile: keys.keyFile,
      token: (claims) => signToken(keys.development.privateKeyFile, claims, tokenTtlS),
      pids: { api: api.current().pid, worker: worker.current().pid },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Whoever is told that a part is in use wants to know what to stop. */
async function nameHolder(dataDir: string, error: unknown): Promise<never> {
  const running = await findRunning(dataDir);
  if (running === undefined) throw error;
  throw new Error(
    [
      `${dataDir} is in use: process ${running.pid} runs an installation from it, at ${running.apiUrl}; stop it or name another --data-dir`,
      error instanceof Error ? error.message : String(error),
    ].join('\n'),
    { cause: error },
  );
}

const appFile = (name: string): string => fileURLToPath(new URL(`../../${name}/dist/main.js`, import.meta.url));

/** The embedded stores alone, for commands that look at an installation that does not run. */
export async function startStores(
  dataDir: string,
): Promise<{ readonly databaseUrl: string; readonly eventStoreUrl: string; stop(): Promise<void> }> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const one of stops.splice(0)) await one();
  };
  try {
    await mkdir(join(dataDir, 'log'), { recursive: true, mode: 0o700 });
    const ignore = () => undefined;
    const eventStoreUrl = await embeddedEventStore(
      join(dataDir, 'eventstore'),
      join(dataDir, 'log', 'eventstore.log'),
      ignore,
      stops,
    );
    const { connectionString } = await embeddedPostgres(join(dataDir, 'postgres'), ignore, stops);
    return { databaseUrl: connectionString, eventStoreUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function embeddedEventStore(
  directory: string,
  logFile: string,
  onLost: (reason: string) => void,
  stops: (() => Promise<void>)[],
): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@recourse/embedded-eventstore');
  const node = await startChild({
    name: 'the event store',
    file: join(dirname(entry), 'main.js'),
    arguments: ['--dir', directory, '--port', '0', '--backup-dir', join(dirname(directory), 'backups')],
    logFile,
    onLost,
  });
  stops.unshift(() => node.stop());
  return String(node.facts['connectionString']);
}

async function embeddedPostgres(
  directory: string,
  onLost: (reason: string) => void,
  stops: (() => Promise<void>)[],
): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ directory, onLost: (reason) => onLost(`PostgreSQL ended: ${reason}`) });
  stops.unshift(() => postgres.stop());
  return postgres;
}

interface Keys {
  readonly keyFile: string;
  readonly development: DevelopmentKeys;
  readonly apiKey: string;
}

/** Made at the first start, readable by this user only, and shown once. */
async function ensureKeys(dataDir: string, databaseUrl: string, { platform, say }: InstallationOptions): Promise<Keys> {
  const directory = join(dataDir, 'keys');
  const keyFile = join(directory, 'vault.json');
  const apiKeyFile = join(directory, `api-key-${platform}`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (!(await exists(keyFile))) await createKeyFile(keyFile);
  const development = await createDevelopmentKeys(directory);
  const database = connect(databaseUrl, { applicationName: 'recourse-setup', maxConnections: 2 });
  try {
    await migrate(database.db, migrationSets);
    if (await exists(apiKeyFile)) return { keyFile, development, apiKey: (await readFile(apiKeyFile, 'utf8')).trim() };
    const identity = await openIdentity({
      db: database.db,
      jwks: development.jwksFile,
      issuer: developmentIssuer,
      now: () => new Date().toISOString(),
    });
    const { apiKey } = await identity.createApiKey(platform, 'development');
    await writeFile(apiKeyFile, `${apiKey}\n`, { mode: 0o600, flag: 'wx' });
    say(`development API key of platform ${platform} (shown once, kept in ${apiKeyFile}): ${apiKey}`);
    return { keyFile, development, apiKey };
  } finally {
    await database.close();
  }
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

interface KeptAlive {
  readonly name: string;
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly say: (line: string) => void;
  readonly onFailed: (reason: string) => void;
}

/** Starts an app again when it ends by itself, a few times with growing pauses; its truth is in the stores, so it may die anywhere. */
async function keepAlive(options: KeptAlive): Promise<{ current(): Child; stop(): Promise<void> }> {
  let restarts = 0;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let current: Child;
  let environment = options.environment;
  const onLost = (reason: string) => {
    if (stopped) return;
    restarts += 1;
    if (restarts > maxRestarts) {
      options.onFailed(`${reason}; it was restarted ${maxRestarts} times`);
      return;
    }
    options.say(`${reason}; starting it again`);
    timer = setTimeout(
      () => {
        startChild({ ...options, environment, onLost }).then(
          (child) => {
            current = child;
            if (stopped) void child.stop();
          },
          (error: unknown) => onLost(String(error)),
        );
      },
      500 * 2 ** restarts,
    );
  };
  current = await startChild({ ...options, onLost });
  // A restarted API keeps the port that its callers know.
  if (typeof current.facts['port'] === 'number')
    environment = { ...environment, RECOURSE_API_PORT: String(current.facts['port']) };
  return {
    current: () => current,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await current.stop();
    },
  };
}
