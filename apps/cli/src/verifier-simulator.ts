import { access, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createVerifierKeys, readVerifierKeys, startVerifierSimulator } from '@recourse/verifiers/simulator';

/** Runs until it is ended, and says first with which variables an installation asks it. */
export async function runVerifierSimulator(
  { port, keyFile }: { readonly port: number; readonly keyFile: string },
  { say, ended }: { readonly say: (line: string) => void; readonly ended: Promise<void> },
): Promise<number> {
  const isNew = await access(keyFile).then(
    () => false,
    () => true,
  );
  if (isNew) {
    await mkdir(dirname(keyFile), { recursive: true, mode: 0o700 });
    await createVerifierKeys(keyFile);
  }
  const simulator = await startVerifierSimulator({ keys: await readVerifierKeys(keyFile), port });
  const environment = environmentOf(simulator.url, keyFile);
  say(JSON.stringify({ ready: true, control: `${simulator.url}/control`, environment }));
  await ended;
  await simulator.close();
  return 0;
}

/** By which an installation asks a simulator about everything. */
export const environmentOf = (url: string, keyFile: string): Readonly<Record<string, string>> => ({
  VERIFIER_CARD_URL: url,
  VERIFIER_CARRIER_URL: url,
  VERIFIER_MEMBERSHIP_URL: url,
  RECOURSE_VERIFIER_KEY_FILE: keyFile,
});
