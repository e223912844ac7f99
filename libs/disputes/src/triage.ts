import { isRejection, type Instant, type Rejection } from '@recourse/eventing';
import type { Effort } from './chat-words.js';
import type { SuggestedTags } from './dispute.js';
import type { EvidenceKind } from './evidence.js';
import { readMessage, type Finding, type ReadMessage } from './findings.js';
import type { Explanation } from './policy-table.js';
import { suggestionsOf, type Suggestions } from './suggestions.js';
import { readTranscript, type Transcript, type TranscriptRejection } from './transcript.js';

export interface Triage {
  readonly notice: Explanation;
  /** The chat as it was read, masked. */
  readonly messages: readonly ReadMessage[];
  readonly findings: readonly Finding[];
  /** There were more findings than are given. */
  readonly isTruncated: boolean;
  readonly suggestions: Suggestions;
}

export const maxFindings = 1_000;
/** Of all scanners together, for each UTF-16 unit of a text. */
export const maxStepsPerUnit = 200;

/** What a person may look for in the chat, and confirm. S46, K14 */
export function suggestedTags({ findings, suggestions: { chat } }: Triage): SuggestedTags {
  const promises = new Set(
    chat.merchantPromise.flatMap((index) => {
      const finding = findings[index];
      return finding?.kind === 'merchant-promise' ? [finding.what] : [];
    }),
  );
  const promised = promises.has('refund') ? 'refund' : promises.has('reissue') ? 'reissue' : undefined;
  return {
    problemConfirmed: chat.problemConfirmation.length > 0,
    ...(promised !== undefined && { merchantPromised: promised }),
  };
}

/** K14 */
export const triageNotice: Explanation = {
  zh: '以上仅为自动提取的建议，不构成任何裁决；是否成立由规则或人工判定，您可随时要求人工处理。',
  en: 'These are suggestions drawn from the text and decide nothing; a rule or a person decides, and you may always ask for a person.',
};

/**
 * What a chat says of a dispute, which reason and which evidence it suggests. S78
 * The same chat and moment give the same answer; nothing is decided and nothing is kept.
 * @param at when the chat was pasted or exported: times such as 昨天 are counted from when a message was sent, else from here
 * @param effort counts what was looked at: at most {@link maxStepsPerUnit} steps for each UTF-16 unit of the text
 */
export function triage(
  transcript: Transcript,
  at: Instant,
  held: readonly EvidenceKind[] = [],
  effort: Effort = { steps: 0 },
): Triage | Rejection<TranscriptRejection> {
  const read = readTranscript(transcript, at);
  if (isRejection(read)) return read;
  let anchor: Instant | undefined;
  const parts = read.map((message, index) => {
    anchor = message.sentAt ?? anchor;
    return readMessage(message, index, anchor ?? at, effort);
  });
  const all = parts.flatMap(({ findings }) => findings);
  const findings = all.slice(0, maxFindings);
  const messages = parts.map(({ message }) => message);
  return {
    notice: triageNotice,
    messages,
    findings,
    isTruncated: all.length > maxFindings,
    suggestions: suggestionsOf(messages, findings, held),
  };
}
