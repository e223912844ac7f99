import type { Instant } from '@recourse/eventing';
import type { ClaimReason } from '@recourse/orders/events';
import { hoursWithinAt } from './chat-time.js';
import type { Concept, Effort, Token } from './chat-words.js';
import type { Speaker } from './transcript.js';

/** What a phrase says. `conditional`: only if something else turns out so. */
export type PhraseDetail =
  | {
      readonly kind: 'activation-record';
      readonly state: 'activated' | 'used' | 'not-activated' | 'credited';
      readonly at?: Instant;
    }
  | { readonly kind: 'activation-failure' }
  | { readonly kind: 'not-credited' }
  | { readonly kind: 'complaint'; readonly reason: ClaimReason }
  | { readonly kind: 'problem-confirmation' }
  | {
      readonly kind: 'merchant-promise';
      readonly what: 'reissue' | 'refund';
      readonly certainty: 'stated' | 'conditional';
      readonly withinHours?: number;
    }
  | { readonly kind: 'admission'; readonly reason?: ClaimReason }
  | { readonly kind: 'refusal'; readonly certainty: 'stated' | 'conditional' };

export interface Phrase {
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly detail: PhraseDetail;
}

/** One of these words, at most so many characters behind the word before. */
type Step = readonly [words: readonly Concept[], within?: number];
interface Rule {
  readonly rule: string;
  readonly steps: readonly [Step, ...Step[]];
  /** Whose words count; anybody's when left out. */
  readonly by?: readonly Speaker[];
  /** Not in a clause that has one of these words. */
  readonly unless?: readonly Concept[];
  readonly says: PhraseDetail;
}

const failure = { kind: 'activation-failure' } as const;
const notCredited = { kind: 'not-credited' } as const;
const confirmation = { kind: 'problem-confirmation' } as const;
const refusal = { kind: 'refusal', certainty: 'stated' } as const;
const reissue = { kind: 'merchant-promise', what: 'reissue', certainty: 'stated' } as const;
const refund = { kind: 'merchant-promise', what: 'refund', certainty: 'stated' } as const;
const record = (state: 'activated' | 'used' | 'not-activated' | 'credited') => ({ kind: 'activation-record', state }) as const;
const complaint = (reason: ClaimReason) => ({ kind: 'complaint', reason }) as const;
const admission = (reason?: ClaimReason) => ({ kind: 'admission', ...(reason === undefined ? {} : { reason }) }) as const;

const buyer = ['buyer', 'unknown'] as const;
const seller = ['merchant', 'unknown'] as const;
const house = ['merchant', 'platform', 'unknown'] as const;
const later = ['SOON'] as const;
/** 那时候还没收到卡密 says nothing of now. */
const then = ['THEN'] as const;
const elsewhere = ['ELSEWHERE'] as const;

