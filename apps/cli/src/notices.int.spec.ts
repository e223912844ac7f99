import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { noticeTypes } from '@recourse/webhooks';
import { defaultPolicy, exampleFile } from './demo.js';
import { play } from './player.js';
import { findRunning } from './running.js';
import { readScript, type ScriptCase } from './script.js';
import {
  eventually,
  makeDataDir,
  removeDataDir,
  runCli,
  startTestInstallation,
  type TestInstallation,
} from './test-installation.js';
import { verifyStores } from './verify-installation.js';

interface Line {
  readonly position: string;
  readonly event: keyof typeof noticeTypes;
  readonly because: Readonly<Record<string, string | null>>;
  readonly balance: object;
}

const merchants = ['starcard', 'bulkkeys'] as const;
let dataDir: string;
let house: TestInstallation;
let server: Server;
/** What came in, by merchant: message id and position. */
const received = new Map<string, { id: string; position: string }[]>();

beforeAll(async () => {
  dataDir = await makeDataDir();
  house = await startTestInstallation(dataDir);
  let requests = 0;
  server = createServer((request, response) => {
    void (async () => {
      let raw = '';
      for await (const chunk of request.setEncoding('utf8')) raw += String(chunk);
      requests += 1;
      const { data } = JSON.parse(raw) as { data: { merchant: string; position: string } };
      const known = received.get(data.merchant) ?? [];
      const id = String(request.headers['webhook-id']);
      received.set(data.merchant, [...known, { id, position: data.position }]);
      // Every seventh request is taken and not answered, but each message comes through at the second try.
      if (requests % 7 === 0 && !known.some((one) => one.id === id)) request.socket.destroy();
      else response.writeHead(204).end();
    })();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await house.stop();
  await removeDataDir(dataDir);
});

const statement = async (merchant: string) =>
  (await house.read('finance:chen', `/deposits/${merchant}/statement?limit=200`)) as unknown as {
    movements: Line[];
    closing: object;
  };

it('merchants are told every step of their cases though the worker is killed meanwhile, and the books hold', async () => {
  const day = await readScript(exampleFile());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const registerAll = async () => {
    for (const merchant of merchants) {
      const { status } = await house.client.post('finance:chen', `/deposits/${merchant}/webhooks`, { url }, `hook-${merchant}`);
      expect(status).toBe(201);
      // What was before the endpoint is told by a replay.
      const { body } = await house.client.get('finance:chen', `/deposits/${merchant}/webhooks`);
      const [endpoint] = body['endpoints'] as { endpointId: string }[];
      const replays = `/deposits/${merchant}/webhooks/${endpoint?.endpointId ?? ''}/replays`;
      expect((await house.client.post('finance:chen', replays, { from: '0' }, `replay-${merchant}`)).status).toBe(200);
    }
  };
  const playAll = async (cases: readonly ScriptCase[], start: string, onProgress: (done: number, of: number) => void) =>
    play(
      { client: house.client, cases, start, defaultPolicy: await defaultPolicy(), onProgress, onEnded: () => Promise.resolve() },
      () => 0,
    );
  const start = await house.now();
  let isKilled = false;
  await playAll(day.slice(0, 1), start, () => undefined);
  const { versions } = (await house.read('operator:liu', '/policies')) as { versions: { hash: string }[] };
  const rest = JSON.parse(
    JSON.stringify([1, 5, 8].map((index) => day[index])).replaceAll('$policyHash', versions[0]?.hash ?? ''),
  ) as ScriptCase[];
  await registerAll();
  await playAll(rest, await house.now(), (done, of) => {
    if (isKilled || done < of / 2) return;
    isKilled = true;
    process.kill(house.pids.worker, 'SIGKILL');
  });

  expect(isKilled).toBe(true);
  for (const merchant of merchants) {
    const { movements } = await statement(merchant);
    const expected = movements.filter(({ event }) => noticeTypes[event] !== null).map(({ position }) => position);
    await eventually(`every notice to ${merchant}`, () => {
      const told = new Set((received.get(merchant) ?? []).map(({ position }) => position));
      return expected.every((position) => told.has(position)) ? true : undefined;
    });
    const told = received.get(merchant) ?? [];
    expect(new Set(told.map(({ position }) => position))).toEqual(new Set(expected));
    expect(new Set(told.map(({ id }) => id)).size).toBe(expected.length);
  }
  const running = (await findRunning(dataDir))!;
  const report = await verifyStores({ ...running, keyFile: join(dataDir, 'keys', 'vault.json') });
  expect(report).toMatchObject({ holds: true });
}, 180_000);

it('a statement is printed with the case and the rule of each movement, between its two balances', async () => {
  const cli = runCli('statement', 'bulkkeys', '--data-dir', dataDir);
  expect(await cli.ended).toMatchObject({ code: 0 });
  const lines = cli.output().split('\n');
  const { movements } = await statement('bulkkeys');
  expect(lines).toHaveLength(movements.length + 4);
  expect(lines[2]).toMatch(/opening balance 期初余额 +0\.00 +0\.00 +0\.00 +0\.00$/);
  expect(lines.at(-1)).toContain('closing balance 期末余额');
  const debit = movements.findIndex(({ event }) => event === 'DepositDebited');
  expect(lines[3 + debit]).toContain(movements[debit]?.because['rule'] ?? 'a rule');
  const asOf = runCli('statement', 'bulkkeys', '--data-dir', dataDir, '--as-of', movements[1]?.position ?? '');
  await asOf.ended;
  expect(asOf.output().split('\n')).toHaveLength(2 + 4);
  const unknown = runCli('statement', 'nobody', '--data-dir', dataDir);
  expect(await unknown.ended).toMatchObject({ code: 2 });
  expect(unknown.output()).toContain('no deposit was agreed with nobody');
});
