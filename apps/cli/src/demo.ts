import { readFile } from 'node:fs/promises';
import { connect, totalsOf, type Database } from '@recourse/postgres';
import { Client } from './client.js';
import { demoPlatform, demoStart } from './demo-day.js';
import type { Installation } from './installation.js';
import { play } from './player.js';
import { Progress } from './progress.js';
import { durationMs, readScript } from './script.js';
import { storyOf } from './story.js';
import { bookTables, trialBalance } from './tables.js';
import { printReport } from './verify.js';
import { verifyStores } from './verify-installation.js';

const rootFile = (path: string): URL => new URL(`../../../${path}`, import.meta.url);
export const defaultPolicy = async (): Promise<unknown> =>
  JSON.parse(await readFile(rootFile('libs/disputes/policies/default-policy.json'), 'utf8')) as unknown;
export const exampleFile = (): string => rootFile('examples/marketplace-day.ndjson').pathname;

/** Plays the example day, tells each case as it ends, prints the books, verifies them. The last line is the totals. @returns the exit code */
export async function runDemo(installation: Installation, say: (line: string) => void): Promise<number> {
  const client = new Client(installation, demoPlatform);
  const database: Database = connect(installation.databaseUrl, { applicationName: 'recourse-demo', maxConnections: 4 });
  try {
    const cases = await readScript(decodeURIComponent(exampleFile()));
    const progress = new Progress('playing the day');
    await play(
      {
        client,
        cases,
        start: demoStart,
        defaultPolicy: await defaultPolicy(),
        onProgress: (done, of, at) => progress.show(done, of, at),
        onEnded: async (one) => {
          progress.clear();
          if (one.header.case === 0) return;
          for (const line of await storyOf(database, demoPlatform, one)) say(line);
          say('');
        },
      },
      (one) => durationMs(one.header.begins),
    );
    progress.clear();
    for (const line of await bookTables(database, demoPlatform)) say(line);
    say('');
    const report = await verifyStores(installation);
    const violations = Object.values(report.counts).reduce((sum, count) => sum + count, 0);
    if (!report.holds) printReport(report, 'table', (text) => say(text.trimEnd()));
    const totals = await totalsOf(database.db, demoPlatform);
    say(
      JSON.stringify({
        orders: Number(totals.orders),
        disputes: Number(totals.disputes),
        refundsPaid: Number(totals.refundsPaid),
        refundedMinor: totals.refundedMinor.toString(),
        refused: Number(totals.refused),
        recoveredMinor: totals.recoveredMinor.toString(),
        outstandingMinor: totals.outstandingMinor.toString(),
        trialBalance: (await trialBalance(database, demoPlatform)).toString(),
        violations,
      }),
    );
    return report.holds ? 0 : 1;
  } finally {
    await database.close();
  }
}
