import { Controller, ForbiddenException, Get } from '@nestjs/common';
import { StoreUnavailable } from '@recourse/eventstore';
import { money, subtract, zero } from '@recourse/money';
import { invalidInput, kebab, Problem } from './problem.js';
import { serve, type TestServer } from './testbed.js';

@Controller()
class Faulty {
  @Get('problem')
  problem() {
    throw new Problem(409, 'order-exists', 'there is such an order', {
      faults: [{ field: 'a', message: 'b' }],
      headers: { 'Retry-After': '7' },
    });
  }
  @Get('bug')
  bug() {
    throw new Error('the password is hunter2');
  }
  @Get('money')
  money() {
    return subtract(money(1n), zero('USD'));
  }
  @Get('outage')
  outage() {
    throw new StoreUnavailable('node 7 is down');
  }
  @Get('framework')
  framework() {
    throw new ForbiddenException();
  }
}

let server: TestServer;
beforeAll(async () => {
  server = await serve([Faulty]);
});
afterAll(() => server.close());

describe('a problem', () => {
  it('is sent in the form of RFC 9457, with a stable type', async () => {
    const { status, headers, body } = await server.call('/problem');
    expect(status).toBe(409);
    expect(headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
    expect(headers.get('Retry-After')).toBe('7');
    expect(body).toEqual({
      type: 'urn:recourse:problem:order-exists',
      title: 'Conflicts with the present state',
      status: 409,
      detail: 'there is such an order',
      instance: '/problem',
      faults: [{ field: 'a', message: 'b' }],
    });
  });

  it.each([
    ['bug', 500, 'internal'],
    ['money', 422, 'amount-asset-mismatch'],
    ['outage', 503, 'store-unavailable'],
    ['framework', 403, 'forbidden'],
    ['nowhere', 404, 'not-found'],
    ['%E0%A4%A', 404, 'not-found'],
  ])('of %s is a %i %s', async (path, status, code) => {
    const answer = await server.call(`/${path}`);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ type: `urn:recourse:problem:${code}`, status });
  });

  it('says nothing of what went wrong inside', async () => {
    expect(JSON.stringify((await server.call('/bug')).body)).not.toContain('hunter2');
    expect(JSON.stringify((await server.call('/outage')).body)).not.toContain('node 7');
  });

  it('does not grow with what was sent', () => {
    const errors = Array.from({ length: 1_000 }, (_, i) => ({
      property: `${i}${'x'.repeat(1_000)}`,
      constraints: { is: 'y'.repeat(1_000) },
    }));
    const { faults = [] } = invalidInput(errors).more;
    expect(faults).toHaveLength(50);
    expect(JSON.stringify(faults).length).toBeLessThan(25_000);
  });

  it('names nested fields by their path', () => {
    const error = { property: 'fee', children: [{ property: 'minor', constraints: { matches: 'minor is a whole number' } }] };
    expect(invalidInput([error]).more.faults).toEqual([{ field: 'fee.minor', message: 'minor is a whole number' }]);
  });
});

it.each([
  ['OrderUnknown', 'order-unknown'],
  ['NotADraft', 'not-a-draft'],
  ['ServiceUnavailable', 'service-unavailable'],
])('%s is written %s in a problem type', (code, written) => expect(kebab(code)).toBe(written));
