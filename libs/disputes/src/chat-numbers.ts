import { money, type Money } from '@recourse/money';
import { digitsAt, isDigit, isLetter, numeralAt, wordAt, type Reading } from './chat-text.js';
import type { Effort } from './chat-words.js';

/** What nobody else may read: it stands masked wherever it would be shown. */
export interface Secret {
  readonly kind: 'card-key' | 'account-number' | 'phone' | 'order-number';
  readonly rule: string;
  readonly start: number;
  readonly end: number;
}

const hidden = new Set([0xad, 0x200b, 0x200c, 0x200d, 0x2060, 0xfeff]);
const joiners = new Set([...'-_.@+=~*#–—‐‑‒−'].map((mark) => mark.charCodeAt(0)));
const isWord = (unit: number): boolean => isDigit(unit) || isLetter(unit);
const isJoint = (unit: number): boolean => joiners.has(unit) || hidden.has(unit);

/** Letters and digits that hang together, as ABCD-1234 or a@b.cn. */
interface Run {
  readonly start: number;
  readonly end: number;
  readonly letters: number;
  readonly digits: number;
  readonly isMail: boolean;
}

function runsOf(folded: string, effort: Effort): Run[] {
  const runs: Run[] = [];
  for (let at = 0; at < folded.length; at += 1) {
    effort.steps += 1;
    if (!isWord(folded.charCodeAt(at))) continue;
    const start = at;
    let [end, letters, digits, isMail] = [at, 0, 0, false];
    for (; at < folded.length; at += 1) {
      effort.steps += 1;
      const unit = folded.charCodeAt(at);
      if (isDigit(unit)) digits += 1;
      else if (isLetter(unit)) letters += 1;
      else if (isJoint(unit)) {
        isMail ||= folded.charAt(at) === '@' && isWord(folded.charCodeAt(at + 1));
        continue;
      } else break;
      end = at + 1;
    }
    runs.push({ start, end, letters, digits, isMail });
  }
  return runs;
}

