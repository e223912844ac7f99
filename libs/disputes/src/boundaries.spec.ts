import { fold, isRejection, plusDays, plusHours, plusMs, specify, type Instant, type Stamped } from '@recourse/eventing';
import { dispute, type DisputeCommand, type DisputeEvent } from './dispute.js';
import type { PolicyTable } from './policy-table.js';
import { afterSaleEndsAt, caseFile, claimedAt, readDefaultPolicy, unit } from './sample-case.js';

const { given } = specify(dispute);
let table: PolicyTable;
beforeAll(async () => {
  table = await readDefaultPolicy();
});
const justAfter = (instant: Instant) => plusMs(instant, 1);
const typesOf = (events: readonly DisputeEvent[]) => events.map(({ type }) => type);

/** What follows from these commands, which must all be accepted. */
function story(...commands: Stamped<DisputeCommand>[]): DisputeEvent[] {
  const events: DisputeEvent[] = [];
  for (const command of commands) {
    const outcome = dispute.decide(command, fold(dispute, events));
    if (isRejection(outcome)) throw new Error(`${command.type}: ${outcome.rejected}, ${outcome.detail}`);
    events.push(...outcome);
  }
  return events;
}
const open = (at = claimedAt, units = [unit(1)]) =>
  ({ type: 'OpenDispute', draft: false, openedAt: at, at, ...caseFile('key-invalid', table, { units }) }) as const;
const apply = (at: Instant) => ({ type: 'ApplyPolicy', table, at }) as const;
const clock = (at: Instant) => ({ type: 'PassDisputeDeadlines', at }) as const;
const verified = (outcome: 'INVALID' | 'INCONCLUSIVE', at: Instant, unitNos = [1]) =>
  ({
    type: 'RecordVerification',
    at,
    results: unitNos.map((unitNo) => ({ unitNo, outcome, source: 'sandbox', queriedAt: at, resultHash: 'ab'.repeat(32) })),
  }) as const;
const asked = (at = claimedAt) => story(open(at), apply(at), verified('INCONCLUSIVE', at), apply(at));
const contested = (at = claimedAt) => [
  ...asked(at),
  ...more(asked(at), { type: 'AnswerClaim', answer: 'contested', at }, apply(at)),
];
function more(before: readonly DisputeEvent[], ...commands: Stamped<DisputeCommand>[]): DisputeEvent[] {
  const events: DisputeEvent[] = [];
  for (const command of commands) {
    const outcome = dispute.decide(command, fold(dispute, [...before, ...events]));
    if (isRejection(outcome)) throw new Error(`${command.type}: ${outcome.rejected}, ${outcome.detail}`);
    events.push(...outcome);
  }
  return events;
}

describe('a moment exactly at a deadline is inside, one millisecond later is outside', () => {
  const draft = () => story({ ...open(), draft: true });
  const awaitingReissue = () => story(open(), apply(claimedAt), verified('INVALID', claimedAt), apply(claimedAt));
  const toCheck = () => [
    ...awaitingReissue(),
    ...more(awaitingReissue(), { type: 'ReportReplacement', unitNo: 1, deliveredAt: claimedAt, at: claimedAt }),
  ];
  const reviewed = () => [
    ...contested(),
    ...more(contested(), clock(justAfter(plusHours(claimedAt, 48))), apply(justAfter(plusHours(claimedAt, 48)))),
  ];
  const reviewEnds = justAfter(plusHours(claimedAt, 48 + 72));

  const waits: readonly (readonly [string, () => DisputeEvent[], Instant, DisputeEvent['type']])[] = [
    ['a draft', draft, plusHours(claimedAt, 24), 'DraftLapsed'],
    ['the verifier', () => story(open(), apply(claimedAt)), plusHours(claimedAt, 24), 'ReviewStarted'],
    ['the reissue', awaitingReissue, plusHours(claimedAt, 24), 'ReissueMissed'],
    ['the check of a reissued key', toCheck, plusHours(claimedAt, 24), 'ResolvedByReissue'],
    ['the answer of the merchant', asked, plusHours(claimedAt, 48), 'MerchantStayedSilent'],
    ['the evidence of both sides', contested, plusHours(claimedAt, 48), 'EvidencePhaseEnded'],
    ['the review', reviewed, reviewEnds, 'ReviewEscalated'],
  ];
  it.each(waits)('%s', (_, history, end, next) => {
    given(...history())
      .when(clock(end))
      .thenNothing();
    expect(typesOf(more(history(), clock(justAfter(end))))).toEqual([next]);
    // Late is right too: once, whatever followed meanwhile.
    const late = more(history(), clock(plusDays(end, 1)));
    expect(typesOf(late)[0]).toBe(next);
    expect(more([...history(), ...late], clock(plusDays(end, 1)))).toEqual([]);
  });

  it('what a party says in the last millisecond counts, and one later does not', () => {
    const end = plusHours(claimedAt, 48);
    expect(typesOf(more(asked(), { type: 'AnswerClaim', answer: 'accepted', at: end }))).toEqual(['MerchantAnswered']);
    given(...asked())
      .when({ type: 'AnswerClaim', answer: 'accepted', at: justAfter(end) })
      .thenRejected('NoAnswerExpected');
    const checkEnd = plusHours(claimedAt, 24);
    expect(typesOf(more(toCheck(), { type: 'CheckReplacement', works: false, at: checkEnd }))).toEqual(['ReplacementRefused']);
    given(...toCheck())
      .when({ type: 'CheckReplacement', works: false, at: justAfter(checkEnd) })
      .thenRejected('NoReplacementToCheck');
  });

  it('the after-sale window: at its end the verifier is asked, one millisecond later the claim is late', () => {
    const step = (at: Instant) => typesOf(story(open(at), apply(at))).at(-1);
    expect(step(afterSaleEndsAt)).toBe('VerificationRequested');
    expect(step(justAfter(afterSaleEndsAt))).toBe('VerdictReached');
  });

  it('two claims in one millisecond are one case, and the second of another case is refused', () => {
    given(...story(open()))
      .when(open())
      .thenNothing();
    given(...story(open()))
      .when({ ...open(), disputeId: 'o1.2' })
      .thenRejected('DisputeExists');
  });
});

