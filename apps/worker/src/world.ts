import {
  buyerDebt,
  contribution,
  fundControl,
  fundPeriodsOf,
  fundProcessor,
  payout,
  reconciliation,
} from '@recourse/compensation';
import type {
  BuyerDebtCommand,
  ContributionCommand,
  Fund,
  FundControlCommand,
  FundEvent,
  FundInput,
  PayoutCommand,
} from '@recourse/compensation';
import { deposit, type DepositCommand } from '@recourse/deposits';
import { dispute, incident, policy, type DisputeCommand, type IncidentCommand } from '@recourse/disputes';
import type { PolicyCommand } from '@recourse/disputes/events';
import {
  type AnyDecider,
  type Command,
  type CommandAction,
  type CommandContext,
  currentVersion,
  decodeData,
  encodeData,
  erased,
  type Event,
  idOf,
  type Instant,
  isRejection,
  type Metadata,
  periodId,
  type Recorded,
  stamp,
  type StreamReader,
  streamOf,
  systemActor,
} from '@recourse/eventing';
import type { RunnableProcess } from '@recourse/eventstore';
import { Books, type Check, type DomainEvent, ledgerChecks, type RailBookEntry, type Violation } from '@recourse/ledger';
import { money } from '@recourse/money';
import { order, type OrderCommand } from '@recourse/orders';
import { processes } from '@recourse/processes';

/** The commands that people, jobs and processes send, by the category they go to. */
export interface Commands {
  readonly order: OrderCommand;
  readonly dispute: DisputeCommand;
  readonly policy: PolicyCommand;
  readonly incident: IncidentCommand;
  readonly deposit: DepositCommand;
  readonly fundcontrol: FundControlCommand;
  readonly contribution: ContributionCommand;
  readonly payout: PayoutCommand;
  readonly buyerdebt: BuyerDebtCommand;
}
export type Category = keyof Commands;

/** What a world is put together from. A mutant has one of them broken. */
export interface Parts {
  readonly deciders: readonly AnyDecider[];
  readonly processes: readonly RunnableProcess[];
  readonly fund: typeof fundProcessor;
}
export const soundParts: Parts = {
  deciders: [
    erased(order),
    erased(dispute),
    erased(policy),
    erased(incident),
    erased(deposit),
    erased(fundControl),
    erased(contribution),
    erased(payout),
    erased(buyerDebt),
    erased(reconciliation),
  ],
  processes,
  // Its periods are short, so that worlds see many.
  fund: { ...fundProcessor, decider: { ...fundProcessor.decider, periods: fundPeriodsOf(40) } },
};

/** Something that must never be: the history ends here. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** What became of a command. */
export type Outcome =
  | { readonly outcome: 'appended' | 'recorded' | 'nothing' }
  | { readonly outcome: 'rejected'; readonly code: string; readonly detail: string };

/** A decision on its way to the store: made on a state that may be old when it arrives. */
interface Decided {
  readonly outcome: 'decided';
  readonly stream: string;
  /** Revision of the last event that was known; -1 for a new stream. */
  readonly expected: number;
  readonly events: readonly Event[];
}
export interface InFlight {
  readonly category: Category;
  readonly id: string;
  readonly command: Command;
  readonly context: CommandContext;
  readonly decision: Outcome | Decided;
}

interface Stream {
  readonly events: Recorded[];
  readonly commands: Set<string>;
  state: unknown;
  /** Of a processor's stream: place of the last input that it has taken. */
  lastInput: bigint;
}
/** What one process has still to handle, in lanes that halt and go on each by itself. */
interface Lanes {
  readonly process: RunnableProcess;
  readonly lanes: Map<string, { readonly events: Recorded[]; next: number; isParked: boolean }>;
}

/** Above it a payout waits for two people; low enough that some do. */
const approvalLimit = money(3_000n);
const maxConflicts = 10;
/** Of the fund for one input: more than a world has refunds. */
const maxAppends = 2_000;
/** Of the name of a period, `.0001`. */
const periodSuffix = 5;

/**
 * The house in one array: the real deciders, processes and fund over a log that is checked after every event. Only the store is
 * not the real one, and it keeps its promises: expected revisions, one effect per command id, one order of the world.
 */
export class World {
  now: Instant = '2026-03-01T08:00:00.000Z';
  readonly log: Recorded<DomainEvent>[] = [];
  readonly books = new Books();
  /** One action of each kind that a process took. */
  readonly actions = new Map<string, CommandAction>();
  readonly #checks: readonly Check[] = ledgerChecks();
  readonly #streams = new Map<string, Stream>();
  readonly #ids = new Map<string, Set<string>>();
  readonly #deciders: ReadonlyMap<string, AnyDecider>;
  readonly #lanes: readonly Lanes[];
  readonly #inputs: Recorded<FundInput>[] = [];
  #nextInput = 0;
  #commands = 0;

