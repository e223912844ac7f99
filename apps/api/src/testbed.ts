import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsoleLogger, Logger } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { fundControl, fundProcessor } from '@recourse/compensation';
import { startEventStoreNode } from '@recourse/embedded-eventstore';
import { deposit } from '@recourse/deposits';
import { complaint, dispute } from '@recourse/disputes';
import { type AnyDecider, categoryOf, erased, idOf, instantOf, type Role, systemActor } from '@recourse/eventing';
import {
  openAggregateStore,
  processorReader,
  processReader,
  projectionReader,
  runProcesses,
  runProjections,
  runStreamProcessor,
  type Subscription,
} from '@recourse/eventstore';
import { createDevelopmentKeys, developmentIssuer, openIdentity, signToken } from '@recourse/identity';
import { type Adapters, deciders, openAdapters } from '@recourse/nest';
import { order } from '@recourse/orders';
import { createDatabase, dropDatabase, readModels } from '@recourse/postgres';
import { processes } from '@recourse/processes';
import { createKeyFile } from '@recourse/vault';
import { sql } from 'kysely';
import { createApi } from './app.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>> & { readonly type?: string };
}
export interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** The value of Authorization, without Bearer. */
  readonly as?: string;
  readonly body?: unknown;
  /** Sent as it is instead of a body. */
  readonly raw?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The API over the real stack: an event store node, a database of its own, HTTP on a free port. */
