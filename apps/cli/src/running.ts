import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the parts of a running installation are, for commands that look at it from beside; readable by this user only. */
export interface Running {
  readonly pid: number;
  readonly apiUrl: string;
  readonly databaseUrl: string;
  readonly eventStoreUrl: string;
}

const file = (dataDir: string): string => join(dataDir, 'running.json');

export const noteRunning = (dataDir: string, running: Running): Promise<void> =>
  writeFile(file(dataDir), JSON.stringify(running), { mode: 0o600 });
export const forgetRunning = (dataDir: string): Promise<void> => rm(file(dataDir), { force: true });

const answerTimeoutMs = 2_000;

/** undefined when nothing runs there: a process of that number that does not answer is another one by now. */
export async function findRunning(dataDir: string): Promise<Running | undefined> {
  try {
    const running = JSON.parse(await readFile(file(dataDir), 'utf8')) as Running;
    process.kill(running.pid, 0);
    const { ok } = await fetch(`${running.apiUrl}/health/live`, { signal: AbortSignal.timeout(answerTimeoutMs) });
    return ok ? running : undefined;
  } catch {
    return undefined;
  }
}
