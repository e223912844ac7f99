import type { Instant } from '@recourse/eventing';
import { sql, type RawBuilder } from 'kysely';

/** The same in Chinese and English. */
export interface Bilingual {
  readonly zh: string;
  readonly en: string;
}
export interface PublishedPolicy {
  readonly version: number;
  readonly hash: string;
  readonly effectiveFrom: Instant;
}
/** What a report is about. */
export interface FigureScope {
  readonly platform: string;
  readonly from: Instant;
  /** Not included. */
  readonly before: Instant;
  readonly merchant?: string;
  /** Versions of the platform's policy, as it published them. */
  readonly policies: readonly PublishedPolicy[];
}
/** A figure as data: what is counted over what, in words and as a query. */
export interface FigureDefinition {
  readonly id: string;
  readonly title: Bilingual;
  readonly numerator: Bilingual;
  readonly denominator: Bilingual;
  /** Where both come from. */
  readonly events: readonly string[];
  /** One row with numerator and denominator. */
  readonly counts: (scope: FigureScope) => RawBuilder<unknown>;
  /** With a smaller denominator there is no figure. */
  readonly atLeast?: bigint;
}
/** What today's events do not say. */
export interface LeftOut {
  readonly id: string;
  readonly title: Bilingual;
  readonly because: Bilingual;
}

const both = (zh: string, en: string): Bilingual => ({ zh, en });
export const within = (column: RawBuilder<unknown>, { from, before }: FigureScope) =>
  sql`${column} >= ${from} and ${column} < ${before}`;
const at = (row: RawBuilder<unknown>, { platform, merchant }: FigureScope) =>
  merchant === undefined
    ? sql`${row}.platform = ${platform}`
    : sql`${row}.platform = ${platform} and ${row}.merchant = ${merchant}`;
const c = sql`c`;
const o = sql`o`;
const r = sql`r`;
export const casesOf = (scope: FigureScope) => at(c, scope);

/** Units that a verdict decided in the period: `u` is the unit as the verdict states it. */
const decidedUnits =
  (numerator: RawBuilder<unknown>, denominator = sql`true`) =>
  (scope: FigureScope) => sql`
  select count(*) filter (where (${denominator}) and (${numerator})) as numerator, count(*) filter (where ${denominator}) as denominator
  from read.verdict v join read.case_file c on c.dispute_id = v.dispute_id cross join jsonb_array_elements(v.units) u
  where ${at(c, scope)} and ${within(sql`v.decided_at`, scope)}`;
const verdicts = (numerator: (scope: FigureScope) => RawBuilder<unknown>) => (scope: FigureScope) => sql`
  select count(*) filter (where ${numerator(scope)}) as numerator, count(*) as denominator
  from read.verdict v join read.case_file c on c.dispute_id = v.dispute_id join read.order_book o on o.order_id = c.order_id
  where ${at(c, scope)} and ${within(sql`v.decided_at`, scope)}`;
const submittedCases =
  (numerator: RawBuilder<unknown>, denominator: (scope: FigureScope) => RawBuilder<unknown> = () => sql`true`) =>
  (scope: FigureScope) => sql`
  select count(*) filter (where ${numerator}) as numerator, count(*) as denominator
  from read.case_file c where ${at(c, scope)} and ${within(sql`c.submitted_at`, scope)} and ${denominator(scope)}`;
const paidUnits = (numerator: RawBuilder<unknown>) => (scope: FigureScope) => sql`
  select count(*) filter (where ${numerator}) as numerator, count(*) as denominator
  from read.order_book o join read.order_unit n on n.order_id = o.order_id
  where ${at(o, scope)} and ${within(sql`o.paid_at`, scope)}`;
/** K3: orders delivered in the 30 × 24 h before the end; the refunds of a verdict or a deadline that find the merchant liable. */
const merchantLiable = sql`l.liable = 'MERCHANT'`;
const cohort = (scope: FigureScope) => sql`
  select o.order_id, o.total, (select coalesce(sum(l.amount), 0) from read.refund r join read.refund_line l on l.refund_id = r.refund_id
    where r.order_id = o.order_id and ${merchantLiable} and r.approved_at < ${scope.before}) as refunded
  from read.order_book o where ${at(o, scope)} and exists (select 1 from read.order_unit n where n.order_id = o.order_id
    and n.delivered_at >= ${scope.before}::timestamptz - interval '720 hours' and n.delivered_at < ${scope.before})`;

