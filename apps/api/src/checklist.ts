import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Explanation } from '@recourse/disputes/events';
import { type Actor, type Instant, isAfter } from '@recourse/eventing';
import { Caller, Problem } from '@recourse/nest';
import type { AfterSalePromise } from '@recourse/orders/events';
import { type CaseFile, casesOfOrder, type Database, findOrder, type UnitRow } from '@recourse/postgres';
import { Edge } from './edge.js';
import { Id } from './fields.js';
import { Parties, type PlacedOrder } from './parties.js';
import { PolicyShelf } from './policy-shelf.js';
import { everyRole, Reads } from './route.js';
import { databaseToken } from './tokens.js';

/** `kept`: the platform keeps it itself, the buyer need not. `unpublished`: nobody measures it here yet. */
type State = 'todo' | 'done' | 'kept' | 'later' | 'over' | 'unpublished' | 'information';
interface Item {
  readonly id: string;
  readonly text: Explanation;
  readonly state: State;
  /** The last moment to act. */
  readonly by?: Instant;
  /** Where more stands, in this API. */
  readonly see?: string;
}
interface Step {
  readonly step: string;
  readonly title: Explanation;
  readonly items: readonly Item[];
}

class MerchantQuery {
  @Id({ description: 'whom the buyer is about to buy from', example: 'm1', optional: true })
  merchant?: string;
}

const say = (zh: string, en: string): Explanation => ({ zh, en });

/** S70–S76: one after the other; each joins the same case. */
const channels = [
  {
    channel: 'merchant',
    name: say(
      '先联系商家，在聊天中确认问题并取得承诺',
      'the merchant first: have the problem confirmed and a promise made in the chat',
    ),
  },
  {
    channel: 'platform',
    name: say('商家拒绝或不回应，立即向平台申请介入', 'the platform, as soon as the merchant refuses or stays silent'),
    see: 'POST /disputes',
  },
  {
    channel: 'payment',
    name: say('支付宝、微信支付的虚拟商品投诉通道', 'the complaint channel of Alipay or WeChat Pay for virtual goods'),
  },
  { channel: '12315', name: say('12315 消费者投诉热线或网站', 'the consumer hotline 12315') },
  { channel: 'consumers-association', name: say('当地消费者协会', "the local consumers' association") },
  {
    channel: 'court',
    name: say('法院诉讼，可带上本案材料包', 'a court, with the case pack as evidence'),
    see: 'GET /disputes/{disputeId}/pack',
  },
] as const;

const unpublished = (id: string, text: Explanation): Item => ({ id, text, state: 'unpublished' });

function beforePurchase(
  policy: { readonly version: number; readonly merchant?: string } | undefined,
  promise: AfterSalePromise | undefined,
): Step {
  return {
    step: 'before-purchase',
    title: say('下单之前', 'before you buy'),
    items: [
      unpublished('qualification', say('商家资质：尚未公布', 'qualification of the merchant: not yet published')),
      unpublished(
        'rating',
        say('商家评分（4.8 分以上为佳）：尚未公布', 'rating of the merchant, 4.8 or better: not yet published'),
      ),
      unpublished(
        'refund-rate',
        say('历史退款率（低于 5% 为佳）：尚未公布', 'refund rate, below 5 % is good: not yet published'),
      ),
      {
        id: 'rule-text',
        text: say(
          '仔细阅读退款规则；下单时同意的版本冻结在订单里',
          'read the refund rules; the version you agree to is frozen into the order',
        ),
        state: promise === undefined ? 'todo' : 'kept',
        ...(policy === undefined
          ? {}
          : { see: `/policies/${policy.version}${policy.merchant === undefined ? '' : `?merchant=${policy.merchant}`}` }),
      },
      {
        id: 'promise',
        text:
          promise === undefined
            ? say('看清售后承诺：时长、补发、七天无理由', 'read what is promised after the sale: hours, reissue, seven days')
            : promiseOf(promise),
        state: promise === undefined ? 'todo' : 'kept',
      },
      {
        id: 'pay-here',
        text: say(
          '只在平台内付款；个人转账与不明链接不受保护',
          'pay through the platform only: personal transfers and unknown links are not protected',
        ), // S70
        state: promise === undefined ? 'todo' : 'information',
      },
    ],
  };
}

