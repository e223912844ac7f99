import { randomBytes } from 'node:crypto';
import { money, sum } from '@recourse/money';
import { connect, createDatabase, type Database, dropDatabase, migrate } from '@recourse/postgres';
import fc from 'fast-check';
import { sql } from 'kysely';
import { migrations } from './migrations.js';
import type { BillLine, BookEntry, Capture, PayoutRail, TransferOutcome, TransferRequest } from './payout-rail.js';
import { sandboxInstructions } from './sandbox-instruction.js';
import { openSandboxRail, type SandboxRail } from './sandbox-rail.js';
import { transferKey } from './transfer-key.js';

const adminUrl = process.env['TEST_POSTGRES_URL']!;
const failure = (code: string) => expect.objectContaining({ name: 'RailError', code });
const newKey = () => transferKey(`payout-${randomBytes(6).toString('hex')}`, 1);
const request = (payee = 'alice', change: Partial<TransferRequest> = {}): TransferRequest => ({
  key: newKey(),
  amount: money(1234n),
  payee,
  reference: 'refund r1',
  ...change,
});
const capture = (change: Partial<Capture> = {}): Capture => ({
  transaction: randomBytes(12).toString('hex'),
  amount: money(5000n),
  receiver: 'platform-demo',
  capturedAt: '2026-03-01T08:00:00.000Z',
  ...change,
});
const bookOf = async (rail: PayoutRail) => {
  const entries: BookEntry[] = [];
  for await (const entry of rail.book()) entries.push(entry);
  return entries;
};
const transfersOf = async (rail: PayoutRail, key: string) =>
  (await bookOf(rail)).filter(
    (entry): entry is Extract<BookEntry, { kind: 'Transfer' }> => entry.kind === 'Transfer' && entry.key === key,
  );

