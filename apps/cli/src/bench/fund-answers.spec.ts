import { answered, Answers } from './fund-answers.js';

describe('requesters', () => {
  it('ask in order, so many at a time, each again when its own answer has come', async () => {
    const answers = new Answers();
    const asked: string[] = [];
    const ask = (refundId: string) => {
      asked.push(refundId);
      return answers.of(refundId);
    };
    const all = answered({ waiting: 2, refundIds: ['a', 'b', 'c', 'd'], ask });
    expect(asked).toEqual(['a', 'b']);
    answers.give('b');
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toEqual(['a', 'b', 'c']);
    for (const refundId of ['a', 'c']) answers.give(refundId);
    await new Promise((resolve) => setImmediate(resolve));
    answers.give('d');
    const { latenciesMs, perSecond } = await all;
    expect(latenciesMs).toHaveLength(4);
    expect(perSecond).toBeGreaterThan(0);
  });

  it('all fail when one is answered twice', async () => {
    const answers = new Answers();
    const [first, second] = [answers.of('a'), answers.of('b')];
    answers.give('a');
    answers.give('a');
    await first;
    await expect(second).rejects.toThrow('a was reserved and nobody waited for it');
    await expect(answers.of('c')).rejects.toThrow('nobody waited');
  });
});
