import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Actor, type EventOf, periodId, type Recorded } from '@recourse/eventing';
import type { EventStore } from '@recourse/eventstore';
import { type Money, toJson } from '@recourse/money';
import { Caller, commandOf, Problem } from '@recourse/nest';
import { feesInForce, order } from '@recourse/orders';
import type { Delivery, FeeEvent, OrderCommand, OrderEvent, ProductKind, SettlementMode } from '@recourse/orders/events';
import { type Database, findOrder, freezesOf } from '@recourse/postgres';
import { depositId } from '@recourse/processes';
import { maskKey, type Vault, VaultError } from '@recourse/vault';
import { Edge, maxStreamEvents, type Run } from './edge.js';
import { Exposures } from './exposures.js';
import { AsOfQuery, Eligibilities } from './eligibility.js';
import {
  disputeIdShape,
  Flag,
  Id,
  idShape,
  MoneyField,
  moneyOf,
  OneOf,
  Part,
  Parts,
  Reference,
  Shape,
  Text,
  UnitNo,
  unitNoOf,
  UnitNos,
  Whole,
} from './fields.js';
import { isPartyOf, Parties } from './parties.js';
import { PolicyShelf } from './policy-shelf.js';
import { own, Receipts } from './receipts.js';
import { everyRole, Once, Reads, type Write, Writes } from './route.js';
import type { Settings } from './settings.js';
import { databaseToken, eventStoreToken, settingsToken, vaultToken } from './tokens.js';

class PlaceOrder extends commandOf<OrderCommand, 'PlaceOrder'>('order', 'PlaceOrder') {}
class CapturePayment extends commandOf<OrderCommand, 'CapturePayment'>('order', 'CapturePayment') {}
class CancelOrder extends commandOf<OrderCommand, 'CancelOrder'>('order', 'CancelOrder') {}
class DeliverUnits extends commandOf<OrderCommand, 'DeliverUnits'>('order', 'DeliverUnits') {}
class ReportPlatformFailure extends commandOf<OrderCommand, 'ReportPlatformFailure'>('order', 'ReportPlatformFailure') {}
class RevealKey extends commandOf<OrderCommand, 'RevealKey'>('order', 'RevealKey') {}
class ConfirmReceipt extends commandOf<OrderCommand, 'ConfirmReceipt'>('order', 'ConfirmReceipt') {}
class ReplaceUnit extends commandOf<OrderCommand, 'ReplaceUnit'>('order', 'ReplaceUnit') {}

export const orderCommands = [
  PlaceOrder,
  CapturePayment,
  CancelOrder,
  DeliverUnits,
  ReportPlatformFailure,
  RevealKey,
  ConfirmReceipt,
  ReplaceUnit,
] as const;

const maxLines = 100;
const maxUnitsPerRequest = 100;
const maxHours = 8_760;

class LineField {
  @Text(100, { example: '100元游戏点卡' })
  product!: string;

  @Part(() => MoneyField)
  unitPrice!: MoneyField;

  @Whole(1, 1_000, { example: 1 })
  quantity!: number;
}

class PromiseField {
  @Whole(1, maxHours, { description: 'after-sale window in hours, from delivery', example: 24 }) // S26
  afterSaleHours!: number;

  @Whole(1, maxHours, { description: 'delivery promise in hours, from payment', example: 24 }) // K13
  deliverWithinHours!: number;

  @Flag({ description: 'a dead key is reissued within 24 h', example: true }) // S29
  reissue!: boolean;

  @Flag({ description: 'seven-day no-reason refund of an unrevealed key', example: false }) // S31
  sevenDay!: boolean;
}

class ConsentField {
  @Shape(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,63})?$/, {
    description: "the policy that the buyer accepted, as GET /policies/in-force names it; the platform's if left out",
    example: 'demo',
    optional: true,
  })
  id?: string;

  @Whole(1, 1_000_000, { example: 1 })
  version!: number;

  @Shape(/^[0-9a-f]{64}$/, { description: 'hash of the policy that the buyer accepted' })
  hash!: string;

  @Flag({
    description: 'the buyer confirmed by itself that what he has opened is not taken back; it excludes no fault', // S21, K9
    example: false,
    optional: true,
  })
  noReturn?: boolean;
}

class PlaceOrderBody {
  @Id({ description: "the shop's own number; the order's id is {platform}.{orderNo}", example: 'G20260301-001' })
  orderNo!: string;

  @Id({ description: 'the supplier that delivers', example: 'm1' })
  merchant!: string;

  @Id({ description: "the buyer, as in the party of the buyer's token", example: 'b1' })
  buyer!: string;

