import { createPostgresBackend, Queue, runMigrations, withBackend, Worker, type JobType, type PgPool } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import { Pool } from 'pg';

export interface WakeUpJob {
  key: string;
}

/** What is needed of BullMQ's jobs, whichever database holds them. */
export interface WakeUpJobRecord {
  readonly name: string;
  readonly data: WakeUpJob;
  /** Set when there is no further attempt. */
  readonly finishedOn?: number | undefined;
}

export interface QueueWorker {
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'failed', listener: (job: WakeUpJobRecord | undefined, error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
}

/** BullMQ on one of its two databases. */
export interface QueueBackend {
  readonly queue: Pick<
    Queue<WakeUpJob>,
    'add' | 'getDelayedCount' | 'getJobCounts' | 'isPaused' | 'obliterate' | 'pause' | 'resume'
  >;
  work(process: (job: WakeUpJobRecord) => Promise<void>, concurrency: number): QueueWorker;
  /** Waits for running jobs. */
  close(): Promise<void>;
}

/** States of jobs that wait for nothing but a worker; BullMQ counts those of a paused queue on PostgreSQL under a name its type lacks. */
export const readyStates = ['waiting', 'prioritized', 'active', 'paused'] as JobType[];

/** BullMQ's own name for it; it owns the schema and migrates it. */
const schema = 'bullmq';
const connectTimeoutMs = 10_000;
const statementTimeoutMs = 10_000;
const maxRedisRetryMs = 5_000;
/** One of them listens; the rest are shared by adding, counting and the handlers' bookkeeping. */
const maxPostgresConnections = 6;
/** Nobody reads BullMQ's own events here. */
const streams = { events: { maxLen: 100 } };

export function openBackend(url: string, name: string, onError: (error: Error) => void): Promise<QueueBackend> {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  switch (protocol) {
    case 'postgres:':
    case 'postgresql:':
      return openPostgres(url, name, onError);
    case 'redis:':
    case 'rediss:':
      return openRedis(url, name, onError);
    default:
      return Promise.reject(new Error('The address of the queue must begin with postgres://, redis:// or rediss://.'));
  }
}

async function openPostgres(url: string, name: string, onError: (error: Error) => void): Promise<QueueBackend> {
  const pool = new Pool({
    connectionString: url,
    max: maxPostgresConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: 2 * statementTimeoutMs,
    keepAlive: true,
    application_name: 'recourse queue',
    options: `-c search_path=${schema}`,
  });
  let isOpen = true;
  // The pool is ended before its connections are.
  pool.on('error', (error) => isOpen && onError(error));
  try {
    const client = await pool.connect();
    try {
      await runMigrations(client, schema);
    } finally {
      client.release();
    }
  } catch (error) {
    await pool.end();
    throw error;
  }
  const bull = withBackend(createPostgresBackend);
  // It is one; the two declarations differ in how they overload `on`.
  const connection = pool as unknown as PgPool;
  const queue = new bull.Queue<WakeUpJob>(name, { connection, streams });
  queue.on('error', onError);
  let worker: InstanceType<typeof bull.Worker<WakeUpJob>> | undefined;
  return {
    queue,
    work: (process, concurrency) => (worker = new bull.Worker<WakeUpJob>(name, process, { connection, concurrency })),
    close: async () => {
      await worker?.close();
      await queue.close();
      isOpen = false;
      await pool.end();
    },
  };
}

async function openRedis(url: string, name: string, onError: (error: Error) => void): Promise<QueueBackend> {
  // A producer is told soon that Redis is away; a worker waits until it is back.
  const producer = await connectRedis(url, { maxRetriesPerRequest: 1, commandTimeout: statementTimeoutMs }, onError);
  const consumer = await connectRedis(url, { maxRetriesPerRequest: null }, onError).catch((error: unknown) => {
    producer.disconnect();
    throw error;
  });
  // The braces keep all keys of a queue in one slot of a cluster.
  const prefix = '{recourse}';
  const queue = new Queue<WakeUpJob>(name, { connection: producer, prefix, streams });
  queue.on('error', onError);
  let worker: Worker<WakeUpJob> | undefined;
  return {
    queue,
    work: (process, concurrency) =>
      (worker = new Worker<WakeUpJob>(name, process, { connection: consumer, prefix, concurrency })),
    close: async () => {
      await worker?.close();
      await queue.close();
      producer.disconnect();
      consumer.disconnect();
    },
  };
}

async function connectRedis(url: string, options: RedisOptions, onError: (error: Error) => void): Promise<Redis> {
  let isOpen = false;
  let cause: Error | undefined;
  const redis = new Redis(url, {
    ...options,
    connectTimeout: connectTimeoutMs,
    lazyConnect: true,
    // The first connection fails at once, a later one comes back.
    retryStrategy: (times) => (isOpen ? Math.min(times * 100, maxRedisRetryMs) : null),
  });
  redis.on('error', (error) => {
    cause = error;
    if (isOpen) onError(error);
  });
  await redis.connect().catch((error: unknown) => {
    throw cause ?? error;
  });
  isOpen = true;
  return redis;
}
