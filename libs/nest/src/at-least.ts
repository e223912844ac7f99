import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import { defer, switchMap, type Observable } from 'rxjs';
import { Problem } from './problem.js';

export const shownToken = Symbol('read models have shown a position');
/** Whether the read models have shown everything up to `position` in time. */
export type Shown = (position: bigint, timeoutMs: number) => Promise<boolean>;

/** A read that waits for its writes waits this long at most. */
export const atLeastTimeoutMs = 2_000;
const positionShape = /^(0|[1-9][0-9]{0,18})$/;
const maxPosition = 2n ** 63n - 1n;

function positionOf(header: string): bigint {
  const position = positionShape.test(header) ? BigInt(header) : undefined;
  if (position !== undefined && position <= maxPosition) return position;
  throw new Problem(400, 'at-least-malformed', 'Recourse-At-Least is a position as an earlier answer named it, a whole number');
}

/** Read your writes: a read that names the position of an earlier write is answered from then on, or not at all. */
@Injectable()
export class AtLeast implements NestInterceptor {
  constructor(@Inject(shownToken) private readonly shown: Shown) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<Request>();
    const header = request.header('Recourse-At-Least');
    if (header === undefined || request.method !== 'GET') return next.handle();
    return defer(() => this.wait(positionOf(header))).pipe(switchMap(() => next.handle()));
  }

  private async wait(position: bigint): Promise<void> {
    if (await this.shown(position, atLeastTimeoutMs)) return;
    throw new Problem(503, 'not-shown-yet', 'what you wrote is stored, but the read models have not come to it yet; ask again', {
      headers: { 'Retry-After': '1' },
    });
  }
}
