import { decodeData, encodeData, fold, isRejection, plusHours, plusMs, type Instant, type Stamped } from '@recourse/eventing';
import type { UnitFacts } from '@recourse/orders/events';
import fc from 'fast-check';
import { isOver } from './case.js';
import { deadlineOpenedBy, nextDeadline } from './deadline.js';
import { dispute, type DisputeCommand, type DisputeEvent } from './dispute.js';
import { factValues, type PolicyTable } from './policy-table.js';
import { afterSaleEndsAt, caseFile, deliveredAt, readDefaultPolicy, undelivered, unit } from './sample-case.js';
import { rejudge } from './verdict.js';

let table: PolicyTable;
beforeAll(async () => {
  table = await readDefaultPolicy();
});

const outcomes = factValues.verification.filter((outcome) => outcome !== 'none');
const anyOutcome = fc.oneof(fc.constantFrom('INVALID', 'INCONCLUSIVE'), fc.constantFrom(...outcomes));
const anyUnit = fc.constantFrom('revealed', 'revealed', 'revealed', 'unrevealed', 'undelivered', 'failed', 'nameless');
const inTime = plusHours(deliveredAt, 1);
const anyClaim = fc.record({
  reason: fc.oneof(fc.constantFrom('key-invalid', 'not-credited'), fc.constantFrom(...factValues.reason)),
  productKind: fc.constantFrom(...factValues.productKind),
  reissue: fc.boolean(),
  draft: fc.constantFrom(true, false, false, false),
  units: fc.array(anyUnit, { minLength: 1, maxLength: 4 }),
  openedAt: fc.constantFrom(inTime, inTime, afterSaleEndsAt, plusMs(afterSaleEndsAt, 1), plusHours(deliveredAt, 24 * 8)),
});
const someUnits = fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
const anyStep = fc.record({
  /** The process applies the policy at once, or comes late. */
  judged: fc.boolean(),
  afterMs: fc.oneof(
    { weight: 6, arbitrary: fc.nat(14_400_000) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1, 86_400_000, 86_400_001, 172_800_001) },
    { weight: 1, arbitrary: fc.nat(300_000_000) },
  ),
  step: fc.oneof(
    { weight: 1, arbitrary: fc.record({ type: fc.constant('WithdrawDispute') }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('SubmitDispute', 'PassDisputeDeadlines', 'RequestPerson') }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('SubmitEvidence'), evidenceId: fc.string(), shows: fc.boolean() }) },
    { weight: 8, arbitrary: fc.record({ type: fc.constant('RecordVerification'), units: someUnits, outcome: anyOutcome }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('ReportReplacement'), units: someUnits }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('CheckReplacement'), works: fc.boolean() }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('AnswerClaim'), answer: fc.constantFrom('accepted', 'contested') }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('DecideDispute'), units: someUnits, refund: fc.boolean() }) },
  ),
});
type Claim = typeof anyClaim extends fc.Arbitrary<infer Value> ? Value : never;
type Step = typeof anyStep extends fc.Arbitrary<infer Value extends { step: unknown }> ? Value['step'] : never;

const without = <Key extends keyof UnitFacts>(facts: UnitFacts, key: Key): UnitFacts =>
  Object.fromEntries(Object.entries(facts).filter(([name]) => name !== key)) as unknown as UnitFacts;

const unitsOf = ({ units }: Claim): UnitFacts[] =>
  units.map((kind, i) => {
    const revealed = unit(i + 1, { sevenDayEndsAt: plusHours(deliveredAt, 24 * 7) });
    switch (kind) {
      case 'revealed':
        return revealed;
      case 'unrevealed':
        return without(revealed, 'revealedAt');
      case 'nameless':
        return without(revealed, 'deliveryReference');
      case 'undelivered':
        return undelivered(i + 1);
      case 'failed':
        return undelivered(i + 1, { platformFailure: true });
    }
  });

