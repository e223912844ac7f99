import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** The process that uses a directory; a reused pid is told apart by its start. */
export interface DirectoryOwner {
  pid: number;
  /** Start of the process: clock ticks since boot and the boot's id where /proc has them, else milliseconds since 1970. */
  started: string;
}

export function thisProcess(): DirectoryOwner {
  return { pid: process.pid, started: startOf(process.pid) ?? `ms:${Math.round(performance.timeOrigin)}` };
}

/** False only if that process certainly is gone. */
export function isRunning(owner: DirectoryOwner): boolean {
  const started = startOf(owner.pid);
  if (started === notReaped) return false;
  if (started !== undefined && !owner.started.startsWith('ms:')) return started === owner.started;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** In place of a start: dead, and its parent has not asked after it yet or never will. */
const notReaped = 'not reaped';

function startOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses and may hold spaces; the state is the third, the start time the 22nd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticks] = [fields[0], fields[19]];
    if (state === 'Z') return notReaped;
    return ticks === undefined ? undefined : `${boot}:${ticks}`;
  } catch {
    return undefined;
  }
}