const keyWords = ['卡密', '激活码', '兑换码', '充值码', '序列号', '密码', '密钥', '卡号', '券码', 'cdkey', 'cdk', 'key', '卡'];
const accountWords = [
  '账号',
  '账户',
  '用户名',
  '昵称',
  '角色',
  '微信号',
  '微信',
  '支付宝',
  '银行卡',
  '手机号',
  '号码',
  'qq',
  'uid',
  'id',
  '邮箱',
];
const orderWords = ['订单号', '订单编号', '流水号', '交易号', '单号', '订单', '商户单'];
const lookBack = 10;
const betweenWordAndNumber = /^(?:[\s:：是为=（(【[「"“']|应该|卡密|号码|号|的|叫)*$/;

/** The word that says what a number is, right before it. */
function namedBy(folded: string, start: number): 'card-key' | 'account-number' | 'order-number' | undefined {
  const before = folded.slice(Math.max(0, start - lookBack), start);
  const ends = (words: readonly string[]): number =>
    Math.max(
      ...words.map((word) => {
        const at = before.lastIndexOf(word);
        return at >= 0 && betweenWordAndNumber.test(before.slice(at + word.length)) ? at + word.length : -1;
      }),
    );
  const found = { 'order-number': ends(orderWords), 'account-number': ends(accountWords), 'card-key': ends(keyWords) };
  const nearest = Math.max(...Object.values(found));
  if (nearest < 0) return undefined;
  // 银行卡 ends where 卡 does, and is the account.
  if (found['order-number'] === nearest) return 'order-number';
  return found['account-number'] === nearest ? 'account-number' : 'card-key';
}

const isPhone = (digits: string): boolean => /^(?:86)?1[3-9][0-9]{9}$/.test(digits);
const bare = (text: string): string => text.replaceAll(/[^0-9a-z]/g, '');
const isDate = (text: string): boolean =>
  /^20[0-9]{2}(?:[-.][01]?[0-9][-.][0-3]?[0-9](?:t[0-9]{2})?|[01][0-9][0-3][0-9])$/.test(text);

function secretOf(folded: string, text: string, run: Run): Secret | undefined {
  const { start, end, letters, digits, isMail } = run;
  const of = (kind: Secret['kind'], rule: string): Secret => ({ kind, rule, start, end });
  const shown = folded.slice(start, end);
  const length = letters + digits;
  if (isMail) return of('account-number', 'mail-address');
  if (letters === 0 && length <= 13 && isPhone(bare(shown))) return of('phone', 'mobile-number');
  const name = namedBy(folded, start);
  if (name === 'order-number' && digits > 0 && length >= 6) return of('order-number', 'named-order-number');
  if (name === 'account-number' && length >= 5 && !isDate(shown)) return of('account-number', 'named-account-number');
  if (name === 'card-key' && digits > 0 && length >= 6 && !isDate(shown)) return of('card-key', 'named-key');
  if (isDate(shown)) return undefined;
  if (letters > 0 && digits > 0 && length >= 8) return of('card-key', 'letters-and-digits');
  if (letters === 0 && digits >= 12) return of('card-key', 'many-digits');
  if (letters === 0 && digits >= 8) return of('account-number', 'bare-number');
  const isUpper = !/[a-zａ-ｚ]/.test(text.slice(start, end));
  if (letters >= 20 || (letters >= 12 && isUpper)) return of('card-key', 'many-letters');
  if (name === 'card-key' && letters >= 8 && isUpper) return of('card-key', 'named-key');
  return undefined;
}

const maxGroup = 8;

/** ABCD 1234 EFGH: groups of one length, in capitals, or of letters and digits, with one blank between them. */
function groupedSecrets(folded: string, text: string, runs: readonly Run[]): Secret[] {
  const found: Secret[] = [];
  for (let first = 0; first < runs.length; first += 1) {
    const group: Run[] = [];
    let last = first;
    for (; last < runs.length; last += 1) {
      const [run, before] = [runs[last], group.at(-1)];
      if (run === undefined) break;
      const width = run.end - run.start;
      const isCapital = !/[a-zａ-ｚ]/.test(text.slice(run.start, run.end));
      const isNext = before === undefined || (run.start === before.end + 1 && folded.charAt(before.end) === ' ');
      const isMixed = run.letters > 0 && run.digits > 0;
      const isAlike = before === undefined || isCapital || isMixed || width === before.end - before.start;
      if (!isNext || !isAlike || width < 3 || width > maxGroup) break;
      group.push(run);
    }
    const [start, end] = [group[0]?.start, group.at(-1)?.end];
    // What is no key as a whole is none in part, so no run is looked at twice.
    first = Math.max(first, last - 1);
    if (group.length < 2 || start === undefined || end === undefined) continue;
    const all = bare(folded.slice(start, end));
    const [digits, letters] = [group.reduce((sum, run) => sum + run.digits, 0), group.reduce((sum, run) => sum + run.letters, 0)];
    if (letters === 0 && isPhone(all)) found.push({ kind: 'phone', rule: 'mobile-number', start, end });
    else if (
      digits > 0 &&
      ((group.length >= 3 && all.length >= 12) || (all.length >= 8 && namedBy(folded, start) === 'card-key'))
    )
      found.push({ kind: namedBy(folded, start) ?? 'card-key', rule: 'groups', start, end });
  }
  return found;
}

/** Everything in a message that is shown masked, in order, none inside another. */
export function secretsOf(text: string, folded: string, effort: Effort): Secret[] {
  const runs = runsOf(folded, effort);
  const groups = groupedSecrets(folded, text, runs);
  const secrets = [...groups];
  let group = 0;
  for (const run of runs) {
    effort.steps += 1;
    while (group < groups.length && (groups[group]?.end ?? 0) <= run.start) group += 1;
    const covering = groups[group];
    if (covering !== undefined && run.start >= covering.start && run.end <= covering.end) continue;
    const secret = secretOf(folded, text, run);
    if (secret !== undefined) secrets.push(secret);
  }
  return secrets.toSorted((one, other) => one.start - other.start);
}

/** How many characters stay readable at the front and at the back. */
const readable: Readonly<Record<Secret['kind'], (width: number) => readonly [number, number]>> = {
  'card-key': (width) => [0, width >= 16 ? 2 : 0],
  'account-number': (width) => [0, width >= 6 ? 2 : 0],
  'order-number': (width) => [0, width >= 8 ? 2 : 0],
  phone: (width) => (width === 11 ? [3, 4] : [0, 4]),
};

/** The text with every secret starred out, as long as before. */
export function maskText(text: string, secrets: readonly Secret[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { kind, start, end } of secrets) {
    const [front, back] = readable[kind](end - start);
    parts.push(text.slice(at, start + front), '*'.repeat(end - start - front - back));
    at = end - back;
  }
  return parts.join('') + text.slice(at);
}

const unitsAfter = ['元', '块钱', '块', '圆', 'rmb', 'cny'];
const signsBefore = ['¥', 'rmb', 'cny'];
const maxYuanDigits = 7;

function decimalAt(folded: string, from: number): Reading<bigint> | undefined {
  let [at, whole] = [from, ''];
  while (at < folded.length && at - from <= maxYuanDigits + 2) {
    const unit = folded.charCodeAt(at);
    if (isDigit(unit)) whole += folded.charAt(at);
    else if (folded.charAt(at) !== ',' || whole === '' || digitsAt(folded, at + 1, 3)?.end !== at + 4) break;
    at += 1;
  }
  if (whole === '' || whole.length > maxYuanDigits || isDigit(folded.charCodeAt(at))) return undefined;
  const cents = folded.charAt(at) === '.' ? digitsAt(folded, at + 1, 2) : undefined;
  if (folded.charAt(at) === '.' && cents === undefined && isDigit(folded.charCodeAt(at + 1))) return undefined;
  const fraction = cents === undefined ? '00' : folded.slice(at + 1, cents.end).padEnd(2, '0');
  return { value: BigInt(whole) * 100n + BigInt(fraction), end: cents?.end ?? at };
}

/** 50元, ¥49.90, 1,000块, 五十元. */
export function amountAt(folded: string, from: number): Reading<Money> | undefined {
  const before = folded.charAt(from - 1);
  const isInside = isDigit(folded.charCodeAt((before === ',' || before === '.' ? from - 1 : from) - 1));
  if (isInside) return undefined;
  const sign = wordAt(folded, from, signsBefore);
  if (sign !== undefined) {
    const start = folded.charAt(from + sign.length) === ' ' ? from + sign.length + 1 : from + sign.length;
    const number = decimalAt(folded, start);
    return number && { value: money(number.value), end: number.end + (folded.charAt(number.end) === '元' ? 1 : 0) };
  }
  const number = decimalAt(folded, from);
  if (number !== undefined) {
    const unit = wordAt(folded, number.end, unitsAfter);
    return unit === undefined ? undefined : { value: money(number.value), end: number.end + unit.length };
  }
  const numeral = numeralAt(folded, from);
  // 一块 is together, and 一元 hardly an amount that is disputed.
  const unit = numeral && numeral.value > 1 ? wordAt(folded, numeral.end, ['元', '块钱', '圆']) : undefined;
  return numeral && unit !== undefined
    ? { value: money(BigInt(numeral.value) * 100n), end: numeral.end + unit.length }
    : undefined;
}
