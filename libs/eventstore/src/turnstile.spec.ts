import { turnstile } from './turnstile.js';

it('lets one at a time pass per key, in their order, and goes on after a failure', async () => {
  const order: string[] = [];
  const gate = turnstile(10, () => new Error('full'));
  const pass = (key: string, name: string) =>
    gate.pass(key, async () => {
      order.push(`${name} in`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${name} out`);
      if (name === 'b') throw new Error('b failed');
      return name;
    });
  const answers = await Promise.allSettled([pass('x', 'a'), pass('x', 'b'), pass('x', 'c'), pass('y', 'd')]);
  expect(answers.map((answer) => answer.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(order.filter((step) => !step.startsWith('d'))).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
  expect(order.indexOf('d in')).toBeLessThan(order.indexOf('a out'));
});

it('turns away whoever comes when too many wait, and no one later', async () => {
  const gate = turnstile(2, (key) => new Error(`${key} is full`));
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const waiting = [1, 2, 3].map(() => gate.pass('x', () => held));
  await expect(gate.pass('x', () => held)).rejects.toThrow('x is full');
  release();
  await Promise.all(waiting);
  await expect(gate.pass('x', () => Promise.resolve('in'))).resolves.toBe('in');
});
