import type { Instant } from '@recourse/eventing';
import type { Kysely } from 'kysely';

export interface EndpointRow {
  endpoint_id: string;
  platform: string;
  merchant: string;
  url: string;
  enabled: boolean;
  disabled_because: string | null;
  /** Ciphertexts of the vault. The previous one also signs until its time is over. */
  secret: string;
  /** The request that made the newest secret. */
  secret_of: string;
  previous_secret: string | null;
  previous_valid_until: Instant | null;
  /** Every movement up to this position has its message. */
  told_up_to: bigint;
  /** Failed attempts in a row, since when, and until when the endpoint is left alone for them. */
  failures: number;
  failing_since: Instant | null;
  rests_until: Instant | null;
  /** When its messages were last looked at. */
  served_at: Instant | null;
  registered_at: Instant;
  changed_at: Instant;
  /** Subject of whoever registered, enabled, disabled it or changed its secret last. */
  changed_by: string;
}
export interface MessageRow {
  endpoint_id: string;
  position: bigint;
  type: string;
  status: 'pending' | 'delivered' | 'failed';
  /** Failed attempts since it was queued, or queued again. */
  tries: number;
  due_at: Instant;
  queued_at: Instant;
  delivered_at: Instant | null;
}
export interface AttemptRow {
  endpoint_id: string;
  position: bigint;
  attempt_no: number;
  at: Instant;
  duration_ms: number;
  /** What the receiver answered; null: nothing, and `error` says why. */
  status: number | null;
  error: string | null;
}
interface WebhookTables {
  endpoint: EndpointRow;
  message: MessageRow;
  attempt: AttemptRow;
}

/** The caller's type lists his tables; this library knows its own schema only. */
export const webhookTables = <Tables>(db: Kysely<Tables>): Kysely<WebhookTables> =>
  (db as unknown as Kysely<WebhookTables>).withSchema('webhooks');
