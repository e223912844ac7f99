import {
  openingOf,
  readCase,
  rederive,
  type Difference,
  type PolicyEvent,
  type PolicyTable,
  type RecordedVerdict,
} from '@recourse/disputes';
import type { Event, Recorded, StreamReader } from '@recourse/eventing';
import { maxLoadedEvents, type EventStore } from '@recourse/eventstore';
import type { DomainEvent, Violation } from '@recourse/ledger';
import { replayClaim, type PolicyReference } from '@recourse/orders';

export interface VerdictViolation extends Omit<Violation, 'invariant'> {
  readonly invariant: 'I7';
}

/** Verdicts that are derived again at once. */
const concurrent = 8;
/** Tables kept at hand; one has 48 KiB of text at most. */
const maxTables = 32;

interface Publication {
  readonly stream: string;
  readonly revision: bigint;
}
const keyOf = ({ id, version, hash }: PolicyReference): string => JSON.stringify([id, version, hash]);

/**
 * I7: every verdict derived again from the streams of its case and order, on its way through the log. In memory are where each
 * policy was published and a few cases at a time, whatever the length of the log.
 */
export class VerdictAudit {
  readonly violations: VerdictViolation[] = [];
  #count = 0;
  #running: Promise<readonly VerdictViolation[]>[] = [];
  readonly #published = new Map<string, Publication>();
  readonly #tables = new Map<string, Promise<PolicyTable | undefined>>();
  readonly #streams: StreamReader;

  constructor(
    private readonly eventStore: Pick<EventStore, 'readStream'>,
    private readonly maxViolations: number,
  ) {
    this.#streams = {
      read: <E extends Event>(stream: string) => eventStore.readStream<E>(stream, { limit: maxLoadedEvents }),
    };
  }

  /** Every violation, named or not. */
  get count(): number {
    return this.#count;
  }

  /** The next event of the log. @throws as the store does */
  async look(event: Recorded<DomainEvent>): Promise<void> {
    if (event.type === 'PolicyPublished') {
      const { stream, revision } = event;
      const key = keyOf(event.data);
      // The first publication counts: nothing that comes later can put another table in its place.
      if (!this.#published.has(key)) this.#published.set(key, { stream, revision });
    }
    if (event.type !== 'VerdictReached') return;
    this.#running.push(this.#judge(event));
    if (this.#running.length >= concurrent) await this.finish();
  }

  /** After the last event. */
  async finish(): Promise<void> {
    for (const found of await Promise.all(this.#running.splice(0))) {
      this.#count += found.length;
      this.violations.push(...found.slice(0, Math.max(0, this.maxViolations - this.violations.length)));
    }
  }

  async #judge(verdict: RecordedVerdict): Promise<readonly VerdictViolation[]> {
    const { disputeId, policy } = verdict.data;
    // Looked up at once, as verdicts that come later in the log must not find what is published meanwhile.
    const table = this.#tableOf(policy);
    const found = await readCase(verdict.stream.slice('dispute-'.length), this.#streams);
    if (found === undefined || openingOf(found.history)?.disputeId !== disputeId)
      return [violation(verdict, { found: `a verdict of dispute ${disputeId}`, expected: 'a case that was opened', from: [] })];
    const { history, order, cited } = found;
    const claim = replayClaim(order, disputeId);
    const places = new Map([...history, ...order].map((event) => [`${event.revision}@${event.stream}`, event.position]));
    const differences = rederive({ verdict, history, cited, claim, table: await table });
    return differences.map((difference) => violation(verdict, difference, places));
  }

  #tableOf(policy: PolicyReference): Promise<PolicyTable | undefined> {
    const key = keyOf(policy);
    const place = this.#published.get(key);
    if (place === undefined) return Promise.resolve(undefined);
    const known = this.#tables.get(key) ?? this.#read(place);
    this.#tables.delete(key);
    this.#tables.set(key, known);
    for (const oldest of [...this.#tables.keys()].slice(0, -maxTables)) this.#tables.delete(oldest);
    return known;
  }

  async #read({ stream, revision }: Publication): Promise<PolicyTable | undefined> {
    const [event] = await this.eventStore.readStream<PolicyEvent>(stream, { from: revision, limit: 1 });
    return event?.type === 'PolicyPublished' ? event.data.table : undefined;
  }
}

function violation(
  { position, data: { disputeId, verdictId } }: RecordedVerdict,
  { unitNo, fact, found, expected, from }: Difference,
  places: ReadonlyMap<string, bigint> = new Map(),
): VerdictViolation {
  const about = [
    `${disputeId} ${verdictId}`,
    ...(unitNo === undefined ? [] : [`unit ${unitNo}`]),
    ...(fact === undefined ? [] : [fact]),
  ];
  const said = from.map((reference) => `${reference} at ${places.get(reference) ?? 'no place'}`);
  return {
    invariant: 'I7',
    subject: about.join(' '),
    position,
    found,
    expected: said.length === 0 ? expected : `${expected}, by ${said.join(', ')}`,
  };
}
