import { PatternThread } from './pattern-thread.js';

const reader = { isClosed: false };
const endless = ['^(a+)+$', [`${'a'.repeat(60)}!`]] as const;

let patterns: PatternThread;
beforeEach(() => {
  patterns = new PatternThread();
});
afterEach(() => patterns.close());

describe('the pattern thread', () => {
  it('says of each subject of a page whether it matches', async () => {
    expect(await patterns.test('^a{2}$', ['a', 'aa', 'aaa'], reader)).toEqual([false, true, false]);
  });

  it('ends a call whose page takes too long; the pages behind it are answered all the same', async () => {
    const [wild, ...tame] = await Promise.allSettled([
      patterns.test(...endless, reader),
      patterns.test('^a{2}$', ['aa'], reader),
      patterns.test('^b{2}$', ['aa'], reader),
    ]);
    expect(wild).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('longer than 1000 ms') } });
    expect(tame.map((answer) => answer.status === 'fulfilled' && answer.value)).toEqual([[true], [false]]);
  });

  it('says why a pattern cannot be run', async () => {
    await expect(patterns.test('(', ['a'], reader)).rejects.toThrow('Invalid regular expression');
    expect(await patterns.test('a{1}', ['a'], reader)).toEqual([true]);
  });

  it('keeps more patterns apart than it keeps compiled', async () => {
    const asked = Array.from({ length: 200 }, (_, index) => patterns.test(`^${index}{1}$`, ['7', '150'], reader));
    const answers = await Promise.all(asked);
    expect(answers.map(([seven]) => seven).indexOf(true)).toBe(7);
    expect(answers.filter(([seven]) => seven)).toHaveLength(1);
    expect(await patterns.test('^7{1}$', ['7'], reader)).toEqual([true]);
  });

  it('does not run a page whose call is over by its turn', async () => {
    const first = patterns.test('^a{2}$', ['aa'], reader);
    const left = patterns.test(...endless, { isClosed: true });
    expect(await first).toEqual([true]);
    expect(await left).toEqual([]);
  });

  it('fails the call of a page under which it ends by itself twice, not those behind it for good', async () => {
    const onFirst =
      'parentPort.on("message", ({ subjects }) => subjects[0] === "end" ? process.exit(3) : parentPort.postMessage({ matches: [true] }))';
    const fragile = new PatternThread(
      new URL(`data:text/javascript,import { parentPort } from 'node:worker_threads'; ${encodeURIComponent(onFirst)}`),
    );
    const [ending, next] = await Promise.allSettled([fragile.test('a', ['end'], reader), fragile.test('a', ['a'], reader)]);
    expect(ending).toMatchObject({ reason: { message: 'the pattern thread ended with code 3' } });
    expect(next).toMatchObject({ value: [true] });
    await fragile.close();
  });

  it('refuses what waits when it is closed, and what comes later', async () => {
    const waiting = [patterns.test(...endless, reader), patterns.test('a', ['a'], reader)];
    const refused = Promise.allSettled(waiting);
    await patterns.close();
    for (const answer of await refused) expect(answer).toMatchObject({ reason: { message: 'the node is stopping' } });
    await expect(patterns.test('a', ['a'], reader)).rejects.toThrow('the node is stopping');
  });
});
