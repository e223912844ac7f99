import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Actor } from '@recourse/eventing';
import type { EventStore } from '@recourse/eventstore';
import { Caller, kebab, Problem } from '@recourse/nest';
import { type Database, findAccount, machineClock } from '@recourse/postgres';
import type { Vault } from '@recourse/vault';
import {
  disableEndpoint,
  enableEndpoint,
  type Endpoint,
  type EndpointTools,
  EndpointUrlError,
  findEndpoint,
  listEndpoints,
  listMessages,
  messageId,
  type Owner,
  registerEndpoint,
  replayMessages,
  rotateSecret,
  TooManyEndpoints,
} from '@recourse/webhooks';
import { unopened } from './deposits.js';
import { Limit, limitOf, OneOf, Position, Text } from './fields.js';
import { Parties } from './parties.js';
import { Once, Reads, type Write, Writes } from './route.js';
import type { Settings } from './settings.js';
import { databaseToken, eventStoreToken, settingsToken, vaultToken } from './tokens.js';

const usualRows = 50;
const maxRows = 200;
const replayRows = 1_000;
const endpointShape = /^ep_[0-9a-f]{24}$/;

class EndpointBody {
  @Text(2_048, {
    description: 'where messages are posted: https, a public address, and it answers 2xx within 10 s',
    example: 'https://shop.example/recourse',
  })
  url!: string;
}

class DisablingBody {
  @Text(200, { example: 'maintenance until Monday' })
  reason!: string;
}

class MessagesQuery {
  @Position({ description: 'the position of the last message already seen', optional: true })
  after?: string;

  @OneOf(['pending', 'delivered', 'failed'], { optional: true })
  status?: 'pending' | 'delivered' | 'failed';

  @Limit(maxRows)
  limit?: string;
}

class ReplayBody {
  @Position({ description: 'the first position that is sent again', example: '0' })
  from!: string;
}

const viewOf = (endpoint: Endpoint) => ({
  endpointId: endpoint.endpoint_id,
  url: endpoint.url,
  enabled: endpoint.enabled,
  disabledBecause: endpoint.disabled_because,
  toldUpTo: endpoint.told_up_to.toString(),
  failuresInARow: endpoint.failures,
  failingSince: endpoint.failing_since,
  restsUntil: endpoint.rests_until,
  previousSecretValidUntil: endpoint.previous_valid_until,
  registeredAt: endpoint.registered_at,
  changedAt: endpoint.changed_at,
  changedBy: endpoint.changed_by,
});

/** Notices of what moves a merchant's money, posted to his own servers (Standard Webhooks). */
@ApiTags('webhooks')
@Controller('deposits/:merchant/webhooks')
export class Webhooks {
  private readonly tools: EndpointTools;

  constructor(
    @Inject(Parties) private readonly parties: Parties,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
    @Inject(databaseToken) private readonly database: Database,
    @Inject(vaultToken) vault: Vault,
    @Inject(settingsToken) settings: Settings,
  ) {
    this.tools = { db: database.db, vault, now: () => machineClock.now(), allowLoopback: settings.isSandbox };
  }

  @Post()
  @Writes(201, 'merchant', 'finance')
  @ApiOperation({ summary: 'Register an endpoint; the answer shows its secret, once' })
  async register(@Param('merchant') name: string, @Body() { url }: EndpointBody, @Once() write: Write) {
    let secret: string | undefined;
    const answer = await write(async (run) => {
      const owner = await this.ownerOf(run.caller, name);
      const endpointId = `ep_${run.commandId.replaceAll('-', '').slice(0, 24)}`;
      const after = await this.eventStore.lastPosition();
      const by = run.caller.subject;
      secret = await registerEndpoint(this.tools, { ...owner, endpointId, url, after, by }).catch(refuse);
      return { merchant: owner.merchant, endpointId, url, toldAfter: after.toString() };
    });
    // Not part of the answer that is remembered for a repeated request: the secret is in no table as it is.
    return secret === undefined ? answer : { ...answer, secret };
  }

  @Get()
  @Reads('merchant', 'finance')
  @ApiOperation({ summary: 'The endpoints of a merchant, and whether they take what they are sent' })
  async list(@Param('merchant') name: string, @Caller() caller: Actor) {
    const owner = this.platformOf(caller, name);
    return { merchant: owner.merchant, endpoints: (await listEndpoints(this.tools, owner)).map(viewOf) };
  }

  @Post(':endpoint/secret')
  @Writes(200, 'merchant', 'finance')
  @ApiOperation({ summary: 'Make a new secret; messages are signed with the old one too for 24 hours' })
  async rotate(@Param('merchant') name: string, @Param('endpoint') id: string, @Once() write: Write) {
    let secret: string | undefined;
    const answer = await write(async (run) => {
      const { endpoint_id: endpointId } = await this.endpointOf(run.caller, name, id);
      const rotated = await rotateSecret(this.tools, {
        endpointId,
        by: run.caller.subject,
        request: run.commandId,
      });
      secret = rotated.secret;
      return { endpointId, previousSecretValidUntil: rotated.previousValidUntil };
    });
    return secret === undefined ? answer : { ...answer, secret };
  }

