import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { plusMs } from '@recourse/eventing';
import { defaultPolicy, exampleFile } from './demo.js';
import { play } from './player.js';
import { durationMs, readScript } from './script.js';
import { makeDataDir, removeDataDir, runCli, startTestInstallation } from './test-installation.js';

it('a case is exported beside a running installation and at rest, is the same both times, and is checked without either', async () => {
  const dataDir = await makeDataDir();
  const run = async (...args: string[]) => {
    const cli = runCli('case-pack', ...args);
    return { code: (await cli.ended).code, said: cli.output() };
  };
  const file = (name: string) => join(dataDir, name);
  const house = await startTestInstallation(dataDir);
  try {
    const cases = await readScript(decodeURIComponent(exampleFile()));
    await play(
      {
        client: house.client,
        cases: cases.filter(({ header }) => header.case === 0 || header.case === 1),
        start: await house.now(),
        defaultPolicy: await defaultPolicy(),
        onProgress: () => undefined,
        onEnded: () => Promise.resolve(),
      },
      ({ header }) => durationMs(header.begins),
    );
    const complaint = await house.client.post(
      'arbitrator:a1',
      '/complaints',
      {
        channel: 'court',
        number: '（2026）沪0105民初1234号',
        orderNo: 'G001',
        units: [1],
        receivedAt: await house.now(),
        answerBy: plusMs(await house.now(), 15 * 86_400_000),
        summary: '起诉要求退款',
        reason: 'key-invalid',
      },
      'complaint-1',
    );
    expect(complaint).toMatchObject({ status: 201, body: { units: [{ unit: 1, disputeId: 'demo.G001.1' }] } });
    // The read models that name what the fund and the account say of it stand at the end of the log then.
    await house.settle(plusMs(await house.now(), 1));
    const exported = await run('demo.G001.1', '--out', file('running.zip'), '--data-dir', dataDir);
    expect(exported).toMatchObject({ code: 0, said: expect.stringContaining('SHA-256 of its hashes.txt') });
    expect(await run('demo.G001.1', '--out', file('running.zip'), '--data-dir', dataDir)).toMatchObject({
      code: 2,
      said: expect.stringContaining('EEXIST'),
    });
    expect(await run('demo.G009.9', '--out', file('none.zip'), '--data-dir', dataDir)).toEqual({
      code: 2,
      said: 'there is no dispute demo.G009.9',
    });
    const whole = await readFile(file('running.zip'));
    expect(await house.stop()).toMatchObject({ code: 0 });
    expect(await run('demo.G001.1', '--out', file('resting.zip'), '--data-dir', dataDir)).toMatchObject({ code: 0 });
    expect((await readFile(file('resting.zip'))).equals(whole)).toBe(true);

    const verified = runCli('verify', '--data-dir', dataDir);
    expect([(await verified.ended).code, verified.output()]).toEqual([0, expect.any(String)]);
    const checked = await run('verify', file('running.zip'));
    expect(checked).toMatchObject({ code: 0, said: expect.stringMatching(/1 verdict\(s\) decided again[^]*the pack holds$/) });
    const broken = Buffer.from(whole);
    broken.write('x', whole.indexOf('reissue-missed'));
    await writeFile(file('broken.zip'), broken);
    expect(await run('verify', file('broken.zip'))).toMatchObject({ code: 1, said: expect.stringContaining('differs') });
    expect(await run('verify', file('none.zip'))).toMatchObject({ code: 2, said: expect.stringContaining('ENOENT') });
  } finally {
    await house.stop();
    await removeDataDir(dataDir);
  }
}, 180_000);
