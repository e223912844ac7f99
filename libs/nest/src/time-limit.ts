import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { type Observable, throwError, timeout } from 'rxjs';
import { Problem } from './problem.js';

const limitKey = 'recourse:time-limit';
const defaultLimitMs = 30_000;

/** For a route that may take longer than the others. */
export const TakesAtMost = (limitMs: number): MethodDecorator => SetMetadata(limitKey, limitMs);

/** No request waits for ever. What it began goes on, and its Idempotency-Key leads to the outcome. */
@Injectable()
export class TimeLimit implements NestInterceptor {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const each = this.reflector.get<number | undefined>(limitKey, context.getHandler()) ?? defaultLimitMs;
    const late = () =>
      throwError(
        () =>
          new Problem(503, 'timed-out', `no outcome within ${each} ms; ask again, a write with the same Idempotency-Key`, {
            headers: { 'Retry-After': '2' },
          }),
      );
    return next.handle().pipe(timeout({ each, with: late }));
  }
}
