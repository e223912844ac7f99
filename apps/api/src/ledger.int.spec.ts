import type { MoneyJson } from '@recourse/money';
import { cny, openMarket, startTestApi, type Market, type TestApi } from './testbed.js';

interface Line {
  readonly position: string;
  readonly line: number;
  readonly event: string;
  readonly stream: string;
  readonly because: Readonly<Record<string, string | null>>;
  readonly recordedAt: string;
  readonly debit: string;
  readonly credit: string;
  readonly amount: MoneyJson;
}
interface StatementLine extends Omit<Line, 'debit' | 'credit'> {
  readonly side: 'debit' | 'credit';
  readonly counter: string;
  readonly balance: MoneyJson;
}
interface Statement {
  readonly opening: readonly MoneyJson[];
  readonly lines: readonly StatementLine[];
  readonly closing: readonly MoneyJson[];
  readonly next?: string;
}

let api: TestApi;
let market: Market;
let finance: string;

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  await api.startReaders();
  for (const orderNo of ['L1', 'L2', 'L3']) await market.sell(orderNo);
  await api.settled();
  finance = await api.person('finance', 'f1');
});
afterAll(() => api.close());

const read = async <Body>(path: string): Promise<Body> => {
  const { status, body, text } = await api.get(finance, `/ledger/${path}`, String(await api.logEnd()));
  if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
  return body as unknown as Body;
};
const paged = async <Item>(path: string, rows: 'lines' | 'accounts', limit: number): Promise<Item[]> => {
  const items: Item[] = [];
  for (let next: string | undefined = ''; next !== undefined;) {
    const after: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
    const body: Record<string, unknown> = await read(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}${after}`);
    items.push(...(body[rows] as Item[]));
    next = body['next'] as string | undefined;
  }
  return items;
};
const account = (name: string) => encodeURIComponent(`demo/${name}`);
const statementOf = (name: string) => `accounts/${name}/statement`;
const settling = 'merchant:m1:settling';

describe('the journal', () => {
  it('is all postings in the order of the log, page by page', async () => {
    const { lines, booksAt } = await read<{ lines: Line[]; booksAt: string }>('journal');
    expect(BigInt(booksAt)).toBeGreaterThanOrEqual(BigInt(lines.at(-1)!.position));
    expect(await paged<Line>('journal', 'lines', 3)).toEqual(lines);
    expect(lines.map(({ event }) => event).slice(0, 2)).toEqual(['DepositToppedUp', 'FundContributed']);
    expect(lines.find(({ event }) => event === 'PaymentCaptured')).toMatchObject({
      stream: 'order-demo.L1',
      debit: 'demo/gateway:sandbox',
      credit: 'demo/escrow:demo.L1',
      amount: cny(5_000),
      because: { order: 'demo.L1', dispute: null, refund: null, reference: 'tx-L1' },
    });
  });

  it('can be asked for one account, one event type and a part of the log', async () => {
    const captured = await read<{ lines: Line[] }>('journal?event=PaymentCaptured');
    expect(captured.lines.map(({ credit }) => credit)).toEqual([
      'demo/escrow:demo.L1',
      'demo/escrow:demo.L2',
      'demo/escrow:demo.L3',
    ]);
    const escrow = await read<{ lines: Line[] }>(`journal?account=${account('escrow:demo.L2')}`);
    expect(escrow.lines.map(({ event, line }) => [event, line])).toEqual([
      ['PaymentCaptured', 0],
      ['EscrowReleased', 0],
      ['EscrowReleased', 1],
    ]);
    const [first, second] = captured.lines;
    const between = await read<{ lines: Line[] }>(`journal?event=PaymentCaptured&from=${first!.position}&to=${second!.position}`);
    expect(between.lines).toEqual([second]);
  });
});

describe('balances and the trial balance', () => {
  it('are what the lines up to a position or moment add up to', async () => {
    const { lines } = await read<{ lines: Line[] }>('journal');
    const second = lines.filter(({ event }) => event === 'PaymentCaptured')[1]!;
    for (const [at, upTo] of [
      [second.position, (line: Line) => BigInt(line.position) <= BigInt(second.position)],
      [second.recordedAt, (line: Line) => line.recordedAt <= second.recordedAt],
    ] as const) {
      const expected = new Map<string, bigint>();
      for (const { debit, credit, amount } of lines.filter(upTo)) {
        expected.set(debit, (expected.get(debit) ?? 0n) - BigInt(amount.minor));
        expected.set(credit, (expected.get(credit) ?? 0n) + BigInt(amount.minor));
      }
      const accounts = await paged<{ account: string; normalSide: string; balance: MoneyJson }>(
        `balances?at=${at}`,
        'accounts',
        2,
      );
      const found = accounts.map(({ account: name, normalSide, balance }) => [
        name,
        BigInt(balance.minor) * (normalSide === 'credit' ? 1n : -1n),
      ]);
      expect(Object.fromEntries(found)).toEqual(Object.fromEntries([...expected].filter(([, minor]) => minor !== 0n)));
      const { assets } = await read<{ assets: { debit: MoneyJson; credit: MoneyJson }[] }>(`trial-balance?at=${at}`);
      expect(assets).toHaveLength(1);
      expect(assets[0]!.debit).toEqual(assets[0]!.credit);
    }
  });

  it('name every kind in Chinese and English, with debits and credits', async () => {
    const { assets } = await read<{ assets: { kinds: object[] }[] }>('trial-balance');
    expect(assets[0]!.kinds).toContainEqual({
      kind: 'payable',
      name: { zh: '应付商户货款', en: 'Payable to merchant' },
      normalSide: 'credit',
      accounts: 1,
      debit: cny(0),
      credit: cny(3 * 4_750),
    });
    expect(assets[0]!.kinds).toContainEqual(expect.objectContaining({ kind: 'escrow', accounts: 0, credit: cny(0) }));
    const { accounts } = await read<{ accounts: object[] }>('balances?kind=escrow&zero=true');
    expect(accounts).toContainEqual(expect.objectContaining({ account: 'demo/escrow:demo.L1', balance: cny(0) }));
  });

  it('of the time before the first event are empty', async () => {
    expect(await read('balances?at=0')).toMatchObject({ accounts: [] });
    expect(await read('trial-balance?at=2026-01-01T00:00:00.000Z')).toMatchObject({
      assets: [{ debit: cny(0), credit: cny(0) }],
    });
  });
});

describe('the statement of an account', () => {
  it('leads from the opening to the closing balance, with the other account of every line', async () => {
    const statement = await read<Statement>(statementOf(settling));
    expect(statement).toMatchObject({ account: `demo/${settling}`, kind: 'settling', opening: [cny(0)], closing: [cny(0)] });
    expect(statement.lines.map(({ event, side, counter, balance }) => [event, side, counter, balance.minor]).slice(0, 2)).toEqual(
      [
        ['EscrowReleased', 'credit', 'demo/escrow:demo.L1', '4750'],
        expect.arrayContaining(['PayableCredited', 'debit', 'demo/merchant:m1:payable']),
      ],
    );
    expect(await paged<StatementLine>(statementOf(settling), 'lines', 1)).toEqual(statement.lines);
  });

  it('goes on where the one before ended', async () => {
    const whole = await read<Statement>(statementOf('gateway:sandbox'));
    const middle = whole.lines[2]!.position;
    const first = await read<Statement>(`${statementOf('gateway:sandbox')}?to=${middle}`);
    const second = await read<Statement>(`${statementOf('gateway:sandbox')}?from=${middle}`);
    expect(second.opening).toEqual(first.closing);
    expect([...first.lines, ...second.lines]).toEqual(whole.lines);
    expect(second.closing).toEqual(whole.closing);
    // Only the moment before is not part of the second half in time either.
    const at = whole.lines[2]!.recordedAt;
    const [early, late] = [
      await read<Statement>(`${statementOf('gateway:sandbox')}?to=${at}&time=effective`),
      await read<Statement>(`${statementOf('gateway:sandbox')}?from=${at}&time=effective`),
    ];
    expect(late.opening).toEqual(early.closing);
    expect(early.lines.length + late.lines.length).toBe(whole.lines.length);
  });
});

describe('what is refused', () => {
  it.each([
    ['accounts/escrow:demo.NONE/statement', 404],
    ['accounts/other%2Ffund:available/statement', 404],
    ['accounts/nonsense/statement', 404],
    ['accounts/fund:available/statement?from=5&to=4', 400],
    ['balances?at=yesterday', 400],
    ['balances?at=2026-02-31T00:00:00.000Z', 400],
    ['balances?at=-1', 400],
    ['balances?kind=cash', 400],
    ['balances?limit=5000', 400],
    ['balances?after=nonsense', 400],
    ['journal?from=9&to=3', 400],
    ['journal?from=9&to=2026-03-01T00:00:00.000Z', 400],
    ['journal?time=imagined', 400],
    ['journal?after=1-x', 400],
  ])('%s answers %i', async (path, status) => {
    expect((await api.get(finance, `/ledger/${path}`)).status).toBe(status);
  });

  it('everybody but finance of the platform', async () => {
    for (const token of [await api.person('merchant', 'm1'), await api.person('operator', 'o1'), api.shop])
      expect((await api.get(token, '/ledger/journal')).status).toBe(403);
    const stranger = await api.person('finance', 'f9', { platform: 'other' });
    expect((await api.get(stranger, '/ledger/journal')).body).toMatchObject({ lines: [] });
    expect((await api.get(stranger, `/ledger/${statementOf('gateway:sandbox')}`)).status).toBe(404);
  });
});
