import type { Storage } from '../storage/storage.js';
import { backUp, type BackupManifest } from './backup.js';
import { compact, type CompactionProgress, type CompactionReport } from './compaction.js';

export type MaintenanceKind = 'compaction' | 'backup';

export interface MaintenanceStatus {
  /** What runs now. */
  running: { kind: MaintenanceKind; startedAt: string; progress: unknown } | undefined;
  /** How the last one ended. */
  last: { kind: MaintenanceKind; endedAt: string; outcome: 'done' | 'stopped' | 'failed'; result: unknown } | undefined;
}

export class MaintenanceBusy extends Error {
  override name = 'MaintenanceBusy';
}

/** Long work on the files beside live traffic, one at a time: a backup copies files that a compaction would replace. */
export class Maintenance {
  private running: { kind: MaintenanceKind; startedAt: string; progress: unknown; stop: AbortController } | undefined;
  private last: MaintenanceStatus['last'];
  private ended: Promise<unknown> = Promise.resolve();
  private isClosed = false;

  constructor(
    private readonly storage: Storage,
    private readonly log: (line: string) => void,
  ) {}

  get status(): MaintenanceStatus {
    const { running, last } = this;
    return { running: running && { kind: running.kind, startedAt: running.startedAt, progress: running.progress }, last };
  }

  /** Rejects with MaintenanceBusy while something runs. */
  compact(): Promise<CompactionReport> {
    return this.run('compaction', async (signal, progress: (value: CompactionProgress) => void) => {
      const report = await compact(this.storage, signal, progress);
      return { result: report, isStopped: !report.isComplete };
    });
  }

  /** The directory must be new or empty. Rejects with MaintenanceBusy while something runs. */
  backUp(directory: string): Promise<BackupManifest> {
    return this.run('backup', async (signal, progress) => {
      const manifest = await backUp(this.storage, directory, signal, (filesDone, files) => progress({ filesDone, files }));
      return { result: manifest, isStopped: false };
    });
  }

  /** Ends what runs; what it did until then stays. False if it is nothing of this kind. */
  async stop(kind: MaintenanceKind): Promise<boolean> {
    if (this.running?.kind !== kind) return false;
    this.running.stop.abort();
    await this.ended;
    return true;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.running?.stop.abort();
    await this.ended;
  }

  private async run<T, P>(
    kind: MaintenanceKind,
    perform: (signal: AbortSignal, progress: (value: P) => void) => Promise<{ result: T; isStopped: boolean }>,
  ): Promise<T> {
    if (this.isClosed) throw new MaintenanceBusy('the node is stopping');
    if (this.running) throw new MaintenanceBusy(`a ${this.running.kind} is running since ${this.running.startedAt}`);
    const stop = new AbortController();
    const running = (this.running = { kind, startedAt: new Date().toISOString(), progress: undefined as unknown, stop });
    const work = perform(stop.signal, (value) => (running.progress = value));
    this.ended = work.catch(() => undefined);
    try {
      const { result, isStopped } = await work;
      this.end(isStopped ? 'stopped' : 'done', result);
      return result;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (!stop.signal.aborted) this.log(`the ${kind} failed: ${message}`);
      this.end(stop.signal.aborted ? 'stopped' : 'failed', message);
      throw error;
    }
  }

  private end(outcome: 'done' | 'stopped' | 'failed', result: unknown): void {
    const kind = this.running?.kind ?? 'compaction';
    this.last = { kind, endedAt: new Date().toISOString(), outcome, result };
    this.running = undefined;
  }
}