const promiseOf = ({ afterSaleHours, deliverWithinHours, reissue, sevenDay }: AfterSalePromise): Explanation =>
  say(
    `${deliverWithinHours} 小时内发货，售后 ${afterSaleHours} 小时${reissue ? '，无效卡密 24 小时内补发' : ''}${sevenDay ? '，未查看卡密七天无理由退款' : ''}`,
    `delivered within ${deliverWithinHours} hours, ${afterSaleHours} hours after-sale${reissue ? ', invalid keys reissued within 24 hours' : ''}${sevenDay ? ', seven days to return what was not revealed' : ''}`,
  );

/** What is to be recorded when; without an order, what will be. S37–S47 */
function onDelivery(units: readonly UnitRow[], now: Instant): Step {
  const keys = units.map((unit): Item => {
    const end = unit.after_sale_ends_at;
    const state = end === null ? 'later' : unit.confirmed_at !== null ? 'done' : isAfter(now, end) ? 'over' : 'todo';
    return {
      id: `test-unit-${unit.unit_no}`,
      text: say(
        `单元 ${unit.unit_no}：收到卡密后立即测试并录屏，拍下激活失败提示`,
        `unit ${unit.unit_no}: test the key at once and record the screen, with the prompt if it fails`,
      ), // S45
      state,
      ...(end === null ? {} : { by: end }),
    };
  });
  const general: Item = {
    id: 'test-at-once',
    text: say('收到卡密后立即测试并录屏', 'test the key at once and record the screen'),
    state: 'later',
  };
  return { step: 'on-delivery', title: say('收到卡密', 'when the key comes'), items: keys.length > 0 ? keys : [general] };
}

const kindsIn = (cases: readonly CaseFile[]): ReadonlySet<string> =>
  new Set(cases.flatMap(({ evidence }) => evidence.filter(({ by_party }) => by_party === 'buyer').map(({ kind }) => kind)));

function onProblem(units: readonly UnitRow[], cases: readonly CaseFile[], now: Instant): Step {
  const have = kindsIn(cases);
  const state = (kind: string): State => (have.has(kind) ? 'done' : 'later');
  const open = units.filter((unit) => unit.claim_id === null && unit.refunded < unit.price && unit.delivered_at !== null);
  const claims = open.map((unit): Item => ({
    id: `claim-unit-${unit.unit_no}`,
    text: say(
      `单元 ${unit.unit_no}：发现问题立即申请售后（草稿也会停止计时）；逾期须有激活失败证据`,
      `unit ${unit.unit_no}: claim at once if something is wrong, even a draft stops the clock; later you need evidence of the failure`,
    ),
    state: unit.after_sale_ends_at !== null && isAfter(now, unit.after_sale_ends_at) ? 'over' : 'todo',
    ...(unit.after_sale_ends_at === null ? {} : { by: unit.after_sale_ends_at }),
    see: 'POST /disputes',
  }));
  return {
    step: 'on-problem',
    title: say('出现问题', 'when something is wrong'),
    items: [
      ...claims,
      {
        id: 'chat',
        text: say(
          '与商家的聊天记录，须含“问题确认＋商家承诺”',
          'the chat with the merchant, with the problem confirmed and a promise made',
        ), // S46
        state: state('chat'),
      },
      {
        id: 'abnormal-use',
        text: say('异常使用记录，如激活失败界面', 'a record of the failure, such as the failed activation'),
        state: state('abnormal-use'),
      },
      { id: 'screen-recording', text: say('测试录屏', 'the recording of your test'), state: state('screen-recording') },
    ],
  };
}

