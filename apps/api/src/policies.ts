import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import {
  isTable,
  lintTable,
  policyHash,
  policyIdOf,
  policySchema,
  standingsOf,
  validateTable,
  type PolicyStanding,
} from '@recourse/disputes';
import type { PolicyCommand, PolicyEvent, PolicyTable, Whose } from '@recourse/disputes/events';
import { type Actor, type EventOf, periodId } from '@recourse/eventing';
import { Caller, commandOf, Problem } from '@recourse/nest';
import { depositId } from '@recourse/processes';
import { Transform } from 'class-transformer';
import { IsObject } from 'class-validator';
import { Edge, type Run } from './edge.js';
import { Id, Moment, Part, Shape, Text } from './fields.js';
import { PolicyShelf } from './policy-shelf.js';
import { everyRole, Once, Reads, type Write, Writes } from './route.js';

class PublishPolicy extends commandOf<PolicyCommand, 'PublishPolicy'>('policy', 'PublishPolicy') {}
class ProposeShortNotice extends commandOf<PolicyCommand, 'ProposeShortNotice'>('policy', 'ProposeShortNotice') {}
class ApproveShortNotice extends commandOf<PolicyCommand, 'ApproveShortNotice'>('policy', 'ApproveShortNotice') {}
class WithdrawShortNotice extends commandOf<PolicyCommand, 'WithdrawShortNotice'>('policy', 'WithdrawShortNotice') {}
class WithdrawPolicy extends commandOf<PolicyCommand, 'WithdrawPolicy'>('policy', 'WithdrawPolicy') {}
class RetirePolicy extends commandOf<PolicyCommand, 'RetirePolicy'>('policy', 'RetirePolicy') {}

export const policyCommands = [
  PublishPolicy,
  ProposeShortNotice,
  ApproveShortNotice,
  WithdrawShortNotice,
  WithdrawPolicy,
  RetirePolicy,
] as const;

const ofMerchant = { description: "the merchant whose own policy is meant; the platform's if left out", optional: true };

class PolicyOfBody {
  @Id({ ...ofMerchant, example: 'm1' })
  merchant?: string;
}
class PolicyOfQuery extends PolicyOfBody {}

class PolicyReasonField {
  @Text(2_000, { description: 'in Chinese; nothing about a person', example: '修正对买家不利的规则' })
  zh!: string;

  @Text(2_000, { description: 'in English; nothing about a person', example: 'mends a rule that harmed buyers' })
  en!: string;
}

class PolicyBody extends PolicyOfBody {
  // As it was sent: a member that a transformer would drop must be found by the check of the table.
  @Transform(({ obj }: { obj: { table?: unknown } }) => obj.table)
  @IsObject()
  @ApiProperty({
    type: Object,
    description: 'a decision table as GET /policies/schema describes it; the first rule that matches decides',
  })
  table!: object;

  @Moment({ description: 'as early as may be if left out', optional: true })
  effectiveFrom?: string;
}

class PolicyShortNoticeBody extends PolicyBody {
  @Part(() => PolicyReasonField)
  reason!: PolicyReasonField;
}

class PolicyProposalBody extends PolicyOfBody {
  @Shape(/^[0-9a-f]{64}$/, { description: 'hash of the table that is proposed' })
  hash!: string;
}

class PolicyWithdrawalBody extends PolicyOfBody {
  @Part(() => PolicyReasonField)
  reason!: PolicyReasonField;
}

class PolicyRetirementBody {
  @Id({ description: 'the merchant whose own policy ends', example: 'm1' })
  merchant!: string;

  @Moment({ description: 'in seven days if left out', optional: true })
  effectiveFrom?: string;

  @Part(() => PolicyReasonField)
  reason!: PolicyReasonField;
}

