import { createHash, randomUUID } from 'node:crypto';
import { connect, createDatabase, type Database, dropDatabase, migrate } from '@recourse/postgres';
import { migrations, openSandboxVerifier, type SandboxVerifier } from './index.js';

const adminUrl = process.env['TEST_POSTGRES_URL']!;
const name = `verifiers_${randomUUID()}`;
const question = { productKind: 'game-card', unitNo: 1, askedAt: '2026-03-01T00:00:00.000Z' } as const;
let database: Database;
let verifier: SandboxVerifier;

beforeAll(async () => {
  database = connect(await createDatabase(adminUrl, name));
  await migrate(database.db, [migrations]);
  verifier = openSandboxVerifier(database);
});

afterAll(async () => {
  await database.close();
  await dropDatabase(adminUrl, name);
});

describe('the sandbox verifier', () => {
  it('says what it was told about a key or a receipt', async () => {
    await verifier.recordAnswer({ deliveryReference: 'receipt-1', outcome: 'NOT_CREDITED' });
    const answer = await verifier.verify({ ...question, deliveryReference: 'receipt-1' });
    expect(answer).toMatchObject({ outcome: 'NOT_CREDITED', source: 'sandbox-verifier' });
  });

  it('names the hash of its raw answer, the same for the same answer', async () => {
    await verifier.recordAnswer({ deliveryReference: 'receipt-2', outcome: 'CREDITED' });
    const [first, second] = await Promise.all([1, 2].map(() => verifier.verify({ ...question, deliveryReference: 'receipt-2' })));
    expect(first).toEqual(second);
    expect(first?.resultHash).toBe(
      createHash('sha256')
        .update(first?.raw ?? '')
        .digest('hex'),
    );
  });

  it('is inconclusive about what it was not told', async () => {
    expect((await verifier.verify({ ...question, deliveryReference: 'never-heard-of' })).outcome).toBe('INCONCLUSIVE');
  });

  it('takes the last answer it was told', async () => {
    await verifier.recordAnswer({ deliveryReference: 'receipt-3', outcome: 'UNUSED' });
    await verifier.recordAnswer({ deliveryReference: 'receipt-3', outcome: 'INVALID' });
    expect((await verifier.verify({ ...question, deliveryReference: 'receipt-3' })).outcome).toBe('INVALID');
  });

  it('refuses a reference that is not storable text', async () => {
    await expect(verifier.recordAnswer({ deliveryReference: 'a\0b', outcome: 'UNUSED' })).rejects.toThrow(RangeError);
  });
});
