import { parentPort, workerData } from 'node:worker_threads';
import { indexLog } from './indexing.js';
import { StreamIndex, type RemovedEvents } from './stream-index.js';

/** The thread that writes the index, so that neither its work nor its syncs hold up the node's. */
export type IndexTask = { kind: 'index'; to: number } | { kind: 'remove'; streams: readonly RemovedEvents[] } | { kind: 'stop' };
/** Tasks are done in order; the last answer to each is `done` or `failed`. */
export type IndexAnswer = { kind: 'progress'; indexed: number } | { kind: 'done' } | { kind: 'failed'; message: string };

export interface IndexWorkerData {
  indexDirectory: string;
  logDirectory: string;
}

const port = parentPort;
if (!port) throw new Error('this is a worker thread');
const { indexDirectory, logDirectory } = workerData as IndexWorkerData;
const index = await StreamIndex.open(indexDirectory);
const answer = (value: IndexAnswer) => port.postMessage(value);

port.on('message', (task: IndexTask) => {
  try {
    perform(task);
    answer({ kind: 'done' });
  } catch (error) {
    answer({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
  if (task.kind === 'stop') void index.close().then(() => port.close());
});

function perform(task: IndexTask): void {
  index.refresh();
  switch (task.kind) {
    case 'index':
      return indexLog(logDirectory, index, task.to, (indexed) => answer({ kind: 'progress', indexed }));
    case 'remove':
      return index.remove(task.streams);
    case 'stop':
  }
}