describe('hours are exact, whatever the calendar does meanwhile', () => {
  it.each([
    ['over the end of February', '2026-02-28T23:59:59.999Z', '2026-03-01T23:59:59.999Z'],
    ['over a leap day', '2028-02-28T20:00:00.000Z', '2028-02-29T20:00:00.000Z'],
    ['over the end of a year', '2026-12-31T16:00:00.000Z', '2027-01-01T16:00:00.000Z'],
    ['while summer time begins in Berlin', '2026-03-28T12:00:00.000Z', '2026-03-29T12:00:00.000Z'],
    ['while summer time ends in New York', '2026-10-31T12:00:00.000Z', '2026-11-01T12:00:00.000Z'],
  ])('%s', (_, claimed, reissueUntil) => {
    const key = unit(1, { deliveredAt: claimed, revealedAt: claimed, afterSaleEndsAt: plusHours(claimed, 24) });
    const [submitted] = story(open(claimed, [key]));
    expect(submitted).toMatchObject({ type: 'DisputeSubmitted', data: { reissueUntil } });
  });
});

describe('what the order took in time counts, though the timer of the case was quicker than the report', () => {
  const end = plusHours(claimedAt, 24);
  const missed = () => {
    const waiting = story(open(), apply(claimedAt), verified('INVALID', claimedAt), apply(claimedAt));
    return [...waiting, ...more(waiting, clock(justAfter(end)), apply(justAfter(end)))];
  };
  const report = (deliveredAtMs: Instant) =>
    ({ type: 'ReportReplacement', unitNo: 1, deliveredAt: deliveredAtMs, at: plusMs(end, 5) }) as const;

  it('a key reissued at 24:00:00.000 voids the verdict that no key came, and the buyer checks it', () => {
    const voided = more(missed(), report(end));
    expect(voided).toEqual([
      {
        type: 'VerdictVoided',
        data: { disputeId: 'o1.1', verdictId: 'o1.1.v1', orderId: 'o1', units: [1], voidedAt: plusMs(end, 5) },
      },
      { type: 'BuyerCheckAwaited', data: { disputeId: 'o1.1', units: [1], until: plusHours(end, 24) } },
    ]);
    given(...missed(), ...voided)
      .when(report(end))
      .thenNothing();
    const refused = more(
      [...missed(), ...voided],
      { type: 'CheckReplacement', works: false, at: plusHours(end, 1) },
      apply(plusHours(end, 1)),
    );
    expect(refused).toMatchObject([
      { type: 'ReplacementRefused' },
      { type: 'VerdictReached', data: { verdictId: 'o1.1.v2', rule: 'reissue-failed', units: [{ remedy: 'FULL_REFUND' }] } },
    ]);
    const works = more([...missed(), ...voided], { type: 'CheckReplacement', works: true, at: plusHours(end, 1) });
    expect(typesOf(works)).toEqual(['ResolvedByReissue']);
  });

  it('one at 24:00:00.001 is too late: the refund stands', () => {
    given(...missed())
      .when(report(justAfter(end)))
      .thenRejected('AlreadyDecided');
  });

  it('a key that was not asked for any more changes no other verdict', () => {
    const accepted = [
      ...asked(),
      ...more(asked(), clock(justAfter(plusHours(claimedAt, 48))), apply(justAfter(plusHours(claimedAt, 48)))),
    ];
    expect(typesOf(accepted).at(-1)).toBe('VerdictReached');
    given(...accepted)
      .when(report(end))
      .thenRejected('AlreadyDecided');
  });

  it('the other units of the voided verdict keep what it said', () => {
    const both = [unit(1), unit(2)];
    const waiting = story(open(claimedAt, both), apply(claimedAt), verified('INVALID', claimedAt, [1, 2]), apply(claimedAt));
    const decided = [...waiting, ...more(waiting, clock(justAfter(end)), apply(justAfter(end)))];
    const voided = [...decided, ...more(decided, report(end))];
    const state = fold(dispute, voided);
    expect(state).toMatchObject({
      status: 'submitted',
      units: [{ status: { is: 'awaiting-buyer-check' } }, { status: { is: 'decided', verdictId: 'o1.1.v1' } }],
      verdicts: [{ units: [{ unitNo: 2 }] }],
    });
  });

  it('a draft submitted in its last millisecond is a case again, with its evidence and its clock', () => {
    const drafted = story(
      { ...open(), draft: true },
      {
        type: 'SubmitEvidence',
        evidenceId: 'e1',
        by: 'buyer',
        kind: 'screen-recording',
        showsActivationFailure: true,
        content: 'vault:e1',
        at: claimedAt,
      },
    );
    const lapsed = [...drafted, ...more(drafted, clock(justAfter(end)))];
    expect(typesOf(lapsed).at(-1)).toBe('DraftLapsed');
    const submitted = [...lapsed, ...more(lapsed, { type: 'SubmitDispute', submittedAt: end, at: plusMs(end, 7) })];
    const state = fold(dispute, submitted);
    expect(state).toMatchObject({ status: 'submitted', openedAt: claimedAt, evidence: { ids: new Set(['e1']) } });
    given(...lapsed)
      .when({ type: 'SubmitDispute', submittedAt: justAfter(end), at: plusMs(end, 7) })
      .thenRejected('DraftOver');
    given(...submitted)
      .when(clock(justAfter(end)))
      .thenNothing();
  });
});

