import { Controller, Get, Inject, Param, Res, StreamableFile } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { gatherCase, packOf, type PackView, zipOf } from '@recourse/case-pack';
import type { DisputeCommand } from '@recourse/disputes/events';
import type { Actor } from '@recourse/eventing';
import type { EventStore, Executed } from '@recourse/eventstore';
import { Caller, commandOf, Problem, uuidOf } from '@recourse/nest';
import type { Database } from '@recourse/postgres';
import type { Uploads } from '@recourse/files';
import type { Vault } from '@recourse/vault';
import type { Response } from 'express';
import { Readable } from 'node:stream';
import { Edge } from './edge.js';
import { Parties } from './parties.js';
import { Reads } from './route.js';
import { problemOfRejection } from './rejections.js';
import { databaseToken, eventStoreToken, uploadsToken, vaultToken } from './tokens.js';

class RecordExport extends commandOf<DisputeCommand, 'RecordExport'>('dispute', 'RecordExport') {}

export const casePackCommands = [RecordExport] as const;

const viewOf = ({ role }: Actor): PackView => (role === 'buyer' || role === 'merchant' ? role : 'platform');

@ApiTags('disputes')
@Controller('disputes')
export class CasePacks {
  constructor(
    @Inject(Edge) private readonly edge: Edge,
    @Inject(Parties) private readonly parties: Parties,
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
    @Inject(databaseToken) private readonly database: Database,
    @Inject(vaultToken) private readonly vault: Vault,
    @Inject(uploadsToken) private readonly uploads: Uploads,
  ) {}

  @Get(':disputeId/pack')
  @Reads('buyer', 'merchant', 'arbitrator', 'finance', 'operator')
  @ApiProduces('application/zip')
  @ApiOperation({
    summary:
      'The case as one ZIP with page, timeline, evidence, verdicts, policy and hashes; a party gets its own view. The export is recorded',
  })
  async pack(@Param('disputeId') disputeId: string, @Caller() caller: Actor, @Res({ passthrough: true }) response: Response) {
    await this.parties.dispute(caller, disputeId);
    const { eventStore, database, vault, uploads } = this;
    const material = await gatherCase({ eventStore, database, vault, uploads }, disputeId, viewOf(caller));
    if (material === undefined) throw new Problem(404, 'dispute-unknown', 'there is no such dispute for you');
    const pack = packOf(material);
    // Before its first byte leaves the house; the same person who takes the same again has taken it once.
    await this.record(disputeId, caller, {
      by: caller.subject,
      view: material.view,
      position: pack.position,
      sha256: pack.sha256,
    });
    response.setHeader('Recourse-Pack-SHA256', pack.sha256);
    return new StreamableFile(Readable.from(zipOf(pack.files)), {
      type: 'application/zip',
      disposition: `attachment; filename="case-${disputeId}.zip"`,
    });
  }

  private async record(
    disputeId: string,
    actor: Actor,
    exported: { by: string; view: PackView; position: string; sha256: string },
  ): Promise<void> {
    const commandId = uuidOf('case-pack', disputeId, exported.by, exported.sha256);
    const context = { commandId, correlationId: commandId, actor, at: await this.edge.now() };
    const executed = await this.commands.execute<object, Executed>(
      new RecordExport(disputeId, { type: 'RecordExport', ...exported }, context),
    );
    if (executed.outcome === 'rejected') throw problemOfRejection(executed.rejection);
  }
}
