export type { Dispute } from './case.js';
export type * from './appeal-events.js';
export type * from './dispute.js';
export type * from './policy.js';
export type * from './policy-table.js';
export type { Finding } from './findings.js';
export type { Suggestions } from './suggestions.js';
export type { ChatMessage, Speaker, Transcript, TranscriptRejection } from './transcript.js';
export type { Triage } from './triage.js';
