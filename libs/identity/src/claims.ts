import type { Actor, Role } from '@recourse/eventing';
import { AuthenticationError } from './authentication-error.js';

export const tokenRoles = ['buyer', 'merchant', 'arbitrator', 'finance', 'operator'] as const satisfies readonly Role[];
export type TokenRole = (typeof tokenRoles)[number];

/** What a person's token says beside issuer, audience and times. */
export interface TokenClaims {
  /** The person; two-person rules compare it. */
  readonly sub: string;
  readonly role: TokenRole;
  /** The buyer or merchant the person acts for; for staff the id at the platform. */
  readonly party: string;
  readonly platform: string;
}

/** No dot: platform and party are joined by dots in stream names, and `a.b` + `c` must not meet `a` + `b.c`. */
const idShape = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/;
const subjectShape = /^[\x21-\x7e]{1,128}$/;
/** Subjects of API keys and of the house itself; a person must not pass for one. */
const reservedSubject = /^(key|system):/i;

export function isId(value: unknown): value is string {
  return typeof value === 'string' && idShape.test(value);
}

/** Throws `AuthenticationError` malformed. */
export function actorOf({ sub, role, party, platform }: Readonly<Record<keyof TokenClaims, unknown>>): Actor {
  if (typeof sub !== 'string' || !subjectShape.test(sub) || reservedSubject.test(sub)) throw malformed('sub');
  if (!isTokenRole(role)) throw malformed('role');
  if (!isId(party)) throw malformed('party');
  if (!isId(platform)) throw malformed('platform');
  return { subject: sub, role, party, platform };
}

function isTokenRole(value: unknown): value is TokenRole {
  return tokenRoles.some((role) => role === value);
}

function malformed(claim: string): AuthenticationError {
  return new AuthenticationError('malformed', `the token's claim "${claim}" is missing or not of its shape`);
}
