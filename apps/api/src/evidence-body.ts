import {
  areTimesSound,
  type BuyerEvidenceKind,
  buyerEvidenceKinds,
  type DisputeCommand,
  type EvidenceFile,
  type EvidenceKind,
  merchantEvidenceKinds,
  type SuggestedTags,
  suggestedTags,
  triage,
} from '@recourse/disputes';
import type { Instant } from '@recourse/eventing';
import { commandOf, Problem } from '@recourse/nest';
import type { ClaimEvidence } from '@recourse/orders/events';
import type { Vault } from '@recourse/vault';
import type { Run } from './edge.js';
import { Flag, Moment, OneOf, Shape, Text } from './fields.js';

export class SubmitEvidence extends commandOf<DisputeCommand, 'SubmitEvidence'>('dispute', 'SubmitEvidence') {}

const evidenceKinds = [...new Set<EvidenceKind>([...buyerEvidenceKinds, ...merchantEvidenceKinds])];

class StatementField {
  @Flag({ description: 'it shows that the key could not be activated', example: true }) // S27
  showsActivationFailure!: boolean;

  @Text(4_000, { description: 'what is said or shown, 4 KiB at most; kept in the vault' })
  text!: string;

  @Moment({ description: 'when the problem showed', optional: true }) // S43
  problemAt?: Instant;

  @Moment({ description: 'when it was captured', optional: true })
  capturedAt?: Instant;
}

export class ClaimEvidenceField extends StatementField {
  @OneOf(buyerEvidenceKinds, {})
  kind!: BuyerEvidenceKind;
}

export class EvidenceField extends StatementField {
  @OneOf(evidenceKinds, { description: `the merchant has ${merchantEvidenceKinds.join(', ')}; the buyer the others and chat` })
  kind!: EvidenceKind;

  @Shape(/^[0-9a-f]{64}$/, { description: 'SHA-256 of a file that was uploaded to this dispute before', optional: true })
  file?: string;
}

/** As it was kept, ready for a command. */
export interface KeptEvidence<Kind extends EvidenceKind> extends Omit<ClaimEvidence, 'kind'> {
  readonly kind: Kind;
  readonly file?: EvidenceFile;
}
interface Said<Kind extends EvidenceKind> extends StatementField {
  readonly kind: Kind;
}

/** What the extractor finds in a chat; undefined where it finds nothing to read. */
export function suggestionsIn(text: string, by: 'buyer' | 'merchant', at: Instant): SuggestedTags | undefined {
  const read = triage({ pasted: text, pastedBy: by }, at);
  return 'rejected' in read ? undefined : suggestedTags(read);
}

/**
 * The same thing said again by the same person is the same piece of evidence.
 * @param shown the file that goes with it, and its text where a chat was sent as a file
 * @throws Problem 422
 */
export async function evidenceOf<Kind extends EvidenceKind>(
  run: Run,
  vault: Vault,
  orderId: string,
  { kind, showsActivationFailure, text, problemAt, capturedAt }: Said<Kind>,
  shown: { readonly file?: EvidenceFile; readonly chat?: string } = {},
): Promise<KeptEvidence<Kind>> {
  const times = { ...(problemAt !== undefined && { problemAt }), ...(capturedAt !== undefined && { capturedAt }) };
  if (!areTimesSound(times, run.at))
    throw new Problem(422, 'times-contradict', 'a problem comes before it is captured, and that before it is submitted');
  const { file } = shown;
  const more = file === undefined && Object.keys(times).length === 0 ? [] : [file?.sha256 ?? null, times];
  const said = JSON.stringify([orderId, run.caller.subject, kind, showsActivationFailure, text, ...more]);
  const by = run.caller.role === 'merchant' ? 'merchant' : 'buyer';
  const suggested = kind === 'chat' ? suggestionsIn(shown.chat ?? text, by, run.at) : undefined;
  return {
    evidenceId: vault.fingerprint('evidence', said).slice(0, 32),
    kind,
    showsActivationFailure,
    content: await run.keep({ text }),
    ...(file && { file }),
    ...times,
    ...(suggested && { suggestedTags: suggested }),
  };
}

export const addEvidence = (
  run: Run,
  disputeId: string,
  piece: KeptEvidence<EvidenceKind> & { readonly by: 'buyer' | 'merchant' },
) => run.send(SubmitEvidence, disputeId, { type: 'SubmitEvidence', ...piece }, `evidence:${piece.evidenceId}`);
