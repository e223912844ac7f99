import { eventsOf, fold, plusHours, specify } from '@recourse/eventing';
import { dispute, type DisputeCommand, type DisputeEvent } from './dispute.js';
import { caseFile, claimedAt, readDefaultPolicy } from './sample-case.js';

const event = eventsOf<DisputeEvent>();
const at = plusHours(claimedAt, 2);
const { given } = specify(dispute, at);
const linked = {
  complaintId: 'demo.5f0c',
  channel: '12315',
  externalNumber: { fingerprint: '5f0c1e', masked: '****0123' },
  linkedBy: 'anna',
  linkedAt: at,
} as const;
const link = { type: 'LinkComplaint', ...linked } as const satisfies DisputeCommand;
const exported = { by: 'anna', view: 'platform', position: '12', sha256: 'ab' } as const;
const record = { type: 'RecordExport', ...exported } as const satisfies DisputeCommand;
const key = { disputeId: 'o1.1', orderId: 'o1' };

/** A case in each of its states. */
async function histories(): Promise<readonly DisputeEvent[][]> {
  const file = caseFile('key-invalid', await readDefaultPolicy());
  const drafted = event('DisputeDrafted', { ...file, draftedAt: claimedAt, until: plusHours(claimedAt, 24) });
  const submitted = event('DisputeSubmitted', { ...file, submittedAt: claimedAt, reissueUntil: plusHours(claimedAt, 24) });
  return [
    [drafted],
    [drafted, event('DraftLapsed', { ...key, lapsedAt: at })],
    [submitted],
    [submitted, event('DisputeWithdrawn', { ...key, platform: 'demo', merchant: 'm1', withdrawnAt: at })],
  ];
}

it('a complaint outside and an export belong to the history of a case in every state, and change nothing in it', async () => {
  for (const history of await histories()) {
    given(...history)
      .when(link)
      .then(event('ComplaintLinked', { ...key, ...linked }));
    given(...history)
      .when(record)
      .then(event('CasePackExported', { disputeId: 'o1.1', ...exported, exportedAt: at }));
    const before = fold(dispute, history);
    const after = fold(dispute, [...history, event('ComplaintLinked', { ...key, ...linked })]);
    // What a fact rests on is named by revision, so those are counted.
    expect(after).toEqual({ ...before, revision: before.revision + 1 });
  }
});

it('a case that does not exist has no history', () => {
  given().when(link).thenRejected('DisputeUnknown');
  given().when(record).thenRejected('DisputeUnknown');
});