describe('the sandbox rail', () => {
  let database: Database;
  let name: string;
  let url: string;
  let rail: SandboxRail;
  let now = '2026-03-01T09:00:00.000Z';

  beforeAll(async () => {
    name = `rail_${randomBytes(6).toString('hex')}`;
    url = await createDatabase(adminUrl, name);
    database = connect(url);
    await migrate(database.db, [migrations]);
    rail = openSandboxRail({ db: database.db, now: () => Promise.resolve(now), slowMs: 50 });
  });
  afterAll(async () => {
    await database.close();
    await dropDatabase(adminUrl, name);
  });
  beforeEach(() => {
    now = '2026-03-01T09:00:00.000Z';
  });

  describe('the bill of a day', () => {
    const account = 'billed-platform';
    /** 2026-05-02 in Shanghai, first and last millisecond. */
    const [first, last] = ['2026-05-01T16:00:00.000Z', '2026-05-02T15:59:59.999Z'];
    const [before, after] = ['2026-05-01T15:59:59.999Z', '2026-05-02T16:00:00.000Z'];
    const billOf = async (day: string, of = account) => {
      const lines: BillLine[] = [];
      for (let next: string | undefined = ''; next !== undefined;) {
        const page = await rail.bill({ account: of, day, ...(next === '' ? {} : { after: next }) });
        lines.push(...page.lines);
        next = page.next;
      }
      return lines;
    };

    it('has what came in, what was paid with its fee, what came back, and what moved without us', async () => {
      const captured = capture({ receiver: account, capturedAt: first });
      await rail.recordCapture(captured);
      await rail.recordCapture(capture({ receiver: 'another', capturedAt: first }));
      now = last;
      const [paid, unpaid] = [request('sandbox-fee-billed'), request('sandbox-fail-billed')];
      const outcome = await rail.transfer(paid);
      await rail.transfer(unpaid);
      await rail.recordMovement({
        movementId: 'console-1',
        what: 'refund',
        amount: money(-500n),
        reference: captured.transaction,
      });
      now = after;
      await rail.reverse(paid.key, 'BACK');
      const railTransferId = outcome.state === 'Succeeded' ? outcome.railTransferId : '';

      const ofTransfer = { key: paid.key, reference: railTransferId };
      const facts = (lines: readonly BillLine[]) =>
        lines.map(({ kind, amount, key, reference, at }) => ({ kind, amount, ...(key && { key }), reference, at }));
      expect(facts(await billOf('2026-05-02'))).toEqual([
        { kind: 'capture', amount: captured.amount, reference: captured.transaction, at: first },
        { kind: 'fee', amount: money(-10n), ...ofTransfer, at: last },
        { kind: 'refund', amount: money(-500n), reference: captured.transaction, at: last },
        { kind: 'transfer', amount: money(-1234n), ...ofTransfer, at: last },
      ]);
      expect(facts(await billOf('2026-05-03'))).toEqual([{ kind: 'reversal', amount: money(1234n), ...ofTransfer, at: after }]);
      const moved = (await bookOf(rail)).filter((entry) => entry.kind === 'Movement');
      expect(moved).toEqual([
        expect.objectContaining({ what: 'refund', amount: money(-500n), reference: captured.transaction, at: last }),
      ]);
      expect((await billOf('2026-05-02')).map(({ lineId }) => lineId)).toContain(moved[0]?.lineId);
    });

    it('is a day of Shanghai, and comes in pages', async () => {
      const many = Array.from({ length: 501 }, () => capture({ receiver: 'paged', capturedAt: first }));
      await Promise.all(many.map((one) => rail.recordCapture(one)));
      for (const capturedAt of [before, after]) await rail.recordCapture(capture({ receiver: 'paged', capturedAt }));
      const page = await rail.bill({ account: 'paged', day: '2026-05-02' });
      expect(page.lines).toHaveLength(500);
      const references = (await billOf('2026-05-02', 'paged'))
        .filter(({ kind }) => kind === 'capture')
        .map((one) => one.reference);
      expect(references.toSorted()).toEqual(many.map(({ transaction }) => transaction).toSorted());
    });

    it('has a movement once, and refuses it with other data', async () => {
      const movement = { movementId: 'console-2', what: 'other', amount: money(7n) } as const;
      await rail.recordMovement(movement);
      await rail.recordMovement(movement);
      expect((await bookOf(rail)).filter((entry) => entry.kind === 'Movement' && entry.what === 'other')).toHaveLength(1);
      await expect(rail.recordMovement({ ...movement, amount: money(8n) })).rejects.toThrow(failure('MovementDiffers'));
      await expect(rail.recordMovement({ ...movement, reference: 'tx' })).rejects.toThrow(failure('MovementDiffers'));
      await expect(rail.recordMovement({ ...movement, movementId: '' })).rejects.toThrow(failure('InvalidMovement'));
      await expect(rail.recordMovement({ ...movement, amount: money(0n) })).rejects.toThrow(failure('InvalidMovement'));
    });
  });

  describe('captures', () => {
    it('finds what the buyer paid and nothing else', async () => {
      const paid = capture();
      await rail.recordCapture(paid);
      expect(await rail.findCapture(paid.transaction)).toEqual(paid);
      expect(await rail.findCapture('never-paid')).toBeUndefined();
      expect(await rail.findCapture('no transaction\u0000')).toBeUndefined();
    });

    it('records a transaction once and refuses it with other data', async () => {
      const paid = capture();
      await Promise.all([rail.recordCapture(paid), rail.recordCapture(paid), rail.recordCapture(paid)]);
      const others = [
        { amount: money(5001n) },
        { amount: money(5000n, 'USD') },
        { receiver: 'other' },
        { capturedAt: '2026-03-01T08:00:00.001Z' },
      ];
      for (const other of others)
        await expect(rail.recordCapture({ ...paid, ...other })).rejects.toThrow(failure('CaptureDiffers'));
      const booked = (await bookOf(rail)).filter((entry) => entry.kind === 'Capture' && entry.transaction === paid.transaction);
      expect(booked).toEqual([{ kind: 'Capture', ...paid }]);
    });

    it('refuses what no gateway would report', async () => {
      const wrong = [
        { transaction: '' },
        { transaction: 'a b' },
        { amount: money(0n) },
        { amount: money(-1n) },
        { receiver: '' },
        { capturedAt: 'today' },
      ];
      for (const change of wrong) await expect(rail.recordCapture(capture(change))).rejects.toThrow(failure('InvalidCapture'));
    });
  });

  describe('transfers', () => {
    it('pays an ordinary payee at once, at the time of the clock', async () => {
      const paid = request();
      const outcome = await rail.transfer(paid);
      expect(outcome).toEqual({
        state: 'Succeeded',
        railTransferId: expect.stringMatching(/^sandbox-transfer-\d+$/) as string,
        at: now,
      });
      expect(await rail.query(paid.key)).toEqual(outcome);
      expect(await transfersOf(rail, paid.key)).toEqual([
        {
          kind: 'Transfer',
          ...paid,
          state: 'Succeeded',
          railTransferId: (outcome as { railTransferId: string }).railTransferId,
          at: now,
        },
      ]);
    });

    it('gives the first answer again for the same key and parameters, also later and from another process', async () => {
      const paid = request();
      const first = await rail.transfer(paid);
      now = '2026-03-02T00:00:00.000Z';
      const elsewhere = connect(url);
      expect(await openSandboxRail({ db: elsewhere.db, now: () => Promise.resolve(now) }).transfer(paid)).toEqual(first);
      await elsewhere.close();
      expect(await transfersOf(rail, paid.key)).toHaveLength(1);
    });

    it('pays once when one key is sent by many at the same time', async () => {
      const elsewhere = connect(url);
      const second = openSandboxRail({ db: elsewhere.db, now: () => Promise.resolve(now) });
      for (let round = 0; round < 10; round += 1) {
        const paid = request();
        const outcomes = await Promise.all(Array.from({ length: 8 }, (_, n) => (n % 2 ? rail : second).transfer(paid)));
        expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
        expect(outcomes[0]).toMatchObject({ state: 'Succeeded' });
        expect(await transfersOf(rail, paid.key)).toHaveLength(1);
      }
      await elsewhere.close();
    });

    it('pays one of two that use one key for different payees and tells the other of the conflict', async () => {
      const [one, other] = [request('alice'), request('bob')];
      const outcomes = await Promise.all([rail.transfer(one), rail.transfer({ ...other, key: one.key })]);
      expect(outcomes.map(({ state }) => state).toSorted()).toEqual(['Conflict', 'Succeeded']);
      expect(await transfersOf(rail, one.key)).toHaveLength(1);
    });

    it('never calls a conflict a failure, whatever is different', async () => {
      const paid = request();
      await rail.transfer(paid);
      const changes = [
        { amount: money(1235n) },
        { amount: money(0n) },
        { amount: money(1234n, 'USD') },
        { payee: 'bob' },
        { payee: '' },
        { payee: 'sandbox-fail-x' },
        { payee: 'x'.repeat(5000) },
        { payee: 'alice\u0000' },
        { reference: 'refund r2' },
      ];
      for (const change of changes) expect(await rail.transfer({ ...paid, ...change })).toMatchObject({ state: 'Conflict' });
      expect(await rail.query(paid.key)).toMatchObject({ state: 'Succeeded' });
    });

    it('fails a request that is wrong, and its key for good', async () => {
      for (const change of [
        { amount: money(0n) },
        { amount: money(-1n) },
        { payee: '' },
        { payee: 'x'.repeat(257) },
        { payee: 'a\u0000' },
        { reference: '\ud800' },
      ]) {
        const wrong = request('alice', change);
        const outcome = { state: 'Failed', class: 'RequestWrong', code: 'INVALID_PARAMETER' };
        expect(await rail.transfer(wrong)).toEqual(outcome);
        expect(await rail.transfer(wrong)).toEqual(outcome);
        expect(await rail.query(wrong.key)).toEqual(outcome);
        expect(await rail.transfer(request('alice', { key: wrong.key }))).toMatchObject({ state: 'Conflict' });
      }
      expect(await rail.transfer(request('alice', { key: 'X'.repeat(32) }))).toMatchObject({
        state: 'Failed',
        class: 'RequestWrong',
      });
    });

    it('says NotFound of a key it never saw', async () => {
      expect(await rail.query(newKey())).toEqual({ state: 'NotFound' });
      expect(await rail.query('no key\u0000')).toEqual({ state: 'NotFound' });
    });
  });

  describe('payees with instructions', () => {
    /** transfer, query, transfer, query; then the state in the book, if it is there. */
    const rounds = async (payee: string) => {
      const asked = request(`${payee}1`);
      const answers = [
        await rail.transfer(asked),
        await rail.query(asked.key),
        await rail.transfer(asked),
        await rail.query(asked.key),
      ];
      const [entry] = await transfersOf(rail, asked.key);
      return [...answers.map((answer) => ('class' in answer ? `${answer.state} ${answer.class}` : answer.state)), entry?.state];
    };

    const documented: Record<string, (string | undefined)[]> = {
      'sandbox-bounced-': ['Succeeded', ...Array<string>(4).fill('Reversed')],
      'sandbox-fee-': Array<string>(5).fill('Succeeded'),
      'sandbox-fail-request-': [...Array<string>(4).fill('Failed RequestWrong'), 'Failed'],
      'sandbox-fail-closed-': ['Processing', ...Array<string>(3).fill('Failed Closed'), 'Failed'],
      'sandbox-fail-': [...Array<string>(4).fill('Failed PayeeActionRequired'), 'Failed'],
      'sandbox-processing-then-success-': ['Processing', 'Succeeded', 'Succeeded', 'Succeeded', 'Succeeded'],
      'sandbox-processing-then-fail-': ['Processing', ...Array<string>(3).fill('Failed PayeeActionRequired'), 'Failed'],
      'sandbox-processing-': ['Processing', 'Processing', 'Processing', 'Processing', 'Processing'],
      'sandbox-unknown-lost-': ['Unknown', 'NotFound', 'Succeeded', 'Succeeded', 'Succeeded'],
      'sandbox-unknown-forever-': ['Unknown', 'Unknown', 'Unknown', 'Unknown', 'Succeeded'],
      'sandbox-unknown-fail-': ['Unknown', ...Array<string>(3).fill('Failed PayeeActionRequired'), 'Failed'],
      'sandbox-unknown-': ['Unknown', 'Succeeded', 'Succeeded', 'Succeeded', 'Succeeded'],
      'sandbox-funding-blocked-': ['FundingBlocked', 'NotFound', 'Succeeded', 'Succeeded', 'Succeeded'],
      'sandbox-halted-': ['ChannelHalted', 'NotFound', 'Succeeded', 'Succeeded', 'Succeeded'],
      'sandbox-slow-before-': Array<string>(5).fill('Succeeded'),
      'sandbox-slow-after-': Array<string>(5).fill('Succeeded'),
    };

    it.each(sandboxInstructions.map(({ prefix, meaning }) => [prefix, meaning]))('%s… %s', async (prefix) => {
      expect(await rounds(prefix)).toEqual(documented[prefix]);
    });

    it('have no instruction that an earlier one hides', () => {
      sandboxInstructions.forEach(({ prefix }, index) => {
        expect(sandboxInstructions.slice(0, index).filter((earlier) => prefix.startsWith(earlier.prefix))).toEqual([]);
      });
    });

    it('are stamped when they are settled, not when they were accepted', async () => {
      const asked = request('sandbox-processing-then-success-1');
      await rail.transfer(asked);
      expect(await transfersOf(rail, asked.key)).toMatchObject([{ state: 'Processing', at: now }]);
      now = '2026-03-01T10:00:00.000Z';
      expect(await rail.query(asked.key)).toMatchObject({ state: 'Succeeded', at: now });
    });

    it('are not in the book before they were executed', async () => {
      const asked = request('sandbox-unknown-lost-1');
      await rail.transfer(asked);
      expect(await transfersOf(rail, asked.key)).toEqual([]);
    });

    it('leave time to look into the book between the call and the money, or between the money and the answer', async () => {
      const slow = openSandboxRail({ db: database.db, now: () => Promise.resolve(now) });
      const [before, after] = [request('sandbox-slow-before-1'), request('sandbox-slow-after-1')];
      const answered: string[] = [];
      const calls = [before, after].map((asked) => slow.transfer(asked).then(() => answered.push(asked.payee)));
      while ((await rail.query(after.key)).state === 'NotFound') await transfersOf(rail, after.key);
      expect(await transfersOf(rail, after.key)).toMatchObject([{ state: 'Succeeded' }]);
      expect(await transfersOf(rail, before.key)).toEqual([]);
      expect(answered).toEqual([]);
      await Promise.all(calls);
      expect(await transfersOf(rail, before.key)).toMatchObject([{ state: 'Succeeded' }]);
    });
  });

  describe('a transfer that was paid', () => {
    it('comes back when its bank sends it back, and says so for ever', async () => {
      const asked = request();
      await expect(rail.reverse(asked.key, 'CLOSED')).rejects.toThrow(failure('NothingToReverse'));
      const { railTransferId } = (await rail.transfer(asked)) as { railTransferId: string };
      now = '2026-03-02T10:00:00.000Z';
      await rail.reverse(asked.key, 'CLOSED');
      await rail.reverse(asked.key, 'CLOSED');
      const back = { state: 'Reversed', railTransferId, at: now, code: 'CLOSED' };
      expect(await rail.query(asked.key)).toEqual(back);
      expect(await rail.transfer(asked)).toEqual(back);
      expect(await transfersOf(rail, asked.key)).toMatchObject([{ state: 'Reversed', at: now, amount: asked.amount }]);
      const failed = request('sandbox-fail-1');
      await rail.transfer(failed);
      await expect(rail.reverse(failed.key, 'CLOSED')).rejects.toThrow(failure('NothingToReverse'));
    });

    it('comes back by itself from some payees, once somebody asks', async () => {
      const asked = request('sandbox-bounced-1');
      expect(await rail.transfer(asked)).toMatchObject({ state: 'Succeeded' });
      expect(await transfersOf(rail, asked.key)).toMatchObject([{ state: 'Succeeded' }]);
      expect(await rail.query(asked.key)).toMatchObject({ state: 'Reversed', code: 'PAYEE_ACCOUNT_CLOSED' });
      expect(await transfersOf(rail, asked.key)).toMatchObject([{ state: 'Reversed' }]);
    });

    it('may cost a fee, which the rail tells with its success and keeps in its book', async () => {
      const asked = request('sandbox-fee-1');
      expect(await rail.transfer(asked)).toMatchObject({ state: 'Succeeded', fee: money(10n) });
      expect(await rail.query(asked.key)).toMatchObject({ state: 'Succeeded', fee: money(10n) });
      expect(await transfersOf(rail, asked.key)).toMatchObject([{ amount: asked.amount, fee: money(10n) }]);
    });
  });

  describe('when an answer does not come', () => {
    it('says Unknown in time, and the money may move all the same', async () => {
      const impatient = openSandboxRail({ db: database.db, now: () => Promise.resolve(now), timeoutMs: 20 });
      const asked = request();
      const late = await database.db.transaction().execute(async (trx) => {
        await sql`LOCK TABLE sandbox_rail.transfer IN ACCESS EXCLUSIVE MODE`.execute(trx);
        const [sent, looked] = [await impatient.transfer(asked), await impatient.query(asked.key)];
        await expect(bookOf(impatient)).rejects.toThrow(failure('Unavailable'));
        return [sent, looked];
      });
      expect(late).toEqual(Array(2).fill({ state: 'Unknown', cause: 'no answer within 20 ms' }));
      expect(await rail.transfer(asked)).toMatchObject({ state: 'Succeeded' });
      expect(await transfersOf(rail, asked.key)).toHaveLength(1);
    });

    it('says Unknown, and for captures Unavailable, when the rail is out of reach', async () => {
      const nowhere = connect('postgres://u:secret@127.0.0.1:1/none');
      const gone = openSandboxRail({ db: nowhere.db, now: () => Promise.resolve(now) });
      const unknown = { state: 'Unknown', cause: 'ECONNREFUSED' };
      expect(await gone.transfer(request())).toEqual(unknown);
      expect(await gone.query(newKey())).toEqual(unknown);
      await expect(gone.findCapture('t1')).rejects.toThrow(failure('Unavailable'));
      await expect(gone.recordCapture(capture())).rejects.toThrow(failure('Unavailable'));
      await expect(bookOf(gone)).rejects.toThrow(failure('Unavailable'));
      await nowhere.close();
    });

    it('says Unknown when the clock fails, and books nothing', async () => {
      const broken = openSandboxRail({
        db: database.db,
        now: () => {
          throw new Error('no clock');
        },
      });
      const asked = request();
      expect(await broken.transfer(asked)).toEqual({ state: 'Unknown', cause: 'Error' });
      expect(await rail.query(asked.key)).toEqual({ state: 'NotFound' });
    });
  });

  it('never takes back a final word but a payment that comes back, pays a key at most once, and pays exactly what its book says', async () => {
    const quick = sandboxInstructions.filter(({ slow }) => slow === undefined);
    const payees = fc.constantFrom('alice', ...quick.map(({ prefix }) => `${prefix}1`));
    const calls = fc.array(
      fc.record({ key: fc.nat(2), payee: payees, amount: fc.bigInt({ min: 1n, max: 2n }), asks: fc.boolean() }),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    await fc.assert(
      fc.asyncProperty(calls, async (sequence) => {
        const keys = [newKey(), newKey(), newKey()];
        const final = new Map<string, TransferOutcome>();
        for (const { key: index, payee, amount, asks } of sequence) {
          const key = keys[index]!;
          const answer = asks ? await rail.query(key) : await rail.transfer({ key, payee, amount: money(amount), reference: '' });
          const before = final.get(key);
          if (answer.state === 'Succeeded' || answer.state === 'Failed' || answer.state === 'Reversed') {
            // Only a payment changes once more, when it comes back.
            const comesBack = before?.state === 'Succeeded' && answer.state === 'Reversed';
            if (comesBack) expect(answer.railTransferId).toBe(before.railTransferId);
            else if (before !== undefined) expect(answer).toEqual(before);
            final.set(key, answer);
          } else if (before !== undefined) {
            expect(['Conflict', 'Unknown']).toContain(answer.state);
          }
        }
        for (const key of keys) {
          const entries = await transfersOf(rail, key);
          expect(entries.length).toBeLessThanOrEqual(1);
          const word = final.get(key);
          if (word !== undefined) expect(entries).toMatchObject([{ state: word.state }]);
          const paid = entries.filter(({ state }) => state === 'Succeeded').map(({ amount }) => amount);
          const asked = sequence.filter(({ key: index, asks }) => keys[index] === key && !asks).map(({ amount }) => amount);
          expect(paid.length === 0 || asked.includes(sum(paid).minor)).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('reads a book longer than a page, in order and whole', async () => {
    await sql`
      INSERT INTO sandbox_rail.capture (transaction, asset, minor, receiver, captured_at)
      SELECT 'page-' || n, 'CNY', n, 'r', '2026-03-01T00:00:00Z' FROM generate_series(1, 2500) AS n`.execute(database.db);
    const minors = (await bookOf(rail)).flatMap((entry) =>
      entry.kind === 'Capture' && entry.receiver === 'r' ? [entry.amount.minor] : [],
    );
    expect(minors).toEqual(Array.from({ length: 2500 }, (_, index) => BigInt(index + 1)));
  });
});
