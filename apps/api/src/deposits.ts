import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { deposit, shortfall, usualCoolingOffHours } from '@recourse/deposits';
import type { DepositCommand, DepositEvent } from '@recourse/deposits/events';
import type { Actor, CommandOf, Event, EventOf } from '@recourse/eventing';
import { type EventStore, stateOf } from '@recourse/eventstore';
import { toJson } from '@recourse/money';
import { Caller, type CommandClass, commandOf, Problem } from '@recourse/nest';
import { type Database, findAccount, listWithdrawals, standingOf } from '@recourse/postgres';
import { depositId } from '@recourse/processes';
import type { Run } from './edge.js';
import { derivedIdShape, Id, Limit, limitOf, MoneyField, moneyOf, OneOf, Part, Reference, Text, Whole } from './fields.js';
import { Parties } from './parties.js';
import { Receipts } from './receipts.js';
import { Once, Reads, type Write, Writes } from './route.js';
import { databaseToken, eventStoreToken } from './tokens.js';

// Written out, since the command's type has a part that its library keeps to itself.
const agreeDeposit: CommandClass<CommandOf<DepositCommand, 'AgreeDeposit'>> = commandOf<DepositCommand, 'AgreeDeposit'>(
  'deposit',
  'AgreeDeposit',
);
class AgreeDeposit extends agreeDeposit {}
class TopUpDeposit extends commandOf<DepositCommand, 'TopUpDeposit'>('deposit', 'TopUpDeposit') {}
class DrawSettlement extends commandOf<DepositCommand, 'DrawSettlement'>('deposit', 'DrawSettlement') {}
class RequestWithdrawal extends commandOf<DepositCommand, 'RequestWithdrawal'>('deposit', 'RequestWithdrawal') {}
class CancelWithdrawal extends commandOf<DepositCommand, 'CancelWithdrawal'>('deposit', 'CancelWithdrawal') {}
class CloseAccount extends commandOf<DepositCommand, 'CloseAccount'>('deposit', 'CloseAccount') {}

export const depositCommands = [
  AgreeDeposit,
  TopUpDeposit,
  DrawSettlement,
  RequestWithdrawal,
  CancelWithdrawal,
  CloseAccount,
] as const;

const usualRows = 50;
const maxRows = 200;

class ScheduleBody {
  @OneOf(['day', 'week'], { description: 'at the end of each day, or of each Sunday, in Shanghai', example: 'day' })
  every!: 'day' | 'week';

  @Part(() => MoneyField, { description: 'less than this waits for the next time' })
  minimum!: MoneyField;
}

class AgreementBody {
  @Part(() => MoneyField, { description: 'the least the deposit should hold' })
  minimum!: MoneyField;

  @Text(128, {
    description: "the merchant's account at the rail, where settlements go; kept in the vault",
    example: 'merchant-m1@example.com',
  })
  payeeAccount!: string;

  @Id({ example: 'sandbox' })
  rail!: string;

  @Whole(1, 1_000_000, { description: 'a higher version replaces the terms in force', example: 1 })
  termsVersion!: number;

  @Whole(0, 8_760, {
    description: `hours between asking for a withdrawal and drawing it; ${usualCoolingOffHours} if left out`,
    example: usualCoolingOffHours,
    optional: true,
  })
  coolingOffHours?: number;

  @Part(() => ScheduleBody, {
    description: 'when proceeds are settled by themselves; on request only if left out',
    optional: true,
  })
  settlement?: ScheduleBody;
}

class TopUpBody {
  @Reference({ description: 'the transaction at the agreed rail, which must confirm amount and receiver', example: 'TOPUP-0001' })
  transaction!: string;
}

class SettlementBody {
  @Part(() => MoneyField, { description: 'everything that is payable if left out', optional: true })
  amount?: MoneyField;
}

class WithdrawalBody {
  @Part(() => MoneyField, { description: 'of the deposit above the agreed minimum' })
  amount!: MoneyField;
}

class WithdrawalQuery {
  @Limit(maxRows)
  limit?: string;
}

/** The same when the request is repeated. */
const payoutIdOf = ({ caller, commandId }: Run, merchant: string, kind: 's' | 'w' | 'x'): string =>
  `${caller.platform}.${merchant}.${kind}${commandId.replaceAll('-', '').slice(0, 12)}`;

