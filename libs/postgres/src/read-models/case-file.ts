import type { Appellant, DisputeEvent, OverriddenUnit, OverrideProposal, UnitVerdict } from '@recourse/disputes/events';
import { type DataOf, encodeData, plusHours } from '@recourse/eventing';
import type { Money, MoneyJson } from '@recourse/money';
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
  /** The review is overdue and a supervisor's. */
  escalated: boolean;
  verification: string | null;
  verdict_id: string | null;
}
/** K13; a supervisor's time after an overdue review. */
const escalationHours = 48;
/** As the row keeps it: amounts in their JSON form. */
type Stored<Data> = {
  readonly [Member in keyof Data]: Exclude<Data[Member], undefined> extends Money ? MoneyJson : Data[Member];
};
export type StoredUnitVerdict = Stored<UnitVerdict>;
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
  /** The verdict whose appeal led to this one. */
  appeal_of: string | null;
  final_at: string | null;
}
export type StoredOverriddenUnit = Stored<Omit<OverriddenUnit, 'was'>> & { readonly was: Stored<OverriddenUnit['was']> };
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
  /** Of the appeal that overturned it. */
  appeal_id: string | null;
}
interface AppealRow {
  appeal_id: string;
  verdict_id: string;
  dispute_id: string;
  by_party: Appellant;
  units: JSONColumnType<readonly number[]>;
  status: 'open' | 'withdrawn' | 'ruled';
  lodged_at: string;
  until: string;
  escalated: boolean;
}
interface RulingRow {
  verdict_id: string;
  dispute_id: string;
  outcome: 'upheld' | 'changed';
  decided_by: 'person' | 'overdue';
  person: string | null;
  /** Units with what became of them, their facts and sources, as JSON. */
  units: JSONColumnType<DataOf<DisputeEvent, 'AppealRuled'>['units']>;
  explanation_zh: string;
  explanation_en: string;
  basis: JSONColumnType<readonly string[]>;
  ruled_at: string;
}
interface EvidenceRow {
  dispute_id: string;
  evidence_id: string;
  by_party: string;
  kind: string;
  shows_activation_failure: boolean;
  submitted_at: string;
  /** As the submitter says. */
  problem_at: string | null;
  captured_at: string | null;
  file_sha256: string | null;
  file_bytes: number | null;
  file_media_type: string | null;
  /** What a person found in a chat; null until one has read it. */
  problem_confirmed: boolean | null;
  merchant_promised: string | null;
  tagged_at: string | null;
}
interface Tables {
  case_file: CaseRow;
  case_unit: CaseUnitRow;
  verdict: VerdictRow;
  verdict_override: OverrideRow;
  appeal: AppealRow;
  appeal_ruling: RulingRow;
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
  tables: ['case_file', 'case_unit', 'verdict', 'verdict_override', 'appeal', 'appeal_ruling', 'evidence'],
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
      until timestamptz, escalated boolean not null, verification text, verdict_id text, primary key (dispute_id, unit_no))`.execute(
      tx,
    );
    await sql`create index on case_unit (until) where status = 'under-review'`.execute(tx);
    await sql`create table verdict (
      verdict_id text primary key, dispute_id text not null, decided_by text not null, person text, rule text not null,
      explanation_zh text not null, explanation_en text not null, basis jsonb not null, units jsonb not null,
      decided_at timestamptz not null, appeal_until timestamptz not null, appeal_of text, final_at timestamptz)`.execute(tx);
    await sql`create index on verdict (dispute_id)`.execute(tx);
    await sql`create table verdict_override (
      verdict_id text primary key, dispute_id text not null, status text not null, units jsonb not null, is_fraud boolean not null,
      explanation_zh text not null, explanation_en text not null, proposed_by text not null, proposed_at timestamptz not null,
      approved_by text, overturned_at timestamptz, appeal_id text)`.execute(tx);
    await sql`create index on verdict_override (dispute_id)`.execute(tx);
    await sql`create table appeal (
      appeal_id text primary key, verdict_id text not null, dispute_id text not null, by_party text not null, units jsonb not null,
      status text not null, lodged_at timestamptz not null, until timestamptz not null, escalated boolean not null)`.execute(tx);
    await sql`create index on appeal (dispute_id)`.execute(tx);
    await sql`create index on appeal (until) where status = 'open'`.execute(tx);
    await sql`create table appeal_ruling (
      verdict_id text primary key, dispute_id text not null, outcome text not null, decided_by text not null, person text,
      units jsonb not null, explanation_zh text not null, explanation_en text not null, basis jsonb not null,
      ruled_at timestamptz not null)`.execute(tx);
    await sql`create index on appeal_ruling (dispute_id)`.execute(tx);
    await sql`create table evidence (
      dispute_id text not null, evidence_id text not null, by_party text not null, kind text not null,
      shows_activation_failure boolean not null, submitted_at timestamptz not null, problem_at timestamptz, captured_at timestamptz,
      file_sha256 text, file_bytes integer, file_media_type text, problem_confirmed boolean, merchant_promised text,
      tagged_at timestamptz, primary key (dispute_id, evidence_id))`.execute(tx);
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
          problem_at: data.problemAt ?? null,
          captured_at: data.capturedAt ?? null,
          file_sha256: data.file?.sha256 ?? null,
          file_bytes: data.file?.bytes ?? null,
          file_media_type: data.file?.mediaType ?? null,
          problem_confirmed: null,
          merchant_promised: null,
          tagged_at: null,
        })
        .execute();
    },
    EvidenceTagged: async ({ data }, tx) => {
      await of(tx)
        .updateTable('evidence')
        .set({ problem_confirmed: data.problemConfirmed, merchant_promised: data.merchantPromised, tagged_at: data.taggedAt })
        .where('dispute_id', '=', data.disputeId)
        .where('evidence_id', '=', data.evidenceId)
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
        .set({ until: data.until, escalated: true })
        .where('dispute_id', '=', data.disputeId)
        .where('status', '=', 'under-review')
        .where('until', '=', plusHours(data.until, -escalationHours))
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
          units: encodeData(data.units),
          decided_at: data.decidedAt,
          appeal_until: data.appealUntil,
          appeal_of: data.appealOf ?? null,
          final_at: null,
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
      await of(tx).updateTable('verdict').set({ final_at: data.finalAt }).where('verdict_id', '=', data.verdictId).execute();
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
      const now = { status: 'overturned' as const, approved_by: data.approvedBy ?? null, overturned_at: data.overturnedAt };
      if (data.appealId === undefined) {
        await of(tx).updateTable('verdict_override').set(now).where('verdict_id', '=', data.verdictId).execute();
        return;
      }
      // A proposal that waited for the ruling falls with it.
      await deleteOverride(tx, data.verdictId);
      const row = { ...overrideRow(data), ...now, proposed_at: data.overturnedAt, appeal_id: data.appealId };
      await of(tx).insertInto('verdict_override').values(row).execute();
    },
    AppealLodged: async ({ data }, tx) => {
      await of(tx)
        .insertInto('appeal')
        .values({
          appeal_id: data.appealId,
          verdict_id: data.verdictId,
          dispute_id: data.disputeId,
          by_party: data.by,
          units: JSON.stringify(data.units),
          status: 'open',
          lodged_at: data.lodgedAt,
          until: data.until,
          escalated: false,
        })
        .execute();
    },
    AppealWithdrawn: async ({ data }, tx) => {
      await of(tx).updateTable('appeal').set({ status: 'withdrawn' }).where('appeal_id', '=', data.appealId).execute();
    },
    AppealEscalated: ({ data }, tx) => setOpenAppeals(tx, data.verdictId, { until: data.until, escalated: true }),
    AppealRuled: async ({ data }, tx) => {
      await setOpenAppeals(tx, data.verdictId, { status: 'ruled' });
      await of(tx).insertInto('appeal_ruling').values(rulingRow(data)).execute();
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
async function setOpenAppeals(tx: ReadModelTx, verdictId: string, values: Partial<Omit<AppealRow, 'units'>>): Promise<void> {
  await of(tx).updateTable('appeal').set(values).where('verdict_id', '=', verdictId).where('status', '=', 'open').execute();
}
const rulingRow = (data: DataOf<DisputeEvent, 'AppealRuled'>) => ({
  verdict_id: data.verdictId,
  dispute_id: data.disputeId,
  outcome: data.outcome,
  decided_by: data.decidedBy,
  person: data.person ?? null,
  units: JSON.stringify(data.units),
  explanation_zh: data.explanation.zh,
  explanation_en: data.explanation.en,
  basis: JSON.stringify(data.basis),
  ruled_at: data.ruledAt,
});
const overrideRow = (data: Omit<OverrideProposal, 'proposedAt'>) => ({
  verdict_id: data.verdictId,
  dispute_id: data.disputeId,
  units: encodeData(data.units),
  is_fraud: data.isFraud,
  explanation_zh: data.explanation.zh,
  explanation_en: data.explanation.en,
  proposed_by: data.proposedBy,
});
const proposalRow = (data: OverrideProposal) => ({
  ...overrideRow(data),
  status: 'proposed' as const,
  proposed_at: data.proposedAt,
  approved_by: null,
  overturned_at: null,
  appeal_id: null,
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
        escalated: false,
        verification: null,
        verdict_id: null,
      })),
    )
    .execute();
}

/** A case is over when its last unit is, and final when its last verdict is; until then it stays whatever happens to the others. */
async function settle(tx: ReadModelTx, disputeId: string, status: 'decided' | 'resolved' | 'final'): Promise<void> {
  await sql`update case_file set status = ${status} where dispute_id = ${disputeId}
    and not exists (select 1 from case_unit u where u.dispute_id = ${disputeId} and u.status not in ('decided', 'resolved'))
    and (${status} <> 'final' or not exists (select 1 from verdict v where v.dispute_id = ${disputeId} and v.final_at is null))`.execute(
    tx,
  );
}

export interface CaseFile extends CaseRow {
  units: CaseUnitRow[];
  verdicts: Selectable<VerdictRow>[];
  overrides: Selectable<OverrideRow>[];
  appeals: Selectable<AppealRow>[];
  rulings: Selectable<RulingRow>[];
  evidence: EvidenceRow[];
}

export async function findCase(db: Kysely<NoTables>, disputeId: string): Promise<CaseFile | undefined> {
  const tables = of(db).withSchema(liveSchema);
  const found = await tables.selectFrom('case_file').selectAll().where('dispute_id', '=', disputeId).executeTakeFirst();
  if (found === undefined) return undefined;
  const [units, verdicts, overrides, appeals, rulings, evidence] = await Promise.all([
    tables.selectFrom('case_unit').selectAll().where('dispute_id', '=', disputeId).orderBy('unit_no').execute(),
    tables
      .selectFrom('verdict')
      .selectAll()
      .where('dispute_id', '=', disputeId)
      .orderBy('decided_at')
      .orderBy('verdict_id')
      .execute(),
    tables.selectFrom('verdict_override').selectAll().where('dispute_id', '=', disputeId).execute(),
    tables.selectFrom('appeal').selectAll().where('dispute_id', '=', disputeId).orderBy('appeal_id').execute(),
    tables.selectFrom('appeal_ruling').selectAll().where('dispute_id', '=', disputeId).execute(),
    tables
      .selectFrom('evidence')
      .selectAll()
      .where('dispute_id', '=', disputeId)
      .orderBy('submitted_at')
      .orderBy('evidence_id')
      .execute(),
  ]);
  return { ...found, units, verdicts, overrides, appeals, rulings, evidence };
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

/** Where a review or an appeal stands among those that wait for a person. */
export interface ReviewPlace {
  /** When the platform's own time is over; a supervisor has some more. */
  readonly due: string;
  readonly kind: 'review' | 'appeal';
  /** Of the dispute, or of the verdict that is appealed. */
  readonly id: string;
}
export interface OpenReview extends ReviewPlace {
  readonly disputeId: string;
  readonly verdictId: string | null;
  readonly merchant: string;
  readonly units: readonly number[];
  /** Who appealed. */
  readonly parties: readonly Appellant[];
  /** When it is decided without anybody. */
  readonly until: string;
  readonly escalated: boolean;
}

/** What waits for a person at a platform, the most urgent first, page by page. */
export async function openReviews(
  db: Kysely<NoTables>,
  page: { readonly platform: string; readonly after?: ReviewPlace; readonly limit: number },
): Promise<OpenReview[]> {
  const { platform, after, limit } = page;
  const since = after === undefined ? sql`true` : sql`(due, kind, id) > (${after.due}::timestamptz, ${after.kind}, ${after.id})`;
  const late = sql`make_interval(hours => ${escalationHours}::integer)`;
  const { rows } = await sql<{
    due: string;
    kind: ReviewPlace['kind'];
    id: string;
    dispute_id: string;
    merchant: string;
    units: number[];
    parties: Appellant[];
    until: string;
    escalated: boolean;
  }>`select w.*, c.merchant, w.due + ${late} as until
    from (
      select 'review' as kind, u.dispute_id as id, u.dispute_id, u.escalated,
        u.until - (case when u.escalated then ${late} else interval '0' end) as due,
        jsonb_agg(u.unit_no order by u.unit_no) as units, '[]'::jsonb as parties
      from read.case_unit u where u.status = 'under-review' and u.until is not null group by u.dispute_id, u.until, u.escalated
      union all
      select 'appeal', a.verdict_id, a.dispute_id, bool_and(a.escalated),
        max(a.until) - (case when bool_and(a.escalated) then ${late} else interval '0' end),
        (select jsonb_agg(distinct one.unit order by one.unit) from read.appeal o
          cross join lateral (select jsonb_array_elements(o.units) as unit) one
          where o.verdict_id = a.verdict_id and o.status = 'open'),
        jsonb_agg(a.by_party order by a.appeal_id)
      from read.appeal a where a.status = 'open' group by a.verdict_id, a.dispute_id
    ) w join read.case_file c on c.dispute_id = w.dispute_id
    where c.platform = ${platform} and ${since} order by due, kind, id limit ${limit}`.execute(db);
  return rows.map(({ due, kind, id, dispute_id: disputeId, merchant, units, parties, until, escalated }) => ({
    due,
    kind,
    id,
    disputeId,
    verdictId: kind === 'appeal' ? id : null,
    merchant,
    units,
    parties,
    until,
    escalated,
  }));
}
