import { eventsOf, fold, isRejection, plusDays, plusHours, specify, type Stamped } from '@recourse/eventing';
import { money, zero } from '@recourse/money';
import { dispute, type CaseFile, type DisputeCommand, type DisputeEvent } from './dispute.js';
import type { PolicyTable } from './policy-table.js';
import { caseFile, claimedAt, readDefaultPolicy, unit } from './sample-case.js';
import { rejudge } from './verdict.js';

type Propose = Extract<DisputeCommand, { type: 'ProposeOverride' }>;
type Wanted = Propose['units'][number];

const event = eventsOf<DisputeEvent>();
const at = plusHours(claimedAt, 2);
const { given } = specify(dispute, at);
const verdictId = 'o1.1.v1';
const explanation = { zh: '复核发现卡密已被使用', en: 'A second look shows that the key was used' };
const buyerAtFault = { liable: 'BUYER', remedy: 'NONE', bearer: 'none' } as const;
const platformBears = { liable: 'NONE', remedy: 'FULL_REFUND', bearer: 'platform' } as const;
const merchantBears = { liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' } as const;
const was = { liable: 'MERCHANT', bearer: 'merchant', remedy: 'FULL_REFUND', refund: money(1000n) } as const;

let table: PolicyTable;
let refunded: readonly DisputeEvent[];
let refused: readonly DisputeEvent[];
let platformPays: readonly DisputeEvent[];
beforeAll(async () => {
  table = await readDefaultPolicy();
  refunded = ruled({ units: [unit(1), unit(2)] }, merchantBears);
  refused = ruled({}, buyerAtFault);
  platformPays = ruled({}, platformBears);
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
/** A verdict of a person on all units of a case. */
function ruled(differing: Partial<CaseFile>, decision: Omit<Wanted, 'unitNo'>): DisputeEvent[] {
  const file = caseFile('platform-failure', table, differing);
  const units = file.units.map(({ unitNo }) => ({ unitNo, ...decision }));
  return told(
    { type: 'OpenDispute', draft: false, openedAt: claimedAt, at: claimedAt, ...file },
    { type: 'ApplyPolicy', table, at: claimedAt },
    { type: 'DecideDispute', person: 'anna', units, explanation, at: claimedAt },
  );
}
const propose = (units: readonly Wanted[] = [{ unitNo: 1, ...buyerAtFault }], of: Partial<Propose> = {}): Propose => ({
  type: 'ProposeOverride',
  verdictId,
  units,
  isFraud: false,
  explanation,
  subject: 'anna',
  ...of,
});
const approve = (subject: string) => ({ type: 'ApproveOverride', verdictId, subject }) as const;
const withdraw = (subject: string) => ({ type: 'WithdrawOverride', verdictId, subject }) as const;

const what = {
  disputeId: 'o1.1',
  verdictId,
  orderId: 'o1',
  platform: 'demo',
  merchant: 'm1',
  buyer: 'b1',
  units: [{ unitNo: 1, liable: 'BUYER', bearer: 'none', remedy: 'NONE', refund: zero(), was }],
  isFraud: false,
  explanation,
} as const;
const proposed = event('VerdictOverrideProposed', { ...what, proposedBy: 'anna', proposedAt: at });
const overturned = event('VerdictOverturned', { ...what, proposedBy: 'anna', approvedBy: 'bo', overturnedAt: at });

describe('overturning a verdict', () => {
  it('takes two people, and both stand on the event with what the verdict said', () => {
    const before = given(...refunded);
    before.when(approve('bo')).thenRejected('NotProposed');
    before.when(propose()).then(proposed);
    const waiting = before.and(proposed);
    waiting.when(approve('anna')).thenRejected('SameSubject');
    waiting.when(approve('bo')).then(overturned);
  });

  it('happens once', () => {
    const over = given(...refunded, proposed, overturned);
    for (const again of [propose(), approve('bo'), withdraw('bo')]) over.when(again).thenRejected('AlreadyOverturned');
    over.when(propose([{ unitNo: 2, ...buyerAtFault }])).thenRejected('AlreadyOverturned');
  });

  it('is proposed anew by who proposed it, not by another, and anybody withdraws it', () => {
    const waiting = given(...refunded, proposed);
    waiting.when(propose()).thenNothing();
    expect(waiting.when(propose([{ unitNo: 2, ...platformBears }])).events).toMatchObject([
      { type: 'VerdictOverrideProposed', data: { units: [{ unitNo: 2, bearer: 'platform' }], proposedBy: 'anna' } },
    ]);
    waiting.when(propose(undefined, { subject: 'bo' })).thenRejected('AlreadyProposed');
    const withdrawn = event('VerdictOverrideWithdrawn', {
      disputeId: 'o1.1',
      verdictId,
      orderId: 'o1',
      platform: 'demo',
      merchant: 'm1',
      withdrawnBy: 'bo',
      withdrawnAt: at,
    });
    waiting.when(withdraw('bo')).then(withdrawn);
    const free = waiting.and(withdrawn);
    free.when(approve('bo')).thenRejected('NotProposed');
    free.when(withdraw('bo')).thenRejected('NotProposed');
    expect(free.when(propose(undefined, { subject: 'bo' })).events).toMatchObject([{ data: { proposedBy: 'bo' } }]);
  });

  it('is possible when the verdict is final, and an overturned one becomes final as ever', () => {
    const late = plusDays(claimedAt, 8);
    const clock = { type: 'PassDisputeDeadlines', at: late } as const;
    const final = [...refunded, ...given(...refunded).when(clock).events];
    expect(final.at(-1)).toMatchObject({ type: 'VerdictBecameFinal' });
    given(...final)
      .when(propose())
      .then(proposed);
    given(...final, proposed)
      .when(approve('bo'))
      .then(overturned);
    expect(given(...refunded, proposed, overturned).when(clock).events).toMatchObject([{ type: 'VerdictBecameFinal' }]);
  });

  it('lets the platform bear what the merchant bore, unit by unit', () => {
    const units = [
      { unitNo: 2, ...platformBears },
      { unitNo: 1, ...buyerAtFault },
    ];
    expect(given(...refunded).when(propose(units)).events).toMatchObject([
      {
        data: {
          units: [
            { unitNo: 1, remedy: 'NONE', refund: zero(), was },
            { unitNo: 2, liable: 'NONE', remedy: 'FULL_REFUND', bearer: 'platform', refund: money(1000n), was },
          ],
        },
      },
    ]);
    expect(given(...platformPays).when(propose()).events).toMatchObject([{ data: { units: [{ was: { bearer: 'platform' } }] } }]);
  });

  it('gives nobody less than the verdict gave him, but for the buyer whose refund goes: that takes an appeal', () => {
    given(...refused)
      .when(propose([{ unitNo: 1, ...merchantBears }]))
      .thenRejected('RefundWasRefused');
    given(...refused)
      .when(propose([{ unitNo: 1, ...platformBears }]))
      .thenRejected('RefundWasRefused');
    given(...platformPays)
      .when(propose([{ unitNo: 1, ...merchantBears }]))
      .thenRejected('PlatformBearsIt');
  });

  it('changes something', () => {
    given(...refunded)
      .when(propose([{ unitNo: 1, ...merchantBears }]))
      .thenRejected('NothingChanges');
    given(...refunded)
      .when(propose([{ unitNo: 1, ...merchantBears, liable: 'NONE' }]))
      .thenRejected('NothingChanges');
    given(...refused)
      .when(propose())
      .thenRejected('NothingChanges');
    given(...refused)
      .when(propose([{ unitNo: 1, ...buyerAtFault, liable: 'UNPROVEN' }]))
      .thenRejected('NothingChanges');
    given(...refunded)
      .when(
        propose([
          { unitNo: 1, ...buyerAtFault },
          { unitNo: 2, ...merchantBears },
        ]),
      )
      .thenRejected('NothingChanges');
  });

  it('for fraud takes a refund, and its buyer is the one who is liable', () => {
    const fraud = (...units: Wanted[]) => given(...refunded).when(propose(units, { isFraud: true }));
    expect(fraud({ unitNo: 1, ...buyerAtFault }, { unitNo: 2, ...platformBears }).events).toMatchObject([
      { data: { isFraud: true } },
    ]);
    fraud({ unitNo: 1, ...platformBears }).thenRejected('FraudUnfounded');
    fraud({ unitNo: 1, ...buyerAtFault, liable: 'NONE' }).thenRejected('FraudUnfounded');
    fraud({ unitNo: 1, ...buyerAtFault }, { unitNo: 2, ...buyerAtFault, liable: 'UNPROVEN' }).thenRejected('FraudUnfounded');
  });

  it('refuses what makes no sense', () => {
    const before = given(...refunded);
    for (const command of [propose(undefined, { verdictId: 'o1.1.v2' }), { ...approve('bo'), verdictId: 'x' }])
      before.when(command).thenRejected('VerdictUnknown');
    given(...refunded.slice(0, 1))
      .when(propose())
      .thenRejected('VerdictUnknown');
    given().when(propose()).thenRejected('DisputeUnknown');
    before.when(propose([])).thenRejected('UnitUnknown');
    before.when(propose([{ unitNo: 3, ...buyerAtFault }])).thenRejected('UnitUnknown');
    before
      .when(
        propose([
          { unitNo: 1, ...buyerAtFault },
          { unitNo: 1, ...platformBears },
        ]),
      )
      .thenRejected('ContradictoryDecision');
    before.when(propose([{ unitNo: 1, ...buyerAtFault, liable: 'MERCHANT' }])).thenRejected('ContradictoryDecision');
    before.when(propose([{ unitNo: 1, ...platformBears, liable: 'MERCHANT' }])).thenRejected('ContradictoryDecision');
    for (const zh of ['', ' ', '长'.repeat(2_001)])
      before.when(propose(undefined, { explanation: { zh, en: 'why' } })).thenRejected('ExplanationInvalid');
  });

  it('leaves the verdict as it was given: it still re-derives', () => {
    const after = fold(dispute, [...refunded, proposed, overturned]);
    const [verdict] = refunded.flatMap(({ type, data }) => (type === 'VerdictReached' ? [data] : []));
    expect(rejudge(verdict!, table)).toEqual([]);
    expect(after).toMatchObject({ verdicts: [{ units: [{ remedy: 'FULL_REFUND' }, {}], override: { is: 'done' } }] });
  });

  it('of one verdict leaves the others to be overturned', () => {
    const two = told(
      {
        type: 'OpenDispute',
        draft: false,
        openedAt: claimedAt,
        at: claimedAt,
        ...caseFile('platform-failure', table, { units: [unit(1), unit(2)] }),
      },
      { type: 'ApplyPolicy', table, at: claimedAt },
      { type: 'DecideDispute', person: 'anna', units: [{ unitNo: 1, ...merchantBears }], explanation, at: claimedAt },
      { type: 'DecideDispute', person: 'anna', units: [{ unitNo: 2, ...merchantBears }], explanation, at: claimedAt },
    );
    const after = given(...two, proposed, overturned);
    expect(after.when(propose([{ unitNo: 2, ...buyerAtFault }], { verdictId: 'o1.1.v2' })).events).toMatchObject([
      { data: { verdictId: 'o1.1.v2' } },
    ]);
    after.when(propose([{ unitNo: 1, ...buyerAtFault }], { verdictId: 'o1.1.v2' })).thenRejected('UnitUnknown');
  });
});
