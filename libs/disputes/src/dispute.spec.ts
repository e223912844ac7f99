import { fold, isRejection, plusDays, plusHours, plusMs, specify, type Instant, type Stamped } from '@recourse/eventing';
import { money, zero } from '@recourse/money';
import type { ClaimReason } from '@recourse/orders/events';
import { dispute, type CaseFile, type DisputeCommand, type DisputeEvent } from './dispute.js';
import type { PolicyTable, VerificationOutcome } from './policy-table.js';
import { afterSaleEndsAt, caseFile, claimedAt, readDefaultPolicy, undelivered, unit } from './sample-case.js';
import { rejudge } from './verdict.js';

const { given } = specify(dispute);
let table: PolicyTable;
beforeAll(async () => {
  table = await readDefaultPolicy();
});

/** Everything that follows from these commands, which must all be accepted. */
function told(...commands: Stamped<DisputeCommand>[]): DisputeEvent[] {
  const events: DisputeEvent[] = [];
  for (const command of commands) {
    const outcome = dispute.decide(command, fold(dispute, events));
    if (isRejection(outcome)) throw new Error(`${command.type}: ${outcome.rejected}, ${outcome.detail}`);
    events.push(...outcome);
  }
  return events;
}
const typesOf = (events: readonly DisputeEvent[]) => events.map((event) => event.type);
const verdictsIn = (events: readonly DisputeEvent[]) =>
  events.flatMap((event) => (event.type === 'VerdictReached' ? [event.data] : []));
const brief = (events: readonly DisputeEvent[]) =>
  verdictsIn(events).flatMap(({ verdictId, rule, decidedBy, units }) =>
    units.map(
      (one) => `${verdictId} ${rule} ${decidedBy}: ${one.unitNo} ${one.liable} ${one.remedy} ${one.bearer} ${one.refund.minor}`,
    ),
  );

const open = (reason: ClaimReason, differing: Partial<CaseFile> = {}, openedAt = claimedAt) =>
  ({ type: 'OpenDispute', draft: false, openedAt, at: openedAt, ...caseFile(reason, table, differing) }) as const;
const draft = (reason: ClaimReason, differing: Partial<CaseFile> = {}, openedAt = claimedAt) =>
  ({ ...open(reason, differing, openedAt), draft: true }) as const;
const apply = (at: Instant = claimedAt) => ({ type: 'ApplyPolicy', table, at }) as const;
const submit = (at: Instant) => ({ type: 'SubmitDispute', submittedAt: at, at }) as const;
const verified = (outcome: VerificationOutcome, ...units: number[]) =>
  ({
    type: 'RecordVerification',
    at: claimedAt,
    results: (units.length > 0 ? units : [1]).map((unitNo) => ({
      unitNo,
      outcome,
      source: 'sandbox',
      queriedAt: claimedAt,
      resultHash: 'ab'.repeat(32),
    })),
  }) as const;
const clock = (at: Instant) => ({ type: 'PassDisputeDeadlines', at }) as const;
const replaced = (deliveredAt: Instant, unitNo = 1) =>
  ({ type: 'ReportReplacement', unitNo, deliveredAt, at: deliveredAt }) as const;
const check = (works: boolean, at: Instant, ...units: number[]) =>
  ({ type: 'CheckReplacement', works, at, ...(units.length > 0 ? { units } : {}) }) as const;
const answer = (word: 'accepted' | 'contested', at: Instant) => ({ type: 'AnswerClaim', answer: word, at }) as const;
const evidence = (evidenceId: string, at: Instant, differing: object = {}) =>
  ({
    type: 'SubmitEvidence',
    evidenceId,
    by: 'buyer',
    kind: 'screen-recording',
    showsActivationFailure: true,
    content: `vault:${evidenceId}`,
    at,
    ...differing,
  }) as const;
