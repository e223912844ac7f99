import { fold, isRejection, plusHours, plusMs, specify, type Stamped } from '@recourse/eventing';
import { dispute, type ConfirmedTags, type DisputeCommand, type DisputeEvent } from './dispute.js';
import { merchantEvidenceKinds } from './evidence.js';
import { findingsOf } from './facts.js';
import { policyHash, type PolicyTable } from './policy-table.js';
import { caseFile, claimedAt, readDefaultPolicy, undelivered } from './sample-case.js';
import { tableOf } from './sample-table.js';

const { given } = specify(dispute);
const file = { disputeId: 'o1.1' };
let table: PolicyTable;
beforeAll(async () => {
  table = await readDefaultPolicy();
});

function told(...commands: Stamped<DisputeCommand>[]): DisputeEvent[] {
  const events: DisputeEvent[] = [];
  for (const command of commands) {
    const outcome = dispute.decide(command, fold(dispute, events));
    if (isRejection(outcome)) throw new Error(`${command.type}: ${outcome.rejected}, ${outcome.detail}`);
    events.push(...outcome);
  }
  return events;
}
const open = (draft = false, against: PolicyTable = table) =>
  ({ type: 'OpenDispute', draft, openedAt: claimedAt, at: claimedAt, ...caseFile('key-invalid', against) }) as const;
const piece = (evidenceId: string, differing: object = {}) =>
  ({
    type: 'SubmitEvidence',
    evidenceId,
    by: 'buyer',
    kind: 'chat',
    showsActivationFailure: false,
    content: `vault:${evidenceId}`,
    at: claimedAt,
    ...differing,
  }) as const;
const tag = (
  evidenceId: string,
  problemConfirmed: boolean,
  merchantPromised: ConfirmedTags['merchantPromised'],
  by: 'arbitrator' | 'merchant' = 'arbitrator',
) => ({ type: 'TagEvidence', evidenceId, by, subject: `${by}-1`, problemConfirmed, merchantPromised, at: claimedAt }) as const;
const tagged = (
  evidenceId: string,
  problemConfirmed: boolean,
  merchantPromised: ConfirmedTags['merchantPromised'],
  by: 'arbitrator' | 'merchant' = 'arbitrator',
) =>
  ({
    type: 'EvidenceTagged',
    data: { ...file, evidenceId, problemConfirmed, merchantPromised, by, taggedBy: `${by}-1`, taggedAt: claimedAt },
  }) as const;
const promised = (evidenceId: string, promise: 'reissue' | 'refund', by = 'arbitrator') =>
  ({
    type: 'MerchantPromised',
    data: { ...file, evidenceId, promise, confirmedBy: `${by}-1`, promisedAt: claimedAt },
  }) as const;

function factsOf(events: readonly DisputeEvent[]) {
  const state = fold(dispute, events);
  if (state.status !== 'submitted' || state.units[0] === undefined) throw new Error('not submitted');
  const { facts, sources } = findingsOf(state, state.units[0]);
  return {
    chat: facts.chat,
    evidence: facts.evidence,
    promise: facts.merchantPromise,
    from: Object.fromEntries(sources.map(({ fact, from }) => [fact, from])),
  };
}