  @Text(128, {
    description: "the buyer's account at the rail, where a refund goes; kept in the vault",
    example: 'alice@example.com',
  })
  payeeAccount!: string;

  @Id({ example: 'sandbox' })
  rail!: string;

  @OneOf(['game-card', 'phone-top-up', 'membership'], {})
  productKind!: ProductKind;

  @OneOf(['ESCROW', 'ON_DELIVERY'], {})
  settlement!: SettlementMode;

  @Part(() => PromiseField)
  promise!: PromiseField;

  @Part(() => ConsentField)
  consent!: ConsentField;

  @Parts(() => LineField, maxLines)
  lines!: LineField[];

  @Part(() => MoneyField, { optional: true })
  discount?: MoneyField;

  @Part(() => MoneyField, {
    description: "the platform's fee on the whole order; left out where a fee schedule is in force, which then decides it",
    optional: true,
  })
  fee?: MoneyField;
}

class PaymentBody {
  @Reference({ description: "the gateway's transaction number; the rail must confirm it", example: '4200001234202603010001' })
  transaction!: string;
}

class UnitDeliveryField {
  @UnitNo()
  unit!: number;

  @Text(1_024, { description: 'the card key; encrypted at once, shown again only by reveal', optional: true })
  key?: string;

  @Reference({ description: "top-ups: the carrier's receipt", optional: true })
  receipt?: string;

  @Text(64, { description: 'top-ups: the account credited; kept in the vault', optional: true })
  account?: string;
}

class DeliverBody {
  @Parts(() => UnitDeliveryField, maxUnitsPerRequest)
  units!: UnitDeliveryField[];
}

class FailureBody {
  @Text(200, { description: "number of the platform's own incident record", example: 'INC-2026-0301-7' })
  incident!: string;
}

class ReceiptBody {
  @UnitNos()
  units!: number[];
}

class ReplacementBody {
  @Shape(disputeIdShape, { description: 'the dispute that asks for it', example: 'demo.G20260301-001.1' })
  dispute!: string;

  @Text(1_024, { description: 'the new card key' })
  key!: string;
}

@ApiTags('orders')
@Controller('orders')
export class Orders {
  constructor(
    @Inject(Edge) private readonly edge: Edge,
    @Inject(Parties) private readonly parties: Parties,
    @Inject(Receipts) private readonly receipts: Receipts,
    @Inject(Exposures) private readonly exposures: Exposures,
    @Inject(PolicyShelf) private readonly shelf: PolicyShelf,
    @Inject(Eligibilities) private readonly eligibilities: Eligibilities,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
    @Inject(databaseToken) private readonly database: Database,
    @Inject(vaultToken) private readonly vault: Vault,
    @Inject(settingsToken) private readonly settings: Settings,
  ) {}

  @Post()
  @Writes(201, 'shop')
  @ApiOperation({
    summary: "Place an order under the policy in force, which the buyer has accepted: the merchant's own, or else the platform's",
  })
  place(@Body() body: PlaceOrderBody, @Once() write: Write) {
    return write(async (run) => {
      const { platform } = run.caller;
      this.receipts.rail(body.rail);
      const { policy } = await this.shelf.inForce({ platform, merchant: body.merchant }, run.at);
      if (policy === undefined)
        throw new Problem(
          409,
          'policy-missing',
          'publish a refund policy first: an order is placed under the rules its buyer accepted',
        );
      if ((await this.edge.firstEvent(`deposit-${periodId(depositId(platform, body.merchant), 1)}`)) === undefined)
        throw new Problem(409, 'deposit-not-agreed', 'agree a deposit with this merchant first');
      const orderId = `${platform}.${body.orderNo}`;
      const published = await this.eventStore.readStream<FeeEvent>(`fees-${platform}`, { limit: maxStreamEvents });
      const schedule = feesInForce(published, run.at);
      const command = {
        type: 'PlaceOrder' as const,
        orderId,
        platform,
        merchant: body.merchant,
        buyer: body.buyer,
        payee: await run.keep({ account: body.payeeAccount }),
        rail: body.rail,
        receiver: this.settings.railReceiver,
        productKind: body.productKind,
        settlement: body.settlement,
        promise: { ...body.promise },
        policy: { id: policy.id, version: policy.version, hash: policy.hash },
        consent: { id: body.consent.id ?? platform, version: body.consent.version, hash: body.consent.hash },
        lines: body.lines.map((line) => ({ product: line.product, unitPrice: moneyOf(line.unitPrice), quantity: line.quantity })),
        ...(body.consent.noReturn === true ? { noReturnConsent: true as const } : {}),
        ...(policy.table.minimums === undefined ? {} : { minimums: policy.table.minimums }),
        ...(body.discount === undefined ? {} : { discount: moneyOf(body.discount) }),
        ...(body.fee === undefined ? {} : { fee: moneyOf(body.fee) }),
        ...(schedule === undefined ? {} : { feeSchedule: { version: schedule.version, rates: schedule.rates } }),
      };
      const sent = await (command.settlement === 'ESCROW'
        ? run.send(PlaceOrder, orderId, command)
        : this.exposures.within({ ...command, total: totalOf(body), at: run.at }, (exposure) =>
            run.send(PlaceOrder, orderId, { ...command, exposure }),
          ));
      const placed = sent.events.find((event): event is EventOf<OrderEvent, 'OrderPlaced'> => event.type === 'OrderPlaced');
      if (placed === undefined) throw new Error('an order was accepted without being placed');
      const { total, payBefore, receiver, units, feeScheduleVersion } = placed.data;
      return {
        orderId,
        orderNo: body.orderNo,
        total: toJson(total),
        payBefore,
        receiver,
        ...(feeScheduleVersion === undefined ? {} : { feeScheduleVersion }),
        units: units.map((unit) => ({
          unit: unit.unitNo,
          product: unit.product,
          price: toJson(unit.price),
          fee: toJson(unit.fee),
        })),
      };
    });
  }

