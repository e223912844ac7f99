import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFilled, noteFilled, toLarge } from './large-store.js';

describe('a directory for the large store', () => {
  const size = { events: 1_000, streams: 100 };
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'large-store-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is filled when it is new or empty', async () => {
    expect(await isFilled(directory, size)).toBe(false);
    expect(await isFilled(join(directory, 'new'), size)).toBe(false);
  });

  it('is used again when a store of the same size is in it', async () => {
    await noteFilled(directory, size);
    expect(await isFilled(directory, size)).toBe(true);
    await expect(isFilled(directory, { ...size, events: 2_000 })).rejects.toThrow('"events":1000');
  });

  it('is left alone when something else is in it', async () => {
    await writeFile(join(directory, 'letter.txt'), '');
    await expect(isFilled(directory, size)).rejects.toThrow('no complete store');
  });
});

it('appends go to streams that the store has', () => {
  const next = toLarge({ events: 10, streams: 3 });
  const streams = new Set(Array.from({ length: 200 }, () => next().stream));
  expect([...streams].sort()).toEqual(['large-0', 'large-1', 'large-2']);
});
