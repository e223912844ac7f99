import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { complaint } from '@recourse/disputes';
import type { ComplaintChannel, ComplaintCommand, ComplaintOutcome } from '@recourse/disputes/events';
import type { Actor } from '@recourse/eventing';
import { type EventStore, stateOf } from '@recourse/eventstore';
import { Caller, commandOf, Problem } from '@recourse/nest';
import { order } from '@recourse/orders';
import { type ClaimReason, claimReasons } from '@recourse/orders/events';
import { type ComplaintStatus, complaintStatuses, type Database, findComplaint, listComplaints } from '@recourse/postgres';
import { maskKey, type Vault, VaultError } from '@recourse/vault';
import { complaintOf } from './complaint-view.js';
import { casesOf, convergenceOf } from './convergence.js';
import { OpenClaim } from './disputes.js';
import type { Run } from './edge.js';
import { Id, Limit, limitOf, Moment, OneOf, Shape, Text, UnitNos } from './fields.js';
import { Parties, type PlacedOrder } from './parties.js';
import { own } from './receipts.js';
import { Once, Reads, type Write, Writes } from './route.js';
import { databaseToken, eventStoreToken, vaultToken } from './tokens.js';

class ReceiveComplaint extends commandOf<ComplaintCommand, 'ReceiveComplaint'>('complaint', 'ReceiveComplaint') {}
class AnswerComplaint extends commandOf<ComplaintCommand, 'AnswerComplaint'>('complaint', 'AnswerComplaint') {}
class CloseComplaint extends commandOf<ComplaintCommand, 'CloseComplaint'>('complaint', 'CloseComplaint') {}

export const complaintCommands = [ReceiveComplaint, AnswerComplaint, CloseComplaint] as const;

const channels = [
  'alipay',
  'wechatpay',
  '12315',
  'consumers-association',
  'court',
  'other',
] as const satisfies readonly ComplaintChannel[];
const outcomes = ['upheld', 'rejected', 'settled', 'withdrawn'] as const satisfies readonly ComplaintOutcome[];
/** `{platform}.{first half of the number's fingerprint}` */
const complaintIdShape = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}\.[0-9a-f]{32}$/;
const usualRows = 50;
const maxRows = 200;

class ComplaintBody {
  @OneOf(channels, { description: 'where the buyer complains' })
  channel!: ComplaintChannel;

  @Text(64, {
    description: 'what the authority calls it; kept in the vault, shown by its last characters',
    example: '沪12315-2026-000123',
  })
  number!: string;

  @Id({ example: 'G20260301-001' })
  orderNo!: string;

  @UnitNos()
  units!: number[];

  @Moment({ description: 'when it reached the platform' })
  receivedAt!: string;

  @Moment({ description: "the authority's deadline for our answer", example: '2026-03-10T15:59:59.999Z' })
  answerBy!: string;

  @Text(1_000, { description: 'what is complained about; kept in the vault', example: '买家称卡密无效，要求退款' })
  summary!: string;

  @OneOf(claimReasons, { description: 'of the claim that is opened for the buyer on units that have no case yet' })
  reason!: ClaimReason;
}

class AuthorityAnswerBody {
  @Text(1_000, { description: 'what the authority was told; kept in the vault', example: '已受理并退款' })
  text!: string;
}

class ComplaintClosingBody {
  @OneOf(outcomes, { description: 'how the authority ended it; no money moves by this' })
  outcome!: ComplaintOutcome;
}

class ComplaintQuery {
  @OneOf(channels, { optional: true })
  channel?: ComplaintChannel;

  @OneOf(complaintStatuses, { description: 'overdue: the deadline passed without our answer', optional: true })
  status?: ComplaintStatus;

  @Shape(complaintIdShape, { description: 'the last complaint already seen', optional: true })
  after?: string;

  @Limit(maxRows)
  limit?: string;
}

const unknown = () => new Problem(404, 'complaint-unknown', 'there is no such complaint for you');

/** The same number however it was typed: full-width signs, blanks and letters of either case. */
export const normalNumber = (number: string): string => number.normalize('NFKC').replaceAll(/\s/g, '').toUpperCase();

@ApiTags('complaints')
@Controller('complaints')
export class Complaints {
  constructor(
    @Inject(Parties) private readonly parties: Parties,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
    @Inject(databaseToken) private readonly database: Database,
    @Inject(vaultToken) private readonly vault: Vault,
  ) {}

