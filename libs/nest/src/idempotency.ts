import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Actor, Instant } from '@recourse/eventing';
import type { MigrationSet } from '@recourse/postgres';
import { sql, type Kysely } from 'kysely';
import { Problem, problemOf } from './problem.js';

interface EdgeTables {
  request: {
    client: string;
    route: string;
    key: string;
    input_hash: string;
    command_id: string;
    /** By the server's clock. */
    met_at: string;
    status: number | null;
    answer: object | null;
  };
}
type NewRequest = Omit<EdgeTables['request'], 'status' | 'answer'>;
const identity = ['client', 'route', 'key'] as const;

/** Requests that were accepted, remembered for good. The command ids derive from client and key, so the table can be rebuilt from event metadata. */
export const idempotencyMigrations: MigrationSet = {
  schema: 'edge',
  steps: [
    {
      name: 'request',
      up: async (trx) => {
        await sql`create table edge.request (
          client text not null, route text not null, key text not null, input_hash text not null, command_id uuid not null,
          status integer, answer jsonb, first_seen_at timestamptz not null default now(), primary key (client, route, key))`.execute(
          trx,
        );
      },
    },
    {
      name: 'request.met_at',
      up: async (trx) => {
        await sql`alter table edge.request add column met_at timestamptz not null default now()`.execute(trx);
      },
    },
  ],
};

export interface Answer {
  readonly status: number;
  readonly body: object;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
/** A UUID that is the same for the same parts. */
export const uuidOf = (...parts: readonly string[]): string => {
  const hex = sha256(JSON.stringify(parts));
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};
/** The same JSON for the same input, whatever the order of its keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

/** What a client may send as Idempotency-Key. */
export const idempotencyKeyShape = /^[\x21-\x7e]{1,128}$/;

/** @throws Problem 400 */
export function demandIdempotencyKey(key: string | undefined): asserts key is string {
  if (key === undefined)
    throw new Problem(400, 'idempotency-key-missing', 'send an Idempotency-Key header, a new one for each thing you want done');
  if (!idempotencyKeyShape.test(key))
    throw new Problem(400, 'idempotency-key-malformed', 'an Idempotency-Key has 1 to 128 visible ASCII characters');
}

/**
 * Lets a request take effect once: the same key and input get the first answer again, the same key with other input 422.
 * An accepted answer is remembered for good; a refusal is forgotten, since it may be cured.
 */
@Injectable()
export class Idempotency {
  private readonly db: Kysely<EdgeTables>;

  /** @param fingerprint a keyed hash: inputs may hold a card key, which a plain one would let everybody guess at */
  constructor(
    db: Kysely<Record<never, never>>,
    private readonly fingerprint: (text: string) => string,
  ) {
    this.db = (db as unknown as Kysely<EdgeTables>).withSchema('edge');
  }

  /** @param act gets the command id that belongs to this request and when it was first met; it may run again after a crash, with the same */
  async once(
    caller: Actor,
    route: string,
    key: string | undefined,
    input: unknown,
    at: Instant,
    act: (commandId: string, metAt: Instant) => Promise<Answer>,
  ): Promise<Answer & { readonly replayed: boolean }> {
    demandIdempotencyKey(key);
    const request = { client: `${caller.platform}/${caller.subject}`, route, key };
    const row = {
      ...request,
      input_hash: this.fingerprint(canonical(input)),
      command_id: uuidOf(request.client, route, key),
      met_at: at,
    };
    const first = await this.remember(row);
    if (first.input_hash !== row.input_hash)
      throw new Problem(422, 'idempotency-key-reused', 'this Idempotency-Key was sent before with other input; use a new key');
    if (first.status !== null && first.answer !== null) return { status: first.status, body: first.answer, replayed: true };
    try {
      const answer = await act(row.command_id, first.met_at);
      await this.accept(row, answer);
      return { ...answer, replayed: false };
    } catch (error) {
      const problem = problemOf(error);
      if (problem !== undefined && problem.status < 500) await this.forget(row);
      throw error;
    }
  }

  /** The row of this request, made now or before: one statement, since a refusal elsewhere may remove it in between. */
  private remember(row: NewRequest): Promise<Pick<EdgeTables['request'], 'input_hash' | 'met_at' | 'status' | 'answer'>> {
    return this.db
      .insertInto('request')
      .values({ ...row, status: null, answer: null })
      .onConflict((known) => known.columns(identity).doUpdateSet({ key: row.key }))
      .returning(['input_hash', 'met_at', 'status', 'answer'])
      .executeTakeFirstOrThrow();
  }

  /** The first answer stays, and an attempt that was refused meanwhile does not undo it. */
  private async accept(row: NewRequest, { status, body }: Answer): Promise<void> {
    const answer = JSON.stringify(body) as unknown as object;
    await this.db
      .insertInto('request')
      .values({ ...row, status, answer })
      .onConflict((known) => known.columns(identity).doUpdateSet({ status, answer }).where('request.status', 'is', null))
      .execute();
  }

  private async forget({ client, route, key }: NewRequest): Promise<void> {
    await this.db
      .deleteFrom('request')
      .where('client', '=', client)
      .where('route', '=', route)
      .where('key', '=', key)
      .where('status', 'is', null)
      .execute();
  }
}
