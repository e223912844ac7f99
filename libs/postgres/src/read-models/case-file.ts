import type { DisputeEvent, OverriddenUnit, OverrideProposal, UnitVerdict } from '@recourse/disputes/events';
import { toJson, type MoneyJson } from '@recourse/money';
import { sql, type JSONColumnType, type Kysely, type Selectable } from 'kysely';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

interface CaseRow {
  dispute_id: string;
  order_id: string;
  platform: string;
  merchant: string;
  buyer: string;
  reason: string;
  product_kind: string;
  status: 'draft' | 'lapsed' | 'open' | 'decided' | 'final' | 'resolved' | 'withdrawn';
  policy_version: number;
  policy_hash: string;
  opened_at: string;
  submitted_at: string | null;
  /** When the buyer asked for a person. */
  person_requested_at: string | null;
  reissue_until: string | null;
}
interface CaseUnitRow {
  dispute_id: string;
  unit_no: number;
  price: bigint;
  asset: string;
  status:
    | 'submitted'
    | 'verifying'
    | 'awaiting-reissue'
    | 'awaiting-buyer-check'
    | 'awaiting-merchant'
    | 'awaiting-evidence'
    | 'under-review'
    | 'decided'
    | 'resolved';
  until: string | null;
  verification: string | null;
  verdict_id: string | null;
}
/** A unit's verdict as the row keeps it: the amount in its JSON form. */
export type StoredUnitVerdict = Omit<UnitVerdict, 'refund'> & { readonly refund: MoneyJson };
interface VerdictRow {
  verdict_id: string;
  dispute_id: string;
  decided_by: string;
  person: string | null;
  rule: string;
  explanation_zh: string;
  explanation_en: string;
  basis: JSONColumnType<readonly string[]>;
  /** Units with liable, remedy, bearer, refund, facts and their sources, as JSON. */
  units: JSONColumnType<readonly StoredUnitVerdict[]>;
  decided_at: string;
  appeal_until: string;
}
/** As the row keeps it: amounts in their JSON form. */
export type StoredOverriddenUnit = Omit<OverriddenUnit, 'refund' | 'was'> & {
  readonly refund: MoneyJson;
  readonly was: Omit<OverriddenUnit['was'], 'refund'> & { readonly refund: MoneyJson };
};
interface OverrideRow {
  verdict_id: string;
  dispute_id: string;
  status: 'proposed' | 'overturned';
  /** Those that change. */
  units: JSONColumnType<readonly StoredOverriddenUnit[]>;
  is_fraud: boolean;
  explanation_zh: string;
  explanation_en: string;
  proposed_by: string;
  proposed_at: string;
  approved_by: string | null;
  overturned_at: string | null;
}
interface EvidenceRow {
  dispute_id: string;
  evidence_id: string;
  by_party: string;
  kind: string;
  shows_activation_failure: boolean;
  submitted_at: string;
}
interface Tables {
  case_file: CaseRow;
  case_unit: CaseUnitRow;
  verdict: VerdictRow;
  verdict_override: OverrideRow;
  evidence: EvidenceRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);

const setCase = (tx: ReadModelTx, disputeId: string, values: Partial<CaseRow>) =>
  of(tx).updateTable('case_file').set(values).where('dispute_id', '=', disputeId).execute();
async function setUnits(
  tx: ReadModelTx,
  disputeId: string,
  units: readonly number[],
  values: Partial<CaseUnitRow>,
): Promise<void> {
  if (units.length > 0)
    await of(tx)
      .updateTable('case_unit')
      .set(values)
      .where('dispute_id', '=', disputeId)
      .where('unit_no', 'in', [...units])
      .execute();
}

