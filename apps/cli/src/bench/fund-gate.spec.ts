import type { Batch } from '@recourse/eventstore';
import { Gate } from './fund-gate.js';

const batchOf = (...positions: number[]): Batch => ({
  events: positions.map((position) => ({ position: BigInt(position) })) as unknown as Batch['events'],
  upTo: BigInt(positions.at(-1) ?? 0) + 5n,
});
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the gate before the processor', () => {
  let gate: Gate;
  let through: { positions: bigint[]; upTo: bigint }[];
  let handle: (batch: Batch) => Promise<void>;
  beforeEach(() => {
    gate = new Gate();
    through = [];
    handle = gate.before(({ events, upTo }) => {
      through.push({ positions: events.map(({ position }) => position), upTo });
      return Promise.resolve();
    });
  });

  it('lets no more inputs through than were released, and those at once', async () => {
    const handling = handle(batchOf(10, 20, 30));
    await settled();
    expect(through).toEqual([]);
    gate.release(1);
    gate.release(1);
    await settled();
    expect(through).toEqual([{ positions: [10n, 20n], upTo: 20n }]);
    gate.release(1);
    await handling;
    expect(through.at(-1)).toEqual({ positions: [30n], upTo: 35n });
  });

  it('keeps what was released for the inputs that come later', async () => {
    gate.release(3);
    await handle(batchOf(10, 20));
    void handle(batchOf(30, 40));
    await settled();
    expect(through.flatMap(({ positions }) => positions)).toEqual([10n, 20n, 30n]);
  });

  it('passes on that nothing was wanted, without a release', async () => {
    await handle(batchOf());
    expect(through).toEqual([{ positions: [], upTo: 5n }]);
  });

  it('fails whoever waits at it when the run ends', async () => {
    const handling = handle(batchOf(10));
    gate.end(new Error('the run is over'));
    await expect(handling).rejects.toThrow('the run is over');
    expect(through).toEqual([]);
  });
});