const refund = { liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' } as const;
const refusal = { liable: 'BUYER', remedy: 'NONE', bearer: 'none' } as const;
const because = { zh: '证据充分', en: 'The evidence convinces' };
const ruled = (at: Instant, ...units: readonly ({ unitNo: number } & (typeof refund | typeof refusal))[]) =>
  ({ type: 'DecideDispute', person: 'anna', units, explanation: because, at }) as const;

const reissueUntil = plusHours(claimedAt, 24);
const justAfter = (instant: Instant) => plusMs(instant, 1);

describe('the cases of the handbook', () => {
  it('1: a dead game-card key that is not reissued in 24 hours is refunded, the merchant is liable', () => {
    const waiting = told(open('key-invalid'), apply(), verified('INVALID'), apply());
    expect(typesOf(waiting)).toEqual(['DisputeSubmitted', 'VerificationRequested', 'VerificationRecorded', 'ReissueAwaited']);
    given(...waiting)
      .when(clock(reissueUntil))
      .thenNothing();
    const missed = given(...waiting).when(clock(justAfter(reissueUntil)));
    missed.then({ type: 'ReissueMissed', data: { disputeId: 'o1.1', units: [1], missedAt: justAfter(reissueUntil) } });
    const decided = given(...waiting, ...missed.events).when(apply(justAfter(reissueUntil))).events;
    expect(brief(decided)).toEqual(['o1.1.v1 reissue-missed rule: 1 MERCHANT FULL_REFUND merchant 1000']);
  });

  it('2: a top-up that was not credited is decided at once', () => {
    const events = told(open('not-credited', { productKind: 'phone-top-up' }), apply(), verified('NOT_CREDITED'), apply());
    expect(typesOf(events).at(-1)).toBe('VerdictReached');
    expect(brief(events)).toEqual(['o1.1.v1 not-credited rule: 1 MERCHANT FULL_REFUND merchant 1000']);
  });

  it('3: a failure of the platform is paid by the platform, on the word of its own events', () => {
    const units = [undelivered(1, { platformFailure: true, evidence: ['1@order-o1', '4@order-o1'] })];
    const events = told(open('platform-failure', { units }), apply());
    expect(brief(events)).toEqual(['o1.1.v1 platform-failure rule: 1 PLATFORM FULL_REFUND platform 1000']);
    expect(verdictsIn(events)[0]?.units[0]?.sources).toContainEqual({
      fact: 'platformFailure',
      from: ['1@order-o1', '4@order-o1'],
    });
    expect(typesOf(told(open('platform-failure'), apply()))).toEqual(['DisputeSubmitted', 'ReviewStarted']);
  });

  it('4: a wrong account is the buyer’s own fault', () => {
    const events = told(open('wrong-account', { productKind: 'phone-top-up' }), apply());
    expect(brief(events)).toEqual(['o1.1.v1 wrong-account rule: 1 BUYER NONE none 0']);
  });

  it('5: dislike is no quality problem', () => {
    expect(brief(told(open('dislike'), apply()))).toEqual(['o1.1.v1 dislike rule: 1 NONE NONE none 0']);
  });

  it('6: a late claim without evidence is refused', () => {
    const late = (at: Instant) => brief(told(open('key-expired', {}, at), apply(at)));
    expect(late(justAfter(afterSaleEndsAt))).toEqual(['o1.1.v1 late-without-evidence rule: 1 UNPROVEN NONE none 0']);
    expect(late(afterSaleEndsAt)).toEqual([]); // exactly at the end is in time, the verifier is asked
  });

  it('7: a late claim with evidence goes to a person, who decides', () => {
    const late = justAfter(afterSaleEndsAt);
    const reviewed = told(
      draft('key-expired', {}, late),
      evidence('e1', plusHours(late, 1)),
      submit(plusHours(late, 2)),
      apply(plusHours(late, 2)),
    );
    expect(typesOf(reviewed)).toEqual(['DisputeDrafted', 'EvidenceSubmitted', 'DisputeSubmitted', 'ReviewStarted']);
    const decided = given(...reviewed).when(ruled(plusHours(late, 50), { unitNo: 1, ...refund }));
    expect(brief(decided.events)).toEqual(['o1.1.v1 late-with-evidence person: 1 MERCHANT FULL_REFUND merchant 1000']);
    expect(verdictsIn(decided.events)[0]).toMatchObject({ person: 'anna', explanation: because });
    expect(verdictsIn(decided.events)[0]?.units[0]?.sources).toContainEqual({
      fact: 'activationFailureEvidence',
      from: ['1@dispute-o1.1'],
    });
  });

  it('7: evidence sent with the claim is judged with it', () => {
    const late = justAfter(afterSaleEndsAt);
    const proof = { evidenceId: 'e1', kind: 'abnormal-use', showsActivationFailure: true, content: 'vault:e1' } as const;
    const events = told({ ...open('key-expired', {}, late), evidence: [proof] }, apply(late));
    expect(typesOf(events)).toEqual(['DisputeSubmitted', 'EvidenceSubmitted', 'ReviewStarted']);
    given()
      .when({ ...open('key-expired', {}, late), evidence: [proof, proof] })
      .then(...events.slice(0, 2));
  });

  it('10: a reissued key that works resolves the dispute', () => {
    const waiting = told(open('key-used'), apply(), verified('ACTIVATED_BEFORE_SALE'), apply(), replaced(reissueUntil));
    const until = plusHours(reissueUntil, 24);
    expect(waiting.at(-1)).toEqual({ type: 'BuyerCheckAwaited', data: { disputeId: 'o1.1', units: [1], until } });
    const resolved = (resolvedAt: Instant): DisputeEvent => ({
      type: 'ResolvedByReissue',
      data: { disputeId: 'o1.1', platform: 'demo', merchant: 'm1', orderId: 'o1', units: [1], resolvedAt },
    });
    given(...waiting)
      .when(check(true, until))
      .then(resolved(until));
    given(...waiting)
      .when(clock(until))
      .thenNothing();
    given(...waiting)
      .when(clock(justAfter(until)))
      .then(resolved(justAfter(until)));
    given(...waiting)
      .when(check(false, justAfter(until)))
      .thenRejected('NoReplacementToCheck');
    given(...waiting, resolved(until))
      .when(apply(until))
      .thenNothing();
    given(...waiting, resolved(until))
      .when(clock(plusDays(until, 30)))
      .thenNothing();
  });

  it('10: a reissued key that is dead too is refunded', () => {
    const at = plusHours(claimedAt, 3);
    const events = told(open('key-used'), apply(), verified('INVALID'), apply(), replaced(at), check(false, at), apply(at));
    expect(typesOf(events).slice(4)).toEqual(['BuyerCheckAwaited', 'ReplacementRefused', 'VerdictReached']);
    expect(brief(events)).toEqual(['o1.1.v1 reissue-failed rule: 1 MERCHANT FULL_REFUND merchant 1000']);
  });

  it('13: a seven-day promise is kept on day 3, and up to its last millisecond, for a key that was never revealed', () => {
    const sevenDayEndsAt = plusDays('2026-03-01T08:00:00.000Z', 7);
    const promise = { afterSaleHours: 24, deliverWithinHours: 24, reissue: true, sevenDay: true };
    const { revealedAt, ...unrevealed } = unit(1, { sevenDayEndsAt });
    const claim = (at: Instant, units = [unrevealed]) => brief(told(open('seven-day', { promise, units }, at), apply(at)));
    const kept = ['o1.1.v1 seven-day-promise rule: 1 NONE FULL_REFUND merchant 1000'];
    expect(claim('2026-03-04T08:00:00.000Z')).toEqual(kept);
    expect(claim(sevenDayEndsAt)).toEqual(kept);
    expect(claim(justAfter(sevenDayEndsAt))).toEqual(['o1.1.v1 seven-day-over rule: 1 NONE NONE none 0']);
    expect(revealedAt).toBeDefined();
    expect(claim('2026-03-04T08:00:00.000Z', [unit(1, { sevenDayEndsAt })])).toEqual([
      'o1.1.v1 seven-day-revealed rule: 1 NONE NONE none 0',
    ]);
  });
});

describe('opening', () => {
  it('keeps the case file and promises a reissue within 24 hours of the submission', () => {
    const file = caseFile('key-invalid', table);
    given()
      .when(open('key-invalid'))
      .then({ type: 'DisputeSubmitted', data: { ...file, submittedAt: claimedAt, reissueUntil } });
    given(...told(open('key-invalid')))
      .when(open('key-invalid'))
      .thenNothing();
    given(...told(open('key-invalid')))
      .when({ ...open('key-invalid'), disputeId: 'o2.1' })
      .thenRejected('DisputeExists');
    given()
      .when(open('key-invalid', { units: [] }))
      .thenRejected('UnitUnknown');
    given().when(apply()).thenRejected('DisputeUnknown');
  });

  it('judges the moment of the claim and not that of the command', () => {
    const events = told({ ...open('key-invalid', {}, afterSaleEndsAt), at: plusHours(afterSaleEndsAt, 5) }, apply());
    expect(typesOf(events).at(-1)).toBe('VerificationRequested');
  });

  it('lets a draft be submitted within exactly 24 hours', () => {
    const drafted = told(draft('key-invalid'));
    const until = plusHours(claimedAt, 24);
    expect(typesOf(given(...drafted).when(submit(until)).events)).toEqual(['DisputeSubmitted']);
    given(...drafted)
      .when(submit(justAfter(until)))
      .thenRejected('DraftOver');
    given(...drafted)
      .when(clock(until))
      .thenNothing();
    const lapsed = { type: 'DraftLapsed', data: { disputeId: 'o1.1', orderId: 'o1', lapsedAt: justAfter(until) } } as const;
    given(...drafted)
      .when(clock(justAfter(until)))
      .then(lapsed);
    given(...drafted, lapsed)
      .when(clock(plusDays(until, 30)))
      .thenNothing();
    given(...drafted, lapsed)
      .when(submit(justAfter(until)))
      .thenRejected('DraftOver');
    given(...drafted, lapsed)
      .when({ type: 'WithdrawDispute' })
      .thenRejected('DraftOver');
    given(...drafted)
      .when(apply())
      .thenNothing();
    given(...told(open('key-invalid')))
      .when(submit(claimedAt))
      .thenRejected('NotADraft');
  });

  it('stops the clock with the draft: the submission may come after the after-sale window', () => {
    const submittedAt = plusHours(afterSaleEndsAt, 20);
    const events = told(draft('key-invalid', {}, afterSaleEndsAt), submit(submittedAt), apply(submittedAt));
    expect(typesOf(events).at(-1)).toBe('VerificationRequested');
  });
});

describe('evidence', () => {
  it('is taken up to fifty pieces, each once', () => {
    const many = Array.from({ length: 49 }, (_, n) => evidence(`e${n}`, claimedAt));
    const history = told(open('key-invalid'), ...many);
    given(...history)
      .when(evidence('e7', claimedAt))
      .thenNothing();
    expect(given(...history).when(evidence('e49', claimedAt)).events).toHaveLength(1);
    given(...told(open('key-invalid'), ...many, evidence('e49', claimedAt)))
      .when(evidence('e50', claimedAt))
      .thenRejected('TooMuchEvidence');
    const pieces = Array.from({ length: 51 }, (_, n) => ({
      evidenceId: `e${n}`,
      kind: 'chat' as const,
      showsActivationFailure: false,
      content: 'vault:e',
    }));
    given()
      .when({ ...open('key-invalid'), evidence: pieces })
      .thenRejected('TooMuchEvidence');
  });

  it('comes too late when everything is decided or the draft is over', () => {
    given(...told(open('dislike'), apply()))
      .when(evidence('e1', claimedAt))
      .thenRejected('EvidenceTooLate');
    given(...told(draft('key-invalid')))
      .when(evidence('e1', justAfter(reissueUntil)))
      .thenRejected('EvidenceTooLate');
    given(...told(open('key-invalid'), { type: 'WithdrawDispute', at: claimedAt }))
      .when(evidence('e1', claimedAt))
      .thenRejected('EvidenceTooLate');
  });

  it('of the merchant, or of something else, does not show the buyer’s activation failure', () => {
    const late = justAfter(afterSaleEndsAt);
    for (const other of [{ by: 'merchant' }, { showsActivationFailure: false }]) {
      const events = told(draft('key-expired', {}, late), evidence('e1', late, other), submit(late), apply(late));
      expect(brief(events)).toEqual(['o1.1.v1 late-without-evidence rule: 1 UNPROVEN NONE none 0']);
    }
  });
});

describe('applying the policy', () => {
  it('takes the policy that the order froze and no other', () => {
    const newer = { ...table, version: 2 };
    given(...told(open('key-invalid')))
      .when({ type: 'ApplyPolicy', table: newer })
      .thenRejected('WrongPolicy');
  });

  it('does nothing the second time, whatever the unit waits for', () => {
    const steps: Stamped<DisputeCommand>[][] = [
      [open('key-invalid')],
      [open('key-invalid'), apply(), verified('INVALID')],
      [open('key-invalid'), apply(), verified('INCONCLUSIVE')],
      [open('platform-failure')],
      [open('dislike')],
    ];
    for (const commands of steps)
      given(...told(...commands, apply()))
        .when(apply(plusHours(claimedAt, 1)))
        .thenNothing();
  });

  it('asks the verifier once for all units, and units of one rule are one verdict and one refund', () => {
    const units = [unit(1), undelivered(2), unit(3), undelivered(4)];
    const first = told(open('not-credited', { units }), apply());
    expect(typesOf(first)).toEqual(['DisputeSubmitted', 'VerificationRequested', 'VerdictReached']);
    expect(first[1]?.data).toMatchObject({
      units: [
        { unitNo: 1, deliveryReference: 'fingerprint-1' },
        { unitNo: 3, deliveryReference: 'fingerprint-3' },
      ],
      rule: 'verify',
    });
    expect(brief(first)).toEqual([
      'o1.1.v1 not-delivered rule: 2 MERCHANT FULL_REFUND merchant 1000',
      'o1.1.v1 not-delivered rule: 4 MERCHANT FULL_REFUND merchant 1000',
    ]);
  });

  it('gives every rule its own verdict when units fall under several', () => {
    const units = [unit(1), unit(2), unit(3)];
    const history = told(open('key-invalid', { units }), apply(), verified('NOT_CREDITED', 1, 3), verified('UNUSED', 2), apply());
    expect(brief(history)).toEqual([
      'o1.1.v1 not-credited rule: 1 MERCHANT FULL_REFUND merchant 1000',
      'o1.1.v1 not-credited rule: 3 MERCHANT FULL_REFUND merchant 1000',
      'o1.1.v2 unused-and-valid rule: 2 NONE NONE none 0',
    ]);
  });

  it('tells in a verdict everything it rests on', () => {
    const [verdict] = verdictsIn(told(open('key-invalid'), apply(), verified('NOT_CREDITED'), apply()));
    const rule = table.rules.find(({ id }) => id === 'not-credited');
    const [opened, ofOrder] = ['0@dispute-o1.1', ['1@order-o1', '2@order-o1']];
    expect(verdict).toEqual({
      disputeId: 'o1.1',
      verdictId: 'o1.1.v1',
      orderId: 'o1',
      platform: 'demo',
      merchant: 'm1',
      buyer: 'b1',
      units: [
        {
          unitNo: 1,
          ...refund,
          refund: money(1000n),
          facts: {
            reason: 'key-invalid',
            productKind: 'game-card',
            delivered: 'yes',
            revealed: 'yes',
            platformFailure: 'no',
            afterSale: 'before',
            sevenDay: 'none',
            activationFailureEvidence: 'no',
            verification: 'NOT_CREDITED',
            reissuePromised: 'yes',
            reissue: 'none',
            merchantAnswer: 'none',
            noReturnConsent: 'no',
            chat: 'none',
            evidence: 'incomplete',
            merchantPromise: 'none',
            evidencePhase: 'none',
          },
          sources: [
            { fact: 'reason', from: [opened] },
            { fact: 'productKind', from: [opened] },
            { fact: 'delivered', from: ofOrder },
            { fact: 'revealed', from: ofOrder },
            { fact: 'platformFailure', from: ofOrder },
            { fact: 'afterSale', from: [opened, ...ofOrder] },
            { fact: 'sevenDay', from: [opened, ...ofOrder] },
            { fact: 'verification', from: ['2@dispute-o1.1'] },
            { fact: 'reissuePromised', from: [opened] },
          ],
        },
      ],
      decidedBy: 'rule',
      explanation: rule?.explanation,
      basis: rule?.basis,
      policy: caseFile('key-invalid', table).policy,
      rule: 'not-credited',
      decidedAt: claimedAt,
      appealUntil: plusDays(claimedAt, 7),
    });
  });

  it('puts as many units into one verdict as one event can hold', () => {
    const units = Array.from({ length: 100 }, (_, n) => undelivered(n + 1));
    const events = told(open('not-delivered', { units }), apply());
    const verdicts = verdictsIn(events);
    expect(verdicts.length).toBeGreaterThan(1);
    expect(verdicts.map(({ verdictId }) => verdictId)).toEqual(verdicts.map((_, n) => `o1.1.v${n + 1}`));
    expect(verdicts.flatMap((verdict) => verdict.units.map(({ unitNo }) => unitNo))).toEqual(units.map(({ unitNo }) => unitNo));
    given(...events)
      .when(apply())
      .thenNothing(); // every event fits into the store
  });

  it('sends to a person what no verifier can be asked about', () => {
    const { deliveryReference, ...unnamed } = unit(1);
    expect(deliveryReference).toBeDefined();
    expect(typesOf(told(open('key-invalid', { units: [unnamed] }), apply()))).toEqual(['DisputeSubmitted', 'ReviewStarted']);
  });

  it('does not wait for a reissue whose 24 hours went by before it was due', () => {
    const at = justAfter(reissueUntil);
    const slow = told(open('key-invalid'), apply(), verified('INVALID'), apply(at));
    expect(typesOf(slow).slice(-2)).toEqual(['ReissueMissed', 'VerdictReached']);
    expect(brief(slow)).toEqual(['o1.1.v1 reissue-missed rule: 1 MERCHANT FULL_REFUND merchant 1000']);
    const inTime = told(open('key-invalid'), apply(), verified('INVALID'), apply(reissueUntil));
    expect(inTime.at(-1)?.data).toMatchObject({ until: reissueUntil });
    expect(typesOf(given(...inTime).when(apply(at)).events)).toEqual(['ReissueMissed', 'VerdictReached']);
  });
});

describe('the verifier', () => {
  const asked = () => told(open('key-invalid', { units: [unit(1), unit(2)] }), apply());

  it('answers for units that were asked about, in one piece or several', () => {
    expect(given(...asked()).when(verified('INVALID', 1, 2)).events).toHaveLength(1);
    expect(given(...asked()).when(verified('INVALID', 2)).events).toHaveLength(1);
    given(...asked())
      .when(verified('INVALID', 3))
      .thenRejected('UnitUnknown');
    given(...asked())
      .when(verified('INVALID', 1, 1))
      .thenRejected('VerificationUnexpected');
    given(...told(open('key-invalid')))
      .when(verified('INVALID', 1))
      .thenRejected('VerificationUnexpected');
    given(...told(open('key-invalid'), apply(), verified('INVALID')))
      .when(verified('UNUSED'))
      .thenRejected('VerificationUnexpected');
    given(...told(draft('key-invalid')))
      .when(verified('UNUSED'))
      .thenRejected('VerificationUnexpected');
  });

  it('is replaced by a person when he has not answered within 24 hours', () => {
    const until = plusHours(claimedAt, 24);
    expect(asked().at(-1)?.data).toMatchObject({ until });
    given(...asked())
      .when(clock(until))
      .thenNothing();
    const at = justAfter(until);
    given(...asked())
      .when(clock(at))
      .then({ type: 'ReviewStarted', data: { disputeId: 'o1.1', units: [1, 2], until: plusHours(at, 72), rule: 'verify' } });
  });

  it('is not heard on a unit that went on without him, but on the others', () => {
    const events = [...asked(), ...given(...asked()).when(replaced(claimedAt, 1)).events];
    const recorded = given(...events).when(verified('NOT_CREDITED', 1, 2)).events;
    expect(recorded[0]?.data).toMatchObject({ results: [{ unitNo: 2 }] });
    expect(brief(given(...events, ...recorded).when(apply()).events)).toEqual([
      'o1.1.v1 not-credited rule: 2 MERCHANT FULL_REFUND merchant 1000',
    ]);
  });
});

describe('a replacement', () => {
  const waiting = (...more: Stamped<DisputeCommand>[]) =>
    told(open('key-invalid', { units: [unit(1), unit(2)] }), apply(), verified('INVALID', 1, 2), apply(), ...more);

  it('delivered one millisecond after the 24 hours is a missed reissue', () => {
    const missedAt = justAfter(reissueUntil);
    given(...waiting())
      .when(replaced(missedAt))
      .then({ type: 'ReissueMissed', data: { disputeId: 'o1.1', units: [1], missedAt } });
  });

  it('delivered in time counts, even when the news comes after the deadline', () => {
    const history = [...waiting(), ...given(...waiting()).when(clock(justAfter(reissueUntil))).events];
    expect(typesOf(given(...history).when(replaced(reissueUntil)).events)).toEqual(['BuyerCheckAwaited']);
    given(...history)
      .when(replaced(justAfter(reissueUntil)))
      .thenRejected('AlreadyDecided');
    const checking = [...history, ...given(...history).when(replaced(reissueUntil)).events];
    expect(typesOf(given(...checking).when(apply(justAfter(reissueUntil))).events)).toEqual(['VerdictReached']); // of unit 2 alone
  });

  it('may come before anybody asked for it', () => {
    const at = plusHours(claimedAt, 1);
    const events = told(open('key-invalid'), apply(), replaced(at));
    expect(typesOf(events).at(-1)).toBe('BuyerCheckAwaited');
    given(...events)
      .when(apply(at))
      .thenNothing();
    given(...events)
      .when(verified('UNUSED'))
      .thenRejected('VerificationUnexpected');
  });

  it('is told once, of a unit that the dispute has and has not decided', () => {
    const at = plusHours(claimedAt, 2);
    given(...waiting(replaced(at)))
      .when(replaced(at))
      .thenNothing();
    given(...waiting())
      .when(replaced(at, 3))
      .thenRejected('UnitUnknown');
    given(...told(open('dislike'), apply()))
      .when(replaced(at))
      .thenRejected('AlreadyDecided');
    given(...waiting({ type: 'WithdrawDispute', at }))
      .when(replaced(at))
      .thenRejected('AlreadyDecided');
  });

  it('is checked per unit: one key may work and the other may not', () => {
    const at = plusHours(claimedAt, 2);
    const both = waiting(replaced(at, 1), replaced(at, 2));
    const mixed = [...both, ...given(...both).when(check(true, at, 1)).events];
    given(...mixed)
      .when(check(false, at))
      .then({ type: 'ReplacementRefused', data: { disputeId: 'o1.1', units: [2], refusedAt: at } });
    given(...mixed)
      .when(check(false, at, 1))
      .thenRejected('NoReplacementToCheck');
    given(...mixed)
      .when(check(false, at, 3))
      .thenRejected('UnitUnknown');
    given(...waiting())
      .when(check(true, at))
      .thenRejected('NoReplacementToCheck');
    given(...told(draft('key-invalid')))
      .when(check(true, at))
      .thenRejected('NoReplacementToCheck');
  });
});

describe('the merchant', () => {
  const until = plusHours(claimedAt, 48);
  const asked = (differing: Partial<CaseFile> = {}) =>
    told(open('key-invalid', differing), apply(), verified('INCONCLUSIVE'), apply());
  const unpromised = { promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: false, sevenDay: false } };
  const then = (history: DisputeEvent[], ...commands: Stamped<DisputeCommand>[]) =>
    commands.reduce((events, command) => [...events, ...given(...events).when(command).events], history).slice(history.length);

  it('has exactly 48 hours; silence makes him liable', () => {
    given(...asked())
      .when(clock(until))
      .thenNothing();
    expect(typesOf(given(...asked()).when(answer('contested', until)).events)).toEqual(['MerchantAnswered']);
    given(...asked())
      .when(answer('contested', justAfter(until)))
      .thenRejected('NoAnswerExpected');
    const silent = then(asked(), clock(justAfter(until)), apply(justAfter(until)));
    expect(typesOf(silent)).toEqual(['MerchantStayedSilent', 'VerdictReached']);
    expect(brief(silent)).toEqual(['o1.1.v1 merchant-silent rule: 1 MERCHANT FULL_REFUND merchant 1000']);
  });

  it('accepts: he reissues while there is time, else the unit is refunded', () => {
    const early = plusHours(claimedAt, 20);
    expect(typesOf(then(asked(), answer('accepted', early), apply(early)))).toEqual(['MerchantAnswered', 'ReissueAwaited']);
    const late = plusHours(claimedAt, 30);
    expect(brief(then(asked(), answer('accepted', late), apply(late)))).toEqual([
      'o1.1.v1 reissue-missed rule: 1 MERCHANT FULL_REFUND merchant 1000',
    ]);
    expect(brief(then(asked(unpromised), answer('accepted', early), apply(early)))).toEqual([
      'o1.1.v1 accepted rule: 1 MERCHANT FULL_REFUND merchant 1000',
    ]);
  });

  it('contests: both sides have 48 hours for their evidence, then a person decides', () => {
    const at = plusHours(claimedAt, 20);
    const heard = then(asked(), answer('contested', at), apply(at));
    expect(heard).toMatchObject([
      { type: 'MerchantAnswered' },
      { type: 'EvidenceAwaited', data: { units: [1], until: plusHours(at, 48), rule: 'contested' } },
    ]);
    const end = plusHours(at, 48);
    given(...asked(), ...heard)
      .when(clock(end))
      .thenNothing();
    const over = then([...asked(), ...heard], clock(justAfter(end)), apply(justAfter(end)));
    expect(over).toMatchObject([
      { type: 'EvidencePhaseEnded', data: { units: [1] } },
      { type: 'ReviewStarted', data: { units: [1], until: plusHours(justAfter(end), 72), rule: 'contested-heard' } },
    ]);
  });

  it('is asked once', () => {
    const at = plusHours(claimedAt, 20);
    const answered = [...asked(), ...given(...asked()).when(answer('accepted', at)).events];
    given(...answered)
      .when(answer('contested', at))
      .thenRejected('NoAnswerExpected');
    given(...told(open('key-invalid')))
      .when(answer('accepted', claimedAt))
      .thenRejected('NoAnswerExpected');
  });
});

