import { specify } from '@recourse/eventing';
import { order } from './order.js';
import {
  after,
  cancel,
  capture,
  claim,
  close,
  confirm,
  deliver,
  delivered,
  fail,
  freeze,
  history,
  orderId,
  paid,
  pass,
  place,
  refund,
  reveal,
  sevenDay,
  typesOf,
  unfreeze,
} from './order-examples.js';

const { given } = specify(order);
const over = after(25, 1);

describe('a frozen order', () => {
  it('says who it is, why, and what kept it back', () => {
    given(...history(...paid()))
      .when({ ...freeze('merchant'), at: after(1) })
      .then({
        type: 'OrderFrozen',
        data: { orderId, platform: 'demo', merchant: 'm1', scope: 'merchant', reason: 'suspicion', frozenAt: after(1) },
      });
  });

  it('releases nothing when its window ends, and everything that is due when it is unfrozen', () => {
    const frozen = history(...delivered(2), freeze());
    given(...frozen)
      .when({ ...pass, at: over })
      .thenNothing();
    const events = given(...frozen).when({ ...unfreeze(), at: over }).events;
    expect(events).toMatchObject([
      { type: 'OrderUnfrozen' },
      { type: 'EscrowReleased', data: { unitNo: 1, because: 'unfrozen' } },
      { type: 'EscrowReleased', data: { unitNo: 2, because: 'unfrozen' } },
    ]);
    // Exactly at the end of the window nothing is due yet.
    expect(typesOf(given(...frozen).when({ ...unfreeze(), at: after(24) }).events)).toEqual(['OrderUnfrozen']);
  });

  it('keeps the buyer’s confirmation and acts on it later, whatever the window says', () => {
    const confirmed = history(...delivered(), freeze(), confirm(1));
    expect(typesOf(confirmed).at(-1)).toBe('ReceiptConfirmed');
    given(...confirmed)
      .when(confirm(1))
      .thenNothing();
    expect(typesOf(given(...confirmed).when(unfreeze()).events)).toEqual(['OrderUnfrozen', 'EscrowReleased']);
  });

  it('holds what would be released at delivery, at a reveal, with a claim’s end, or beside the platform’s own refund', () => {
    const onDelivery = history(...paid(1, { settlement: 'ON_DELIVERY' }), freeze(), deliver(1));
    expect(typesOf(onDelivery).at(-1)).toBe('UnitDelivered');
    const revealed = history(...delivered(1, sevenDay), freeze(), { ...reveal(), at: over });
    expect(typesOf(revealed).at(-1)).toBe('KeyRevealed');
    const late = { ...claim(), at: over };
    const refused = history(...delivered(), freeze(), late, close('refused'));
    expect(typesOf(refused).at(-1)).toBe('ClaimClosed');
    const failed = refund([{ liable: 'PLATFORM', bearer: 'platform' }]);
    const borne = history(...paid(), fail(), freeze(), claim([1], { reason: 'platform-failure' }), failed);
    expect(typesOf(borne.slice(-2))).toEqual(['RefundApproved', 'ClaimClosed']);
    for (const events of [onDelivery, revealed, refused, borne])
      expect(typesOf(given(...events).when({ ...unfreeze(), at: over }).events)).toEqual(['OrderUnfrozen', 'EscrowReleased']);
  });

  it('pays the buyer all the same: a verdict, a cancellation, a delivery that never came, a surplus', () => {
    expect(typesOf(history(...delivered(), freeze(), claim(), refund()))).toContain('RefundFundedFromEscrow');
    expect(typesOf(history(...paid(), freeze(), cancel))).toContain('RefundFundedFromEscrow');
    expect(typesOf(history(...paid(), freeze(), { ...pass, at: over }))).toContain('RefundFundedFromEscrow');
    expect(typesOf(history(...paid(), freeze(), capture(1_000n, { transaction: 't-2' }))).at(-1)).toBe('SurplusCaptured');
  });

  it('is frozen once by each who may, and free when the last of them lets go', () => {
    const twice = history(...delivered(), freeze('order'), freeze('merchant'));
    given(...twice)
      .when(freeze('merchant'))
      .thenNothing();
    const once = given(...twice).when({ ...unfreeze('order'), at: over }).events;
    expect(typesOf(once)).toEqual(['OrderUnfrozen']);
    expect(typesOf(given(...twice, ...once).when({ ...unfreeze('merchant'), at: over }).events)).toEqual([
      'OrderUnfrozen',
      'EscrowReleased',
    ]);
    given(...history(...delivered()))
      .when(unfreeze())
      .thenNothing();
  });

  it('may be frozen before it is paid, and a cancelled one has nothing to keep back', () => {
    expect(typesOf(history(place(), freeze(), capture(), deliver(1), { ...pass, at: over })).at(-1)).toBe('UnitDelivered');
    for (const command of [freeze(), unfreeze()])
      given(...history(place(), cancel))
        .when(command)
        .thenNothing();
    expect(history(place(), freeze(), unfreeze()).at(-1)?.type).toBe('OrderUnfrozen');
  });
});
