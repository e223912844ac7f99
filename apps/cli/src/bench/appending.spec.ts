import { inOneStream } from './appending.js';
import { eventsFrom } from './workload.js';

it('appends to one stream name the revision that the one before left', () => {
  const next = inOneStream('s', 64, eventsFrom);
  const appends = [next(), next(), next()];
  expect(appends.map(({ expectedRevision }) => expectedRevision)).toEqual(['no_stream', 63n, 127n]);
  expect(appends.every(({ stream, events }) => stream === 's' && events.length === 64)).toBe(true);
});