  @Post(':endpoint/disabling')
  @Writes(200, 'merchant', 'finance')
  @ApiOperation({ summary: 'Send nothing for now; what happens meanwhile is told when the endpoint is enabled' })
  disable(@Param('merchant') name: string, @Param('endpoint') id: string, @Body() body: DisablingBody, @Once() write: Write) {
    return write(async (run) => {
      const { endpoint_id: endpointId } = await this.endpointOf(run.caller, name, id);
      await disableEndpoint(this.tools, { endpointId, by: run.caller.subject, because: body.reason });
      return { endpointId, enabled: false };
    });
  }

  @Post(':endpoint/enabling')
  @Writes(200, 'merchant', 'finance')
  @ApiOperation({ summary: 'Send again, beginning with what was not told' })
  enable(@Param('merchant') name: string, @Param('endpoint') id: string, @Once() write: Write) {
    return write(async (run) => {
      const { endpoint_id: endpointId, platform, merchant } = await this.endpointOf(run.caller, name, id);
      await enableEndpoint(this.tools, { platform, merchant }, { endpointId, by: run.caller.subject }).catch(refuse);
      return { endpointId, enabled: true };
    });
  }

  @Get(':endpoint/messages')
  @Reads('merchant', 'finance')
  @ApiOperation({ summary: 'What an endpoint was sent, with every attempt' })
  async messages(
    @Param('merchant') name: string,
    @Param('endpoint') id: string,
    @Query() query: MessagesQuery,
    @Caller() caller: Actor,
  ) {
    const { endpoint_id: endpointId } = await this.endpointOf(caller, name, id);
    const limit = limitOf(query.limit, usualRows, maxRows);
    const page = { endpointId, after: BigInt(query.after ?? 0), limit };
    const rows = await listMessages(this.database.db, query.status === undefined ? page : { ...page, status: query.status });
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return {
      endpointId,
      messages: rows.map(({ position, type, status, tries, due_at, delivered_at, attempts }) => ({
        id: messageId(endpointId, position),
        position: position.toString(),
        type,
        status,
        failedTries: tries,
        dueAt: status === 'pending' ? due_at : null,
        deliveredAt: delivered_at,
        attempts: attempts.map(({ attempt_no, at, duration_ms, status: answered, error }) => ({
          attempt: attempt_no,
          at,
          durationMs: duration_ms,
          answered,
          error,
        })),
      })),
      ...(last === undefined ? {} : { next: last.position.toString() }),
    };
  }

  @Post(':endpoint/replays')
  @Writes(200, 'merchant', 'finance')
  @ApiOperation({
    summary: `Send everything from a position on again, ${replayRows} movements at a time; messages keep their ids`,
  })
  replay(@Param('merchant') name: string, @Param('endpoint') id: string, @Body() { from }: ReplayBody, @Once() write: Write) {
    return write(async (run) => {
      const endpoint = await this.endpointOf(run.caller, name, id);
      const bounds = { from: BigInt(from), limit: replayRows };
      const { queued, next } = await replayMessages(this.database.db, endpoint, bounds, await this.tools.now());
      return { endpointId: endpoint.endpoint_id, queued, ...(next === undefined ? {} : { next: next.toString() }) };
    });
  }

  private platformOf(caller: Actor, name: string): Owner {
    return { platform: caller.platform, merchant: this.parties.merchant(caller, name) };
  }

  /** @throws Problem 404 for a merchant without an account, which nothing could be told of */
  private async ownerOf(caller: Actor, name: string): Promise<Owner> {
    const owner = this.platformOf(caller, name);
    if ((await findAccount(this.database.db, owner.platform, owner.merchant)) === undefined) throw unopened();
    return owner;
  }

  /** @throws Problem 404 for an endpoint that is not there or not of this merchant */
  private async endpointOf(caller: Actor, name: string, endpointId: string): Promise<Endpoint> {
    const owner = this.platformOf(caller, name);
    const endpoint = endpointShape.test(endpointId) ? await findEndpoint(this.tools, owner, endpointId) : undefined;
    if (endpoint === undefined) throw new Problem(404, 'endpoint-unknown', 'this merchant has registered no such endpoint');
    return endpoint;
  }
}

function refuse(error: unknown): never {
  if (error instanceof EndpointUrlError) throw new Problem(422, kebab(error.code), error.message);
  if (error instanceof TooManyEndpoints) throw new Problem(409, 'too-many-endpoints', `${error.message}; disable one first`);
  throw error;
}
