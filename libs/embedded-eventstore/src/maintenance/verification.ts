import { setImmediate as turn } from 'node:timers/promises';
import { firstVisible, isEnded } from '../calls/stream-view.js';
import type { Chunk } from '../storage/chunk.js';
import { DamagedFile } from '../storage/damage.js';
import { tombstoneRevision, type EventRecord } from '../storage/record.js';
import type { Storage } from '../storage/storage.js';
import { isIndexDamage, type StreamIndex } from '../storage/stream-index.js';
import { applyRecord, newState, type StreamState } from '../storage/stream-state.js';

export interface VerificationReport {
  events: number;
  streams: number;
  bytes: number;
  /** What is wrong, each with the place; at most `maxReportedProblems`. */
  problems: string[];
  /** All that were found. */
  problemCount: number;
}

export const maxReportedProblems = 100;

/**
 * Reads the whole log and compares the index with it: every record's checksum, the order of positions and times, that each
 * stream's revisions follow each other, that the index names every visible event and no other, and that it knows of each
 * stream what its events say. Nobody may append meanwhile. Keeps one state per stream in memory, some 300 bytes each.
 */
export async function verify(
  storage: Storage,
  index: StreamIndex,
  progress: (bytesDone: number, bytes: number) => void = () => undefined,
): Promise<VerificationReport> {
  await storage.indexAll();
  const check = new Verification(storage, index);
  const chunks = storage.files.all;
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.fileBytes, 0);
  let done = 0;
  try {
    for (const chunk of chunks) {
      await check.chunk(chunk, (bytesRead) => progress(done + bytesRead, bytes));
      done += chunk.fileBytes;
    }
    check.states();
    check.places();
  } catch (error) {
    if (!isIndexDamage(error)) throw error;
    check.problem(`the index cannot be read, and nothing more was checked: ${String(error)}`);
  }
  return { ...check.report, bytes };
}

class Verification {
  private readonly problems: string[] = [];
  private problemCount = 0;
  private readonly known = new Map<string, StreamState>();
  private readonly nameOf = new Map<number, string>();
  private events = 0;
  private end = 0;
  private sawCompacted = false;
  private createdMs = 0;

  constructor(
    private readonly storage: Storage,
    private readonly index: StreamIndex,
  ) {}

  get report() {
    return { events: this.events, streams: this.nameOf.size, problems: this.problems, problemCount: this.problemCount };
  }

  async chunk(chunk: Chunk, progress: (bytesRead: number) => void): Promise<void> {
    let bytes = 0;
    this.end = chunk.start;
    this.sawCompacted ||= chunk.isCompacted;
    try {
      for (let from = chunk.start; ;) {
        const page = chunk.forwards(from, Infinity);
        const last = page.at(-1);
        if (!last) return;
        for (const record of page) {
          this.record(record, chunk);
          bytes += record.bytes.length;
        }
        from = last.position + 1;
        progress(bytes);
        await turn();
      }
    } catch (error) {
      if (!(error instanceof DamagedFile)) throw error;
      this.problem(`${error.message}; what follows in that file was not checked`);
    }
  }

  /** What the index says of each stream against what its events say. */
  states(): void {
    for (const state of this.index.states()) {
      const told = this.known.get(state.name);
      // Of a deleted stream a compaction leaves nothing but the tombstone.
      if (isEnded(this.storage, state.name) && (told?.tombstonePosition ?? 0) === state.tombstonePosition) {
        this.known.delete(state.name);
        continue;
      }
      if (!told) this.problem(`the index knows a stream ${state.name} that has no events`);
      else if (JSON.stringify(comparable(told)) !== JSON.stringify(comparable(state))) {
        this.problem(`the index says ${JSON.stringify(comparable(state))}, the events ${JSON.stringify(comparable(told))}`);
      }
      this.known.delete(state.name);
    }
    for (const name of this.known.keys()) this.problem(`the index does not know the stream ${name}`);
  }

  /** Entries that lead to another event or to none. */
  places(): void {
    for (const { streamNumber, revision, position } of this.index.places()) {
      if (this.isThere(streamNumber, revision, position)) continue;
      const name = this.nameOf.get(streamNumber) ?? `number ${streamNumber}`;
      this.problem(`the index names position ${position} for event ${revision} of stream ${name}, which is not there`);
    }
  }

  private isThere(streamNumber: number, revision: number, position: number): boolean {
    try {
      const record = this.storage.record(position);
      return record?.streamNumber === streamNumber && record.revision === revision;
    } catch (error) {
      if (error instanceof DamagedFile) return false;
      throw error;
    }
  }

  private record(record: EventRecord, chunk: Chunk): void {
    this.events++;
    const { position, revision, streamNumber, createdMs } = record;
    const name = record.streamNameBytes.toString('utf8');
    const place = `event ${revision} of stream ${name} at position ${position} in ${chunk.file}`;
    if (position < this.end || (position > this.end && !chunk.isCompacted))
      this.problem(`${place} does not begin where the log before it ends, at ${this.end}`);
    if (createdMs < this.createdMs) this.problem(`${place} is older than the one before it`);
    this.end = record.end;
    this.createdMs = createdMs;
    if ((this.nameOf.get(streamNumber) ?? name) !== name) this.problem(`${place} has the number of another stream`);
    this.nameOf.set(streamNumber, name);
    const state = this.stateOf(name);
    if (revision !== tombstoneRevision) {
      this.indexEntry(record, name, place);
      // Events that a compaction removed leave a gap.
      if (revision <= state.lastRevision || (revision > state.lastRevision + 1 && !this.sawCompacted))
        this.problem(`${place} follows event ${state.lastRevision}`);
    }
    applyRecord(record, name, (wanted) => this.stateOf(wanted));
  }

  private indexEntry({ streamNumber, revision, position }: EventRecord, name: string, place: string): void {
    const found = this.index.positionOf(streamNumber, revision);
    if (found === position) return;
    if (found !== undefined) this.problem(`the index has position ${found} for ${place}`);
    else if (this.isShown(name, revision)) this.problem(`the index lacks ${place}`);
  }

  private isShown(name: string, revision: number): boolean {
    const state = this.storage.stream(name);
    return state !== undefined && !isEnded(this.storage, name) && revision >= firstVisible(this.storage, state);
  }

  private stateOf(name: string): StreamState {
    const known = this.known.get(name) ?? newState(name);
    this.known.set(name, known);
    return known;
  }

  problem(text: string): void {
    this.problemCount++;
    if (this.problems.length < maxReportedProblems) this.problems.push(text);
  }
}

/** Limits in the order of their names, with infinities that JSON can tell. */
function comparable({ name, number, lastRevision, tombstonePosition, limits }: StreamState) {
  const { truncateBefore, maxCount, maxAgeMs } = limits;
  const limit = [truncateBefore, maxCount, maxAgeMs].map(String);
  return { name, number, lastRevision, tombstonePosition, truncateBefore: limit[0], maxCount: limit[1], maxAgeMs: limit[2] };
}
