import { Inject, Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import {
  type Actor,
  type Clock,
  type Command,
  type CommandContext,
  type Decider,
  erased,
  type Event,
  type Instant,
  isRejection,
  streamOf,
} from '@recourse/eventing';
import { type EventStore, type Executed, stateOf } from '@recourse/eventstore';
import { Idempotency, Problem, uuidOf } from '@recourse/nest';
import { type PersonData, type Vault, VaultError } from '@recourse/vault';
import type { Request, Response } from 'express';
import { problemOfRejection } from './rejections.js';
import { Relay } from './relay.js';
import { clockToken, eventStoreToken, vaultToken } from './tokens.js';

/** No stream that is read whole is longer. */
export const maxStreamEvents = 5_000;

/** A command of the domain as it goes over the CommandBus. */
export interface DomainCommandClass<C extends Command> {
  readonly category: string;
  new (id: string, command: C, context: CommandContext): object;
}
export type Accepted = Exclude<Executed, { outcome: 'rejected' }>;

/** One request while it is carried out. */
export interface Run {
  readonly caller: Actor;
  readonly at: Instant;
  /** The same when the request is repeated. */
  readonly commandId: string;
  /**
   * Sends a command. What it leads to between an order and its dispute is done when this returns.
   * @param part tells the commands of one request apart; each has an id of its own that is the same when the request is repeated
   * @throws Problem for a refusal
   */
  send<C extends Command>(commandClass: DomainCommandClass<C>, id: string, command: C, part?: string): Promise<Accepted>;
  /** Asks a decider beforehand, so that nothing is claimed for a command that is refused. @throws Problem for the refusal */
  demand<C extends Command, S, E extends Event, R extends string>(
    decider: Decider<C, S, E, R>,
    id: string,
    command: C,
  ): Promise<void>;
  /** Keeps what must be erasable in the vault and returns its reference; of a request that leads to nothing, nothing stays. @throws Problem 422 */
  keep(data: PersonData): Promise<string>;
  /** The answer tells of everything up to this position. */
  reached(position: bigint): void;
}
export type Act = (run: Run) => Promise<object>;

/** What every writing route does: once per Idempotency-Key, stamped with the server's clock, answered with the log position. */
@Injectable()
export class Edge {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(Relay) private readonly relay: Relay,
    @Inject(clockToken) private readonly clock: Clock,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
    @Inject(vaultToken) private readonly vault: Vault,
  ) {}

  /** @returns the body that is sent, the first one again for a request that was accepted before */
  async write(request: Request, response: Response, caller: Actor, act: Act, input?: object): Promise<object> {
    const route = `${request.method} ${placeOf(request)}`;
    const { statusCode: status } = response;
    const at = await this.clock.now();
    const answer = await this.idempotency.once(
      caller,
      route,
      request.header('Idempotency-Key'),
      input ?? (request.body as unknown) ?? null,
      at,
      async (commandId, since) => ({ status, body: await this.carryOut(caller, { commandId, at, since }, act) }),
    );
    if (answer.replayed) response.setHeader('Idempotency-Replayed', 'true');
    if ('position' in answer.body && typeof answer.body.position === 'string')
      response.setHeader('Recourse-Position', answer.body.position);
    return answer.body;
  }

  now(): Promise<Instant> {
    return this.clock.now();
  }

  /** The first event of a stream: who its parties are never changes. */
  async firstEvent<E extends Event>(stream: string): Promise<E | undefined> {
    const [first] = await this.eventStore.readStream<E>(stream, { limit: 1 });
    return first as E | undefined;
  }

  private async carryOut(
    caller: Actor,
    { commandId, at, since }: { readonly commandId: string; readonly at: Instant; readonly since: Instant },
    act: Act,
  ): Promise<object> {
    const kept: string[] = [];
    let appended = false;
    let position = 0n;
    const reached = (now: bigint): void => {
      if (now > position) position = now;
    };
    const send: Run['send'] = async (commandClass, id, command, part = '') => {
      const context = {
        commandId: part === '' ? commandId : uuidOf(commandId, part),
        correlationId: commandId,
        actor: caller,
        at,
        since,
      };
      const executed = await this.commands.execute<object, Executed>(new commandClass(id, command, context));
      if (executed.outcome === 'rejected') throw problemOfRejection(executed.rejection);
      appended ||= executed.outcome === 'appended';
      reached(executed.position);
      reached(await this.relay.follow(streamOf(commandClass.category, id), executed, at));
      return executed;
    };
    const demand: Run['demand'] = async (decider, id, command) => {
      const any = erased(decider);
      const decision = any.decide({ ...command, at }, await stateOf(this.eventStore, any, id));
      if (isRejection(decision)) throw problemOfRejection(decision);
    };
    const keep: Run['keep'] = async (data) => {
      const reference = await this.store(data);
      kept.push(reference);
      return reference;
    };
    try {
      const body = await act({ caller, at, commandId, send, demand, keep, reached });
      // No event names what was kept for a request that was carried out before.
      if (!appended) await this.shred(kept);
      return position === 0n ? body : { ...body, position: position.toString() };
    } catch (error) {
      if (error instanceof Problem) await this.shred(kept);
      throw error;
    }
  }

  private async shred(references: readonly string[]): Promise<void> {
    for (const id of references) await this.vault.shred({ kind: 'person', id });
  }

  private async store(data: PersonData): Promise<string> {
    try {
      return await this.vault.storePerson(data);
    } catch (error) {
      if (error instanceof VaultError && error.code === 'TooLarge')
        throw new Problem(422, 'text-too-large', 'this text is over 4 KiB in UTF-8');
      throw error;
    }
  }
}

/** The one name of an address that can be spelt in several ways: the route's own, with what stands in it. */
function placeOf({ route, params }: Request): string {
  const { path } = route as { readonly path: string };
  return path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])));
}
