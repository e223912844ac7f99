import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  allEnded,
  eventually,
  makeDataDir,
  processesOf,
  removeDataDir,
  runCli,
  signalGroup,
  startTestInstallation,
  type TestInstallation,
} from './test-installation.js';

describe('an installation as a tree of processes', () => {
  let dataDir: string;
  let house: TestInstallation;

  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  const answers = async () => (await fetch(`${house.apiUrl}/health/ready`, { signal: AbortSignal.timeout(10_000) })).status;
  const again = async () => {
    house = await startTestInstallation(dataDir);
    expect(await answers()).toBe(200);
  };

  it('is one command with all its parts, its API on loopback, its keys for nobody else to read', async () => {
    const commands = (await processesOf(dataDir, house.cli.pid)).map(({ command }) => command);
    for (const part of [
      'cli/dist/main.js',
      'api/dist/main.js',
      'worker/dist/main.js',
      'embedded-eventstore/dist/main.js',
      'postgres',
    ])
      expect(commands.filter((command) => command.includes(part))).not.toEqual([]);
    expect(new URL(house.apiUrl).hostname).toBe('127.0.0.1');
    for (const file of ['vault.json', 'signing-key.json', 'api-key-demo'])
      expect((await stat(join(dataDir, 'keys', file))).mode & 0o777).toBe(0o600);
    expect(await answers()).toBe(200);
  });

  it('has its directory to itself: a second start is refused and says why, and the first goes on', async () => {
    const second = runCli('up', '--virtual-clock', '--data-dir', dataDir, '--port', '0');
    expect(await second.ended).toEqual({ code: 1, signal: null });
    expect(second.output()).toContain(`${dataDir} is in use: process ${house.cli.pid} runs an installation from it`);
    expect(await answers()).toBe(200);
    await house.settle();
  });

  it('ends with its parent, however that ends, and may be started again at once', async () => {
    const killed = house;
    killed.cli.kill('SIGKILL');
    await killed.close();
    await killed.cli.ended;
    await again();
    const left = async () => (await processesOf(dataDir, killed.cli.pid)).filter(({ group }) => group === killed.cli.pid);
    await eventually('the first ones are gone', async () => ((await left()).length === 0 ? true : undefined));
    house.cli.kill('SIGKILL');
    await house.close();
    await allEnded(dataDir, house.cli);
  });

  it('finds its way past the locks that a power cut leaves behind', async () => {
    await again();
    await house.cutPower();
    await again();
  });

  it('stops all its parts on SIGTERM and ends with 0', async () => {
    expect(await house.stop()).toEqual({ code: 0, signal: null });
    await allEnded(dataDir, house.cli);
  });

  it('ends a demo with everything it started on Ctrl-C', async () => {
    const demoDir = await makeDataDir();
    const demo = runCli('demo', '--data-dir', demoDir);
    await eventually('the day is being played', () => (demo.output().includes('playing the day') ? true : undefined), 60_000);
    // A terminal tells the whole group.
    signalGroup(demo.pid, 'SIGINT');
    expect(await demo.ended).toEqual({ code: 0, signal: null });
    await allEnded(demoDir, demo);
    await removeDataDir(demoDir);
  });
});