const said = (fact: string) => sql`(u -> 'facts' ->> ${fact})`;
const paidThrough = sql`exists (select 1 from read.order_book o where o.order_id = c.order_id and o.paid_at is not null)`;
/** Somebody other than the claim's own words says that and when something was wrong, or nothing is said to be wrong at all. */
const problemShown = sql`(${said('verification')} not in ('none', 'INCONCLUSIVE') or ${said('activationFailureEvidence')} = 'yes'
  or ${said('platformFailure')} = 'yes' or ${said('delivered')} = 'no'
  or ${said('reason')} in ('dislike', 'own-cancellation', 'wrong-account', 'seven-day'))`;
const partyFound = sql`u ->> 'liable' <> 'UNPROVEN'`;
const decided = both('期间内裁决的商品件数', 'units decided in the period');
const submitted = both('期间内提交的纠纷数', 'cases submitted in the period');

/** The three axes of S04. */
const reliability: readonly FigureDefinition[] = [
  {
    id: 'rule-transparency',
    title: both('规则透明度', 'rule transparency'),
    numerator: both(
      '其中：适用版本在下单前已公布生效且与订单冻结的版本、哈希一致，并写明规则、依据及中英文理由的裁决数',
      'those judged by the very version and hash that was in force when the order was placed and is frozen in it, and that name rule, basis and reasons in Chinese and English',
    ),
    denominator: both('期间内的裁决数', 'verdicts reached in the period'),
    events: ['PolicyPublished', 'OrderPlaced', 'DisputeSubmitted', 'VerdictReached'],
    counts: verdicts(
      ({ policies }) => sql`v.rule <> '' and v.basis <> '[]'::jsonb and v.explanation_zh <> '' and v.explanation_en <> ''
        and c.policy_version = o.policy_version and c.policy_hash = o.policy_hash
        and exists (select 1 from jsonb_to_recordset(${JSON.stringify(policies)}::jsonb) as p(version integer, hash text, "effectiveFrom" timestamptz)
          where p.version = c.policy_version and p.hash = c.policy_hash and p."effectiveFrom" <= o.placed_at)`,
    ),
  },
  {
    id: 'evidence-completeness',
    title: both('证据完整性', 'evidence completeness'),
    numerator: both(
      '三个方面（交易事实、问题发生、责任主体）中得到证明的个数之和',
      'of the three aspects (transaction, problem, responsible party) of each unit, those that are established; see the next three figures',
    ),
    denominator: both('期间内裁决的商品件数 × 3', 'units decided in the period × 3'),
    events: [
      'PaymentCaptured',
      'UnitDelivered',
      'PlatformDeliveryFailed',
      'EvidenceSubmitted',
      'VerificationRecorded',
      'VerdictReached',
    ],
    counts: (
      scope,
    ) => sql`select coalesce(sum((${paidThrough})::int + (${problemShown})::int + (${partyFound})::int), 0)::bigint as numerator,
      count(*) * 3 as denominator
      from read.verdict v join read.case_file c on c.dispute_id = v.dispute_id cross join jsonb_array_elements(v.units) u
      where ${at(c, scope)} and ${within(sql`v.decided_at`, scope)}`,
  },
  {
    id: 'evidence-transaction',
    title: both('交易事实已证明', 'transaction established'),
    numerator: both('其中：平台记录到渠道付款的件数', 'those whose payment the rail confirmed to the platform'),
    denominator: decided,
    events: ['PaymentCaptured', 'VerdictReached'],
    counts: decidedUnits(paidThrough),
  },
  {
    id: 'evidence-problem',
    title: both('问题发生已证明', 'problem established'),
    numerator: both(
      '其中：有明确核验结果、激活失败证据或平台自身发货记录的件数；不主张商品有问题的申请（不喜欢、自行取消、填错账号、七天无理由）无需证明',
      "those with a definite word of the verifier, evidence of a failed activation or the platform's own delivery events; claims that allege no fault of the goods (dislike, own cancellation, wrong account, seven-day) need none",
    ),
    denominator: decided,
    events: ['UnitDelivered', 'PlatformDeliveryFailed', 'EvidenceSubmitted', 'VerificationRecorded', 'VerdictReached'],
    counts: decidedUnits(problemShown),
  },
  {
    id: 'evidence-party',
    title: both('责任主体已证明', 'responsible party established'),
    numerator: both('其中：责任认定不是“无法证明”的件数', 'those whose liability is not UNPROVEN'),
    denominator: decided,
    events: ['VerdictReached'],
    counts: decidedUnits(partyFound),
  },
  {
    id: 'channel-availability',
    title: both('维权渠道畅通性', 'channel availability'),
    numerator: both(
      '其中：已答复（裁决或补发解决）且平台未因自身超时而被动裁决的纠纷数',
      "those answered, by a verdict or a reissue that worked, and none of it only because the platform's own time was over",
    ),
    denominator: both(
      '期间内提交、未撤回、且已答复或截至期末已过当前期限的纠纷数',
      'cases submitted in the period and not withdrawn that are answered, or past their present deadline at its end',
    ),
    events: ['DisputeSubmitted', 'VerdictReached', 'ResolvedByReissue', 'DisputeWithdrawn', 'ReviewEscalated'],
    counts: submittedCases(
      sql`c.status in ('decided', 'final', 'resolved')
        and not exists (select 1 from read.verdict v where v.dispute_id = c.dispute_id and v.decided_by = 'overdue')`,
      ({ before }) => sql`(c.status in ('decided', 'final', 'resolved') or c.status = 'open'
        and exists (select 1 from read.case_unit n where n.dispute_id = c.dispute_id and n.until < ${before}))`,
    ),
  },
];

