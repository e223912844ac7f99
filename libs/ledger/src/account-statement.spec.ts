import { RunningAccount } from './account-statement.js';
import { fen } from './sample-history.js';

const escrow = 'demo/escrow:demo.o1';
const gateway = 'demo/gateway:alipay';

it('an account grows on its normal side, and each line names the other account', () => {
  const running = new RunningAccount(gateway, [['CNY', -500n]]);
  expect(running.balances).toEqual([fen(500)]);
  expect(running.move({ debit: gateway, credit: escrow, amount: fen(100) })).toEqual({
    side: 'debit',
    counter: escrow,
    amount: fen(100),
    balance: fen(600),
  });
  expect(running.move({ debit: escrow, credit: gateway, amount: fen(601) })).toMatchObject({ side: 'credit', balance: fen(-1) });
  expect(running.balances).toEqual([fen(-1)]);
});

it('each asset has a balance of its own', () => {
  const running = new RunningAccount(escrow, [['JPY', 7n]]);
  running.move({ debit: gateway, credit: escrow, amount: fen(100) });
  expect(running.balances).toEqual([fen(100), { asset: 'JPY', minor: 7n }]);
});

it('a posting between other accounts is refused', () => {
  const running = new RunningAccount('demo/fund:available');
  expect(() => running.move({ debit: gateway, credit: escrow, amount: fen(1) })).toThrow(RangeError);
});
