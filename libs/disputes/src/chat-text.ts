const traditional =
  '無无沒没發发貨货補补賬账帳账帐账號号碼码錯错誤误過过後后會会給给為为馬马內内時时點点鐘钟兩两轉转還还換换處处負负責责關关係系繫系確确認认實实問问題题們们這这邊边庫库賣卖買买單单訂订開开啟启儲储顯显記记錄录購购壞坏廢废請请嗎吗麼么應应該该與与個个幾几塊块錢钱圓元週周從从來来說说話话員员務务聯联統统異异護护維维滿满貴贵劃划證证據据絕绝諾诺額额連连遊游戲戏區区輸输寫写選选將将現现剛刚網网報报賠赔償偿崩崩緊紧復复檢检測测導导張张';
const simplified = new Map<number, number>();
for (let at = 0; at + 1 < traditional.length; at += 2) simplified.set(traditional.charCodeAt(at), traditional.charCodeAt(at + 1));

const fullWidthFrom = 0xff01;
const fullWidthTo = 0xff5e;
const fullWidthShift = 0xfee0;
const yen = 0xa5;
const blank = 0x20;

function foldedUnit(unit: number): number {
  if (unit >= 0x41 && unit <= 0x5a) return unit + 0x20;
  if (unit < 0x80) return unit === 0x09 ? blank : unit;
  if (unit >= fullWidthFrom && unit <= fullWidthTo) return foldedUnit(unit - fullWidthShift);
  if (unit === 0xffe5) return yen;
  if (unit === 0x3000 || unit === 0xa0) return blank;
  return simplified.get(unit) ?? unit;
}

/**
 * The text as the rules read it: half-width, lower-case, and simplified where a rule asks for the character.
 * One UTF-16 unit stays one unit, so that a place in it is the same place in the text.
 */
export function foldText(text: string): string {
  const folded: string[] = [];
  for (let at = 0; at < text.length; at += 1) folded.push(String.fromCharCode(foldedUnit(text.charCodeAt(at))));
  return folded.join('');
}

export const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39;
export const isLetter = (unit: number): boolean => unit >= 0x61 && unit <= 0x7a;

/** What was read, and where the reading ended. */
export interface Reading<Value> {
  readonly value: Value;
  readonly end: number;
}

export const skipBlanks = (folded: string, from: number, atMost: number): number => {
  let at = from;
  while (at < folded.length && at - from < atMost && folded.charCodeAt(at) === blank) at += 1;
  return at;
};

/** Digits only, at most so many of them; undefined when there are none or more. */
export function digitsAt(folded: string, from: number, atMost: number): Reading<number> | undefined {
  let at = from;
  while (at < folded.length && at - from <= atMost && isDigit(folded.charCodeAt(at))) at += 1;
  return at === from || at - from > atMost ? undefined : { value: Number(folded.slice(from, at)), end: at };
}

const numerals = '零一二三四五六七八九';
const numeralOf = (character: string): number => (character === '两' ? 2 : character === '〇' ? 0 : numerals.indexOf(character));

/** 三, 十二, 二十, 一百: Chinese numerals below a thousand, six characters at most. */
export function numeralAt(folded: string, from: number): Reading<number> | undefined {
  let [total, pending, at] = [0, -1, from];
  for (; at < folded.length && at - from < 6; at += 1) {
    const character = folded.charAt(at);
    if (character === '十' || character === '百') {
      total += (pending < 0 ? 1 : pending) * (character === '十' ? 10 : 100);
      pending = -1;
      continue;
    }
    const digit = numeralOf(character);
    if (digit < 0 || pending > 0) break;
    pending = digit;
  }
  return at === from ? undefined : { value: total + Math.max(pending, 0), end: at };
}

export const wholeAt = (folded: string, from: number, maxDigits: number): Reading<number> | undefined =>
  digitsAt(folded, from, maxDigits) ?? numeralAt(folded, from);

/** The first of these words that stands at a place; longer ones come first in the list. */
export const wordAt = (folded: string, from: number, words: readonly string[]): string | undefined =>
  words.find((word) => folded.startsWith(word, from));
