import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deposit, type DepositCommand } from '@recourse/deposits';
import { startEventStoreNode, type EventStoreNode } from '@recourse/embedded-eventstore';
import { systemActor, type CommandContext, type Instant } from '@recourse/eventing';
import { openAggregateStore, openEventStore, type EventStore } from '@recourse/eventstore';
import { money } from '@recourse/money';
import { catalogue } from '@recourse/nest';

const fen = (minor: number) => money(BigInt(minor));
const quiet = () => undefined;
const april = '2026-04-20T08:00:00.000Z';
const may = '2026-05-02T08:00:00.000Z';
const overturned = '2026-04-20T07:59:00.000Z';
const ids = { obligationId: 'demo.o1.1.v1', refundId: 'demo.o1.1.v1', orderId: 'demo.o1' };
const makeWhole: DepositCommand = { type: 'MakeWhole', ...ids, escrowLoss: fen(50), recourse: fen(200) };

let directory: string;
let node: EventStoreNode;
let store: EventStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recourse-made-whole-'));
  node = await startEventStoreNode({ directory: join(directory, 'events') });
  store = openEventStore({ connectionString: node.connectionString, catalogue, log: quiet });
});
afterEach(async () => {
  await store.close();
  await node.stop();
  await rm(directory, { recursive: true, force: true });
});

it('a merchant is made whole once by one cause, also where the account has turned its period in between', async () => {
  // A worker of its own each time: nothing is remembered but what the streams say.
  const send = (command: DepositCommand, commandId: string, at: Instant, since = at) => {
    const actor = systemActor('specs');
    const context: CommandContext = { commandId, correlationId: 'c', actor, at, since };
    return openAggregateStore({ eventStore: store, log: quiet }).execute(deposit, 'demo.m1', command, context);
  };
  const account = { platform: 'demo', merchant: 'm1', payee: 'p1', rail: 'sandbox' };
  await send({ type: 'AgreeDeposit', ...account, termsVersion: 1, minimum: fen(0) }, 'agree', april);
  await send({ type: 'TopUpDeposit', amount: fen(80), rail: 'sandbox', transaction: 't1' }, 'top-up', april);
  await send({ type: 'OpenObligation', ...ids, amount: fen(200) }, 'open', april);
  await send({ type: 'CollectObligation', obligationId: ids.obligationId }, 'collect', april);
  const made = await send(makeWhole, 'make-whole', april, overturned);
  expect(made).toMatchObject({
    outcome: 'appended',
    events: [
      { type: 'RecourseForgiven', data: { amount: fen(120) } },
      { type: 'CompensationClaimed', data: { amount: fen(130), recovered: fen(80), escrowLoss: fen(50) } },
    ],
  });
  expect(await send(makeWhole, 'make-whole', april, overturned)).toMatchObject({ outcome: 'recorded' });
  // Within the period the refund itself is known, whoever sends it.
  expect(await send(makeWhole, 'another cause', april)).toMatchObject({ outcome: 'nothing' });

  await send({ type: 'TopUpDeposit', amount: fen(10), rail: 'sandbox', transaction: 't2' }, 'next month', may);
  expect(await send(makeWhole, 'make-whole', may, overturned)).toMatchObject({ outcome: 'recorded' });
  const events = [
    ...(await store.readStream('deposit-demo.m1.0001', { limit: 100 })),
    ...(await store.readStream('deposit-demo.m1.0002', { limit: 100 })),
  ];
  expect(events.filter(({ type }) => type === 'CompensationClaimed' || type === 'RecourseForgiven')).toHaveLength(2);
  expect(events.map(({ type }) => type).slice(-4)).toEqual([
    'CompensationClaimed',
    'DepositPeriodClosed',
    'DepositPeriodOpened',
    'DepositToppedUp',
  ]);
});
