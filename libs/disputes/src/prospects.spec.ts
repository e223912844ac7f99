import { fold, isRejection, plusHours, type Instant, type Stamped } from '@recourse/eventing';
import { claimReasons } from '@recourse/orders/events';
import fc from 'fast-check';
import type { Dispute } from './case.js';
import { dispute, type DisputeCommand, type DisputeEvent } from './dispute.js';
import { factValues, type PolicyRule, type PolicyTable } from './policy-table.js';
import { PolicyProspects, type Prospect } from './prospects.js';
import { caseFile, claimedAt, readDefaultPolicy, undelivered, unit } from './sample-case.js';
import { tableOf } from './sample-table.js';
import { caseAfter, standingsIn, type CaseHistory } from './case-standing.js';

let standard: PolicyTable;
beforeAll(async () => {
  standard = await readDefaultPolicy();
});

/** What verifier, merchant and buyer will say when they are asked. */
interface Answers {
  readonly verification: (typeof factValues.verification)[number];
  readonly merchant: 'accepted' | 'contested' | 'silent';
  readonly reissue: 'none' | 'dead' | 'works';
}

/** A case from its submission to its end by the decider itself: what is known at first, and the rule, remedy or person at its end. */
function live(table: PolicyTable, opening: readonly Stamped<DisputeCommand>[], answers: Answers) {
  const events: DisputeEvent[] = [];
  let at: Instant = claimedAt;
  const send = (command: DisputeCommand): Dispute => {
    const outcome = dispute.decide({ ...command, at }, fold(dispute, events));
    if (isRejection(outcome)) throw new Error(`${command.type}: ${outcome.rejected}, ${outcome.detail}`);
    events.push(...outcome);
    return fold(dispute, events);
  };
  for (const command of opening) send(command);
  const first = standingsIn(events.reduce<CaseHistory | undefined>(caseAfter, undefined)!).get(1)!.facts!;
  for (let state = send({ type: 'ApplyPolicy', table }); state.status === 'submitted';) {
    const { status } = state.units[0]!;
    switch (status.is) {
      case 'decided': {
        const verdict = events.findLast((event) => event.type === 'VerdictReached')!.data;
        return { first, rule: verdict.rule, end: verdict.units[0]!.remedy };
      }
      case 'under-review':
        return { first, rule: status.rule, end: 'PERSON' };
      case 'resolved':
        return { first, rule: events.findLast((event) => event.type === 'ReissueAwaited')!.data.rule, end: 'REISSUE' };
      case 'verifying': {
        const { verification: outcome } = answers;
        send({
          type: 'RecordVerification',
          results: [
            {
              unitNo: 1,
              outcome: outcome === 'none' ? 'INCONCLUSIVE' : outcome,
              source: 's',
              queriedAt: at,
              resultHash: 'ab'.repeat(32),
            },
          ],
        });
        break;
      }
      case 'awaiting-merchant':
        if (answers.merchant === 'silent') {
          at = plusHours(at, 49);
          send({ type: 'PassDisputeDeadlines' });
        } else send({ type: 'AnswerClaim', answer: answers.merchant });
        break;
      case 'awaiting-reissue':
        if (answers.reissue === 'none') {
          at = plusHours(at, 25);
          send({ type: 'PassDisputeDeadlines' });
        } else send({ type: 'ReportReplacement', unitNo: 1, deliveredAt: at });
        break;
      case 'awaiting-evidence':
        at = plusHours(at, 49);
        send({ type: 'PassDisputeDeadlines' });
        break;
      case 'awaiting-buyer-check':
        send({ type: 'CheckReplacement', works: answers.reissue === 'works' });
        break;
      case 'submitted':
        throw new Error('the policy leaves a unit alone');
    }
    state = send({ type: 'ApplyPolicy', table });
  }
  throw new Error('a submitted case stays one');
}

const answers: fc.Arbitrary<Answers> = fc.record({
  verification: fc.constantFrom(...factValues.verification.filter((value) => value !== 'none')),
  merchant: fc.constantFrom('accepted' as const, 'contested' as const, 'silent' as const),
  reissue: fc.constantFrom('none' as const, 'dead' as const, 'works' as const),
});
const units = fc.constantFrom(
  unit(1),
  unit(1, { afterSaleEndsAt: plusHours(claimedAt, -1) }),
  unit(1, { sevenDayEndsAt: plusHours(claimedAt, 1) }),
  undelivered(1),
  undelivered(1, { platformFailure: true }),
);
const unseen = (one: ReturnType<typeof unit>) => {
  const { revealedAt, ...others } = one;
  return revealedAt === undefined ? one : others;
};
const opening = (
  table: PolicyTable,
  reason: (typeof claimReasons)[number],
  claimed: ReturnType<typeof unit>,
  { reissue, evidence }: { reissue: boolean; evidence: boolean },
): Stamped<DisputeCommand>[] => {
  const promise = { afterSaleHours: 24, deliverWithinHours: 24, reissue, sevenDay: claimed.sevenDayEndsAt !== undefined };
  const piece = { evidenceId: 'e1', kind: 'screen-recording', showsActivationFailure: true, content: 'vault:e1' } as const;
  return [
    {
      ...{ type: 'OpenDispute', draft: false, openedAt: claimedAt, at: claimedAt },
      ...caseFile(reason, table, { units: [claimed], promise }),
      ...(evidence ? { evidence: [piece] } : {}),
    },
  ];
};

