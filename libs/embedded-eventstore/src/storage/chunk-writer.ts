import { closeSync, constants, fdatasync, fsyncSync, ftruncateSync, openSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { filledAheadBytes, writtenInPlaceBytes, writtenInPlaceMs } from '../limits.js';

/** On Linux a write itself returns when its bytes, and the file's new size, are on disk: one trip instead of two. */
const writesAreDurable = process.platform === 'linux';
const durableWrites = constants.O_RDWR | (writesAreDurable ? constants.O_DSYNC : 0);
const firstFillBytes = 64 * 1024;
const newestWeight = 0.1;

/**
 * Writes one chunk durably, each write after the other. Where the disk is quicker than another thread is woken up, small
 * writes are made on the spot; and the file is kept ahead of the log, filled with zeros, because a write that makes a file
 * longer is two for the disk. Where it is slow nothing is held up by it.
 */
export class ChunkWriter {
  private readonly descriptor: number;
  /** What a write takes, as a running average; a disk that is not known counts as slow. */
  private usualMs = writtenInPlaceMs;
  /** The file has bytes up to here. */
  private filled: number;
  private nextFillBytes = firstFillBytes;

  constructor(
    file: string,
    /** Where the log ends in the file. */
    private written: number,
  ) {
    this.descriptor = openSync(file, durableWrites);
    this.filled = written;
  }

  /** Appends to the file: undefined if that is durable already, else a promise of it. Throws or rejects if it cannot be told. */
  write(bytes: Buffer): Promise<void> | undefined {
    const isQuick = writesAreDurable && this.usualMs < writtenInPlaceMs && bytes.length <= writtenInPlaceBytes;
    if (!isQuick) return this.writeElsewhere(bytes);
    if (this.isFull(bytes)) this.fillInPlace();
    const startedMs = performance.now();
    for (let done = 0; done < bytes.length;)
      done += writeSync(this.descriptor, bytes, done, bytes.length - done, this.written + done);
    this.wrote(bytes.length, performance.now() - startedMs);
    return undefined;
  }

  /**
   * Cuts what was filled ahead, or left behind the end by a write that failed: a chunk that grows no more must end where the
   * log goes on in the next one.
   */
  close(): void {
    try {
      ftruncateSync(this.descriptor, this.written);
      fsyncSync(this.descriptor);
    } finally {
      closeSync(this.descriptor);
    }
  }

  private wrote(bytes: number, tookMs: number): void {
    this.written += bytes;
    this.filled = Math.max(this.filled, this.written);
    this.usualMs += newestWeight * (tookMs - this.usualMs);
  }

  private isFull(bytes: Buffer): boolean {
    return this.written + bytes.length > this.filled;
  }

  private fillInPlace(): void {
    try {
      const zeros = this.nextZeros();
      this.filled += writeSync(this.descriptor, zeros, 0, zeros.length, this.filled);
    } catch {
      // The disk may still have room for the write itself; if not, that one says so.
    }
  }

  private nextZeros(): Buffer {
    const zeros = Buffer.alloc(this.nextFillBytes);
    this.nextFillBytes = Math.min(2 * this.nextFillBytes, filledAheadBytes);
    return zeros;
  }

  private async writeElsewhere(bytes: Buffer): Promise<void> {
    if (this.isFull(bytes)) {
      const zeros = this.nextZeros();
      this.filled += await this.writeSome(zeros, 0, this.filled).catch(() => 0);
    }
    const startedMs = performance.now();
    for (let done = 0; done < bytes.length;) done += await this.writeSome(bytes, done, this.written + done);
    if (!writesAreDurable) await promisify(fdatasync)(this.descriptor);
    this.wrote(bytes.length, performance.now() - startedMs);
  }

  private writeSome(bytes: Buffer, from: number, at: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.descriptor, bytes, from, bytes.length - from, at, (error, written) =>
        error ? reject(error) : resolve(written),
      );
    });
  }
}
