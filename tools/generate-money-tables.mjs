/** Writes the tables of docs/money.md between their markers: the chart of accounts, every event that moves money, a story. */
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeData } from '@recourse/eventing';
import { accountKinds, Books, normalSide, parseAccount, postingsOf } from '@recourse/ledger';
import { format as amountText, isZero, subtract, zero } from '@recourse/money';
import { format, resolveConfig } from 'prettier';
import { thinDeposit } from '../libs/ledger/dist/sample-history.js';

const docs = join(import.meta.dirname, '..', 'docs');
const page = join(docs, 'money.md');
const samples = join(docs, 'events', 'samples');

const table = (heads, rows) => [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const yuan = (amount) => (isZero(amount) ? '0' : amountText(amount));

const nameOf = {
  single: (kind) => `${kind}:{…}`,
  merchant: (kind) => `merchant:{m}:${kind}`,
  buyer: (kind) => `buyer:{b}:${kind}`,
};
const chart = () =>
  table(
    ['Account', '科目', 'What it is', 'Grows by', 'Never below zero'],
    Object.entries(accountKinds).map(([kind, { zh, en, normalSide: side, floorZero, family }]) => [
      `\`${(nameOf[family] ?? ((single) => `${family}:${single}`))(kind)}\``,
      zh,
      en,
      side,
      floorZero ? 'yes' : '',
    ]),
  );

/** The newest sample of each event, read as a process would. */
async function newestSamples() {
  const newest = new Map();
  for (const name of (await readdir(samples)).toSorted()) {
    const [, type, version] = /^(\w+)\.v(\d+)\.json$/.exec(name) ?? [];
    if (type === undefined || (newest.get(type)?.version ?? 0) > Number(version)) continue;
    newest.set(type, { version: Number(version), data: decodeData(await readFile(join(samples, name), 'utf8')) });
  }
  return [...newest].map(([type, { data }]) => ({ type, data }));
}

/** Accounts that the event takes from hold just what it takes, the others nothing. */
function beforeAndAfter(postings) {
  const asset = postings[0].amount.asset;
  const books = new Books();
  for (const posting of postings) books.post(posting);
  const accounts = [...new Set(postings.flatMap(({ debit, credit }) => [debit, credit]))];
  return accounts.map((account) => {
    const change = books.balance(account, asset);
    const before = change.minor < 0n ? subtract(zero(asset), change) : zero(asset);
    return [
      `\`${account}\``,
      normalSide(account),
      yuan(before),
      yuan(books.balance(account, asset).minor < 0n ? zero(asset) : change),
    ];
  });
}

const perEvent = (events) =>
  events
    .flatMap((event) => {
      const postings = postingsOf(event);
      if (postings.length === 0) return [];
      const moves = postings.map(({ debit, credit, amount }) => `debit \`${debit}\`, credit \`${credit}\`: ${yuan(amount)}`);
      return [
        `### ${event.type}\n\n${moves.map((move) => `- ${move}`).join('\n')}\n\n${table(['Account', 'Side', 'Before', 'After'], beforeAndAfter(postings))}`,
      ];
    })
    .join('\n\n');

const shown = ['gateway', 'escrow', 'payable', 'deposit', 'held', 'recourse', 'refund', 'available', 'advanced', 'fees'];
function story(history) {
  const books = new Books();
  const rows = history.flatMap((event) => {
    if (books.apply(event).length === 0) return [];
    const sums = new Map();
    for (const { account, balance } of books.rows()) {
      const { kind } = parseAccount(account);
      sums.set(kind, (sums.get(kind) ?? 0n) + balance.minor);
    }
    return [[event.type, ...shown.map((kind) => yuan({ asset: 'CNY', minor: sums.get(kind) ?? 0n }))]];
  });
  return table(['After', ...shown], rows);
}

function filled(text, name, content) {
  const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/money.md has no section ${name}`);
  return `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`;
}

let text = await readFile(page, 'utf8');
text = filled(text, 'accounts', chart());
text = filled(text, 'events', perEvent(await newestSamples()));
text = filled(text, 'story', story(thinDeposit));
await writeFile(page, await format(text, { ...(await resolveConfig(page)), filepath: page }));
console.log('the tables of docs/money.md are written');