const prospectOf = (table: PolicyTable, first: ReturnType<typeof live>['first']): Prospect =>
  new PolicyProspects(table).of(first, [first.reason]).prospects[0]!;
const endOf = (outcome: Prospect['outcomes'][number]): string => (outcome.by === 'person' ? 'PERSON' : outcome.remedy);

it('whatever is answered, a case ends in one of the ways that were foreseen for it, and in the one for these answers', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...claimReasons),
      units,
      fc.boolean(),
      fc.record({ reissue: fc.boolean(), evidence: fc.boolean() }),
      answers,
      (reason, one, isSeen, known, given) => {
        const { first, rule, end } = live(standard, opening(standard, reason, isSeen ? one : unseen(one), known), given);
        const { outcomes } = prospectOf(standard, first);
        const foreseen = outcomes.filter((outcome) => outcome.rule === rule && endOf(outcome) === end);
        expect(foreseen.length).toBeGreaterThan(0);
        const asked = {
          verification: given.verification,
          merchantAnswer: given.merchant,
          reissue: given.reissue === 'none' ? 'missed' : 'failed',
        };
        const fits = foreseen.filter(({ when }) =>
          Object.entries(asked).every(([fact, value]) => {
            const values: readonly string[] | undefined = when[fact as keyof typeof asked];
            return values?.includes(value) ?? true;
          }),
        );
        expect(fits).toHaveLength(1);
      },
    ),
    { numRuns: 100 },
  );
});

it('evidence that is not named as missing changes nothing, and what is named changes something', () => {
  fc.assert(
    fc.property(fc.constantFrom(...claimReasons), units, fc.boolean(), (reason, one, reissue) => {
      const all = fc.sample(answers, { numRuns: 20, seed: 1 });
      const ends = (evidence: boolean) =>
        all.map((given) => {
          const { rule, end } = live(standard, opening(standard, reason, one, { reissue, evidence }), given);
          return `${rule} ${end}`;
        });
      const { first } = live(standard, opening(standard, reason, one, { reissue, evidence: false }), all[0]!);
      const isMissing = prospectOf(standard, first).missing.some(({ fact }) => fact === 'activationFailureEvidence');
      expect(isMissing).toBe(ends(true).join() !== ends(false).join());
    }),
    { numRuns: 25 },
  );
});

describe('what is missing', () => {
  const text = { zh: '由规则决定', en: 'The rule decides' };
  const rule = (id: string, when: PolicyRule['when'], then: PolicyRule['then'] = { do: 'review' }): PolicyRule => ({
    ...{ id, when, then, explanation: text, basis: ['S16'] },
  });
  const refund = { do: 'decide', liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' } as const;
  const first = () => {
    const { first: facts } = live(standard, opening(standard, 'key-invalid', unit(1), { reissue: false, evidence: false }), {
      ...{ verification: 'UNUSED', merchant: 'silent', reissue: 'none' },
    });
    return facts;
  };
  const missing = (...rules: PolicyRule[]) => prospectOf(tableOf([...rules, rule('person', {})]), first()).missing;

  it('is what the rules that are left ask for', () => {
    expect(missing(rule('proven', { activationFailureEvidence: 'yes' }, refund))).toEqual([
      { fact: 'activationFailureEvidence', from: 'buyer', values: ['yes'], alone: true, leadsTo: { yes: 'proven' } },
    ]);
    expect(missing(rule('proven', { activationFailureEvidence: 'yes', delivered: 'no' }, refund))).toEqual([]);
  });

  it('may count only together with something else', () => {
    const both = missing(rule('both', { activationFailureEvidence: 'yes', chat: 'strong' }, refund));
    expect(both).toEqual([
      { fact: 'activationFailureEvidence', from: 'buyer', values: ['yes'], alone: false },
      { fact: 'chat', from: 'buyer', values: ['strong'], alone: false },
    ]);
  });

  it('is an answer that the policy asks for, even if a rule asks again for what it knows: then a person decides', () => {
    const prospect = prospectOf(tableOf([rule('again', {}, { do: 'verify' })]), first());
    expect(prospect.missing.map(({ fact }) => fact)).toEqual(['verification']);
    expect(prospect.outcomes).toEqual([
      { rule: 'again', by: 'person', when: { verification: factValues.verification.filter((value) => value !== 'none') } },
    ]);
  });
});

it('once the buyer asked for a person no rule refuses him', () => {
  const { first } = live(standard, opening(standard, 'dislike', unit(1), { reissue: false, evidence: false }), {
    ...{ verification: 'UNUSED', merchant: 'silent', reissue: 'none' },
  });
  const [asked] = new PolicyProspects(standard).of(first, ['dislike'], true).prospects;
  expect(asked).toMatchObject({ rule: 'person-requested', outcomes: [{ by: 'person' }] });
  expect(new PolicyProspects(standard).of(first, ['dislike']).prospects[0]).toMatchObject({ rule: 'dislike' });
});

it('what was worked out once is not worked out again', () => {
  const prospects = new PolicyProspects(standard);
  const { first } = live(standard, opening(standard, 'dislike', unit(1), { reissue: false, evidence: false }), {
    ...{ verification: 'UNUSED', merchant: 'silent', reissue: 'none' },
  });
  expect(prospects.of(first, claimReasons)).toBe(prospects.of({ ...first, reason: 'key-used' }, claimReasons));
});
