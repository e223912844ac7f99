import { projectionReader } from '@recourse/eventstore';
import { journal, park } from '@recourse/postgres';
import { sql } from 'kysely';
import { parkedTable, replayParked } from './parked.js';
import { depositStream, open, startSampleInstallation, type SampleInstallation } from './sample-installation.js';

let installation: SampleInstallation;
const reader = projectionReader(journal);
const quiet = () => undefined;

beforeAll(async () => {
  installation = await startSampleInstallation();
  await open(installation);
  await installation.project();
}, 60_000);
afterAll(() => installation.remove());

const journalRows = async () => {
  const { rows } = await sql<{ n: bigint }>`select count(*) as n from read.journal`.execute(installation.database.db);
  return rows[0]?.n;
};

it('what is parked is listed with its reason, and replayed after a fix it is as if nothing had happened', async () => {
  const { database, databaseUrl, eventStoreUrl, eventStore } = installation;
  const stores = { databaseUrl, eventStoreUrl, queueUrl: databaseUrl };
  expect(await parkedTable(stores)).toEqual(['nothing is parked']);

  const before = await journalRows();
  const topUp = (await eventStore.readStream(depositStream, { limit: 10 })).find(({ type }) => type === 'DepositToppedUp');
  if (topUp === undefined) throw new Error('the sample has no top-up');
  await database.db.transaction().execute(async (trx) => {
    await sql`delete from read.journal where position = ${topUp.position}`.execute(trx);
    await sql`update read.balance set amount = 0 where account in ('demo/gateway:sandbox', 'demo/merchant:m1:deposit')`.execute(
      trx,
    );
    await park(trx, { reader, stream: depositStream, position: topUp.position, eventId: topUp.id, error: 'a full disk' });
  });
  expect((await parkedTable(stores)).at(-1)).toMatch(/^projection:journal\.v2 {2}deposit-demo\.m1\.0001 .* a full disk$/);

  expect(await replayParked(stores, { reader, lane: depositStream, reason: 'there is room again' }, quiet)).toEqual({
    replayed: 1,
  });
  expect(await journalRows()).toBe(before);
  expect(await parkedTable(stores)).toEqual(['nothing is parked']);
});

it('a reader that does not exist is refused', async () => {
  const { databaseUrl, eventStoreUrl } = installation;
  const request = { reader: 'projection:fairy-tales.v1', lane: 'x', reason: 'none' };
  await expect(replayParked({ databaseUrl, eventStoreUrl, queueUrl: databaseUrl }, request, quiet)).rejects.toThrow(
    'there is no projection',
  );
});