const rules: readonly Rule[] = [
  { rule: 'activation-failed', steps: [[['ACTIVATE']], [['FAIL'], 6]], says: failure },
  { rule: 'activation-without-success', steps: [[['UNUSED']], [['SUCCESS'], 1]], says: failure },
  { rule: 'activation-impossible', steps: [[['CANNOT']], [['ACTIVATE'], 2]], says: failure },
  { rule: 'key-fails', steps: [[['KEY']], [['FAIL'], 4]], says: failure },
  { rule: 'failure-shown', steps: [[['SHOWN']], [['FAIL'], 4]], says: failure },

  { rule: 'not-yet-credited', steps: [[['NOT_YET', 'NOT']], [['CREDITED', 'CREDITED_NOW'], 3]], unless: then, says: notCredited },
  { rule: 'top-up-failed', steps: [[['TOP_UP']], [['FAIL'], 4]], says: notCredited },
  { rule: 'value-not-received', steps: [[['NOT_YET']], [['RECEIVED'], 2], [['VALUE'], 4]], says: notCredited },
  { rule: 'credited', steps: [[['CREDITED_NOW']]], unless: later, says: record('credited') },

  { rule: 'already-used', steps: [[['USED']]], says: record('used') },
  { rule: 'already-activated', steps: [[['ACTIVATED']]], unless: later, says: record('activated') },
  { rule: 'activation-succeeded', steps: [[['ACTIVATE']], [['SUCCESS'], 1]], unless: later, says: record('activated') },
  { rule: 'record-found', steps: [[['CONFIRM', 'SHOWN']], [['RECORD'], 10]], says: record('activated') },
  { rule: 'record-named', steps: [[['RECORD']]], says: record('activated') },
  { rule: 'never-used', steps: [[['UNUSED']]], says: record('not-activated') },
  { rule: 'no-record', steps: [[['NOT_YET']], [['RECORD'], 4]], says: record('not-activated') },

  { rule: 'key-invalid', steps: [[['INVALID']]], says: complaint('key-invalid') },
  { rule: 'key-shown-invalid', steps: [[['KEY', 'SHOWN']], [['INVALID_SHOWN'], 6]], says: complaint('key-invalid') },
  { rule: 'key-expired', steps: [[['KEY', 'SHOWN']], [['EXPIRED'], 8]], says: complaint('key-expired') },
  { rule: 'expired', steps: [[['EXPIRED']]], unless: ['VALUE', 'KEY', 'SHOWN'], says: complaint('key-expired') },
  { rule: 'not-shipped', steps: [[['NOT_YET']], [['SHIP'], 3]], unless: then, says: complaint('not-delivered') },
  { rule: 'does-not-ship', steps: [[['NOT']], [['SHIP'], 3]], by: buyer, says: complaint('not-delivered') },
  {
    rule: 'goods-not-received',
    steps: [[['NOT_YET']], [['RECEIVED'], 2], [['GOODS', 'KEY'], 4]],
    by: buyer,
    unless: then,
    says: complaint('not-delivered'),
  },
  {
    rule: 'nothing-received',
    steps: [[['NOT_YET']], [['RECEIVED'], 2]],
    by: buyer,
    unless: ['VALUE', 'GOODS', 'KEY', 'THEN'],
    says: complaint('not-delivered'),
  },
  { rule: 'worth-less', steps: [[['WORTH_LESS']]], says: complaint('wrong-face-value') },
  { rule: 'topped-up-twice', steps: [[['TWICE']]], says: complaint('duplicate-recharge') },
  { rule: 'seller-gone', steps: [[['GONE']]], by: buyer, says: complaint('merchant-absent') },
  { rule: 'platform-fault', steps: [[['PLATFORM_FAULT']]], says: complaint('platform-failure') },
  { rule: 'not-wanted', steps: [[['NOT_WANTED']]], by: buyer, says: complaint('own-cancellation') },
  { rule: 'disliked', steps: [[['DISLIKED']]], by: buyer, says: complaint('dislike') },
  { rule: 'seven-days', steps: [[['SEVEN_DAYS']]], by: buyer, says: complaint('seven-day') },

  { rule: 'wrong-account-by-them', steps: [[['YOU']], [['WRONG_ACCOUNT'], 4]], by: buyer, says: notCredited },
  {
    rule: 'wrong-account-by-buyer',
    steps: [[['WRONG_ACCOUNT']]],
    by: ['buyer'],
    unless: ['YOU'],
    says: admission('wrong-account'),
  },
  {
    rule: 'wrong-account-by-us',
    steps: [[['OURS', 'ME']], [['WRONG_ACCOUNT'], 6]],
    by: ['merchant'],
    says: admission('not-credited'),
  },
  {
    rule: 'wrong-account-laid-on-buyer',
    steps: [[['YOU']], [['WRONG_ACCOUNT'], 6]],
    by: ['merchant', 'platform'],
    says: complaint('wrong-account'),
  },

  {
    rule: 'problem-found',
    steps: [
      [['CONFIRM']],
      [['PROBLEM', 'PLATFORM_FAULT', 'INVALID', 'INVALID_SHOWN', 'EXPIRED', 'FAIL', 'WORTH_LESS', 'TWICE'], 10],
    ],
    by: house,
    says: confirmation,
  },
  { rule: 'use-found', steps: [[['CONFIRM']], [['USED'], 10]], by: house, unless: ['YOU'], says: confirmation },
  {
    rule: 'missing-found',
    steps: [[['CONFIRM']], [['NOT_YET', 'NOT'], 6], [['CREDITED', 'CREDITED_NOW', 'SHIP'], 3]],
    by: house,
    says: confirmation,
  },
  { rule: 'impossible-found', steps: [[['CONFIRM']], [['CANNOT'], 6], [['ACTIVATE'], 2]], by: house, says: confirmation },
  { rule: 'key-has-problem', steps: [[['KEY']], [['PROBLEM'], 4]], by: house, says: confirmation },
  { rule: 'problem-said', steps: [[['PROBLEM_SAID']]], by: ['merchant'], says: confirmation },

  { rule: 'own-fault', steps: [[['OURS']], [['FAULT_OF'], 1]], by: seller, says: admission() },
  { rule: 'own-mistake', steps: [[['OURS']], [['FAULT', 'OWN_FAULT', 'PROBLEM'], 6]], by: seller, says: admission() },
  { rule: 'own-wrong-value', steps: [[['OURS']], [['WORTH_LESS'], 6]], by: ['merchant'], says: admission('wrong-face-value') },
  { rule: 'own-second-top-up', steps: [[['OURS']], [['TWICE'], 6]], by: ['merchant'], says: admission('duplicate-recharge') },
  { rule: 'sent-wrong', steps: [[['OWN_FAULT']]], by: ['merchant'], says: admission() },
  { rule: 'buyer-own-fault', steps: [[['ME']], [['FAULT', 'FAULT_OF'], 2]], by: ['buyer'], says: admission() },

  { rule: 'will-reissue', steps: [[['COMMIT']], [['REISSUE', 'REISSUE_NOW'], 10]], by: seller, unless: elsewhere, says: reissue },
  { rule: 'reissues', steps: [[['REISSUE_NOW']]], by: seller, unless: elsewhere, says: reissue },
  { rule: 'reissues-to-you', steps: [[['REISSUE']], [['YOU'], 2]], by: seller, unless: elsewhere, says: reissue },
  { rule: 'will-refund', steps: [[['COMMIT']], [['REFUND', 'REFUND_NOW'], 10]], by: seller, unless: elsewhere, says: refund },
  { rule: 'refunds', steps: [[['REFUND_NOW']]], by: seller, unless: elsewhere, says: refund },
  { rule: 'refunds-to-you', steps: [[['REFUND']], [['YOU'], 2]], by: seller, unless: elsewhere, says: refund },

  { rule: 'refused', steps: [[['REFUSED']]], by: house, says: refusal },
  {
    rule: 'will-not-remedy',
    steps: [[['NOT']], [['REFUND', 'REISSUE', 'REFUND_NOW', 'REISSUE_NOW'], 4]],
    by: house,
    says: refusal,
  },
  { rule: 'remedy-impossible', steps: [[['REFUND', 'REISSUE']], [['FAIL'], 0]], by: house, says: refusal },
  { rule: 'denied-problem', steps: [[['KEY']], [['NO_PROBLEM'], 6]], by: ['merchant'], says: refusal },
  { rule: 'denied-fault', steps: [[['NOT_YET', 'NOT']], [['OURS'], 1], [['FAULT_OF'], 1]], by: ['merchant'], says: refusal },
];

