import type { Instant } from '@recourse/eventing';
import type { Money } from '@recourse/money';
import type { ClaimReason } from '@recourse/orders/events';
import { amountAt, maskText, secretsOf, type Secret } from './chat-numbers.js';
import { phrasesOf, type PhraseDetail } from './chat-rules.js';
import { foldText } from './chat-text.js';
import { timeAt, type NamedTime } from './chat-time.js';
import { tokensOf, type Effort } from './chat-words.js';
import type { ChatMessage } from './transcript.js';

/** What a place in a chat says. */
export type FindingDetail =
  | PhraseDetail
  | { readonly kind: Secret['kind'] }
  | ({ readonly kind: 'time' } & NamedTime)
  | { readonly kind: 'amount'; readonly amount: Money };

/** A place in a chat that says something of the dispute, and the rule that found it. */
export type Finding = FindingDetail & {
  /** Index of the message. */
  readonly message: number;
  /** UTF-16 units from the beginning of its text; the end is behind the last one. */
  readonly start: number;
  readonly end: number;
  /** The words between, as they may be shown: as long as they are, with keys and numbers starred out. */
  readonly shown: string;
  readonly rule: string;
};

export interface ReadMessage extends ChatMessage {
  /** Masked. */
  readonly text: string;
}

interface Place {
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly detail: FindingDetail;
}

/** Times and amounts outside of keys and numbers. */
function quantitiesOf(folded: string, secrets: readonly Secret[], anchor: Instant, effort: Effort): Place[] {
  const places: Place[] = [];
  let secret = 0;
  for (let at = 0; at < folded.length;) {
    effort.steps += 1;
    while (secret < secrets.length && (secrets[secret]?.end ?? 0) <= at) secret += 1;
    const next = secrets[secret];
    if (next !== undefined && at >= next.start) {
      at = next.end;
      continue;
    }
    const limit = next?.start ?? folded.length;
    const time = timeAt(folded, at, anchor);
    const amount = time === undefined ? amountAt(folded, at) : undefined;
    if (time !== undefined && time.end <= limit) {
      places.push({ start: at, end: time.end, rule: `time-${time.value.how}`, detail: { kind: 'time', ...time.value } });
      at = time.end;
    } else if (amount !== undefined && amount.end <= limit) {
      places.push({ start: at, end: amount.end, rule: 'amount', detail: { kind: 'amount', amount: amount.value } });
      at = amount.end;
    } else at += 1;
  }
  return places;
}

const reachAfter = 12;
const reachBefore = 2;

/** 激活时间：3月1日, or 3月1日被激活: the record is of that moment. */
function dated(
  detail: PhraseDetail,
  place: { start: number; end: number },
  quantities: ReadonlyMap<number, Place>,
): PhraseDetail {
  if (detail.kind !== 'activation-record' || detail.state === 'not-activated') return detail;
  for (let at = place.start - reachBefore; at <= place.end + reachAfter; at += 1) {
    const time = quantities.get(at);
    if (time?.detail.kind === 'time' && (time.end === at ? at <= place.start : at >= place.end))
      return { ...detail, at: time.detail.instant };
  }
  return detail;
}

/** @param anchor when the message was sent, or the nearest moment that is known */
export function readMessage(
  message: ChatMessage,
  index: number,
  anchor: Instant,
  effort: Effort,
): { readonly message: ReadMessage; readonly findings: readonly Finding[] } {
  const folded = foldText(message.text);
  const secrets = secretsOf(message.text, folded, effort);
  const masked = maskText(message.text, secrets);
  const quantities = quantitiesOf(folded, secrets, anchor, effort);
  const byEdge = new Map(quantities.flatMap((place) => [[place.end, place] as const, [place.start, place] as const]));
  const phrases = phrasesOf(folded, tokensOf(folded, effort), message.speaker, effort)
    .map(({ detail, ...place }): Place => ({ ...place, detail: dated(detail, place, byEdge) }))
    // 激活记录 is a record where a moment stands with it; alone it is as often one that is asked for.
    .filter(({ rule, detail }) => rule !== 'record-named' || (detail.kind === 'activation-record' && detail.at !== undefined));
  const places: Place[] = [
    ...secrets.map(({ kind, rule, start, end }) => ({ start, end, rule, detail: { kind } })),
    ...quantities,
    ...phrases,
  ];
  return {
    message: { ...message, text: masked },
    findings: places
      .toSorted((one, other) => one.start - other.start || one.end - other.end)
      .map(({ start, end, rule, detail }) => ({ ...detail, message: index, start, end, shown: masked.slice(start, end), rule })),
  };
}

/** The claim reason that a finding speaks for, whoever says it. */
export function reasonIn(finding: FindingDetail): ClaimReason | undefined {
  switch (finding.kind) {
    case 'activation-failure':
      return 'key-invalid';
    case 'not-credited':
      return 'not-credited';
    case 'activation-record':
      return finding.state === 'used' ? 'key-used' : undefined;
    case 'complaint':
    case 'admission':
      return finding.reason;
    case 'problem-confirmation':
    case 'merchant-promise':
    case 'refusal':
    case 'card-key':
    case 'account-number':
    case 'phone':
    case 'order-number':
    case 'time':
    case 'amount':
      return undefined;
  }
}
