import type { Actor } from '@recourse/eventing';
import { channelsOfCase, complaintsOfCase, type Database, type FoundComplaint } from '@recourse/postgres';

/** For staff; what the authority was told and its number in clear are read one by one. */
export const complaintOf = (row: FoundComplaint) => ({
  complaintId: row.complaint_id,
  channel: row.channel,
  number: row.masked_number,
  orderId: row.order_id,
  merchant: row.merchant,
  buyer: row.buyer,
  units: row.units.map((unit) => ({ unit: unit.unit_no, disputeId: unit.dispute_id })),
  status: row.status,
  receivedAt: row.received_at,
  answerBy: row.answer_by,
  recordedBy: row.recorded_by,
  recordedAt: row.recorded_at,
  overdueAt: row.overdue_at,
  answeredBy: row.answered_by,
  answeredAt: row.answered_at,
  outcome: row.outcome,
  closedAt: row.closed_at,
});

/** Which channels lead to a case. Staff see every complaint, the buyer his own by its masked number, the merchant where, not by which number. */
export async function escalationOf(database: Database, disputeId: string, { role }: Actor) {
  const [claimed, complaints] = await Promise.all([
    channelsOfCase(database.db, disputeId),
    complaintsOfCase(database.db, disputeId),
  ]);
  return {
    channels: claimed.map(({ channel, since }) => ({ channel, since })),
    complaints: complaints.map((row) => {
      const { channel, number, status, receivedAt, outcome, ...whole } = complaintOf(row);
      if (role === 'merchant') return { channel, status, receivedAt, outcome };
      const shown = { channel, number, status, receivedAt, outcome };
      return role === 'buyer' || role === 'shop' ? shown : { ...whole, ...shown };
    }),
  };
}
