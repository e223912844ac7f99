import { Body, Controller, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { plusMs } from '@recourse/eventing';
import { commandOf } from '@recourse/nest';
import { payWithinMs } from '@recourse/orders';
import type { OrderCommand } from '@recourse/orders/events';
import { type Database, openOrders, ordersFrozenWith } from '@recourse/postgres';
import type { Run } from './edge.js';
import { derivedIdShape, Shape, Text } from './fields.js';
import { Parties } from './parties.js';
import { Once, type Write, Writes } from './route.js';
import { databaseToken } from './tokens.js';

class FreezeOrder extends commandOf<OrderCommand, 'FreezeOrder'>('order', 'FreezeOrder') {}
class UnfreezeOrder extends commandOf<OrderCommand, 'UnfreezeOrder'>('order', 'UnfreezeOrder') {}

export const freezeCommands = [FreezeOrder, UnfreezeOrder] as const;

/** So many orders one request freezes or frees; the answer says where to go on. */
const ordersPerRequest = 50;

class FreezeBody {
  @Text(200, { description: 'why; kept with who did it', example: 'the merchant does not answer' })
  reason!: string;
}
class BatchBody extends FreezeBody {
  @Shape(derivedIdShape, { description: '`next` of the answer before', optional: true })
  after?: string;
}

/** S65: nothing of a frozen order is released to its merchant; refunds, claims and deliveries go on. */
@ApiTags('freezing')
@Controller()
export class Freezing {
  constructor(
    @Inject(Parties) private readonly parties: Parties,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Post('orders/:orderNo/freeze')
  @Writes(200, 'operator', 'finance')
  @ApiOperation({ summary: 'Keep back every release of an order' })
  freeze(@Param('orderNo') orderNo: string, @Body() { reason }: FreezeBody, @Once() write: Write) {
    return write(async (run) => {
      const { orderId } = await this.parties.order(run.caller, orderNo);
      await run.send(FreezeOrder, orderId, { type: 'FreezeOrder', scope: 'order', reason });
      return { orderId };
    });
  }

  @Post('orders/:orderNo/unfreeze')
  @Writes(200, 'operator', 'finance')
  @ApiOperation({ summary: 'Let an order go on; what fell due meanwhile is released at once, unless its merchant is frozen too' })
  unfreeze(@Param('orderNo') orderNo: string, @Body() { reason }: FreezeBody, @Once() write: Write) {
    return write(async (run) => {
      const { orderId } = await this.parties.order(run.caller, orderNo);
      await run.send(UnfreezeOrder, orderId, { type: 'UnfreezeOrder', scope: 'order', reason });
      return { orderId };
    });
  }

  @Post('merchants/:merchant/freeze')
  @Writes(200, 'operator', 'finance')
  @ApiOperation({
    summary: `Freeze the open orders of a merchant, ${ordersPerRequest} per request; repeat with \`next\` until there is none`,
  })
  freezeMerchant(@Param('merchant') name: string, @Body() body: BatchBody, @Once() write: Write) {
    return write(async (run) => {
      const page = this.page(run, name, body);
      const orderIds = await openOrders(this.database.db, { ...page, payableSince: plusMs(run.at, -payWithinMs) });
      for (const orderId of orderIds) {
        const command = { type: 'FreezeOrder', scope: 'merchant', reason: body.reason } as const;
        await run.send(FreezeOrder, orderId, command, `freeze:${orderId}`);
      }
      return progress(page.merchant, orderIds);
    });
  }

  @Post('merchants/:merchant/unfreeze')
  @Writes(200, 'operator', 'finance')
  @ApiOperation({
    summary: `Free the orders frozen with their merchant, ${ordersPerRequest} per request; repeat with \`next\` until there is none`,
  })
  unfreezeMerchant(@Param('merchant') name: string, @Body() body: BatchBody, @Once() write: Write) {
    return write(async (run) => {
      const page = this.page(run, name, body);
      const orderIds = await ordersFrozenWith(this.database.db, page);
      for (const orderId of orderIds) {
        const command = { type: 'UnfreezeOrder', scope: 'merchant', reason: body.reason } as const;
        await run.send(UnfreezeOrder, orderId, command, `unfreeze:${orderId}`);
      }
      return progress(page.merchant, orderIds);
    });
  }

  private page(run: Run, name: string, { after = '' }: BatchBody) {
    const { platform } = run.caller;
    return { platform, merchant: this.parties.merchant(run.caller, name), after, limit: ordersPerRequest };
  }
}

function progress(merchant: string, orderIds: readonly string[]) {
  const next = orderIds.length === ordersPerRequest ? orderIds.at(-1) : undefined;
  return { merchant, orders: orderIds.length, ...(next === undefined ? {} : { next }) };
}
