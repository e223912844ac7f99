import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { chunkHeaderBytes } from './chunk.js';
import { DamagedFile } from './damage.js';
import { firstPosition, LogFiles } from './log-files.js';
import { EventRecord } from './record.js';

let directory: string;
let log: LogFiles;
const said: string[] = [];
const open = (options: { chunkBytes?: number; durableTo?: number } = {}) =>
  (log = LogFiles.open(directory, { ...options, log: (line) => said.push(line) }));
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'log-files-'));
  said.length = 0;
});
afterEach(async () => {
  log.close();
  await rm(directory, { recursive: true, force: true });
});

/** One commit of appends, each with so many bytes of data per event. */
async function commit(...appends: number[][]): Promise<EventRecord[]> {
  const groupPosition = log.end;
  let position = groupPosition;
  const records = appends.flatMap((sizes) =>
    sizes.map((bytes, index) => {
      const record = EventRecord.encode(
        {
          id: randomBytes(16),
          type: Buffer.from('Tested'),
          isJson: false,
          data: randomBytes(bytes),
          metadata: Buffer.alloc(0),
        },
        { position, groupPosition, createdMs: 1, streamNumber: 0, streamName: Buffer.from('s'), revision: 0 },
      );
      position = record.end;
      if (index === sizes.length - 1) record.endAppend();
      record.seal();
      return record;
    }),
  );
  await log.append(records);
  return records;
}

const positions = (records: readonly EventRecord[]) => records.map((record) => record.position);
function everything(backwards = false): number[] {
  const found: number[] = [];
  let next = backwards ? log.end : 0;
  for (;;) {
    const page = log.page(next, backwards, 7);
    const last = page.at(-1);
    if (!last) return found;
    found.push(...positions(page));
    next = backwards ? last.position : last.position + 1;
  }
}
const chunkFiles = () => readdirSync(directory).toSorted();
const onlyFile = () => join(directory, chunkFiles()[0]!);

describe('the log', () => {
  it('gives back what was appended, in both directions, over any chunks and after any restart', async () => {
    const size = fc.oneof(
      { weight: 9, arbitrary: fc.nat(900) },
      { weight: 1, arbitrary: fc.integer({ min: 3_000, max: 9_000 }) },
    );
    const group = fc.array(fc.array(size, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(group, { maxLength: 8 }), fc.integer({ min: 500, max: 20_000 }), async (groups, chunkBytes) => {
        open({ chunkBytes });
        const written: number[] = [];
        for (const appends of groups) written.push(...positions(await commit(...appends)));
        const check = () => {
          expect(everything()).toEqual(written);
          expect(everything(true)).toEqual(written.toReversed());
          expect(log.lastPosition).toBe(written.at(-1) ?? 0);
          for (const position of written) {
            expect(log.record(position)?.position).toBe(position);
            expect(log.mayHave(position)).toBe(true);
            expect(log.mayHave(position + 1)).toBe(false);
            expect(log.mayHave(position + 16)).toBe(written.includes(position + 16));
          }
          for (let any = 0; any < log.end + 40; any += Math.max(8, Math.floor(log.end / 320) * 8)) {
            const after = written.filter((position) => position >= any);
            expect(positions(log.page(any, false, 1))).toEqual(after.slice(0, 1));
            const before = written.filter((position) => position < any);
            expect(positions(log.page(any, true, 1))).toEqual(before.slice(-1));
          }
          expect(log.records(written, Infinity).map((record) => record?.position)).toEqual(written);
          expect(log.records(written, 1)).toHaveLength(Math.min(1, written.length));
          const backwards = written.toReversed();
          expect(log.records(backwards, Infinity).map((record) => record?.position)).toEqual(backwards);
        };
        check();
        log.close();
        open({ chunkBytes });
        check();
        log.close();
        await rm(directory, { recursive: true });
      }),
      { numRuns: 60 },
    );
    open();
    expect(said).toEqual([]);
  });

  it('begins at a position that is not the start', () => {
    open();
    expect([log.end, log.lastPosition, everything()]).toEqual([firstPosition, 0, []]);
  });

  it('keeps few files open however many there are', async () => {
    open({ chunkBytes: 100 });
    for (let index = 0; index < 200; index++) await commit([10]);
    expect(everything()).toHaveLength(200);
    expect(log.all.filter((chunk) => chunk.isOpen).length).toBeLessThanOrEqual(128);
  });
});

