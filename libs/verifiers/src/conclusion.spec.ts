import fc from 'fast-check';
import { cardActivation } from './card-activation.js';
import { carrierRecord } from './carrier-record.js';
import { conclude } from './conclusion.js';
import { membershipEntitlement } from './membership-entitlement.js';
import type { VerificationQuestion } from './verifier.js';

const sources = [cardActivation, carrierRecord, membershipEntitlement];
const question = (change: Partial<VerificationQuestion> = {}): VerificationQuestion => ({
  productKind: 'game-card',
  unitNo: 1,
  deliveryReference: 'r1',
  revealedAt: '2026-03-01T09:00:00.000Z',
  askedAt: '2026-03-01T12:00:00.000Z',
  ...change,
});
/** Outcomes by which a buyer may be refused. */
const refusing = ['UNUSED', 'ACTIVATED_AFTER_REVEAL', 'CREDITED'];
const bytesOf = (content: unknown) => Buffer.from(JSON.stringify(content) ?? '');

it('garbage never throws, and never settles anything', () => {
  fc.assert(
    fc.property(fc.constantFrom(...sources), fc.uint8Array({ maxLength: 200 }), (source, body) => {
      expect(conclude(source, body, question()).is).toBe('doubtful');
    }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...sources), fc.jsonValue(), (source, content) => {
      expect(conclude(source, bytesOf(content), question()).is).toBe('doubtful');
    }),
  );
});

it('a record with parts of any kind never throws, and refuses nobody unless it is whole', () => {
  const moment = fc.constantFrom('2026-03-01T08:00:00.000Z', '2026-03-01T10:00:00.000Z', '2026-02-30T10:00:00.000Z', 'soon', 7);
  const amount = fc.oneof(
    fc.record({ asset: fc.constantFrom('CNY', 'XXX'), minor: fc.constantFrom('100', '-100', '1e3', 100) }),
    fc.jsonValue(),
  );
  const record = fc.record(
    {
      state: fc.constantFrom('UNUSED', 'ACTIVATED', 'CREDITED', 'NONE', 'ACTIVE', 'EXPIRED', 'used', null),
      activatedAt: moment,
      activeSince: moment,
      expiredAt: moment,
      redeemable: fc.oneof(fc.boolean(), fc.constant('yes')),
      faceValue: amount,
      orderedAmount: amount,
      credits: fc.oneof(
        fc.array(fc.record({ amount, creditedAt: moment, toOrderedAccount: fc.oneof(fc.boolean(), fc.constant(1)) }), {
          maxLength: 3,
        }),
        fc.jsonValue(),
      ),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.constantFrom(...sources), fc.array(record, { maxLength: 3 }), (source, records) => {
      const finding = conclude(source, bytesOf({ reference: 'r1', records }), question());
      if (finding.is !== 'settled' || !refusing.includes(finding.outcome)) return;
      // Everything that such a word rests on is there and of the right kind.
      for (const one of records) {
        const { state, activatedAt, activeSince, redeemable, orderedAmount } = one;
        const whole = {
          UNUSED: true,
          ACTIVATED: activatedAt === '2026-03-01T10:00:00.000Z',
          ACTIVE: activeSince === '2026-03-01T10:00:00.000Z',
          NONE: redeemable === true,
          CREDITED: JSON.stringify(orderedAmount) === '{"asset":"CNY","minor":"100"}',
        }[String(state)];
        expect(whole).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});

it.each([
  ['an unknown reference', { reference: 'r1', records: [] }],
  ['another reference', { reference: 'r2', records: [{ state: 'UNUSED' }] }],
  ['a member beside what the protocol has', { reference: 'r1', records: [{ state: 'UNUSED', reserved: true }] }],
  ['a member beside the records', { reference: 'r1', records: [{ state: 'UNUSED' }], valid: false }],
  ['more records than anybody reads', { reference: 'r1', records: Array.from({ length: 21 }, () => ({ state: 'UNUSED' })) }],
  ['a list in place of an object', { reference: 'r1', records: [[]] }],
])('%s settles nothing', (_, content) => {
  expect(conclude(cardActivation, bytesOf(content), question()).is).toBe('doubtful');
});

it('a text that is not UTF-8 is not read as if it were', () => {
  const body = Buffer.concat([Buffer.from('{"reference":"r1","records":[{"state":"UNUSED"}]}'), Buffer.of(0xff)]);
  expect(conclude(cardActivation, body, question())).toEqual({ is: 'doubtful', why: 'it is not UTF-8' });
});

it('a member that is there twice has no one meaning, however it is written', () => {
  const why = (text: string) => conclude(cardActivation, Buffer.from(text), question());
  const twice = { is: 'doubtful', why: 'it has two members of one name' };
  expect(why('{"reference":"r1","records":[{"state":"INVALID","state":"UNUSED"}]}')).toEqual(twice);
  expect(why('{"reference":"r1","records":[{"state":"INVALID","\\u0073tate":"UNUSED"}]}')).toEqual(twice);
  expect(why(' {\n"reference" : "r1", "records" :[ { "state":"UNUSED" } ] } ')).toEqual({ is: 'settled', outcome: 'UNUSED' });
  const colons = 'r:1\\"::';
  expect(why(JSON.stringify({ reference: colons, records: [] }))).toEqual({
    is: 'doubtful',
    why: 'it is about another reference',
  });
});

it('a text nested as deep as an answer may be long never throws', () => {
  for (const text of ['['.repeat(65_536), `${'['.repeat(32_768)}${']'.repeat(32_768)}`, '{"a":'.repeat(10_000)])
    expect(conclude(cardActivation, Buffer.from(text), question()).is).toBe('doubtful');
});
