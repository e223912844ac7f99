import { restoreBackup, startEventStoreNode, verifyFiles } from '@recourse/embedded-eventstore';
import { Progress } from './progress.js';

/** Where the commands write: `say` is the answer, `complain` all else. */
interface Voice {
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
}

export interface ServeOptions {
  readonly dir: string;
  readonly port: number;
  readonly host: string;
  readonly allowRemote?: boolean;
  readonly backupDir?: string;
  readonly rebuildIndex?: boolean;
}

const requestTimeoutMs = 10_000;
const pollMs = 500;

/** Runs the embedded event store alone until `ended`; 1 if it could not go on. */
export async function serveEventStore(options: ServeOptions, ended: Promise<void>, { say, complain }: Voice): Promise<number> {
  const node = await startEventStoreNode({
    directory: options.dir,
    port: options.port,
    host: options.host,
    allowRemote: options.allowRemote === true,
    rebuildIndex: options.rebuildIndex === true,
    ...(options.backupDir === undefined ? {} : { backupDirectory: options.backupDir }),
    log: complain,
  });
  say(JSON.stringify({ ready: true, port: node.port, connectionString: node.connectionString, pid: process.pid }));
  const code = await Promise.race([ended.then(() => 0), node.failed.then(() => 1)]);
  await node.stop();
  return code;
}

/** Reads every event and compares the index with them; 1 if anything is wrong. */
export async function verifyEventStore(directory: string, json: boolean, { say, complain }: Voice): Promise<number> {
  const progress = new Progress('verified');
  const mebibyte = 1024 * 1024;
  const report = await verifyFiles(directory, {
    progress: (done, of) => progress.show(Math.ceil(done / mebibyte), Math.ceil(of / mebibyte), 'MiB'),
    log: complain,
  });
  progress.clear();
  if (json) say(JSON.stringify(report));
  else {
    for (const problem of report.problems) complain(problem);
    const more = report.problemCount - report.problems.length;
    if (more > 0) complain(`and ${more} more`);
    say(`events: ${report.events}, streams: ${report.streams}, bytes: ${report.bytes}, problems: ${report.problemCount}`);
  }
  return report.problemCount === 0 ? 0 : 1;
}

/** Makes a store's directory from a backup after checking every file of it. */
export async function restoreEventStore(from: string, to: string, { say }: Voice): Promise<number> {
  const { createdAt, files, lastPosition } = await restoreBackup(from, to);
  say(`restored ${files.length} files of ${createdAt} into ${to}; the newest event is at ${lastPosition}`);
  return 0;
}

interface MaintenanceAnswer {
  running?: { kind: string; progress: unknown };
  last?: { kind: string; endedAt: string; outcome: string; result: unknown };
}

/** Begins long work on a running node, shows how far it is and how it ended; Ctrl-C leaves a backup to run on. */
export async function maintainEventStore(
  url: string,
  task: { readonly path: string; readonly body: object },
  ended: Promise<void>,
  { say, complain }: Voice,
): Promise<number> {
  await ask(url, 'POST', task.path, task.body);
  let isLeft = false;
  void ended.then(() => (isLeft = true));
  for (;;) {
    const { running, last } = (await ask(url, 'GET', '/admin/maintenance')) as MaintenanceAnswer;
    if (!running) {
      say(JSON.stringify(last));
      return last?.outcome === 'done' ? 0 : 1;
    }
    if (isLeft) {
      complain(`the ${running.kind} goes on; recourse eventstore status tells how it ends`);
      return 130;
    }
    complain(`${running.kind}: ${JSON.stringify(running.progress ?? 'begun')}`);
    await Promise.race([new Promise((resolve) => setTimeout(resolve, pollMs)), ended]);
  }
}

export async function stopCompaction(url: string, { say }: Voice): Promise<number> {
  say(JSON.stringify(await ask(url, 'DELETE', '/admin/compaction', {})));
  return 0;
}

export async function eventStoreStatus(url: string, { say }: Voice): Promise<number> {
  const [stats, maintenance] = await Promise.all([ask(url, 'GET', '/stats'), ask(url, 'GET', '/admin/maintenance')]);
  say(JSON.stringify({ stats, maintenance }, undefined, 2));
  return 0;
}

async function ask(url: string, method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown> {
  // An installation notes its event store as clients want it.
  const address = url.replace(/^esdb:/, 'http:');
  if (!URL.canParse(path, address)) throw new Error(`--url ${url} is no URL; a node's is like http://127.0.0.1:2113`);
  const response = await fetch(new URL(path, address), {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(requestTimeoutMs),
  }).catch((error: unknown) => {
    throw new Error(`no event store answers at ${url}: ${reasonOf(error)}`);
  });
  const answer = (await response.json().catch(() => {
    throw new Error(`what answers at ${url} is no event store`);
  })) as { detail?: string };
  if (!response.ok) throw new Error(answer.detail ?? `the event store answered ${response.status}`);
  return answer;
}

/** What fetch says is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
