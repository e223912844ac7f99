import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import { startEventStoreNode, type EventStoreNode } from '@recourse/embedded-eventstore';
import {
  catalogueOf,
  checkWiring,
  eventsOf,
  reject,
  systemActor,
  type CommandContext,
  type Decider,
  type Event,
} from '@recourse/eventing';
import { openAggregateStore, openEventStore, type EventStore, type Executed } from '@recourse/eventstore';
import { aggregateStoreProvider, commandOf, handlersFor } from './handlers.js';

type LampEvent = Event<'LampLit', { readonly room: string }> | Event<'LampPutOut', Record<string, never>>;
type LampCommand = { readonly type: 'LightLamp'; readonly room: string } | { readonly type: 'PutOutLamp' };
const event = eventsOf<LampEvent>();
const lamp: Decider<LampCommand, 'lit' | 'out', LampEvent, 'LitAlready'> = {
  category: 'lamp',
  initial: 'out',
  events: { LampLit: 1, LampPutOut: 1 },
  decide: (command, state) => {
    if (command.type === 'PutOutLamp') return state === 'lit' ? [event('LampPutOut', {})] : [];
    return state === 'lit' ? reject('LitAlready', 'put it out first') : [event('LampLit', { room: command.room })];
  },
  evolve: (_, happened) => (happened.type === 'LampLit' ? 'lit' : 'out'),
};

class LightLamp extends commandOf<LampCommand, 'LightLamp'>('lamp', 'LightLamp') {}
class PutOutLamp extends commandOf<LampCommand, 'PutOutLamp'>('lamp', 'PutOutLamp') {}
type FanCommand = { readonly type: 'SwitchFan'; readonly speed: number };
class SwitchFan extends commandOf<FanCommand, 'SwitchFan'>('lamp', 'SwitchFan') {}

let directory: string;
let node: EventStoreNode;
let eventStore: EventStore;
let app: INestApplicationContext;
let commands: CommandBus;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recourse-handlers-'));
  node = await startEventStoreNode({ directory });
  eventStore = openEventStore({ connectionString: node.connectionString, catalogue: catalogueOf([lamp]), log: () => undefined });
  const aggregates = openAggregateStore({ eventStore, log: () => undefined });
  class LampModule {}
  Module({
    imports: [CqrsModule.forRoot()],
    providers: [aggregateStoreProvider(aggregates), ...handlersFor(lamp, LightLamp, PutOutLamp)],
  })(LampModule);
  app = await NestFactory.createApplicationContext(LampModule, { logger: false });
  await app.init();
  commands = app.get(CommandBus);
});
afterAll(async () => {
  await app.close();
  await eventStore.close();
  await node.stop();
  await rm(directory, { recursive: true, force: true });
});

const context = (commandId: string): CommandContext => ({
  commandId,
  correlationId: commandId,
  actor: systemActor('test', 'demo'),
  at: '2026-03-01T00:00:00.000Z',
});
const light = (commandId: string) => new LightLamp('hall', { type: 'LightLamp', room: 'hall' }, context(commandId));

it('carries commands over the bus to the decider of their category, each to its own handler', async () => {
  const lit: Executed = await commands.execute(light('c1'));
  expect(lit).toMatchObject({ outcome: 'appended', events: [event('LampLit', { room: 'hall' })], revision: 0n });
  expect(await commands.execute(light('c1'))).toMatchObject({ outcome: 'recorded', revision: 0n });
  expect(await commands.execute(light('c2'))).toEqual({
    outcome: 'rejected',
    rejection: { rejected: 'LitAlready', detail: 'put it out first' },
  });
  expect(await commands.execute(new PutOutLamp('hall', { type: 'PutOutLamp' }, context('c3')))).toMatchObject({
    outcome: 'appended',
  });
  expect((await eventStore.readStream('lamp-hall', { limit: 10 })).map(({ type }) => type)).toEqual(['LampLit', 'LampPutOut']);
});

it('tells wiring checks what a class stands for', () => {
  expect([LightLamp.category, LightLamp.type, light('c1').command]).toEqual([
    'lamp',
    'LightLamp',
    { type: 'LightLamp', room: 'hall' },
  ]);
  checkWiring({ deciders: [lamp], commands: [LightLamp, PutOutLamp], projections: [], processes: [], verified: [] });
});

it('does not compile for a command the decider does not know, or for another content', () => {
  // @ts-expect-error SwitchFan is no command of the lamp
  expect(handlersFor(lamp, SwitchFan)).toHaveLength(1);
  // @ts-expect-error a lamp has no speed
  expect(new LightLamp('hall', { type: 'LightLamp', speed: 3 }, context('c1'))).toBeDefined();
  // @ts-expect-error there is no such type
  expect(commandOf<LampCommand, 'BreakLamp'>('lamp', 'BreakLamp')).toBeDefined();
});

it('refuses a class of another category and one that is listed twice', () => {
  class StrayLamp extends commandOf<LampCommand, 'LightLamp'>('lantern', 'LightLamp') {}
  expect(() => handlersFor(lamp, StrayLamp)).toThrow('LightLamp is a command of lantern, not of lamp');
  expect(() => handlersFor(lamp, LightLamp, LightLamp)).toThrow('twice');
});
