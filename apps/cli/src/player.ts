import { plusMs, type Instant } from '@recourse/eventing';
import type { Answer, Client } from './client.js';
import type { Request, ScriptCase } from './script.js';

export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
}

export interface PlayOptions {
  readonly client: Client;
  readonly cases: readonly ScriptCase[];
  /** When the day begins. */
  readonly start: Instant;
  readonly defaultPolicy: unknown;
  readonly onProgress: (done: number, of: number, at: Instant) => void;
  /** The case's last moment has come and everything it led to has happened. */
  readonly onEnded: (one: ScriptCase) => Promise<void>;
}

/** What answers of earlier requests later ones need. */
interface Memory {
  policyHash: string | undefined;
  /** The day was played on this installation before: refusals are judged anew, and may be refused for another reason by now. */
  isReplay: boolean;
  readonly contributions: Map<string, string>;
}

interface Moment {
  readonly atMs: number;
  readonly one: ScriptCase;
  readonly step?: ScriptCase['steps'][number];
}

/** Plays cases side by side in the order of their moments, each on the virtual clock. @throws UnexpectedAnswer */
export async function play(
  { client, cases, start, defaultPolicy, onProgress, onEnded }: PlayOptions,
  beginsMs: (one: ScriptCase) => number,
): Promise<void> {
  const moments: Moment[] = cases.flatMap((one) => [
    ...one.steps.map((step) => ({ atMs: beginsMs(one) + step.afterMs, one, step })),
    { atMs: beginsMs(one) + one.endsAfterMs, one },
  ]);
  // Sorting is stable: what happens at one moment keeps the order of the file.
  moments.sort((a, b) => a.atMs - b.atMs);
  const memory: Memory = { policyHash: undefined, isReplay: false, contributions: new Map() };
  let now: Instant | undefined;
  for (const [index, moment] of moments.entries()) {
    const at = plusMs(start, moment.atMs);
    if (at !== now || moment.step === undefined) await advance(client, at);
    now = at;
    if (moment.step === undefined) await onEnded(moment.one);
    else await request(client, moment.step.request, moment.step.key, memory, defaultPolicy);
    onProgress(index + 1, moments.length, at);
  }
}

/** Moves the virtual clock and waits until everything due by then has happened. */
export async function advance(client: Client, to: Instant): Promise<void> {
  const answer = await client.post('operator:clock', '/clock/advance', { to }, `advance-${to}-${Date.now()}`);
  if (answer.status >= 300) throw new UnexpectedAnswer(`the clock did not advance to ${to}: ${JSON.stringify(answer.body)}`);
}

async function request(client: Client, line: Request, key: string, memory: Memory, defaultPolicy: unknown): Promise<void> {
  const fill = (value: unknown): unknown => {
    if (value === '$defaultPolicy') return defaultPolicy;
    if (value === '$policyHash') return memory.policyHash;
    if (Array.isArray(value)) return value.map(fill);
    return value !== null && typeof value === 'object'
      ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, fill(inner)]))
      : value;
  };
  const path = line.post.replace(/\$([\w-]+)/, (_, name: string) => memory.contributions.get(name) ?? name);
  const answer = await client.post(line.as, path, fill(line.body), key);
  expectAnswer(line, answer, memory.isReplay);
  if (line.post === '/policies') {
    memory.policyHash = String(answer.body['hash']);
    memory.isReplay = answer.replayed;
  }
  if (line.post === '/fund/contributions')
    memory.contributions.set(String((line.body as { transaction?: unknown }).transaction), String(answer.body['contributionId']));
}

function expectAnswer(line: Request, { status, body }: Answer, isReplay: boolean): void {
  const isAccepted = status < 300;
  const isAsTold =
    line.problem === undefined
      ? isAccepted
      : body['type'] === `urn:recourse:problem:${line.problem}` || (isReplay && !isAccepted);
  if (isAsTold) return;
  throw new UnexpectedAnswer(
    `case ${line.case}: ${line.as} POST ${line.post}: expected ${line.problem ?? 'acceptance'}, got ${status} ${JSON.stringify(body)}`,
  );
}