const byFirstWord = new Map<Concept, Rule[]>();
for (const rule of rules) for (const word of rule.steps[0][0]) byFirstWord.set(word, [...(byFirstWord.get(word) ?? []), rule]);

interface Clause {
  readonly tokens: readonly Token[];
  /** From the beginning of the sentence to its end. */
  readonly sentence: { readonly start: number; end: number };
  readonly words: ReadonlySet<Concept>;
  readonly isQuestion: boolean;
  readonly isConditional: boolean;
  readonly isReported: boolean;
  /** Where what follows from it begins, in 无效就补发 or 不补发就退款: what stands before is supposed and not said. */
  readonly soAt: number;
}

const isOne = (token: Token, words: readonly Concept[]): boolean => token.concepts.some((concept) => words.includes(concept));

const supposable: readonly Concept[] = [
  'NOT',
  'NOT_YET',
  'CANNOT',
  'INVALID',
  'USED',
  'UNUSED',
  'EXPIRED',
  'FAIL',
  'PROBLEM',
  'WORTH_LESS',
  'TWICE',
];

/** Of a buyer 没激活就提示已被使用 is a report, of a seller 没激活就退款 a condition. */
function conclusionOf(tokens: readonly Token[], speaker: Speaker): number {
  if (speaker === 'buyer') return 0;
  const first = tokens.findIndex((token) => isOne(token, supposable));
  return first < 0 ? 0 : (tokens.slice(first).find((token) => isOne(token, ['SO']))?.start ?? 0);
}

