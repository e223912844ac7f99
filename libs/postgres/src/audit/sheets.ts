import { format, type Money } from '@recourse/money';
import type { Cell, Sheet } from './csv.js';
import type { FigureReport, Fraction, SpeedReport } from './figure-report.js';
import type { RefundGroup, RefundReport } from './refund-totals.js';
import type { RefundGrouping } from './refund-selection.js';
import type { RefundOfTotal } from './refund-trail.js';

/** Amounts are written in major units with all decimals of their asset. */
const amount = (of: Money): Cell => ({ number: format(of) });
export const count = (of: bigint): Cell => ({ number: of.toString() });

const groupingTitles: Readonly<Record<RefundGrouping, string>> = {
  day: '日 day',
  month: '月 month',
  year: '年 year',
  merchant: '商家 merchant',
  rule: '规则 rule',
  ground: '事由 ground',
  rail: '渠道 rail',
  status: '状态 status',
  source: '资金来源 source',
  bearer: '最终承担 bearer',
  liable: '责任方 liable',
};
const amountTitles = [
  '退款 refunded',
  '已付 paid',
  '已追回 recovered',
  '未追回 outstanding',
  '平台承担 platform-borne',
  '退回服务费 fees given back',
];
const amountCells = (of: Omit<RefundGroup, 'key' | 'asset' | 'refunds' | 'units'>): Cell[] =>
  [of.refunded, of.paid, of.recovered, of.outstanding, of.platformBorne, of.feesGivenBack].map(amount);

/** One row for each group; the sums of everything stand in a row of `sheetOfTotals({...report, by: []})`. */
export function sheetOfTotals({ by, groups }: Pick<RefundReport, 'by' | 'groups'>): Sheet {
  return {
    head: [
      ...by.map((grouping) => groupingTitles[grouping]),
      '币种 asset',
      '退款笔数 refunds',
      '商品件数 units',
      ...amountTitles,
    ],
    rows: groups.map((group) => [...group.key, group.asset, count(group.refunds), count(group.units), ...amountCells(group)]),
  };
}

/** The sums of the report beside those of the journal. */
export const sheetOfChecks = ({ checks }: Pick<RefundReport, 'checks'>): Sheet => ({
  head: ['核对 check', '币种 asset', '报表 report', '日记账 journal', '差额 difference'],
  rows: checks.map(({ of, report, journal, difference }) => [
    of,
    report.asset,
    amount(report),
    amount(journal),
    amount(difference),
  ]),
});

export const sheetOfRefunds = (refunds: AsyncIterable<RefundOfTotal>): Sheet => ({
  head: [
    '退款号 refund',
    '订单 order',
    '商家 merchant',
    '买家 buyer',
    '渠道 rail',
    '事由 ground',
    '规则 rule',
    '状态 status',
    '批准时间 approved at (UTC)',
    '支付时间 paid at (UTC)',
    '商品件数 units',
    '币种 asset',
    ...amountTitles,
  ],
  rows: rowsOf(refunds),
});

async function* rowsOf(refunds: AsyncIterable<RefundOfTotal>): AsyncGenerator<Cell[]> {
  for await (const refund of refunds) {
    const { refundId, orderId, merchant, buyer, rail, ground, rule, status, approvedAt, paidAt, units } = refund;
    yield [
      ...[refundId, orderId, merchant, buyer, rail, ground, rule, status, approvedAt, paidAt],
      count(units),
      refund.refunded.asset,
      ...amountCells(refund),
    ];
  }
}

const fractionCells = (value: Fraction | null): Cell[] =>
  value === null ? [null, null, null] : [count(value.numerator), count(value.denominator), value.display];

/** What is left out stands behind, with the reason in place of a value. */
export const sheetOfFigures = ({ groups, leftOut }: FigureReport): Sheet => ({
  head: [
    '指标 figure',
    '名称',
    'title',
    '分子 numerator',
    '分母 denominator',
    '比率 share',
    '公式',
    'formula',
    '事件 events',
    '未列原因',
    'reason for no value',
  ],
  rows: [
    ...Object.values(groups)
      .flat()
      .map(({ id, title, value, formula, events, because }): Cell[] => [
        ...[id, title.zh, title.en],
        ...fractionCells(value),
        ...[formula.zh, formula.en, events.join(' '), because?.zh ?? null, because?.en ?? null],
      ]),
    ...leftOut.map(({ id, title, because }): Cell[] => [
      ...[id, title.zh, title.en],
      ...[null, null, null, null, null, null],
      ...[because.zh, because.en],
    ]),
  ],
});

export const sheetOfSpeed = ({ speeds }: SpeedReport): Sheet => ({
  head: [
    '环节 step',
    '名称',
    'title',
    '次数 count',
    '中位数（毫秒）median ms',
    '九成（毫秒）p90 ms',
    '24 小时内 within 24 h',
    '24 小时内占比 share',
    '72 小时内 within 72 h',
    '72 小时内占比 share',
    '公式',
    'formula',
  ],
  rows: speeds.map(({ id, title, formula, medianMs, p90Ms, within24h, within72h, ...speed }): Cell[] => [
    ...[id, title.zh, title.en],
    count(speed.count),
    ...[medianMs, p90Ms].map((ms) => (ms === null ? null : count(ms))),
    ...[within24h, within72h].flatMap((share) => (share === null ? [null, null] : [count(share.numerator), share.display])),
    ...[formula.zh, formula.en],
  ]),
});

/** Of a plain value: amounts and counts as text, as everywhere in the API. */
export const plain = (value: object): object =>
  JSON.parse(JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part))) as object;

/** How the totals count, in the answer itself. */
export const refundNotes = {
  zh: [
    '期间按亚洲/上海自然日；以批准时间或支付时间为准，由 basis 指定。',
    '一笔退款按“商品件 × 资金来源 × 最终承担方”拆成若干部分，金额逐分归入各部分，各组金额相加即为总额。',
    '跨多个来源的退款在每个来源各计一笔，因此各组笔数之和可能大于总笔数；总笔数不重复。',
    '资金来源：担保款、基金、商家保证金、平台服务费；服务费部分由平台承担。',
    '平台承担 = 基金净付 − 已追回 + 补偿 − 未追回（核销的金额计入其中）。',
    '核对以所选退款的全部部分为准：日记账不区分商品件、来源与承担方。',
  ],
  en: [
    'Periods are calendar days of Asia/Shanghai; basis says whether the moment of approval or that of payment counts.',
    'A refund is split into parts, one for each unit, source and bearer; every minor unit is in one part, so the amounts of all groups add up to the total.',
    'A refund that spans sources counts once in each of them, so the counts of groups may add up to more than the total, which counts it once.',
    'Sources: escrow, fund, deposit, fees (and surplus: what a buyer paid too much); the part out of fees is borne by the platform.',
    'platform-borne = paid by the fund, net − recovered + compensated − outstanding (what was written off is in it).',
    'The checks are over all parts of the selected refunds: the journal does not tell units, sources of a payment or bearers apart.',
  ],
} as const;
