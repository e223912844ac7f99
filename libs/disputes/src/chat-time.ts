import { epochMsOf, instantOf, plusDays, plusHours, plusMs, shanghaiDay, type Instant } from '@recourse/eventing';
import { digitsAt, isDigit, numeralAt, skipBlanks, wholeAt, wordAt, type Reading } from './chat-text.js';

/** A moment that a chat names, in Asia/Shanghai, and how it was made out. */
export interface NamedTime {
  /** Of a day or an hour, its first millisecond. */
  readonly instant: Instant;
  readonly precision: 'day' | 'hour' | 'minute' | 'second';
  /** `nearest-year`: no year was given. `relative`: counted from when the message was sent. `same-day`: only a time of day was given. */
  readonly how: 'absolute' | 'nearest-year' | 'relative' | 'same-day';
  /** 3点 is in the morning or in the afternoon; it is read as written. */
  readonly isAmbiguous?: true;
}

const shanghaiHours = 8;
const hourMs = 3_600_000;
const minuteMs = 60_000;

interface Day {
  readonly day: string;
  readonly how: NamedTime['how'];
}
interface DayTime {
  readonly ms: number;
  readonly precision: 'hour' | 'minute' | 'second';
  readonly isAmbiguous: boolean;
}

const padded = (value: number, length: number): string => String(value).padStart(length, '0');
const startOf = (day: string): Instant => `${day}T00:00:00.000Z`;
const daysAfter = (day: string, days: number): string => plusDays(startOf(day), days).slice(0, 10);
const momentOf = (day: string, ms: number): Instant => plusHours(plusMs(startOf(day), ms), -shanghaiHours);

