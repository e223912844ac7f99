import { randomUUID } from 'node:crypto';
import { createDatabase, dropDatabase } from '@recourse/postgres';
import { openQueue } from '../src/index.js';
import { describeWakeUps } from './wake-ups.js';

const adminUrl = process.env['TEST_POSTGRES_URL']!;
const name = `queue_${randomUUID()}`;
let url: string;

beforeAll(async () => {
  url = await createDatabase(adminUrl, name);
});

afterAll(() => dropDatabase(adminUrl, name));

describeWakeUps('PostgreSQL', () => url);

describe('openQueue', () => {
  const onError = () => undefined;

  it('names the addresses it understands, without repeating a password', async () => {
    const attempt = openQueue({ url: 'mysql://user:secret@127.0.0.1/db', name: 'q', onError });
    await expect(attempt).rejects.toThrow('The address of the queue must begin with postgres://, redis:// or rediss://.');
  });

  it('fails when nobody answers', async () => {
    await expect(openQueue({ url: 'postgres://user:secret@127.0.0.1:1/db', name: 'q', onError })).rejects.toThrow('ECONNREFUSED');
    await expect(openQueue({ url: 'redis://127.0.0.1:1', name: 'q', onError })).rejects.toThrow('ECONNREFUSED');
  });
});
