import { isInstant, plusHours, type Instant } from '@recourse/eventing';
import { format, fromJson, type MoneyJson } from '@recourse/money';
import type { CaseDocument, Documents, EvidenceEntry, VerdictDocument } from './documents.js';
import { factNames, factWords, words } from './page-words.js';

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => escapes[sign] ?? sign);

/** Markup that is complete; whatever else is put into a template is text. */
class Html {
  constructor(readonly markup: string) {}
}
type Piece = string | number | Html | readonly Html[];
const markupOf = (piece: Piece): string => {
  if (piece instanceof Html) return piece.markup;
  return typeof piece === 'object' ? piece.map(({ markup }) => markup).join('') : escaped(String(piece));
};
const html = (parts: TemplateStringsArray, ...pieces: readonly Piece[]): Html =>
  new Html(parts.map((part, index) => part + (index < pieces.length ? markupOf(pieces[index] ?? '') : '')).join(''));

const named = (table: Readonly<Record<string, string>>, word: string): Html =>
  table[word] === undefined ? html`${word}` : html`${table[word]} <small>${word}</small>`;

/** The Chinese word, then the one the files use. */
const both = (word: string): string => (words[word] === undefined ? word : `${words[word]} ${word}`);
const amount = (money: MoneyJson): string => `${format(fromJson(money))} ${money.asset}`;
/** As a clock in Shanghai shows it: `2026-03-01 16:00:00.000`. K12 */
const shanghai = (at: Instant): string => plusHours(at, 8).replace('T', ' ').replace('Z', '');
const time = (at: Instant): Html => html`<time datetime="${at}">${shanghai(at)}</time>`;
const row = (zh: string, en: string, value: Piece): Html =>
  html`<tr>
    <th scope="row">${zh} <small>${en}</small></th>
    <td>${value}</td>
  </tr> `;
const head = (...titles: readonly (readonly [string, string])[]): Html =>
  html`<thead>
    <tr>
      ${titles.map(([zh, en]) => html`<th scope="col">${zh} <small>${en}</small></th>`)}
    </tr>
  </thead>`;

const caseTable = ({ case: file, view, position }: Documents): Html =>
  html`<table class="facts">
    ${row('案件', 'case', file.disputeId)}${row('订单', 'order', file.orderId)}${row('平台', 'platform', file.platform)}${row('商家', 'merchant', file.merchant)}${row('买家', 'buyer', file.buyer)}${row('商品类型', 'kind of product', both(file.productKind))}${row('申请理由', 'reason of the claim', both(file.reason))}${row('申请时间', 'claimed at', time(file.openedAt))}${row('申请渠道', 'channels', file.channels.map(both).join('、'))}${row('适用规则', 'policy', `${file.policy.id} v${file.policy.version}, SHA-256 ${file.policy.hash}`)}${row('材料范围', 'made for', both(view))}${row('截至日志位置', 'up to log position', position)}
  </table> `;

const unitTable = ({ units }: CaseDocument): Html =>
  html`<table>
    ${head(['单元', 'unit'], ['商品', 'product'], ['价款', 'price'], ['发货', 'delivered'], ['查看卡密', 'revealed'], ['售后截止', 'after-sale until'])}
    <tbody>
      ${units.map(
        (unit) =>
          html`<tr>
            <td>${unit.unitNo}</td>
            <td>${unit.product}</td>
            <td>${amount(unit.price)}</td>
            <td>${moment(unit.deliveredAt)}</td>
            <td>${moment(unit.revealedAt)}</td>
            <td>${moment(unit.afterSaleEndsAt)}</td>
          </tr> `,
      )}
    </tbody>
  </table> `;
const moment = (at: Instant | undefined): Piece => (at === undefined ? '—' : time(at));

