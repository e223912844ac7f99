import { plusHours, type Instant } from '@recourse/eventing';
import type { Vault } from '@recourse/vault';
import type { Kysely } from 'kysely';
import { endpointUrl, type AddressPolicy } from './address.js';
import { newSecret } from './signature.js';
import { webhookTables, type EndpointRow } from './tables.js';

/** Whose endpoints; nobody else's are ever seen or changed. */
export interface Owner {
  readonly platform: string;
  readonly merchant: string;
}

export interface EndpointTools extends AddressPolicy {
  readonly db: Kysely<Record<never, never>>;
  readonly vault: Vault;
  /** The machine's clock: receivers live in no other time. */
  readonly now: () => Promise<Instant>;
}

export type Endpoint = Omit<EndpointRow, 'secret' | 'secret_of' | 'previous_secret'>;

/** Endpoints of one merchant that are sent to. */
export const maxEnabledEndpoints = 5;
/** How long the secret before the last one stays valid. */
export const rotationHours = 24;

const secretContext = 'secret';
const subjectOf = (endpointId: string) => ({ kind: 'webhook', id: endpointId });
const known = [
  'endpoint_id',
  'platform',
  'merchant',
  'url',
  'enabled',
  'disabled_because',
  'previous_valid_until',
  'told_up_to',
  'failures',
  'failing_since',
  'rests_until',
  'served_at',
  'registered_at',
  'changed_at',
  'changed_by',
] as const;

export interface Registration extends Owner {
  /** The same for a request that is repeated. */
  readonly endpointId: string;
  readonly url: string;
  /** Movements up to this position are not told, unless they are replayed. */
  readonly after: bigint;
  readonly by: string;
}

/**
 * Registers an endpoint and makes its secret, which is shown this once; undefined when the endpoint was registered before.
 * @throws EndpointUrlError; TooManyEndpoints
 */
