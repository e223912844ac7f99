import { EnvironmentFaults, readEnvironment } from './environment.js';

const complete = {
  DATABASE_URL: 'postgres://recourse:hidden@127.0.0.1/recourse',
  EVENTSTORE_URL: 'esdb://127.0.0.1:2113?tls=false',
  RECOURSE_KEY_FILE: '/keys/vault.json',
  RECOURSE_JWKS: '/keys/jwks.json',
  RECOURSE_ISSUER: 'https://id.example.com',
};

it('needs the stores, the keys and the issuer, and has a default for the rest', () => {
  expect(readEnvironment(complete)).toEqual({
    databaseUrl: complete.DATABASE_URL,
    eventStoreUrl: complete.EVENTSTORE_URL,
    queueUrl: complete.DATABASE_URL,
    keyFile: '/keys/vault.json',
    jwks: '/keys/jwks.json',
    issuer: 'https://id.example.com',
    virtualClockStart: undefined,
    railReceiver: 'recourse-platform',
    approvalLimits: new Map(),
    verifierUrls: {},
    verifierKeyFile: undefined,
    apiHost: '127.0.0.1',
    apiPort: 3210,
  });
  expect(readEnvironment({ ...complete, REDIS_URL: 'redis://127.0.0.1:6379' }).queueUrl).toBe('redis://127.0.0.1:6379');
  expect(readEnvironment({ ...complete, RECOURSE_CLOCK: 'virtual' }).virtualClockStart).toBe('2026-03-01T01:00:00.000Z');
});

it('names every fault at once and repeats no value', () => {
  const faulty = {
    ...complete,
    DATABASE_URL: 'mysql://recourse:hidden@127.0.0.1/recourse',
    EVENTSTORE_URL: '',
    REDIS_URL: 'hidden',
    RECOURSE_ISSUER: undefined,
    RECOURSE_API_PORT: '70000',
    RECOURSE_APPROVAL_LIMITS: 'CNY=much',
    RECOURSE_CLOCK: 'sundial',
    RECOURSE_CLOCK_START: 'yesterday',
  };
  let caught: unknown;
  try {
    readEnvironment(faulty);
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(EnvironmentFaults);
  const { faults, message } = caught as EnvironmentFaults;
  expect(faults).toEqual([
    'DATABASE_URL is not a URL of postgres or postgresql',
    'RECOURSE_API_PORT is not a port',
    'RECOURSE_CLOCK is neither machine nor virtual',
    'RECOURSE_CLOCK_START is not an instant like 2026-03-01T01:00:00.000Z',
    'RECOURSE_APPROVAL_LIMITS is not a list like CNY=1000000,demo/CNY=500000 in minor units of known assets',
    'EVENTSTORE_URL is missing',
    'REDIS_URL is not a URL of redis or rediss or postgres or postgresql',
    'RECOURSE_ISSUER is missing',
  ]);
  expect(message).not.toContain('hidden');
});

describe('sources of official records', () => {
  const card = { VERIFIER_CARD_URL: 'https://issuer.example.com', RECOURSE_VERIFIER_KEY_FILE: '/keys/verifiers.json' };
  const faultsOf = (env: Readonly<Record<string, string>>): readonly string[] => {
    try {
      readEnvironment({ ...complete, ...env });
      return [];
    } catch (error) {
      return (error as EnvironmentFaults).faults;
    }
  };

  it('are named one by one, with the file of keys that is shared with them', () => {
    expect(readEnvironment({ ...complete, ...card })).toMatchObject({
      verifierUrls: { 'card-activation': 'https://issuer.example.com' },
      verifierKeyFile: '/keys/verifiers.json',
    });
    expect(faultsOf({ ...card, RECOURSE_VERIFIER_KEY_FILE: '' })).toEqual(['RECOURSE_VERIFIER_KEY_FILE is missing']);
  });

  it('are reached over https, or on this machine', () => {
    expect(faultsOf({ ...card, VERIFIER_CARRIER_URL: 'http://carrier.example.com' })).toEqual([
      'VERIFIER_CARRIER_URL is neither https nor http on loopback',
    ]);
    expect(faultsOf({ ...card, VERIFIER_MEMBERSHIP_URL: 'http://127.0.0.1:3299' })).toEqual([]);
  });

  it('are simulators where time is virtual', () => {
    expect(faultsOf({ ...card, RECOURSE_CLOCK: 'virtual' })).toEqual([
      'VERIFIER_CARD_URL is no simulator on this machine, and RECOURSE_CLOCK is virtual',
    ]);
    expect(faultsOf({ ...card, VERIFIER_CARD_URL: 'http://localhost:3299', RECOURSE_CLOCK: 'virtual' })).toEqual([]);
  });
});
