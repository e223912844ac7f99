import type { CaseFile, ComplaintEvent, DisputeEvent, PolicyEvent } from '@recourse/disputes/events';
import { withoutSecrets } from '@recourse/disputes';
import type { DataOf, Recorded } from '@recourse/eventing';
import { type EventStore, maxLoadedEvents } from '@recourse/eventstore';
import { extensionOf, mediaTypes, scopeOf, type Uploads } from '@recourse/files';
import { caseSteps, type DomainEvent, isAboutCase } from '@recourse/ledger';
import { type Database, refundPlaces } from '@recourse/postgres';
import { type Vault, VaultError } from '@recourse/vault';
import type { CaseMaterial, FrozenPolicy, PackedComplaint, PackedEvidence, PackView, StoredFile } from './material.js';

export interface CaseSources {
  readonly eventStore: Pick<EventStore, 'readStream'>;
  readonly database: Pick<Database, 'db'>;
  readonly vault: Pick<Vault, 'readPerson'>;
  /** Files that were uploaded as evidence. */
  readonly uploads: Pick<Uploads, 'open'>;
}
type Submitted = DataOf<DisputeEvent, 'EvidenceSubmitted'>;
type Event = Recorded<DomainEvent>;

/** What only the platform's own people see of a case: who thinks of what, and holds of the money's way. */
const staffOnly: ReadonlySet<DomainEvent['type']> = new Set([
  'VerdictOverrideProposed',
  'VerdictOverrideWithdrawn',
  'OrderFrozen',
  'OrderUnfrozen',
  'PayoutApprovalProposed',
  'PayoutApproved',
  'PayoutHeld',
  'PayoutCancelRequested',
  'PayoutCancelRefused',
  'TransferBlocked',
  'GatewayFeeCharged',
]);
/** How escrow and fees were settled is between platform and merchant. */
const notForBuyers: ReadonlySet<DomainEvent['type']> = new Set(['EscrowReleased', 'RefundFundedFromEscrow']);
/** Of the buyer's payout a merchant sees that it was paid or came back; what he complains of outside is not the merchant's. */
const forMerchants: ReadonlySet<DomainEvent['type']> = new Set(['PayoutSucceeded', 'PayoutReversed']);
/** Periods of the fund and of accounts that the refunds of one case touch: hardly more than one of each. */
const maxMoneyStreams = 64;

function isShown(view: PackView, { type, stream }: Event): boolean {
  // Exports are no part of the case, or no two of them would be the same.
  if (type === 'CasePackExported') return false;
  if (view === 'platform') return true;
  if (staffOnly.has(type)) return false;
  if (view === 'buyer') return !notForBuyers.has(type);
  return forMerchants.has(type) || !(stream.startsWith('payout-') || stream.startsWith('complaint-'));
}

interface OpenedCase {
  readonly file: CaseFile;
  readonly openedAt: string;
}
function openingIn(events: readonly Event[]): OpenedCase | undefined {
  for (const { type, data } of events) {
    if (type === 'DisputeDrafted') return { file: data, openedAt: data.draftedAt };
    if (type === 'DisputeSubmitted') return { file: data, openedAt: data.submittedAt };
  }
  return undefined;
}

/** Derived from the events of the case alone, so that the same position gives the same pack. @returns undefined without such a dispute */
export async function gatherCase(sources: CaseSources, disputeId: string, view: PackView): Promise<CaseMaterial | undefined> {
  const read = async (stream: string): Promise<readonly Event[]> =>
    sources.eventStore.readStream<DomainEvent>(stream, { limit: maxLoadedEvents });
  const ofCase = await read(`dispute-${disputeId}`);
  const opening = openingIn(ofCase);
  if (opening === undefined) return undefined;
  const { file } = opening;
  const units = new Set(file.units.map(({ unitNo }) => unitNo));
  const ofOrder = (await read(`order-${file.orderId}`)).filter((event) => isAboutCase(event, disputeId, units));
  const linked = ofCase.flatMap(({ type, data }) => (type === 'ComplaintLinked' ? [data.complaintId] : []));
  const ofComplaints: Event[] = [];
  for (const complaintId of new Set(linked)) ofComplaints.push(...(await read(`complaint-${complaintId}`)));
  const verdicts = ofCase.flatMap(({ type, data }) => (type === 'VerdictReached' ? [data] : []));
  const refundIds = verdicts.map(({ verdictId }) => verdictId);
  const ofMoney = view === 'platform' ? await moneyEvents(sources, refundIds, read) : [];
  const ofPayouts: Event[] = [];
  for (const refundId of refundIds) ofPayouts.push(...(await read(`payout-${refundId}`)));
  const events = inLogOrder([...ofCase, ...ofOrder, ...ofComplaints, ...ofPayouts, ...ofMoney]).filter((event) =>
    isShown(view, event),
  );
  const submitted = ofCase.flatMap(({ type, data }) => (type === 'EvidenceSubmitted' ? [data] : []));
  const evidence = await Promise.all(submitted.map((piece) => packedEvidence(piece, sources.vault)));
  return {
    view,
    position: events.at(-1)?.position ?? 0n,
    file,
    openedAt: opening.openedAt,
    channels: channelsIn(ofOrder, disputeId),
    complaints: complaintsIn(ofComplaints, view),
    steps: caseSteps(events),
    evidence,
    files: submitted.flatMap((piece, index) => uploadedFile(piece, evidence[index], sources.uploads)),
    verdicts,
    overturned: ofCase.flatMap(({ type, data }) => (type === 'VerdictOverturned' ? [data.verdictId] : [])),
    policy: policyOf(file, await read(`policy-${file.policy.id}`)),
  };
}

