import { readdirSync, readFileSync } from 'node:fs';
import { claimReasons } from '@recourse/orders';
import { type Transcript, type Triage, triage } from '@recourse/disputes';
import type { Instant } from '@recourse/eventing';
import { toJson } from '@recourse/money';

interface Golden {
  readonly about: string;
  readonly at: Instant;
  readonly transcript: Transcript;
  readonly expected: object;
}

const folder = new URL('../../../examples/transcripts/', import.meta.url);
const golden = readdirSync(folder)
  .toSorted()
  .map((name): [string, Golden] => [name, JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Golden]);

function read({ transcript, at }: Golden): Triage {
  const answer = triage(transcript, at);
  if ('rejected' in answer) throw new Error(answer.detail);
  return answer;
}

/** What a golden transcript says of a chat. */
const saidOf = ({ messages, findings, suggestions: { reasons, missing, chat } }: Triage): unknown => ({
  speakers: messages.map(({ speaker }) => speaker),
  findings: findings.map((finding) => (finding.kind === 'amount' ? { ...finding, amount: toJson(finding.amount) } : finding)),
  reasons: reasons.map(({ reason }) => reason),
  isStrong: chat.isStrong,
  lacks: chat.lacks,
  missing: missing.map(({ axis, anyOf }) => `${axis}: ${anyOf.join(' or ')}`),
});

describe('a golden transcript says what stands beside it', () => {
  it.each(golden)('%s', (_, chat) => {
    expect(saidOf(read(chat))).toEqual(chat.expected);
  });
});

it('the golden transcripts are twenty at least and show every kind of finding and every reason of the catalogue', () => {
  const all = golden.map(([, chat]) => read(chat));
  expect(all.length).toBeGreaterThanOrEqual(20);
  expect([...new Set(all.flatMap(({ findings }) => findings.map(({ kind }) => kind)))].toSorted()).toEqual([
    'account-number',
    'activation-failure',
    'activation-record',
    'admission',
    'amount',
    'card-key',
    'complaint',
    'merchant-promise',
    'not-credited',
    'order-number',
    'phone',
    'problem-confirmation',
    'refusal',
    'time',
  ]);
  const reasons = new Set(all.flatMap(({ suggestions }) => suggestions.reasons.map(({ reason }) => reason)));
  expect(claimReasons.filter((reason) => !reasons.has(reason))).toEqual([]);
});
