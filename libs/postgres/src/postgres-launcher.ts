import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** How a PostgreSQL program is started here. */
export interface PostgresLauncher {
  /** Program and arguments to put in front. */
  prefix: readonly string[];
  /** Who must own the cluster's files, when that is not the user of this process. */
  owner: { uid: number; gid: number } | null;
}

/** Linux asks PostgreSQL for a fast shutdown when the process that started it dies. */
const endWithParent = ['setpriv', '--pdeathsig', 'INT'];

/**
 * PostgreSQL refuses to run as root, and another user may be unable to enter the folder. In a user namespace of its own it is
 * not root although its files stay root's; where namespaces are forbidden, as in most containers, it runs as another user that
 * keeps one right of root, to pass file permissions.
 * @param clusterOwner uid that owns an existing cluster
 * @throws Error that says what to do, when root has neither way
 */
export async function postgresLauncher(clusterOwner: number | undefined): Promise<PostgresLauncher> {
  for (const launcher of await candidates(clusterOwner)) {
    if (launcher.prefix.length === 0 || (await works(launcher.prefix))) return launcher;
  }
  throw new Error(
    'PostgreSQL does not run as root, and neither "unshare --user" nor "setpriv" (both of util-linux) is available and permitted here. ' +
      'Start this program as an ordinary user, or name an existing PostgreSQL instead of the embedded one.',
  );
}

async function candidates(clusterOwner: number | undefined): Promise<PostgresLauncher[]> {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) {
    const plain = { prefix: [], owner: null };
    return process.platform === 'linux' ? [{ prefix: endWithParent, owner: null }, plain] : [plain];
  }
  if (process.platform !== 'linux') return [];
  const user = await ordinaryUser(clusterOwner);
  if (user === undefined) return [];
  const [uid, gid] = [String(user.uid), String(user.gid)];
  const namespace = ['unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`];
  const otherUser = [
    ...['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'],
    ...['--inh-caps=-all,+dac_override', '--ambient-caps=-all,+dac_override'],
    // Without it access(2), by which PostgreSQL looks for its own programs, would not know of that right.
    '--securebits=+no_setuid_fixup',
    ...endWithParent.slice(1),
  ];
  return [
    // In the namespace only root's files are one's own.
    ...((clusterOwner ?? 0) === 0
      ? [
          { prefix: [...namespace, ...endWithParent], owner: null },
          { prefix: namespace, owner: null },
        ]
      : []),
    { prefix: otherUser, owner: user },
  ];
}

/** initdb wants a user that has a name. */
async function ordinaryUser(preferred: number | undefined): Promise<{ uid: number; gid: number } | undefined> {
  const users = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => Number.isSafeInteger(uid) && Number.isSafeInteger(gid) && uid > 0);
  const found =
    users.find(({ uid }) => uid === preferred) ??
    users.find(({ name }) => name === 'postgres') ??
    users.find(({ name }) => name === 'nobody') ??
    users[0];
  return found === undefined ? undefined : { uid: found.uid, gid: found.gid };
}

function works([program = '', ...args]: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(program, [...args, 'true'], { timeout: 5_000 }, (error) => resolve(error === null));
  });
}
