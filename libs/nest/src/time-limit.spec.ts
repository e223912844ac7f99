import { Controller, Get } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { serve } from './testbed.js';
import { TakesAtMost, TimeLimit } from './time-limit.js';

@Controller()
class Slow {
  @Get()
  @TakesAtMost(20)
  never() {
    return new Promise(() => undefined);
  }
}

it('a request that has no outcome in time is answered all the same', async () => {
  const server = await serve([Slow], [{ provide: APP_INTERCEPTOR, useClass: TimeLimit }]);
  const { status, headers, body } = await server.call('/');
  expect(status).toBe(503);
  expect(headers.get('Retry-After')).toBe('2');
  expect(body).toMatchObject({ type: 'urn:recourse:problem:timed-out' });
  await server.close();
});