export async function registerEndpoint(tools: EndpointTools, registration: Registration): Promise<string | undefined> {
  const { endpointId, platform, merchant, after, by } = registration;
  const url = endpointUrl(registration.url, tools).href;
  const secret = newSecret();
  const sealed = await tools.vault.encrypt(subjectOf(endpointId), secretContext, secret);
  const now = await tools.now();
  return tools.db.transaction().execute(async (trx) => {
    const tables = webhookTables(trx);
    const before = await tables.selectFrom('endpoint').select('url').where('endpoint_id', '=', endpointId).executeTakeFirst();
    if (before !== undefined) return undefined;
    await demandRoom(tables, { platform, merchant });
    const { numInsertedOrUpdatedRows } = await tables
      .insertInto('endpoint')
      .values({
        endpoint_id: endpointId,
        platform,
        merchant,
        url,
        enabled: true,
        disabled_because: null,
        secret: sealed,
        secret_of: endpointId,
        previous_secret: null,
        previous_valid_until: null,
        told_up_to: after,
        failures: 0,
        failing_since: null,
        rests_until: null,
        served_at: null,
        registered_at: now,
        changed_at: now,
        changed_by: by,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    return numInsertedOrUpdatedRows === 1n ? secret : undefined;
  });
}

export class TooManyEndpoints extends Error {
  override readonly name = 'TooManyEndpoints';
  constructor() {
    super(`a merchant has ${maxEnabledEndpoints} enabled endpoints at most`);
  }
}

async function demandRoom(tables: ReturnType<typeof webhookTables>, { platform, merchant }: Owner): Promise<void> {
  const enabled = await tables
    .selectFrom('endpoint')
    .select('endpoint_id')
    .where('platform', '=', platform)
    .where('merchant', '=', merchant)
    .where('enabled', '=', true)
    .forUpdate()
    .execute();
  if (enabled.length >= maxEnabledEndpoints) throw new TooManyEndpoints();
}

/** The latest first, 100 at most. */
export const listEndpoints = ({ db }: Pick<EndpointTools, 'db'>, { platform, merchant }: Owner): Promise<Endpoint[]> =>
  webhookTables(db)
    .selectFrom('endpoint')
    .select(known)
    .where('platform', '=', platform)
    .where('merchant', '=', merchant)
    .orderBy('registered_at', 'desc')
    .orderBy('endpoint_id')
    .limit(100)
    .execute();

export const findEndpoint = (
  { db }: Pick<EndpointTools, 'db'>,
  { platform, merchant }: Owner,
  endpointId: string,
): Promise<Endpoint | undefined> =>
  webhookTables(db)
    .selectFrom('endpoint')
    .select(known)
    .where('endpoint_id', '=', endpointId)
    .where('platform', '=', platform)
    .where('merchant', '=', merchant)
    .executeTakeFirst();

export interface EndpointChange {
  readonly endpointId: string;
  readonly by: string;
}

/**
 * A new secret, shown this once; the one before stays valid beside it for 24 h, and any older one ends now.
 * @param request asked again after its answer was lost, it replaces the secret nobody saw, not the one in use
 */
export async function rotateSecret(
  { db, vault, now }: EndpointTools,
  { endpointId, by, request }: EndpointChange & { readonly request: string },
): Promise<{ readonly secret: string; readonly previousValidUntil: Instant }> {
  const secret = newSecret();
  const sealed = await vault.encrypt(subjectOf(endpointId), secretContext, secret);
  const at = await now();
  return db.transaction().execute(async (trx) => {
    const tables = webhookTables(trx);
    const endpoint = await tables
      .selectFrom('endpoint')
      .selectAll()
      .where('endpoint_id', '=', endpointId)
      .forUpdate()
      .executeTakeFirstOrThrow();
    const isRepeated = endpoint.secret_of === request;
    const previousValidUntil = (isRepeated ? endpoint.previous_valid_until : null) ?? plusHours(at, rotationHours);
    await tables
      .updateTable('endpoint')
      .set({
        secret: sealed,
        secret_of: request,
        previous_secret: isRepeated ? endpoint.previous_secret : endpoint.secret,
        previous_valid_until: previousValidUntil,
        changed_at: at,
        changed_by: by,
      })
      .where('endpoint_id', '=', endpointId)
      .execute();
    return { secret, previousValidUntil };
  });
}

/** Nothing is sent until it is enabled; what happens meanwhile is told then. */
export async function disableEndpoint(
  { db, now }: EndpointTools,
  { endpointId, by, because }: EndpointChange & { readonly because: string },
): Promise<void> {
  await webhookTables(db)
    .updateTable('endpoint')
    .set({ enabled: false, disabled_because: because, changed_at: await now(), changed_by: by })
    .where('endpoint_id', '=', endpointId)
    .where('enabled', '=', true)
    .execute();
}

/** What waits is due at once. @throws TooManyEndpoints */
export async function enableEndpoint(
  { db, now }: EndpointTools,
  owner: Owner,
  { endpointId, by }: EndpointChange,
): Promise<void> {
  const at = await now();
  await db.transaction().execute(async (trx) => {
    const tables = webhookTables(trx);
    const { enabled } = await tables
      .selectFrom('endpoint')
      .select('enabled')
      .where('endpoint_id', '=', endpointId)
      .forUpdate()
      .executeTakeFirstOrThrow();
    if (enabled) return;
    await demandRoom(tables, owner);
    await tables
      .updateTable('endpoint')
      .set({
        enabled: true,
        disabled_because: null,
        failures: 0,
        failing_since: null,
        rests_until: null,
        changed_at: at,
        changed_by: by,
      })
      .where('endpoint_id', '=', endpointId)
      .execute();
    await tables
      .updateTable('message')
      .set({ due_at: at, queued_at: at, tries: 0 })
      .where('endpoint_id', '=', endpointId)
      .where('status', '=', 'pending')
      .execute();
  });
}

/** The newest first; in the 24 h after a rotation there are two. */
export async function validSecrets(
  vault: Vault,
  endpoint: Pick<EndpointRow, 'endpoint_id' | 'secret' | 'previous_secret' | 'previous_valid_until'>,
  at: Instant,
): Promise<string[]> {
  const { endpoint_id, secret, previous_secret, previous_valid_until } = endpoint;
  const isStillValid = previous_secret !== null && previous_valid_until !== null && at <= previous_valid_until;
  return Promise.all(
    [secret, ...(isStillValid ? [previous_secret] : [])].map((sealed) =>
      vault.decrypt(subjectOf(endpoint_id), secretContext, sealed),
    ),
  );
}
