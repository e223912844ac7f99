import type { sendUnaryData, ServerDuplexStream, ServerReadableStream, ServerUnaryCall } from '@grpc/grpc-js';
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
import type { Expected } from './append-decision.js';
import type { EventLog } from './event-log.js';
import type { InboundBudget } from './inbound-budget.js';
import { maxUnansweredAppends, maxUnfinishedAppends } from './limits.js';
import type { ProposedEvent } from './record.js';
import { failureOf, invalid, streamDeleted, unavailable } from './refusal.js';
import {
  appendConflict,
  appended,
  batchAddress,
  batchAppended,
  batchConflict,
  batchFailure,
  batchTimeout,
  deleteConflict,
  deleted,
  tombstoned,
  type BatchAddress,
} from './responses.js';
import { WireReader } from './wire.js';

export interface AppendServices {
  events: EventLog;
  budget: InboundBudget;
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
    const bytes = event.data.length + event.metadata.length;
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
export function append(services: AppendServices) {
  return (call: ServerReadableStream<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void => {
    const incoming = new IncomingAppend(services.budget);
    let target: { stream: string; expected: Expected } | undefined;
    let isOver = false;
    const end = (error: unknown, value?: Buffer) => {
      if (isOver) return;
      isOver = true;
      incoming.release();
      if (error === undefined) answer(null, value);
      else answer(failureOf(error, services.log));
    };
    const receive = (bytes: Buffer) => {
      const part = appendPart(bytes);
      if ('options' in part) {
        if (target) throw invalid('an append has its options twice');
        target = { stream: writableStream(part.options.stream), expected: requireExpected(part.options.expected) };
      } else {
        if (!target) throw invalid('an append begins with its options');
        incoming.add(part.event);
      }
    };
    const finish = async () => {
      if (!target) throw invalid('an append has no options');
      incoming.checkSize();
      for (let room = services.events.room(); room; room = services.events.room()) await room;
      if (call.cancelled) return undefined;
      const { stream, expected } = target;
      const outcome = await services.events.append(stream, incoming.events, expected);
      switch (outcome.outcome) {
        case 'appended':
          return appended(outcome);
        case 'wrong-expected-version':
          return appendConflict(outcome, expected);
        case 'stream-deleted':
          throw streamDeleted(outcome.stream);
      }
    };
    call.on('data', (bytes: Buffer) => {
      if (isOver) return;
      try {
        receive(bytes);
      } catch (error) {
        end(error);
      }
    });
    call.on('end', () => {
      if (!isOver) finish().then((value) => end(undefined, value), end);
    });
    call.on('cancelled', () => end(unavailable('the call was cancelled')));
  };
}

/** Many appends over one call, answered by correlation id in any order; a failed one leaves the call open. */
export function batchAppend(services: AppendServices) {
  return (call: ServerDuplexStream<Buffer, Buffer>): void => new BatchAppendCall(call, services).run();
}

interface UnfinishedAppend {
  address: BatchAddress;
  options: BatchOptions;
  incoming: IncomingAppend;
}

class BatchAppendCall {
  private readonly unfinished = new Map<string, UnfinishedAppend>();
  private unanswered = 0;
  private isPaused = false;
  private hasEnded = false;
  private isOver = false;

  constructor(
    private readonly call: ServerDuplexStream<Buffer, Buffer>,
    private readonly services: AppendServices,
  ) {}

  run(): void {
    this.call.on('data', (bytes: Buffer) => {
      if (!this.isOver) this.receive(bytes);
    });
    this.call.on('end', () => {
      this.hasEnded = true;
      this.endWhenAnswered();
    });
    this.call.once('cancelled', () => this.close());
    this.services.stopping.addEventListener('abort', this.endWhenAnswered);
  }

  /** Bytes that are no request end the call; an append that cannot be stored is answered and leaves it open. */
  private receive(bytes: Buffer): void {
    try {
      this.take(batchPart(bytes));
    } catch (error) {
      this.close(error);
    }
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
    const address = batchAddress(key === undefined ? undefined : part.correlation, options.stream);
    const begun = { address, options, incoming: new IncomingAppend(this.services.budget) };
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
    if (options.deadlineMs !== undefined && options.deadlineMs <= Date.now()) return this.answer(batchTimeout(address));
    incoming.checkSize();
    const stream = writableStream(options.stream);
    const expected = requireExpected(options.expected);
    this.unanswered++;
    this.services.events.append(stream, incoming.events, expected).then(
      (outcome) => {
        this.unanswered--;
        this.answer(outcome.outcome === 'appended' ? batchAppended(address, outcome) : batchConflict(address, outcome, expected));
      },
      (error: unknown) => {
        this.unanswered--;
        this.fail(address, error);
      },
    );
    this.pauseWhenFull();
  }

  private fail(address: BatchAddress, error: unknown): void {
    this.answer(batchFailure(address, error, failureOf(error, this.services.log)));
  }

  /** An answer counts until the client has taken it: one that does not read its answers is not read either. */
  private answer(bytes: Buffer): void {
    if (this.isOver) return;
    this.unanswered++;
    this.call.write(bytes, () => {
      this.unanswered--;
      this.endWhenAnswered();
      this.resumeWhenPossible();
    });
    this.pauseWhenFull();
  }

  private pauseWhenFull(): void {
    if (this.isPaused || !this.isFull()) return;
    this.isPaused = true;
    this.call.pause();
    void this.services.events.room()?.then(() => this.resumeWhenPossible());
  }

  private resumeWhenPossible(): void {
    if (!this.isPaused) return;
    if (this.isFull()) {
      void this.services.events.room()?.then(() => this.resumeWhenPossible());
      return;
    }
    this.isPaused = false;
    this.call.resume();
  }

  private isFull(): boolean {
    return this.unanswered >= maxUnansweredAppends || this.services.events.room() !== undefined;
  }

  private readonly endWhenAnswered = (): void => {
    if (this.isOver || this.unanswered > 0) return;
    if (this.services.stopping.aborted) this.close(unavailable('the node is stopping'));
    else if (this.hasEnded) this.close();
  };

  private close(error?: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.services.stopping.removeEventListener('abort', this.endWhenAnswered);
    for (const key of this.unfinished.keys()) this.drop(key);
    if (this.call.cancelled) return;
    if (error === undefined) this.call.end();
    else this.call.emit('error', failureOf(error, this.services.log));
  }
}

type DeleteCall = (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => void;

export const softDelete = (services: AppendServices): DeleteCall =>
  deleteCall(services, async (stream, expected) => {
    const outcome = await services.events.softDelete(stream, expected);
    if (outcome.outcome !== 'deleted') throw deleteConflict(outcome, stream, expected);
    return deleted(outcome.position);
  });

export const tombstone = (services: AppendServices): DeleteCall =>
  deleteCall(services, async (stream, expected) => {
    const outcome = await services.events.tombstone(stream, expected);
    if (outcome.outcome !== 'deleted') throw deleteConflict(outcome, stream, expected);
    return tombstoned(outcome.position);
  });

function deleteCall(services: AppendServices, perform: (stream: string, expected: Expected) => Promise<Buffer>): DeleteCall {
  const checked = async (bytes: Buffer) => {
    const { stream, expected } = deleteOptions(bytes);
    return perform(writableStream(stream), requireExpected(expected));
  };
  return (call, answer) => {
    checked(call.request).then(
      (bytes) => answer(null, bytes),
      (error: unknown) => answer(failureOf(error, services.log)),
    );
  };
}
