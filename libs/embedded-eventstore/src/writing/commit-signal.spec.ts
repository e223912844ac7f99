import { randomBytes } from 'node:crypto';
import { pageEvents } from '../limits.js';
import { EventRecord } from '../storage/record.js';
import { CommitSignal, type FreshEvents } from './commit-signal.js';

let last = 0;
const stored = (count = 1, dataBytes = 0) =>
  Array.from({ length: count }, () =>
    EventRecord.encode(
      { id: randomBytes(16), type: Buffer.from('T'), isJson: true, data: Buffer.alloc(dataBytes), metadata: Buffer.alloc(0) },
      { groupPosition: 16, position: (last += 16), createdMs: 0, streamNumber: 1, streamName: Buffer.from('s'), revision: 0 },
    ),
  );

describe('a commit', () => {
  it('wakes those who wait for any stream or for one it touched, once', () => {
    const signal = new CommitSignal();
    const woken: string[] = [];
    signal.wait(undefined, () => woken.push('any'));
    signal.wait('a', () => woken.push('a'));
    signal.wait('b', () => woken.push('b'));
    const leave = signal.wait('a', () => woken.push('left'));
    leave();
    signal.committed(['a', 'c']);
    signal.committed(['a']);
    expect(woken).toEqual(['any', 'a']);
    signal.committed(['b']);
    expect(woken).toEqual(['any', 'a', 'b']);
  });

  it('brings its events along, with the position they follow on', () => {
    const signal = new CommitSignal();
    const before = stored(2);
    const brought: (FreshEvents | undefined)[] = [];
    const wait = () => signal.wait(undefined, (fresh) => brought.push(fresh));
    wait();
    signal.committed(['s'], before);
    wait();
    const records = stored(2);
    signal.committed(['s'], records);
    // What came before the first commit is unknown, so nobody can tell whether its events follow on.
    expect(brought).toEqual([undefined, { after: before[1]?.position, records }]);
  });

  it('brings no events along if they are more than a page, in number or bytes, but is known to have come', () => {
    const signal = new CommitSignal();
    signal.committed(['s'], stored());
    for (const records of [stored(pageEvents + 1), stored(2, 600_000)]) {
      let brought: FreshEvents | undefined;
      signal.wait(undefined, (fresh) => (brought = fresh));
      signal.committed(['s'], records);
      expect(brought).toBeUndefined();
      expect(signal.hasNothingAfter(records.at(-1)?.position ?? 0)).toBe(true);
      expect(signal.hasNothingAfter((records.at(-1)?.position ?? 0) - 1)).toBe(false);
    }
  });

  it('says nothing about the end of the log before the first one', () => {
    expect(new CommitSignal().hasNothingAfter(Number.MAX_SAFE_INTEGER)).toBe(false);
  });
});