/** What is the state of a case, who must act next, and why was it decided as it was? */
export const caseFile = readModel<DisputeEvent>({
  name: 'case-file',
  version: 3,
  tables: ['case_file', 'case_unit', 'verdict', 'verdict_override', 'evidence'],
  create: async (tx) => {
    await sql`create table case_file (
      dispute_id text primary key, order_id text not null, platform text not null, merchant text not null, buyer text not null,
      reason text not null, product_kind text not null, status text not null, policy_version integer not null, policy_hash text not null,
      opened_at timestamptz not null, submitted_at timestamptz, person_requested_at timestamptz, reissue_until timestamptz)`.execute(
      tx,
    );
    await sql`create index on case_file (platform, status, opened_at)`.execute(tx);
    await sql`create table case_unit (
      dispute_id text not null, unit_no integer not null, price bigint not null, asset text not null, status text not null,
      until timestamptz, verification text, verdict_id text, primary key (dispute_id, unit_no))`.execute(tx);
    await sql`create table verdict (
      verdict_id text primary key, dispute_id text not null, decided_by text not null, person text, rule text not null,
      explanation_zh text not null, explanation_en text not null, basis jsonb not null, units jsonb not null,
      decided_at timestamptz not null, appeal_until timestamptz not null)`.execute(tx);
    await sql`create index on verdict (dispute_id)`.execute(tx);
    await sql`create table verdict_override (
      verdict_id text primary key, dispute_id text not null, status text not null, units jsonb not null, is_fraud boolean not null,
      explanation_zh text not null, explanation_en text not null, proposed_by text not null, proposed_at timestamptz not null,
      approved_by text, overturned_at timestamptz)`.execute(tx);
    await sql`create index on verdict_override (dispute_id)`.execute(tx);
    await sql`create table evidence (
      dispute_id text not null, evidence_id text not null, by_party text not null, kind text not null,
      shows_activation_failure boolean not null, submitted_at timestamptz not null, primary key (dispute_id, evidence_id))`.execute(
      tx,
    );
  },
  on: {
    DisputeDrafted: async ({ data }, tx) => {
      await open(tx, data, data.draftedAt);
    },
    DisputeSubmitted: async ({ data }, tx) => {
      await open(tx, data, data.submittedAt, data);
    },
    DraftLapsed: async ({ data }, tx) => {
      await setCase(tx, data.disputeId, { status: 'lapsed' });
    },
    EvidenceSubmitted: async ({ data }, tx) => {
      await of(tx)
        .insertInto('evidence')
        .values({
          dispute_id: data.disputeId,
          evidence_id: data.evidenceId,
          by_party: data.by,
          kind: data.kind,
          shows_activation_failure: data.showsActivationFailure,
          submitted_at: data.submittedAt,
        })
        .execute();
    },
    VerificationRequested: ({ data }, tx) =>
      setUnits(
        tx,
        data.disputeId,
        data.units.map((unit) => unit.unitNo),
        { status: 'verifying', until: null },
      ),
    VerificationRecorded: async ({ data }, tx) => {
      for (const result of data.results) await setUnits(tx, data.disputeId, [result.unitNo], { verification: result.outcome });
    },
    ReissueAwaited: ({ data }, tx) => setUnits(tx, data.disputeId, data.units, { status: 'awaiting-reissue', until: data.until }),
    ReissueMissed: ({ data }, tx) => setUnits(tx, data.disputeId, data.units, { until: null }),
    BuyerCheckAwaited: ({ data }, tx) =>
      setUnits(tx, data.disputeId, data.units, { status: 'awaiting-buyer-check', until: data.until }),
    ReplacementRefused: ({ data }, tx) => setUnits(tx, data.disputeId, data.units, { until: null }),
    ResolvedByReissue: async ({ data }, tx) => {
      await setUnits(tx, data.disputeId, data.units, { status: 'resolved', until: null });
      await settle(tx, data.disputeId, 'resolved');
    },
    MerchantAnswerAwaited: ({ data }, tx) =>
      setUnits(tx, data.disputeId, data.units, { status: 'awaiting-merchant', until: data.until }),
    MerchantStayedSilent: ({ data }, tx) => setUnits(tx, data.disputeId, data.units, { until: null }),
    EvidenceAwaited: ({ data }, tx) =>
      setUnits(tx, data.disputeId, data.units, { status: 'awaiting-evidence', until: data.until }),
    EvidencePhaseEnded: ({ data }, tx) => setUnits(tx, data.disputeId, data.units, { until: null }),
    PersonRequested: async ({ data }, tx) => {
      await setCase(tx, data.disputeId, { person_requested_at: data.requestedAt });
    },
    ReviewStarted: ({ data }, tx) => setUnits(tx, data.disputeId, data.units, { status: 'under-review', until: data.until }),
    ReviewEscalated: async ({ data }, tx) => {
      await of(tx)
        .updateTable('case_unit')
        .set({ until: data.until })
        .where('dispute_id', '=', data.disputeId)
        .where('status', '=', 'under-review')
        .execute();
    },
    VerdictReached: async ({ data }, tx) => {
      await of(tx)
        .insertInto('verdict')
        .values({
          verdict_id: data.verdictId,
          dispute_id: data.disputeId,
          decided_by: data.decidedBy,
          person: data.person ?? null,
          rule: data.rule,
          explanation_zh: data.explanation.zh,
          explanation_en: data.explanation.en,
          basis: JSON.stringify(data.basis),
          units: JSON.stringify(data.units.map((unit) => ({ ...unit, refund: toJson(unit.refund) }))),
          decided_at: data.decidedAt,
          appeal_until: data.appealUntil,
        })
        .execute();
      await setUnits(
        tx,
        data.disputeId,
        data.units.map((unit) => unit.unitNo),
        { status: 'decided', until: null, verdict_id: data.verdictId },
      );
      await settle(tx, data.disputeId, 'decided');
    },
    VerdictBecameFinal: async ({ data }, tx) => {
      await settle(tx, data.disputeId, 'final');
    },
    // The buyer's check follows in the same append and opens the case again.
    VerdictVoided: async ({ data }, tx) => {
      await setUnits(tx, data.disputeId, data.units, { verdict_id: null });
      await setCase(tx, data.disputeId, { status: 'open' });
    },
    VerdictOverrideProposed: async ({ data }, tx) => {
      await deleteOverride(tx, data.verdictId);
      await of(tx).insertInto('verdict_override').values(proposalRow(data)).execute();
    },
    VerdictOverrideWithdrawn: ({ data }, tx) => deleteOverride(tx, data.verdictId),
    VerdictOverturned: async ({ data }, tx) => {
      await of(tx)
        .updateTable('verdict_override')
        .set({ status: 'overturned', approved_by: data.approvedBy, overturned_at: data.overturnedAt })
        .where('verdict_id', '=', data.verdictId)
        .execute();
    },
    DisputeWithdrawn: async ({ data }, tx) => {
      await setCase(tx, data.disputeId, { status: 'withdrawn' });
      await of(tx).updateTable('case_unit').set({ until: null }).where('dispute_id', '=', data.disputeId).execute();
    },
  },
});