const reliabilityLeftOut: readonly LeftOut[] = [
  {
    id: 'evidence-timeliness',
    title: both('证据及时性', 'timeliness of evidence'),
    because: both('证据事件只有提交时间，没有拍摄或发生时间', 'evidence events carry the moment of submission, not of capture'),
  },
  {
    id: 'channel-uptime',
    title: both('渠道在线率', 'uptime of channels'),
    because: both(
      '没有事件记录接口、热线或支付平台投诉通道是否可达',
      'no event says whether the API, a hotline or a complaint channel could be reached',
    ),
  },
];

/** S86: what users, platform and merchants did. */
const userConduct: readonly FigureDefinition[] = [
  {
    id: 'user-upheld',
    title: both('用户：申请成立率', 'user: claims upheld'),
    numerator: both('其中：支持退款的件数', 'those that are refunded'),
    denominator: decided,
    events: ['VerdictReached'],
    counts: decidedUnits(sql`u ->> 'remedy' <> 'NONE'`),
  },
  {
    id: 'user-liable',
    title: both('用户：自身责任率', 'user: liable himself'),
    numerator: both('其中：认定用户责任的件数', 'those for which the buyer is liable'),
    denominator: decided,
    events: ['VerdictReached'],
    counts: decidedUnits(sql`u ->> 'liable' = 'BUYER'`),
  },
  {
    id: 'user-late',
    title: both('用户：逾期申请率', 'user: claims after the window'),
    numerator: both(
      '其中：超过售后期且不在七天无理由承诺期内才申请的件数',
      'those claimed after the after-sale window and not within a seven-day promise',
    ),
    denominator: decided,
    events: ['UnitDelivered', 'ClaimOpened', 'VerdictReached'],
    counts: decidedUnits(
      sql`${said('afterSale')} = 'after' and not (${said('reason')} = 'seven-day' and ${said('sevenDay')} in ('before', 'at'))`,
    ),
  },
  {
    id: 'user-evidence',
    title: both('用户：举证率', 'user: claims with evidence'),
    numerator: both('其中：买家至少提交一份证据的纠纷数', 'those with at least one piece of evidence by the buyer'),
    denominator: submitted,
    events: ['DisputeSubmitted', 'EvidenceSubmitted'],
    counts: submittedCases(
      sql`exists (select 1 from read.evidence e where e.dispute_id = c.dispute_id and e.by_party = 'buyer')`,
    ),
  },
  {
    id: 'user-withdrawn',
    title: both('用户：撤回率', 'user: claims withdrawn'),
    numerator: both('其中：被撤回的纠纷数', 'those that were withdrawn'),
    denominator: submitted,
    events: ['DisputeSubmitted', 'DisputeWithdrawn'],
    counts: submittedCases(sql`c.status = 'withdrawn'`),
  },
];
const platformManagement: readonly FigureDefinition[] = [
  {
    id: 'platform-liable',
    title: both('平台：自身责任率', 'platform: liable itself'),
    numerator: both('其中：认定平台责任的件数', 'those for which the platform is liable'),
    denominator: decided,
    events: ['VerdictReached'],
    counts: decidedUnits(sql`u ->> 'liable' = 'PLATFORM'`),
  },
  {
    id: 'platform-delivery-failure',
    title: both('平台：发货故障率', 'platform: deliveries that failed'),
    numerator: both('其中：平台系统发货失败的件数', "those that the platform's own system failed to deliver"),
    denominator: both('期间内付款订单的商品件数', 'units of orders paid in the period'),
    events: ['PaymentCaptured', 'PlatformDeliveryFailed'],
    counts: paidUnits(sql`n.delivery = 'failed'`),
  },
  {
    id: 'platform-in-time',
    title: both('平台：按期裁决率', 'platform: verdicts in time'),
    numerator: both('其中：不是因平台超时而作出的裁决数', "those not reached only because the platform's time was over"),
    denominator: both('期间内的裁决数', 'verdicts reached in the period'),
    events: ['VerdictReached'],
    counts: verdicts(() => sql`v.decided_by <> 'overdue'`),
  },
  {
    id: 'platform-by-rule',
    title: both('平台：规则自动裁决率', 'platform: verdicts by rule'),
    numerator: both('其中：由规则直接作出的裁决数', 'those a rule reached without a person'),
    denominator: both('期间内的裁决数', 'verdicts reached in the period'),
    events: ['VerdictReached'],
    counts: verdicts(() => sql`v.decided_by = 'rule'`),
  },
  {
    id: 'platform-paid',
    title: both('平台：退款支付率', 'platform: refunds paid'),
    numerator: both('其中：已支付的退款笔数', 'those that are paid'),
    denominator: both('期间内批准的退款笔数', 'refunds approved in the period'),
    events: ['RefundApproved', 'PayoutSucceeded'],
    counts: (scope) => sql`select count(*) filter (where r.paid_at is not null) as numerator, count(*) as denominator
      from read.refund r where ${at(r, scope)} and ${within(sql`r.approved_at`, scope)}`,
  },
];
const answered = sql`${said('merchantAnswer')} <> 'none'`;
const merchantPerformance: readonly FigureDefinition[] = [
  {
    id: 'merchant-refund-rate',
    title: both('商家：退款率（K3）', 'merchant: refund rate (K3)'),
    numerator: both(
      '其中：有成立的商家责任退款的订单数',
      'those of them with a standing refund for which the merchant is liable',
    ),
    denominator: both(
      '期末前 30×24 小时内发货的订单数；不足 20 单不计算',
      'orders delivered in the 30 × 24 h before the end of the period; none below 20',
    ),
    events: ['UnitDelivered', 'RefundApproved'],
    counts: (scope) =>
      sql`select count(*) filter (where cohort.refunded > 0) as numerator, count(*) as denominator from (${cohort(scope)}) as cohort`,
    atLeast: 20n,
  },
  {
    id: 'merchant-refund-rate-by-amount',
    title: both('商家：退款金额率（K3，仅供参考）', 'merchant: refund rate by amount (K3, not what decides)'),
    numerator: both('这些订单的商家责任退款金额（最小货币单位）', 'amounts of those refunds, in minor units'),
    denominator: both('这些订单的总额（最小货币单位）', 'totals of those orders, in minor units'),
    events: ['OrderPlaced', 'UnitDelivered', 'RefundApproved'],
    counts: (scope) => sql`select case when count(*) < 20 then 0 else coalesce(sum(cohort.refunded), 0) end::bigint as numerator,
      case when count(*) < 20 then 0 else sum(cohort.total) end::bigint as denominator from (${cohort(scope)}) as cohort`,
  },
  {
    id: 'merchant-liable',
    title: both('商家：责任率', 'merchant: liable'),
    numerator: both('其中：认定商家责任的件数', 'those for which the merchant is liable'),
    denominator: decided,
    events: ['VerdictReached'],
    counts: decidedUnits(sql`u ->> 'liable' = 'MERCHANT'`),
  },
  {
    id: 'merchant-proactive',
    title: both('商家：主动处理率（K4）', 'merchant: settled on his own (K4)'),
    numerator: both('其中：补发解决或商家自己认可的件数', 'those he reissued so that they work, or accepted himself'),
    denominator: both(
      '期间内提交的纠纷中，补发解决或认定商家责任并退款的件数',
      'units of cases submitted in the period that he reissued, or that are refunded with him liable',
    ),
    events: ['DisputeSubmitted', 'ResolvedByReissue', 'MerchantAnswered', 'VerdictReached'],
    counts: (
      scope,
    ) => sql`select count(*) filter (where n.status = 'resolved' or ${said('merchantAnswer')} = 'accepted') as numerator, count(*) as denominator
      from read.case_file c join read.case_unit n on n.dispute_id = c.dispute_id
        left join read.verdict v on v.verdict_id = n.verdict_id
        left join lateral (select e.u from jsonb_array_elements(v.units) as e(u) where (e.u ->> 'unitNo')::int = n.unit_no) as x on true
      where ${at(c, scope)} and ${within(sql`c.submitted_at`, scope)}
        and (n.status = 'resolved' or u ->> 'liable' = 'MERCHANT' and u ->> 'remedy' <> 'NONE')`,
  },
  {
    id: 'merchant-silent',
    title: both('商家：沉默率', 'merchant: silent when asked'),
    numerator: both('其中：商家逾期未答复的件数', 'those he let his time pass for'),
    denominator: both(
      '期间内裁决的、曾要求商家答复的件数',
      'units decided in the period for which he was asked and his answer or silence was recorded',
    ),
    events: ['MerchantAnswerAwaited', 'MerchantAnswered', 'MerchantStayedSilent', 'VerdictReached'],
    counts: decidedUnits(sql`${said('merchantAnswer')} = 'silent'`, answered),
  },
  {
    id: 'merchant-undelivered',
    title: both('商家：未按期发货率', 'merchant: not delivered in time'),
    numerator: both('其中：因未按期发货而退款的件数', 'those refunded because they were not delivered in time'),
    denominator: both('期间内付款订单的商品件数', 'units of orders paid in the period'),
    events: ['PaymentCaptured', 'DeliveryOverdue', 'RefundApproved'],
    counts: paidUnits(sql`exists (select 1 from read.refund r join read.refund_line l on l.refund_id = r.refund_id
      where r.order_id = o.order_id and l.unit_no = n.unit_no and r.ground = 'not-delivered-in-time')`),
  },
];
const partiesLeftOut: readonly LeftOut[] = [
  {
    id: 'merchant-response-time',
    title: both('商家：答复时间（K4）', "merchant: time to answer (K4's response)"),
    because: both('事件中有商家答复时间，但目前没有读模型保存它', 'MerchantAnswered carries it, but no read model keeps it yet'),
  },
  {
    id: 'user-reviews',
    title: both('用户评价', 'reviews of users'),
    because: both('目前没有评价事件', 'there is no event of a review yet'),
  },
  {
    id: 'platform-appeals',
    title: both('平台：申诉改判率', 'platform: verdicts overturned on appeal'),
    because: both('目前没有申诉事件', 'there is no event of an appeal yet'),
  },
];

