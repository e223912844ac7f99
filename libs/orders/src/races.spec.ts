import { specify } from '@recourse/eventing';
import { money } from '@recourse/money';
import { order } from './order.js';
import {
  after,
  cancel,
  capture,
  claim,
  close,
  confirm,
  delivered,
  freeze,
  history,
  orderId,
  pass,
  place,
  refund,
  replace,
  reveal,
  submit,
  typesOf,
  unfreeze,
} from './order-examples.js';

const { given } = specify(order);
const over = after(25, 1);

describe('two at the same millisecond end in conserved money, whoever is first', () => {
  const at = over;
  const moved = (events: readonly { type: string; data: object }[]) =>
    events.flatMap(({ type, data }) =>
      (type === 'EscrowReleased' || type === 'RefundFundedFromEscrow') && 'amount' in data ? [data.amount] : [],
    );
  const at24 = after(24);

  it('two releases of one unit: the second finds nothing', () => {
    given(...history(...delivered(), { ...pass, at }))
      .when({ ...pass, at })
      .thenNothing();
    given(...history(...delivered(), { ...confirm(1), at }))
      .when({ ...pass, at })
      .thenNothing();
    given(...history(...delivered(), { ...pass, at }))
      .when({ ...confirm(1), at })
      .thenRejected('NothingToConfirm');
  });

  it('a release and a claim: the first wins, and the claim finds the unit held or released', () => {
    const claimed = history(...delivered(), { ...claim(), at });
    given(...claimed)
      .when({ ...pass, at })
      .thenNothing();
    const released = history(...delivered(), { ...pass, at }, { ...claim(), at });
    expect(released.at(-1)).toMatchObject({ type: 'ClaimOpened', data: { units: [{ escrow: 'released' }] } });
    expect(moved(history(...delivered(), { ...claim(), at }, refund()))).toEqual([money(1_000n)]);
    const late = history(...delivered(), { ...pass, at }, { ...claim(), at }, refund());
    expect(moved(late)).toEqual([money(1_000n)]);
    expect(late.find(({ type }) => type === 'RefundApproved')).toMatchObject({ data: { fromEscrow: money(0n) } });
  });

  it('a confirmation and a claim: a claimed unit is not confirmed, a confirmed one is claimed without its escrow', () => {
    given(...history(...delivered(), { ...claim(), at: at24 }))
      .when({ ...confirm(1), at: at24 })
      .thenRejected('UnitUnderClaim');
    const confirmed = history(...delivered(), { ...confirm(1), at: at24 }, { ...claim(), at: at24 });
    expect(confirmed.at(-1)).toMatchObject({ type: 'ClaimOpened', data: { units: [{ escrow: 'released' }] } });
  });

  it('two captures: one pays, the other goes back', () => {
    const both = history(place(), capture(), capture(1_000n, { transaction: 't-2' }));
    expect(typesOf(both)).toEqual(['OrderPlaced', 'PaymentCaptured', 'SurplusCaptured']);
  });

  it('a cancellation and a capture: paid and refunded, or cancelled and sent back', () => {
    expect(moved(history(place(), capture(), cancel))).toEqual([money(1_000n)]);
    expect(history(place(), cancel, capture()).at(-1)).toMatchObject({
      type: 'SurplusCaptured',
      data: { amount: money(1_000n) },
    });
  });

  it('a freeze and the end of the window: frozen first, nothing moves; released first, nothing is left to freeze', () => {
    given(...history(...delivered(), { ...freeze(), at }))
      .when({ ...pass, at })
      .thenNothing();
    expect(moved(history(...delivered(), { ...pass, at }, { ...freeze(), at }, { ...unfreeze(), at }))).toEqual([money(1_000n)]);
  });

  it('a reissue in its last millisecond and the refund for the missed reissue: one of them, and the buyer may claim again', () => {
    const last = after(48);
    const claimed = history(...delivered(), reveal(), { ...claim(), at: at24 });
    const missed = { ...refund(), at: last };
    given(...claimed, ...given(...claimed).when(missed).events)
      .when({ ...replace(), at: last })
      .thenRejected('UnitRefunded');
    const replaced = given(...claimed, ...given(...claimed).when({ ...replace(), at: last }).events);
    expect(typesOf(replaced.when(missed).events)).toEqual(['RefundShutOut']);
    replaced.when({ ...close('reissued'), at: last }).then({
      type: 'ClaimClosed',
      data: {
        claimId: `${orderId}.1`,
        orderId,
        outcome: 'reissued',
        units: [{ unitNo: 1, afterSaleEndsAt: after(48) }],
        closedAt: last,
      },
    });
    const again = replaced.and(...replaced.when({ ...close('refused'), at: last }).events).when({ ...claim(), at: last }).events;
    expect(again).toMatchObject([{ type: 'ClaimOpened', data: { units: [{ escrow: 'held' }] } }]);
  });

  it('one key reissued in its last millisecond does not cost the other unit of the verdict its refund', () => {
    const last = after(48);
    const claimed = history(...delivered(2), reveal(), reveal(2), { ...claim([1, 2]), at: at24 }, { ...replace(2), at: last });
    const approved = given(...claimed).when({ ...refund([{ unitNo: 1 }, { unitNo: 2 }]), at: after(48, 1) }).events;
    expect(moved(approved)).toEqual([money(1_000n)]);
    expect(approved).toContainEqual(
      expect.objectContaining({
        type: 'RefundApproved',
        data: expect.objectContaining({ total: money(1_000n), lines: [expect.objectContaining({ unitNo: 1 })] }),
      }),
    );
    const other = given(...claimed, ...approved);
    expect(moved(other.when({ ...refund([{ unitNo: 2, replacementFailed: true }], 2), at: after(49) }).events)).toEqual([
      money(1_000n),
    ]);
  });

  it('a draft submitted in its last millisecond and its lapse: submitted, or free for another claim', () => {
    const last = after(25);
    const draft = history(...delivered(), { ...claim([1], { draft: true }), at: after(1) });
    const submitted = given(...draft, ...given(...draft).when({ ...submit(), at: last }).events);
    submitted.when({ ...close('lapsed'), at: after(25, 1) }).thenNothing();
    given(...draft, ...given(...draft).when({ ...close('lapsed'), at: last }).events)
      .when({ ...submit(), at: last })
      .thenRejected('ClaimOver');
  });
});