describe('a review', () => {
  const units = [unit(1), unit(2)];
  const reviewed = () => told(open('platform-failure', { units }), apply());
  const until = plusHours(claimedAt, 72);
  const end = plusHours(until, 48);

  it('is decided by a person, unit by unit if he likes', () => {
    const some = given(...reviewed()).when(ruled(claimedAt, { unitNo: 2, ...refusal }));
    expect(brief(some.events)).toEqual(['o1.1.v1 platform-failure-unproven person: 2 BUYER NONE none 0']);
    const rest = given(...reviewed(), ...some.events);
    expect(brief(rest.when(ruled(claimedAt, { unitNo: 1, ...refund })).events)).toEqual([
      'o1.1.v2 platform-failure-unproven person: 1 MERCHANT FULL_REFUND merchant 1000',
    ]);
    rest.when(ruled(claimedAt, { unitNo: 2, ...refund })).thenRejected('AlreadyDecided');
    const both = given(...reviewed()).when(ruled(claimedAt, { unitNo: 1, ...refund }, { unitNo: 2, ...refusal })).events;
    expect(typesOf(both)).toEqual(['VerdictReached']);
    expect(verdictsIn(both)[0]?.units.map((one) => one.refund)).toEqual([money(1000n), zero()]);
  });

  it('refuses a decision that contradicts itself, explains nothing or is about something else', () => {
    const case1 = given(...reviewed());
    case1.when(ruled(claimedAt, { unitNo: 3, ...refund })).thenRejected('UnitUnknown');
    case1.when(ruled(claimedAt)).thenRejected('NotUnderReview');
    case1.when(ruled(claimedAt, { unitNo: 1, ...refund }, { unitNo: 1, ...refund })).thenRejected('ContradictoryDecision');
    const charged = { type: 'DecideDispute', person: 'anna', explanation: because } as const;
    case1
      .when({ ...charged, units: [{ unitNo: 1, liable: 'BUYER', remedy: 'FULL_REFUND', bearer: 'merchant' }] })
      .thenRejected('ContradictoryDecision');
    case1
      .when({ ...ruled(claimedAt, { unitNo: 1, ...refund }), explanation: { zh: ' ', en: 'why' } })
      .thenRejected('ExplanationInvalid');
    given(...told(open('key-invalid'), apply()))
      .when(ruled(claimedAt, { unitNo: 1, ...refund }))
      .thenRejected('NotUnderReview');
    given(...told(draft('key-invalid')))
      .when(ruled(claimedAt, { unitNo: 1, ...refund }))
      .thenRejected('NotUnderReview');
  });

  it('is not taken out of the person’s hands by the policy', () => {
    given(...reviewed())
      .when(apply(plusHours(claimedAt, 1)))
      .thenNothing();
  });

  it('goes to a supervisor after 72 hours, and 48 hours later the buyer wins at the platform’s cost', () => {
    const escalated: DisputeEvent = { type: 'ReviewEscalated', data: { disputeId: 'o1.1', until: end } };
    given(...reviewed())
      .when(clock(until))
      .thenNothing();
    given(...reviewed())
      .when(clock(justAfter(until)))
      .then(escalated);
    given(...reviewed(), escalated)
      .when(clock(end))
      .thenNothing();
    const overdue = given(...reviewed(), escalated).when(clock(justAfter(end))).events;
    expect(brief(overdue)).toEqual([
      'o1.1.v1 platform-failure-unproven overdue: 1 PLATFORM FULL_REFUND platform 1000',
      'o1.1.v1 platform-failure-unproven overdue: 2 PLATFORM FULL_REFUND platform 1000',
    ]);
    expect(typesOf(given(...reviewed()).when(clock(justAfter(end))).events)).toEqual(['ReviewEscalated', 'VerdictReached']);
  });

  it('can be decided by a person up to its very end', () => {
    expect(given(...reviewed()).when(ruled(end, { unitNo: 1, ...refund })).events).toHaveLength(1);
    given(...reviewed())
      .when(ruled(justAfter(end), { unitNo: 1, ...refund }))
      .thenRejected('NotUnderReview');
  });
});

