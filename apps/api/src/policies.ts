import { Body, Controller, Get, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { isTable, lintTable, policyHash, policyInForce, validateTable } from '@recourse/disputes';
import type { PolicyCommand, PolicyEvent } from '@recourse/disputes/events';
import type { Actor, Recorded } from '@recourse/eventing';
import type { EventStore } from '@recourse/eventstore';
import { Caller, commandOf, Problem } from '@recourse/nest';
import { Transform } from 'class-transformer';
import { IsObject } from 'class-validator';
import { Edge, maxStreamEvents } from './edge.js';
import { everyRole, Once, Reads, type Write, Writes } from './route.js';
import { eventStoreToken } from './tokens.js';

class PublishPolicy extends commandOf<PolicyCommand, 'PublishPolicy'>('policy', 'PublishPolicy') {}

export const policyCommands = [PublishPolicy] as const;

class PolicyBody {
  // As it was sent: a member that a transformer would drop must be found by the check of the table.
  @Transform(({ obj }: { obj: { table?: unknown } }) => obj.table)
  @IsObject()
  @ApiProperty({
    type: Object,
    description: 'a decision table: id, version, title and rules; the first rule that matches decides',
  })
  table!: object;
}

@ApiTags('policies')
@Controller('policies')
export class Policies {
  constructor(
    @Inject(Edge) private readonly edge: Edge,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
  ) {}

  @Post()
  @Writes(201, 'operator')
  @ApiOperation({ summary: 'Publish the next version of the refund policy; all but the first take effect after seven days' })
  publish(@Body() body: PolicyBody, @Once() write: Write) {
    return write(async (run) => {
      const table = validateTable(body.table);
      if (!isTable(table)) {
        const faults = table.map((message) => ({ field: 'table', message }));
        throw new Problem(422, 'policy-invalid', 'the table cannot judge every case fairly; see faults', { faults });
      }
      const { platform } = run.caller;
      await run.send(PublishPolicy, platform, { type: 'PublishPolicy', platform, table });
      const hash = policyHash(table);
      const published = (await this.versions(platform)).find(({ data }) => data.hash === hash);
      if (published === undefined) throw new Error('a policy was accepted without being published');
      const { id, version, effectiveFrom } = published.data;
      // Errors do not come this far.
      const warnings = lintTable(table).map(({ code, rule, message, witness }) => ({ code, rule, message, witness }));
      return { policy: id, version, hash, effectiveFrom, warnings };
    });
  }

  @Get()
  @Reads(...everyRole)
  @ApiOperation({ summary: 'The versions of the refund policy, and which one judges an order placed now' })
  async list(@Caller() caller: Actor) {
    const versions = await this.versions(caller.platform);
    return {
      inForce: policyInForce(versions, await this.edge.now())?.version ?? null,
      versions: versions.map(({ data: { version, hash, publishedAt, effectiveFrom, table } }) => ({
        version,
        hash,
        publishedAt,
        effectiveFrom,
        title: table.title,
        rules: table.rules.length,
      })),
    };
  }

  @Get(':version')
  @Reads(...everyRole)
  @ApiOperation({ summary: 'One version with its whole table' })
  async read(@Param('version') version: string, @Caller() caller: Actor) {
    const found = (await this.versions(caller.platform)).find(({ data }) => data.version.toString() === version);
    if (found === undefined) throw new Problem(404, 'policy-unknown', 'your platform has published no such version');
    const { hash, publishedAt, effectiveFrom, table } = found.data;
    return { version: found.data.version, hash, publishedAt, effectiveFrom, table };
  }

  private versions(platform: string): Promise<readonly Recorded<PolicyEvent>[]> {
    return this.eventStore.readStream<PolicyEvent>(`policy-${platform}`, { limit: maxStreamEvents });
  }
}
