import { join } from 'node:path';
import { HttpProblem, type HttpAnswer, type HttpRequest, type HttpRoute } from '../transport/http-endpoints.js';
import type { Maintenance } from './maintenance.js';

/** One folder's name: no path of the caller's making reaches the file system. */
const backupName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/**
 * Long work on the files, begun by POST and watched by GET /admin/maintenance: both answer at once. Backups go into folders
 * below `backupDirectory`; without one there are none.
 */
export function maintenanceRoutes(maintenance: Maintenance, backupDirectory: string | undefined): HttpRoute[] {
  const begun = (kind: 'compaction' | 'backup', work: () => Promise<unknown>): HttpAnswer => {
    if (maintenance.status.running) throw busy(`a ${maintenance.status.running.kind} is running`);
    // How it ends is told by the status, and by the log if it fails.
    work().catch(() => undefined);
    return { status: 202, json: { begun: kind } };
  };
  const backUp = ({ json }: HttpRequest): HttpAnswer => {
    if (backupDirectory === undefined)
      throw new HttpProblem(409, 'Conflict', 'the node was started without a directory for backups');
    const name = (json as { name?: unknown } | undefined)?.name;
    if (typeof name !== 'string' || !backupName.test(name))
      throw new HttpProblem(400, 'Bad Request', 'the body must be {"name": …}: 1 to 100 letters, digits, ".", "_" and "-"');
    return begun('backup', () => maintenance.backUp(join(backupDirectory, name)));
  };
  const stop = async (): Promise<HttpAnswer> => {
    if (!(await maintenance.stop('compaction'))) throw new HttpProblem(404, 'Not Found', 'no compaction is running');
    return { status: 200, json: maintenance.status };
  };
  return [
    { method: 'GET', path: '/admin/maintenance', answer: () => ({ status: 200, json: maintenance.status }) },
    { method: 'POST', path: '/admin/compaction', answer: () => begun('compaction', () => maintenance.compact()) },
    { method: 'DELETE', path: '/admin/compaction', answer: stop },
    { method: 'POST', path: '/admin/backups', answer: backUp },
  ];
}

function busy(reason: string): HttpProblem {
  return new HttpProblem(409, 'Conflict', reason);
}
