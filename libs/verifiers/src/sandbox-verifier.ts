import { createHash } from 'node:crypto';
import type { VerificationOutcome } from '@recourse/disputes/events';
import type { Kysely } from 'kysely';
import type { Verifier } from './verifier.js';

interface SandboxTables {
  answer: { reference: string; outcome: VerificationOutcome };
}

export interface RecordedAnswer {
  /** Fingerprint of a key or receipt of a top-up. */
  readonly deliveryReference: string;
  readonly outcome: VerificationOutcome;
}

/** A verifier whose answers are told to it beforehand; what it was not told about is INCONCLUSIVE. */
export interface SandboxVerifier extends Verifier {
  /** The last answer recorded for a reference counts. @throws RangeError for a reference that is not storable text */
  recordAnswer(answer: RecordedAnswer): Promise<void>;
}

const source = 'sandbox-verifier';
const referenceShape = /^[\x21-\x7e]{1,256}$/;

export function openSandboxVerifier<Tables>(options: { readonly db: Kysely<Tables> }): SandboxVerifier {
  // the caller's type lists his tables; this library knows its own schema only
  const db = (options.db as unknown as Kysely<SandboxTables>).withSchema('sandbox_verifier');
  return {
    async verify({ deliveryReference }) {
      const row = await db.selectFrom('answer').select('outcome').where('reference', '=', deliveryReference).executeTakeFirst();
      const outcome = row?.outcome ?? 'INCONCLUSIVE';
      const raw = JSON.stringify({ reference: deliveryReference, outcome });
      return { outcome, source, resultHash: createHash('sha256').update(raw).digest('hex'), raw };
    },
    async recordAnswer({ deliveryReference, outcome }) {
      if (!referenceShape.test(deliveryReference))
        throw new RangeError('a delivery reference has 1 to 256 visible ASCII characters');
      await db
        .insertInto('answer')
        .values({ reference: deliveryReference, outcome })
        .onConflict((known) => known.column('reference').doUpdateSet({ outcome }))
        .execute();
    },
  };
}
