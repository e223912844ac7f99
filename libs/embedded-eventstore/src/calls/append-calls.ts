import { appendEventOverheadBytes, maxUnansweredAppends, maxUnfinishedAppends } from '../limits.js';
import type { ProposedEvent } from '../storage/record.js';
import { oneAnswer, type CallHandler, type CallOpener, type GrpcCall } from '../transport/grpc-call.js';
import type { InboundBudget } from '../transport/inbound-budget.js';
import { WireReader } from '../wire.js';
import type { Expected } from '../writing/append-decision.js';
import type { AppendOutcome, EventLog } from '../writing/event-log.js';
import {
  AppendSize,
  appendPart,
  batchPart,
  deleteOptions,
  proposedEvent,
  requireExpected,
  uuid,
  writableStream,
  type BatchOptions,
  type BatchPart,
  type RawEvent,
} from './append-request.js';
import type { NodeCounters } from './node-counters.js';
import { failureOf, invalid, streamDeleted, unavailable } from './refusal.js';
import {
  appendConflict,
  appended,
  batchAppended,
  batchConflict,
  batchFailure,
  batchTimeout,
  deleteConflict,
  deleted,
  noCorrelation,
  tombstoned,
  type BatchAddress,
} from './responses.js';

export interface AppendServices {
  events: EventLog;
  inbound: InboundBudget;
  counters: NodeCounters;
  stopping: AbortSignal;
  log: (line: string) => void;
}

/** One append while its events arrive. */
class IncomingAppend {
  readonly events: ProposedEvent[] = [];
  private readonly size = new AppendSize();
  private held = 0;

  constructor(private readonly budget: InboundBudget) {}

  add(event: RawEvent): void {
    this.size.add(event);
    this.size.checkTotal();
    const bytes = event.data.length + event.metadata.length + appendEventOverheadBytes;
    this.budget.take(bytes);
    this.held += bytes;
    this.events.push(proposedEvent(event));
  }

  checkSize(): void {
    this.size.check();
  }

  /** Gives its share of the budget back; the events now count as pending in the log. */
  release(): void {
    this.budget.give(this.held);
    this.held = 0;
  }
}

/** The classic append: options, then one message per event, one answer at the end. */
export function append(services: AppendServices): CallOpener {
  return (call) => new AppendCall(call, services);
}

class AppendCall implements CallHandler {
  private readonly incoming: IncomingAppend;
  private target: { stream: string; expected: Expected } | undefined;
  private hasAll = false;

  constructor(
    private readonly call: GrpcCall,
    private readonly services: AppendServices,
  ) {
    this.incoming = new IncomingAppend(services.inbound);
  }

  message(bytes: Buffer): void {
    // Its events are kept until the call has ended, so they must not hold on to all that came with them.
    const part = appendPart(Buffer.from(bytes));
    if ('options' in part) {
      if (this.target) throw invalid('an append has its options twice');
      this.target = { stream: writableStream(part.options.stream), expected: requireExpected(part.options.expected) };
    } else {
      if (!this.target) throw invalid('an append begins with its options');
      this.incoming.add(part.event);
    }
  }

  end(): void {
    if (!this.target) throw invalid('an append has no options');
    this.incoming.checkSize();
    this.hasAll = true;
    void this.store(this.target.stream, this.target.expected);
  }

  cancelled(): void {
    this.incoming.release();
  }

  stopping(): void {
    if (this.hasAll) return;
    this.incoming.release();
    this.call.fail(unavailable('the node is stopping'));
  }

  private async store(stream: string, expected: Expected): Promise<void> {
    const { events, counters } = this.services;
    try {
      for (let room = events.room(); room; room = events.room()) await room;
      if (this.call.isOver) return;
      counters.appendsAccepted++;
      const outcome = await events.append(stream, this.incoming.events, expected);
      if (outcome.outcome === 'stream-deleted') throw streamDeleted(outcome.stream);
      if (outcome.outcome === 'appended') {
        counters.appendsAnswered++;
        this.call.write(appended(outcome));
      } else {
        counters.appendsRefused++;
        this.call.write(appendConflict(outcome, expected));
      }
      this.call.end();
    } catch (error) {
      counters.appendsRefused++;
      this.call.fail(error);
    } finally {
      this.incoming.release();
    }
  }
}

/** Many appends over one call, answered by correlation id in any order; a failed one leaves the call open. */
export function batchAppend(services: AppendServices): CallOpener {
  return (call) => new BatchAppendCall(call, services);
}

interface UnfinishedAppend {
  address: BatchAddress;
  options: BatchOptions;
  incoming: IncomingAppend;
}

class BatchAppendCall implements CallHandler {
  private readonly unfinished = new Map<string, UnfinishedAppend>();
  private unanswered = 0;
  private isPaused = false;
  private awaitsRoom = false;
  private hasEnded = false;

  constructor(
    private readonly call: GrpcCall,
    private readonly services: AppendServices,
  ) {}

  /** Bytes that are no request end the call; an append that cannot be stored is answered and leaves it open. */
  message(bytes: Buffer): void {
    const part = batchPart(bytes);
    // What waits for more must not hold on to all that came with it.
    this.take(part.isFinal ? part : batchPart(Buffer.from(bytes)));
  }

  end(): void {
    this.hasEnded = true;
    this.endWhenAnswered();
  }

  cancelled(): void {
    this.dropUnfinished();
  }

