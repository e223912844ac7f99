import { plusHours } from '@recourse/eventing';
import { depositStatement, inSchema, liveSchema } from '@recourse/postgres';
import { type Answer, cny, type Market, openMarket, startTestApi, type TestApi } from './testbed.js';

interface Standing {
  readonly available: object;
  readonly held: object;
  readonly owed: object;
  readonly payable: object;
}
interface Line {
  readonly position: string;
  readonly recordedAt: string;
  readonly effectiveAt: string;
  readonly event: string;
  readonly because: Readonly<Record<string, string | null>>;
  readonly links: Readonly<Record<string, string>>;
  readonly balance: Standing;
}
interface Statement {
  readonly opening: Standing;
  readonly closing: Standing;
  readonly movements: readonly Line[];
  readonly next?: string;
}

let api: TestApi;
let market: Market;
let merchant: string;
let start: string;
const nothing = { available: cny(0), held: cny(0), owed: cny(0), payable: cny(0) };

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  await api.startReaders();
  merchant = await api.person('merchant', 'm1');
  start = await api.adapters.clock.now();
  await market.sell('A1');
  await api.post(await api.person('buyer', 'b1'), '/disputes', { orderNo: 'A1', units: [1], reason: 'key-invalid' });
  await api.settled();
});
afterAll(() => api.close());

async function read(query = ''): Promise<Statement> {
  const { status, text, body } = await api.get(merchant, `/deposits/m1/statement?limit=200&${query}`, String(await api.logEnd()));
  if (status !== 200) throw new Error(text);
  return body as unknown as Statement;
}
const problemOf = (answer: Answer) => answer.body.type?.replace('urn:recourse:problem:', '');

it('begins with nothing, names case, rule and links of each movement, and ends with what the merchant has', async () => {
  const { opening, movements, closing } = await read();
  expect(opening).toEqual(nothing);
  expect(movements.at(-1)?.balance).toEqual(closing);
  const { body } = await api.get(merchant, '/deposits/m1');
  expect(closing).toEqual({
    available: body['deposit'],
    held: body['held'],
    owed: body['owed'],
    payable: body['payable'],
  });
  const held = movements.find(({ event }) => event === 'DepositHeld');
  expect(held?.because).toMatchObject({ dispute: 'demo.A1.1' });
  expect(held?.links).toMatchObject({ dispute: '/disputes/demo.A1.1', evidence: '/disputes/demo.A1.1/evidence' });
});

it('is the same as of any past position as it was read then', async () => {
  const { movements } = await read();
  let known = nothing as Standing;
  for (const [index, { position, balance }] of movements.entries()) {
    const then = await read(`asOf=${position}`);
    expect(then.movements).toHaveLength(index + 1);
    expect(then).toMatchObject({ opening: nothing, closing: balance });
    const just = await read(`from=${position}&to=${BigInt(position) + 1n}`);
    expect(just).toMatchObject({ opening: known, closing: balance, movements: [{ position }] });
    known = balance;
  }
});

it('shows its pages as parts of one statement', async () => {
  const whole = await read();
  const lines: Line[] = [];
  for (let after = ''; ;) {
    const { status, body } = await api.get(merchant, `/deposits/m1/statement?limit=2${after}`);
    expect(status).toBe(200);
    const page = body as unknown as Statement;
    expect(page).toMatchObject({ opening: whole.opening, closing: whole.closing });
    lines.push(...page.movements);
    if (page.next === undefined) break;
    after = `&after=${page.next}`;
  }
  expect(lines).toEqual(whole.movements);
});

describe('of a movement that is booked late', () => {
  // It counts from an hour before the others and was recorded two hours after them.
  const late = 5_000_000_000n;
  let countsFrom: string;
  let recordedAt: string;

  beforeAll(async () => {
    countsFrom = plusHours(start, -1);
    recordedAt = plusHours(start, 2);
    await api.adapters.database.db.transaction().execute(async (trx) => {
      await inSchema(trx, liveSchema);
      await depositStatement.on['DepositToppedUp']?.(
        {
          type: 'DepositToppedUp',
          data: {
            platform: 'demo',
            merchant: 'm1',
            amount: { asset: 'CNY', minor: 111n },
            rail: 'sandbox',
            transaction: 'late',
            toppedUpAt: countsFrom,
          },
          id: '00000000-0000-8000-a000-000000000001',
          stream: 'deposit-demo.m1.0001',
          revision: 1_000n,
          position: late,
          metadata: {
            commandId: 'c',
            correlationId: 'c',
            actor: { subject: 's', role: 'system', party: 's', platform: '*' },
            schemaVersion: 1,
            recordedAt,
            effectiveAt: countsFrom,
          },
        },
        trx,
      );
    });
  });

  it('it was not known before it was recorded', async () => {
    const before = await read(`asOf=${plusHours(recordedAt, -1)}`);
    expect(before.movements.some(({ position }) => BigInt(position) === late)).toBe(false);
    const at = await read(`asOf=${recordedAt}`);
    expect(at.movements.at(-1)).toMatchObject({ position: String(late), recordedAt, effectiveAt: countsFrom });
    expect(at.movements.slice(0, -1)).toEqual(before.movements);
  });

  it('it counts from its own moment: first in a range of moments, and in the opening balance behind it', async () => {
    const range = await read(`from=${countsFrom}&to=${plusHours(start, 1)}`);
    expect(range.opening).toEqual(nothing);
    expect(range.movements[0]).toMatchObject({ position: String(late), balance: { ...nothing, available: cny(111) } });
    const later = await read(`from=${start}`);
    expect(later.opening).toEqual({ ...nothing, available: cny(111) });
    expect(later.closing).toEqual(range.closing);
    const until = await read(`to=${start}`);
    expect(until).toMatchObject({ opening: nothing, closing: later.opening });
    expect(until.movements).toHaveLength(1);
    const asKnownThen = await read(`from=${start}&asOf=${start}`);
    expect(asKnownThen.opening).toEqual(nothing);
  });

  it('it comes once in the pages of a range of moments', async () => {
    const range = `from=${countsFrom}&to=${plusHours(start, 1)}`;
    const whole = await read(range);
    const lines: Line[] = [];
    for (let after = ''; ;) {
      const page = (await api.get(merchant, `/deposits/m1/statement?limit=2&${range}${after}`)).body as unknown as Statement;
      lines.push(...page.movements);
      if (page.next === undefined) break;
      after = `&after=${page.next}`;
    }
    expect(lines).toEqual(whole.movements);
  });
});

it.each([
  ['from=1&to=2026-03-01T01:00:00.000Z', 'range-mixed'],
  ['from=yesterday', 'invalid-input'],
  ['asOf=2026-02-31T01:00:00.000Z', 'invalid-input'],
  ['to=-1', 'invalid-input'],
])('a range %s is refused', async (query, problem) => {
  const answer = await api.get(merchant, `/deposits/m1/statement?${query}`);
  expect({ status: answer.status, problem: problemOf(answer) }).toEqual({ status: 400, problem });
});