  @Post(':orderNo/payments')
  @Writes(200, 'shop')
  @ApiOperation({
    summary:
      'Report a payment; it counts once the rail confirms transaction, amount and receiver. What the order did not ask for ' +
      '(late, twice, cancelled, too much; too little, whole) goes back to the buyer by itself',
  }) // K13
  capture(@Param('orderNo') orderNo: string, @Body() body: PaymentBody, @Once() write: Write) {
    return write(async (run) => {
      const { orderId, rail } = await this.parties.order(run.caller, orderNo);
      const { transaction, amount, receiver, capturedAt } = await this.receipts.confirmed(rail, body.transaction);
      const command = { type: 'CapturePayment', transaction, amount, receiver, capturedAt } as const;
      await run.demand(order, orderId, command);
      await this.receipts.own(run, rail, transaction, `order-${orderId}`);
      await run.send(CapturePayment, orderId, command);
      return { orderId, ...(await this.becameOf(orderId, transaction)) };
    });
  }

  @Post(':orderNo/deliveries')
  @Writes(200, 'shop')
  @ApiOperation({ summary: 'Deliver keys or top-ups; keys are encrypted at once and never delivered twice' })
  deliver(@Param('orderNo') orderNo: string, @Body() body: DeliverBody, @Once() write: Write) {
    return write(async (run) => {
      const { orderId } = await this.parties.order(run.caller, orderNo);
      const deliveries: { unitNo: number; delivery: Delivery }[] = [];
      for (const field of body.units)
        deliveries.push({ unitNo: field.unit, delivery: await this.deliveryOf(run, orderId, field) });
      const command = { type: 'DeliverUnits', deliveries } as const;
      await run.demand(order, orderId, command);
      for (const { unitNo, delivery } of deliveries) await this.own(run, orderId, unitNo, delivery);
      await run.send(DeliverUnits, orderId, command);
      return { orderId, units: deliveries.map(({ unitNo, delivery }) => ({ unit: unitNo, ...shown(delivery) })) };
    });
  }

  @Post(':orderNo/units/:unit/platform-failures')
  @Writes(200, 'shop', 'operator')
  @ApiOperation({ summary: "Record that the platform's own delivery of a unit failed" }) // S11
  fail(@Param('orderNo') orderNo: string, @Param('unit') unit: string, @Body() body: FailureBody, @Once() write: Write) {
    return write(async (run) => {
      const { orderId } = await this.parties.order(run.caller, orderNo);
      const unitNo = unitNoOf(unit);
      await run.send(ReportPlatformFailure, orderId, { type: 'ReportPlatformFailure', unitNo, incident: body.incident });
      return { orderId, unit: unitNo };
    });
  }

  @Post(':orderNo/units/:unit/reveal')
  @Writes(200, 'buyer')
  @ApiOperation({ summary: 'Show a card key to its buyer; the first time is an event' })
  async reveal(@Param('orderNo') orderNo: string, @Param('unit') unit: string, @Caller() caller: Actor, @Once() write: Write) {
    const { orderId } = await this.parties.order(caller, orderNo);
    const unitNo = unitNoOf(unit);
    const answer = await write(async (run) => {
      await run.send(RevealKey, orderId, { type: 'RevealKey', unitNo });
      return { orderId, unit: unitNo };
    });
    // The key itself is no part of the remembered answer: it leaves the vault on its way to the buyer only.
    return { ...answer, key: await this.keyOf(orderId, unitNo) };
  }

