import { Inject, Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { DisputeCommand } from '@recourse/disputes/events';
import {
  type Action,
  type Command,
  type CommandAction,
  type CommandContext,
  type Event,
  type Instant,
  type Recorded,
  type StreamReader,
  systemActor,
} from '@recourse/eventing';
import { actionCommandId, type EventStore, type Executed } from '@recourse/eventstore';
import { commandOf } from '@recourse/nest';
import type { OrderCommand } from '@recourse/orders/events';
import { claimToDispute } from '@recourse/processes';
import { eventStoreToken } from './tokens.js';

class CloseClaim extends commandOf<OrderCommand, 'CloseClaim'>('order', 'CloseClaim') {}
class OpenDispute extends commandOf<DisputeCommand, 'OpenDispute'>('dispute', 'OpenDispute') {}
class SubmitDispute extends commandOf<DisputeCommand, 'SubmitDispute'>('dispute', 'SubmitDispute') {}
class LinkComplaint extends commandOf<DisputeCommand, 'LinkComplaint'>('dispute', 'LinkComplaint') {}
class ReportReplacement extends commandOf<DisputeCommand, 'ReportReplacement'>('dispute', 'ReportReplacement') {}
class AttestIncident extends commandOf<DisputeCommand, 'AttestIncident'>('dispute', 'AttestIncident') {}

export const relayedOrderCommands = [CloseClaim] as const;
export const relayedDisputeCommands = [OpenDispute, SubmitDispute, LinkComplaint, ReportReplacement, AttestIncident] as const;

type AnyCommandClass = new (id: string, command: never, context: CommandContext) => object;
const classes: Readonly<Record<string, AnyCommandClass>> = {
  CloseClaim,
  OpenDispute,
  SubmitDispute,
  LinkComplaint,
  ReportReplacement,
  AttestIncident,
};
const handlers = claimToDispute.on as Readonly<
  Record<string, ((event: Recorded, streams: StreamReader) => readonly Action[] | Promise<readonly Action[]>) | undefined>
>;

/**
 * Does at once what the process between an order and its dispute is about to do, under the very ids it will use: who claims
 * can go on with the dispute at once, and the process finds its commands recorded.
 */
@Injectable()
export class Relay {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
  ) {}

  /** @returns the last position that came of it, 0n for none */
  async follow(stream: string, { events, revision }: Exclude<Executed, { outcome: 'rejected' }>, at: Instant): Promise<bigint> {
    if (!events.some(({ type }) => handlers[type] !== undefined)) return 0n;
    const recorded = await this.eventStore.readStream<Event>(stream, {
      from: revision - BigInt(events.length) + 1n,
      limit: events.length,
    });
    let position = 0n;
    for (const event of recorded) {
      const actions = (await handlers[event.type]?.(event, { read: (other) => this.read(other) })) ?? [];
      for (const action of actions) {
        const executed = action.do === 'command' ? await this.act(action, event, at) : undefined;
        // A refusal is left to the process, which knows what settles the matter and alarms otherwise.
        if (executed !== undefined && executed.outcome !== 'rejected' && executed.position > position)
          position = executed.position;
      }
    }
    return position;
  }

  private async act({ name, id, command }: CommandAction, cause: Recorded, at: Instant): Promise<Executed> {
    const commandClass = classes[command.type];
    if (commandClass === undefined)
      throw new Error(`${claimToDispute.name} sends ${command.type}, which has no command class here`);
    const context: CommandContext = {
      commandId: actionCommandId(cause.id, `${claimToDispute.name}/${name}`),
      correlationId: cause.metadata.correlationId,
      causationId: cause.id,
      actor: systemActor(claimToDispute.name, cause.metadata.actor.platform),
      at,
      since: cause.metadata.recordedAt,
    };
    return this.commands.execute<object, Executed>(new commandClass(id, command as Command as never, context));
  }

  private read: StreamReader['read'] = (stream) => this.eventStore.readStream(stream, { limit: 5_000 });
}