export interface TestApi {
  readonly url: string;
  readonly app: NestExpressApplication;
  readonly adapters: Adapters;
  /** What was logged so far. */
  readonly log: readonly string[];
  readonly shop: string;
  readonly otherShop: string;
  person(
    role: Exclude<Role, 'shop' | 'system'>,
    party: string,
    options?: { platform?: string; sub?: string; at?: string },
  ): Promise<string>;
  call(call: Call): Promise<Answer>;
  /** A POST with an Idempotency-Key of its own that must be accepted. */
  post(as: string, path: string, body?: unknown): Promise<Answer>;
  get(as: string, path: string, atLeast?: string): Promise<Answer>;
  logEnd(): Promise<bigint>;
  /** Projections, processes and the fund, as the worker runs them; of the jobs only deadlines do something here. */
  startReaders(): Promise<void>;
  /** Until the readers have handled everything there is. */
  settled(): Promise<void>;
  /** Closes the app as a crash would find it and opens another over the same stores. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

const adminUrl = process.env['TEST_POSTGRES_URL'] ?? '';
const start = '2026-03-01T01:00:00.000Z';

class Recorder extends ConsoleLogger {
  constructor(private readonly lines: string[]) {
    super();
  }
  protected override printMessages(messages: unknown[]): void {
    this.lines.push(...messages.map(String));
  }
}

export async function startTestApi({ clock = 'virtual' }: { clock?: 'virtual' | 'machine' } = {}): Promise<TestApi> {
  const directory = await mkdtemp(join(tmpdir(), 'recourse-api-'));
  const node = await startEventStoreNode({ directory: join(directory, 'events') });
  const databaseName = `api_${randomUUID()}`;
  const databaseUrl = await createDatabase(adminUrl, databaseName);
  const keyFile = join(directory, 'vault.json');
  await createKeyFile(keyFile);
  const keys = await createDevelopmentKeys(join(directory, 'identity'));
  const log: string[] = [];
  Logger.overrideLogger(new Recorder(log));
  const note = (level: string, message: string, details?: object): void => {
    log.push(
      `${level} ${message} ${JSON.stringify(details, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`,
    );
  };
  const environment = {
    databaseUrl,
    eventStoreUrl: node.connectionString,
    queueUrl: databaseUrl,
    keyFile,
    jwks: keys.jwksFile,
    issuer: developmentIssuer,
    virtualClockStart: clock === 'virtual' ? start : undefined,
    railReceiver: 'recourse-platform',
    approvalLimits: new Map<string, bigint>(),
    verifierUrls: {},
    verifierKeyFile: undefined,
    apiHost: '127.0.0.1',
    apiPort: 0,
  };
  const adapters = await openAdapters(environment, 'api-test', note);
  const { database, readDatabase, eventStore } = adapters;
  const identity = await openIdentity({
    db: database.db,
    jwks: keys.jwksFile,
    issuer: developmentIssuer,
    now: () => instantOf(Date.now()),
  });
  const open = async () => {
    const app = await createApi({ ...adapters, identity, railReceiver: environment.railReceiver, log: note });
    await app.listen(0, '127.0.0.1');
    return app;
  };
  let app = await open();
  const urlOf = () => `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  const subscriptions: Subscription[] = [];

  const call = async ({ method, path, as, body, raw, key, headers }: Call): Promise<Answer> => {
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(`${urlOf()}${path}`, {
      method,
      headers: {
        ...(as === undefined ? {} : { Authorization: `Bearer ${as}` }),
        ...(content === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(key === undefined ? {} : { 'Idempotency-Key': key }),
        ...headers,
      },
      ...(content === undefined ? {} : { body: content }),
      signal: AbortSignal.timeout(90_000),
    });
    const text = await response.text();
    const isJson = (response.headers.get('Content-Type') ?? '').includes('json');
    return { status: response.status, headers: response.headers, text, body: (isJson ? JSON.parse(text) : {}) as Answer['body'] };
  };

  const readersAt = async (): Promise<bigint> => {
    const names = [...readModels.map(projectionReader), ...processes.map(processReader), processorReader(fundProcessor.name)];
    const { rows } = await sql<{ position: bigint; known: bigint }>`
      select min(position) as position, count(*) as known from recourse.checkpoint where reader = any(${names}::text[])`.execute(
      database.db,
    );
    return rows[0]?.known === BigInt(names.length) ? rows[0].position : -1n;
  };

  return {
    get url() {
      return urlOf();
    },
    get app() {
      return app;
    },
    adapters,
    log,
    shop: (await identity.createApiKey('demo', 'test shop')).apiKey,
    otherShop: (await identity.createApiKey('other', 'another shop')).apiKey,
    person: (role, party, { platform = 'demo', sub = `${role}-${party}`, at = instantOf(Date.now()) } = {}) =>
      signToken(keys.privateKeyFile, { sub, role, party, platform }, 3_600, { at }),
    call,
    post: async (as, path, body) => {
      const answer = await call({ method: 'POST', path, as, key: randomUUID(), ...(body === undefined ? {} : { body }) });
      if (answer.status >= 300) throw new Error(`POST ${path} was refused: ${answer.status} ${answer.text}`);
      return answer;
    },
    get: (as, path, atLeast) =>
      call({ method: 'GET', path, as, ...(atLeast === undefined ? {} : { headers: { 'Recourse-At-Least': atLeast } }) }),
    logEnd: () => eventStore.lastPosition(),
    startReaders: async () => {
      const aggregates = openAggregateStore({ eventStore, log: note });
      const common = { eventStore, log: note, clock: adapters.clock };
      subscriptions.push(
        await runProjections({ ...common, database: readDatabase, projections: readModels }),
        await runProcesses({
          ...common,
          database,
          processes,
          dispatch: ({ category, id, command }, context) => {
            const decider = deciders.find((one) => one.category === category);
            if (decider === undefined) throw new Error(`no decider of ${category}`);
            return aggregates.execute(decider, id, command, context);
          },
          wake: (kind, key) => adapters.queue.wake(kind, key),
        }),
        await runStreamProcessor(fundProcessor, { ...common, database }),
      );
      const nothing = () => Promise.resolve();
      const passDeadlines = async (stream: string) => {
        const timers: Readonly<Record<string, readonly [AnyDecider, string]>> = {
          order: [erased(order), 'PassOrderDeadlines'],
          dispute: [erased(dispute), 'PassDisputeDeadlines'],
          complaint: [erased(complaint), 'PassComplaintDeadlines'],
          deposit: [erased(deposit), 'PassDepositDeadlines'],
          fundcontrol: [erased(fundControl), 'BeginFundDay'],
        };
        const timer = timers[categoryOf(stream)];
        if (timer === undefined) throw new Error(`nothing in ${stream} has deadlines`);
        const [decider, type] = timer;
        const commandId = randomUUID();
        const context = { commandId, correlationId: commandId, actor: systemActor('deadline'), at: await adapters.clock.now() };
        await aggregates.execute(decider, idOf(stream), { type }, context);
      };
      await adapters.queue.work({ payout: nothing, verification: nothing, deadline: passDeadlines });
    },
    settled: async () => {
      for (const giveUpAt = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
        const head = await eventStore.lastPosition();
        if ((await readersAt()) >= head && (await eventStore.lastPosition()) === head) return;
        if (Date.now() > giveUpAt) throw new Error('the readers do not come to the end of the log');
      }
    },
    reopen: async () => {
      await app.close();
      app = await open();
    },
    close: async () => {
      await app.close();
      for (const subscription of subscriptions) await subscription.stop();
      await adapters.close();
      await node.stop();
      await dropDatabase(adminUrl, databaseName);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export const cny = (minor: bigint | number) => ({ asset: 'CNY', minor: String(minor) });

export async function defaultPolicy(): Promise<object> {
  return JSON.parse(
    await readFile(new URL('../../../libs/disputes/policies/default-policy.json', import.meta.url), 'utf8'),
  ) as object;
}

/** A platform that is open for business: a policy, a merchant with a deposit, a fund of two people. */
export interface Market {
  readonly policyHash: string;
  readonly contributionId: string;
  /** A paid and delivered order of one key; the buyer is b1, the merchant m1. */
  sell(orderNo: string, options?: { key?: string; settlement?: string; reveal?: boolean }): Promise<void>;
  orderBody(orderNo: string): object;
}

export async function openMarket(api: TestApi): Promise<Market> {
  const [operator, finance, second] = [
    await api.person('operator', 'o1'),
    await api.person('finance', 'f1'),
    await api.person('finance', 'f2'),
  ];
  const pay = (transaction: string, minor: number) =>
    api.post(api.shop, '/sandbox/captures', { transaction, amount: cny(minor) });
  const { body: policy } = await api.post(operator, '/policies', { table: await defaultPolicy() });
  const policyHash = String(policy['hash']);
  await api.post(finance, '/deposits/m1/agreement', {
    minimum: cny(10_000),
    payeeAccount: 'account-of-m1',
    rail: 'sandbox',
    termsVersion: 1,
  });
  await pay('deposit-m1', 50_000);
  await api.post(finance, '/deposits/m1/top-ups', { transaction: 'deposit-m1' });
  await pay('fund-1', 100_000);
  const contribution = { transaction: 'fund-1', rail: 'sandbox', amount: cny(100_000) };
  const { body: proposed } = await api.post(finance, '/fund/contributions', contribution);
  const contributionId = String(proposed['contributionId']);
  await api.post(second, `/fund/contributions/${contributionId}/approval`);
  const orderBody = (orderNo: string, settlement = 'ON_DELIVERY') => ({
    orderNo,
    merchant: 'm1',
    buyer: 'b1',
    payeeAccount: 'account-of-b1',
    rail: 'sandbox',
    productKind: 'game-card',
    settlement,
    promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: false, sevenDay: false },
    consent: { version: 1, hash: policyHash },
    lines: [{ product: '50元游戏点卡', unitPrice: cny(5_000), quantity: 1 }],
    fee: cny(250),
  });
  return {
    policyHash,
    contributionId,
    orderBody,
    sell: async (orderNo, { key = `KEY-OF-${orderNo}-0001`, settlement = 'ON_DELIVERY', reveal = true } = {}) => {
      await api.post(api.shop, '/orders', orderBody(orderNo, settlement));
      await pay(`tx-${orderNo}`, 5_000);
      await api.post(api.shop, `/orders/${orderNo}/payments`, { transaction: `tx-${orderNo}` });
      await api.post(api.shop, `/orders/${orderNo}/deliveries`, { units: [{ unit: 1, key }] });
      if (reveal) await api.post(await api.person('buyer', 'b1'), `/orders/${orderNo}/units/1/reveal`);
    },
  };
}