  @Post(':orderNo/receipt')
  @Writes(200, 'buyer')
  @ApiOperation({ summary: 'Confirm receipt of units; their escrow is released, the claim window stays open' }) // K16
  confirm(@Param('orderNo') orderNo: string, @Body() body: ReceiptBody, @Once() write: Write) {
    return write(async (run) => {
      const { orderId } = await this.parties.order(run.caller, orderNo);
      await run.send(ConfirmReceipt, orderId, { type: 'ConfirmReceipt', units: body.units });
      return { orderId, units: body.units };
    });
  }

  @Post(':orderNo/cancellation')
  @Writes(200, 'buyer', 'shop')
  @ApiOperation({ summary: 'Cancel before delivery: the whole price goes back' }) // K8
  cancel(@Param('orderNo') orderNo: string, @Once() write: Write) {
    return write(async (run) => {
      const { orderId } = await this.parties.order(run.caller, orderNo);
      await run.send(CancelOrder, orderId, { type: 'CancelOrder', by: run.caller.role === 'buyer' ? 'buyer' : 'shop' });
      return { orderId };
    });
  }

  @Post(':orderNo/units/:unit/replacement')
  @Writes(200, 'shop', 'merchant')
  @ApiOperation({ summary: 'Reissue a dead key' }) // S29
  replace(@Param('orderNo') orderNo: string, @Param('unit') unit: string, @Body() body: ReplacementBody, @Once() write: Write) {
    return write(async (run) => {
      const { orderId } = await this.parties.order(run.caller, orderNo);
      const unitNo = unitNoOf(unit);
      const delivery = await this.deliveryOf(run, orderId, { key: body.key, unit: unitNo });
      const command = { type: 'ReplaceUnit', claimId: body.dispute, unitNo, delivery } as const;
      await run.demand(order, orderId, command);
      await this.own(run, orderId, unitNo, delivery);
      await run.send(ReplaceUnit, orderId, command);
      return { orderId, unit: unitNo, ...shown(delivery) };
    });
  }

  @Get(':orderNo')
  @Reads(...everyRole)
  @ApiOperation({ summary: 'Where an order stands, unit by unit' })
  async read(@Param('orderNo') orderNo: string, @Caller() caller: Actor) {
    const found = await this.visible(caller, orderNo);
    const money = (minor: bigint) => toJson({ asset: found.asset, minor });
    const [freezes, placed] = await Promise.all([
      freezesOf(this.database.db, found.order_id),
      this.parties.order(caller, orderNo),
    ]);
    return {
      orderId: found.order_id,
      merchant: found.merchant,
      buyer: found.buyer,
      productKind: found.product_kind,
      settlement: found.settlement,
      status: found.status,
      total: money(found.total),
      policy: placed.policy,
      placedAt: found.placed_at,
      paidAt: found.paid_at,
      deliverBefore: found.deliver_before,
      frozen: freezes.map(({ scope, reason, frozen_at: frozenAt }) => ({ scope, reason, frozenAt })),
      units: found.units.map((unit) => ({
        unit: unit.unit_no,
        product: unit.product,
        price: money(unit.price),
        fee: money(unit.fee),
        delivery: unit.delivery,
        money: unit.money,
        refunded: money(unit.refunded),
        key: unit.masked,
        deliveredAt: unit.delivered_at,
        revealedAt: unit.revealed_at,
        afterSaleEndsAt: unit.after_sale_ends_at,
        sevenDayEndsAt: unit.seven_day_ends_at,
        confirmedAt: unit.confirmed_at,
        dispute: unit.claim_id,
      })),
    };
  }

  @Get(':orderNo/units/:unit/eligibility')
  @Reads(...everyRole)
  @ApiOperation({
    summary:
      'What the buyer of this unit could get, now or as of a past moment: by which rule, from whom, what is missing, which clocks run',
  })
  async eligibility(
    @Param('orderNo') orderNo: string,
    @Param('unit') unit: string,
    @Query() { asOf }: AsOfQuery,
    @Caller() caller: Actor,
  ) {
    const unitNo = unitNoOf(unit);
    const known = idShape.test(orderNo) ? { orderId: `${caller.platform}.${orderNo}`, unitNo } : undefined;
    const answer = known === undefined ? undefined : await this.eligibilities.one(caller, known, asOf);
    if (answer !== undefined) return answer;
    await this.visible(caller, orderNo);
    throw new Problem(404, 'unit-unknown', 'the order has no such unit, or had none then');
  }

