import { money } from '@recourse/money';
import type { Order } from '@recourse/orders';
import { casesOf, convergenceOf } from './convergence.js';

type Outcome = 'open' | 'refused' | 'reissued' | 'withdrawn' | 'lapsed' | 'refunded';

/** An order whose units went through these claims, one after the other; `paidBack` of them without any. */
function order(units: Readonly<Record<number, readonly Outcome[]>>, paidBack: readonly number[] = []): Order {
  const claims = new Map<string, { claimId: string; units: Map<number, Outcome> }>();
  const rows = new Map<number, object>();
  for (const [unit, outcomes] of Object.entries(units)) {
    const unitNo = Number(unit);
    outcomes.forEach((outcome, index) => {
      const claimId = `demo.o1.${index + 1}`;
      claims.set(claimId, { claimId, units: new Map([...(claims.get(claimId)?.units ?? []), [unitNo, outcome]]) });
    });
    const isBack = paidBack.includes(unitNo) || outcomes.includes('refunded');
    const open = outcomes.at(-1) === 'open' ? { claim: { claimId: `demo.o1.${outcomes.length}` } } : {};
    rows.set(unitNo, { unitNo, price: money(10n), refunded: money(isBack ? 10n : 0n), ...open });
  }
  return { status: 'paid', units: rows, claims } as unknown as Order;
}

it('units under open claims are attached to each of them, the others are claimed together', () => {
  const found = convergenceOf(order({ 1: ['open'], 2: ['refused', 'open'], 3: [], 4: ['withdrawn'] }), [1, 2, 3, 4]);
  expect(found?.attach).toEqual(
    new Map([
      ['demo.o1.1', [1]],
      ['demo.o1.2', [2]],
    ]),
  );
  expect(found?.claim).toEqual([3, 4]);
});

it.each<[string, readonly Outcome[], boolean]>([
  ['was never claimed', [], true],
  ['was withdrawn', ['withdrawn'], true],
  ['lapsed as a draft', ['lapsed'], true],
  ['ended by a reissued key', ['reissued'], true],
  ['was refused for good', ['refused'], false],
  ['was refunded', ['refunded'], false],
  ['was refused after it had been withdrawn', ['withdrawn', 'refused'], false],
])('a unit that %s is claimed anew: %s, %s', (_, outcomes, isClaimed) => {
  expect(convergenceOf(order({ 1: outcomes }), [1])?.claim).toEqual(isClaimed ? [1] : []);
});

it('a complaint about what was decided joins the last case, and one about money that went back without a claim has none', () => {
  const decided = order({ 1: ['withdrawn', 'refused'], 2: [] }, [2]);
  expect(convergenceOf(decided, [1, 2])).toEqual({ attach: new Map(), claim: [] });
  expect(casesOf(decided, [1, 2])).toEqual([{ unitNo: 1, disputeId: 'demo.o1.2' }, { unitNo: 2 }]);
});

it('units that the order does not have are not met', () => {
  expect(convergenceOf(order({ 1: [] }), [1, 2])).toBeUndefined();
  expect(convergenceOf({ status: 'none', length: 0 }, [1])).toBeUndefined();
});
