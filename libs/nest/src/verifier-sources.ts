import type { Log } from '@recourse/eventstore';
import { readVerifierKeys, type Verifier, verifierOfKind } from '@recourse/verifiers';
import type { Environment } from './environment.js';

/** Asks where the environment says; what has no address there is asked of the sandbox. @throws Error for a file of keys that cannot be used */
export async function openVerifier(
  { verifierUrls, verifierKeyFile }: Pick<Environment, 'verifierUrls' | 'verifierKeyFile'>,
  otherwise: Verifier,
  log: Log,
): Promise<Verifier> {
  if (verifierKeyFile === undefined) return otherwise;
  const keys = await readVerifierKeys(verifierKeyFile);
  return verifierOfKind({ urls: verifierUrls, keys, otherwise, onTrouble: (what) => log('warn', what) });
}
