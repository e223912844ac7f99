import { Body, Controller, Get, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Appellant, DisputeCommand, DisputeEvent } from '@recourse/disputes/events';
import type { Actor } from '@recourse/eventing';
import type { EventStore } from '@recourse/eventstore';
import { Caller, commandOf } from '@recourse/nest';
import { type Vault, VaultError } from '@recourse/vault';
import { ExplanationField, maxUnitsPerDecision, decisionOf, UnitDecisionField } from './disputes.js';
import { maxStreamEvents } from './edge.js';
import { OneOf, Part, Parts, Text, UnitNos } from './fields.js';
import { Parties } from './parties.js';
import { Once, Reads, type Write, Writes } from './route.js';
import { eventStoreToken, vaultToken } from './tokens.js';

class LodgeAppeal extends commandOf<DisputeCommand, 'LodgeAppeal'>('dispute', 'LodgeAppeal') {}
class WithdrawAppeal extends commandOf<DisputeCommand, 'WithdrawAppeal'>('dispute', 'WithdrawAppeal') {}
class RuleOnAppeal extends commandOf<DisputeCommand, 'RuleOnAppeal'>('dispute', 'RuleOnAppeal') {}

export const appealCommands = [LodgeAppeal, WithdrawAppeal, RuleOnAppeal] as const;

const appellants = ['buyer', 'merchant'] as const satisfies readonly Appellant[];
const appellantOf = ({ role }: Actor): Appellant => (role === 'merchant' ? 'merchant' : 'buyer');

class AppealBody {
  @Text(4_000, { description: 'what is wrong with the verdict; kept in the vault', example: '录屏显示卡密首次激活即失败' })
  reason!: string;

  @UnitNos({ description: 'every unit that the caller may appeal if left out', optional: true })
  units?: number[];
}

class RuledUnitField extends UnitDecisionField {
  @OneOf(appellants, {
    description: 'buyer: what is left of the price is refunded; merchant: the refund goes, or the platform bears it',
  })
  for!: Appellant;
}

class RulingBody {
  @Parts(() => RuledUnitField, 2 * maxUnitsPerDecision, {
    description: 'what changes; a unit left out is upheld',
    optional: true,
  })
  units?: RuledUnitField[];

  @Part(() => ExplanationField)
  explanation!: ExplanationField;
}

/** Both parties may have a verdict looked at again, by another person. S79 */
@ApiTags('disputes')
@Controller('disputes/:disputeId/verdicts/:verdictId')
export class Appeals {
  constructor(
    @Inject(Parties) private readonly parties: Parties,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
    @Inject(vaultToken) private readonly vault: Vault,
  ) {}

  @Post('appeal')
  @Writes(201, 'buyer', 'merchant')
  @ApiOperation({
    summary: 'Appeal a verdict: the buyer what he was refused, the merchant what he is to bear; evidence may follow',
  })
  lodge(
    @Param('disputeId') disputeId: string,
    @Param('verdictId') verdictId: string,
    @Body() body: AppealBody,
    @Once() write: Write,
  ) {
    return write(async (run) => {
      await this.parties.dispute(run.caller, disputeId);
      const { events } = await run.send(LodgeAppeal, disputeId, {
        type: 'LodgeAppeal',
        verdictId,
        by: appellantOf(run.caller),
        ...(body.units === undefined ? {} : { units: body.units }),
        reason: await run.keep({ text: body.reason }),
        subject: run.caller.subject,
      });
      const [lodged] = (events as readonly DisputeEvent[]).flatMap(({ type, data }) => (type === 'AppealLodged' ? [data] : []));
      if (lodged === undefined) throw new Error(`an appeal of ${verdictId} was accepted without being lodged`);
      return { disputeId, verdictId, appealId: lodged.appealId, units: lodged.units, until: lodged.until };
    });
  }

  @Post('appeal/withdrawal')
  @Writes(200, 'buyer', 'merchant')
  @ApiOperation({ summary: "Withdraw the caller's own appeal before it is ruled; there is no second one" })
  withdraw(@Param('disputeId') disputeId: string, @Param('verdictId') verdictId: string, @Once() write: Write) {
    return write(async (run) => {
      await this.parties.dispute(run.caller, disputeId);
      const by = appellantOf(run.caller);
      await run.send(WithdrawAppeal, disputeId, { type: 'WithdrawAppeal', verdictId, by, subject: run.caller.subject });
      return { disputeId, verdictId, status: 'withdrawn' };
    });
  }

  @Post('appeal/ruling')
  @Writes(200, 'arbitrator')
  @ApiOperation({ summary: 'Rule on every open appeal of a verdict; who decided in this dispute before may not. Final at once' })
  rule(
    @Param('disputeId') disputeId: string,
    @Param('verdictId') verdictId: string,
    @Body() body: RulingBody,
    @Once() write: Write,
  ) {
    return write(async (run) => {
      await this.parties.dispute(run.caller, disputeId);
      const units = body.units ?? [];
      await run.send(RuleOnAppeal, disputeId, {
        type: 'RuleOnAppeal',
        verdictId,
        person: run.caller.subject,
        units: units.map(({ unit, for: party, ...decision }) => ({ unitNo: unit, for: party, ...decisionOf(decision) })),
        explanation: { zh: body.explanation.zh, en: body.explanation.en },
      });
      return { disputeId, verdictId, outcome: units.length > 0 ? 'changed' : 'upheld' };
    });
  }

  @Get('appeals')
  @Reads('buyer', 'merchant', 'arbitrator')
  @ApiOperation({ summary: 'What the appellants say' })
  async read(@Param('disputeId') disputeId: string, @Param('verdictId') verdictId: string, @Caller() caller: Actor) {
    await this.parties.dispute(caller, disputeId);
    const events = await this.eventStore.readStream<DisputeEvent>(`dispute-${disputeId}`, { limit: maxStreamEvents });
    const lodged = events.flatMap(({ type, data }) => (type === 'AppealLodged' && data.verdictId === verdictId ? [data] : []));
    const appeals = await Promise.all(
      lodged.map(async ({ appealId, by, units, lodgedAt, reason }) => ({
        appealId,
        by,
        units,
        lodgedAt,
        ...(reason === undefined ? {} : await this.saidIn(reason)),
      })),
    );
    return { disputeId, verdictId, appeals };
  }

  private async saidIn(reference: string): Promise<{ reason: string } | { erased: true }> {
    try {
      return { reason: (await this.vault.readPerson(reference))['text'] ?? '' };
    } catch (error) {
      if (error instanceof VaultError && error.code === 'Shredded') return { erased: true };
      throw error;
    }
  }
}