  @Post()
  @Writes(201, 'arbitrator', 'operator')
  @ApiOperation({
    summary: 'Record a complaint at an authority: it joins the one case of each unit, or opens the claim that is missing',
  })
  receive(@Body() body: ComplaintBody, @Once() write: Write) {
    return write(async (run) => {
      const placed = await this.parties.order(run.caller, body.orderNo);
      const { platform } = run.caller;
      const number = normalNumber(body.number);
      if (number === '') throw new Problem(422, 'number-empty', 'name the number that the authority gave the complaint');
      const fingerprint = this.vault.fingerprint('complaint', JSON.stringify([platform, body.channel, number]));
      const complaintId = `${platform}.${fingerprint.slice(0, 32)}`;
      const units = body.units.toSorted((a, b) => a - b);
      const command = {
        type: 'ReceiveComplaint' as const,
        complaintId,
        platform,
        orderId: placed.orderId,
        merchant: placed.merchant,
        buyer: placed.buyer,
        channel: body.channel,
        externalNumber: { fingerprint, masked: maskKey(number) },
        content: '',
        units: units.map((unitNo) => ({ unitNo })),
        receivedAt: body.receivedAt,
        answerBy: body.answerBy,
        recordedBy: run.caller.subject,
      };
      await run.demand(complaint, complaintId, command);
      // Before anything is claimed: of two orders that race for one number, the second leaves nothing behind.
      await own(run, 'complaint', fingerprint, `order-${placed.orderId}`);
      const isKnown = (await stateOf(this.eventStore, complaint, complaintId)).status !== 'none';
      if (!isKnown) await this.converge(run, placed, units, body);
      const cases = casesOf(await stateOf(this.eventStore, order, placed.orderId), units);
      const content = await run.keep({ number: body.number, summary: body.summary });
      await run.send(ReceiveComplaint, complaintId, { ...command, content, units: cases });
      return { complaintId, units: cases.map(({ unitNo, disputeId = null }) => ({ unit: unitNo, disputeId })) };
    });
  }

  @Post(':complaintId/answer')
  @Writes(200, 'arbitrator', 'operator')
  @ApiOperation({ summary: 'Record what the authority was told' })
  answer(@Param('complaintId') complaintId: string, @Body() { text }: AuthorityAnswerBody, @Once() write: Write) {
    return write(async (run) => {
      await this.demandOwn(run.caller, complaintId);
      const answer = await run.keep({ text });
      await run.send(AnswerComplaint, complaintId, { type: 'AnswerComplaint', answer, subject: run.caller.subject });
      return { complaintId, status: 'answered' };
    });
  }

  @Post(':complaintId/closing')
  @Writes(200, 'arbitrator', 'operator')
  @ApiOperation({ summary: 'Record how the authority closed it' })
  close(@Param('complaintId') complaintId: string, @Body() { outcome }: ComplaintClosingBody, @Once() write: Write) {
    return write(async (run) => {
      await this.demandOwn(run.caller, complaintId);
      await run.send(CloseComplaint, complaintId, { type: 'CloseComplaint', outcome, subject: run.caller.subject });
      return { complaintId, status: 'closed', outcome };
    });
  }

  @Get()
  @Reads('arbitrator', 'operator', 'finance')
  @ApiOperation({ summary: 'Complaints at authorities: overdue ones first, then by deadline, closed ones last' })
  async list(@Query() query: ComplaintQuery, @Caller() { platform }: Actor) {
    const limit = limitOf(query.limit, usualRows, maxRows);
    const { channel, status, after } = query;
    const rows = await listComplaints(this.database.db, {
      platform,
      limit,
      ...(channel === undefined ? {} : { channel }),
      ...(status === undefined ? {} : { status }),
      ...(after === undefined ? {} : { after }),
    });
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return { complaints: rows.map(complaintOf), ...(last === undefined ? {} : { next: last.complaint_id }) };
  }

  @Get(':complaintId')
  @Reads('arbitrator', 'operator', 'finance')
  @ApiOperation({ summary: 'A complaint with its cases; its number and text in clear for those who answer it' })
  async read(@Param('complaintId') complaintId: string, @Caller() { platform, role }: Actor) {
    const row = complaintIdShape.test(complaintId) ? await findComplaint(this.database.db, complaintId) : undefined;
    if (row?.platform !== platform) throw unknown();
    if (role === 'finance') return complaintOf(row);
    const content = await this.textOf(row.content);
    return {
      ...complaintOf(row),
      fullNumber: content?.['number'] ?? null,
      summary: content?.['summary'] ?? null,
      answer: row.answer === null ? null : ((await this.textOf(row.answer))?.['text'] ?? null),
      isErased: content === undefined,
    };
  }

  /** Attaches the channel to every open case of the units and claims, for the buyer, what has none. K11 */
  private async converge(run: Run, placed: PlacedOrder, units: readonly number[], body: ComplaintBody): Promise<void> {
    const found = convergenceOf(await stateOf(this.eventStore, order, placed.orderId), units);
    if (found === undefined) throw new Problem(404, 'unit-unknown', 'name units of this order, from 1');
    const { channel, reason } = body;
    const claim = (claimed: readonly number[], part: string) =>
      run.send(OpenClaim, placed.orderId, { type: 'OpenClaim', units: claimed, reason, channel, draft: false }, part);
    for (const [claimId, attached] of found.attach) await claim(attached, `attach:${claimId}`);
    if (found.claim.length > 0) await claim(found.claim, 'claim');
  }

  /** @throws Problem 404 for a complaint that is not there or of another platform */
  private async demandOwn({ platform }: Actor, complaintId: string): Promise<void> {
    const known = complaintIdShape.test(complaintId) ? await stateOf(this.eventStore, complaint, complaintId) : undefined;
    if (known === undefined || known.status === 'none' || known.file.platform !== platform) throw unknown();
  }

  private async textOf(reference: string): Promise<Readonly<Record<string, string>> | undefined> {
    return this.vault.readPerson(reference).catch((error: unknown) => {
      if (error instanceof VaultError && error.code === 'Shredded') return undefined;
      throw error;
    });
  }
}