describe('a piece of evidence', () => {
  it('is of a kind that its side can have', () => {
    for (const kind of merchantEvidenceKinds)
      expect(given(...told(open())).when(piece('e1', { by: 'merchant', kind })).events).toHaveLength(1);
    given(...told(open()))
      .when(piece('e1', { kind: 'supplier-proof' }))
      .thenRejected('WrongEvidenceKind');
    given(...told(open()))
      .when(piece('e1', { by: 'merchant', kind: 'screen-recording' }))
      .thenRejected('WrongEvidenceKind');
  });

  it('is a video where it calls itself a recording', () => {
    const recorded = (mediaType: string) =>
      given(...told(open())).when(
        piece('e1', { kind: 'screen-recording', file: { sha256: 'ab'.repeat(32), bytes: 70, mediaType, reference: 'person-1' } }),
      );
    expect(recorded('video/mp4').events).toHaveLength(1);
    recorded('image/png').thenRejected('WrongEvidenceKind');
  });

  it('names its file by hash, and the times that its submitter gave', () => {
    const details = {
      file: { sha256: 'ab'.repeat(32), bytes: 70, mediaType: 'image/png', reference: 'person-1' },
      problemAt: plusHours(claimedAt, -2),
      capturedAt: plusHours(claimedAt, -1),
    };
    given(...told(open()))
      .when(piece('e1', { kind: 'abnormal-use', ...details }))
      .then({
        type: 'EvidenceSubmitted',
        data: {
          ...file,
          evidenceId: 'e1',
          by: 'buyer',
          kind: 'abnormal-use',
          showsActivationFailure: false,
          content: 'vault:e1',
          ...details,
          submittedAt: claimedAt,
        },
      });
  });

  it('is captured after its problem and before its submission, to the millisecond', () => {
    const at = (problemAt: string | undefined, capturedAt: string | undefined) =>
      given(...told(open())).when(
        piece('e1', { ...(problemAt === undefined ? {} : { problemAt }), ...(capturedAt === undefined ? {} : { capturedAt }) }),
      );
    expect(at(claimedAt, claimedAt).events).toHaveLength(1);
    const later = plusMs(claimedAt, 1);
    at(undefined, later).thenRejected('TimesContradict');
    at(later, undefined).thenRejected('TimesContradict');
    at(claimedAt, plusMs(claimedAt, -1)).thenRejected('TimesContradict');
  });
});

describe('a chat', () => {
  it('counts for little until a person has found both the confirmation and the promise in it', () => {
    const submitted = told(open(), piece('c1'));
    expect(factsOf(told(open()))).toMatchObject({ chat: 'none', promise: 'none' });
    expect(factsOf(submitted)).toMatchObject({ chat: 'weak', promise: 'none', from: { chat: ['1@dispute-o1.1'] } });
    const half = [...submitted, tagged('c1', true, 'none')];
    expect(factsOf(half)).toMatchObject({ chat: 'weak' });
    given(...half)
      .when(tag('c1', true, 'reissue'))
      .then(tagged('c1', true, 'reissue'), promised('c1', 'reissue'));
    expect(factsOf([...half, tagged('c1', true, 'reissue'), promised('c1', 'reissue')])).toMatchObject({
      chat: 'strong',
      promise: 'reissue',
      from: { chat: ['1@dispute-o1.1', '3@dispute-o1.1'], merchantPromise: ['4@dispute-o1.1'] },
    });
  });

  it('is not strong by what the extractor suggests', () => {
    const suggestedTags = { problemConfirmed: true, merchantPromised: 'refund' };
    expect(factsOf(told(open(), piece('c1', { suggestedTags })))).toMatchObject({ chat: 'weak', promise: 'none' });
  });

  it('is not strong by two halves in two chats', () => {
    const events = told(open(), piece('c1'), piece('c2'), tag('c1', true, 'none'), tag('c2', false, 'refund'));
    expect(factsOf(events)).toMatchObject({ chat: 'weak', promise: 'refund' });
  });

  it('may be tagged by the merchant himself, and the same said again changes nothing', () => {
    const submitted = told(open(), piece('c1', { by: 'merchant' }));
    const said = given(...submitted).when(tag('c1', true, 'refund', 'merchant'));
    said.then(tagged('c1', true, 'refund', 'merchant'), promised('c1', 'refund', 'merchant'));
    given(...submitted, ...said.events)
      .when(tag('c1', true, 'refund'))
      .thenNothing();
  });

  it('binds: a promise may become more, never less', () => {
    const events = told(open(), piece('c1'), piece('c2'), tag('c1', true, 'reissue'));
    given(...events)
      .when(tag('c1', true, 'none'))
      .thenRejected('PromiseBinds');
    given(...events)
      .when(tag('c1', false, 'reissue', 'merchant'))
      .thenRejected('PromiseBinds');
    given(...events)
      .when(tag('c1', false, 'reissue'))
      .then(tagged('c1', false, 'reissue'));
    given(...events)
      .when(tag('c1', true, 'refund'))
      .then(tagged('c1', true, 'refund'), promised('c1', 'refund'));
    given(...events)
      .when(tag('c2', false, 'reissue'))
      .then(tagged('c2', false, 'reissue'));
  });

  it('is tagged in a draft too, and what was promised there stands when it is submitted', () => {
    const drafted = told(open(true), piece('c1'), tag('c1', true, 'refund'), {
      type: 'SubmitDispute',
      submittedAt: claimedAt,
      at: claimedAt,
    });
    expect(factsOf(drafted)).toMatchObject({ chat: 'strong', promise: 'refund' });
  });

  it('is the only thing that is tagged, where it is known, while something is left to decide', () => {
    const events = told(open(), piece('r1', { kind: 'screen-recording' }), piece('c1'));
    given(...events)
      .when(tag('r1', true, 'refund'))
      .thenRejected('NotAChat');
    given(...events)
      .when(tag('c9', true, 'refund'))
      .thenRejected('EvidenceUnknown');
    given(...told(open(), piece('c1'), { type: 'WithdrawDispute', at: claimedAt }))
      .when(tag('c1', true, 'refund'))
      .thenRejected('EvidenceTooLate');
    given()
      .when(tag('c1', true, 'refund'))
      .thenRejected('DisputeUnknown');
  });
});

