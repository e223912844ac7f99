import { fold, isRejection, plusDays, plusHours, plusMs, specify, type Instant, type Stamped } from '@recourse/eventing';
import { money, zero } from '@recourse/money';
import type { ChangedUnit } from './appeal-events.js';
import { deadlineOpenedBy, nextDeadline } from './deadline.js';
import { dispute, type CaseFile, type DisputeCommand, type DisputeEvent } from './dispute.js';
import type { Decision, PolicyTable } from './policy-table.js';
import { caseFile, claimedAt, readDefaultPolicy, unit } from './sample-case.js';
import { rejudge } from './verdict.js';

const { given } = specify(dispute, claimedAt);
const verdictId = 'o1.1.v1';
const explanation = { zh: '卡密在出售前已被使用', en: 'the key was used before it was sold' };
const buyerAtFault = { liable: 'BUYER', remedy: 'NONE', bearer: 'none' } as const;
const merchantBears = { liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' } as const;
const platformBears = { liable: 'PLATFORM', remedy: 'FULL_REFUND', bearer: 'platform' } as const;
const appealUntil = plusDays(claimedAt, 7);
const rulingUntil = plusHours(claimedAt, 72);
const supervisorUntil = plusHours(claimedAt, 72 + 48);

let table: PolicyTable;
let refused: readonly DisputeEvent[];
let refunded: readonly DisputeEvent[];
let mixed: readonly DisputeEvent[];
beforeAll(async () => {
  table = await readDefaultPolicy();
  refused = ruled({ units: [unit(1), unit(2)] }, buyerAtFault, buyerAtFault);
  refunded = ruled({}, merchantBears);
  mixed = ruled({ units: [unit(1), unit(2)] }, buyerAtFault, merchantBears);
});

function told(before: readonly DisputeEvent[], ...commands: Stamped<DisputeCommand>[]): DisputeEvent[] {
  const events = [...before];
  for (const command of commands) {
    const outcome = dispute.decide(command, fold(dispute, events));
    if (isRejection(outcome)) throw new Error(`${command.type}: ${outcome.rejected}, ${outcome.detail}`);
    events.push(...outcome);
  }
  return events;
}
/** A verdict of anna on the units of a case, one decision each. */
function ruled(differing: Partial<CaseFile>, ...decisions: Decision[]): DisputeEvent[] {
  const file = caseFile('platform-failure', table, differing);
  const units = file.units.map(({ unitNo }, i) => ({ unitNo, ...(decisions[i] ?? buyerAtFault) }));
  return told(
    [],
    { type: 'OpenDispute', draft: false, openedAt: claimedAt, at: claimedAt, ...file },
    { type: 'ApplyPolicy', table, at: claimedAt },
    { type: 'DecideDispute', person: 'anna', units, explanation, at: claimedAt },
  );
}
const lodge = (by: 'buyer' | 'merchant', at: Instant = claimedAt, units?: readonly number[]) =>
  ({
    type: 'LodgeAppeal',
    verdictId,
    by,
    ...(units && { units }),
    reason: 'vault-1',
    subject: by === 'buyer' ? 'b1' : 'm1',
    at,
  }) as const;
const withdraw = (by: 'buyer' | 'merchant', at: Instant) =>
  ({ type: 'WithdrawAppeal', verdictId, by, subject: by === 'buyer' ? 'b1' : 'm1', at }) as const;
const rule = (units: readonly ChangedUnit[], { at = claimedAt, person = 'bo' }: { at?: Instant; person?: string } = {}) =>
  ({ type: 'RuleOnAppeal', verdictId, person, units, explanation, at }) as const;
const forBuyer = (unitNo: number, decision: Decision = merchantBears): ChangedUnit => ({ unitNo, for: 'buyer', ...decision });
const forMerchant = (unitNo: number, decision: Decision = platformBears): ChangedUnit => ({
  unitNo,
  for: 'merchant',
  ...decision,
});
const clock = (at: Instant) => ({ type: 'PassDisputeDeadlines', at }) as const;
const typesOf = (events: readonly DisputeEvent[]) => events.map(({ type }) => type);
const appealOf = (by: 'buyer' | 'merchant', before: () => readonly DisputeEvent[]) => told(before(), lodge(by));

describe('an appeal', () => {
  it('is the buyer’s against what he was refused, and names every such unit unless he names some', () => {
    expect(given(...refused).when(lodge('buyer')).events).toMatchObject([
      {
        type: 'AppealLodged',
        data: { appealId: 'o1.1.v1.a1', by: 'buyer', units: [1, 2], reason: 'vault-1', lodgedBy: 'b1', until: rulingUntil },
      },
    ]);
    expect(given(...refused).when(lodge('buyer', claimedAt, [2])).events).toMatchObject([{ data: { units: [2] } }]);
    expect(given(...mixed).when(lodge('buyer')).events).toMatchObject([{ data: { units: [1] } }]);
    given(...refused)
      .when(lodge('merchant'))
      .thenRejected('NothingToAppeal');
    given(...refused)
      .when(lodge('buyer', claimedAt, [3]))
      .thenRejected('UnitUnknown');
    given(...mixed)
      .when(lodge('buyer', claimedAt, [1, 2]))
      .thenRejected('NothingToAppeal');
    given(...mixed)
      .when(lodge('buyer', claimedAt, []))
      .thenRejected('NothingToAppeal');
  });

  it('is the merchant’s against what he bears', () => {
    expect(given(...mixed).when(lodge('merchant')).events).toMatchObject([{ data: { by: 'merchant', units: [2] } }]);
    given(...refunded)
      .when(lodge('buyer'))
      .thenRejected('NothingToAppeal');
    given(...ruled({}, platformBears))
      .when(lodge('merchant'))
      .thenRejected('NothingToAppeal');
  });

  it('is lodged within seven days, exactly at their end too, and one millisecond later not', () => {
    expect(given(...refused).when(lodge('buyer', appealUntil)).events).toMatchObject([
      { data: { until: plusHours(appealUntil, 72) } },
    ]);
    given(...refused)
      .when(lodge('buyer', plusMs(appealUntil, 1)))
      .thenRejected('AppealTooLate');
    const final = told(refused, clock(plusMs(appealUntil, 1)));
    given(...final)
      .when(lodge('buyer', plusMs(appealUntil, 2)))
      .thenRejected('AppealTooLate');
  });

  it('is lodged once by each party, also after it was withdrawn', () => {
    const lodged = appealOf('buyer', () => mixed);
    given(...lodged)
      .when(lodge('buyer'))
      .thenRejected('AlreadyAppealed');
    expect(given(...lodged).when(lodge('merchant')).events).toMatchObject([{ data: { appealId: 'o1.1.v1.a2' } }]);
    const withdrawn = told(lodged, withdraw('buyer', claimedAt));
    given(...withdrawn)
      .when(lodge('buyer'))
      .thenRejected('AlreadyAppealed');
    given(...withdrawn)
      .when(withdraw('buyer', claimedAt))
      .thenRejected('NotUnderAppeal');
  });

  it('is of a verdict: there is none on what was reissued, withdrawn, or is not decided yet', () => {
    given().when(lodge('buyer')).thenRejected('DisputeUnknown');
    const open = told([], {
      type: 'OpenDispute',
      draft: false,
      openedAt: claimedAt,
      at: claimedAt,
      ...caseFile('key-invalid', table),
    });
    given(...open)
      .when(lodge('buyer'))
      .thenRejected('VerdictUnknown');
    given(...told(open, { type: 'WithdrawDispute', at: claimedAt }))
      .when(lodge('buyer'))
      .thenRejected('VerdictUnknown');
  });

  it('keeps the verdict from becoming final, and lets both sides bring evidence', () => {
    const evidence = {
      type: 'SubmitEvidence',
      evidenceId: 'e1',
      by: 'buyer',
      kind: 'screen-recording',
      showsActivationFailure: true,
      content: 'vault-2',
    } as const;
    given(...refused)
      .when(evidence)
      .thenRejected('EvidenceTooLate');
    const lodged = told(refused, lodge('buyer', appealUntil));
    given(...lodged)
      .when(clock(plusHours(appealUntil, 72)))
      .thenNothing();
    const more = told(lodged, { ...evidence, at: appealUntil }, rule([forBuyer(1)], { at: appealUntil }));
    expect(more.at(-3)).toMatchObject({
      type: 'VerdictReached',
      data: { units: [{ facts: { activationFailureEvidence: 'yes' } }] },
    });
    given(...more)
      .when({ ...evidence, evidenceId: 'e2' })
      .thenRejected('EvidenceTooLate');
  });

  it('may be withdrawn: the rest of the time counts, and when it is over the verdict is final at once', () => {
    const early = told(refused, lodge('buyer'), withdraw('buyer', plusHours(claimedAt, 1)));
    expect(nextDeadline(fold(dispute, early))).toBe(appealUntil);
    expect(typesOf(given(...early).when(clock(plusMs(appealUntil, 1))).events)).toEqual(['VerdictBecameFinal']);
    const late = told(refused, lodge('buyer', appealUntil));
    expect(given(...late).when(withdraw('buyer', plusHours(appealUntil, 1))).events).toMatchObject([
      { type: 'AppealWithdrawn', data: { appealUntil, withdrawnBy: 'b1' } },
      { type: 'VerdictBecameFinal', data: { refused: [1, 2] } },
    ]);
    given(...late)
      .when(withdraw('merchant', appealUntil))
      .thenRejected('NotUnderAppeal');
  });

  it('that is withdrawn leaves the other party’s as it is', () => {
    const later = plusHours(claimedAt, 70);
    const both = told(mixed, lodge('buyer'), lodge('merchant', later));
    expect(nextDeadline(fold(dispute, both))).toBe(plusHours(later, 72));
    const [withdrawn] = given(...both).when(withdraw('merchant', plusHours(later, 1))).events;
    expect(withdrawn).toMatchObject({ type: 'AppealWithdrawn', data: { rulingUntil } });
    expect(deadlineOpenedBy(withdrawn!)).toBe(rulingUntil);
    expect(nextDeadline(fold(dispute, [...both, withdrawn!]))).toBe(rulingUntil);
  });
});

describe('a ruling', () => {
  it('for the buyer gives a verdict on what is left of the price, and both verdicts are final in the same append', () => {
    const lodged = appealOf('buyer', () => refused);
    const { events } = given(...lodged).when(rule([forBuyer(2)]));
    expect(events).toMatchObject([
      {
        type: 'AppealRuled',
        data: {
          appeals: ['o1.1.v1.a1'],
          outcome: 'changed',
          units: [
            { unitNo: 1, outcome: 'upheld', facts: { delivered: 'yes' } },
            { unitNo: 2, outcome: 'changed' },
          ],
          decidedBy: 'person',
          person: 'bo',
        },
      },
      {
        type: 'VerdictReached',
        data: {
          verdictId: 'o1.1.v2',
          appealOf: verdictId,
          decidedBy: 'appeal',
          person: 'bo',
          rule: 'appeal',
          units: [{ unitNo: 2, ...merchantBears, refund: money(1000n) }],
          appealUntil: claimedAt,
        },
      },
      { type: 'VerdictBecameFinal', data: { verdictId, refused: [1] } },
      { type: 'VerdictBecameFinal', data: { verdictId: 'o1.1.v2', refused: [] } },
    ]);
    expect(events[0]).toMatchObject({ data: { explanation: { en: expect.stringContaining('12315') as string } } });
    const all = [...lodged, ...events];
    expect(nextDeadline(fold(dispute, all))).toBeUndefined();
    const verdict = events.flatMap(({ type, data }) => (type === 'VerdictReached' ? [data] : []))[0]!;
    expect(rejudge(verdict, table, all)).toEqual([]);
    given(...all)
      .when(lodge('merchant'))
      .thenRejected('VerdictIsFinal');
    given(...all)
      .when({ ...lodge('buyer'), verdictId: 'o1.1.v2' })
      .thenRejected('VerdictIsFinal');
    given(...all)
      .when(rule([]))
      .thenRejected('NotUnderAppeal');
  });

  it('that upholds makes the verdict final before its seven days are over', () => {
    const { events } = given(...appealOf('buyer', () => refused)).when(rule([]));
    expect(events).toMatchObject([
      { type: 'AppealRuled', data: { outcome: 'upheld' } },
      { type: 'VerdictBecameFinal', data: { verdictId, refused: [1, 2] } },
    ]);
  });

  it('for the merchant takes the refund back, or leaves it to the platform', () => {
    const lodged = appealOf('merchant', () => refunded);
    const was = { ...merchantBears, refund: money(1000n) };
    expect(given(...lodged).when(rule([forMerchant(1, buyerAtFault)])).events).toMatchObject([
      { type: 'AppealRuled', data: { outcome: 'changed' } },
      {
        type: 'VerdictOverturned',
        data: {
          verdictId,
          units: [{ unitNo: 1, ...buyerAtFault, refund: zero(), was }],
          isFraud: false,
          proposedBy: 'm1',
          approvedBy: 'bo',
          appealId: 'o1.1.v1.a1',
        },
      },
      { type: 'VerdictBecameFinal', data: { refused: [] } },
    ]);
    const freed = given(...lodged).when(rule([forMerchant(1)])).events;
    expect(freed).toMatchObject([{}, { data: { units: [{ ...platformBears, refund: money(1000n), was }] } }, {}]);
    given(...lodged, ...freed)
      .when({
        type: 'ProposeOverride',
        verdictId,
        units: [{ unitNo: 1, ...buyerAtFault }],
        isFraud: false,
        explanation,
        subject: 'cy',
      })
      .thenRejected('AlreadyOverturned');
  });

  it('is one on both parties’ appeals', () => {
    const both = told(mixed, lodge('buyer'), lodge('merchant'));
    expect(typesOf(given(...both).when(rule([forBuyer(1), forMerchant(2, buyerAtFault)])).events)).toEqual([
      'AppealRuled',
      'VerdictOverturned',
      'VerdictReached',
      'VerdictBecameFinal',
      'VerdictBecameFinal',
    ]);
  });

  it('on a unit that was refunded in part gives the rest, and may leave the part to the platform', () => {
    const part = refunded.map((event) =>
      event.type === 'VerdictReached'
        ? { ...event, data: { ...event.data, units: event.data.units.map((one) => ({ ...one, refund: money(400n) })) } }
        : event,
    );
    const both = told(part, lodge('buyer'), lodge('merchant'));
    const { events } = given(...both).when(rule([forBuyer(1, platformBears), forMerchant(1)]));
    expect(events).toMatchObject([
      { type: 'AppealRuled', data: { units: [{ unitNo: 1, outcome: 'changed' }] } },
      { type: 'VerdictOverturned', data: { units: [{ ...platformBears, refund: money(400n) }] } },
      { type: 'VerdictReached', data: { units: [{ ...platformBears, refund: money(600n) }] } },
      { type: 'VerdictBecameFinal' },
      { type: 'VerdictBecameFinal' },
    ]);
    const [verdict] = events.flatMap(({ type, data }) => (type === 'VerdictReached' ? [data] : []));
    expect(rejudge(verdict!, table, [...both, ...events])).toEqual([]);
    given(...both)
      .when(rule([forBuyer(1), forMerchant(1, buyerAtFault)]))
      .thenRejected('ContradictoryDecision');
  });

  it('is given by a person who had no part in the dispute', () => {
    const lodged = appealOf('buyer', () => refused);
    for (const person of ['anna', 'b1'])
      given(...lodged)
        .when(rule([], { person }))
        .thenRejected('SameReviewer');
    const proposed = told(refunded, {
      type: 'ProposeOverride',
      verdictId,
      units: [{ unitNo: 1, ...buyerAtFault }],
      isFraud: false,
      explanation,
      subject: 'cy',
      at: claimedAt,
    });
    given(...told(proposed, lodge('merchant')))
      .when(rule([], { person: 'cy' }))
      .thenRejected('SameReviewer');
  });

  it('is in time exactly at the end of 72 hours, of the 48 after, and not one millisecond later', () => {
    const lodged = given(...appealOf('buyer', () => refused));
    for (const at of [rulingUntil, plusMs(rulingUntil, 1), supervisorUntil])
      expect(typesOf(lodged.when(rule([], { at })).events)).toContain('AppealRuled');
    lodged.when(rule([], { at: plusMs(supervisorUntil, 1) })).thenRejected('NotUnderAppeal');
    lodged.when(withdraw('buyer', plusMs(supervisorUntil, 1))).thenRejected('NotUnderAppeal');
    given(...refused)
      .when(rule([]))
      .thenRejected('NotUnderAppeal');
    lodged.when({ ...rule([]), verdictId: 'o1.1.v9' }).thenRejected('VerdictUnknown');
  });

  it('changes what was appealed only, and in favour of who appealed it', () => {
    const lodged = given(...told(mixed, lodge('buyer')));
    lodged.when(rule([forBuyer(2)])).thenRejected('UnitUnknown');
    lodged.when(rule([forMerchant(2)])).thenRejected('UnitUnknown');
    lodged.when(rule([forBuyer(1, buyerAtFault)])).thenRejected('NothingChanges');
    lodged.when(rule([forBuyer(1, { ...merchantBears, bearer: 'platform' })])).thenRejected('ContradictoryDecision');
    lodged.when(rule([forBuyer(1), forBuyer(1, platformBears)])).thenRejected('ContradictoryDecision');
    const merchants = given(...appealOf('merchant', () => refunded));
    merchants.when(rule([forMerchant(1, merchantBears)])).thenRejected('NothingChanges');
    lodged.when({ ...rule([]), explanation: { zh: ' ', en: 'why' } }).thenRejected('ExplanationInvalid');
  });

  it('re-derives: a verdict on appeal that gives what nobody appealed, or more than is left, is named', () => {
    const all = told(refused, lodge('buyer', claimedAt, [1]), rule([forBuyer(1)]));
    const verdict = all.flatMap(({ type, data }) => (type === 'VerdictReached' && data.appealOf ? [data] : []))[0]!;
    const [first] = verdict.units;
    const wrong = (change: Partial<typeof verdict>, events: readonly DisputeEvent[] = all) =>
      rejudge({ ...verdict, ...change }, table, events)[0];
    expect(wrong({ units: [{ ...first!, unitNo: 2 }] })).toContain('the buyer did not appeal o1.1.v1');
    expect(wrong({ units: [{ ...first!, refund: money(1001n) }] })).toContain('10.01 is refunded in all, of a price of 10.00');
    expect(wrong({ units: [{ ...first!, bearer: 'platform' }] })).toContain('the merchant bears what he is liable for');
    expect(wrong({ appealOf: 'o1.1.v7' })).toContain('the case has no verdict o1.1.v7 on it');
    expect(wrong({ appealOf: 'o1.1.v2' })).toContain('was given on appeal itself');
    expect(wrong({ person: 'anna' })).toContain('by nobody else');
    expect(wrong({ decidedBy: 'overdue' })).toContain('the platform was late and does not bear it');
    expect(wrong({ rule: 'catch-all' })).toContain('rests on no rule');
    expect(rejudge(verdict, { ...table, version: 2 }, all)[0]).toContain('the table has hash');
  });
});

describe('an overdue appeal', () => {
  it('goes to a supervisor after 72 hours and is decided for the buyer after 48 more, each one millisecond after its end', () => {
    const lodged = appealOf('buyer', () => refused);
    given(...lodged)
      .when(clock(rulingUntil))
      .thenNothing();
    const { events: escalated } = given(...lodged).when(clock(plusMs(rulingUntil, 1)));
    expect(escalated).toMatchObject([{ type: 'AppealEscalated', data: { verdictId, until: supervisorUntil } }]);
    const waiting = given(...lodged, ...escalated);
    waiting.when(clock(supervisorUntil)).thenNothing();
    const { events } = waiting.when(clock(plusMs(supervisorUntil, 1)));
    expect(events).toMatchObject([
      { type: 'AppealRuled', data: { outcome: 'changed', decidedBy: 'overdue' } },
      {
        type: 'VerdictReached',
        data: {
          decidedBy: 'overdue',
          appealOf: verdictId,
          units: [{ ...platformBears, refund: money(1000n) }, { unitNo: 2 }],
        },
      },
      { type: 'VerdictBecameFinal', data: { verdictId, refused: [] } },
      { type: 'VerdictBecameFinal', data: { verdictId: 'o1.1.v2' } },
    ]);
    const [verdict] = events.flatMap(({ type, data }) => (type === 'VerdictReached' ? [data] : []));
    expect(verdict).not.toHaveProperty('person');
    expect(rejudge(verdict!, table, [...lodged, ...escalated, ...events])).toEqual([]);
  });

  it('frees the merchant, and the buyer keeps his refund', () => {
    const { events } = given(...appealOf('merchant', () => refunded)).when(clock(plusMs(supervisorUntil, 1)));
    expect(events).toMatchObject([
      { type: 'AppealEscalated' },
      { type: 'AppealRuled' },
      { type: 'VerdictOverturned', data: { units: [{ ...platformBears, refund: money(1000n) }], proposedBy: 'm1' } },
      { type: 'VerdictBecameFinal' },
    ]);
    expect(events[2]?.data).not.toHaveProperty('approvedBy');
  });

  it('of both parties is decided for both, each once, however long nobody looked', () => {
    const both = told(mixed, lodge('buyer'), lodge('merchant', plusHours(claimedAt, 5)));
    const late = plusDays(claimedAt, 60);
    const { events } = given(...both).when(clock(late));
    expect(typesOf(events)).toEqual([
      'AppealEscalated',
      'AppealRuled',
      'VerdictOverturned',
      'VerdictReached',
      'VerdictBecameFinal',
      'VerdictBecameFinal',
    ]);
    given(...both, ...events)
      .when(clock(plusDays(late, 60)))
      .thenNothing();
  });

  it('of two verdicts of one dispute numbers what it gives on from those there are', () => {
    const file = caseFile('platform-failure', table, { units: [unit(1), unit(2)] });
    const decide = (unitNo: number) =>
      ({ type: 'DecideDispute', person: 'anna', units: [{ unitNo, ...buyerAtFault }], explanation, at: claimedAt }) as const;
    const two = told(
      [],
      { type: 'OpenDispute', draft: false, openedAt: claimedAt, at: claimedAt, ...file },
      { type: 'ApplyPolicy', table, at: claimedAt },
      decide(1),
      decide(2),
      lodge('buyer'),
      { ...lodge('buyer'), verdictId: 'o1.1.v2' },
      clock(plusDays(claimedAt, 30)),
    );
    const given2 = two.flatMap(({ type, data }) => (type === 'VerdictReached' ? [[data.verdictId, data.appealOf]] : []));
    expect(given2).toEqual([
      ['o1.1.v1', undefined],
      ['o1.1.v2', undefined],
      ['o1.1.v3', 'o1.1.v1'],
      ['o1.1.v4', 'o1.1.v2'],
    ]);
  });
});

describe('an override beside an appeal', () => {
  const propose = {
    type: 'ProposeOverride',
    verdictId,
    units: [{ unitNo: 1, ...buyerAtFault }],
    isFraud: false,
    explanation,
    subject: 'cy',
    at: claimedAt,
  } as const;
  const approve = { type: 'ApproveOverride', verdictId, subject: 'di', at: claimedAt } as const;

  it('waits for the ruling, and stands or falls with it', () => {
    given(...appealOf('merchant', () => refunded))
      .when(propose)
      .thenRejected('UnderAppeal');
    const lodged = told(refunded, propose, lodge('merchant'));
    given(...lodged)
      .when(approve)
      .thenRejected('UnderAppeal');
    const upheld = told(lodged, rule([]));
    expect(typesOf(given(...upheld).when(approve).events)).toEqual(['VerdictOverturned']);
    const changed = told(lodged, rule([forMerchant(1)]));
    given(...changed)
      .when(approve)
      .thenRejected('AlreadyOverturned');
  });

  it('that came first leaves nothing to appeal', () => {
    given(...told(refunded, propose, approve))
      .when(lodge('merchant'))
      .thenRejected('AlreadyOverturned');
  });
});