const whoseOf = ({ platform }: Actor, { merchant }: PolicyOfBody): Whose => ({
  platform,
  ...(merchant === undefined ? {} : { merchant }),
});
const fromOf = ({ effectiveFrom }: { readonly effectiveFrom?: string }) => (effectiveFrom === undefined ? {} : { effectiveFrom });
const reasonOf = ({ reason: { zh, en } }: { readonly reason: PolicyReasonField }) => ({ reason: { zh, en } });

/** Who stands behind a version is for those who work here; why is for everybody. */
const seesSubjects = ({ role }: Actor): boolean => ['operator', 'finance', 'arbitrator'].includes(role);

@ApiTags('policies')
@Controller('policies')
export class Policies {
  constructor(
    @Inject(Edge) private readonly edge: Edge,
    @Inject(PolicyShelf) private readonly shelf: PolicyShelf,
  ) {}

  @Post()
  @Writes(201, 'operator')
  @ApiOperation({
    summary: 'Publish the next version of the refund policy, of the platform or of one merchant',
    description:
      "A platform's first version takes effect at once, every other one after seven days or later. A merchant's table gives the " +
      "buyer no less than the platform's, and the platform no more to bear, in any combination of facts.",
  })
  publish(@Body() body: PolicyBody, @Once() write: Write) {
    return write(async (run) => {
      const candidate = await this.candidate(run, body);
      const id = policyIdOf(candidate);
      await run.send(PublishPolicy, id, { type: 'PublishPolicy', ...candidate, ...fromOf(body) });
      return this.answer(run.caller, body, candidate.table);
    });
  }

  @Post('short-notice')
  @Writes(201, 'operator')
  @ApiOperation({ summary: 'Propose a version that takes effect in less than seven days; another person approves it' })
  propose(@Body() body: PolicyShortNoticeBody, @Once() write: Write) {
    return write(async (run) => {
      const candidate = await this.candidate(run, body);
      const id = policyIdOf(candidate);
      const { subject } = run.caller;
      await run.send(ProposeShortNotice, id, {
        type: 'ProposeShortNotice',
        ...candidate,
        ...fromOf(body),
        ...reasonOf(body),
        subject,
      });
      const { version } = candidate.table;
      return { policy: id, version, hash: policyHash(candidate.table), status: 'proposed', ...warningsOf(candidate.table) };
    });
  }

  @Post('short-notice/approval')
  @Writes(200, 'operator')
  @ApiOperation({ summary: 'Approve the proposed version with this hash, which another person proposed: it is published' })
  approve(@Body() body: PolicyProposalBody, @Once() write: Write) {
    return write(async (run) => {
      const whose = whoseOf(run.caller, body);
      const { subject } = run.caller;
      await run.send(ApproveShortNotice, policyIdOf(whose), {
        type: 'ApproveShortNotice',
        ...whose,
        hash: body.hash,
        subject,
        ...(await this.standards(whose, run)),
      });
      return this.published(run.caller, body, body.hash);
    });
  }

  @Post('short-notice/withdrawal')
  @Writes(200, 'operator')
  @ApiOperation({ summary: 'Withdraw the proposed version with this hash' })
  withdrawProposal(@Body() body: PolicyProposalBody, @Once() write: Write) {
    return write(async (run) => {
      const whose = whoseOf(run.caller, body);
      const id = policyIdOf(whose);
      const { subject } = run.caller;
      await run.send(WithdrawShortNotice, id, { type: 'WithdrawShortNotice', ...whose, hash: body.hash, subject });
      return { policy: id, hash: body.hash, status: 'withdrawn' };
    });
  }

  @Post('retirement')
  @Writes(200, 'operator')
  @ApiOperation({
    summary: "End a merchant's own policy, with seven days' notice: from then on his orders are under the platform's",
  })
  retire(@Body() body: PolicyRetirementBody, @Once() write: Write) {
    return write(async (run) => {
      const whose = whoseOf(run.caller, body);
      const id = policyIdOf(whose);
      const { subject } = run.caller;
      const { events } = await run.send(RetirePolicy, id, {
        type: 'RetirePolicy',
        ...whose,
        ...fromOf(body),
        ...reasonOf(body),
        subject,
      });
      const retired = events.find((event): event is EventOf<PolicyEvent, 'PolicyRetired'> => event.type === 'PolicyRetired');
      if (retired === undefined) throw new Error('a policy ended without an event');
      return { policy: id, retiredFrom: retired.data.effectiveFrom };
    });
  }

