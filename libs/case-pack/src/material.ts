import type { CaseFile, DisputeEvent, PolicyTable } from '@recourse/disputes/events';
import type { DataOf, Instant } from '@recourse/eventing';
import type { CaseStep } from '@recourse/ledger';

/** Whose eyes it is for: the platform's own people, or a party of the case. */
export type PackView = 'platform' | 'buyer' | 'merchant';
type Verdict = DataOf<DisputeEvent, 'VerdictReached'>;

export interface PackedEvidence {
  readonly evidenceId: string;
  readonly by: 'buyer' | 'merchant';
  readonly kind: string;
  readonly showsActivationFailure: boolean;
  readonly submittedAt: Instant;
  /** Keys, accounts and telephone numbers starred out; undefined once it was erased. */
  readonly text: string | undefined;
  /** What was uploaded with it; no path once it was erased. */
  readonly upload?: { readonly sha256: string; readonly bytes: number; readonly mediaType: string; readonly path: string | null };
}
export interface PackedComplaint {
  readonly channel: string;
  /** Masked; the merchant does not see it. */
  readonly number?: string;
  readonly status: 'received' | 'overdue' | 'answered' | 'closed';
  readonly receivedAt: Instant;
  readonly answerBy: Instant;
  readonly outcome?: string;
}
export interface FrozenPolicy {
  readonly id: string;
  readonly version: number;
  readonly hash: string;
  readonly publishedAt: Instant;
  readonly effectiveFrom: Instant;
  readonly table: PolicyTable;
}
/** A file of the file store; content-addressed, so that its hash is known before it is read. */
export interface StoredFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  load(): Promise<Uint8Array>;
}

/** All that a pack is made of: derived from the events up to a position, and from the vault. */
export interface CaseMaterial {
  readonly view: PackView;
  /** Of the last event that is in it. */
  readonly position: bigint;
  readonly file: CaseFile;
  readonly openedAt: Instant;
  readonly channels: readonly string[];
  readonly complaints: readonly PackedComplaint[];
  readonly steps: readonly CaseStep[];
  readonly evidence: readonly PackedEvidence[];
  readonly files: readonly StoredFile[];
  readonly verdicts: readonly Verdict[];
  /** Verdicts that two people overturned. */
  readonly overturned: readonly string[];
  readonly policy: FrozenPolicy;
}
