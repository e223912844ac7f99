import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';

export interface LeaderOptions {
  onGained: () => void;
  /** The lock is gone, or its connection cannot be trusted any more: stop acting at once. Not called after `release()`. */
  onLost: (reason: string) => void;
  /** Told why a connection failed; tried again after `retryMs`. */
  onError?: (error: Error) => void;
  /** Default 1,000; between attempts of a standby. */
  retryMs?: number;
  /** Default 2,000; how often the leader asks whether its connection still answers, with as long again for the answer. */
  heartbeatMs?: number;
}

export interface Leadership {
  /** Gives the lock up, or the wait for it; the next standby takes it within its `retryMs`. */
  release(): Promise<void>;
}

const connectTimeoutMs = 10_000;
/** The server frees a lock whose holder is out of reach after 10 s + 3 × 5 s: later than the holder itself gave up. */
const serverKeepalive = '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3';

/**
 * Wants to be the only one of its name: holds a session lock of PostgreSQL on a connection of its own, and tries for it again
 * after every loss until it is released. Works on a direct connection only, not behind a pooler that shares sessions.
 */
export function lead(connectionString: string, lockName: string, options: LeaderOptions): Leadership {
  const released = new AbortController();
  const campaign = (async () => {
    while (!released.signal.aborted) {
      await term(connectionString, lockKey(lockName), options, released.signal);
      await pause(options.retryMs ?? 1_000, released.signal);
    }
  })();
  return {
    release: async () => {
      released.abort();
      await campaign;
    },
  };
}

/** One connection's life: wait for the lock, hold it, lose it. */
async function term(connectionString: string, key: string, options: LeaderOptions, released: AbortSignal): Promise<void> {
  const { retryMs = 1_000, heartbeatMs = 2_000 } = options;
  const client = new Client({
    connectionString,
    application_name: 'recourse leader',
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: heartbeatMs,
    keepAlive: true,
    options: serverKeepalive,
  });
  let leading = false;
  const gone = new AbortController();
  const lose = (reason: string) => {
    if (gone.signal.aborted) return;
    gone.abort();
    if (leading && !released.aborted) options.onLost(reason);
  };
  client.on('error', (error) => lose(error.message));
  client.on('end', () => lose('the connection ended'));
  const over = AbortSignal.any([gone.signal, released]);
  try {
    await client.connect();
    while (!over.aborted) {
      if (leading) {
        await client.query('select 1');
      } else {
        const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1::bigint) as held', [key]);
        leading = rows[0]?.held === true && !over.aborted;
        if (leading) options.onGained();
      }
      await pause(leading ? heartbeatMs : retryMs, over);
    }
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(String(error));
    if (!gone.signal.aborted) options.onError?.(reason);
    lose(reason.message);
  } finally {
    gone.abort();
    await Promise.race([client.end().catch(() => undefined), pause(heartbeatMs)]);
  }
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

/** The whole database shares the numbers of advisory locks, hence 64 bits of a hash. */
function lockKey(name: string): string {
  return createHash('sha256').update(name).digest().readBigInt64BE().toString();
}