/** Every report by figures. */
export const figureReports = {
  reliability: { groups: { reliability }, leftOut: reliabilityLeftOut },
  parties: {
    groups: { user: userConduct, platform: platformManagement, merchant: merchantPerformance },
    leftOut: partiesLeftOut,
  },
} as const satisfies Record<string, { groups: Record<string, readonly FigureDefinition[]>; leftOut: readonly LeftOut[] }>;

export type FigureReportName = keyof typeof figureReports;

const verdictOfRefund = sql`read.refund r join read.verdict v on v.verdict_id = r.refund_id join read.case_file c on c.dispute_id = v.dispute_id`;
/** S87: the steps that are timed. */
export const speedSteps = [
  {
    id: 'claim-to-verdict',
    title: both('申请到裁决', 'claim to verdict'),
    formula: both(
      '裁决时间 − 提交时间；期间内的每个裁决计一次',
      'decidedAt − submittedAt, once for each verdict reached in the period',
    ),
    events: ['DisputeSubmitted', 'VerdictReached'],
    from: sql`read.verdict v join read.case_file c on c.dispute_id = v.dispute_id`,
    begins: sql`c.submitted_at`,
    ends: sql`v.decided_at`,
  },
  {
    id: 'verdict-to-paid',
    title: both('裁决到付款', 'verdict to paid'),
    formula: both(
      '付款成功时间 − 裁决时间；期间内支付的每笔裁决退款计一次',
      'succeededAt − decidedAt, once for each refund of a verdict paid in the period',
    ),
    events: ['VerdictReached', 'PayoutSucceeded'],
    from: verdictOfRefund,
    begins: sql`v.decided_at`,
    ends: sql`r.paid_at`,
  },
  {
    id: 'claim-to-paid',
    title: both('申请到付款', 'claim to paid'),
    formula: both(
      '付款成功时间 − 提交时间；期间内支付的每笔裁决退款计一次',
      'succeededAt − submittedAt, once for each refund of a verdict paid in the period',
    ),
    events: ['DisputeSubmitted', 'VerdictReached', 'PayoutSucceeded'],
    from: verdictOfRefund,
    begins: sql`c.submitted_at`,
    ends: sql`r.paid_at`,
  },
] as const;

export const speedNotes = both(
  '草稿从提交起算；补发解决的纠纷没有裁决，不计入；取消订单与未发货的退款没有申请，不计入。恰好 24 小时算在 24 小时内。',
  'A draft counts from its submission; a case that a reissue resolved has no verdict, and a refund of a cancelled or undelivered order no claim: neither is counted. Exactly 24 hours are within 24 hours.',
);
