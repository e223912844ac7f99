import { checkWiring, WiringFaults, wiringFaults, type Wiring } from './wiring.js';

const sound: Wiring = {
  deciders: [{ category: 'lamp', events: { LampLit: 1 } }],
  commands: [{ type: 'LightLamp', category: 'lamp' }],
  projections: [{ name: 'lamps-lit', version: 1, on: { LampLit: () => undefined }, tables: ['lamps_lit'] }],
  processes: [{ name: 'lamp-lighting', version: 1, on: { LampLit: () => undefined } }],
  verified: ['lamps-lit'],
};

it('accepts parts that fit together', () => {
  expect(wiringFaults(sound)).toEqual([]);
});

it('lists every fault at once', () => {
  const broken: Wiring = {
    deciders: [...sound.deciders, { category: 'lamp', events: { LampLit: 1 } }, { category: 'Lamp2', events: {} }],
    commands: [...sound.commands, { type: 'LightLamp', category: 'lamp' }, { type: 'SwitchFan', category: 'fan' }],
    projections: [
      ...sound.projections,
      { name: 'lamps-lit', version: 1, on: { LampLit: 1, FanSwitched: 1 }, tables: ['lamps_lit'] },
      { name: 'empty', version: 1, on: {}, tables: [] },
    ],
    processes: [{ name: 'lamp-lighting', version: 1, on: { FanSwitched: 1 } }],
    verified: ['lamps-lit'],
  };
  expect(() => checkWiring(broken)).toThrow(WiringFaults);
  expect(wiringFaults(broken)).toEqual([
    'two deciders of the category lamp',
    'the category Lamp2 is not lower-case letters only',
    'the event type LampLit belongs to two deciders',
    'the command LightLamp is registered twice',
    'the command SwitchFan has no decider (category fan)',
    'two readers are named lamps-lit',
    'the projection empty handles no event',
    'the projection lamps-lit handles FanSwitched, which no decider makes',
    'the process lamp-lighting handles FanSwitched, which no decider makes',
    'the projection empty owns no table',
    'the table lamps_lit belongs to two projections',
    'the projection empty has no verify pass',
  ]);
});
