import type { Instant } from '@recourse/eventing';
import fc from 'fast-check';
import { maxFindings, maxStepsPerUnit, triage, type Triage } from './triage.js';
import { maxTranscriptBytes, speakers, type Speaker, type Transcript } from './transcript.js';

const at: Instant = '2026-03-02T02:00:00.000Z';
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));

function read(transcript: Transcript): Triage {
  const answer = triage(transcript, at);
  if ('rejected' in answer) throw new Error(answer.detail);
  return answer;
}
const said = (speaker: Speaker, text: string) => read({ messages: [{ speaker, text }] }).findings;
const kindsOf = (speaker: Speaker, text: string) => said(speaker, text).map(({ kind }) => kind);

const words =
  '激活 失败 卡密 无效 没有 不会 如果 就 补发 退款 给您 24小时内 确实 已被使用 到账 充错号 吗 ？ ， 。 \n 昨天下午3点 3月1日 14:05 50元 ¥49.90 13812345678 ABCD-1234-EFGH-5678 QQ 123456789 我们 的问题 😡 商家： [2026-03-01 10:02] 無效 還沒到賬 ９９'.split(
    ' ',
  );
const chatText = fc
  .array(fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary', maxLength: 6 }), fc.string({ maxLength: 6 })), {
    maxLength: 40,
  })
  .map((parts) => parts.join(''));
const transcripts: fc.Arbitrary<Transcript> = fc.oneof(
  fc.record({ pasted: chatText }),
  fc.record({ pasted: chatText, pastedBy: fc.constantFrom('buyer', 'merchant') }),
  fc.record({
    messages: fc.array(fc.record({ speaker: fc.constantFrom(...speakers), text: chatText }), { maxLength: 5 }),
  }),
);

it('whatever a chat says, each finding lies in its message and shows its words, with nothing changed but what is starred out', () => {
  fc.assert(
    fc.property(transcripts, (transcript) => {
      const answer = triage(transcript, at);
      if ('rejected' in answer) return;
      const clear = 'messages' in transcript ? transcript.messages.map(({ text }) => text) : undefined;
      answer.messages.forEach(({ text }, index) => {
        const own = clear?.[index];
        if (own !== undefined) expect(text.length).toBe(own.length);
        for (let unit = 0; own !== undefined && unit < own.length; unit += 1)
          if (text[unit] !== own[unit]) expect(text[unit]).toBe('*');
      });
      for (const { message, start, end, shown } of answer.findings) {
        const text = answer.messages[message]?.text ?? '';
        expect(0 <= start && start < end && end <= text.length).toBe(true);
        expect(shown).toBe(text.slice(start, end));
      }
      const indexes = [
        ...answer.suggestions.reasons.flatMap(({ supportedBy, against }) => [...supportedBy, ...against]),
        ...Object.values(answer.suggestions.axes).flat(),
      ];
      expect(indexes.every((index) => index < answer.findings.length)).toBe(true);
      expect(textOf(triage(transcript, at))).toBe(textOf(answer));
    }),
    { numRuns: 300 },
  );
});

const capital = fc.constantFrom(...'ABCDEFGHJKLMNPQRSTUVWXYZ');
const digit = fc.constantFrom(...'0123456789');
const block = fc
  .tuple(capital, digit, fc.array(fc.oneof(capital, digit), { minLength: 2, maxLength: 2 }))
  .map(([a, b, rest]) => a + b + rest.join(''));
const fullWidth = (text: string) => text.replaceAll(/[!-~]/g, (mark) => String.fromCharCode(mark.charCodeAt(0) + 0xfee0));
const keys = fc
  .tuple(
    fc.array(block, { minLength: 3, maxLength: 6 }),
    fc.constantFrom('-', '', ' ', '_', '.', '\u200b'),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([blocks, joint, isLower, isWide]) => {
    const key = isLower ? blocks.join(joint).toLowerCase() : blocks.join(joint);
    return { blocks, key: isWide && joint !== ' ' ? fullWidth(key) : key };
  });
const around = fc.constantFrom(
  '',
  '卡密',
  '卡密：',
  '激活码是',
  '你看：',
  '😡',
  '，',
  '这个',
  '\n',
  '(',
  '订单号 ',
  '账号',
  'QQ',
);

it('a token like a key is never shown in clear, however it is written', () => {
  fc.assert(
    fc.property(
      keys,
      around,
      fc.constantFrom('', '激活失败', '，无效', '😡', ')', '\n谢谢'),
      ({ blocks, key }, before, after) => {
        const shown = textOf(read({ messages: [{ speaker: 'buyer', text: before + key + after }] }))
          .normalize('NFKC')
          .toLowerCase();
        expect(blocks.filter((part) => shown.includes(part.toLowerCase()))).toEqual([]);
      },
    ),
    { numRuns: 500 },
  );
});

