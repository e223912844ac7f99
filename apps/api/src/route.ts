import {
  applyDecorators,
  type CallHandler,
  createParamDecorator,
  type ExecutionContext,
  HttpCode,
  Inject,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { ApiBearerAuth, ApiExtension, ApiHeader, ApiResponse } from '@nestjs/swagger';
import type { Actor, Role } from '@recourse/eventing';
import { Allow } from '@recourse/nest';
import type { Request, Response } from 'express';
import type { Observable } from 'rxjs';
import { type Act, Edge } from './edge.js';

const problems = (...statuses: number[]): MethodDecorator[] =>
  statuses.map((status) => ApiResponse({ status, description: 'problem details (RFC 9457)' }));

/** A route that changes something, for these roles: it takes an Idempotency-Key and answers with the log position. */
export const Writes = (status: 200 | 201, ...roles: Role[]): MethodDecorator =>
  applyDecorators(
    HttpCode(status),
    Allow(...roles),
    ApiBearerAuth(),
    ApiExtension('x-roles', roles),
    ApiHeader({
      name: 'Idempotency-Key',
      required: true,
      description: 'same key and input: the first answer again; same key, other input: 422',
    }),
    ...problems(400, 401, 403, 404, 409, 422, 503),
  );

/** A route that only reads, for these roles. */
export const Reads = (...roles: Role[]): MethodDecorator =>
  applyDecorators(
    Allow(...roles),
    ApiBearerAuth(),
    ApiExtension('x-roles', roles),
    ApiHeader({
      name: 'Recourse-At-Least',
      required: false,
      description: 'a position from an earlier answer: waits until it is visible, 2 s at most',
    }),
    ...problems(400, 401, 403, 404, 503),
  );

/** A route that only reads what its body names: no Idempotency-Key, since nothing is done. */
export const Asks = (...roles: Role[]): MethodDecorator =>
  applyDecorators(HttpCode(200), Reads(...roles), ApiExtension('x-reads', true), ...problems(413));

/** Everybody who is something at a platform. */
export const everyRole = ['shop', 'buyer', 'merchant', 'arbitrator', 'finance', 'operator'] as const;

/** Lets this request take effect once; what `act` returns is the body of the answer. `input` stands for a body that was streamed. */
export type Write = (act: Act, input?: object) => Promise<object>;
type WithWrite = Request & { caller?: Actor; write?: Write };

@Injectable()
export class WritesOnce implements NestInterceptor {
  constructor(@Inject(Edge) private readonly edge: Edge) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const [request, response] = [http.getRequest<WithWrite>(), http.getResponse<Response>()];
    const { caller } = request;
    if (caller !== undefined) request.write = (act, input) => this.edge.write(request, response, caller, act, input);
    return next.handle();
  }
}

export const Once = createParamDecorator((_: unknown, context: ExecutionContext): Write => {
  const { write } = context.switchToHttp().getRequest<WithWrite>();
  if (write === undefined) throw new Error('a route without a caller cannot write');
  return write;
});
