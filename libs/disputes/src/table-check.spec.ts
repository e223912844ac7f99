import { readDefaultPolicy } from './sample-case.js';
import { isTable, validateTable } from './table-check.js';

const explanation = { zh: '由审核人员决定', en: 'A person decides' };
const catchAll = { id: 'person', when: {}, then: { do: 'review' }, explanation, basis: ['S16'] };
const refusal = { do: 'decide', liable: 'BUYER', remedy: 'NONE', bearer: 'none' };
const inPart = { do: 'decide', liable: 'NONE', remedy: 'PARTIAL_REFUND', bearer: 'merchant' };
const wrongAccount = {
  ...catchAll,
  id: 'wrong-account',
  when: { reason: 'wrong-account', delivered: 'yes' },
  then: refusal,
  basis: ['S13'],
};
const table = { id: 'default', version: 1, title: explanation, rules: [wrongAccount, catchAll] };
const withRule = (rule: unknown) => ({ ...table, rules: [rule, catchAll] });
const problemsOf = (input: unknown): string => {
  const outcome = validateTable(JSON.parse(JSON.stringify(input)));
  return isTable(outcome) ? '' : outcome.join('\n');
};

it('reads the policy that comes with the product', async () => {
  expect((await readDefaultPolicy()).rules.length).toBeGreaterThan(20);
});

it('returns the table it was given when nothing is wrong with it', () => {
  expect(validateTable(table)).toBe(table);
});

it.each([
  ['nothing', null, 'table is not an object'],
  ['a list', [], 'table is not an object'],
  ['a missing member', { ...table, title: undefined }, 'table.title is missing'],
  ['a member nobody reads', { ...table, note: 'x' }, 'table.note is not known'],
  ['an id with blanks', { ...table, id: 'my table' }, 'table.id is not like default'],
  ['a broken version', { ...table, version: 1.5 }, 'table.version is not a whole number from 1'],
  ['no rules', { ...table, rules: [] }, 'table.rules is not a list of 1 to 500'],
  ['too many rules', { ...table, rules: Array(501).fill(catchAll) }, 'table.rules is not a list of 1 to 500'],
  ['a rule that is a text', withRule('refuse'), 'rules[0] is not an object'],
  ['an unknown fact', withRule({ ...wrongAccount, when: { mood: 'bad' } }), 'rules[0].when.mood is not a fact'],
  [
    'a fact named like an object member',
    withRule({ ...wrongAccount, when: { toString: 'yes' } }),
    'rules[0].when.toString is not',
  ],
  ['an unknown value', withRule({ ...wrongAccount, when: { delivered: 'maybe' } }), 'rules[0].when.delivered has a value'],
  ['a value of another type', withRule({ ...wrongAccount, when: { delivered: true } }), 'rules[0].when.delivered has a value'],
  ['a question without answer', withRule({ ...wrongAccount, when: { reason: [] } }), 'rules[0].when.reason asks for nothing'],
  ['a value named twice', withRule({ ...wrongAccount, when: { reason: ['dislike', 'dislike'] } }), 'names a value twice'],
  ['an unknown outcome', withRule({ ...wrongAccount, then: { do: 'stall' } }), 'rules[0].then.do is not verify'],
  ['a wait that decides', withRule({ ...wrongAccount, then: { ...refusal, do: 'review' } }), 'rules[0].then.liable is not known'],
  [
    'an unknown liability',
    withRule({ ...wrongAccount, then: { ...refusal, liable: 'GOD' } }),
    'rules[0].then.liable is not one of',
  ],
  [
    'a shared fault that is refused',
    withRule({ ...wrongAccount, then: { ...refusal, liable: 'SHARED' } }),
    'the fault is shared, so the buyer cannot be refused',
  ],
  [
    'a share of nothing',
    withRule({ ...wrongAccount, then: { ...refusal, merchantPercent: 50 } }),
    'rules[0].then.merchantPercent is not known',
  ],
  [
    'both bearing it without a share',
    withRule({ ...wrongAccount, then: { ...inPart, liable: 'SHARED', bearer: 'shared', refundPercent: 5 } }),
    'rules[0].then.merchantPercent is missing',
  ],
  ['a part of no size', withRule({ ...wrongAccount, then: inPart }), 'rules[0].then.refundPercent is missing'],
  [
    'a part that is the whole',
    withRule({ ...wrongAccount, then: { ...inPart, refundPercent: 100 } }),
    'rules[0].then.refundPercent is not a whole number from 1 to 99',
  ],
  ['minimums that are half said', { ...table, minimums: { afterSaleHours: 24 } }, 'table.minimums.deliverWithinHours is missing'],
  [
    'minimums of half an hour',
    { ...table, minimums: { afterSaleHours: 24.5, deliverWithinHours: 72 } },
    'table.minimums.afterSaleHours is not a whole number from 1 to 8760',
  ],
  ['minimums of none', { ...table, minimums: null }, 'table.minimums is not an object'],
  ['an unknown remedy', withRule({ ...wrongAccount, then: { ...refusal, remedy: 'HALF' } }), 'rules[0].then.remedy is not'],
  ['an unknown bearer', withRule({ ...wrongAccount, then: { ...refusal, bearer: 'buyer' } }), 'rules[0].then.bearer is not'],
  ['no English', withRule({ ...wrongAccount, explanation: { zh: '说明' } }), 'rules[0].explanation.en is missing'],
  ['a blank text', withRule({ ...wrongAccount, explanation: { ...explanation, en: ' ' } }), 'explanation.en is not a text'],
  ['English twice', withRule({ ...wrongAccount, explanation: { zh: 'why', en: 'why' } }), 'explanation.zh is not in Chinese'],
  ['no basis', withRule({ ...wrongAccount, basis: [] }), 'rules[0].basis is not a list of 1 to 20'],
  ['a blank basis', withRule({ ...wrongAccount, basis: [''] }), 'rules[0].basis has an entry'],
  [
    'a rule id used twice',
    { ...table, rules: [wrongAccount, { ...wrongAccount, when: { reason: 'dislike' } }, catchAll] },
    'used twice',
  ],
  ['no catch-all', { ...table, rules: [wrongAccount] }, 'the last rule is not a catch-all'],
  ['a catch-all that refuses', { ...table, rules: [{ ...catchAll, then: refusal }] }, 'the catch-all may only send to review'],
  ['a catch-all that verifies', { ...table, rules: [{ ...catchAll, then: { do: 'verify' } }] }, 'may only send to review'],
  ['a refusal for everyone', withRule({ ...wrongAccount, when: { delivered: 'yes' } }), 'a hidden barrier'],
  [
    'a buyer who is liable and refunded',
    withRule({ ...wrongAccount, then: { ...refusal, remedy: 'FULL_REFUND', bearer: 'merchant' } }),
    'not refunded',
  ],
  [
    'a verification without end',
    withRule({ ...wrongAccount, then: { do: 'verify' } }),
    'waits without asking that verification is none',
  ],
  [
    'a reissue without end',
    withRule({ ...wrongAccount, then: { do: 'await-reissue' } }),
    'waits without asking that reissue is none',
  ],
  ['a silence without end', withRule({ ...wrongAccount, then: { do: 'await-merchant' } }), 'asking that merchantAnswer is none'],
])('refuses a table with %s', (_, input, problem) => {
  expect(problemsOf(input)).toContain(problem);
});