const deleteOverride = async (tx: ReadModelTx, verdictId: string): Promise<void> => {
  await of(tx).deleteFrom('verdict_override').where('verdict_id', '=', verdictId).execute();
};
const proposalRow = (data: OverrideProposal) => ({
  verdict_id: data.verdictId,
  dispute_id: data.disputeId,
  status: 'proposed' as const,
  units: JSON.stringify(
    data.units.map((unit) => ({
      ...unit,
      refund: toJson(unit.refund),
      was: { ...unit.was, refund: toJson(unit.was.refund) },
    })),
  ),
  is_fraud: data.isFraud,
  explanation_zh: data.explanation.zh,
  explanation_en: data.explanation.en,
  proposed_by: data.proposedBy,
  proposed_at: data.proposedAt,
  approved_by: null,
  overturned_at: null,
});

type Opening = Pick<
  Extract<DisputeEvent, { type: 'DisputeSubmitted' }>['data'],
  'disputeId' | 'orderId' | 'platform' | 'merchant' | 'buyer' | 'reason' | 'productKind' | 'policy' | 'units'
>;

interface Submission {
  readonly submittedAt: string;
  readonly reissueUntil: string;
}

async function open(tx: ReadModelTx, data: Opening, openedAt: string, submission?: Submission): Promise<void> {
  const submitted = {
    status: submission === undefined ? ('draft' as const) : ('open' as const),
    submitted_at: submission?.submittedAt ?? null,
    reissue_until: submission?.reissueUntil ?? null,
  };
  const { numInsertedOrUpdatedRows } = await of(tx)
    .insertInto('case_file')
    .values({
      dispute_id: data.disputeId,
      order_id: data.orderId,
      platform: data.platform,
      merchant: data.merchant,
      buyer: data.buyer,
      reason: data.reason,
      product_kind: data.productKind,
      policy_version: data.policy.version,
      policy_hash: data.policy.hash,
      opened_at: openedAt,
      person_requested_at: null,
      ...submitted,
    })
    .onConflict((conflict) => conflict.column('dispute_id').doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) {
    await setCase(tx, data.disputeId, submitted);
    return;
  }
  await of(tx)
    .insertInto('case_unit')
    .values(
      data.units.map((unit) => ({
        dispute_id: data.disputeId,
        unit_no: unit.unitNo,
        price: unit.price.minor,
        asset: unit.price.asset,
        status: 'submitted' as const,
        until: null,
        verification: null,
        verdict_id: null,
      })),
    )
    .execute();
}