  /** What a confirmed transaction did, also when it was told before: it paid, or it goes back, or both in part. */
  private async becameOf(orderId: string, transaction: string) {
    const events = await this.eventStore.readStream<OrderEvent>(`order-${orderId}`, { limit: maxStreamEvents });
    const paid = events.find(({ type, data }) => type === 'PaymentCaptured' && data.transaction === transaction);
    const surplus = events.find(
      (event): event is Recorded<EventOf<OrderEvent, 'SurplusCaptured'>> =>
        event.type === 'SurplusCaptured' && event.data.transaction === transaction,
    );
    return {
      paid: paid !== undefined,
      ...(surplus === undefined
        ? {}
        : {
            goesBack: { refund: surplus.data.refundId, why: surplus.data.why, amount: toJson(surplus.data.amount) },
          }),
    };
  }

  private async visible(caller: Actor, orderNo: string) {
    const found = idShape.test(orderNo) ? await findOrder(this.database.db, `${caller.platform}.${orderNo}`) : undefined;
    if (found === undefined || !isPartyOf(caller, found))
      throw new Problem(404, 'order-unknown', 'there is no such order for you');
    return found;
  }

  private own(run: Run, orderId: string, unitNo: number, delivery: Delivery) {
    const owner = `order-${orderId}/unit-${unitNo}`;
    return delivery.kind === 'key' ? own(run, 'key', delivery.fingerprint, owner) : own(run, 'receipt', delivery.receipt, owner);
  }

  private async deliveryOf(run: Run, orderId: string, { unit, key, receipt, account }: UnitDeliveryField): Promise<Delivery> {
    if (receipt !== undefined && key === undefined)
      return { kind: 'top-up', receipt, accountReference: await run.keep({ account: account ?? '' }) };
    if (key === undefined || receipt !== undefined || account !== undefined)
      throw new Problem(422, 'delivery-unclear', 'a unit is delivered as a key, or as a receipt with its account');
    const plain = key.trim();
    if (plain === '') throw new Problem(422, 'key-empty', 'a card key has at least one visible character');
    return {
      kind: 'key',
      ciphertext: await this.vault.encrypt(subjectOf(orderId), `unit-${unit}`, plain),
      fingerprint: this.vault.fingerprint('card-key', plain),
      masked: maskKey(plain),
    };
  }

  private async keyOf(orderId: string, unitNo: number): Promise<string> {
    const events = await this.eventStore.readStream<OrderEvent>(`order-${orderId}`, { limit: maxStreamEvents });
    const ofUnit = events.filter(({ data }) => 'unitNo' in data && data.unitNo === unitNo);
    const delivered = ofUnit.findLast(({ type }) => type === 'UnitDelivered' || type === 'ReplacementDelivered');
    const delivery = delivered && 'delivery' in delivered.data ? delivered.data.delivery : undefined;
    if (delivered === undefined || delivery?.kind !== 'key')
      throw new Problem(409, 'nothing-to-reveal', 'no key was delivered for this unit');
    // An old reveal sent again must not show a replacement that nobody has asked to see.
    if (!ofUnit.some(({ type, revision }) => type === 'KeyRevealed' && revision > delivered.revision))
      throw new Problem(409, 'key-replaced', 'the key was replaced since; reveal the new one under a new Idempotency-Key');
    try {
      return await this.vault.decrypt(subjectOf(orderId), `unit-${unitNo}`, delivery.ciphertext);
    } catch (error) {
      if (error instanceof VaultError && error.code === 'Shredded')
        throw new Problem(410, 'key-erased', 'this key was erased on request');
      throw error;
    }
  }
}

/** What the buyer is to pay, if the order is accepted: mixed assets and other nonsense are refused there. */
function totalOf({ lines, discount }: PlaceOrderBody): Money {
  const list = lines.reduce((sum, { unitPrice, quantity }) => sum + moneyOf(unitPrice).minor * BigInt(quantity), 0n);
  const minor = list - (discount === undefined ? 0n : moneyOf(discount).minor);
  return { asset: lines[0]?.unitPrice.asset ?? '', minor };
}

/** What is erased together: all keys of one order. */
const subjectOf = (orderId: string) => ({ kind: 'order', id: orderId });
const shown = (delivery: Delivery) => (delivery.kind === 'key' ? { key: delivery.masked } : { receipt: delivery.receipt });