describe('a person on request', () => {
  const request = (at = claimedAt) => ({ type: 'RequestPerson', at }) as const;

  it('looks at what waits for the merchant, at once', () => {
    const events = more(asked(), request(), apply(claimedAt));
    expect(events).toMatchObject([
      { type: 'PersonRequested', data: { disputeId: 'o1.1', orderId: 'o1', requestedAt: claimedAt } },
      { type: 'ReviewStarted', data: { units: [1], rule: 'person-requested' } },
    ]);
    given(...asked(), ...events)
      .when(request())
      .thenNothing();
  });

  it('comes after the word of the verifier, which is not waited for in vain', () => {
    const verifying = story(open(), apply(claimedAt), request(), apply(claimedAt));
    expect(typesOf(verifying)).toEqual(['DisputeSubmitted', 'VerificationRequested', 'PersonRequested']);
    expect(typesOf(more(verifying, verified('INCONCLUSIVE', claimedAt), apply(claimedAt)))).toEqual([
      'VerificationRecorded',
      'ReviewStarted',
    ]);
  });

  it('is not needed for a refund, nor in place of a promised reissue', () => {
    const notPromised = { promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: false, sevenDay: false } };
    const refunded = story(
      { ...open(), ...notPromised },
      apply(claimedAt),
      request(),
      verified('INVALID', claimedAt),
      apply(claimedAt),
    );
    expect(refunded.at(-1)).toMatchObject({
      type: 'VerdictReached',
      data: { decidedBy: 'rule', units: [{ remedy: 'FULL_REFUND' }] },
    });
    const promised = story(open(), apply(claimedAt), request(), verified('INVALID', claimedAt), apply(claimedAt));
    expect(typesOf(promised).at(-1)).toBe('ReissueAwaited');
  });

  it('keeps every rule from refusing: what it would refuse, a person decides', () => {
    const late = justAfter(afterSaleEndsAt);
    const events = story(open(late), request(late), apply(late));
    expect(events.at(-1)).toMatchObject({ type: 'ReviewStarted', data: { rule: 'person-requested' } });
    const decided = more(events, {
      type: 'DecideDispute',
      person: 'anna',
      units: [{ unitNo: 1, liable: 'UNPROVEN', remedy: 'NONE', bearer: 'none' }],
      explanation: { zh: '证据不足', en: 'There is no proof' },
      at: late,
    });
    expect(decided).toMatchObject([
      { type: 'VerdictReached', data: { rule: 'person-requested', decidedBy: 'person', person: 'anna' } },
    ]);
  });

  it('is asked for while something is open, and then on appeal', () => {
    const decided = story(open(justAfter(afterSaleEndsAt)), apply(justAfter(afterSaleEndsAt)));
    given(...decided)
      .when(request(justAfter(afterSaleEndsAt)))
      .thenRejected('NothingToReview');
    given(...story({ ...open(), draft: true }))
      .when(request())
      .thenRejected('NothingToReview');
    given().when(request()).thenRejected('DisputeUnknown');
  });
});
