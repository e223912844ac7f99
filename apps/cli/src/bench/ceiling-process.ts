import { parseArgs } from 'node:util';

/** The start and the end that both ceilings have as processes: one JSON line when ready, gone with their parent or on a signal. */
export async function runCeiling(start: (stock: number) => Promise<number>): Promise<void> {
  process
    .once('disconnect', () => process.exit(0))
    .once('SIGTERM', () => process.exit(0))
    // An interrupt of the whole process group is the parent's to handle.
    .on('SIGINT', () => undefined);
  const { values } = parseArgs({ options: { events: { type: 'string', default: '20000' } } });
  const port = await start(Number(values.events));
  process.stdout.write(`${JSON.stringify({ port, connectionString: `esdb://127.0.0.1:${port}?tls=false` })}\n`);
}
