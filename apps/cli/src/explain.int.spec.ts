import { join } from 'node:path';
import { plusMs } from '@recourse/eventing';
import { caseLines, explainDispute } from './explain-dispute.js';
import { explainRefund, linesOf } from './explain.js';
import { open, refund, saleOf, startSampleInstallation, type SampleInstallation } from './sample-installation.js';
import { exampleFile, defaultPolicy } from './demo.js';
import { play } from './player.js';
import { durationMs, readScript, type ScriptCase } from './script.js';
import { makeDataDir, removeDataDir, runCli, startTestInstallation } from './test-installation.js';

describe('the story of a refund', () => {
  let house: SampleInstallation;
  beforeAll(async () => {
    house = await startSampleInstallation();
    await open(house);
    await refund(house, saleOf(1, await house.vault.storePerson({ account: 'alice' })), 'alice');
    await refund(house, saleOf(2, await house.vault.storePerson({ account: 'bob' })), 'bob');
  });
  afterAll(() => house.remove());

  it('is told from the order to the recovery, with rule, accounts and places in the log', async () => {
    const story = await explainRefund(house.eventStore, saleOf(1).refundId);
    expect(story.open).toEqual([]);
    expect(story.steps.filter(({ place }) => /demo\.o2/.test(place))).toEqual([]);
    const text = linesOf(story, 'both').join('\n');
    for (const expected of [
      '退款 Refund demo.o1.1.v1, 订单 order demo.o1',
      '判定 Verdict reached',
      'VerdictReached 2@dispute-demo.o1.1, 位置 position',
      'rule used-before-sale',
      '售前已使用',
      'demo/merchant:m1:held → demo/merchant:m1:recourse  95.00 CNY',
      `transferKey ${saleOf(1).key}`,
      '全部结清。 Nothing is open.',
    ])
      expect(text).toContain(expected);
    expect(text).not.toMatch(/alice|person-x|ciphertext/);
    expect(linesOf(story, 'en').join('\n')).not.toMatch(/判定|售前/);
    expect(linesOf(story, 'zh').join('\n')).not.toContain('Verdict reached');
  });

  it('and of its case: what was known and by which events, which rules were tried, and the refund to go on with', async () => {
    const explained = await explainDispute(house.eventStore, 'demo.o1.1');
    expect(explained.path).toMatchObject([{ rule: 'used-before-sale', does: 'decide', passedOver: [] }]);
    const text = caseLines(explained, 'both').join('\n');
    for (const expected of [
      '纠纷 Dispute demo.o1.1, 订单 order demo.o1, 商户 merchant m1, 买家 buyer b1',
      'reason key-used (卡密已被使用 the key has been used)',
      '付款 payment sandbox t-1, 100.00 CNY',
      '发货 delivered key ****',
      'activationFailureEvidence = yes  激活失败的证据 evidence of an activation failure: 买家已提交 the buyer has submitted it',
      '[买家举证 for the buyer to show',
      'EvidenceSubmitted 1@dispute-demo.o1.1, 位置 position',
      '因为 because reason key-used ∈ {key-used}, activationFailureEvidence yes ∈ {yes}',
      '商家责任，全额退款，商家承担 the merchant is liable, full refund, borne by the merchant, 100.00 CNY',
      'recourse explain refund demo.o1.1.v1',
    ])
      expect(text).toContain(expected);
    expect(text).not.toMatch(/alice|person-x|ciphertext/);
    expect(caseLines(explained, 'en').join('\n')).not.toMatch(/卡密|商家/);
    await expect(explainDispute(house.eventStore, 'demo.o1.9')).rejects.toThrow('there is no dispute demo.o1.9');
  });

  it.each(['demo.o1.9.v9', 'demo.o9.1.v1', 'nonsense', ''])('of a refund that never was (%j) is not told', async (refundId) => {
    await expect(explainRefund(house.eventStore, refundId)).rejects.toThrow('was ever approved');
  });
});

it('explain and ledger give the same answers beside a running installation and at rest', async () => {
  const dataDir = await makeDataDir();
  const run = async (...args: string[]): Promise<string> => {
    const cli = runCli(...args, '--data-dir', dataDir);
    expect([(await cli.ended).code, cli.output()]).toEqual([0, cli.output()]);
    return cli.output();
  };
  const house = await startTestInstallation(dataDir);
  try {
    const [first, second] = await playedCases();
    const answers = async () => [
      await run('explain', 'refund', 'demo.G001.1.v1', '--json'),
      await run('explain', 'dispute', 'demo.G001.1', '--lang', 'zh'),
      await run('explain', 'dispute', 'demo.G001.1', '--json'),
      await run('verify', '--json').then((report) => String((JSON.parse(report) as { holds: boolean }).holds)),
      await run('ledger', 'balances', '--format', 'json'),
    ];
    await play(
      {
        client: house.client,
        cases: [first, second],
        start: await house.now(),
        defaultPolicy: await defaultPolicy(),
        onProgress: () => undefined,
        onEnded: () => Promise.resolve(),
      },
      ({ header }) => durationMs(header.begins),
    );
    // Every window of appeal is over then.
    await house.settle(plusMs(await house.now(), 8 * 86_400_000));
    const running = await answers();
    expect(JSON.parse(running[0]!)).toMatchObject({ refundId: 'demo.G001.1.v1', open: [], totals: { paid: { asset: 'CNY' } } });
    expect(await house.stop()).toMatchObject({ code: 0 });
    expect(await answers()).toEqual(running);
    expect((await runCli('explain', 'refund', 'demo.G001.1.v1', '--data-dir', join(dataDir, 'none')).ended).code).toBe(2);
  } finally {
    await house.stop();
    await removeDataDir(dataDir);
  }

  /** The opening of the market, and the first case of the day. */
  async function playedCases(): Promise<[ScriptCase, ScriptCase]> {
    const cases = await readScript(decodeURIComponent(exampleFile()));
    const of = (no: number) => cases.find(({ header }) => header.case === no)!;
    return [of(0), of(1)];
  }
}, 180_000);