function commandOf(step: Step, { units: { length: count } }: Claim, at: Instant): Stamped<DisputeCommand> {
  const named = 'units' in step ? [...new Set(step.units.map((unitNo) => ((unitNo - 1) % count) + 1))] : [];
  switch (step.type) {
    case 'SubmitDispute':
      return { type: 'SubmitDispute', submittedAt: at, at };
    case 'PassDisputeDeadlines':
    case 'WithdrawDispute':
    case 'RequestPerson':
      return { type: step.type, at };
    case 'SubmitEvidence': {
      const { evidenceId, shows } = step;
      const content = `vault:${evidenceId}`;
      return { type: 'SubmitEvidence', evidenceId, by: 'buyer', kind: 'chat', showsActivationFailure: shows, content, at };
    }
    case 'RecordVerification': {
      const answer = { outcome: step.outcome, source: 'sandbox', queriedAt: at, resultHash: 'ab'.repeat(32) };
      return { type: 'RecordVerification', results: named.map((unitNo) => ({ unitNo, ...answer })), at };
    }
    case 'ReportReplacement':
      return { type: 'ReportReplacement', unitNo: named[0] ?? 1, deliveredAt: at, at };
    case 'CheckReplacement':
      return { type: 'CheckReplacement', works: step.works, at };
    case 'AnswerClaim':
      return { type: 'AnswerClaim', answer: step.answer, at };
    case 'DecideDispute': {
      const decision = step.refund
        ? ({ liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' } as const)
        : ({ liable: 'UNPROVEN', remedy: 'NONE', bearer: 'none' } as const);
      const units = named.map((unitNo) => ({ unitNo, ...decision }));
      return { type: 'DecideDispute', person: 'anna', units, explanation: { zh: '说明', en: 'why' }, at };
    }
  }
}

/** A dispute's stream: what is accepted is stored, what is refused leaves no trace. */
class Stream {
  readonly events: DisputeEvent[] = [];
  get state() {
    return fold(dispute, this.events);
  }
  send(command: Stamped<DisputeCommand>): boolean {
    const outcome = dispute.decide(command, this.state);
    if (isRejection(outcome)) return false;
    this.events.push(...outcome.map((event) => ({ ...event, data: decodeData(encodeData(event.data)) }) as DisputeEvent));
    return outcome.length > 0;
  }
  /** As the processes do: the policy after every fact, and a wake-up just after each deadline that an event opened. */
  runOut(from: Instant): void {
    let now = from;
    this.send({ type: 'PassDisputeDeadlines', at: now });
    this.send({ type: 'ApplyPolicy', table, at: now });
    for (let wakeUps = 0; ; wakeUps += 1) {
      const due = this.events.flatMap((event) => deadlineOpenedBy(event) ?? []).filter((deadline) => deadline >= now);
      const next = due.toSorted()[0];
      if (next === undefined) return;
      if (wakeUps > 100) throw new Error('a dispute does not end');
      now = plusMs(next, 1);
      this.send({ type: 'PassDisputeDeadlines', at: now });
      this.send({ type: 'ApplyPolicy', table, at: now });
    }
  }
}

function begun(claim: Claim): Stream {
  const stream = new Stream();
  const { reason, productKind, draft, openedAt } = claim;
  const promise = { afterSaleHours: 24, deliverWithinHours: 24, reissue: claim.reissue, sevenDay: true };
  const file = caseFile(reason, table, { productKind, promise, units: unitsOf(claim) });
  stream.send({ type: 'OpenDispute', draft, openedAt, at: openedAt, ...file });
  return stream;
}

it('ends every dispute by itself, whatever happened in whatever order: each unit decided once or resolved, each verdict final and re-derivable', () => {
  fc.assert(
    fc.property(anyClaim, fc.array(anyStep, { maxLength: 25 }), (claim, steps) => {
      const stream = begun(claim);
      let now = claim.openedAt;
      for (const { afterMs, step, judged } of steps) {
        now = plusMs(now, afterMs);
        stream.send(commandOf(step, claim, now));
        if (judged) stream.send({ type: 'ApplyPolicy', table, at: now });
      }
      stream.runOut(now);

      const { events, state } = stream;
      const verdicts = events.flatMap((event) => (event.type === 'VerdictReached' ? [event.data] : []));
      const ended = events.flatMap((event) => {
        if (event.type === 'VerdictReached') return event.data.units.map((one) => one.unitNo);
        return event.type === 'ResolvedByReissue' ? event.data.units : [];
      });
      expect(new Set(ended).size).toBe(ended.length);
      expect(verdicts.map(({ verdictId }) => verdictId)).toEqual(verdicts.map((_, n) => `o1.1.v${n + 1}`));
      expect(verdicts.flatMap((verdict) => rejudge(verdict, table))).toEqual([]);
      expect(nextDeadline(state)).toBeUndefined();
      if (state.status === 'submitted') {
        expect(state.units.filter((one) => !isOver(one))).toEqual([]);
        expect(state.verdicts.every((verdict) => verdict.final)).toBe(true);
      } else {
        expect(['lapsed', 'withdrawn']).toContain(state.status);
        expect(ended).toEqual([]);
      }
    }),
    { numRuns: 200 },
  );
});

it('names as the next deadline the last moment at which nothing happens by itself', () => {
  fc.assert(
    fc.property(anyClaim, fc.array(anyStep, { maxLength: 15 }), (claim, steps) => {
      const stream = begun(claim);
      let now = claim.openedAt;
      for (const { afterMs, step } of steps) {
        now = plusMs(now, afterMs);
        stream.send({ type: 'PassDisputeDeadlines', at: now });
        stream.send(commandOf(step, claim, now));
      }
      const deadline = nextDeadline(stream.state);
      const wouldPass = (at: Instant) => dispute.decide({ type: 'PassDisputeDeadlines', at }, stream.state);
      if (deadline === undefined) expect(wouldPass('2099-01-01T00:00:00.000Z')).toEqual([]);
      else {
        expect(wouldPass(deadline)).toEqual([]);
        expect(wouldPass(plusMs(deadline, 1))).not.toEqual([]);
        expect(stream.events.map(deadlineOpenedBy)).toContain(deadline);
      }
    }),
    { numRuns: 200 },
  );
});
