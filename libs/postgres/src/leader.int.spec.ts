import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { connect, createDatabase, dropDatabase, type Database } from './database.js';
import { lead, type Leadership } from './leader.js';

const adminUrl = process.env['TEST_POSTGRES_URL']!;
const name = `leader_${randomUUID()}`;
let url: string;
let observer: Database;
const campaigns: Leadership[] = [];

beforeAll(async () => {
  url = await createDatabase(adminUrl, name);
  observer = connect(url);
});

afterEach(async () => {
  await Promise.all(campaigns.splice(0).map((campaign) => campaign.release()));
});

afterAll(async () => {
  await observer.close();
  await dropDatabase(adminUrl, name);
});

class Candidate {
  readonly history: string[] = [];
  readonly campaign: Leadership;
  private waiting: (() => void)[] = [];

  constructor(lockName: string, address = url) {
    this.campaign = lead(address, lockName, {
      retryMs: 20,
      heartbeatMs: 1_000,
      onGained: () => this.note('gained'),
      onLost: () => this.note('lost'),
      onError: () => this.note('failed'),
    });
    campaigns.push(this.campaign);
  }

  async has(event: string): Promise<void> {
    while (!this.history.includes(event)) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private note(event: string): void {
    this.history.push(event);
    for (const wake of this.waiting.splice(0)) wake();
  }
}

const holders = async () => {
  const { rows } = await sql<{ pid: number }>`
    select l.pid from pg_locks l join pg_database d on d.oid = l.database
    where l.locktype = 'advisory' and l.granted and d.datname = ${name}`.execute(observer.db);
  return rows.map((row) => row.pid);
};

describe('lead', () => {
  it('hands over to the standby when the leader lets go', async () => {
    const first = new Candidate('handover');
    await first.has('gained');
    const standby = new Candidate('handover');
    await first.campaign.release();
    await standby.has('gained');
    expect(first.history).toEqual(['gained']);
    expect(await holders()).toHaveLength(1);
  });

  it('tells the leader at once that its connection is gone, and the standby takes over', async () => {
    const first = new Candidate('killed');
    await first.has('gained');
    const [pid] = await holders();
    const standby = new Candidate('killed');
    await sql`select pg_terminate_backend(${pid})`.execute(observer.db);
    await first.has('lost');
    await first.campaign.release();
    await standby.has('gained');
    expect(first.history).toEqual(['gained', 'lost']);
    expect(await holders()).toHaveLength(1);
  });

  it('keeps different names apart', async () => {
    const [payouts, sweeps] = [new Candidate('payouts'), new Candidate('sweeps')];
    await Promise.all([payouts.has('gained'), sweeps.has('gained')]);
    expect(await holders()).toHaveLength(2);
  });

  it('keeps trying while the server is out of reach, and can be released meanwhile', async () => {
    const lonely = new Candidate('lonely', 'postgres://postgres@127.0.0.1:1/postgres');
    await lonely.has('failed');
    await lonely.campaign.release();
    expect(lonely.history).not.toContain('gained');
  });
});