function untilOf(events: readonly Event[]): string {
  const asked = events.find(
    (event): event is EventOf<DepositEvent, 'WithdrawalRequested' | 'ClosingRequested'> =>
      event.type === 'WithdrawalRequested' || event.type === 'ClosingRequested',
  );
  if (asked === undefined) throw new Error('a withdrawal was accepted without being asked for');
  return asked.data.until;
}

export const unopened = () => new Problem(404, 'account-unopened', 'no deposit was agreed with this merchant');

@ApiTags('deposits')
@Controller('deposits')
export class Deposits {
  constructor(
    @Inject(Parties) private readonly parties: Parties,
    @Inject(Receipts) private readonly receipts: Receipts,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Post(':merchant/agreement')
  @Writes(201, 'finance')
  @ApiOperation({ summary: 'Agree deposit terms with a merchant; the first agreement opens the account' })
  agree(@Param('merchant') name: string, @Body() body: AgreementBody, @Once() write: Write) {
    return write(async (run) => {
      const merchant = this.parties.merchant(run.caller, name);
      const { platform } = run.caller;
      this.receipts.rail(body.rail);
      await run.send(AgreeDeposit, depositId(platform, merchant), {
        type: 'AgreeDeposit',
        platform,
        merchant,
        termsVersion: body.termsVersion,
        minimum: moneyOf(body.minimum),
        payee: await run.keep({ account: body.payeeAccount }),
        rail: body.rail,
        ...(body.coolingOffHours === undefined ? {} : { coolingOffHours: body.coolingOffHours }),
        ...(body.settlement && { settlement: { every: body.settlement.every, minimum: moneyOf(body.settlement.minimum) } }),
      });
      return { merchant, termsVersion: body.termsVersion };
    });
  }

  @Post(':merchant/top-ups')
  @Writes(200, 'finance', 'merchant')
  @ApiOperation({ summary: 'Report a top-up; it counts once the rail confirms transaction and receiver, for what the rail says' })
  topUp(@Param('merchant') name: string, @Body() { transaction }: TopUpBody, @Once() write: Write) {
    return write(async (run) => {
      const merchant = this.parties.merchant(run.caller, name);
      const id = depositId(run.caller.platform, merchant);
      const account = await stateOf(this.eventStore, deposit, id);
      if (account.status !== 'open') throw unopened();
      const { rail } = account.terms;
      const { amount } = await this.receipts.received(rail, transaction);
      const command = { type: 'TopUpDeposit', amount, rail, transaction } as const;
      await run.demand(deposit, id, command);
      await this.receipts.own(run, rail, transaction, `deposit-${id}/${run.commandId}`);
      await run.send(TopUpDeposit, id, command);
      return { merchant, amount: toJson(amount) };
    });
  }

  @Post(':merchant/settlements')
  @Writes(200, 'merchant', 'finance')
  @ApiOperation({ summary: 'Settle proceeds to the agreed account; refused while an obligation or a case is open' })
  settle(@Param('merchant') name: string, @Body() body: SettlementBody, @Once() write: Write) {
    return write(async (run) => {
      const merchant = this.parties.merchant(run.caller, name);
      const { platform } = run.caller;
      const payoutId = payoutIdOf(run, merchant, 's');
      const { events } = await run.send(DrawSettlement, depositId(platform, merchant), {
        type: 'DrawSettlement',
        payoutId,
        ...(body.amount === undefined ? {} : { amount: moneyOf(body.amount) }),
      });
      const drawn = events.find((event): event is EventOf<DepositEvent, 'SettlementDrawn'> => event.type === 'SettlementDrawn');
      if (drawn === undefined) throw new Error('a settlement was accepted without being drawn');
      return { merchant, payoutId, amount: toJson(drawn.data.amount) };
    });
  }

  @Post(':merchant/withdrawals')
  @Writes(201, 'merchant')
  @ApiOperation({
    summary: 'Ask for a part of the deposit; it is paid after the cooling-off. Refused while an obligation or a case is open',
  })
  withdraw(@Param('merchant') name: string, @Body() body: WithdrawalBody, @Once() write: Write) {
    return write(async (run) => {
      const merchant = this.parties.merchant(run.caller, name);
      const payoutId = payoutIdOf(run, merchant, 'w');
      const amount = moneyOf(body.amount);
      const { events } = await run.send(RequestWithdrawal, depositId(run.caller.platform, merchant), {
        type: 'RequestWithdrawal',
        payoutId,
        amount,
      });
      return { merchant, payoutId, amount: toJson(amount), until: untilOf(events) };
    });
  }

  @Post(':merchant/withdrawals/:payoutId/cancellation')
  @Writes(200, 'merchant')
  @ApiOperation({ summary: 'Take back a withdrawal or a closing in its cooling-off; what is at the rail stands' })
  cancelWithdrawal(@Param('merchant') name: string, @Param('payoutId') payoutId: string, @Once() write: Write) {
    return write(async (run) => {
      const merchant = this.parties.merchant(run.caller, name);
      if (!derivedIdShape.test(payoutId)) throw new Problem(404, 'payout-unknown', 'there is no such withdrawal for you');
      await run.send(CancelWithdrawal, depositId(run.caller.platform, merchant), { type: 'CancelWithdrawal', payoutId });
      return { merchant, payoutId };
    });
  }

  @Post(':merchant/closing')
  @Writes(201, 'merchant')
  @ApiOperation({
    summary:
      'Leave: after the cooling-off, and once nothing is open, deposit and proceeds are paid out and the account is closed',
  })
  close(@Param('merchant') name: string, @Once() write: Write) {
    return write(async (run) => {
      const merchant = this.parties.merchant(run.caller, name);
      const payoutId = payoutIdOf(run, merchant, 'x');
      const command = { type: 'CloseAccount', payoutId } as const;
      const { events } = await run.send(CloseAccount, depositId(run.caller.platform, merchant), command);
      return { merchant, payoutId, until: untilOf(events) };
    });
  }

  @Get(':merchant/withdrawals')
  @Reads('merchant', 'finance')
  @ApiOperation({ summary: 'Withdrawals and closings, newest first' })
  async withdrawals(@Param('merchant') name: string, @Query() query: WithdrawalQuery, @Caller() caller: Actor) {
    const merchant = this.parties.merchant(caller, name);
    const limit = limitOf(query.limit, usualRows, maxRows);
    const rows = await listWithdrawals(this.database.db, caller.platform, merchant, limit);
    return {
      merchant,
      withdrawals: rows.map(({ payout_id, kind, asset, amount, status, because, until, requested_at }) => ({
        payoutId: payout_id,
        kind,
        amount: asset === null || amount === null ? null : toJson({ asset, minor: amount }),
        status,
        because,
        until,
        requestedAt: requested_at,
      })),
    };
  }

  @Get(':merchant')
  @Reads('merchant', 'finance', 'operator', 'arbitrator')
  @ApiOperation({ summary: 'What a merchant has here and what he owes' })
  async read(@Param('merchant') name: string, @Caller() caller: Actor) {
    const account = await this.accountOf(caller, name);
    const { asset } = account;
    const money = (minor: bigint) => toJson({ asset, minor });
    const of = (minor: bigint) => ({ asset, minor });
    return {
      merchant: account.merchant,
      status: await standingOf(this.database.db, account.platform, account.merchant),
      deposit: money(account.deposit),
      held: money(account.held),
      payable: money(account.payable),
      owed: money(account.owed),
      minimum: money(account.minimum),
      shortfall: toJson(shortfall({ minimum: of(account.minimum), deposit: of(account.deposit), held: of(account.held) })),
      termsVersion: account.terms_version,
      coolingOffHours: account.cooling_off_hours ?? usualCoolingOffHours,
      settlement:
        account.settlement_every === null || account.settlement_minimum === null
          ? null
          : { every: account.settlement_every, minimum: money(account.settlement_minimum) },
      openCases: account.open_cases,
    };
  }

  private async accountOf(caller: Actor, name: string) {
    const account = await findAccount(this.database.db, caller.platform, this.parties.merchant(caller, name));
    if (account === undefined) throw unopened();
    return account;
  }
}