describe('a rule that never gets its turn', () => {
  const rule = (id: string, when: object) => ({ ...catchAll, id, when });
  const rules = (...list: object[]) => problemsOf({ ...table, rules: [...list, catchAll] });

  it('is found when an earlier rule asks the same or less', () => {
    const same = rules(rule('a', { reason: 'dislike' }), rule('b', { reason: ['dislike'] }));
    expect(same).toContain('rule b can never match: a comes first and covers it');
    expect(rules(rule('a', { reason: ['dislike', 'seven-day'] }), rule('b', { reason: 'dislike', revealed: 'yes' }))).toContain(
      'rule b',
    );
    expect(rules(rule('a', { reason: 'dislike', revealed: ['yes', 'no'] }), rule('b', { reason: 'dislike' }))).toContain(
      'rule b',
    );
    expect(problemsOf({ ...table, rules: [{ ...catchAll, id: 'first' }, catchAll] })).toContain('rule person can never match');
  });

  it('is not suspected when the earlier rule asks more', () => {
    expect(rules(rule('a', { reason: 'dislike', revealed: 'yes' }), rule('b', { reason: 'dislike' }))).toBe('');
    expect(rules(rule('a', { reason: 'dislike' }), rule('b', { reason: ['dislike', 'seven-day'] }))).toBe('');
  });
});

it('refuses a table of more than 48 KiB, counted in bytes', () => {
  const long = { zh: '长'.repeat(1_000), en: 'x' };
  const reasons = ['dislike', 'wrong-account', 'seven-day', 'not-credited'];
  const rules = reasons.flatMap((reason) =>
    ['before', 'at', 'after', 'none'].map((afterSale) => ({
      ...wrongAccount,
      id: `${reason}.${afterSale}`,
      when: { reason, afterSale },
      then: catchAll.then,
      explanation: long,
    })),
  );
  expect(problemsOf({ ...table, rules: [...rules.slice(0, 15), catchAll] })).toBe('');
  expect(problemsOf({ ...table, rules: [...rules, ...rules.slice(0, 1), catchAll] })).toMatch(
    /the table has \d+ bytes, more than 49152/,
  );
});

it('lists at most a hundred problems', () => {
  expect(problemsOf({ ...table, rules: Array(200).fill({}) }).split('\n')).toHaveLength(100);
});
