import { bearerTexts, burdenTexts, factText, factTexts, liabilityTexts, outcomeTexts, remedyTexts } from './fact-names.js';
import { factNames, factValues } from './policy-table.js';

const isChinese = (text: string): boolean => /\p{Script=Han}/u.test(text);
const isEnglish = (text: string): boolean => /[a-z]/.test(text) && !isChinese(text);

it.each(factNames)('the fact %s, who shows it, and each of its values are told in Chinese and English', (fact) => {
  const { name, shownBy, burden, values } = factTexts[fact];
  expect(Object.keys(values).toSorted()).toEqual([...factValues[fact]].toSorted());
  for (const { zh, en } of [name, shownBy, burdenTexts[burden], ...Object.values(values)]) {
    expect([zh, isChinese(zh)]).toEqual([zh, true]);
    expect([en, isEnglish(en)]).toEqual([en, true]);
  }
  expect(new Set(Object.values(values).map(({ en }) => en)).size).toBe(factValues[fact].length);
});

it('outcomes and verdicts are told in both languages', () => {
  for (const { zh, en } of [outcomeTexts, liabilityTexts, remedyTexts, bearerTexts].flatMap((texts) => Object.values(texts)))
    expect([zh, isChinese(zh), en, isEnglish(en)]).toEqual([zh, true, en, true]);
});

it('a value of a time that is past is shown as it stands', () => {
  expect(factText('reason', 'lost-interest')).toEqual({ zh: 'lost-interest', en: 'lost-interest' });
});
