import { randomUUID } from 'node:crypto';
import { invalid, unavailable } from '../calls/refusal.js';
import { cachedStreamStates, knownEventIds, maxPendingBytes, maxPendingEvents, recalledBytes } from '../limits.js';
import { EventRecord, tombstoneRevision, type ProposedEvent } from '../storage/record.js';
import type { Storage } from '../storage/storage.js';
import {
  applyRecord,
  describedBy,
  isSoftDeleted,
  isTombstoned,
  metadataStreamOf,
  newState,
  softDeletedMetadata,
  undeletedMetadata,
  unnumbered,
  type StreamState,
} from '../storage/stream-state.js';
import { verdictOn, type Expected, type KnownEvents, type StreamFacts, type Verdict } from './append-decision.js';
import type { CommitSignal } from './commit-signal.js';
import { LogFigures } from './log-figures.js';
import { RecentIds } from './recent-ids.js';
import { StateCache, type CachedState } from './state-cache.js';

/** `position` is absent where a repeated append finds its stream soft-deleted; `revision` is −1 for no stream. */
export type AppendOutcome = { outcome: 'appended'; revision: number; position: number | undefined } | WriteConflict;
export type DeleteOutcome = { outcome: 'deleted'; position: number } | WriteConflict;
export type WriteConflict =
  { outcome: 'wrong-expected-version'; current: number } | { outcome: 'stream-deleted'; stream: string };

const firstStream = '$embedded-eventstore';

/** What one transaction will make durable, and who waits for it. */
class CommitGroup {
  readonly records: EventRecord[] = [];
  readonly states = new Set<StreamState>();
  /** By stream number; the records of a stream follow each other. */
  private readonly places = new Map<number, EventRecord[]>();
  bytes = 0;
  private readonly settled = Promise.withResolvers<undefined>();
  readonly durable = this.settled.promise;

  constructor(
    readonly number: number,
    /** Where it begins in the log. */
    readonly position: number,
  ) {
    // Those who wait get the rejection; a group nobody waits for must not end the process.
    this.durable.catch(() => undefined);
  }
  add(record: EventRecord): void {
    this.records.push(record);
    this.bytes += record.bytes.length;
    const { streamNumber } = record;
    const ofStream = this.places.get(streamNumber);
    if (ofStream) ofStream.push(record);
    else this.places.set(streamNumber, [record]);
  }
  recordAt(streamNumber: number, revision: number): EventRecord | undefined {
    const ofStream = this.places.get(streamNumber);
    return ofStream?.[revision - (ofStream[0]?.revision ?? 0)];
  }
  get isEmpty(): boolean {
    return this.records.length === 0;
  }
  resolve(): void {
    this.settled.resolve(undefined);
  }
  reject(error: Error): void {
    this.settled.reject(error);
  }
}

/**
 * The single writer. Every append is decided at once against what was decided before it; all that is decided while a
 * transaction is on its way to disk goes into the next one. An answer, also a refusal, is given only when everything it
 * rests on is durable.
 */
export class EventLog {
  private readonly cache: StateCache;
  private readonly recentIds = new RecentIds(knownEventIds);
  private gathering: CommitGroup;
  private committing: CommitGroup | undefined;
  private scheduled = false;
  private ended: Error | undefined;
  private readonly failing = Promise.withResolvers<string>();
  /** Resolves, with the reason, when nothing can be written any more. */
  readonly failed = this.failing.promise;
  /** What it did since it was opened. */
  readonly figures: LogFigures;
  /** Position of the newest event that was decided, and of the next one. */
  private position: number;
  private end: number;
  private createdMs = 0;
  private streamCount: number;

  private constructor(
    private readonly storage: Storage,
    private readonly signal: CommitSignal,
    private readonly log: (line: string) => void,
  ) {
    this.figures = new LogFigures(storage);
    this.cache = new StateCache(cachedStreamStates, (name) => storage.stream(name) ?? newState(name));
    this.position = storage.lastPosition;
    this.end = storage.end;
    this.gathering = new CommitGroup(1, this.end);
    this.streamCount = storage.streamCount;
  }

  /** Takes up the log where it ends; a fresh one begins with a system event, which clients expect in `$all`. */
  static async open(storage: Storage, signal: CommitSignal, log: (line: string) => void): Promise<EventLog> {
    const eventLog = new EventLog(storage, signal, log);
    await eventLog.recall();
    if (eventLog.position === 0) {
      const created = proposed('$logCreated', true, Buffer.from('{}'));
      await eventLog.append(firstStream, [created], { kind: 'no_stream' });
    }
    return eventLog;
  }

