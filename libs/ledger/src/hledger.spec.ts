import fc from 'fast-check';
import { formatAccount } from './accounts.js';
import { hledgerAccount, hledgerAccountDirective, hledgerHead, hledgerTransaction } from './hledger.js';
import { fen } from './sample-history.js';

it('an ordinary account keeps its name', () => {
  expect(hledgerAccount('demo/merchant:m1:deposit')).toBe('demo/merchant:m1:deposit');
  expect(hledgerAccount('demo/buyer:b1:owed')).toBe('demo/buyer:b1:owed');
  expect(hledgerAccount('demo/fund:available')).toBe('demo/fund:available');
  expect(hledgerAccount('demo/escrow:demo.订单1')).toBe('demo/escrow:demo.订单1');
});

it('what hledger reads as something else is written as %XX', () => {
  expect(hledgerAccount('demo/gateway:bank  of:x;(1)%')).toBe('demo/gateway:bank%20%20of%3Ax%3B%281%29%25');
});

it('two accounts of ours are never one of hledger, and none is the parent of another', () => {
  const owner = fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom('a', ':', ' ', '%', '3', 'A', ';', '\n', '单') });
  fc.assert(
    fc.property(owner, owner, (one, other) => {
      const [first, second] = [one, other].map((each) =>
        hledgerAccount(formatAccount({ platform: 'demo', kind: 'escrow', owner: each })),
      );
      expect(first === second).toBe(one === other);
      expect(first).toMatch(/^demo\/escrow:[^:\s;()]+$/);
    }),
  );
});

it('a transaction is one event, in debits and credits of major units', () => {
  const text = hledgerTransaction({
    position: 42n,
    eventType: 'EscrowReleased',
    stream: 'order-demo.o1',
    // Still the day before in Greenwich.
    recordedAt: '2026-03-01T16:00:00.000Z',
    effectiveAt: '2026-03-01T16:00:00.000Z',
    orderId: 'demo.o1',
    reference: 'T,1',
    postings: [
      { debit: 'demo/escrow:demo.o1', credit: 'demo/merchant:m1:settling', amount: fen(9_505) },
      { debit: 'demo/escrow:demo.o1', credit: 'demo/platform:fees', amount: fen(5) },
    ],
  });
  expect(text).toBe(`2026-03-02 * (42) EscrowReleased
    ; stream: order-demo.o1
    ; recorded: 2026-03-01T16:00:00.000Z
    ; order: demo.o1
    ; reference: T%2C1
    demo/escrow:demo.o1  95.05 CNY
    demo/merchant:m1:settling  -95.05 CNY
    demo/escrow:demo.o1  0.05 CNY
    demo/platform:fees  -0.05 CNY

`);
});

it('assets are declared with their own decimals, accounts with their names', () => {
  expect(hledgerHead('Recourse\naccount x')).toBe(`; Recourse account x
decimal-mark .
commodity 1000.00 CNY
commodity 1000.00 USD
commodity 1000. JPY
commodity 1000.000 KWD
`);
  expect(hledgerAccountDirective('demo/merchant:m1:recourse')).toBe(
    'account demo/merchant:m1:recourse  ; 应收商户追偿款 Recourse against merchant, type:A\n',
  );
});
