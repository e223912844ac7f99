import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEventStoreNode } from '../src/index.js';

/** The server the suite asks: the one EVENTSTORE_URL names (esdb://HOST:PORT?tls=false), else a node of its own. */
export interface Target {
  endpoint: string;
  connectionString: string;
  release(): Promise<void>;
}

export async function target(): Promise<Target> {
  const given = process.env['EVENTSTORE_URL'];
  if (given !== undefined && given !== '') {
    return { endpoint: new URL(given).host, connectionString: given, release: () => Promise.resolve() };
  }
  const directory = await temporaryDirectory();
  const log: string[] = [];
  const node = await startEventStoreNode({ directory, log: (line) => log.push(line) });
  return {
    endpoint: `127.0.0.1:${node.port}`,
    connectionString: node.connectionString,
    release: async () => {
      await node.stop();
      await rm(directory, { recursive: true, force: true });
      // An error the node did not expect fails the suite even where a client saw nothing of it.
      if (log.length > 0) throw new Error(`the node logged:\n${log.join('\n')}`);
    },
  };
}

export function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'embedded-eventstore-'));
}
