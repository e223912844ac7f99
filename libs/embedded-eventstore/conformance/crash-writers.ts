import { randomInt, randomUUID } from 'node:crypto';
import { StreamModel, type ModelAnswer, type Proposed } from './model/stream-model.js';
import { placeOf, type EventSketch, type SeenRead, type Wire } from './wire.js';
import { appendCalls, deleteOutcome, write, type AppendCall, type WriteOutcome } from './writing.js';

/** Clients of a node that is killed again and again. Each keeps a book of what it was answered and holds the log against it. */
export interface CrashWriter {
  /** Works until the node is gone; what got no answer is taken up again at the next call. */
  work(wire: Wire, acknowledge: () => void): Promise<void>;
  /** `fresh` is what `$all` holds after a restart behind what it held after the one before. */
  verify(fresh: readonly SeenRead[]): void;
  /** After a restart: something acknowledged long ago is asked for again. */
  retry(wire: Wire): Promise<void>;
}

const positionIn = ({ position }: SeenRead) => (typeof position === 'object' ? position.commit : 'none');
const idIn = ({ event }: SeenRead) => (event === 'absent' ? event : event.id);
const isOf = (stream: string, seen: SeenRead) => placeOf(seen).startsWith(`${stream}@`);

/** Appends to one stream at exact revisions: mostly a few events, sometimes a hundred, sometimes half a MiB. */
export class Appender implements CrashWriter {
  private readonly acknowledged: { ids: string[]; expected: string; outcome: WriteOutcome }[] = [];
  private readonly ids: string[] = [];
  private readonly stored: SeenRead[] = [];
  private verified = 0;
  private unanswered: EventSketch[] = [];

  constructor(
    private readonly stream: string,
    private readonly call: AppendCall,
  ) {}

  async work(wire: Wire, acknowledge: () => void): Promise<void> {
    for (;;) {
      if (this.unanswered.length === 0) this.unanswered = this.next();
      const expected = this.ids.length === 0 ? 'no_stream' : String(this.ids.length - 1);
      const outcome = await write(wire, this.call, this.stream, this.unanswered, expected);
      if (outcome.outcome === 'failed') return;
      const ids = this.unanswered.map(({ id }) => id ?? '');
      this.ids.push(...ids);
      expect(outcome).toMatchObject({ outcome: 'stored', revision: String(this.ids.length - 1) });
      this.acknowledged.push({ ids, expected, outcome });
      this.unanswered = [];
      acknowledge();
    }
  }

  /** Every acknowledged event is there, in order, once, at its position; of the unanswered append there is all or nothing. */
  verify(fresh: readonly SeenRead[]): void {
    this.stored.push(...fresh.filter((seen) => isOf(this.stream, seen)));
    const ids = this.stored.map(idIn);
    const unknown = this.unanswered.map(({ id }) => id);
    expect(ids).toEqual(ids.length > this.ids.length ? [...this.ids, ...unknown] : this.ids);
    expect(this.stored.map(placeOf)).toEqual(ids.map((_, revision) => `${this.stream}@${revision}`));
    for (const { outcome } of this.acknowledged.slice(this.verified)) {
      const seen = outcome.outcome === 'stored' ? this.stored[Number(outcome.revision)] : undefined;
      expect(outcome).toMatchObject({ position: seen && positionIn(seen) });
    }
    this.verified = this.acknowledged.length;
  }

  async retry(wire: Wire): Promise<void> {
    const earlier = this.acknowledged[randomInt(Math.max(1, this.acknowledged.length))];
    if (!earlier) return;
    const events = earlier.ids.map((id) => ({ id }));
    for (const call of appendCalls)
      expect(await write(wire, call, this.stream, events, earlier.expected)).toEqual(earlier.outcome);
  }

  private next(): EventSketch[] {
    const dice = randomInt(100);
    if (dice < 3) return [{ id: randomUUID(), data: 'x'.repeat(512 * 1024), contentType: 'application/octet-stream' }];
    const count = dice < 15 ? 100 : randomInt(1, 6);
    const data = JSON.stringify({ after: this.ids.length });
    return Array.from({ length: count }, () => ({ id: randomUUID(), data }));
  }
}

interface Step {
  stream: string;
  perform(wire: Wire): Promise<WriteOutcome | { outcome: 'done'; position: string }>;
  answer: ModelAnswer;
}

