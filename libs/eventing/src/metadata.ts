import type { Instant } from './time.js';

export const roles = ['shop', 'buyer', 'merchant', 'arbitrator', 'finance', 'operator', 'system'] as const;
export type Role = (typeof roles)[number];

/** Who acted. Built from a verified credential, or `system` for what the house does by itself. */
export interface Actor {
  /** The person or key; two-person rules compare it. */
  readonly subject: string;
  readonly role: Role;
  /** The buyer, merchant or staff member the subject acts for. */
  readonly party: string;
  readonly platform: string;
}

export const systemActor = (name: string, platform = '*'): Actor => ({
  subject: `system:${name}`,
  role: 'system',
  party: name,
  platform,
});

/** What every stored event carries beside its data. */
export interface Metadata {
  readonly commandId: string;
  readonly correlationId: string;
  /** Id of the event that led to this one; absent when a person or a shop asked. */
  readonly causationId?: string;
  readonly actor: Actor;
  readonly schemaVersion: number;
  /** When the event became part of the log. */
  readonly recordedAt: Instant;
  /** When what it tells counts from; never later than recordedAt. */
  readonly effectiveAt: Instant;
  /** Log position of the last input a stream processor had taken when it appended this event. */
  readonly inputPosition?: string;
}

/** Everything about a command that is not its content. */
export interface CommandContext {
  readonly commandId: string;
  readonly correlationId: string;
  readonly causationId?: string;
  readonly actor: Actor;
  /** The server's clock at the edge. */
  readonly at: Instant;
  /** When this command, or what caused it, was first met: it cannot have taken effect before. Absent: `at`. */
  readonly since?: Instant;
}
