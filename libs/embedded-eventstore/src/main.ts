import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { startEventStoreNode } from './node.js';

/** The node as a process: prints one JSON line when it is ready and ends with its parent or on a signal. */
// A heap as small as the node's may grow by no more than one young generation until it is collected anew, and V8 begins that as
// soon as so much is all that is left: under load it would collect without end.
setFlagsFromString('--heap-growing-percent=300');
const { values } = parseArgs({
  options: {
    dir: { type: 'string' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    'allow-remote': { type: 'boolean', default: false },
    'backup-dir': { type: 'string' },
  },
});
const hasParent = process.connected;
const say = (line: string) => process.stderr.write(`${line}\n`);

try {
  if (values.dir === undefined)
    throw new Error('usage: main.js --dir DIRECTORY [--port PORT] [--host HOST] [--allow-remote] [--backup-dir DIRECTORY]');
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port} is no port`);
  const node = await startEventStoreNode({
    directory: values.dir,
    host: values.host,
    port,
    allowRemote: values['allow-remote'],
    ...(values['backup-dir'] !== undefined && { backupDirectory: values['backup-dir'] }),
    log: say,
  });
  let exitCode = 0;
  const stop = () => {
    node.stop().then(
      () => process.exit(exitCode),
      (error: unknown) => {
        say(String(error));
        process.exit(1);
      },
    );
  };
  // A node that cannot write is of no use to those who depend on it: whoever watches the process may start another.
  void node.failed.then(() => {
    exitCode = 1;
    stop();
  });
  process.once('SIGTERM', stop).once('SIGINT', stop).once('disconnect', stop);
  // The parent may be gone before anybody listened.
  if (hasParent && !process.connected) stop();
  process.stdout.write(`${JSON.stringify({ port: node.port, connectionString: node.connectionString })}\n`);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
