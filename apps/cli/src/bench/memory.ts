import { readFile } from 'node:fs/promises';

/** Of a process, in MiB. */
export interface Memory {
  readonly residentMiB: number;
  /** Resident and nobody else's: without mapped files, which the system takes back when it needs room. */
  readonly privateMiB: number;
  /** The most it ever had resident. */
  readonly peakMiB: number;
}

/** @returns undefined where the system does not say */
export async function memoryOf(pid: number): Promise<Memory | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return parsedMemory(status);
}

/** From what Linux says of a process in its `status`. */
export function parsedMemory(status: string): Memory | undefined {
  const resident = mib(status, 'VmRSS');
  const peak = mib(status, 'VmHWM');
  const anonymous = mib(status, 'RssAnon');
  if (resident === undefined || peak === undefined || anonymous === undefined) return undefined;
  return { residentMiB: resident, privateMiB: anonymous, peakMiB: peak };
}

function mib(status: string, key: string): number | undefined {
  const kib = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  return kib === undefined ? undefined : Math.round(Number(kib) / 102.4) / 10;
}
