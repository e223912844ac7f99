import { createSecretKey } from 'node:crypto';
import { instantOf } from '@recourse/eventing';
import { distrust, headerNames, signedHeaders, type SigningKey } from './signature.js';

const key: SigningKey = { id: 'k1', secret: createSecretKey(Buffer.alloc(32, 7)) };
const nowMs = Date.parse('2026-03-01T08:00:00.000Z');
const body = Buffer.from('{"reference":"r1"}');
const request = { is: 'request', method: 'POST', path: '/v1/x', at: instantOf(nowMs), nonce: 'n1' } as const;
const response = { is: 'response', status: 200, at: instantOf(nowMs), nonce: 'n1' } as const;
const headerOf = (headers: Readonly<Record<string, string>>) => (name: string) => headers[name];

it('is the HMAC-SHA256 of seven lines, as another program computes it', () => {
  expect(signedHeaders(key, request, body)).toEqual({
    'recourse-key-id': 'k1',
    'recourse-timestamp': '2026-03-01T08:00:00.000Z',
    'recourse-nonce': 'n1',
    'recourse-signature': 'v1=ea87198371bed4e66188477c1814214e93bed4a0ee4da75784926ebbb35bff7c',
  });
});

it('is trusted as it was sent, up to two minutes later or earlier', () => {
  const header = headerOf(signedHeaders(key, response, body));
  const trusted = (at: number) => distrust(key, { is: 'response', status: 200, nonce: 'n1' }, { header, body, nowMs: at });
  expect(trusted(nowMs)).toBeUndefined();
  expect(trusted(nowMs + 120_000)).toBeUndefined();
  expect(trusted(nowMs - 120_000)).toBeUndefined();
  expect(trusted(nowMs + 120_001)).toBe('it is too old, or from the future');
  expect(trusted(nowMs - 120_001)).toBe('it is too old, or from the future');
});

it('binds every part, and a request is no answer', () => {
  const headers = signedHeaders(key, response, body);
  const check = (change: {
    status?: number;
    nonce?: string;
    body?: Buffer;
    headers?: Readonly<Record<string, string>>;
    key?: SigningKey;
  }) =>
    distrust(
      change.key ?? key,
      { is: 'response', status: change.status ?? 200, nonce: change.nonce ?? 'n1' },
      { header: headerOf(change.headers ?? headers), body: change.body ?? body, nowMs },
    );
  expect(check({})).toBeUndefined();
  expect(check({ status: 404 })).toBe('its signature is wrong');
  expect(check({ body: Buffer.from('{}') })).toBe('its signature is wrong');
  expect(check({ nonce: 'n2' })).toBe('it answers another request');
  expect(check({ headers: { ...headers, [headerNames.timestamp]: instantOf(nowMs + 1) } })).toBe('its signature is wrong');
  expect(check({ headers: signedHeaders(key, request, body) })).toBe('its signature is wrong');
  expect(check({ key: { ...key, secret: createSecretKey(Buffer.alloc(32, 8)) } })).toBe('its signature is wrong');
  expect(check({ key: { ...key, id: 'k2' } })).toBe('it is signed with another key');
  for (const name of Object.values(headerNames)) {
    const others = Object.entries(headers).filter(([other]) => other !== name);
    expect(check({ headers: Object.fromEntries(others) })).toBe('it is not signed');
  }
  expect(check({ headers: { ...headers, [headerNames.signature]: 'v1=short' } })).toBe('it is not signed');
});
