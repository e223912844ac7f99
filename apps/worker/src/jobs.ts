import { randomUUID } from 'node:crypto';
import type { CommandBus } from '@nestjs/cqrs';
import { systemActor, type Clock, type CommandContext } from '@recourse/eventing';
import type { EventStore, Executed } from '@recourse/eventstore';
import type { PayoutRail } from '@recourse/rails';
import type { Vault } from '@recourse/vault';
import type { Verifier } from '@recourse/verifiers';

/** What a job works with. A job is woken with a key, re-reads the stream, which is the truth, and acts on what it finds. */
export interface JobTools {
  readonly commands: CommandBus;
  readonly eventStore: EventStore;
  readonly clock: Clock;
  readonly rails: ReadonlyMap<string, PayoutRail>;
  readonly vault: Vault;
  readonly verifier: Verifier;
  /** For what a person must look at; nothing personal, no key. */
  readonly alarm: (what: string, where: Readonly<Record<string, string>>) => void;
}

/** A refusal here is either harmless (somebody else was faster) or for a person to see; the caller says which. */
export class JobRefused extends Error {
  override readonly name = 'JobRefused';
  constructor(
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

export async function jobContext(tools: JobTools, job: string): Promise<CommandContext> {
  const commandId = randomUUID();
  return { commandId, correlationId: commandId, actor: systemActor(job), at: await tools.clock.now() };
}

/** @throws JobRefused */
export async function send(tools: JobTools, command: object): Promise<Exclude<Executed, { outcome: 'rejected' }>> {
  const executed = await tools.commands.execute<object, Executed>(command);
  if (executed.outcome === 'rejected') throw new JobRefused(executed.rejection.rejected, executed.rejection.detail);
  return executed;
}