describe('the end', () => {
  it('is a verdict that becomes final after exactly seven days, and names what was refused', () => {
    const decided = told(open('dislike', { units: [unit(1), undelivered(2)] }), apply());
    const appealUntil = plusDays(claimedAt, 7);
    given(...decided)
      .when(clock(appealUntil))
      .thenNothing();
    const final = (verdictId: string, refused: number[]): DisputeEvent => ({
      type: 'VerdictBecameFinal',
      data: {
        disputeId: 'o1.1',
        platform: 'demo',
        merchant: 'm1',
        orderId: 'o1',
        verdictId,
        refused,
        finalAt: justAfter(appealUntil),
      },
    });
    const finals = [final('o1.1.v1', [1]), final('o1.1.v2', [])];
    given(...decided)
      .when(clock(justAfter(appealUntil)))
      .then(...finals);
    given(...decided, ...finals)
      .when(clock(plusDays(appealUntil, 30)))
      .thenNothing();
  });

  it('is a withdrawal, as long as nothing is decided', () => {
    const withdrawn: DisputeEvent = {
      type: 'DisputeWithdrawn',
      data: { disputeId: 'o1.1', platform: 'demo', merchant: 'm1', orderId: 'o1', withdrawnAt: claimedAt },
    };
    const withdraw = { type: 'WithdrawDispute', at: claimedAt } as const;
    given(...told(draft('key-invalid')))
      .when(withdraw)
      .then(withdrawn);
    const open1 = told(open('key-invalid'), apply());
    given(...open1)
      .when(withdraw)
      .then(withdrawn);
    given(...open1, withdrawn)
      .when(withdraw)
      .thenNothing();
    given(...open1, withdrawn)
      .when(apply())
      .thenNothing();
    given(...open1, withdrawn)
      .when(clock(plusDays(claimedAt, 30)))
      .thenNothing();
    given(...told(open('not-credited', { units: [unit(1), undelivered(2)] }), apply()))
      .when(withdraw)
      .thenRejected('AlreadyDecided');
  });

  it('is a bug when history says what cannot be', () => {
    const [opened] = told(open('dislike'));
    expect(() => given(opened!, opened!)).toThrow('DisputeSubmitted in a dispute that is submitted');
  });
});