  drained(): void {
    this.resumeWhenPossible();
  }

  stopping(): void {
    this.endWhenAnswered();
  }

  private take(part: BatchPart): void {
    const key = part.correlation && uuid(new WireReader(part.correlation))?.toString('latin1');
    const begun = part.options && this.begin(part, part.options, key);
    const append = begun ?? (key === undefined ? undefined : this.unfinished.get(key));
    if (!append) return;
    try {
      if (key === undefined) throw invalid('the request has no correlation id');
      for (const event of part.events) append.incoming.add(event);
      if (part.isFinal) {
        this.drop(key);
        this.decide(append);
      }
    } catch (error) {
      this.drop(key, append);
      this.fail(append.address, error);
    }
  }

  private begin(part: BatchPart, options: BatchOptions, key: string | undefined): UnfinishedAppend | undefined {
    const address = addressOf(key === undefined ? undefined : part.correlation, options.stream);
    const begun = { address, options, incoming: new IncomingAppend(this.services.inbound) };
    if (key === undefined) return begun;
    this.drop(key);
    if (this.unfinished.size >= maxUnfinishedAppends) {
      this.fail(address, invalid(`a call may have ${maxUnfinishedAppends} unfinished appends`));
      return undefined;
    }
    this.unfinished.set(key, begun);
    return begun;
  }

  private drop(key: string | undefined, append = key === undefined ? undefined : this.unfinished.get(key)): void {
    append?.incoming.release();
    if (key !== undefined) this.unfinished.delete(key);
  }

  private decide({ address, options, incoming }: UnfinishedAppend): void {
    if (options.deadlineMs !== undefined && options.deadlineMs <= Date.now()) return this.refuse(batchTimeout(address));
    incoming.checkSize();
    const stream = writableStream(options.stream);
    const expected = requireExpected(options.expected);
    this.unanswered++;
    this.services.counters.appendsAccepted++;
    this.services.events.append(stream, incoming.events, expected).then(
      (outcome) => this.answer(address, expected, outcome),
      (error: unknown) => {
        this.unanswered--;
        this.fail(address, error);
      },
    );
    this.pauseWhenFull();
  }

  private answer(address: BatchAddress, expected: Expected, outcome: AppendOutcome): void {
    this.unanswered--;
    if (outcome.outcome === 'appended') {
      this.services.counters.appendsAnswered++;
      this.write(batchAppended(address, outcome));
    } else this.refuse(batchConflict(address, outcome, expected));
  }

  private fail(address: BatchAddress, error: unknown): void {
    this.refuse(batchFailure(address, error, failureOf(error, this.services.log)));
  }

  private refuse(answer: Buffer): void {
    this.services.counters.appendsRefused++;
    this.write(answer);
  }

  private write(answer: Buffer): void {
    this.call.write(answer);
    if (this.unanswered === 0) this.endWhenAnswered();
    if (this.isPaused) this.resumeWhenPossible();
    else this.pauseWhenFull();
  }

  private pauseWhenFull(): void {
    if (this.isPaused || !this.isFull()) return;
    this.isPaused = true;
    this.call.pause();
    this.resumeWithRoom();
  }

  private resumeWhenPossible(): void {
    if (!this.isPaused) return;
    if (this.isFull()) return this.resumeWithRoom();
    this.isPaused = false;
    this.call.resume();
  }

  private resumeWithRoom(): void {
    if (this.awaitsRoom) return;
    const room = this.services.events.room();
    if (!room) return;
    this.awaitsRoom = true;
    void room.then(() => {
      this.awaitsRoom = false;
      this.resumeWhenPossible();
    });
  }

  /** One that does not read its answers is not read either. */
  private isFull(): boolean {
    return this.unanswered >= maxUnansweredAppends || this.call.isFull() || this.services.events.room() !== undefined;
  }

  private endWhenAnswered(): void {
    if (this.call.isOver || this.unanswered > 0) return;
    if (this.services.stopping.aborted) this.call.fail(unavailable('the node is stopping'));
    else if (this.hasEnded) this.call.end();
    else return;
    this.dropUnfinished();
  }

  private dropUnfinished(): void {
    for (const { incoming } of this.unfinished.values()) incoming.release();
    this.unfinished.clear();
  }
}

/** A copy, for the answer comes later. */
function addressOf(correlation: Buffer | undefined, stream: Buffer | undefined): BatchAddress {
  return { correlation: correlation ? Buffer.from(correlation) : noCorrelation, stream: stream && Buffer.from(stream) };
}

export const softDelete = (services: AppendServices): CallOpener =>
  oneAnswer(async (bytes) => {
    const { stream, expected } = deleteRequest(bytes);
    const outcome = await services.events.softDelete(stream, expected);
    if (outcome.outcome !== 'deleted') throw deleteConflict(outcome, stream, expected);
    return deleted(outcome.position);
  });

export const tombstone = (services: AppendServices): CallOpener =>
  oneAnswer(async (bytes) => {
    const { stream, expected } = deleteRequest(bytes);
    const outcome = await services.events.tombstone(stream, expected);
    if (outcome.outcome !== 'deleted') throw deleteConflict(outcome, stream, expected);
    return tombstoned(outcome.position);
  });

function deleteRequest(bytes: Buffer): { stream: string; expected: Expected } {
  const { stream, expected } = deleteOptions(bytes);
  return { stream: writableStream(stream), expected: requireExpected(expected) };
}
