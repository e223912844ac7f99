import { queueName } from '@recourse/nest';
import { openQueue } from '@recourse/queue';
import { defaultPolicy, exampleFile } from './demo.js';
import { play } from './player.js';
import { durationMs, readScript, type ScriptCase } from './script.js';
import {
  allEnded,
  atRest,
  eventually,
  type Insight,
  makeDataDir,
  movesBetween,
  removeDataDir,
  signalGroup,
  startTestInstallation,
  type TestInstallation,
} from './test-installation.js';

/** One phone top-up that was never credited, or one order that is cancelled before delivery: the day's own lines under other numbers. */
interface Sale {
  readonly orderNo: string;
  /** Of the buyer at the rail; its beginning says what the sandbox does. */
  readonly payee: string;
  readonly template: ScriptCase;
  /** By which of its lines the buyer asks for his money. */
  readonly asksAfterMs: number;
}

describe('an installation that is killed', () => {
  let dataDir: string;
  let house: TestInstallation;
  let day: ScriptCase[];
  let undisturbed: Awaited<ReturnType<typeof traceOf>>;

  const playLines = async (cases: readonly ScriptCase[]) =>
    play(
      {
        client: house.client,
        cases,
        start: await house.now(),
        defaultPolicy: await defaultPolicy(),
        onProgress: () => undefined,
        onEnded: () => Promise.resolve(),
      },
      () => 0,
    );

  beforeAll(async () => {
    dataDir = await makeDataDir();
    [day, house] = await Promise.all([readScript(exampleFile()), startTestInstallation(dataDir)]);
    await playLines(day.slice(0, 1));
    const { versions } = (await house.read('operator:liu', '/policies')) as { versions: { hash: string }[] };
    day = JSON.parse(JSON.stringify(day).replaceAll('$policyHash', versions[0]!.hash)) as ScriptCase[];
    const topUp = { transaction: 'deposit-topupking-2', amount: { asset: 'CNY', minor: '1000000' } };
    await house.client.post('shop', '/sandbox/captures', topUp, 'more-deposit-1');
    await house.client.post(
      'merchant:topupking',
      '/deposits/topupking/top-ups',
      { transaction: topUp.transaction },
      'more-deposit-2',
    );
    const calm = { topUp: topUpSale('CALM1', 'account-of-calm'), cancelled: cancelledSale('CALM2', 'account-of-calm-too') };
    undisturbed = await traceOf([calm.topUp, calm.cancelled], async (sales) => {
      await prepare(sales);
      await askForMoney(sales);
      await house.settle();
    });
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  const saleOf =
    (no: number, known: readonly [string, string, string], asks: string) =>
    (orderNo: string, payee: string): Sale => {
      const [numberThen, buyerThen, referenceThen] = known;
      const told = JSON.stringify(day.find(({ header }) => header.case === no))
        .replaceAll(numberThen, orderNo)
        .replaceAll(`account-of-${buyerThen}`, payee)
        .replaceAll(`"${buyerThen}"`, `"buyer-${orderNo}"`)
        .replaceAll(`buyer:${buyerThen}`, `buyer:buyer-${orderNo}`)
        .replaceAll(referenceThen, `reference-${orderNo}`)
        .replaceAll('"key":"example-', `"key":"${orderNo}-`);
      return { orderNo, payee, template: JSON.parse(told) as ScriptCase, asksAfterMs: durationMs(asks) };
    };
  const topUpSale = saleOf(2, ['P001', 'li', 'carrier-receipt-7701'], '40m');
  const cancelledSale = saleOf(14, ['G007', 'jiang', 'no such reference'], '10m');

  /** Everything up to the moment at which the buyers ask for their money. */
  const prepare = async (sales: readonly Sale[]) => {
    const lastMs = Math.max(...sales.map(({ asksAfterMs }) => asksAfterMs));
    await playLines(
      sales.map(({ template, asksAfterMs }) => ({
        ...template,
        steps: template.steps.filter(({ afterMs }) => afterMs < asksAfterMs),
        endsAfterMs: lastMs,
      })),
    );
  };
  const askForMoney = async (sales: readonly Sale[]) => {
    for (const { template, asksAfterMs } of sales)
      for (const { key, request } of template.steps.filter(({ afterMs }) => afterMs === asksAfterMs)) {
        const { status, body } = await house.client.post(request.as, request.post, request.body, key);
        if (status >= 300) throw new Error(`${request.post}: ${status} ${JSON.stringify(body)}`);
      }
  };

  /** What sales left behind: how the books moved, the events of each sale, and what the rail's own book says of its buyer. */
  const traceOf = async (sales: readonly Sale[], happen: (sales: readonly Sale[]) => Promise<void>) => {
    const before = await house.balances();
    await happen(sales);
    const moved = movesBetween(before, await house.balances());
    const events = await house.events();
    const transfers = await house.transfers();
    return {
      moved,
      sales: sales.map(({ orderNo, payee }) => ({
        events: events
          .filter(({ stream }) => ['order', 'dispute', 'payout'].some((kind) => stream.startsWith(`${kind}-demo.${orderNo}`)))
          .map(({ stream, type }) => `${stream.slice(0, stream.indexOf('-'))} ${type}`)
          .toSorted(),
        railBook: transfers.filter((one) => one.payee === payee).map(({ state, amount }) => [state, Number(amount.minor)]),
      })),
    };
  };
  /** The undisturbed trace, as often as these sales are made of its two. */
  const asUndisturbed = (topUps: number, cancelled: number) => {
    const times = (fen: number) => fen * topUps;
    return {
      moved: Object.fromEntries(Object.entries(undisturbed.moved).map(([name, fen]) => [name, times(fen)])),
      sales: [...Array<unknown>(topUps).fill(undisturbed.sales[0]), ...Array<unknown>(cancelled).fill(undisturbed.sales[1])],
    };
  };
  const transfersOf = async ({ payee }: Sale, { transfers }: Pick<Insight, 'transfers'> = house) =>
    (await transfers()).filter((one) => one.payee === payee);
  const payoutEvents = async ({ orderNo }: Sale, { events }: Pick<Insight, 'events'> = house) =>
    (await events()).filter(({ stream }) => stream.startsWith(`payout-demo.${orderNo}.`)).map(({ type }) => type);
  const submitted = (sale: Sale) =>
    eventually(`the transfer of ${sale.orderNo} is written down`, async () =>
      (await payoutEvents(sale)).includes('TransferSubmitted') ? true : undefined,
    );
  const railHasPaid = (sale: Sale) =>
    eventually(`the rail has paid ${sale.orderNo}`, async () => ((await transfersOf(sale)).length > 0 ? true : undefined));
  /** Without anybody moving the clock, which would ask for open work itself. */
  const isPaid = (sale: Sale) =>
    eventually(`${sale.orderNo} is paid`, async () =>
      (await payoutEvents(sale)).includes('PayoutSucceeded') ? true : undefined,
    );
  const restart = async () => {
    house = await startTestInstallation(dataDir);
  };

  it('tells an undisturbed story first', () => {
    expect(undisturbed).toEqual({
      moved: { 'merchant:topupking:deposit': -9930, 'merchant:topupking:payable': 9930 },
      sales: [
        {
          events: expect.arrayContaining(['payout TransferSubmitted', 'payout PayoutSucceeded']),
          railBook: [['Succeeded', 9980]],
        },
        {
          events: expect.arrayContaining(['payout TransferSubmitted', 'payout PayoutSucceeded']),
          railBook: [['Succeeded', 4800]],
        },
      ],
    });
  });

  it('before the rail was called pays its buyer once, from the same books', async () => {
    const sale = topUpSale('BEFORE1', 'sandbox-slow-before-1');
    const trace = await traceOf([sale], async (sales) => {
      await prepare(sales);
      await askForMoney(sales);
      await submitted(sale);
      await house.cutPower();
      await atRest(dataDir, async (stores) => {
        expect(await payoutEvents(sale, stores)).toEqual(['PayoutRequested', 'TransferSubmitted']);
        expect(await transfersOf(sale, stores)).toEqual([]);
      });
      await restart();
      await isPaid(sale);
      await house.settle();
    });
    expect(trace).toEqual(asUndisturbed(1, 0));
  });

  it('after the rail paid, before its word was written down, pays its buyer once, from the same books', async () => {
    const sale = topUpSale('AFTER1', 'sandbox-slow-after-1');
    const trace = await traceOf([sale], async (sales) => {
      await prepare(sales);
      await askForMoney(sales);
      await railHasPaid(sale);
      signalGroup(house.cli.pid, 'SIGKILL');
      await house.close();
      await allEnded(dataDir, house.cli);
      await atRest(dataDir, async (stores) => {
        expect(await payoutEvents(sale, stores)).toEqual(['PayoutRequested', 'TransferSubmitted']);
        expect(await transfersOf(sale, stores)).toMatchObject([{ state: 'Succeeded', amount: { minor: 9980n } }]);
      });
      await restart();
      await isPaid(sale);
      await house.settle();
    });
    expect(trace).toEqual(asUndisturbed(1, 0));
  });

  it('loses nothing when the queue is emptied in the middle of a run', async () => {
    const taken = topUpSale('QUEUE0', 'sandbox-slow-after-0');
    const topUps = [1, 2, 3].map((no) => topUpSale(`QUEUE${no}`, `account-of-queue-${no}`));
    const cancelled = [4, 5, 6].map((no) => cancelledSale(`QUEUE${no}`, `account-of-queue-${no}`));
    const queue = await openQueue({ url: house.databaseUrl, name: queueName, onError: () => undefined });
    try {
      const trace = await traceOf([taken, ...topUps, ...cancelled], async (sales) => {
        await prepare(sales);
        await askForMoney([taken]);
        await railHasPaid(taken);
        await queue.pause();
        const waiting = [...topUps, ...cancelled];
        await askForMoney(waiting);
        // A question to the verifier for each claim, a payout for each cancelled order, and the one that is being handled.
        await eventually('the wake-ups are there', async () => {
          const handled = (await payoutEvents(taken)).includes('PayoutSucceeded') ? 0 : 1;
          return (await queue.runnable()) >= waiting.length + handled ? true : undefined;
        });
        await queue.empty();
        expect(await queue.runnable()).toBe(0);
        await queue.resume();
        for (const sale of waiting) expect(await transfersOf(sale)).toEqual([]);
        await house.settle();
      });
      expect(trace).toEqual(asUndisturbed(4, 3));
    } finally {
      await queue.close();
    }
  });

  it('gets a killed worker back in the middle of several refunds, and all of them are paid once', async () => {
    const sales = [
      topUpSale('WORKER1', 'sandbox-slow-before-2'),
      topUpSale('WORKER2', 'sandbox-slow-after-2'),
      topUpSale('WORKER3', 'account-of-worker-3'),
      topUpSale('WORKER4', 'sandbox-slow-before-4'),
      topUpSale('WORKER5', 'sandbox-slow-after-5'),
    ];
    const trace = await traceOf(sales, async () => {
      await prepare(sales);
      await askForMoney(sales);
      await submitted(sales[0]!);
      process.kill(house.pids.worker, 'SIGKILL');
      expect(await transfersOf(sales[0]!)).toEqual([]);
      await eventually('the worker is missed', () =>
        /worker ended with signal SIGKILL/.test(house.cli.output()) ? true : undefined,
      );
      await house.settle();
    });
    expect(trace).toEqual(asUndisturbed(5, 0));
  });
});