/** A condition holds to the end of its sentence; a question mark asks about its own clause. */
function clausesOf(folded: string, tokens: readonly Token[], speaker: Speaker): Clause[] {
  const clauses: Clause[] = [];
  let sentence = { start: 0, end: folded.length };
  let [open, isConditional]: [Token[], boolean] = [[], false];
  const close = (mark: string): void => {
    const words = new Set(open.flatMap((token) => token.concepts));
    const soAt = conclusionOf(open, speaker);
    isConditional ||= words.has('IF') || soAt > 0;
    const isQuestion = words.has('QUESTION') || (mark === '?' && !words.has('WHY'));
    if (open.length > 0)
      clauses.push({ tokens: open, sentence, words, isQuestion, isConditional, isReported: words.has('REPORTED'), soAt });
    open = [];
  };
  for (const token of tokens) {
    if (isOne(token, ['STOP'])) {
      close(folded.charAt(token.start));
      sentence.end = token.start;
      sentence = { start: token.end, end: folded.length };
      isConditional = false;
    } else if (isOne(token, ['CLAUSE'])) close(',');
    else if (isOne(token, ['BUT'])) {
      close(',');
      open.push(token);
    } else open.push(token);
  }
  close('');
  return clauses;
}

const negators: readonly Concept[] = ['NOT', 'NOT_YET', 'CANNOT'];
const negatorReach = 3;

/** Where the steps of a rule end when they begin at this token, or undefined. */
function matchAt(rule: Rule, { tokens, soAt }: Clause, first: number, effort: Effort): number | undefined {
  const head = tokens[first];
  if (head === undefined) return undefined;
  // 没有显示激活失败: what is denied right before is not said; nor is what is denied twice.
  for (let back = first - 1; back >= 0; back -= 1) {
    const before = tokens[back];
    effort.steps += 1;
    if (before === undefined || before.start < soAt || head.start - before.end > negatorReach) break;
    if (isOne(before, negators)) return undefined;
  }
  let [at, end] = [first, head.end];
  for (const [words, within = 0] of rule.steps.slice(1)) {
    let found: Token | undefined;
    for (let next = at + 1; found === undefined; next += 1) {
      const token = tokens[next];
      effort.steps += 1;
      if (token === undefined || token.start - end > within) return undefined;
      if (isOne(token, words)) [found, at] = [token, next];
      else if (isOne(token, negators)) return undefined;
    }
    end = found.end;
  }
  return end;
}

interface Term {
  readonly start: number;
  readonly end: number;
  readonly hours: number;
}

/** Of the times set in a sentence, the shortest. */
function termIn(folded: string, { start, end }: Clause['sentence'], effort: Effort): Term | undefined {
  let least: Term | undefined;
  for (let at = start; at < end; at += 1) {
    effort.steps += 1;
    const read = hoursWithinAt(folded, at);
    if (read !== undefined && (least === undefined || read.value < least.hours))
      least = { start: at, end: read.end, hours: read.value };
  }
  return least;
}

