import { eventsOf, plusMs, specify } from '@recourse/eventing';
import { complaint, type ComplaintCommand, type ComplaintEvent, type ComplaintFile } from './complaint.js';

const event = eventsOf<ComplaintEvent>();
const receivedAt = '2026-03-02T01:00:00.000Z';
const recordedAt = '2026-03-02T02:00:00.000Z';
const answerBy = '2026-03-11T15:59:59.999Z';
const file: ComplaintFile = {
  complaintId: 'demo.5f0c',
  platform: 'demo',
  orderId: 'demo.G001',
  merchant: 'm1',
  buyer: 'b1',
  channel: '12315',
  externalNumber: { fingerprint: '5f0c1e', masked: '****0123' },
  content: 'person-1',
  units: [{ unitNo: 1, disputeId: 'demo.G001.1' }, { unitNo: 2 }],
  receivedAt,
  answerBy,
  recordedBy: 'anna',
};
const { complaintId, platform, orderId } = file;
const complained = { complaintId, platform, orderId };
const { given } = specify(complaint, recordedAt);
const receive = (change: Partial<ComplaintFile> = {}): ComplaintCommand => ({ type: 'ReceiveComplaint', ...file, ...change });
const received = event('ComplaintReceived', { ...file, recordedAt });
const answer = { type: 'AnswerComplaint', answer: 'person-2', subject: 'ben' } as const;
const answered = event('ComplaintAnswered', { ...complained, answer: 'person-2', answeredBy: 'ben', answeredAt: recordedAt });
const close = { type: 'CloseComplaint', outcome: 'settled', subject: 'ben' } as const;
const closed = event('ComplaintClosed', { ...complained, outcome: 'settled', closedBy: 'ben', closedAt: recordedAt });
const pass = (at: string) => ({ type: 'PassComplaintDeadlines', at }) as const;
const late = plusMs(answerBy, 1);
const overdue = event('ComplaintBecameOverdue', { ...complained, answerBy, overdueAt: late });

describe('a complaint at an authority', () => {
  it('is received, answered and closed', () => {
    given().when(receive()).then(received);
    given(received).when(answer).then(answered);
    given(received, answered).when(close).then(closed);
  });

  it('may be closed by the authority before it was answered', () => {
    given(received).when(close).then(closed);
    given(received, closed).when(answer).thenRejected('ComplaintOver');
    given(received, closed).when(close).thenRejected('ComplaintOver');
  });

  it('is answered once', () => {
    given(received, answered).when(answer).thenRejected('ComplaintAnswered');
  });

  it('that is sent again, or for fewer of its units, is the same', () => {
    given(received).when(receive()).thenNothing();
    given(received, answered, closed)
      .when(receive({ content: 'person-9', units: [{ unitNo: 2 }] }))
      .thenNothing();
  });

  it('has one order and its own units', () => {
    given(received)
      .when(receive({ orderId: 'demo.G002' }))
      .thenRejected('ComplaintDiffers');
    given(received)
      .when(receive({ units: [{ unitNo: 3 }] }))
      .thenRejected('ComplaintDiffers');
  });

  it('is not recorded before it came, nor with a deadline before it came', () => {
    given()
      .when(receive({ receivedAt: plusMs(recordedAt, 1) }))
      .thenRejected('ComplaintNotYet');
    given()
      .when(receive({ answerBy: receivedAt }))
      .thenRejected('DeadlineBackdated');
    given().when(answer).thenRejected('ComplaintUnknown');
  });
});

describe('the deadline of the authority', () => {
  it('is kept by an answer exactly at it, and is over one millisecond later', () => {
    given(received).when(pass(answerBy)).thenNothing();
    given(received).when(pass(late)).then(overdue);
  });

  it('is missed once, and the answer may still come', () => {
    given(received, overdue)
      .when(pass(plusMs(late, 1)))
      .thenNothing();
    given(received, overdue).when(answer).then(answered);
  });

  it('is nobody’s business once it was answered or closed', () => {
    given(received, answered).when(pass(late)).thenNothing();
    given(received, closed).when(pass(late)).thenNothing();
  });
});