/** A case is over when its last unit is; until then it stays open whatever happens to the others. */
async function settle(tx: ReadModelTx, disputeId: string, status: 'decided' | 'resolved' | 'final'): Promise<void> {
  await sql`update case_file set status = ${status} where dispute_id = ${disputeId}
    and not exists (select 1 from case_unit u where u.dispute_id = ${disputeId} and u.status not in ('decided', 'resolved'))`.execute(
    tx,
  );
}

export interface CaseFile extends CaseRow {
  units: CaseUnitRow[];
  verdicts: Selectable<VerdictRow>[];
  overrides: Selectable<OverrideRow>[];
  evidence: EvidenceRow[];
}

export async function findCase(db: Kysely<NoTables>, disputeId: string): Promise<CaseFile | undefined> {
  const tables = of(db).withSchema(liveSchema);
  const found = await tables.selectFrom('case_file').selectAll().where('dispute_id', '=', disputeId).executeTakeFirst();
  if (found === undefined) return undefined;
  const [units, verdicts, overrides, evidence] = await Promise.all([
    tables.selectFrom('case_unit').selectAll().where('dispute_id', '=', disputeId).orderBy('unit_no').execute(),
    tables
      .selectFrom('verdict')
      .selectAll()
      .where('dispute_id', '=', disputeId)
      .orderBy('decided_at')
      .orderBy('verdict_id')
      .execute(),
    tables.selectFrom('verdict_override').selectAll().where('dispute_id', '=', disputeId).execute(),
    tables
      .selectFrom('evidence')
      .selectAll()
      .where('dispute_id', '=', disputeId)
      .orderBy('submitted_at')
      .orderBy('evidence_id')
      .execute(),
  ]);
  return { ...found, units, verdicts, overrides, evidence };
}

/** Cases that wait for a verifier's word, at most `limit`; any of them, so that those he is silent about do not keep others waiting. */
export async function openVerifications(db: Kysely<NoTables>, limit: number): Promise<string[]> {
  const rows = await of(db)
    .withSchema(liveSchema)
    .selectFrom('case_unit')
    .select('dispute_id')
    .where('status', '=', 'verifying')
    .where('verification', 'is', null)
    .groupBy('dispute_id')
    .orderBy(sql`random()`)
    .limit(limit)
    .execute();
  return rows.map((row) => row.dispute_id);
}

/** Cases of one order, oldest first. */
export async function casesOfOrder(db: Kysely<NoTables>, orderId: string): Promise<CaseFile[]> {
  const rows = await of(db)
    .withSchema(liveSchema)
    .selectFrom('case_file')
    .select('dispute_id')
    .where('order_id', '=', orderId)
    .orderBy('opened_at')
    .orderBy('dispute_id')
    .execute();
  const files = await Promise.all(rows.map((row) => findCase(db, row.dispute_id)));
  return files.filter((file) => file !== undefined);
}