type Assurance = Extract<PhraseDetail, { certainty: string }>;
const isAssuring = (detail: PhraseDetail): detail is Assurance => 'certainty' in detail;
const sayingOf = (detail: PhraseDetail): string => {
  switch (detail.kind) {
    case 'activation-record':
      return `record ${detail.state}`;
    case 'complaint':
      return `complaint ${detail.reason}`;
    case 'merchant-promise':
      return `promise ${detail.what}`;
    case 'activation-failure':
    case 'not-credited':
    case 'problem-confirmation':
    case 'admission':
    case 'refusal':
      return detail.kind;
  }
};
const holds = (one: Phrase, other: Phrase): boolean => one.start <= other.start && one.end >= other.end;
/** 没有激活成功 is a failure and not a key that was never used; 没收到话费 is no missing delivery. */
const isMisread = ({ detail }: Phrase, { detail: whole }: Phrase): boolean => {
  if (whole.kind === 'activation-failure')
    return detail.kind === 'activation-record' || (detail.kind === 'complaint' && detail.reason === 'key-invalid');
  return (
    whole.kind === 'not-credited' &&
    (detail.kind === 'admission' || (detail.kind === 'complaint' && detail.reason === 'not-delivered'))
  );
};

/** One phrase of a saying for each clause: the first, or a longer one around it. */
function sayingsOf(found: readonly Phrase[]): Phrase[] {
  const bySaying = new Map<string, Phrase>();
  for (const phrase of found) {
    const saying = sayingOf(phrase.detail);
    const known = bySaying.get(saying);
    if (known === undefined || holds(phrase, known)) bySaying.set(saying, phrase);
  }
  const kept = [...bySaying.values()];
  return kept.filter((phrase) => !kept.some((other) => holds(other, phrase) && isMisread(phrase, other)));
}

/** What the clauses of a message say, one saying of a kind for each clause. */
export function phrasesOf(folded: string, tokens: readonly Token[], speaker: Speaker, effort: Effort): Phrase[] {
  const phrases: Phrase[] = [];
  const terms = new Map<Clause['sentence'], Term | undefined>();
  const assured = (phrase: Phrase, detail: Assurance, { sentence, isConditional }: Clause): Phrase => {
    const certainty = isConditional ? 'conditional' : 'stated';
    if (detail.kind === 'refusal') return { ...phrase, detail: { ...detail, certainty } };
    if (!terms.has(sentence)) terms.set(sentence, termIn(folded, sentence, effort));
    const term = terms.get(sentence);
    if (term === undefined) return { ...phrase, detail: { ...detail, certainty } };
    // 24小时内给您补发 begins with its term.
    const start = phrase.start >= term.start && phrase.start < term.end ? term.start : phrase.start;
    return { ...phrase, start, detail: { ...detail, certainty, withinHours: term.hours } };
  };
  for (const clause of clausesOf(folded, tokens, speaker)) {
    if (clause.isQuestion || clause.isReported) continue;
    const found: Phrase[] = [];
    clause.tokens.forEach((token, first) => {
      if (token.start < clause.soAt) return;
      for (const rule of token.concepts.flatMap((concept) => byFirstWord.get(concept) ?? [])) {
        effort.steps += 1;
        if (rule.by !== undefined && !rule.by.includes(speaker)) continue;
        if (clause.isConditional && !isAssuring(rule.says)) continue;
        if (rule.unless?.some((word) => clause.words.has(word)) === true) continue;
        const end = matchAt(rule, clause, first, effort);
        if (end === undefined) continue;
        // 激活失败后请联系我们: the merchant speaks of what may happen.
        if (speaker !== 'buyer' && !isAssuring(rule.says) && (folded.charAt(end) === '后' || folded.charAt(end) === '时'))
          continue;
        found.push({ start: token.start, end, rule: rule.rule, detail: rule.says });
      }
    });
    for (const phrase of sayingsOf(found))
      phrases.push(isAssuring(phrase.detail) ? assured(phrase, phrase.detail, clause) : phrase);
  }
  return phrases;
}