/** Each once. */
const inLogOrder = (events: readonly Event[]): readonly Event[] =>
  [...new Map(events.map((event) => [event.position, event])).values()].toSorted((one, other) =>
    one.position < other.position ? -1 : 1,
  );

/** What the fund and the merchant's account say of these refunds, stream by stream, so that one of them is in memory at a time. */
async function moneyEvents(
  { database }: CaseSources,
  refundIds: readonly string[],
  read: (stream: string) => Promise<readonly Event[]>,
): Promise<readonly Event[]> {
  const places = await refundPlaces(database.db, refundIds);
  const others = places.filter(({ stream }) => !/^(order|dispute|payout)-/.test(stream));
  const streams = Map.groupBy(others, ({ stream }) => stream);
  if (streams.size > maxMoneyStreams)
    throw new Error(`the refunds of a case touch ${streams.size} streams of accounts, more than ${maxMoneyStreams}`);
  const found: Event[] = [];
  for (const [stream, own] of streams) {
    const positions = new Set(own.map(({ position }) => position));
    found.push(...(await read(stream)).filter(({ position }) => positions.has(position)));
  }
  return found;
}

const channelsIn = (ofOrder: readonly Event[], disputeId: string): readonly string[] => [
  ...new Set(
    ofOrder.flatMap(({ type, data }) =>
      (type === 'ClaimOpened' || type === 'ClaimAttached') && data.claimId === disputeId ? [data.channel] : [],
    ),
  ),
];

function complaintsIn(events: readonly Event[], view: PackView): readonly PackedComplaint[] {
  const known = new Map<string, PackedComplaint>();
  const set = ({ complaintId }: DataOf<ComplaintEvent, ComplaintEvent['type']>, change: Partial<PackedComplaint>) => {
    const before = known.get(complaintId);
    if (before !== undefined) known.set(complaintId, { ...before, ...change });
  };
  for (const { type, data } of events) {
    if (type === 'ComplaintReceived') {
      const { complaintId, channel, externalNumber, receivedAt, answerBy } = data;
      const number = view === 'merchant' ? {} : { number: externalNumber.masked };
      known.set(complaintId, { channel, ...number, status: 'received', receivedAt, answerBy });
    }
    if (type === 'ComplaintBecameOverdue') set(data, { status: 'overdue' });
    if (type === 'ComplaintAnswered') set(data, { status: 'answered' });
    if (type === 'ComplaintClosed') set(data, { status: 'closed', outcome: data.outcome });
  }
  return [...known.values()];
}

/** Undefined once it was erased. */
const readOrErased = (vault: CaseSources['vault'], reference: string) =>
  vault.readPerson(reference).catch((error: unknown) => {
    if (error instanceof VaultError && error.code === 'Shredded') return undefined;
    throw error;
  });

async function packedEvidence(piece: Submitted, vault: CaseSources['vault']): Promise<PackedEvidence> {
  const { evidenceId, by, kind, showsActivationFailure, submittedAt, content, file } = piece;
  const person = await readOrErased(vault, content);
  const text = person && withoutSecrets(person['text'] ?? '');
  const said = { evidenceId, by, kind, showsActivationFailure, submittedAt, text };
  if (file === undefined) return said;
  const { sha256, bytes, mediaType, reference } = file;
  const type = mediaTypes.find((one) => one === mediaType);
  const path = `evidence/${evidenceId}.${type === undefined ? 'bin' : extensionOf(type)}`;
  const isErased = (await readOrErased(vault, reference)) === undefined;
  return { ...said, upload: { sha256, bytes, mediaType, path: isErased ? null : path } };
}

function uploadedFile(
  { disputeId, by, file }: Submitted,
  packed: PackedEvidence | undefined,
  uploads: CaseSources['uploads'],
): readonly StoredFile[] {
  const path = packed?.upload?.path;
  if (file === undefined || path === undefined || path === null) return [];
  const load = async (): Promise<Uint8Array> => {
    const parts: Uint8Array[] = [];
    for await (const part of await uploads.open(scopeOf({ disputeId, by }), file)) parts.push(part);
    return Buffer.concat(parts);
  };
  return [{ path, bytes: file.bytes, sha256: file.sha256, load }];
}

function policyOf({ policy: frozen }: CaseFile, published: readonly Event[]): FrozenPolicy {
  const found = published
    .flatMap((event) => (event.type === 'PolicyPublished' ? [event.data] : []))
    .find(({ version, hash }: DataOf<PolicyEvent, 'PolicyPublished'>) => version === frozen.version && hash === frozen.hash);
  if (found === undefined) throw new Error(`policy ${frozen.id} version ${frozen.version} is not in its stream`);
  const { id, version, hash, publishedAt, effectiveFrom, table } = found;
  return { id, version, hash, publishedAt, effectiveFrom, table };
}