/** Undefined for 31 February, which a lenient reader makes 3 March. */
function calendarDay(year: number, month: number, day: number): string | undefined {
  if (year < 2000 || year > 2099 || month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  const text = `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}`;
  return instantOf(epochMsOf(startOf(text))).slice(0, 10) === text ? text : undefined;
}

/** The year that brings the day closest to when it was said. */
function nearestDay(month: number, day: number, anchor: Instant): string | undefined {
  const year = Number(shanghaiDay(anchor).slice(0, 4));
  const now = epochMsOf(startOf(shanghaiDay(anchor)));
  const distance = (candidate: string) => Math.abs(epochMsOf(startOf(candidate)) - now);
  return [year, year - 1, year + 1]
    .map((candidate) => calendarDay(candidate, month, day))
    .filter((candidate) => candidate !== undefined)
    .toSorted((one, other) => distance(one) - distance(other))[0];
}

const ends = (folded: string, at: number, ...words: string[]): number => at + (wordAt(folded, at, words)?.length ?? 0);

function numericDay(folded: string, from: number, anchor: Instant): Reading<Day> | undefined {
  const first = digitsAt(folded, from, 4);
  if (first === undefined) return undefined;
  const separator = folded.charAt(first.end);
  if (first.end - from === 4 && '-/.年'.includes(separator) && separator !== '') {
    const month = digitsAt(folded, first.end + 1, 2);
    if (month === undefined || !'-/.月'.includes(folded.charAt(month.end))) return undefined;
    const date = digitsAt(folded, month.end + 1, 2);
    const day = date && calendarDay(first.value, month.value, date.value);
    return date && day !== undefined ? { value: { day, how: 'absolute' }, end: ends(folded, date.end, '日', '号') } : undefined;
  }
  if (first.end - from > 2 || (separator !== '-' && separator !== '/')) return undefined;
  const date = digitsAt(folded, first.end + 1, 2);
  // 3-1 alone is a score or a range; a date is followed by its time of day.
  if (date === undefined || dayTimeAt(folded, skipBlanks(folded, date.end, 2)) === undefined) return undefined;
  const day = nearestDay(first.value, date.value, anchor);
  return day === undefined ? undefined : { value: { day, how: 'nearest-year' }, end: date.end };
}

function monthDay(folded: string, from: number, anchor: Instant): Reading<Day> | undefined {
  const month = wholeAt(folded, from, 2);
  if (month === undefined || folded.charAt(month.end) !== '月') return undefined;
  const date = wholeAt(folded, month.end + 1, 2);
  const day = date && nearestDay(month.value, date.value, anchor);
  return date && day !== undefined ? { value: { day, how: 'nearest-year' }, end: ends(folded, date.end, '日', '号') } : undefined;
}

const dayWords: readonly (readonly [string, number])[] = [
  ['大前天', -3],
  ['前天', -2],
  ['前晚', -2],
  ['昨天', -1],
  ['昨日', -1],
  ['昨晚', -1],
  ['今天', 0],
  ['今日', 0],
  ['今早', 0],
  ['今晚', 0],
  ['明天', 1],
  ['明早', 1],
  ['明晚', 1],
  ['后天', 2],
];
const weekdays = '一二三四五六日';

function wordDay(folded: string, from: number, anchor: Instant): Reading<Day> | undefined {
  const today = shanghaiDay(anchor);
  const named = dayWords.find(([word]) => folded.startsWith(word, from));
  if (named !== undefined) {
    const [word, days] = named;
    // 昨晚8点 has its part of the day in the word.
    const end = word.endsWith('晚') || word.endsWith('早') ? from + word.length - 1 : from + word.length;
    return { value: { day: daysAfter(today, days), how: 'relative' }, end };
  }
  const which = wordAt(folded, from, ['上', '下', '本', '这']);
  const week = wordAt(folded, from + (which?.length ?? 0), ['星期', '礼拜', '周']);
  if (week === undefined) return undefined;
  const at = from + (which?.length ?? 0) + week.length;
  const letter = folded.charAt(at) === '天' ? '日' : folded.charAt(at);
  const weekday = letter === '' ? -1 : weekdays.indexOf(letter);
  if (weekday < 0) return undefined;
  const anchorWeekday = (Math.floor(epochMsOf(startOf(today)) / (24 * hourMs)) + 3) % 7;
  const sameWeek = weekday - anchorWeekday;
  const days =
    which === '上' ? sameWeek - 7 : which === '下' ? sameWeek + 7 : which === undefined && sameWeek > 0 ? sameWeek - 7 : sameWeek;
  return { value: { day: daysAfter(today, days), how: 'relative' }, end: at + 1 };
}

const partsOfDay = ['凌晨', '早上', '早晨', '上午', '中午', '下午', '傍晚', '晚上', '半夜', '夜里', '深夜', '早', '晚'];

/** The hour of a part of the day on the clock of 24 hours. */
function hourIn(part: string | undefined, hour: number): number {
  if (part === undefined || hour > 12) return hour;
  if (part === '下午' || part === '傍晚') return hour === 12 ? 12 : hour + 12;
  if (part === '中午') return hour < 11 ? hour + 12 : hour;
  if (part === '晚上' || part === '夜里' || part === '深夜' || part === '晚')
    return hour === 12 ? 24 : hour < 5 ? hour + 24 : hour + 12;
  return hour === 12 && (part === '凌晨' || part === '半夜') ? 0 : hour;
}

function dayTimeAt(folded: string, from: number): Reading<DayTime> | undefined {
  const part = wordAt(folded, from, partsOfDay);
  const start = skipBlanks(folded, from + (part?.length ?? 0), 1);
  const hour = wholeAt(folded, start, 2);
  if (hour === undefined || hour.value > 24) return undefined;
  const of = (minute: number, second: number, end: number, precision: DayTime['precision'], isAmbiguous: boolean) =>
    minute > 59 || second > 59
      ? undefined
      : { value: { ms: hourIn(part, hour.value) * hourMs + minute * minuteMs + second * 1_000, precision, isAmbiguous }, end };
  if (folded.charAt(hour.end) === ':' && hour.value < 24) {
    const minute = digitsAt(folded, hour.end + 1, 2);
    if (minute === undefined || minute.end - hour.end !== 3) return undefined;
    const second = folded.charAt(minute.end) === ':' ? digitsAt(folded, minute.end + 1, 2) : undefined;
    return second === undefined || second.end - minute.end !== 3
      ? of(minute.value, 0, minute.end, 'minute', false)
      : of(minute.value, second.value, second.end, 'second', false);
  }
  // 100点券 is money of a game.
  if (folded.charAt(hour.end) !== '点' || wordAt(folded, hour.end, ['点券', '点卡', '点数', '点击']) !== undefined)
    return undefined;
  const isAmbiguous = part === undefined && hour.value >= 1 && hour.value <= 12;
  const at = hour.end + 1;
  if (folded.charAt(at) === '半') return of(30, 0, at + 1, 'minute', isAmbiguous);
  const minute = wholeAt(folded, at, 2);
  if (minute !== undefined && (folded.charAt(minute.end) === '分' || minute.value >= 10))
    return of(minute.value, 0, ends(folded, minute.end, '分'), 'minute', isAmbiguous);
  return of(0, 0, ends(folded, at, '钟', '整'), 'hour', isAmbiguous);
}

const unitMinutes: readonly (readonly [string, number])[] = [
  ['个小时', 60],
  ['个钟头', 60],
  ['小时', 60],
  ['钟头', 60],
  ['分钟', 1],
  ['天', 24 * 60],
];

/** 24小时, 半个小时, 三天: in minutes. */
function minutesAt(folded: string, from: number): Reading<number> | undefined {
  const isHalf = folded.charAt(from) === '半';
  const count = isHalf ? { value: 0.5, end: from + 1 } : wholeAt(folded, from, 3);
  if (count === undefined) return undefined;
  const at = skipBlanks(folded, count.end, 1);
  const unit = unitMinutes.find(([word]) => folded.startsWith(word, at));
  if (unit === undefined || count.value === 0) return undefined;
  return { value: count.value * unit[1], end: at + unit[0].length };
}

/** A time that somebody sets himself, in hours with two decimals: 24小时内, 三天之内, 半小时内. */
export function hoursWithinAt(folded: string, from: number): Reading<number> | undefined {
  const duration = isDigit(folded.charCodeAt(from - 1)) ? undefined : minutesAt(folded, from);
  const word = duration && wordAt(folded, duration.end, ['之内', '以内', '内']);
  return duration && word !== undefined
    ? { value: Math.round((duration.value / 60) * 100) / 100, end: duration.end + word.length }
    : undefined;
}

function agoAt(folded: string, from: number, anchor: Instant): Reading<NamedTime> | undefined {
  const duration = minutesAt(folded, from);
  const word = duration && wordAt(folded, duration.end, ['之前', '以前', '前']);
  if (duration === undefined || word === undefined) return undefined;
  const instant = plusMs(anchor, -duration.value * minuteMs);
  return {
    value: { instant, precision: duration.value < 24 * 60 ? 'minute' : 'day', how: 'relative' },
    end: duration.end + word.length,
  };
}

/** @param anchor when the message was sent: what 昨天 and a missing year are counted from */
export function timeAt(folded: string, from: number, anchor: Instant): Reading<NamedTime> | undefined {
  if (isDigit(folded.charCodeAt(from - 1)) && isDigit(folded.charCodeAt(from))) return undefined;
  const ago = agoAt(folded, from, anchor);
  if (ago !== undefined) return ago;
  const day = numericDay(folded, from, anchor) ?? monthDay(folded, from, anchor) ?? wordDay(folded, from, anchor);
  if (day === undefined) {
    const alone = dayTimeAt(folded, from);
    // 3点 alone is as often a number of points.
    if (alone === undefined || (alone.value.isAmbiguous && alone.value.precision === 'hour') || numeralAt(folded, from))
      return undefined;
    return { value: timeOf({ day: shanghaiDay(anchor), how: 'same-day' }, alone.value), end: alone.end };
  }
  const gap = skipBlanks(folded, day.end, 2);
  const time = dayTimeAt(folded, folded.charAt(gap) === 't' ? gap + 1 : gap);
  if (time !== undefined) return { value: timeOf(day.value, time.value), end: time.end };
  const isCut = folded.charAt(day.end) === '晚' || folded.charAt(day.end) === '早';
  const end = day.value.how === 'relative' && isCut ? day.end + 1 : day.end;
  return { value: { instant: momentOf(day.value.day, 0), precision: 'day', how: day.value.how }, end };
}

const timeOf = ({ day, how }: Day, { ms, precision, isAmbiguous }: DayTime): NamedTime => ({
  instant: momentOf(day, ms),
  precision,
  how,
  ...(isAmbiguous ? { isAmbiguous: true } : {}),
});