const verdictPart = (verdict: VerdictDocument): Html =>
  html`<article>
    <h3>${verdict.verdictId}${verdict.isOverturned ? '（已被推翻 overturned by two people）' : ''}</h3>
    <p>${verdict.explanation.zh}</p>
    <p lang="en">${verdict.explanation.en}</p>
    <table class="facts">
      ${row('裁决方式', 'decided by', both(verdict.decidedBy))}${row('时间', 'at', time(verdict.decidedAt))}${row('规则', 'rule', verdict.rule)}${row('依据', 'basis', verdict.basis.join('、'))}${row('申诉截止', 'appeal until', time(verdict.appealUntil))}
    </table>
    ${verdict.units.map(
      (unit) =>
        html`<h4>单元 ${unit.unitNo} <small>unit ${unit.unitNo}</small></h4>
          <p>${both(unit.liable)}；${both(unit.remedy)}；${amount(unit.refund)}；承担 borne by ${both(unit.bearer)}</p>
          <table>
            ${head(['事实', 'fact'], ['认定', 'found'], ['来源事件', 'from the events'])}
            <tbody>
              ${Object.entries(unit.facts).map(
                ([fact, value]) =>
                  html`<tr>
                    <td>${named(factNames, fact)}</td>
                    <td>${named(factWords, value)}</td>
                    <td class="mono">
                      ${unit.sources
                        .filter((source) => source.fact === fact)
                        .flatMap((source) => source.from)
                        .join(' ')}
                    </td>
                  </tr> `,
              )}
            </tbody>
          </table> `,
    )}
  </article> `;

const complaintTable = ({ complaints }: CaseDocument): Html =>
  complaints.length === 0
    ? html`<p>无 <small>none</small></p> `
    : html`<table>
        ${head(['渠道', 'channel'], ['编号', 'number'], ['状态', 'status'], ['收到', 'received'], ['答复期限', 'answer by'], ['结果', 'outcome'])}
        <tbody>
          ${complaints.map(
            (one) =>
              html`<tr>
                <td>${both(one.channel)}</td>
                <td>${one.number ?? '—'}</td>
                <td>${one.status === 'overdue' ? '逾期未答复 overdue' : both(one.status)}</td>
                <td>${time(one.receivedAt)}</td>
                <td>${time(one.answerBy)}</td>
                <td>${one.outcome === undefined ? '—' : both(one.outcome)}</td>
              </tr> `,
          )}
        </tbody>
      </table> `;

const evidencePart = (piece: EvidenceEntry, texts: Documents['texts']): Html =>
  html`<article>
    <h3>${both(piece.kind)}，${both(piece.by)}</h3>
    <p>
      ${time(piece.submittedAt)}${piece.showsActivationFailure ? '，显示无法激活 shows an activation failure' : ''}
      <span class="mono">${piece.evidenceId}</span>
    </p>
    ${piece.text === null ? html`<p>内容已依申请删除 <small>erased on request</small></p>` : html`<pre>${texts.get(piece.text) ?? ''}</pre>`}
    ${
      piece.upload === undefined
        ? ''
        : piece.upload.path === null
          ? html`<p>文件已依申请删除 <small>file erased on request</small></p>`
          : html`<p class="mono">${piece.upload.path} (${piece.upload.mediaType})</p>`
    }
  </article> `;

const timelineTable = ({ timeline }: Documents): Html =>
  html`<table class="timeline">
    ${head(['序号', 'no.'], ['时间（北京）', 'time in Shanghai'], ['事件', 'event'], ['内容', 'what it says'])}
    <tbody>
      ${timeline.map(
        (entry) =>
          html`<tr>
            <td>${entry.no}</td>
            <td>${time(entry.recordedAt)}</td>
            <td>
              ${entry.zh}<br /><small lang="en">${entry.en}</small><br /><small
                >${both(entry.actor.role)}${entry.actor.subject === undefined ? '' : ` ${entry.actor.subject}`}</small
              >
            </td>
            <td>
              ${[
                ...Object.entries(entry.amounts).map(([name, money]) => html`<div>${name} ${amount(money)}</div>`),
                ...Object.entries(entry.facts).map(
                  ([name, value]) => html`<div>${name} ${isInstant(value) ? shanghai(value) : value}</div>`,
                ),
                ...(entry.explanation === undefined
                  ? []
                  : [html`<div>${entry.explanation.zh}</div>`, html`<div lang="en">${entry.explanation.en}</div>`]),
              ]}<small class="mono">${entry.event} ${entry.place} @${entry.position}<br />${entry.hash}</small>
            </td>
          </tr> `,
      )}
    </tbody>
  </table> `;

