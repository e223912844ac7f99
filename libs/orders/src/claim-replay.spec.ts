import { replayClaim } from './claim-replay.js';
import { claim, deliver, history, note, orderId, paid, reveal } from './order-examples.js';
import type { OrderEvent } from './order.js';

const claimId = `${orderId}.1`;
const story = (): readonly OrderEvent[] => history(...paid(2), deliver(1), reveal(1), claim([1]));
const openedIn = (events: readonly OrderEvent[]) => {
  const opened = events.find(({ type }) => type === 'ClaimOpened');
  if (opened?.type !== 'ClaimOpened') throw new Error('nothing is claimed');
  return opened.data;
};

it('a claim comes again as it was opened, whatever happened since', () => {
  const events = story();
  expect(replayClaim(events, claimId)).toEqual(openedIn(events));
  expect(replayClaim([...events, ...events.slice(-1)], claimId)).toEqual(openedIn(events));
});

it('facts that were slipped into the claim do not come again', () => {
  const events = story();
  const units = openedIn(events).units.map((unit) => ({ ...unit, platformFailure: true }));
  const forged = events.map((event) => (event.type === 'ClaimOpened' ? { ...event, data: { ...event.data, units } } : event));
  expect(replayClaim(forged, claimId)?.units).toEqual(openedIn(events).units);
});

it('an incident that the order noted is among the facts, with its event', () => {
  const events = history(...paid(1), deliver(1), note(1), claim([1]));
  const at = events.findIndex(({ type }) => type === 'PlatformIncidentNoted');
  const [unit] = replayClaim(events, claimId)?.units ?? [];
  expect(unit).toMatchObject({ platformFailure: true, evidence: expect.arrayContaining([`${at}@order-${orderId}`]) });
});

it('a claim that was never opened does not come', () => {
  expect(replayClaim(story(), `${orderId}.2`)).toBeUndefined();
  expect(replayClaim([], claimId)).toBeUndefined();
});