  /** Stores the events after the expected revision, or says why not. Rejects with a Refusal if the node cannot write. */
  append(stream: string, events: readonly ProposedEvent[], expected: Expected): Promise<AppendOutcome> {
    return this.decided(() => {
      const state = this.cache.get(stream);
      const conflict = this.conflict(state);
      if (conflict) return conflict;
      const verdict = this.verdict(state, expected, events);
      switch (verdict.verdict) {
        case 'deleted':
          return { outcome: 'stream-deleted', stream };
        case 'wrong':
          return { outcome: 'wrong-expected-version', current: state.lastRevision };
        case 'known': {
          const position = isSoftDeleted(state) ? undefined : this.recordAt(state, verdict.revision)?.position;
          return { outcome: 'appended', revision: verdict.revision, position };
        }
        case 'store':
          if (events.length > 0) {
            this.store(state, events);
            this.endAppend();
          }
          return { outcome: 'appended', revision: state.lastRevision, position: this.position };
      }
    });
  }

  /** Hides all events of the stream by its metadata; a later append goes on with the old numbering. */
  softDelete(stream: string, expected: Expected): Promise<DeleteOutcome> {
    return this.decided(() => {
      if (describedBy(stream) !== undefined) throw invalid('a metadata stream cannot be soft-deleted');
      const state = this.cache.get(stream);
      const metadata = this.cache.get(metadataStreamOf(stream));
      const conflict = this.conflict(state) ?? this.conflict(metadata);
      if (conflict) return conflict;
      const verdict = this.verdict(state, expected, []).verdict;
      if (verdict === 'deleted') return { outcome: 'stream-deleted', stream };
      if (verdict === 'wrong' || state.lastRevision < 0)
        return { outcome: 'wrong-expected-version', current: state.lastRevision };
      this.store(metadata, [proposed('$metadata', true, softDeletedMetadata)]);
      this.endAppend();
      return { outcome: 'deleted', position: this.position };
    });
  }

  /** Ends the stream for ever. */
  tombstone(stream: string, expected: Expected): Promise<DeleteOutcome> {
    return this.decided(() => {
      const state = this.cache.get(stream);
      const conflict = this.conflict(state);
      if (conflict) return conflict;
      const verdict = this.verdict(state, expected, []).verdict;
      if (verdict === 'deleted') return { outcome: 'stream-deleted', stream };
      if (verdict === 'wrong') return { outcome: 'wrong-expected-version', current: state.lastRevision };
      this.record(state, Buffer.from(stream), proposed('$streamDeleted', false, Buffer.alloc(0)), tombstoneRevision);
      this.endAppend();
      return { outcome: 'deleted', position: this.position };
    });
  }

  /** Undefined while there is room for more; else settles when a commit has made some. */
  room(): Promise<unknown> | undefined {
    const bytes = this.gathering.bytes + (this.committing?.bytes ?? 0);
    const events = this.gathering.records.length + (this.committing?.records.length ?? 0);
    if (bytes < maxPendingBytes && events < maxPendingEvents) return this.storage.room()?.catch(() => undefined);
    return (this.committing ?? this.gathering).durable.catch(() => undefined);
  }

  /** Refuses new appends; resolves when all accepted ones are durable. */
  async close(): Promise<void> {
    this.ended ??= unavailable('the node is stopping');
    while (this.committing || !this.gathering.isEmpty) await (this.committing ?? this.gathering).durable.catch(() => undefined);
  }

  /** Decides now, answers when everything decided so far is durable. */
  private async decided<T>(decide: () => T): Promise<T> {
    if (this.ended) throw this.ended;
    const value = decide();
    if (!this.gathering.isEmpty) {
      this.schedule();
      await this.gathering.durable;
    } else if (this.committing) await this.committing.durable;
    return value;
  }