  constructor(private readonly parts: Parts = soundParts) {
    this.#deciders = new Map(parts.deciders.map((decider) => [decider.category, decider]));
    this.#lanes = parts.processes.map((process) => ({ process, lanes: new Map() }));
  }

  readonly reader: StreamReader = {
    read: <E extends Event>(stream: string) =>
      Promise.resolve((this.#streams.get(stream)?.events ?? []) as unknown as readonly Recorded<E>[]),
  };

  /** Ids of everything of a category, oldest first; of an account in periods its own id. */
  idsOf(category: string): readonly string[] {
    return [...(this.#ids.get(category) ?? [])];
  }

  /** As it is now, of an account in its newest period; what nobody has begun is as it is at first. */
  stateOf(category: string, id: string): unknown {
    const decider = this.#decider(category);
    const stream = streamOf(category, id);
    return (this.#streams.get(decider.periods ? this.#newest(stream) : stream) ?? { state: decider.initial }).state;
  }
  fundState(): Fund {
    const [id] = this.idsOf('fund');
    const stream = id === undefined ? undefined : this.#streams.get(this.#newest(streamOf('fund', id)));
    return (stream?.state ?? this.parts.fund.decider.initial) as Fund;
  }

  context(subject: string, commandId = `c${(this.#commands += 1)}`): CommandContext {
    return { commandId, correlationId: commandId, actor: { ...systemActor(subject, 'demo'), subject }, at: this.now };
  }

  /** Reads and decides; `land` appends it, at once or after others. */
  depart<C extends Category>(category: C, id: string, command: Commands[C], context: CommandContext): InFlight {
    return { category, id, command, context, decision: this.#decide(category, id, command, context) };
  }

  /** A conflict leads to another decision. */
  land(flight: InFlight): Outcome {
    const { category, id, command, context } = flight;
    let { decision } = flight;
    for (let conflicts = 0; conflicts <= maxConflicts; conflicts += 1) {
      if (decision.outcome !== 'decided') return decision;
      const { stream, expected, events } = decision;
      if (this.#append(this.#decider(category), stream, expected, events, context)) return { outcome: 'appended' };
      decision = this.#decide(category, id, command, context);
    }
    throw new Broken(`${command.type} finds no peace in ${category}-${id}`);
  }

  send<C extends Category>(category: C, id: string, command: Commands[C], subject: string): Outcome {
    return this.land(this.depart(category, id, command, this.context(subject)));
  }

  #decider(category: string): AnyDecider {
    const decider = this.#deciders.get(category);
    if (decider === undefined) throw new Error(`there is no decider of ${category}`);
    return decider;
  }

  #newest(account: string): string {
    return this.#periodsOf(account).at(-1) ?? periodId(account, 1);
  }
  #periodsOf(account: string): readonly string[] {
    const periods: string[] = [];
    for (let no = 1; this.#streams.has(periodId(account, no)); no += 1) periods.push(periodId(account, no));
    return periods;
  }

  #decide(category: string, id: string, command: Command, context: CommandContext): Outcome | Decided {
    const decider = this.#decider(category);
    const account = streamOf(category, id);
    const stream = decider.periods ? this.#openPeriod(decider, account, context) : account;
    const places = decider.periods ? this.#periodsOf(account) : [stream];
    if (places.some((place) => this.#streams.get(place)?.commands.has(context.commandId))) return { outcome: 'recorded' };
    const { state, events: before } = this.#streams.get(stream) ?? { state: decider.initial, events: [] };
    const events = decider.decide(stamp(command, context.at), state);
    if (isRejection(events)) return { outcome: 'rejected', code: events.rejected, detail: events.detail };
    if (events.length === 0) return { outcome: 'nothing' };
    return { outcome: 'decided', stream, expected: before.length - 1, events };
  }

  #openPeriod(decider: AnyDecider, account: string, { at }: CommandContext): string {
    const stream = this.#newest(account);
    const known = this.#streams.get(stream);
    const closing = known && decider.periods?.closing(known.state, at, known.events.length);
    if (!known || !closing) return stream;
    const context = this.context('system:periods', `turn ${stream}`);
    // Of a processor's account every event says how far it has read.
    const read = known.lastInput === 0n ? {} : { inputPosition: known.lastInput.toString() };
    this.#append(decider, stream, known.events.length - 1, [closing], context, [read]);
    const following = decider.periods?.following(known.state) ?? [];
    const next = periodId(account, Number(stream.slice(-4)) + 1);
    const begins = { ...context, commandId: `turn ${next}` };
    this.#append(decider, next, -1, following, begins, Array<typeof read>(following.length).fill(read));
    return next;
  }

  /** @returns whether the stream was still as expected */
  #append(
    decider: AnyDecider,
    name: string,
    expected: number,
    events: readonly Event[],
    { commandId, correlationId, causationId, actor, at }: CommandContext,
    more: readonly Partial<Metadata>[] = [],
  ): boolean {
    const stream = this.#streams.get(name) ?? { events: [], commands: new Set<string>(), state: decider.initial, lastInput: 0n };
    if (stream.events.length - 1 !== expected) return false;
    if (expected < 0) this.#begin(name, decider, stream);
    events.forEach(({ type, data }, i) => {
      const position = BigInt(this.log.length + 1) * 10n;
      const recorded = {
        type,
        data: decodeData(encodeData(data)),
        id: `e${position}`,
        stream: name,
        revision: BigInt(stream.events.length),
        position,
        metadata: {
          commandId,
          correlationId,
          ...(causationId === undefined ? {} : { causationId }),
          actor,
          schemaVersion: currentVersion(decider.events, type),
          recordedAt: at,
          effectiveAt: at,
          ...more[i],
        },
      } satisfies Recorded;
      stream.state = decider.evolve(stream.state, recorded);
      stream.events.push(recorded);
      stream.commands.add(recorded.metadata.commandId);
      stream.lastInput = BigInt(recorded.metadata.inputPosition ?? stream.lastInput);
      this.#publish(recorded as Recorded as Recorded<DomainEvent>);
    });
    return true;
  }

  #begin(name: string, { category, periods }: AnyDecider, stream: Stream): void {
    this.#streams.set(name, stream);
    const id = idOf(name);
    const ids = this.#ids.get(category) ?? new Set();
    this.#ids.set(category, ids.add(periods ? id.slice(0, -periodSuffix) : id));
  }

  #publish(event: Recorded<DomainEvent>): void {
    this.log.push(event);
    const ledger = { postings: this.books.apply(event), books: this.books };
    this.#report(this.#checks.flatMap((check) => check.check(event, ledger)));
    for (const { process, lanes } of this.#lanes) {
      if (!process.on[event.type]) continue;
      const name = (process.lane as ((event: Recorded) => string) | undefined)?.(event) ?? event.stream;
      const lane = lanes.get(name) ?? { events: [], next: 0, isParked: false };
      lanes.set(name, lane);
      lane.events.push(event);
    }
    if ((this.parts.fund.inputs as readonly string[]).includes(event.type)) this.#inputs.push(event as Recorded<FundInput>);
  }

  #report(violations: readonly Violation[]): void {
    const [first] = violations;
    if (!first) return;
    const { invariant, subject, position, found, expected } = first;
    throw new Broken(`${invariant} ${subject} at ${position}: ${found} instead of ${expected}`);
  }

  /** What only the end can tell of the invariants, the rails' own books compared. */
  async audit(railBooks: ReadonlyMap<string, Iterable<RailBookEntry>>): Promise<void> {
    for (const check of this.#checks) this.#report(await check.finish({ now: this.now, toleranceMs: 0, railBooks }));
  }

  /** Lanes in which something waits and may go on, by the number of their process and their name. */
  waitingLanes(): readonly (readonly [process: number, lane: string])[] {
    return this.#lanes.flatMap(({ lanes }, process) =>
      [...lanes].flatMap(([name, { events, next, isParked }]) =>
        next < events.length && !isParked ? [[process, name] as const] : [],
      ),
    );
  }

  /** A lane stands still until somebody replays it, while the others go on. */
  park(pick: number): void {
    const all = this.#lanes.flatMap(({ lanes }) => [...lanes.values()]);
    const lane = all[pick % Math.max(1, all.length)];
    if (lane) lane.isParked = true;
  }
  replayAll(): void {
    for (const { lanes } of this.#lanes) for (const lane of lanes.values()) lane.isParked = false;
  }

  /**
   * One lane goes on by so many events, or dies on the way: after so many actions of the last event, which is not recorded then.
   * @throws Broken where the lane would stand still for a person to look at it
   */
  async handle([process, name]: readonly [process: number, lane: string], count: number, diesAfter?: number): Promise<void> {
    const reader = this.#lanes[process];
    const lane = reader?.lanes.get(name);
    if (!reader || !lane) return;
    for (let handled = 0; handled < count; handled += 1) {
      const event = lane.events[lane.next];
      if (!event) return;
      const handler = reader.process.on[event.type] as
        ((event: Recorded, streams: StreamReader) => readonly CommandAction[] | Promise<readonly CommandAction[]>) | undefined;
      let actions: readonly CommandAction[];
      try {
        actions = ((await handler?.(event, this.reader)) ?? []).filter((action) => action.do === 'command');
      } catch {
        return; // it waits for another stream, and is tried again
      }
      const dies = diesAfter !== undefined && handled === count - 1;
      for (const action of dies ? actions.slice(0, diesAfter) : actions) this.#act(reader.process, event, action);
      if (dies) return;
      lane.next += 1;
    }
  }

  /** A batch that was handled and not recorded comes again. */
  handleAgain(pick: number, count: number): void {
    const all = this.#lanes.flatMap(({ lanes }) => [...lanes.values()]);
    const lane = all[pick % Math.max(1, all.length)];
    if (lane) lane.next = Math.max(0, lane.next - count);
  }

  #act(process: RunnableProcess, event: Recorded, action: CommandAction): void {
    const { name, category, id, command, settledBy } = action;
    this.actions.set(`${category}/${command.type}`, action);
    const limited = command.type === 'RequestPayout' ? { ...command, approvalLimit } : command;
    const context: CommandContext = {
      commandId: `${event.id}/${process.name}/${name}`,
      correlationId: event.metadata.correlationId,
      causationId: event.id,
      actor: systemActor(process.name, event.metadata.actor.platform),
      at: this.now,
      since: event.metadata.recordedAt,
    };
    const executed = this.land({
      category: category as Category,
      id,
      command: limited,
      context,
      decision: this.#decide(category, id, limited, context),
    });
    if (executed.outcome === 'rejected' && !settledBy?.includes(executed.code))
      throw new Broken(
        `${process.name} stands still at ${event.type}: ${command.type} to ${category}-${id} was refused, ${executed.code}: ${executed.detail}`,
      );
  }

  get fundWaits(): boolean {
    return this.#nextInput < this.#inputs.length;
  }

  /**
   * The fund takes so many inputs as one batch, in appends of at most so many events; with `forgets` it dies before it has noted
   * where it stands, and takes them again.
   */
  takeInputs(count: number, maxEvents: number, forgets: boolean): void {
    const { decider, onward, route } = this.parts.fund;
    const inputs = this.#inputs.slice(this.#nextInput, this.#nextInput + count);
    const erasedFund = erased(decider);
    for (const input of inputs) {
      const routed = route(input);
      if (!routed) continue;
      const account = streamOf(decider.category, routed.id);
      const commands = input.position > (this.#streams.get(this.#newest(account))?.lastInput ?? 0n) ? [routed.command] : [];
      this.#takeInput(erasedFund, account, input, commands, onward, maxEvents);
    }
    this.#nextInput = forgets ? Math.max(0, this.#nextInput - count) : this.#nextInput + inputs.length;
  }

  #takeInput(
    decider: AnyDecider,
    account: string,
    input: Recorded<FundInput>,
    commands: Command[],
    onward: Parts['fund']['onward'],
    maxEvents: number,
  ): void {
    for (let appends = 0; ; appends += 1) {
      if (appends > maxAppends) throw new Broken(`the fund goes on without an end at ${input.type}`);
      const { correlationId, actor, recordedAt } = input.metadata;
      const context: CommandContext = {
        commandId: `${input.id}/fund`,
        correlationId,
        causationId: input.id,
        actor: systemActor('fund', actor.platform),
        at: this.now,
      };
      const name = this.#openPeriod(decider, account, { ...context, at: recordedAt });
      const stream = this.#streams.get(name);
      let state = stream?.state ?? decider.initial;
      const events: Event[] = [];
      for (;;) {
        const next = (stream || events.length > 0 ? onward?.(state as Fund) : undefined) ?? commands.shift();
        if (next === undefined) break;
        const decision = decider.decide(stamp(next, input.metadata.recordedAt), state) as readonly FundEvent[];
        if (isRejection(decision)) throw new Broken(`the fund stands still at ${input.type}: ${decision.rejected}`);
        if (decision.length === 0 && next.type === 'GoOn') throw new Broken('the fund goes on without an end');
        for (const one of decision) state = decider.evolve(state, one);
        events.push(...decision);
        if (events.length >= maxEvents) break;
      }
      if (events.length === 0) return;
      const cause = { effectiveAt: recordedAt, inputPosition: input.position.toString() };
      this.#append(
        decider,
        name,
        (stream?.events.length ?? 0) - 1,
        events,
        context,
        events.map(() => cause),
      );
    }
  }
}