describe('running a verdict again', () => {
  const verdict = () => verdictsIn(told(open('key-invalid'), apply(), verified('NOT_CREDITED'), apply()))[0]!;
  const unitOf = (differing: object) => ({ ...verdict(), units: verdict().units.map((one) => ({ ...one, ...differing })) });

  it('gives the same rule and outcome', () => {
    expect(rejudge(verdict(), table)).toEqual([]);
  });

  it('names what was tampered with', () => {
    expect(rejudge(verdict(), { ...table, version: 2 })[0]).toContain('the table has hash');
    expect(rejudge({ ...verdict(), rule: 'dislike' }, table)).toEqual([
      'o1.1.v1 unit 1: the facts lead to rule not-credited, the verdict names dislike',
    ]);
    expect(rejudge({ ...verdict(), decidedBy: 'person' }, table)[0]).toContain('rule not-credited does decide');
    expect(rejudge(unitOf({ facts: { ...verdict().units[0]!.facts, verification: 'UNUSED' } }), table)[0]).toContain(
      'unused-and-valid',
    );
    expect(rejudge(unitOf({ liable: 'NONE', bearer: 'platform' }), table)[0]).toContain('the rule says MERCHANT, FULL_REFUND');
    expect(rejudge(unitOf({ bearer: 'none' }), table)[0]).toContain('somebody bears what is refunded');
    expect(rejudge({ ...verdict(), explanation: because }, table)[0]).toContain('the explanation');
    expect(rejudge({ ...verdict(), basis: [] }, table)[0]).toContain('the basis');
    const refused = verdictsIn(told(open('dislike'), apply()))[0]!;
    const paid = { ...refused, units: refused.units.map((one) => ({ ...one, refund: money(1n) })) };
    expect(rejudge(paid, table)[0]).toContain('an amount is refunded without a remedy');
  });
});