  /** Not at once: appends that arrive in the same turn of the event loop share the transaction. */
  private schedule(): void {
    if (this.scheduled || this.committing) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.commit();
    });
  }

  private commit(): void {
    const group = this.gathering;
    this.committing = group;
    this.gathering = new CommitGroup(group.number + 1, this.end);
    const { records } = group;
    for (const record of records) record.seal();
    // Later decisions change the states; what is durable with this group is what they are now.
    const states = Array.from(group.states, ({ name, number, lastRevision, tombstonePosition, limits }) => {
      return { name, number, lastRevision, tombstonePosition, limits };
    });
    const startedMs = performance.now();
    this.figures.begun(records.length, group.bytes);
    this.storage.write({ records, states }).then(
      () => {
        this.committing = undefined;
        this.figures.committed(records.length, group.bytes, performance.now() - startedMs);
        this.cache.trim(group.number);
        group.resolve();
        this.signal.committed(
          states.map(({ name }) => name),
          records,
        );
        if (!this.gathering.isEmpty) this.commit();
      },
      (error: unknown) => this.fail(group, error),
    );
  }

  /** After a failed commit nobody knows what the disk holds: writing ends, the next start reads what is there. */
  private fail(group: CommitGroup, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.figures.failure = `a commit failed: ${reason}`;
    this.failing.resolve(reason);
    this.log(`a commit failed, no more events are accepted: ${reason}`);
    this.ended = unavailable('the node could not write to its disk and must be restarted');
    this.committing = undefined;
    group.reject(this.ended);
    this.gathering.reject(this.ended);
    this.gathering = new CommitGroup(group.number + 2, this.end);
  }

  private conflict(state: StreamState): WriteConflict | undefined {
    const described = describedBy(state.name);
    const deleted = isTombstoned(state) || (described !== undefined && isTombstoned(this.cache.get(described)));
    return deleted ? { outcome: 'stream-deleted', stream: state.name } : undefined;
  }

  private verdict(state: StreamState, expected: Expected, events: readonly ProposedEvent[]): Verdict {
    const facts: StreamFacts = {
      lastRevision: state.lastRevision,
      softDeleted: isSoftDeleted(state),
      hasMetadata: () => describedBy(state.name) === undefined && this.cache.get(metadataStreamOf(state.name)).lastRevision >= 0,
    };
    const known: KnownEvents = {
      revisionOf: (id) => {
        const recent = this.recentIds.get(id);
        return recent?.streamNumber === state.number ? recent.revision : undefined;
      },
      isAt: (revision, id) => this.recordAt(state, revision)?.id.equals(id) ?? false,
    };
    const ids = events.map(({ id }) => id);
    return verdictOn(facts, expected, ids, known);
  }

  private store(state: CachedState, events: readonly ProposedEvent[]): void {
    if (isSoftDeleted(state)) this.undelete(state);
    const streamName = Buffer.from(state.name);
    for (const event of events) this.record(state, streamName, event, state.lastRevision + 1);
  }

  private undelete(state: StreamState): void {
    const metadata = this.cache.get(metadataStreamOf(state.name));
    const current = this.recordAt(metadata, metadata.lastRevision);
    if (!current) throw new Error(`stream ${state.number} is soft-deleted without metadata`);
    this.store(metadata, [proposed('$metadata', true, undeletedMetadata(current.data, state.lastRevision + 1))]);
  }

  private record(state: CachedState, streamName: Buffer, event: ProposedEvent, revision: number): void {
    this.createdMs = Math.max(this.createdMs, Date.now());
    const streamNumber = state.number === unnumbered ? this.streamCount++ : state.number;
    const record = EventRecord.encode(event, {
      position: this.end,
      groupPosition: this.gathering.position,
      createdMs: this.createdMs,
      streamNumber,
      streamName,
      revision,
    });
    this.position = this.end;
    this.end = record.end;
    applyRecord(record, state.name, this.touched);
    this.gathering.add(record);
    this.recentIds.remember(event.id, streamNumber, revision);
  }

  /** What was recorded since the last one is one append, whole or not at all. */
  private endAppend(): void {
    this.gathering.records.at(-1)?.endAppend();
  }

  private readonly touched = (name: string): CachedState => {
    const state = this.cache.get(name);
    state.group = this.gathering.number;
    this.gathering.states.add(state);
    return state;
  };

  /** The event at a revision, durable or on its way there. */
  private recordAt(state: StreamState, revision: number): EventRecord | undefined {
    const { number } = state;
    const record = this.gathering.recordAt(number, revision) ?? this.committing?.recordAt(number, revision);
    return record ?? this.storage.recordOf(number, revision);
  }

  /** Ids of the newest events, so that an append whose answer was lost in a crash is recognised when it is repeated. */
  private async recall(): Promise<void> {
    const newest: EventRecord[] = [];
    let before = this.position + 1;
    for (let bytes = 0; bytes < recalledBytes && newest.length < knownEventIds;) {
      const page = this.storage.logPage(before, true, Infinity);
      const last = page.at(-1);
      if (!last) break;
      for (const record of page) bytes += record.bytes.length;
      newest.push(...page);
      before = last.position;
      await new Promise((done) => setImmediate(done));
    }
    this.createdMs = newest[0]?.createdMs ?? 0;
    for (const { id, streamNumber, revision } of newest.reverse()) this.recentIds.remember(id, streamNumber, revision);
  }
}

function proposed(type: string, isJson: boolean, data: Buffer): ProposedEvent {
  const id = Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
  return { id, type: Buffer.from(type), isJson, data, metadata: Buffer.alloc(0) };
}
