import { type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Actor, Role } from '@recourse/eventing';
import { AuthenticationError, type Identity } from '@recourse/identity';
import type { Request } from 'express';
import { Problem } from './problem.js';

export const identityToken = Symbol('identity');
const rolesKey = 'recourse:roles';
const openKey = 'recourse:open';

/** Who may call a route. A route without `Allow` or `Open` is closed to everybody. */
export const Allow = (...roles: Role[]): MethodDecorator & ClassDecorator => SetMetadata(rolesKey, roles);
/** A route that needs no credential. */
export const Open = (): MethodDecorator & ClassDecorator => SetMetadata(openKey, true);

type WithCaller = Request & { caller?: Actor };

/** The verified caller of a route that is not `Open`. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Actor => {
  const { caller } = context.switchToHttp().getRequest<WithCaller>();
  if (caller === undefined) throw new Problem(401, 'credentials-missing', 'send Authorization: Bearer <API key or token>');
  return caller;
});

const refusals = {
  missing: 'credentials-missing',
  malformed: 'credentials-malformed',
  unknown: 'credentials-unknown',
  revoked: 'credentials-revoked',
  expired: 'credentials-expired',
  forged: 'credentials-forged',
} as const;

/** Verifies the credential and the role, before anything of the request's body is looked at. */
@Injectable()
export class CallerGuard implements CanActivate {
  constructor(
    @Inject(identityToken) private readonly identity: Identity,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const places = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(openKey, places) === true) return true;
    const request = context.switchToHttp().getRequest<WithCaller>();
    const caller = await this.authenticate(request.headers.authorization);
    const roles = this.reflector.getAllAndOverride<readonly Role[] | undefined>(rolesKey, places) ?? [];
    if (!roles.includes(caller.role))
      throw new Problem(403, 'role-not-allowed', `this is for ${roles.join(', ') || 'nobody'}, not for a ${caller.role}`);
    request.caller = caller;
    return true;
  }

  private async authenticate(header: string | undefined): Promise<Actor> {
    try {
      return await this.identity.authenticate(header);
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      if (error.code === 'unavailable')
        throw new Problem(503, 'identity-unavailable', error.message, { headers: { 'Retry-After': '2' } });
      throw new Problem(401, refusals[error.code], error.message, { headers: { 'WWW-Authenticate': 'Bearer' } });
    }
  }
}
