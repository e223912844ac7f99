import { isInstant, plusDays, reject, type Instant, type Rejection } from '@recourse/eventing';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { foldText, skipBlanks, wordAt } from './chat-text.js';
import { timeAt } from './chat-time.js';

export const speakers = ['buyer', 'merchant', 'platform', 'unknown'] as const;
export type Speaker = (typeof speakers)[number];

export interface ChatMessage {
  readonly speaker: Speaker;
  readonly text: string;
  readonly sentAt?: Instant;
}

/** A chat as its program exports it, message by message, or as somebody pasted it. */
export type Transcript =
  | { readonly messages: readonly ChatMessage[] }
  /** `pastedBy` is who stands as 我 in it. */
  | { readonly pasted: string; readonly pastedBy?: 'buyer' | 'merchant' };

export type TranscriptRejection = 'TranscriptEmpty' | 'TranscriptTooLong';

export const maxTranscriptBytes = 65_536;
export const maxMessages = 2_000;

const speakerNames: readonly (readonly [string, Speaker])[] = (
  [
    ['platform', '平台客服 平台专员 平台仲裁 平台介入 官方客服 平台 官方 仲裁员 仲裁 小二 platform'],
    ['merchant', '商家客服 店铺客服 商家 卖家 店家 店主 客服 掌柜 店铺 商户 seller merchant shop'],
    ['buyer', '买家 顾客 客户 用户 消费者 买方 buyer customer'],
  ] as const
)
  .flatMap(([speaker, names]) => names.split(' ').map((name) => [name, speaker] as const))
  .toSorted(([one], [other]) => other.length - one.length);

/** What stands before a colon in a message and is nobody's name. */
const fieldNames =
  '卡密 卡号 密码 账号 帐号 激活码 兑换码 序列号 订单 订单号 单号 订单编号 金额 时间 日期 提示 显示 备注 商品 商品名 数量 qq 微信 手机 手机号 号码 链接 地址 如下 注意 答 问 http https'.split(
    ' ',
  );
const maxNameLength = 12;
const maxHeaderLength = 60;

interface Header {
  readonly speaker: Speaker;
  readonly sentAt?: Instant;
  /** Where the message begins in its line. */
  readonly from: number;
}

const closing: Readonly<Record<string, string>> = { '[': ']', '【': '】', '(': ')', '「': '」', '<': '>' };

/** A time in or without brackets; one that would lie ahead of the paste was the day before. */
function sentAtIn(folded: string, start: number, anchor: Instant, now: Instant): { sentAt: Instant; end: number } | undefined {
  const close = closing[folded.charAt(start)];
  const time = timeAt(folded, close === undefined ? start : start + 1, anchor);
  if (time === undefined || time.value.precision === 'day' || time.value.precision === 'hour') return undefined;
  const { instant, how } = time.value;
  const sentAt = how === 'same-day' && instant > now ? plusDays(instant, -1) : instant;
  const end = skipBlanks(folded, time.end, 2);
  if (close === undefined) return { sentAt, end };
  return folded.charAt(end) === close ? { sentAt, end: end + 1 } : undefined;
}

function speakerAt(
  folded: string,
  from: number,
  pastedBy: 'buyer' | 'merchant' | undefined,
): { speaker: Speaker; end: number } | undefined {
  const me = pastedBy ?? 'unknown';
  const other = pastedBy === undefined ? 'unknown' : pastedBy === 'buyer' ? 'merchant' : 'buyer';
  const isBracketed = closing[folded.charAt(from)] !== undefined;
  const start = isBracketed ? from + 1 : from;
  const own = wordAt(folded, start, ['本人', '我', '对方']);
  const named = speakerNames.find(([name]) => folded.startsWith(name, start));
  const word = named?.[0] ?? own;
  if (word === undefined) return undefined;
  let end = start + word.length;
  if (isBracketed && folded.charAt(end) === closing[folded.charAt(from)]) end += 1;
  // 商家(星海卡铺): what the shop is called.
  const close = closing[folded.charAt(end)];
  if (close !== undefined && timeAt(folded, end + 1, '2026-01-01T00:00:00.000Z') === undefined) {
    const closes = folded.slice(end, end + maxHeaderLength).indexOf(close);
    if (closes > 0) end += closes + 1;
  }
  return { speaker: named?.[1] ?? (word === '对方' ? other : me), end };
}

