import { fold, plusHours, plusMs } from '@recourse/eventing';
import type { ClaimReason } from '@recourse/orders/events';
import type { SubmittedCase } from './case.js';
import { completenessOfCase, type Completeness } from './completeness.js';
import { dispute, type DisputeEvent } from './dispute.js';
import type { PolicyTable } from './policy-table.js';
import { caseFile, claimedAt, deliveredAt, readDefaultPolicy, undelivered, unit } from './sample-case.js';

let table: PolicyTable;
beforeAll(async () => {
  table = await readDefaultPolicy();
});

const submitted = (reason: ClaimReason, units = [unit(1)]): DisputeEvent => ({
  type: 'DisputeSubmitted',
  data: { ...caseFile(reason, table, { units }), submittedAt: claimedAt, reissueUntil: plusHours(claimedAt, 24) },
});
const piece = (evidenceId: string, differing: object = {}): DisputeEvent => ({
  type: 'EvidenceSubmitted',
  data: {
    disputeId: 'o1.1',
    evidenceId,
    by: 'buyer',
    kind: 'screen-recording',
    showsActivationFailure: true,
    content: 'vault:x',
    submittedAt: claimedAt,
    ...differing,
  },
});
const tagged = (evidenceId: string, problemConfirmed: boolean, merchantPromised: 'none' | 'refund'): DisputeEvent => ({
  type: 'EvidenceTagged',
  data: {
    disputeId: 'o1.1',
    evidenceId,
    problemConfirmed,
    merchantPromised,
    by: 'arbitrator',
    taggedBy: 'anna',
    taggedAt: claimedAt,
  },
});
function completeness(...events: DisputeEvent[]): Completeness {
  const [first] = completenessOfCase(fold(dispute, events) as SubmittedCase);
  return first!;
}
const openAxes = ({ axes }: Completeness) =>
  axes.filter(({ isCovered, isNeeded }) => isNeeded && !isCovered).map(({ axis }) => axis);
const coveredBy = ({ axes }: Completeness, wanted: string) =>
  axes.find(({ axis }) => axis === wanted)?.coveredBy.map(({ by, what }) => `${by} ${what}`);

describe('the three things that evidence establishes', () => {
  it('begin with the trade, which the platform proves itself', () => {
    const found = completeness(submitted('key-invalid'));
    expect(found).toMatchObject({ isComplete: false, score: { covered: 1, of: 3 } });
    expect(found.axes[0]).toMatchObject({
      axis: 'fact',
      isCovered: true,
      coveredBy: [{ by: 'platform', what: 'order-and-payment', from: ['1@order-o1', '2@order-o1'] }],
      burden: { on: 'platform' },
    });
    expect(found.missing.map(({ axis, anyOf }) => [axis, anyOf])).toEqual([
      ['time', ['screen-recording', 'abnormal-use']],
      ['party', ['chat']],
    ]);
  });

  it('are complete with a recording that says when and a chat that holds both', () => {
    const history = [submitted('key-invalid'), piece('r1', { problemAt: claimedAt })];
    expect(openAxes(completeness(...history))).toEqual(['party']);
    const chat = [...history, piece('c1', { kind: 'chat' })];
    expect(openAxes(completeness(...chat))).toEqual(['party']);
    const found = completeness(...chat, tagged('c1', true, 'refund'));
    expect(found).toMatchObject({ isComplete: true, score: { covered: 3, of: 3 }, missing: [] });
    expect(coveredBy(found, 'time')).toEqual(['piece screen-recording']);
    expect(coveredBy(found, 'party')).toEqual(['piece chat']);
  });

  it('say of each gap what closes it', () => {
    const whyOf = (...events: DisputeEvent[]) =>
      completeness(submitted('key-invalid'), ...events).missing.map(({ axis, why }) => `${axis}: ${why.en}`);
    const chat = piece('c1', { kind: 'chat' });
    expect(whyOf(piece('r1'), chat)).toEqual([
      expect.stringMatching(/^time: .*add the times/),
      expect.stringMatching(/^party: Neither the merchant nor an arbitrator/),
    ]);
    expect(whyOf(chat, tagged('c1', true, 'none'))[1]).toMatch(/no plain promise/);
    expect(whyOf(chat, tagged('c1', false, 'refund'))[1]).toMatch(/no confirmation of the problem/);
    expect(whyOf()[1]).toMatch(/neither|nor his promise/);
  });

  it.each<[string, () => DisputeEvent[]]>([
    ['nothing came', () => [submitted('not-delivered', [undelivered(1)])]],
    ['its own system failed', () => [submitted('platform-failure', [unit(1, { platformFailure: true })])]],
    ['no fault is alleged', () => [submitted('dislike')]],
    [
      'the verifier found the fault',
      () => [
        submitted('key-invalid'),
        {
          type: 'VerificationRecorded',
          data: {
            disputeId: 'o1.1',
            results: [{ unitNo: 1, outcome: 'INVALID', source: 's', queriedAt: claimedAt, resultHash: 'ab' }],
          },
        },
      ],
    ],
  ])('need nothing of the buyer when %s', (_, events) => {
    expect(completeness(...events())).toMatchObject({ isComplete: true, missing: [] });
  });

  it('are not served by a verifier who says that the key was good', () => {
    const good: DisputeEvent = {
      type: 'VerificationRecorded',
      data: {
        disputeId: 'o1.1',
        results: [{ unitNo: 1, outcome: 'UNUSED', source: 's', queriedAt: claimedAt, resultHash: 'ab' }],
      },
    };
    expect(openAxes(completeness(submitted('key-invalid'), good))).toEqual(['time', 'party']);
  });

  it('put the silence of the merchant on him', () => {
    const silent: DisputeEvent[] = [
      { type: 'MerchantAnswerAwaited', data: { disputeId: 'o1.1', units: [1], until: claimedAt, rule: 'r' } },
      { type: 'MerchantStayedSilent', data: { disputeId: 'o1.1', units: [1], silentAt: claimedAt } },
    ];
    const found = completeness(submitted('key-invalid'), ...silent);
    expect(coveredBy(found, 'party')).toEqual(['merchant silent']);
    expect(found.axes[2]?.burden.on).toBe('merchant');
  });

  it('tell the merchant what he could show, until he has', () => {
    const [missing] = completeness(submitted('key-used')).missingOfMerchant;
    expect(missing?.anyOf).toEqual(['supplier-proof', 'activation-record']);
    const proof = piece('m1', { by: 'merchant', kind: 'supplier-proof' });
    expect(completeness(submitted('key-used'), proof).missingOfMerchant).toEqual([]);
    expect(completeness(submitted('dislike')).missingOfMerchant).toEqual([]);
  });

  it('are told of a draft as of a submitted case', () => {
    const { data } = submitted('key-invalid') as Extract<DisputeEvent, { type: 'DisputeSubmitted' }>;
    const { submittedAt, reissueUntil, ...file } = data;
    const draft: DisputeEvent = { type: 'DisputeDrafted', data: { ...file, draftedAt: submittedAt, until: reissueUntil } };
    expect(completeness(draft, piece('r1'))).toEqual(completeness(submitted('key-invalid'), piece('r1')));
  });

  it('rest on events only', () => {
    const found = completeness(submitted('key-invalid'), piece('r1', { capturedAt: claimedAt }));
    for (const { coveredBy: covering } of found.axes)
      for (const { from } of covering) expect(from.every((reference) => /^\d+@(order|dispute)-o1/.test(reference))).toBe(true);
  });
});

