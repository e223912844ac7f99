import { join } from 'node:path';
import { plusDays, plusMs, type Instant } from '@recourse/eventing';
import {
  createVerifierKeys,
  readVerifierKeys,
  startVerifierSimulator,
  type VerifierSimulator,
} from '@recourse/verifiers/simulator';
import {
  eventually,
  makeDataDir,
  removeDataDir,
  runCli,
  startTestInstallation,
  type CliProcess,
  type TestInstallation,
} from './test-installation.js';
import { cny, keysAt, openMarket, topUpCard, type Market } from './test-market.js';
import { environmentOf } from './verifier-simulator.js';

interface CaseView {
  readonly units: readonly { readonly status: string; readonly verification: string | null }[];
  readonly verdicts: readonly { readonly units: readonly { readonly liable: string; readonly remedy: string }[] }[];
}

/** A source that failed often is left alone for a while, and a slow machine lets it fail more often. */
const outageTimeoutMs = 50_000;

describe('verification over HTTP', () => {
  let dataDir: string;
  let simulator: VerifierSimulator;
  let house: TestInstallation;
  let market: Market;

  beforeAll(async () => {
    dataDir = await makeDataDir();
    const keyFile = join(dataDir, 'verifier-keys.json');
    await createVerifierKeys(keyFile);
    simulator = await startVerifierSimulator({ keys: await readVerifierKeys(keyFile) });
    house = await startTestInstallation(dataDir, environmentOf(simulator.url, keyFile));
    market = await openMarket(house);
    await market.agree('m1');
    await market.topUp('m1', 'deposit-m1', 100_000);
    await market.contribute('fund-1', 100_000);
  });
  afterAll(async () => {
    await house?.stop();
    await simulator?.close();
    await removeDataDir(dataDir);
  });

  const passed = async (ms: number): Promise<Instant> => {
    const now = plusMs(await house.now(), ms);
    await house.settle(now);
    return now;
  };
  /** What a source is asked about: never the key. */
  const referencesOf = async (orderNo: string): Promise<string[]> =>
    (await house.events()).flatMap(({ type, data }) =>
      type === 'UnitDelivered' && data.orderId === `demo.${orderNo}`
        ? [data.delivery.kind === 'key' ? data.delivery.fingerprint : data.delivery.receipt]
        : [],
    );
  const referenceOf = async (orderNo: string): Promise<string> => {
    const [reference] = await referencesOf(orderNo);
    if (reference === undefined) throw new Error(`${orderNo} was not delivered`);
    return reference;
  };
  /** A key in the hands of the buyer, who saw it a minute after it came. */
  const sellKey = async (orderNo: string, change: object = {}) => {
    await market.buy(orderNo, change);
    await market.deliverKeys(orderNo);
    const revealedAt = await passed(60_000);
    await market.reveal(orderNo);
    return { revealedAt, reference: await referenceOf(orderNo) };
  };
  const sellTopUp = async (orderNo: string) => {
    await market.buy(orderNo, topUpCard);
    await market.deliverTopUp(orderNo);
    return { reference: await referenceOf(orderNo) };
  };
  const caseOf = async (id: string): Promise<CaseView> =>
    (await house.read('arbitrator:he', `/disputes/demo.${id}`)) as unknown as CaseView;
  const claim = async (orderNo: string, reason: string): Promise<CaseView> => {
    await market.claim(orderNo, { reason });
    await house.settle();
    return caseOf(`${orderNo}.1`);
  };
  const merchantPays = (verification: string) => ({
    units: [{ status: 'decided', verification }],
    verdicts: [{ units: [{ liable: 'MERCHANT', remedy: 'FULL_REFUND' }] }],
  });
  const nobodyPays = (verification: string) => ({
    units: [{ status: 'decided', verification }],
    verdicts: [{ units: [{ liable: 'NONE', remedy: 'NONE' }] }],
  });

  it('a card that was activated a millisecond before its buyer saw it is refunded, and the snapshot says who said so', async () => {
    const { revealedAt, reference } = await sellKey('V1');
    simulator.record('card-activation', reference, [{ state: 'ACTIVATED', activatedAt: plusMs(revealedAt, -1) }]);
    expect(await claim('V1', 'key-used')).toMatchObject(merchantPays('ACTIVATED_BEFORE_SALE'));
    const [recorded] = (await house.events()).filter(({ type }) => type === 'VerificationRecorded');
    expect(recorded?.data).toMatchObject({
      results: [
        {
          outcome: 'ACTIVATED_BEFORE_SALE',
          source: `card-activation:127.0.0.1:${simulator.port}`,
          queriedAt: await house.now(),
          resultHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        },
      ],
    });
  });

  it('a card that was activated in the millisecond in which its buyer saw it is used up', async () => {
    const { revealedAt, reference } = await sellKey('V2');
    simulator.record('card-activation', reference, [{ state: 'ACTIVATED', activatedAt: revealedAt }]);
    expect(await claim('V2', 'key-used')).toMatchObject(nobodyPays('ACTIVATED_AFTER_REVEAL'));
  });

  it('a top-up that the carrier did not credit is refunded at once', async () => {
    const { reference } = await sellTopUp('V3');
    simulator.record('carrier-record', reference, [{ state: 'NOT_CREDITED' }]);
    expect(await claim('V3', 'not-credited')).toMatchObject(merchantPays('NOT_CREDITED'));
  });

  it('a top-up that the carrier credited is not', async () => {
    const { reference } = await sellTopUp('V4');
    const credit = { amount: cny(10_000), creditedAt: await house.now(), toOrderedAccount: true };
    simulator.record('carrier-record', reference, [{ state: 'CREDITED', orderedAmount: cny(10_000), credits: [credit] }]);
    expect(await claim('V4', 'not-credited')).toMatchObject(nobodyPays('CREDITED'));
  });

  it('a membership that nobody can redeem is refunded', async () => {
    const { reference } = await sellKey('V5', { productKind: 'membership' });
    simulator.record('membership-entitlement', reference, [{ state: 'NONE', redeemable: false }]);
    expect(await claim('V5', 'key-invalid')).toMatchObject(merchantPays('INVALID'));
  });

  it.each(['contradictory', 'bad-signature'] as const)(
    'an answer that is %s refuses nobody: the merchant is asked',
    async (fault) => {
      const orderNo = `V6-${fault}`;
      const { reference } = await sellKey(orderNo);
      simulator.record('card-activation', reference, [{ state: 'UNUSED' }]);
      simulator.behave({ fault }, { reference });
      expect(await claim(orderNo, 'key-invalid')).toMatchObject({
        units: [{ status: 'awaiting-merchant', verification: 'INCONCLUSIVE' }],
        verdicts: [],
      });
    },
  );

  it('a card that was used and is unused now refuses nobody: its source takes back its word', async () => {
    const promise = { afterSaleHours: 720, deliverWithinHours: 24, reissue: false, sevenDay: false };
    const { revealedAt, reference } = await sellKey('V7', { promise });
    simulator.record('card-activation', reference, [{ state: 'ACTIVATED', activatedAt: revealedAt }]);
    expect(await claim('V7', 'key-used')).toMatchObject(nobodyPays('ACTIVATED_AFTER_REVEAL'));
    // The verdict is final then, and the buyer may claim again.
    await house.settle(plusDays(await house.now(), 8));
    simulator.record('card-activation', reference, [{ state: 'UNUSED' }]);
    await market.claim('V7', { reason: 'key-invalid' });
    await house.settle();
    expect(await caseOf('V7.2')).toMatchObject({ units: [{ verification: 'INCONCLUSIVE' }], verdicts: [] });
  });

  it('an outage of the carrier makes nobody a party to a quarrel: when it is over the case goes on by itself', async () => {
    const { reference } = await sellTopUp('V8');
    simulator.record('carrier-record', reference, [{ state: 'NOT_CREDITED' }]);
    simulator.behave({ fault: 'unavailable' }, { source: 'carrier-record' });
    expect(await claim('V8', 'not-credited')).toMatchObject({
      units: [{ status: 'verifying', verification: null }],
      verdicts: [],
    });
    expect(simulator.asked({ reference })).toBeGreaterThanOrEqual(3);
    simulator.behave({ fault: 'none' }, { source: 'carrier-record' });
    await eventually(
      'the carrier is asked again',
      async () => ((await caseOf('V8.1')).units[0]?.verification === null ? undefined : true),
      outageTimeoutMs,
    );
    await house.settle();
    expect(await caseOf('V8.1')).toMatchObject(merchantPays('NOT_CREDITED'));
  });

  it('a unit whose record cannot be had does not keep the others of its case waiting', async () => {
    await market.buy('V10', keysAt([5_000, 5_000, 5_000], 300));
    await market.deliverKeys('V10', [1, 2, 3]);
    const references = await referencesOf('V10');
    for (const reference of references) simulator.record('card-activation', reference, [{ state: 'INVALID' }]);
    // All attempts of the first two times.
    simulator.behave({ fault: 'unavailable', times: 6 }, { reference: references[0]! });
    await market.claim('V10', { reason: 'key-invalid', units: [1, 2, 3] });
    await eventually(
      'every unit is decided',
      async () => ((await caseOf('V10.1')).units.every(({ status }) => status === 'decided') ? true : undefined),
      outageTimeoutMs,
    );
    expect(await caseOf('V10.1')).toMatchObject({
      units: [{ verification: 'INVALID' }, { verification: 'INVALID' }, { verification: 'INVALID' }],
      verdicts: [{ units: [{ unit: 2 }, { unit: 3 }] }, { units: [{ unit: 1 }] }],
    });
  });

  it('an outage that lasts longer than a day brings a person', async () => {
    const { reference } = await sellTopUp('V9');
    simulator.record('carrier-record', reference, [{ state: 'NOT_CREDITED' }]);
    simulator.behave({ fault: 'reset' }, { source: 'carrier-record' });
    expect(await claim('V9', 'not-credited')).toMatchObject({ units: [{ status: 'verifying' }] });
    const claimedAt = await house.now();
    await house.settle(plusDays(claimedAt, 1));
    expect(await caseOf('V9.1')).toMatchObject({ units: [{ status: 'verifying' }] });
    await house.settle(plusMs(plusDays(claimedAt, 1), 1));
    expect(await caseOf('V9.1')).toMatchObject({ units: [{ status: 'under-review', verification: null }], verdicts: [] });
    simulator.behave({ fault: 'none' }, { source: 'carrier-record' });
  });

  it('the books agree', async () => {
    expect(await market.verify()).toMatchObject({ code: 0, holds: true, violations: [] });
  });
});

describe('the simulator by itself', () => {
  let dataDir: string;
  let running: CliProcess;
  beforeAll(async () => {
    dataDir = await makeDataDir();
    running = runCli('verifier-simulator', '--port', '0', '--keys', join(dataDir, 'keys.json'));
  });
  afterAll(async () => {
    running?.kill('SIGTERM');
    await running?.ended;
    await removeDataDir(dataDir);
  });

  it('says with which variables it is asked, and ends when it is told', async () => {
    const { environment, control } = (await running.ready()) as { environment: Record<string, string>; control: string };
    expect(environment).toMatchObject({ RECOURSE_VERIFIER_KEY_FILE: join(dataDir, 'keys.json') });
    expect(environment['VERIFIER_CARD_URL']).toBe(control.replace('/control', ''));
    expect(await (await fetch(`${control}/questions`)).json()).toEqual({ asked: 0 });
    running.kill('SIGTERM');
    expect(await running.ended).toEqual({ code: 0, signal: null });
  });
});