/** Who begins to speak in this line and when; undefined when it goes on with what was said before. */
function headerOf(folded: string, anchor: Instant, now: Instant, pastedBy: 'buyer' | 'merchant' | undefined): Header | undefined {
  let at = skipBlanks(folded, 0, maxHeaderLength);
  const before = sentAtIn(folded, at, anchor, now);
  if (before !== undefined) at = skipBlanks(folded, before.end, 4);
  const named = speakerAt(folded, at, pastedBy);
  if (named !== undefined) at = skipBlanks(folded, named.end, 4);
  const after = before === undefined && named !== undefined ? sentAtIn(folded, at, anchor, now) : undefined;
  if (after !== undefined) at = skipBlanks(folded, after.end, 2);
  const sent = before ?? after;
  const when = sent === undefined ? {} : { sentAt: sent.sentAt };
  const colon = folded.charAt(at) === ':';
  if (named !== undefined && (colon || at >= folded.length))
    return { speaker: named.speaker, ...when, from: colon ? skipBlanks(folded, at + 1, 4) : at };
  // A name nobody knows: what he says must not be laid into the mouth of the one before.
  const from = named === undefined && before !== undefined ? at : skipBlanks(folded, 0, maxHeaderLength);
  const next = folded.slice(from, from + maxNameLength + 1).indexOf(':');
  const isName =
    next > 0 &&
    !/[0-9,.!?。，！？]/.test(folded.slice(from, from + next)) &&
    !fieldNames.includes(folded.slice(from, from + next).trim());
  if (
    isName &&
    !fieldNames.some((name) =>
      folded
        .slice(from, from + next)
        .trim()
        .endsWith(name),
    )
  )
    return { speaker: 'unknown', ...when, from };
  return before === undefined
    ? undefined
    : { speaker: 'unknown', sentAt: before.sentAt, from: skipBlanks(folded, before.end, 4) };
}

function* linesOf(text: string): Generator<string> {
  for (let from = 0; from <= text.length;) {
    const next = text.indexOf('\n', from);
    const end = next < 0 ? text.length : next;
    yield text.slice(from, text.charAt(end - 1) === '\r' && end > from ? end - 1 : end);
    from = end + 1;
  }
}

function messagesIn(pasted: string, now: Instant, pastedBy: 'buyer' | 'merchant' | undefined): ChatMessage[] {
  const found: { speaker: Speaker; sentAt?: Instant; lines: string[] }[] = [];
  let anchor = now;
  for (const line of linesOf(pasted)) {
    if (line.trim() === '') continue;
    const header = headerOf(foldText(line.slice(0, 2 * maxHeaderLength)), anchor, now, pastedBy);
    const last = found.at(-1);
    if (header === undefined && last !== undefined) last.lines.push(line);
    else if (header === undefined) found.push({ speaker: 'unknown', lines: [line] });
    else {
      const { speaker, sentAt, from } = header;
      anchor = sentAt ?? anchor;
      const rest = line.slice(from);
      found.push({ speaker, ...(sentAt === undefined ? {} : { sentAt }), lines: rest.trim() === '' ? [] : [rest] });
    }
  }
  return found.map(({ lines, ...message }) => ({ ...message, text: lines.join('\n') })).filter(({ text }) => text !== '');
}

/**
 * The messages of a chat in order.
 * @param at when it was pasted or exported: what 昨天 and a missing year are counted from; UTC
 */
export function readTranscript(transcript: Transcript, at: Instant): readonly ChatMessage[] | Rejection<TranscriptRejection> {
  const tooLong = reject(
    'TranscriptTooLong',
    `a transcript has ${maxTranscriptBytes} bytes in UTF-8 and ${maxMessages} messages at most`,
  );
  const texts = 'pasted' in transcript ? [transcript.pasted] : transcript.messages.map(({ text }) => text);
  if (texts.length > maxMessages || texts.reduce((sum, text) => sum + text.length, 0) > maxTranscriptBytes) return tooLong;
  if (texts.reduce((sum, text) => sum + utf8ToBytes(text).length, 0) > maxTranscriptBytes) return tooLong;
  const messages =
    'pasted' in transcript
      ? messagesIn(transcript.pasted, at, transcript.pastedBy)
      : transcript.messages.map(({ speaker, text, sentAt }) => ({
          speaker,
          text,
          ...(sentAt !== undefined && isInstant(sentAt) ? { sentAt } : {}),
        }));
  if (messages.length > maxMessages) return tooLong;
  return messages.some(({ text }) => text.trim() !== '')
    ? messages
    : reject('TranscriptEmpty', 'a transcript has at least one message with a text');
}