  @Post(':version/withdrawal')
  @Writes(200, 'operator')
  @ApiOperation({ summary: 'Withdraw a version that is announced and has not taken effect' })
  withdraw(@Param('version') version: string, @Body() body: PolicyWithdrawalBody, @Once() write: Write) {
    return write(async (run) => {
      const whose = whoseOf(run.caller, body);
      const id = policyIdOf(whose);
      const versionNo = versionOf(version);
      const { subject } = run.caller;
      await run.send(WithdrawPolicy, id, { type: 'WithdrawPolicy', ...whose, version: versionNo, ...reasonOf(body), subject });
      return { policy: id, version: versionNo, status: 'withdrawn' };
    });
  }

  @Get()
  @Reads(...everyRole)
  @ApiOperation({ summary: 'Every version of the refund policy there ever was, and which one an order placed now is under' })
  async list(@Query() query: PolicyOfQuery, @Caller() caller: Actor) {
    const whose = whoseOf(caller, query);
    const at = await this.edge.now();
    const events = await this.shelf.eventsOf(whose);
    const standings = standingsOf(events, at);
    const applies = await this.shelf.inForce(whose, at);
    return {
      policy: policyIdOf(whose),
      inForce: standings.find(({ status }) => status === 'in-force')?.published.version ?? null,
      applies: applies.policy === undefined ? null : referenceOf(applies.policy),
      // The platform's is better for the buyer by now, so the merchant's own does not apply.
      ...(applies.overtaken === undefined ? {} : { overtaken: applies.overtaken.version }),
      versions: standings.map((standing) => ({
        ...viewOf(standing, caller),
        title: standing.published.table.title,
        rules: standing.published.table.rules.length,
      })),
      retirements: events.flatMap(({ type, data }) =>
        type === 'PolicyRetired'
          ? [
              {
                effectiveFrom: data.effectiveFrom,
                retiredAt: data.retiredAt,
                reason: data.reason,
                ...(seesSubjects(caller) ? { retiredBy: data.retiredBy } : {}),
              },
            ]
          : [],
      ),
    };
  }

  @Get('schema')
  @Reads(...everyRole)
  @ApiOperation({ summary: 'The JSON Schema of a policy table' })
  schema() {
    return policySchema();
  }

  @Get('in-force')
  @Reads(...everyRole)
  @ApiOperation({
    summary:
      'What a shop shows before the purchase: the whole policy that an order placed now is under, and how its consent is named',
  })
  async inForce(@Query() query: PolicyOfQuery, @Caller() caller: Actor) {
    const { policy } = await this.shelf.inForce(whoseOf(caller, query), await this.edge.now());
    if (policy === undefined) throw new Problem(404, 'policy-unknown', 'your platform has no refund policy in force');
    const { table, publishedAt, effectiveFrom } = policy;
    return { consent: referenceOf(policy), publishedAt, effectiveFrom, table };
  }

  @Get('short-notice')
  @Reads('operator', 'finance', 'arbitrator')
  @ApiOperation({ summary: 'The version that is proposed with short notice and waits for a second person, with its whole table' })
  async proposed(@Query() query: PolicyOfQuery, @Caller() caller: Actor) {
    const whose = whoseOf(caller, query);
    const events = await this.shelf.eventsOf(whose);
    const last = events.findLast(({ type }) => type !== 'PolicyWithdrawn' && type !== 'PolicyRetired');
    if (last?.type !== 'PolicyShortNoticeProposed') return { policy: policyIdOf(whose), proposal: null };
    const { version, hash, table, effectiveFrom, reason, proposedBy, proposedAt } = last.data;
    return {
      policy: policyIdOf(whose),
      proposal: {
        version,
        hash,
        ...(effectiveFrom === undefined ? {} : { effectiveFrom }),
        reason,
        proposedBy,
        proposedAt,
        table,
      },
    };
  }

