import { Body, Controller, Get, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { DisputeCommand } from '@recourse/disputes/events';
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
import type { Vault } from '@recourse/vault';
import { caseOf } from './case-view.js';
import { escalationOf } from './complaint-view.js';
import { Edge, maxStreamEvents } from './edge.js';
import { addEvidence, ClaimEvidenceField, evidenceOf } from './evidence-body.js';
import { Flag, Id, MoneyField, moneyOf, OneOf, Part, Parts, Text, UnitNo, UnitNos, Whole } from './fields.js';
import { Parties } from './parties.js';
import { everyRole, Once, Reads, type Write, Writes } from './route.js';
import { databaseToken, eventStoreToken, vaultToken } from './tokens.js';

export class OpenClaim extends commandOf<OrderCommand, 'OpenClaim'>('order', 'OpenClaim') {}
class SubmitClaim extends commandOf<OrderCommand, 'SubmitClaim'>('order', 'SubmitClaim') {}
class WithdrawDispute extends commandOf<DisputeCommand, 'WithdrawDispute'>('dispute', 'WithdrawDispute') {}
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
  AnswerClaim,
  RequestPerson,
  CheckReplacement,
  DecideDispute,
  ProposeOverride,
  WithdrawOverride,
  ApproveOverride,
] as const;

const liabilities = ['PLATFORM', 'MERCHANT', 'BUYER', 'SHARED', 'NONE', 'UNPROVEN'] as const satisfies readonly Liability[];
const remedies = ['NONE', 'PARTIAL_REFUND', 'FULL_REFUND'] as const;
const maxEvidencePerRequest = 10;
export const maxUnitsPerDecision = 100;

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

  @Parts(() => ClaimEvidenceField, maxEvidencePerRequest, { optional: true })
  evidence?: ClaimEvidenceField[];
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

class UnitRulingField {
  @UnitNo()
  unit!: number;

  @OneOf(liabilities, { description: 'who is at fault' })
  liable!: (typeof liabilities)[number];

  @OneOf(remedies, { description: 'FULL_REFUND is all that is left of the unit' })
  remedy!: (typeof remedies)[number];
}

export class UnitDecisionField extends UnitRulingField {
  @OneOf(['merchant', 'platform', 'shared', 'none'], { description: 'who finally pays; shared: see merchantPercent' })
  bearer!: 'merchant' | 'platform' | 'shared' | 'none';

  @Whole(1, 99, { description: 'PARTIAL_REFUND: so much of the price, half up', example: 33, optional: true })
  refundPercent?: number;

  @Part(() => MoneyField, { description: 'PARTIAL_REFUND, in place of refundPercent: this amount', optional: true })
  amount?: MoneyField;

  @Whole(1, 99, {
    description: 'bearer shared: so much of the refund the merchant bears, the platform the rest',
    example: 50,
    optional: true,
  })
  merchantPercent?: number;
}

/** As a person decides on one unit. */
export const decisionOf = ({
  liable,
  remedy,
  bearer,
  refundPercent,
  merchantPercent,
  amount,
}: Omit<UnitDecisionField, 'unit'>) => ({
  liable,
  remedy,
  bearer,
  ...(refundPercent === undefined ? {} : { refundPercent }),
  ...(merchantPercent === undefined ? {} : { merchantPercent }),
  ...(amount === undefined ? {} : { amount: moneyOf(amount) }),
});

class UnitOverrideField extends UnitRulingField {
  @OneOf(['merchant', 'platform', 'none'], { description: 'who finally pays' })
  bearer!: 'merchant' | 'platform' | 'none';
}

export class ExplanationField {
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

class OverrideBody {
  @Parts(() => UnitOverrideField, maxUnitsPerDecision)
  units!: UnitOverrideField[];

  @Part(() => ExplanationField)
  explanation!: ExplanationField;

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
      for (const piece of body.evidence ?? []) evidence.push(await evidenceOf(run, this.vault, orderId, piece));
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
        for (const piece of evidence) await addEvidence(run, claim.disputeId, { ...piece, by: 'buyer' });
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
        units: body.units.map(({ unit, ...decision }) => ({ unitNo: unit, ...decisionOf(decision) })),
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
}
