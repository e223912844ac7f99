import type { CaseFile, DisputeEvent } from '@recourse/disputes/events';
import { type DataOf, encodeData, type Instant } from '@recourse/eventing';
import { isZero, type Money, type MoneyJson, toJson } from '@recourse/money';
import { chained, chainStart, type Chained } from './chain.js';
import type { CaseMaterial, FrozenPolicy, PackedComplaint, PackedEvidence, PackView, StoredFile } from './material.js';

type Step = CaseMaterial['steps'][number];

export interface TimelineEntry {
  readonly no: number;
  /** In the platform's log. */
  readonly position: string;
  readonly eventId: string;
  readonly event: string;
  readonly zh: string;
  readonly en: string;
  /** `revision@stream` */
  readonly place: string;
  readonly recordedAt: Instant;
  readonly effectiveAt: Instant;
  readonly actor: { readonly role: string; readonly subject?: string; readonly party?: string };
  readonly because?: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly amounts: Readonly<Record<string, MoneyJson>>;
  readonly explanation?: { readonly zh: string; readonly en: string };
  readonly evidence: readonly string[];
  readonly postings?: readonly { readonly debit: string; readonly credit: string; readonly amount: MoneyJson }[];
}
export interface EvidenceEntry extends Omit<PackedEvidence, 'text'> {
  /** Where its text stands; null once it was erased. */
  readonly text: string | null;
}
export interface CaseDocument extends Pick<CaseFile, 'disputeId' | 'orderId' | 'platform' | 'merchant' | 'buyer' | 'reason'> {
  readonly productKind: string;
  readonly openedAt: Instant;
  readonly policy: CaseFile['policy'];
  readonly units: readonly {
    readonly unitNo: number;
    readonly product: string;
    readonly price: MoneyJson;
    readonly platformFailure: boolean;
    readonly deliveredAt?: Instant;
    readonly revealedAt?: Instant;
    readonly afterSaleEndsAt?: Instant;
    readonly sevenDayEndsAt?: Instant;
  }[];
  readonly channels: readonly string[];
  readonly complaints: readonly PackedComplaint[];
  readonly evidence: readonly EvidenceEntry[];
  /** Uploaded files, beside the texts. */
  readonly files: readonly Pick<StoredFile, 'path' | 'bytes' | 'sha256'>[];
}
/** `VerdictReached` as it is stored, amounts in their JSON form. */
export type VerdictDocument = Omit<DataOf<DisputeEvent, 'VerdictReached'>, 'units'> & {
  readonly units: readonly (Omit<DataOf<DisputeEvent, 'VerdictReached'>['units'][number], 'refund'> & {
    readonly refund: MoneyJson;
  })[];
  readonly isOverturned: boolean;
};

/** What a pack says, as its JSON files hold it. */
export interface Documents {
  readonly view: PackView;
  readonly position: string;
  readonly case: CaseDocument;
  readonly timeline: readonly Chained<TimelineEntry>[];
  readonly verdicts: readonly VerdictDocument[];
  readonly policy: FrozenPolicy;
  /** By the path in the pack. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Of a telephone number that somebody wrote where none belongs. */
const phone = /(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)/g;
const withoutPhones = (text: string): string => text.replaceAll(phone, '$1****$2');
/** Names of people; a party sees what was decided and by which role. */
const peopleIn = ['person', 'proposedBy', 'approvedBy'];

function entryOf(step: Step, index: number, { view, file }: CaseMaterial): TimelineEntry {
  const isPlatform = view === 'platform';
  const { role, subject, party } = step.actor;
  const isOwn = role === view && party === file[view === 'buyer' ? 'buyer' : 'merchant'];
  const facts = Object.entries(step.facts).filter(([name]) => isPlatform || !peopleIn.includes(name));
  const amounts = Object.entries(step.amounts).filter(([, amount]: [string, Money]) => !isZero(amount));
  return {
    no: index + 1,
    position: step.position.toString(),
    eventId: step.eventId,
    event: step.event,
    zh: step.name.zh,
    en: step.name.en,
    place: step.place,
    recordedAt: step.recordedAt,
    effectiveAt: step.effectiveAt,
    actor: isPlatform ? { role, subject, party } : { role, ...(isOwn ? { party } : {}) },
    ...(step.because === undefined ? {} : { because: step.because }),
    facts: Object.fromEntries(facts.map(([name, value]) => [name, withoutPhones(value)])),
    amounts: Object.fromEntries(amounts.map(([name, amount]) => [name, toJson(amount)])),
    ...(step.explanation === undefined
      ? {}
      : { explanation: { zh: withoutPhones(step.explanation.zh), en: withoutPhones(step.explanation.en) } }),
    evidence: step.evidence,
    ...(isPlatform
      ? { postings: step.postings.map(({ debit, credit, amount }) => ({ debit, credit, amount: toJson(amount) })) }
      : {}),
  };
}

const textPath = ({ evidenceId }: PackedEvidence, index: number): string =>
  `evidence/${String(index + 1).padStart(2, '0')}-${evidenceId}.txt`;

function verdictOf(data: CaseMaterial['verdicts'][number], { view, overturned }: CaseMaterial): VerdictDocument {
  const { person, explanation, ...rest } = data;
  const shown = {
    ...rest,
    ...(view === 'platform' && person !== undefined ? { person } : {}),
    explanation: { zh: withoutPhones(explanation.zh), en: withoutPhones(explanation.en) },
    isOverturned: overturned.includes(data.verdictId),
  };
  return JSON.parse(encodeData(shown)) as VerdictDocument;
}

export function documentsOf(material: CaseMaterial): Documents {
  const { view, position, file, evidence, policy } = material;
  const entries = material.steps.map((step, index) => entryOf(step, index, material));
  return {
    view,
    position: position.toString(),
    case: {
      disputeId: file.disputeId,
      orderId: file.orderId,
      platform: file.platform,
      merchant: file.merchant,
      buyer: file.buyer,
      reason: file.reason,
      productKind: file.productKind,
      openedAt: material.openedAt,
      policy: file.policy,
      units: file.units.map(({ unitNo, product, price, platformFailure, ...times }) => ({
        unitNo,
        product,
        price: toJson(price),
        platformFailure,
        ...(times.deliveredAt === undefined ? {} : { deliveredAt: times.deliveredAt }),
        ...(times.revealedAt === undefined ? {} : { revealedAt: times.revealedAt }),
        ...(times.afterSaleEndsAt === undefined ? {} : { afterSaleEndsAt: times.afterSaleEndsAt }),
        ...(times.sevenDayEndsAt === undefined ? {} : { sevenDayEndsAt: times.sevenDayEndsAt }),
      })),
      channels: material.channels,
      complaints: material.complaints,
      evidence: evidence.map(({ text, ...piece }, index) => ({
        ...piece,
        text: text === undefined ? null : textPath({ ...piece, text }, index),
      })),
      files: material.files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
    },
    timeline: chained(chainStart(file.disputeId, view), entries),
    verdicts: material.verdicts.map((verdict) => verdictOf(verdict, material)),
    policy,
    texts: new Map(evidence.flatMap((piece, index) => (piece.text === undefined ? [] : [[textPath(piece, index), piece.text]]))),
  };
}
