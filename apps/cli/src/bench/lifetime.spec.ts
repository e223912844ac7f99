import { whole, within } from './lifetime.js';

describe('what must be done within a time', () => {
  const never = new Promise<never>(() => undefined);

  it('gives its result', async () => {
    await expect(within(Promise.resolve(1), { timeoutMs: 60_000, what: 'x' })).resolves.toBe(1);
  });

  it('fails with what it was when it is late', async () => {
    await expect(within(never, { timeoutMs: 1, what: 'reading' })).rejects.toThrow('reading: not done within 1 ms');
  });

  it('fails when the run is over, before or meanwhile', async () => {
    const run = new AbortController();
    const waiting = within(never, { timeoutMs: 60_000, what: 'x', signal: run.signal });
    run.abort(new Error('interrupted'));
    await expect(waiting).rejects.toThrow('interrupted');
    await expect(within(never, { timeoutMs: 60_000, what: 'x', signal: run.signal })).rejects.toThrow('interrupted');
  });
});

it('a whole number within bounds is an option', () => {
  const parse = whole(3, 9);
  expect(parse('4')).toBe(4);
  for (const text of ['2', '10', '3.5', '', 'x']) expect(() => parse(text)).toThrow('a whole number from 3 to 9');
});
