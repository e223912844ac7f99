import fc from 'fast-check';
import {
  accountKinds,
  formatAccount,
  normalSide,
  parseAccount,
  UnknownAccount,
  type Account,
  type AccountKind,
} from './accounts.js';

const accounts: readonly (readonly [Account, string])[] = [
  [{ platform: 'demo', kind: 'escrow', owner: 'demo.o1' }, 'demo/escrow:demo.o1'],
  [{ platform: 'demo', kind: 'refund', owner: 'demo.o1.1.v1' }, 'demo/refund:demo.o1.1.v1'],
  [{ platform: 'demo', kind: 'outgoing', owner: 'demo.m1.s1' }, 'demo/outgoing:demo.m1.s1'],
  [{ platform: 'demo', kind: 'gateway', owner: 'alipay' }, 'demo/gateway:alipay'],
  [{ platform: 'demo', kind: 'suspense', owner: 'alipay' }, 'demo/suspense:alipay'],
  [{ platform: 'demo', kind: 'settling', owner: 'm1' }, 'demo/merchant:m1:settling'],
  [{ platform: 'demo', kind: 'payable', owner: 'm1' }, 'demo/merchant:m1:payable'],
  [{ platform: 'demo', kind: 'deposit', owner: 'm1' }, 'demo/merchant:m1:deposit'],
  [{ platform: 'demo', kind: 'held', owner: 'm1' }, 'demo/merchant:m1:held'],
  [{ platform: 'demo', kind: 'recourse', owner: 'm1' }, 'demo/merchant:m1:recourse'],
  [{ platform: 'demo', kind: 'owed', owner: 'b1' }, 'demo/buyer:b1:owed'],
  [{ platform: 'demo', kind: 'available' }, 'demo/fund:available'],
  [{ platform: 'demo', kind: 'advanced' }, 'demo/fund:advanced'],
  [{ platform: 'demo', kind: 'fees' }, 'demo/platform:fees'],
  [{ platform: 'demo', kind: 'gateway-cost' }, 'demo/platform:gateway-cost'],
  [{ platform: 'demo', kind: 'losses' }, 'demo/platform:losses'],
];

it('names every account of the chart, and reads the name back', () => {
  expect(accounts.map(([{ kind }]) => kind)).toEqual(Object.keys(accountKinds));
  for (const [account, name] of accounts) {
    expect(formatAccount(account)).toBe(name);
    expect(parseAccount(name)).toEqual(account);
  }
});

it('reads back any owner, whatever it is made of', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }).filter((text) => !text.includes('/')),
      fc.constantFrom('escrow', 'refund', 'gateway', 'suspense', 'held', 'recourse', 'owed'),
      fc.string({ minLength: 1 }),
      (platform, kind, owner) => {
        expect(parseAccount(formatAccount({ platform, kind, owner }))).toEqual({ platform, kind, owner });
      },
    ),
  );
});

it('refuses what is not the name of an account', () => {
  const names = ['', 'demo', '/escrow:o1', 'escrow:o1', 'demo/escrow', 'demo/escrow:', 'demo/held:m1', 'demo/merchant::held'];
  for (const name of [
    ...names,
    'demo/merchant:m1:escrow',
    'demo/fund:fees',
    'demo/merchant:held',
    'demo/merchant:m1:owed',
    'demo/buyer:b1:held',
    'demo/buyer:owed',
    'demo/toString:x',
  ])
    expect(() => parseAccount(name)).toThrow(UnknownAccount);
});

it('keeps what we have on the debit side and what we owe on the credit side', () => {
  const kinds = Object.keys(accountKinds) as AccountKind[];
  expect(kinds.filter((kind) => accountKinds[kind].normalSide === 'debit')).toEqual([
    'gateway',
    'suspense',
    'recourse',
    'owed',
    'gateway-cost',
    'losses',
  ]);
  expect(kinds.filter((kind) => !accountKinds[kind].floorZero)).toEqual([
    'gateway',
    'suspense',
    'recourse',
    'owed',
    'advanced',
    'fees',
    'gateway-cost',
    'losses',
  ]);
  expect(normalSide('demo/gateway:alipay')).toBe('debit');
  expect(() => normalSide('demo/nothing')).toThrow(UnknownAccount);
});
