import { plusHours, specify } from '@recourse/eventing';
import { incident, maxUnitsPerNotice, type IncidentCommand, type IncidentEvent, type IncidentOrder } from './incident.js';

const { given } = specify(incident);
const at = '2026-03-01T08:00:00.000Z';
const title = { zh: '激活网关中断', en: 'the activation gateway was down' };
const of = (orderId: string, ...units: number[]): IncidentOrder => ({ orderId, units });
const many = (count: number, orderId = 'demo.o9') => of(orderId, ...Array.from({ length: count }, (_, i) => i + 1));

const record = (orders: readonly IncidentOrder[], change: { from?: string; until?: string } = {}) =>
  ({
    type: 'RecordIncident',
    incidentId: 'demo.I1',
    platform: 'demo',
    title,
    system: 'activation-gateway',
    from: plusHours(at, -2),
    orders,
    subject: 'olga',
    at,
    ...change,
  }) as const satisfies IncidentCommand & { at: string };
const widen = (...orders: IncidentOrder[]) => ({ type: 'WidenIncident', orders, subject: 'olga', at }) as const;
const end = (until: string) => ({ type: 'EndIncident', until, subject: 'olga', at }) as const;
const retract = { type: 'RetractIncident', reason: 'another gateway', subject: 'olga', at } as const;

const recorded = (...orders: IncidentOrder[]): IncidentEvent => ({
  type: 'IncidentRecorded',
  data: {
    incidentId: 'demo.I1',
    platform: 'demo',
    title,
    system: 'activation-gateway',
    from: plusHours(at, -2),
    orders,
    recordedBy: 'olga',
    recordedAt: at,
  },
});
const retracted: IncidentEvent = {
  type: 'IncidentRetracted',
  data: { incidentId: 'demo.I1', platform: 'demo', reason: 'another gateway', retractedBy: 'olga', retractedAt: at },
};

it('is recorded once, with each unit named once and whoever recorded it', () => {
  given()
    .when(record([of('demo.o1', 2, 1), of('demo.o1', 2), of('demo.o2', 1)]))
    .then(recorded(of('demo.o1', 1, 2), of('demo.o2', 1)));
  given(recorded(of('demo.o1', 1)))
    .when(record([of('demo.o2', 1)]))
    .thenRejected('IncidentExists');
});

it('has begun, and does not end before it began or in the future', () => {
  given()
    .when(record([of('demo.o1', 1)], { from: plusHours(at, 1) }))
    .thenRejected('IncidentPeriodInvalid');
  given()
    .when(record([of('demo.o1', 1)], { until: plusHours(at, -3) }))
    .thenRejected('IncidentPeriodInvalid');
  given()
    .when(record([of('demo.o1', 1)], { until: plusHours(at, 1) }))
    .thenRejected('IncidentPeriodInvalid');
  for (const wrong of [plusHours(at, -3), plusHours(at, 1)])
    given(recorded(of('demo.o1', 1)))
      .when(end(wrong))
      .thenRejected('IncidentPeriodInvalid');
});

it('ends once', () => {
  const ended: IncidentEvent = {
    type: 'IncidentEnded',
    data: { incidentId: 'demo.I1', platform: 'demo', until: at, endedBy: 'olga', endedAt: at },
  };
  given(recorded(of('demo.o1', 1)))
    .when(end(at))
    .then(ended);
  given(recorded(of('demo.o1', 1)), ended)
    .when(end(at))
    .thenNothing();
  given(recorded(of('demo.o1', 1)), ended)
    .when(end(plusHours(at, -1)))
    .thenRejected('IncidentHasEnded');
});

it('takes more units, also after its end, and passes over those it knows', () => {
  given(recorded(of('demo.o1', 1)))
    .when(widen(of('demo.o1', 1, 2), of('demo.o3', 1)))
    .then({
      type: 'IncidentWidened',
      data: {
        incidentId: 'demo.I1',
        platform: 'demo',
        orders: [of('demo.o1', 2), of('demo.o3', 1)],
        widenedBy: 'olga',
        widenedAt: at,
      },
    });
  given(recorded(of('demo.o1', 1)))
    .when(widen(of('demo.o1', 1)))
    .thenNothing();
});

it('concerns somebody, and never more units than an event can name', () => {
  given().when(record([])).thenRejected('IncidentConcernsNothing');
  expect(given().when(record([many(maxUnitsPerNotice)])).events).toHaveLength(1);
  given()
    .when(record([many(maxUnitsPerNotice + 1)]))
    .thenRejected('IncidentTooLarge');
  const full = Array.from({ length: 25 }, (_, i) => recorded(many(maxUnitsPerNotice, `demo.p${i}`)));
  const wide = full.map((one, i): IncidentEvent =>
    i === 0 || one.type !== 'IncidentRecorded'
      ? one
      : { type: 'IncidentWidened', data: { ...one.data, widenedBy: 'olga', widenedAt: at } },
  );
  given(...wide)
    .when(widen(of('demo.o1', 1)))
    .thenRejected('IncidentTooLarge');
});

it('that was retracted is retracted once and concerns nobody any more', () => {
  given(recorded(of('demo.o1', 1)))
    .when(retract)
    .then(retracted);
  given(recorded(of('demo.o1', 1)), retracted)
    .when(retract)
    .thenNothing();
  given(recorded(of('demo.o1', 1)), retracted)
    .when(widen(of('demo.o2', 1)))
    .thenRejected('IncidentIsRetracted');
  given().when(retract).thenRejected('IncidentUnknown');
});