describe('a policy that asks for it', () => {
  const refund = { do: 'decide', liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' } as const;
  const text = { zh: '商家已承诺退款', en: 'The merchant promised the refund' };
  const asking = tableOf([
    { id: 'promised', when: { chat: 'strong', merchantPromise: 'refund' }, then: refund, explanation: text, basis: ['S46'] },
    { id: 'complete', when: { evidence: 'complete' }, then: refund, explanation: text, basis: ['S41'] },
    { id: 'rest', when: {}, then: { do: 'await-merchant' }, explanation: text, basis: ['S48'] },
  ]);
  const apply = { type: 'ApplyPolicy', table: asking, at: claimedAt } as const;

  it('refunds on the merchant’s own promise as soon as it is tagged', () => {
    const waiting = told(open(false, asking), piece('c1'), apply);
    expect(waiting.at(-1)?.type).toBe('MerchantAnswerAwaited');
    const decided = told(open(false, asking), piece('c1'), apply, tag('c1', true, 'refund'), apply);
    expect(decided.at(-1)).toMatchObject({
      type: 'VerdictReached',
      data: { rule: 'promised', units: [{ remedy: 'FULL_REFUND' }] },
    });
  });

  it('takes a unit from its reviewer for a promise that binds, and for nothing else', () => {
    const late = plusHours(claimedAt, 1);
    const reviewed = told(
      { ...open(), reason: 'wrong-face-value', policy: { id: 'demo', version: 1, hash: policyHash(table) } },
      piece('e1'),
      { type: 'RequestPerson', at: claimedAt },
      { type: 'ApplyPolicy', table, at: claimedAt },
      {
        type: 'RecordVerification',
        at: claimedAt,
        results: [{ unitNo: 1, outcome: 'INCONCLUSIVE', source: 's', queriedAt: claimedAt, resultHash: 'ab'.repeat(32) }],
      },
      { type: 'ApplyPolicy', table, at: claimedAt },
    );
    expect(reviewed.at(-1)).toMatchObject({ type: 'ReviewStarted', data: { rule: 'person-requested' } });
    const bound = (promise: 'reissue' | 'refund') => [...reviewed, tagged('e1', true, promise), promised('e1', promise)];
    const apply = { type: 'ApplyPolicy', table, at: late } as const;
    expect(given(...bound('refund')).when(apply).events).toMatchObject([
      { type: 'VerdictReached', data: { rule: 'promised-refund', decidedBy: 'rule', units: [{ remedy: 'FULL_REFUND' }] } },
    ]);
    given(...bound('refund'))
      .when({
        type: 'DecideDispute',
        person: 'anna',
        units: [{ unitNo: 1, liable: 'BUYER', remedy: 'NONE', bearer: 'none' }],
        explanation: { zh: '不退', en: 'no' },
        at: late,
      })
      .thenRejected('NotUnderReview');
    const unpromised = [...reviewed, tagged('e1', true, 'none')];
    expect(fold(dispute, unpromised)).toMatchObject({
      units: [{ status: { is: 'under-review', until: plusHours(claimedAt, 72) } }],
    });
  });

  it('takes the evidence for complete when the platform attests all of it', () => {
    const opening = { ...open(false, asking), ...caseFile('not-delivered', asking, { units: [undelivered(1)] }) };
    expect(told(opening, apply).at(-1)).toMatchObject({ type: 'VerdictReached', data: { rule: 'complete' } });
  });
});