/** Takes streams through their life: appended to, described, soft-deleted, written again, at last tombstoned. */
export class Undertaker implements CrashWriter {
  private readonly model = new StreamModel();
  private readonly stored: SeenRead[] = [];
  private readonly answered: { at: number; position: string }[] = [];
  private generation = 0;
  /** What was sent without an answer; the model has done it already, and had `settled` events before. */
  private unanswered: Step | undefined;
  private settled = 0;

  constructor(private readonly name: string) {}

  async work(wire: Wire, acknowledge: () => void): Promise<void> {
    for (;;) {
      this.unanswered ??= this.next();
      const outcome = await this.unanswered.perform(wire);
      if (outcome.outcome === 'failed') return;
      const { at, ...rest } = { at: undefined, ...this.unanswered.answer };
      expect(outcome).toMatchObject(rest);
      if (at !== undefined && 'position' in outcome) this.answered.push({ at, position: outcome.position ?? 'none' });
      this.unanswered = undefined;
      acknowledge();
    }
  }

  /** The log is the model's, with the whole of the unanswered step or without it. */
  verify(fresh: readonly SeenRead[]): void {
    this.stored.push(...fresh.filter((seen) => [this.name, `$$${this.name}`].some((prefix) => placeOf(seen).startsWith(prefix))));
    const isStored = this.stored.length > this.settled;
    const wanted = this.unanswered && !isStored ? this.model.log.slice(0, this.settled) : this.model.log;
    expect(this.stored.map(placeOf)).toEqual(wanted.map(({ stream, revision }) => `${stream}@${revision}`));
    expect(this.stored.map((seen, index) => wanted[index]?.id && idIn(seen))).toEqual(wanted.map(({ id }) => id));
    for (const { at, position } of this.answered.splice(0)) expect(this.stored[at] && positionIn(this.stored[at])).toBe(position);
    // A delete that is asked for again would be another one.
    if (isStored) this.unanswered = undefined;
  }

  async retry(wire: Wire): Promise<void> {
    for (let generation = Math.max(0, this.generation - 3); generation <= this.generation; generation++) {
      const stream = `${this.name}-${generation}`;
      // A step that is to be repeated is in the model and not on the server.
      if ([stream, `$$${stream}`].includes(this.unanswered?.stream ?? '')) continue;
      const { messages, error } = await wire.read({ stream });
      const modelled = this.model.read(stream, { from: 'start', direction: 'forwards', count: 4_096 });
      if (modelled === 'deleted') expect(error?.trailers).toMatchObject({ exception: 'stream-deleted' });
      else if (modelled === 'missing') expect(messages).toEqual([{ streamNotFound: stream }]);
      else expect(messages).toHaveLength(modelled.length);
    }
  }

  private next(): Step {
    this.settled = this.model.log.length;
    const stream = `${this.name}-${this.generation}`;
    const dice = randomInt(20);
    const exists = this.model.last(stream) >= 0;
    if (exists && dice === 0) {
      const answer = this.model.tombstone(stream, 'any');
      this.generation++;
      return { stream, answer, perform: async (wire) => deleteOutcome(await wire.tombstone(stream)) };
    }
    if (exists && dice < 6) {
      const answer = this.model.softDelete(stream, 'any');
      return { stream, answer, perform: async (wire) => deleteOutcome(await wire.softDelete(stream)) };
    }
    if (dice < 9) {
      const data = JSON.stringify(
        dice === 6 ? { $maxCount: 3 } : dice === 7 ? { $tb: this.model.last(stream) + 1 } : { n: this.settled },
      );
      return this.append(`$$${stream}`, [{ id: randomUUID(), type: '$metadata', data }]);
    }
    const events = Array.from({ length: randomInt(1, 4) }, () => ({ id: randomUUID(), type: 'Lived', data: '{}' }));
    return this.append(stream, events);
  }

  private append(stream: string, events: Proposed[]): Step {
    const last = this.model.last(stream);
    const expected = last < 0 ? 'no_stream' : String(last);
    const call = appendCalls[randomInt(2)] ?? 'Append';
    const answer = this.model.append(stream, events, expected);
    return { stream, answer, perform: (wire) => write(wire, call, stream, events, expected) };
  }
}