describe('timeliness', () => {
  const gradeOf = (problemAt?: string, capturedAt?: string, submittedAt = claimedAt) =>
    completeness(
      submitted('key-invalid'),
      piece('r1', { submittedAt, ...(problemAt && { problemAt }), ...(capturedAt && { capturedAt }) }),
    ).timeliness.grade;
  const at = plusHours(deliveredAt, 1);

  it.each<[string, () => string, string]>([
    ['captured at once and submitted soon', () => gradeOf(at, plusHours(at, 1), plusHours(at, 24)), 'prompt'],
    ['captured a millisecond too late for that', () => gradeOf(at, plusMs(plusHours(at, 1), 1), plusHours(at, 24)), 'fair'],
    ['submitted a millisecond too late for that', () => gradeOf(at, at, plusMs(plusHours(at, 24), 1)), 'fair'],
    ['submitted exactly three days later', () => gradeOf(at, at, plusHours(at, 72)), 'fair'],
    ['submitted after that', () => gradeOf(at, at, plusMs(plusHours(at, 72), 1)), 'late'],
    ['known by its capture only', () => gradeOf(undefined, at, plusHours(at, 2)), 'prompt'],
    ['without any time', () => gradeOf(), 'unstated'],
    ['of before the delivery', () => gradeOf(plusMs(deliveredAt, -1)), 'before-delivery'],
    ['of the moment of delivery', () => gradeOf(deliveredAt, deliveredAt, deliveredAt), 'prompt'],
  ])('%s', (_, grade, expected) => expect(grade()).toBe(expected));

  it('gives the best of what shows the failure, and the lengths of time of each', () => {
    const found = completeness(
      submitted('key-invalid'),
      piece('r1'),
      piece('r2', { problemAt: at, capturedAt: plusHours(at, 2), submittedAt: plusHours(at, 3) }),
      piece('c1', { kind: 'chat', problemAt: at, capturedAt: at, submittedAt: at }),
    ).timeliness;
    expect(found.grade).toBe('fair');
    expect(found.pieces[1]).toMatchObject({
      evidenceId: 'r2',
      deliveryToProblemMs: 3_600_000,
      problemToCaptureMs: 7_200_000,
      untilSubmissionMs: 10_800_000,
    });
  });
});