describe('the work grows with the text and no faster', () => {
  const worst = [
    '激活',
    '卡',
    '不',
    '没有',
    '一',
    '十',
    '如果',
    '卡卡卡失',
    '1',
    'a1 ',
    'ABCD 1234 ',
    '3月',
    '半',
    '14:',
    '24小时内退款',
    '激活记录',
    'a@',
    '我们',
    '会',
    '\n商家：',
    '[',
    '1,',
  ];
  it.each(worst)('for %j over and over', (piece) => {
    const text = piece.repeat(Math.floor(maxTranscriptBytes / Buffer.byteLength(piece)));
    for (const transcript of [{ messages: [{ speaker: 'merchant', text }] }, { pasted: text }] as const) {
      const effort = { steps: 0 };
      const answer = triage(transcript, at, [], effort);
      expect(effort.steps).toBeLessThanOrEqual(maxStepsPerUnit * text.length);
      if (!('rejected' in answer)) expect(answer.findings.length).toBeLessThanOrEqual(maxFindings);
    }
  });

  it('and what is over its bounds, or empty, is refused', () => {
    const tooLong = { rejected: 'TranscriptTooLong' };
    expect('rejected' in triage({ pasted: 'a'.repeat(maxTranscriptBytes) }, at)).toBe(false);
    expect(triage({ pasted: 'a'.repeat(maxTranscriptBytes + 1) }, at)).toMatchObject(tooLong);
    expect(triage({ pasted: '卡'.repeat(22_000) }, at)).toMatchObject(tooLong);
    expect(triage({ pasted: '买家：a\n'.repeat(2_001) }, at)).toMatchObject(tooLong);
    expect(triage({ pasted: ' \n ' }, at)).toMatchObject({ rejected: 'TranscriptEmpty' });
    expect(triage({ messages: [] }, at)).toMatchObject({ rejected: 'TranscriptEmpty' });
  });
});

describe('what is denied, asked, supposed or told of others is not said', () => {
  it.each<[Speaker, string]>([
    ['merchant', '我们不会给您退款吗'],
    ['merchant', '不是不退款'],
    ['merchant', '您说卡密无效'],
    ['merchant', '如果激活失败请联系我们'],
    ['merchant', '激活失败后请截图'],
    ['merchant', '您可以申请退款'],
    ['merchant', '是不是卡密无效？'],
    ['buyer', '没有激活失败'],
    ['buyer', '会不会已被使用？'],
    ['buyer', '请马上给我补发'],
    ['buyer', '你们给您退款'],
  ])('%s: %s', (speaker, text) => {
    expect(kindsOf(speaker, text)).toEqual([]);
  });

  it('a denial is a refusal, and a promise on a condition says so', () => {
    expect(said('merchant', '我们不会退款')).toMatchObject([{ kind: 'refusal', certainty: 'stated', shown: '不会退款' }]);
    expect(said('merchant', '如果无效就补发')).toMatchObject([{ kind: 'merchant-promise', certainty: 'conditional' }]);
    expect(said('buyer', '没有激活')).toMatchObject([{ kind: 'activation-record', state: 'not-activated' }]);
    expect(said('buyer', '为什么激活失败？')).toMatchObject([{ kind: 'activation-failure' }]);
  });
});

describe('a time is a moment of Asia/Shanghai', () => {
  it.each([
    ['2026-03-01 14:05', '2026-03-01T06:05:00.000Z', 'absolute'],
    ['2026年3月1日 14点05分', '2026-03-01T06:05:00.000Z', 'absolute'],
    ['昨天下午3点', '2026-03-01T07:00:00.000Z', 'relative'],
    ['昨晚12点', '2026-03-01T16:00:00.000Z', 'relative'],
    ['今天凌晨12点半', '2026-03-01T16:30:00.000Z', 'relative'],
    ['12月31日', '2025-12-30T16:00:00.000Z', 'nearest-year'],
    ['三月一日', '2026-02-28T16:00:00.000Z', 'nearest-year'],
    ['03-01 14:05:33', '2026-03-01T06:05:33.000Z', 'nearest-year'],
    ['下午两点半', '2026-03-02T06:30:00.000Z', 'same-day'],
    ['２月２８日', '2026-02-27T16:00:00.000Z', 'nearest-year'],
    ['半小时前', '2026-03-02T01:30:00.000Z', 'relative'],
    ['周五', '2026-02-26T16:00:00.000Z', 'relative'],
  ])('%s', (text, instant, how) => {
    expect(said('buyer', text)).toMatchObject([{ kind: 'time', instant, how, shown: text }]);
  });

  it.each(['2月30日', '25:00', '13月1日', '100点券', '3-1', '1.5'])('%s is none', (text) => {
    expect(kindsOf('buyer', text)).toEqual([]);
  });
});

it.each([
  ['50元', '5000'],
  ['¥49.9', '4990'],
  ['1,000块', '100000'],
  ['五十元', '5000'],
])('%s is an amount', (text, minor) => {
  expect(said('buyer', text)).toMatchObject([{ kind: 'amount', amount: { asset: 'CNY', minor: BigInt(minor) } }]);
});