describe('after a crash', () => {
  it('an unfinished write leaves whole appends only, wherever it broke off', async () => {
    open();
    const before = positions(await commit([50], [60, 70]));
    const durable = log.end;
    const unfinished = await commit([10, 20, 30], [40], [200, 300]);
    log.close();
    const bytes = readFileSync(onlyFile());
    for (let cut = 1; cut < bytes.length - chunkHeaderBytes - (durable - firstPosition); cut += 8) {
      writeFileSync(onlyFile(), bytes.subarray(0, bytes.length - cut));
      open();
      const kept = everything();
      expect(kept.slice(0, before.length)).toEqual(before);
      const rest = kept.length - before.length;
      expect([0, 3, 4]).toContain(rest);
      expect(kept).toEqual([...before, ...positions(unfinished)].slice(0, kept.length));
      const end = log.end;
      await commit([5]);
      expect(everything()).toEqual([...kept, end]);
      log.close();
    }
    open();
  });

  it('an unfinished write whose later part reached the disk first is cut as well', async () => {
    open();
    const before = positions(await commit([50]));
    const unfinished = await commit([100], [100]);
    log.close();
    const bytes = readFileSync(onlyFile());
    bytes.fill(
      0,
      chunkHeaderBytes + unfinished[0]!.position - firstPosition,
      chunkHeaderBytes + unfinished[0]!.position - firstPosition + 64,
    );
    writeFileSync(onlyFile(), bytes);
    open();
    expect(everything()).toEqual(before);
    expect(said).toEqual([expect.stringMatching(/^\d+ bytes of unfinished appends were cut off the end of the log$/)]);
    expect(statSync(onlyFile()).size).toBe(chunkHeaderBytes + log.end - firstPosition);
  });

  it('a chunk that was only begun is begun again', async () => {
    open({ chunkBytes: 100 });
    const before = positions([...(await commit([100])), ...(await commit([100]))]);
    log.close();
    truncateSync(join(directory, chunkFiles().at(-1)!), 10);
    open({ chunkBytes: 100 });
    expect(everything()).toEqual(before.slice(0, 1));
    expect(positions(await commit([100]))).toEqual(before.slice(1));
  });
});

describe('damage', () => {
  const damage = (position: number) => {
    const bytes = readFileSync(onlyFile());
    const at = chunkHeaderBytes + position - firstPosition + 120;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(onlyFile(), bytes);
  };

  it('of what had been on disk when something later was written is told, and nothing is cut', async () => {
    open();
    const [first] = await commit([100]);
    await commit([100]);
    log.close();
    damage(first!.position);
    const { size } = statSync(onlyFile());
    expect(() => open()).toThrow(`${onlyFile()} is damaged at byte ${chunkHeaderBytes}`);
    expect(statSync(onlyFile()).size).toBe(size);
  });

  it('of what is known to have been durable is told even at the very end', async () => {
    open();
    const records = await commit([100]);
    const durableTo = log.end;
    log.close();
    damage(records[0]!.position);
    expect(() => open({ durableTo })).toThrow(DamagedFile);
  });

  it('in an older chunk is told when it is read, not served', async () => {
    open({ chunkBytes: 100 });
    const [first] = await commit([100]);
    await commit([100]);
    log.close();
    damage(first!.position);
    open({ chunkBytes: 100 });
    expect(() => log.record(first!.position)).toThrow(`${onlyFile()} is damaged at byte ${chunkHeaderBytes}`);
    expect(() => log.page(0, false, 10)).toThrow(DamagedFile);
    expect(() => log.page(log.lastPosition, true, 10)).toThrow(DamagedFile);
  });

  it.each([
    ['is missing', (file: string) => rm(file)],
    ['is cut off within its header', (file: string) => Promise.resolve(truncateSync(file, 10))],
    ['is too short', (file: string) => Promise.resolve(truncateSync(file, statSync(file).size - 16))],
    ['has another beginning', (file: string) => Promise.resolve(writeFileSync(file, Buffer.alloc(500, 1)))],
  ])('of the log as a whole is told: a chunk in the middle %s', async (_, harm) => {
    open({ chunkBytes: 100 });
    for (let index = 0; index < 3; index++) await commit([100]);
    log.close();
    await harm(join(directory, chunkFiles()[1]!));
    const left = chunkFiles();
    expect(() => open({ chunkBytes: 100 })).toThrow(DamagedFile);
    expect(chunkFiles()).toEqual(left);
    log.close();
  });

  it('a chunk of another version is refused and left as it is', async () => {
    open();
    await commit([10]);
    log.close();
    const bytes = readFileSync(onlyFile());
    bytes.writeUInt32LE(3, 8);
    writeFileSync(onlyFile(), bytes);
    expect(() => open()).toThrow(`${onlyFile()} has format 3; this version reads format 2`);
    expect(readFileSync(onlyFile()).equals(bytes)).toBe(true);
  });
});
