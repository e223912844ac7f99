import { parseArgs } from 'node:util';
import { startEventStoreNode } from './node.js';

/** The node as a process: prints one JSON line when it is ready and ends with its parent or on a signal. */
const { values } = parseArgs({
  options: {
    dir: { type: 'string' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    'allow-remote': { type: 'boolean', default: false },
  },
});
const hasParent = process.connected;
const say = (line: string) => process.stderr.write(`${line}\n`);

try {
  if (values.dir === undefined) throw new Error('usage: main.js --dir DIRECTORY [--port PORT] [--host HOST] [--allow-remote]');
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port} is no port`);
  const node = await startEventStoreNode({
    directory: values.dir,
    host: values.host,
    port,
    allowRemote: values['allow-remote'],
    log: say,
  });
  const stop = () => {
    node.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        say(String(error));
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop).once('SIGINT', stop).once('disconnect', stop);
  // The parent may be gone before anybody listened.
  if (hasParent && !process.connected) stop();
  process.stdout.write(`${JSON.stringify({ port: node.port, connectionString: node.connectionString })}\n`);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
