import { readFile } from 'node:fs/promises';

/** A line of an example file: what a case is, what somebody asks of the API, or that the story is over. */
export interface CaseHeader {
  readonly case: number;
  /** From the start of the day: `10m`, `1h20m`, `3d`. */
  readonly begins: string;
  readonly zh: string;
  readonly en: string;
}
export interface Request {
  readonly case: number;
  /** From the beginning of the case. */
  readonly after: string;
  /** `shop`, or a role and who: `buyer:zhang`. */
  readonly as: string;
  readonly post: string;
  readonly body?: unknown;
  /** The kind of problem that must be the answer; without it the request must be accepted. */
  readonly problem?: string;
  /** Idempotency key; by default one of its own per line. */
  readonly key?: string;
  readonly note?: string;
}
export interface CaseEnd {
  readonly case: number;
  readonly after: string;
  readonly ends: true;
}
type Line = CaseHeader | Request | CaseEnd;

export interface ScriptCase {
  readonly header: CaseHeader;
  readonly steps: readonly { readonly afterMs: number; readonly key: string; readonly request: Request }[];
  readonly endsAfterMs: number;
}

const unitsMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;

/** `1h20m` → 4,800,000. @throws RangeError */
export function durationMs(text: string): number {
  if (!/^(\d+[dhms])+$/.test(text)) throw new RangeError(`${text} is not a duration like 1h20m`);
  return [...text.matchAll(/(\d+)([dhms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * unitsMs[unit as keyof typeof unitsMs],
    0,
  );
}

/** @throws Error that names the line */
export async function readScript(file: string): Promise<ScriptCase[]> {
  const headers = new Map<number, CaseHeader>();
  const steps = new Map<number, { afterMs: number; key: string; request: Request }[]>();
  const ends = new Map<number, number>();
  for (const [index, text] of (await readFile(file, 'utf8')).split('\n').entries()) {
    if (text.trim() === '') continue;
    try {
      const line = JSON.parse(text) as Line;
      if ('begins' in line) {
        durationMs(line.begins);
        headers.set(line.case, line);
      } else if ('ends' in line) {
        ends.set(line.case, durationMs(line.after));
      } else {
        const list = steps.get(line.case) ?? [];
        list.push({ afterMs: durationMs(line.after), key: line.key ?? `example-${line.case}-${list.length + 1}`, request: line });
        steps.set(line.case, list);
      }
    } catch (error) {
      throw new Error(`${file}:${index + 1}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  return [...headers.values()].map((header) => {
    const list = steps.get(header.case) ?? [];
    return { header, steps: list, endsAfterMs: ends.get(header.case) ?? list.at(-1)?.afterMs ?? 0 };
  });
}
