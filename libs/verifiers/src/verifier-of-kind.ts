import type { ProductKind } from '@recourse/orders/events';
import { cardActivation } from './card-activation.js';
import { carrierRecord } from './carrier-record.js';
import { HttpVerifier, type HttpVerifierOptions } from './http-verifier.js';
import { membershipEntitlement } from './membership-entitlement.js';
import type { RecordSource } from './record-source.js';
import { addressFault } from './source-address.js';
import type { Verifier } from './verifier.js';
import type { SourceName, VerifierKeys } from './verifier-keys.js';

export const recordSources: readonly RecordSource[] = [cardActivation, carrierRecord, membershipEntitlement];

export interface SourcesOptions extends Pick<
  HttpVerifierOptions,
  'onTrouble' | 'attempts' | 'pauseMs' | 'attemptTimeoutMs' | 'overallTimeoutMs' | 'breaker'
> {
  /** Where each kind of record is kept; kinds left out are the business of `otherwise`. */
  readonly urls: Readonly<Partial<Record<SourceName, string>>>;
  readonly keys: VerifierKeys;
  readonly otherwise: Verifier;
}

/** Sends each question to whoever keeps the records of that kind of product. @throws Error for an address or a key that cannot be used */
export function verifierOfKind({ urls, keys, otherwise, ...options }: SourcesOptions): Verifier {
  const byKind = new Map<ProductKind, Verifier>();
  for (const source of recordSources) {
    const url = urls[source.name];
    if (url === undefined) continue;
    const fault = addressFault(url);
    if (fault !== undefined) throw new Error(`the address of ${source.name} ${fault}`);
    const key = keys.get(source.name);
    if (key === undefined) throw new Error(`the file of verifier keys has none for ${source.name}`);
    byKind.set(source.productKind, new HttpVerifier({ ...options, source, url: new URL(url), key }));
  }
  return { verify: (question, signal) => (byKind.get(question.productKind) ?? otherwise).verify(question, signal) };
}
