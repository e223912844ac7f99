import { closeSync, constants, fdatasyncSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Round } from './report.js';

const blockBytes = 4_096;
const blocks = 1_024;

/**
 * What the disk takes to store 4 KiB for good: writes, one after the other, into a file whose place on the disk is taken
 * already. Blocks this process, so nothing else may be measured meanwhile. Where there is no O_DSYNC, fdatasync follows the write.
 */
export function measureFsync(directory: string, forMs: number): Round {
  const path = join(directory, `fsync-${process.pid}.tmp`);
  const block = Buffer.alloc(blockBytes, 'recourse ');
  prepare(path);
  const dsync = (constants as Partial<Record<string, number>>)['O_DSYNC'];
  const file = openSync(path, constants.O_WRONLY | (dsync ?? 0));
  try {
    const latenciesMs: number[] = [];
    const startedAt = performance.now();
    let begunAt = startedAt;
    while (begunAt - startedAt < forMs) {
      writeSync(file, block, 0, blockBytes, (latenciesMs.length % blocks) * blockBytes);
      if (dsync === undefined) fdatasyncSync(file);
      const now = performance.now();
      latenciesMs.push(now - begunAt);
      begunAt = now;
    }
    return { perSecond: (latenciesMs.length * 1_000) / (begunAt - startedAt), latenciesMs };
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}

function prepare(path: string): void {
  const file = openSync(path, 'w', 0o600);
  try {
    writeSync(file, Buffer.alloc(blockBytes * blocks, 1));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
