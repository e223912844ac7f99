import { sql, type Kysely } from 'kysely';
import type { NoTables } from './read-model.js';

export const caseStatuses = ['draft', 'lapsed', 'open', 'decided', 'final', 'resolved', 'withdrawn'] as const;
/** Whose word a unit of an open case, or a draft, waits for. */
export const caseTurns = ['buyer', 'merchant', 'arbitrator', 'platform'] as const;
export type CaseTurn = (typeof caseTurns)[number];

const waitsFor: Readonly<Record<CaseTurn, readonly string[]>> = {
  buyer: ['awaiting-buyer-check', 'awaiting-evidence'],
  merchant: ['awaiting-merchant', 'awaiting-reissue', 'awaiting-evidence'],
  arbitrator: ['under-review'],
  platform: ['submitted', 'verifying'],
};

export interface CaseFilter {
  readonly platform: string;
  readonly merchant?: string;
  readonly buyer?: string;
  readonly status?: string;
  readonly turn?: CaseTurn;
  /** Cases after this one, in the order of the list. */
  readonly after?: string;
  readonly limit: number;
}

export interface ListedCase {
  readonly dispute_id: string;
  readonly order_id: string;
  readonly merchant: string;
  readonly buyer: string;
  readonly reason: string;
  readonly status: (typeof caseStatuses)[number];
  readonly opened_at: string;
  readonly submitted_at: string | null;
  /** The next moment at which a unit stops waiting for the one it waits for; null where no clock runs. */
  readonly due_at: string | null;
  readonly units: readonly { readonly unit: number; readonly status: string; readonly until: string | null }[];
}

/**
 * Of cases that still move the most urgent first: those with a clock by its end, then the others as they were opened; of all
 * others the oldest first.
 */
export async function listCases(db: Kysely<NoTables>, filter: CaseFilter): Promise<ListedCase[]> {
  const { platform, merchant, buyer, turn, after, limit } = filter;
  const status = filter.status ?? 'open';
  const isMoving = turn !== undefined || status === 'open' || status === 'draft';
  const waiting = turn === undefined ? sql`u.until is not null` : sql`u.status = any(${[...waitsFor[turn]]})`;
  const unitsWaiting = sql`from read.case_unit u where u.dispute_id = f.dispute_id and ${waiting}`;
  const drafts = turn === 'buyer' ? sql`or f.status = 'draft'` : sql``;
  // A draft's own clock is no unit's.
  const due = sql`coalesce((select min(u.until) ${unitsWaiting}), case when f.status = 'draft' then f.opened_at + interval '24 hours' end)`;
  const { rows } = await sql<ListedCase>`with listed as (
      select f.*, ${isMoving ? due : sql`null::timestamptz`} as due_at from read.case_file f
      where f.platform = ${platform}
        ${merchant === undefined ? sql`` : sql`and f.merchant = ${merchant}`}
        ${buyer === undefined ? sql`` : sql`and f.buyer = ${buyer}`}
        and ${turn === undefined ? sql`f.status = ${status}` : sql`((f.status = 'open' and exists (select 1 ${unitsWaiting})) ${drafts})`}),
    placed as (select *, coalesce(due_at, 'infinity'::timestamptz) as place from listed)
    select p.dispute_id, p.order_id, p.merchant, p.buyer, p.reason, p.status, p.opened_at, p.submitted_at, p.due_at,
      (select jsonb_agg(jsonb_build_object('unit', u.unit_no, 'status', u.status, 'until',
          to_char(u.until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by u.unit_no)
        from read.case_unit u where u.dispute_id = p.dispute_id) as units
    from placed p
    ${
      after === undefined
        ? sql``
        : sql`where (p.place, p.opened_at, p.dispute_id)
          > (select l.place, l.opened_at, l.dispute_id from placed l where l.dispute_id = ${after})`
    }
    order by p.place, p.opened_at, p.dispute_id limit ${limit}`.execute(db);
  return rows;
}