function policyTable({ policy, verdicts }: Documents): Html {
  const fired = new Set(verdicts.map(({ rule }) => rule));
  return html`<p>
      ${policy.table.title.zh} <small lang="en">${policy.table.title.en}</small>，${policy.id} v${policy.version}，公布 published
      ${time(policy.publishedAt)}，生效 in force ${time(policy.effectiveFrom)}
    </p>
    <table>
      ${head(['规则', 'rule'], ['条件', 'when'], ['处理', 'then'], ['说明', 'explanation'])}
      <tbody>
        ${policy.table.rules.map(
          (
            rule,
          ) => html`<tr${new Html(fired.has(rule.id) ? ' class="fired"' : '')}><td>${fired.has(rule.id) ? '▶ ' : ''}${rule.id}</td><td class="mono">${Object.entries(
            rule.when,
          ).map(([fact, value]) => html`<div>${fact} = ${[value].flat().join(' | ')}</div>`)}</td><td>${Object.values(rule.then)
            .map((value) => both(String(value)))
            .join(
              '，',
            )}</td><td>${rule.explanation.zh}<br><small lang="en">${rule.explanation.en}</small><br><small>${rule.basis.join('、')}</small></td></tr>
`,
        )}
      </tbody>
    </table> `;
}

const style = `body{font:15px/1.6 "Noto Sans CJK SC","Source Han Sans SC","PingFang SC","Microsoft YaHei",sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.6rem}h2{margin-top:2.2rem;border-bottom:2px solid #444}h3{margin-bottom:.2rem}
table{border-collapse:collapse;width:100%;margin:.6rem 0}th,td{border:1px solid #bbb;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{background:#f2f2f2}.facts th{width:14rem}.timeline td:nth-child(2){white-space:nowrap}small{color:#555}.mono{font-family:ui-monospace,monospace;font-size:.75rem}
pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid #bbb;padding:.6rem}.fired{background:#fff6d6}
@media print{body{max-width:none;margin:0;font-size:11px}h2,h3{break-after:avoid}tr,article{break-inside:avoid}thead{display:table-header-group}}`;

/** One page that is complete by itself: no script, nothing fetched, everything that was written by somebody escaped. */
export function pageOf(documents: Documents): string {
  const { case: file, verdicts, texts, timeline } = documents;
  return html`<!doctype html>
    <html lang="zh-CN">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <meta name="viewport" content="width=device-width" />
        <title>案件材料 ${file.disputeId}</title>
        <style>
          ${new Html(style)}
        </style>
      </head>
      <body>
        <h1>案件材料 <small lang="en">case pack</small> ${file.disputeId}</h1>
        <h2>案件 <small lang="en">the case</small></h2>
        ${caseTable(documents)}${unitTable(file)}
        <h2>裁决 <small lang="en">verdicts</small></h2>
        ${verdicts.length === 0 ? html`<p>尚未裁决 <small>none yet</small></p>` : verdicts.map(verdictPart)}
        <h2>外部投诉 <small lang="en">complaints at authorities</small></h2>
        ${complaintTable(file)}
        <h2>证据 <small lang="en">evidence</small></h2>
        <p>卡密、账号与电话号码已遮盖。 <small lang="en">Keys, accounts and telephone numbers are starred out.</small></p>
        ${file.evidence.length === 0 ? html`<p>无 <small>none</small></p>` : file.evidence.map((piece) => evidencePart(piece, texts))}
        ${file.files.map((one) => html`<p class="mono">${one.path} (${one.bytes} B) SHA-256 ${one.sha256}</p>`)}
        <h2>时间线 <small lang="en">timeline</small></h2>
        ${timelineTable(documents)}
        <h2>规则全文 <small lang="en">text of the policy</small></h2>
        ${policyTable(documents)}
        <h2>核验 <small lang="en">how to check this pack</small></h2>
        <p>
          时间线每一行的散列值覆盖该行内容与上一行的散列值；末行为
          <span class="mono">${timeline.at(-1)?.hash ?? ''}</span>。hashes.txt 列出各文件的 SHA-256，可用
          <code>sha256sum -c hashes.txt</code> 核对；hashes.txt 自身的 SHA-256 记于平台日志。<code
            >recourse case-pack verify</code
          >
          可离线核验全部内容，并依所附规则重新裁决。
        </p>
        <p lang="en">
          The hash of each line of the timeline covers the line and the hash of the line before. hashes.txt names the SHA-256 of
          every file, and the SHA-256 of hashes.txt itself stands in the platform's log.
          <code>recourse case-pack verify</code> checks all of it offline and decides again by the policy enclosed.
        </p>
      </body>
    </html> `.markup;
}
