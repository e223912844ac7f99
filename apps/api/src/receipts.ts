import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { UniqueCommand } from '@recourse/eventing';
import { commandOf, Problem } from '@recourse/nest';
import { type Capture, type PayoutRail, RailError } from '@recourse/rails';
import type { Accepted, Run } from './edge.js';
import type { Settings } from './settings.js';
import { railsToken, settingsToken } from './tokens.js';

export class ClaimUnique extends commandOf<UniqueCommand, 'ClaimUnique'>('unique', 'ClaimUnique') {}

export const uniqueCommands = [ClaimUnique] as const;

/** One thing in the world has one owner here; a retry by the same owner goes on. @throws Problem 409 for another's */
export function own(run: Run, kind: string, value: string, owner: string): Promise<Accepted> {
  const hash = createHash('sha256').update(value).digest('hex');
  return run.send(ClaimUnique, `${kind}-${hash}`, { type: 'ClaimUnique', kind, hash, owner }, `own:${kind}:${hash}`);
}

/** Payments that came in: each counts once the rail confirms it, and for one purpose only. */
@Injectable()
export class Receipts {
  constructor(
    @Inject(railsToken) private readonly rails: ReadonlyMap<string, PayoutRail>,
    @Inject(settingsToken) private readonly settings: Settings,
  ) {}

  /** @throws Problem 422 for a rail this installation does not have */
  rail(name: string): PayoutRail {
    const rail = this.rails.get(name);
    if (rail === undefined)
      throw new Problem(422, 'rail-unknown', `this installation has the rails ${[...this.rails.keys()].join(', ')}`);
    return rail;
  }

  /** The rail's own word. @throws Problem 422 when it knows of no such payment, 503 when it does not answer */
  async confirmed(railName: string, transaction: string): Promise<Capture> {
    const capture = await this.rail(railName)
      .findCapture(transaction)
      .catch((error: unknown) => {
        if (!(error instanceof RailError)) throw error;
        throw new Problem(503, 'rail-unavailable', 'the rail does not answer; send this again with the same Idempotency-Key', {
          headers: { 'Retry-After': '2' },
        });
      });
    if (capture === undefined)
      throw new Problem(422, 'capture-unconfirmed', 'the rail knows no such transaction; nothing was credited');
    return capture;
  }

  /** A payment into our own account. @throws Problem as `confirmed`, and 422 when another account received it */
  async received(railName: string, transaction: string): Promise<Capture> {
    const capture = await this.confirmed(railName, transaction);
    if (capture.receiver !== this.settings.railReceiver)
      throw new Problem(
        422,
        'capture-mismatch',
        'the rail says that another account received this payment; nothing was credited',
      );
    return capture;
  }

  /** From now on this payment is for this purpose. @throws Problem 409 when it is for another */
  own(run: Run, railName: string, transaction: string, owner: string): Promise<Accepted> {
    return own(run, 'transaction', `${railName}/${transaction}`, owner);
  }
}
