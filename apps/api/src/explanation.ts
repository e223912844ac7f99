import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { explainCase, frozenTable, readCase, type CaseExplanation } from '@recourse/disputes';
import type { Actor, Event, StreamReader } from '@recourse/eventing';
import type { EventStore } from '@recourse/eventstore';
import { eventName, type DomainEvent } from '@recourse/ledger';
import { type Money, toJson } from '@recourse/money';
import { Caller } from '@recourse/nest';
import { maxStreamEvents } from './edge.js';
import { Parties } from './parties.js';
import { Reads } from './route.js';
import { eventStoreToken } from './tokens.js';

/** S03, S19: what a case was decided on, told from the events alone, so that it is the same after somebody's data was erased. */
@ApiTags('disputes')
@Controller('disputes')
export class Explanations {
  readonly #streams: StreamReader;

  constructor(
    @Inject(Parties) private readonly parties: Parties,
    @Inject(eventStoreToken) eventStore: EventStore,
  ) {
    this.#streams = {
      read: <E extends Event>(stream: string) => eventStore.readStream<E>(stream, { limit: maxStreamEvents }),
    };
  }

  @Get(':disputeId/explanation')
  @Reads('buyer', 'merchant', 'arbitrator', 'finance')
  @ApiOperation({
    summary:
      'Every fact with the events it comes from and who had to show it, every rule that was tried, the verdict and its basis',
  })
  async read(@Param('disputeId') disputeId: string, @Caller() caller: Actor) {
    const opened = await this.parties.dispute(caller, disputeId);
    const [found, table] = [await readCase(disputeId, this.#streams), await frozenTable(opened, this.#streams)];
    if (found === undefined || table === undefined) throw new Error(`dispute ${disputeId} has lost its events or its policy`);
    return json(shownTo(caller, explainCase({ ...found, table }))) as object;
  }
}

/** Parties learn in which role somebody acted, not who; how the buyer paid is no matter of the merchant. */
function shownTo({ role }: Actor, { attested, units, verdicts, ...explained }: CaseExplanation) {
  const isParty = role === 'buyer' || role === 'merchant';
  const { payment, ...rest } = attested;
  const { transaction, ...paid } = payment ?? { transaction: undefined };
  return {
    ...explained,
    attested: { ...rest, ...(payment && { payment: { ...paid, ...(role === 'merchant' ? {} : { transaction }) } }) },
    units: units.map((unit) => ({
      ...unit,
      facts: unit.facts.map((fact) => ({
        ...fact,
        from: fact.from.map(({ actor, ...event }) => ({
          ...event,
          name: eventName(event.type as DomainEvent['type']),
          actor: isParty ? { role: actor.role } : { role: actor.role, subject: actor.subject },
        })),
      })),
    })),
    verdicts: verdicts.map(({ person, ...verdict }) => ({
      ...verdict,
      ...(isParty || person === undefined ? {} : { person }),
    })),
  };
}

/** Positions as text, amounts as everywhere. */
function json(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(json);
  if (value === null || typeof value !== 'object') return value;
  if ('minor' in value && typeof value.minor === 'bigint') return toJson(value as Money);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, json(member)]));
}
