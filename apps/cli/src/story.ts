import { format, type Money } from '@recourse/money';
import { casesOfOrder, findOrder, refundsOfOrder, type CaseFile, type Database } from '@recourse/postgres';
import type { ScriptCase } from './script.js';

const yuan = (minor: bigint, asset = 'CNY'): string => `${format({ asset, minor } satisfies Money)} ${asset}`;

/** Orders that a case's requests place, by the shop's number. */
const orderNosOf = ({ steps }: ScriptCase): string[] =>
  steps.flatMap(({ request }) => (request.post === '/orders' ? [String((request.body as { orderNo?: unknown }).orderNo)] : []));

/** What became of a case, told from the books: who is liable, under which rule, who bears it, who was paid what from where, what the deposit paid back. */
export async function storyOf(database: Database, platform: string, one: ScriptCase): Promise<string[]> {
  const { header } = one;
  const lines = [`[${header.case}] ${header.zh}`, `    ${header.en}`];
  for (const { request } of one.steps)
    if (request.problem !== undefined) lines.push(`    rejected 拒绝: ${request.note ?? request.post} (${request.problem})`);
  for (const orderNo of orderNosOf(one)) lines.push(...(await orderStory(database, `${platform}.${orderNo}`)));
  return lines;
}

async function orderStory({ db }: Database, orderId: string): Promise<string[]> {
  const order = await findOrder(db, orderId);
  if (order === undefined) return [`    ${orderId}: not placed`];
  const lines = [
    `    ${orderId}: ${order.units.length} unit(s), ${yuan(order.total, order.asset)}, ${order.settlement}, merchant ${order.merchant}, buyer ${order.buyer}`,
  ];
  for (const file of await casesOfOrder(db, orderId)) lines.push(...caseStory(file));
  for (const refund of await refundsOfOrder(db, orderId)) {
    const sources = [
      refund.from_escrow > 0n ? `escrow 托管 ${yuan(refund.from_escrow)}` : '',
      refund.from_fund > 0n ? `fund 赔付基金 ${yuan(refund.from_fund)}` : '',
      refund.from_deposit > 0n ? `merchant's deposit 商户保证金 ${yuan(refund.from_deposit)}` : '',
      refund.from_fees > 0n ? `platform fees 平台手续费 ${yuan(refund.from_fees)}` : '',
    ].filter((text) => text !== '');
    const when = refund.paid_at === null ? refund.status : `paid 已付 ${refund.paid_at}`;
    lines.push(
      `      refund 退款 ${yuan(refund.total, refund.asset)} to ${refund.buyer} (${refund.ground}), from ${sources.join(' + ')}: ${when}`,
    );
    if (refund.merchant_share > 0n && refund.from_deposit === 0n)
      lines.push(
        `      deposit 保证金: recovered 已追回 ${yuan(refund.recovered)}, outstanding 未偿 ${yuan(refund.outstanding)}`,
      );
  }
  return lines;
}

function caseStory(file: CaseFile): string[] {
  const lines = [`      dispute ${file.dispute_id}: ${file.reason}, ${file.status}`];
  for (const verdict of file.verdicts) {
    const { units } = verdict;
    const [unit] = units;
    if (unit === undefined) continue;
    const numbers = units.map(({ unitNo }) => unitNo).join(', ');
    lines.push(
      `      verdict 判定 by ${verdict.decided_by}, rule ${verdict.rule}: unit ${numbers} liable ${unit.liable}, ${unit.remedy}, borne by ${unit.bearer}`,
    );
    lines.push(`        ${verdict.explanation_zh}`, `        ${verdict.explanation_en}`);
  }
  return lines;
}
