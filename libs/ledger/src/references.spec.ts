import { referencesOf } from './references.js';
import {
  captured,
  credited,
  debited,
  held,
  orderId,
  refundId,
  reserved,
  settlementDrawn,
  settlementId,
  toppedUp,
} from './sample-history.js';

describe('what an event says it is about', () => {
  it('is its order, case and refund, wherever the event names them', () => {
    expect(referencesOf(credited())).toEqual({ orderId });
    expect(referencesOf(reserved('fund'))).toEqual({ orderId, caseId: 'demo.o1.1', refundId });
    expect(referencesOf(held(100))).toEqual({ caseId: 'demo.o1.1' });
    expect(referencesOf(debited(100, 0, 0))).toEqual({ refundId });
  });

  it("is the rail's transaction of money that comes in, and the payout of a settlement", () => {
    expect(referencesOf(captured(100))).toEqual({ orderId, reference: 't2' });
    expect(referencesOf(toppedUp(100, 't7'))).toEqual({ reference: 't7' });
    expect(referencesOf(settlementDrawn(100))).toEqual({ reference: settlementId });
  });
});
