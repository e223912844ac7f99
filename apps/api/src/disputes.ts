import { Body, Controller, Get, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { DisputeCommand, DisputeEvent, EvidenceKind } from '@recourse/disputes/events';
import type { Actor } from '@recourse/eventing';
import type { EventStore } from '@recourse/eventstore';
import { Caller, commandOf, Problem } from '@recourse/nest';
import {
  type ClaimEvidence,
  type ClaimReason,
  claimReasons,
  type Liability,
  type OrderCommand,
  type OrderEvent,
} from '@recourse/orders/events';
import { type Database, findCase } from '@recourse/postgres';
import { type Vault, VaultError } from '@recourse/vault';
import { caseOf } from './case-view.js';
import { escalationOf } from './complaint-view.js';
import { Edge, maxStreamEvents, type Run } from './edge.js';
import { Flag, Id, OneOf, Part, Parts, Text, UnitNo, UnitNos } from './fields.js';
import { Parties } from './parties.js';
import { everyRole, Once, Reads, type Write, Writes } from './route.js';
import { databaseToken, eventStoreToken, vaultToken } from './tokens.js';

export class OpenClaim extends commandOf<OrderCommand, 'OpenClaim'>('order', 'OpenClaim') {}
class SubmitClaim extends commandOf<OrderCommand, 'SubmitClaim'>('order', 'SubmitClaim') {}
class WithdrawDispute extends commandOf<DisputeCommand, 'WithdrawDispute'>('dispute', 'WithdrawDispute') {}
class SubmitEvidence extends commandOf<DisputeCommand, 'SubmitEvidence'>('dispute', 'SubmitEvidence') {}
class AnswerClaim extends commandOf<DisputeCommand, 'AnswerClaim'>('dispute', 'AnswerClaim') {}
class RequestPerson extends commandOf<DisputeCommand, 'RequestPerson'>('dispute', 'RequestPerson') {}
class CheckReplacement extends commandOf<DisputeCommand, 'CheckReplacement'>('dispute', 'CheckReplacement') {}
class DecideDispute extends commandOf<DisputeCommand, 'DecideDispute'>('dispute', 'DecideDispute') {}
class ProposeOverride extends commandOf<DisputeCommand, 'ProposeOverride'>('dispute', 'ProposeOverride') {}
class WithdrawOverride extends commandOf<DisputeCommand, 'WithdrawOverride'>('dispute', 'WithdrawOverride') {}
class ApproveOverride extends commandOf<DisputeCommand, 'ApproveOverride'>('dispute', 'ApproveOverride') {}

export const claimCommands = [OpenClaim, SubmitClaim] as const;
export const disputeCommands = [
  WithdrawDispute,
  SubmitEvidence,
  AnswerClaim,
  RequestPerson,
  CheckReplacement,
  DecideDispute,
  ProposeOverride,
  WithdrawOverride,
  ApproveOverride,
] as const;

const evidenceKinds = [
  'order-record',
  'payment-proof',
  'chat',
  'abnormal-use',
  'screen-recording',
] as const satisfies readonly EvidenceKind[];
const liabilities = ['PLATFORM', 'MERCHANT', 'BUYER', 'NONE', 'UNPROVEN'] as const satisfies readonly Liability[];
const maxEvidencePerRequest = 10;
const maxUnitsPerDecision = 100;

class EvidenceField {
  @OneOf(evidenceKinds, {})
  kind!: EvidenceKind;

  @Flag({ description: 'it shows that the key could not be activated', example: true }) // S27
  showsActivationFailure!: boolean;

  @Text(4_000, { description: 'what is said or shown, 4 KiB at most; kept in the vault' })
  text!: string;
}

class OpenDisputeBody {
  @Id({ example: 'G20260301-001' })
  orderNo!: string;

  @UnitNos()
  units!: number[];

  @OneOf(claimReasons, {})
  reason!: ClaimReason;

  @Id({ description: 'where the buyer complains, app if nothing is said', example: 'app', optional: true })
  channel?: string;

  @Flag({ description: 'a draft stops the clock for 24 h, once per unit', example: false, optional: true })
  draft?: boolean;

  @Parts(() => EvidenceField, maxEvidencePerRequest, { optional: true })
  evidence?: EvidenceField[];
}

class AnswerBody {
  @OneOf(['accepted', 'contested'], {})
  answer!: 'accepted' | 'contested';
}

class CheckBody {
  @Flag({ description: 'the reissued keys work', example: true })
  works!: boolean;

  @UnitNos({ description: 'all that wait for the word of the buyer if left out', optional: true })
  units?: number[];
}

class UnitDecisionField {
  @UnitNo()
  unit!: number;

  @OneOf(liabilities, { description: 'who is at fault' })
  liable!: (typeof liabilities)[number];

  @OneOf(['NONE', 'FULL_REFUND'], {})
  remedy!: 'NONE' | 'FULL_REFUND';

  @OneOf(['merchant', 'platform', 'none'], { description: 'who finally pays' })
  bearer!: 'merchant' | 'platform' | 'none';
}

class ExplanationField {
  @Text(1_000, { description: 'in Chinese', example: '卡密在售出前已被激活' })
  zh!: string;

  @Text(1_000, { description: 'in English', example: 'the key was activated before it was sold' })
  en!: string;
}

class DecisionBody {
  @Parts(() => UnitDecisionField, maxUnitsPerDecision)
  units!: UnitDecisionField[];

  @Part(() => ExplanationField)
  explanation!: ExplanationField;
}

class OverrideBody extends DecisionBody {
  @Flag({ description: 'the buyer deceived: he owes what he was paid for the units whose refund goes', example: false })
  isFraud!: boolean;
}

@ApiTags('disputes')
@Controller('disputes')
export class Disputes {
  constructor(
    @Inject(Edge) private readonly edge: Edge,
    @Inject(Parties) private readonly parties: Parties,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
    @Inject(databaseToken) private readonly database: Database,
    @Inject(vaultToken) private readonly vault: Vault,
  ) {}

  @Post()
  @Writes(201, 'buyer')
  @ApiOperation({ summary: 'Claim units of an order; the same claim sent again is the same dispute' }) // K11
  open(@Body() body: OpenDisputeBody, @Once() write: Write) {
    return write(async (run) => {
      const { orderId } = await this.parties.order(run.caller, body.orderNo);
      const evidence: ClaimEvidence[] = [];
      for (const piece of body.evidence ?? []) evidence.push(await this.evidenceOf(run, orderId, piece));
      const { events } = await run.send(OpenClaim, orderId, {
        type: 'OpenClaim',
        units: body.units,
        reason: body.reason,
        channel: body.channel ?? 'app',
        draft: body.draft ?? false,
        ...(evidence.length === 0 ? {} : { evidence }),
      });
      const claim = await this.claimOn(orderId, body.units[0] ?? 0);
      // A claim that was open already takes what is new in this one.
      if (!events.some(({ type }) => type === 'ClaimOpened'))
        for (const piece of evidence) await this.addEvidence(run, claim.disputeId, 'buyer', piece);
      return claim;
    });
  }

  @Post(':disputeId/submission')
  @Writes(200, 'buyer')
  @ApiOperation({ summary: 'Submit a draft' })
  submit(@Param('disputeId') disputeId: string, @Once() write: Write) {
    return write(async (run) => {
      const { orderId } = await this.parties.dispute(run.caller, disputeId);
      await run.send(SubmitClaim, orderId, { type: 'SubmitClaim', claimId: disputeId });
      return { disputeId, status: 'submitted' };
    });
  }

  @Post(':disputeId/withdrawal')
  @Writes(200, 'buyer')
  @ApiOperation({ summary: 'Withdraw a dispute that is not decided; the clocks go on' })
  withdraw(@Param('disputeId') disputeId: string, @Once() write: Write) {
    return write(async (run) => {
      await this.parties.dispute(run.caller, disputeId);
      await run.send(WithdrawDispute, disputeId, { type: 'WithdrawDispute' });
      return { disputeId, status: 'withdrawn' };
    });
  }

  @Post(':disputeId/evidence')
  @Writes(201, 'buyer', 'merchant')
  @ApiOperation({ summary: 'Submit a piece of evidence' })
  submitEvidence(@Param('disputeId') disputeId: string, @Body() body: EvidenceField, @Once() write: Write) {
    return write(async (run) => {
      const { orderId } = await this.parties.dispute(run.caller, disputeId);
      const evidence = await this.evidenceOf(run, orderId, body);
      await this.addEvidence(run, disputeId, run.caller.role === 'merchant' ? 'merchant' : 'buyer', evidence);
      return { disputeId, evidenceId: evidence.evidenceId };
    });
  }

  @Post(':disputeId/answer')
  @Writes(200, 'merchant')
  @ApiOperation({ summary: 'The merchant accepts or contests the claim' })
  answer(@Param('disputeId') disputeId: string, @Body() body: AnswerBody, @Once() write: Write) {
    return write(async (run) => {
      await this.parties.dispute(run.caller, disputeId);
      await run.send(AnswerClaim, disputeId, { type: 'AnswerClaim', answer: body.answer });
      return { disputeId, answer: body.answer };
    });
  }

  @Post(':disputeId/person')
  @Writes(200, 'buyer')
  @ApiOperation({ summary: 'The buyer asks that a person looks at it: no rule refuses him from then on' }) // K14
  requestPerson(@Param('disputeId') disputeId: string, @Once() write: Write) {
    return write(async (run) => {
      await this.parties.dispute(run.caller, disputeId);
      await run.send(RequestPerson, disputeId, { type: 'RequestPerson' });
      return { disputeId, personRequested: true };
    });
  }

  @Post(':disputeId/replacement-check')
  @Writes(200, 'buyer')
  @ApiOperation({ summary: 'The buyer says whether the reissued keys work' })
  checkReplacement(@Param('disputeId') disputeId: string, @Body() body: CheckBody, @Once() write: Write) {
    return write(async (run) => {
      await this.parties.dispute(run.caller, disputeId);
      const { works, units } = body;
      await run.send(CheckReplacement, disputeId, { type: 'CheckReplacement', works, ...(units === undefined ? {} : { units }) });
      return { disputeId, works };
    });
  }

  @Post(':disputeId/decision')
  @Writes(200, 'arbitrator')
  @ApiOperation({ summary: 'A person decides units that are under review' })
  decide(@Param('disputeId') disputeId: string, @Body() body: DecisionBody, @Once() write: Write) {
    return write(async (run) => {
      await this.parties.dispute(run.caller, disputeId);
      await run.send(DecideDispute, disputeId, {
        type: 'DecideDispute',
        person: run.caller.subject,
        units: body.units.map(({ unit, liable, remedy, bearer }) => ({ unitNo: unit, liable, remedy, bearer })),
        explanation: { zh: body.explanation.zh, en: body.explanation.en },
      });
      return { disputeId, units: body.units.map(({ unit }) => unit) };
    });
  }

  @Post(':disputeId/verdicts/:verdictId/override')
  @Writes(201, 'arbitrator', 'operator')
  @ApiOperation({
    summary: 'Propose to take refunds of a verdict back, or to let the platform bear them; another person approves it',
  })
  proposeOverride(
    @Param('disputeId') disputeId: string,
    @Param('verdictId') verdictId: string,
    @Body() body: OverrideBody,
    @Once() write: Write,
  ) {
    return write(async (run) => {
      await this.parties.dispute(run.caller, disputeId);
      await run.send(ProposeOverride, disputeId, {
        type: 'ProposeOverride',
        verdictId,
        units: body.units.map(({ unit, liable, remedy, bearer }) => ({ unitNo: unit, liable, remedy, bearer })),
        isFraud: body.isFraud,
        explanation: { zh: body.explanation.zh, en: body.explanation.en },
        subject: run.caller.subject,
      });
      return { disputeId, verdictId, status: 'proposed' };
    });
  }

  @Post(':disputeId/verdicts/:verdictId/override/withdrawal')
  @Writes(200, 'arbitrator', 'operator')
  @ApiOperation({ summary: 'Withdraw what was proposed, or turn it down; the verdict stands' })
  withdrawOverride(@Param('disputeId') disputeId: string, @Param('verdictId') verdictId: string, @Once() write: Write) {
    return write(async (run) => {
      await this.parties.dispute(run.caller, disputeId);
      const { subject } = run.caller;
      await run.send(WithdrawOverride, disputeId, { type: 'WithdrawOverride', verdictId, subject });
      return { disputeId, verdictId, status: 'withdrawn' };
    });
  }

  @Post(':disputeId/verdicts/:verdictId/override/approval')
  @Writes(200, 'arbitrator', 'operator')
  @ApiOperation({ summary: 'Overturn a verdict as another person proposed; what was not paid yet is not paid any more' })
  approveOverride(@Param('disputeId') disputeId: string, @Param('verdictId') verdictId: string, @Once() write: Write) {
    return write(async (run) => {
      await this.parties.dispute(run.caller, disputeId);
      const { subject } = run.caller;
      await run.send(ApproveOverride, disputeId, { type: 'ApproveOverride', verdictId, subject });
      return { disputeId, verdictId, status: 'overturned' };
    });
  }

  @Get(':disputeId')
  @Reads(...everyRole)
  @ApiOperation({ summary: 'Where a dispute stands, whose turn it is, and why each unit was decided as it was' })
  async read(@Param('disputeId') disputeId: string, @Caller() caller: Actor) {
    const opened = await this.parties.dispute(caller, disputeId);
    const found = await findCase(this.database.db, disputeId);
    if (found === undefined)
      throw new Problem(404, 'dispute-unknown', 'there is no such dispute for you yet; name its position in Recourse-At-Least');
    const escalation = await escalationOf(this.database, disputeId, caller);
    return { ...caseOf(found, opened, caller, await this.edge.now()), ...escalation };
  }

  @Get(':disputeId/evidence/:evidenceId')
  @Reads('buyer', 'merchant', 'arbitrator')
  @ApiOperation({ summary: 'What a piece of evidence says' })
  async readEvidence(@Param('disputeId') disputeId: string, @Param('evidenceId') evidenceId: string, @Caller() caller: Actor) {
    await this.parties.dispute(caller, disputeId);
    const events = await this.eventStore.readStream<DisputeEvent>(`dispute-${disputeId}`, { limit: maxStreamEvents });
    const piece = events
      .flatMap(({ type, data }) => (type === 'EvidenceSubmitted' ? [data] : []))
      .find((data) => data.evidenceId === evidenceId);
    if (piece === undefined) throw new Problem(404, 'evidence-unknown', 'the dispute has no such piece of evidence');
    const { by, kind, showsActivationFailure, submittedAt } = piece;
    return { evidenceId, by, kind, showsActivationFailure, submittedAt, text: await this.textOf(piece.content) };
  }

  /** The claim that a unit is under, as the order knows it. */
  private async claimOn(orderId: string, unitNo: number) {
    const events = await this.eventStore.readStream<OrderEvent>(`order-${orderId}`, { limit: maxStreamEvents });
    const claim = events
      .flatMap(({ type, data }) => (type === 'ClaimOpened' ? [data] : []))
      .findLast((data) => data.units.some((unit) => unit.unitNo === unitNo));
    if (claim === undefined) throw new Error(`order ${orderId} accepted a claim without opening it`);
    const { claimId, draft } = claim;
    const isSubmitted = !draft || events.some(({ type, data }) => type === 'ClaimSubmitted' && data.claimId === claimId);
    return { disputeId: claimId, status: isSubmitted ? 'submitted' : 'draft' };
  }

  private async textOf(reference: string): Promise<string> {
    try {
      return (await this.vault.readPerson(reference))['text'] ?? '';
    } catch (error) {
      if (error instanceof VaultError && error.code === 'Shredded')
        throw new Problem(410, 'evidence-erased', 'this piece of evidence was erased on request');
      throw error;
    }
  }

  /** The same thing said again by the same person is the same piece of evidence. */
  private async evidenceOf(
    run: Run,
    orderId: string,
    { kind, showsActivationFailure, text }: EvidenceField,
  ): Promise<ClaimEvidence> {
    const said = JSON.stringify([orderId, run.caller.subject, kind, showsActivationFailure, text]);
    const evidenceId = this.vault.fingerprint('evidence', said).slice(0, 32);
    return { evidenceId, kind, showsActivationFailure, content: await run.keep({ text }) };
  }

  private addEvidence(run: Run, disputeId: string, by: 'buyer' | 'merchant', piece: ClaimEvidence) {
    return run.send(SubmitEvidence, disputeId, { type: 'SubmitEvidence', by, ...piece }, `evidence:${piece.evidenceId}`);
  }
}