function afterPayment(paidAt: string | null | undefined): Step {
  const state: State = paidAt === undefined || paidAt === null ? 'later' : 'kept';
  return {
    step: 'after-payment',
    title: say('付款之后', 'after you paid'),
    items: [
      {
        id: 'order-record',
        text: say('订单详情（商品名称、订单号、金额）由平台保存', 'order with product, number and amount: the platform keeps it'), // S37, S47
        state: paidAt === undefined ? 'later' : 'kept',
      },
      { id: 'payment-proof', text: say('支付凭证由平台保存', 'proof of payment: the platform keeps it'), state }, // S38, S47
    ],
  };
}

/** What a case still wants of the buyer. */
function ofCases(cases: readonly CaseFile[], now: Instant): Step {
  const items = cases.flatMap((found): Item[] => [
    ...found.units
      .filter(({ status }) => status === 'awaiting-buyer-check')
      .map((unit) => ({
        id: `check-unit-${unit.unit_no}`,
        text: say('确认补发卡密是否可用，逾期视为可用', 'say whether the reissued key works; silence means it does'),
        state: 'todo' as const,
        ...(unit.until === null ? {} : { by: unit.until }),
        see: `/disputes/${found.dispute_id}`,
      })),
    ...found.verdicts
      .filter(({ appeal_until }) => !isAfter(now, appeal_until))
      .map((verdict) => ({
        id: `appeal-${verdict.verdict_id}`,
        text: say('不服裁决可申诉', 'appeal if you do not agree with the verdict'),
        state: 'information' as const,
        by: verdict.appeal_until,
        see: `/disputes/${found.dispute_id}`,
      })),
  ]);
  return { step: 'in-dispute', title: say('纠纷处理中', 'while there is a dispute'), items };
}

@ApiTags('checklist')
@Controller()
export class Checklists {
  constructor(
    @Inject(Edge) private readonly edge: Edge,
    @Inject(Parties) private readonly parties: Parties,
    @Inject(PolicyShelf) private readonly shelf: PolicyShelf,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Get('checklist')
  @Reads(...everyRole)
  @ApiOperation({ summary: "The buyer's checklist before an order: what to look at, what to record when, and where to complain" }) // S85
  async before(@Query() { merchant }: MerchantQuery, @Caller() { platform }: Actor) {
    const at = await this.edge.now();
    const { policy } = await this.shelf.inForce({ platform, ...(merchant === undefined ? {} : { merchant }) }, at);
    const steps = [beforePurchase(policy, undefined), afterPayment(undefined), onDelivery([], at), onProblem([], [], at)];
    return {
      merchant: merchant ?? null,
      at,
      policy: policy === undefined ? null : { id: policy.id, version: policy.version, hash: policy.hash },
      steps,
      channels,
    };
  }

  @Get('orders/:orderNo/checklist')
  @Reads(...everyRole)
  @ApiOperation({ summary: "The buyer's checklist for an order: what is done, what the platform keeps, and until when to act" }) // S85
  async ofOrder(@Param('orderNo') orderNo: string, @Caller() caller: Actor) {
    const placed = await this.parties.order(caller, orderNo);
    const found = await findOrder(this.database.db, placed.orderId);
    if (found === undefined) throw new Problem(404, 'order-unknown', 'there is no such order for you yet');
    const cases = await casesOfOrder(this.database.db, placed.orderId);
    const at = await this.edge.now();
    return {
      orderId: placed.orderId,
      merchant: placed.merchant,
      at,
      policy: placed.policy,
      steps: stepsOf(placed, found, cases, at),
      channels,
    };
  }
}

function stepsOf(
  { policy, promise, platform, merchant }: PlacedOrder,
  order: { readonly paid_at: string | null; readonly units: readonly UnitRow[] },
  cases: readonly CaseFile[],
  at: Instant,
): readonly Step[] {
  const dispute = ofCases(cases, at);
  return [
    beforePurchase({ ...policy, ...(policy.id === platform ? {} : { merchant }) }, promise),
    afterPayment(order.paid_at),
    onDelivery(order.units, at),
    onProblem(order.units, cases, at),
    ...(dispute.items.length > 0 ? [dispute] : []),
  ];
}