  @Get(':version')
  @Reads(...everyRole)
  @ApiOperation({ summary: 'One version with its whole table' })
  async read(@Param('version') version: string, @Query() query: PolicyOfQuery, @Caller() caller: Actor) {
    const standings = standingsOf(await this.shelf.eventsOf(whoseOf(caller, query)), await this.edge.now());
    const found = standings.find(({ published }) => published.version.toString() === version);
    if (found === undefined) throw unknownVersion;
    return { ...viewOf(found, caller), table: found.published.table };
  }

  /** @throws Problem 409 for a merchant nobody has agreed with, 422 for a table that may not be published */
  private async candidate(run: Run, body: PolicyBody) {
    const whose = whoseOf(run.caller, body);
    const { platform, merchant } = whose;
    const table = validateTable(body.table);
    if (!isTable(table)) {
      const faults = table.map((message) => ({ field: 'table', message }));
      throw new Problem(422, 'policy-invalid', 'the table cannot judge every case fairly; see faults', { faults });
    }
    if (
      merchant !== undefined &&
      (await this.edge.firstEvent(`deposit-${periodId(depositId(platform, merchant), 1)}`)) === undefined
    )
      throw new Problem(409, 'deposit-not-agreed', 'agree a deposit with this merchant first');
    return { ...whose, table, ...(await this.standards(whose, run)) };
  }

  private async standards({ platform, merchant }: Whose, { at }: Run) {
    return merchant === undefined ? {} : { standards: await this.shelf.standards(platform, at) };
  }

  private async answer(caller: Actor, body: PolicyOfBody, table: PolicyTable) {
    return { ...(await this.published(caller, body, policyHash(table))), ...warningsOf(table) };
  }

  private async published(caller: Actor, body: PolicyOfBody, hash: string) {
    const events = await this.shelf.eventsOf(whoseOf(caller, body));
    const found = events.find(({ type, data }) => type === 'PolicyPublished' && data.hash === hash);
    if (found?.type !== 'PolicyPublished') throw new Error('a policy was accepted without being published');
    const { id, version, effectiveFrom } = found.data;
    return { policy: id, version, hash, effectiveFrom };
  }
}

const unknownVersion = new Problem(404, 'policy-unknown', 'there is no such version');

/** A version in the path. @throws Problem 404, as there is no such thing */
function versionOf(text: string): number {
  if (!/^[1-9][0-9]{0,6}$/.test(text)) throw unknownVersion;
  return Number(text);
}

const referenceOf = ({ id, version, hash }: PolicyStanding['published']) => ({ id, version, hash });

/** Errors do not come this far. */
const warningsOf = (table: PolicyTable) => ({
  warnings: lintTable(table).map(({ code, rule, message, witness }) => ({ code, rule, message, witness })),
});

function viewOf({ published, status, until, withdrawn }: PolicyStanding, caller: Actor) {
  const { version, hash, publishedAt, effectiveFrom, reason, proposedBy, approvedBy } = published;
  return {
    version,
    hash,
    status,
    publishedAt,
    effectiveFrom,
    ...(until === undefined ? {} : { until }),
    ...(reason === undefined ? {} : { shortNotice: { reason, ...(seesSubjects(caller) ? { proposedBy, approvedBy } : {}) } }),
    ...(withdrawn === undefined
      ? {}
      : {
          withdrawn: {
            reason: withdrawn.reason,
            at: withdrawn.withdrawnAt,
            ...(seesSubjects(caller) ? { by: withdrawn.withdrawnBy } : {}),
          },
        }),
  };
}
