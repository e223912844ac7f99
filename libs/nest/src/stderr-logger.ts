import { ConsoleLogger } from '@nestjs/common';

/** One JSON line per entry on stderr: stdout is for what a process tells whoever started it. */
export class StderrLogger extends ConsoleLogger {
  constructor() {
    super({ json: true, colors: false, logLevels: ['log', 'warn', 'error', 'fatal'] });
  }

  protected override printMessages(
    ...[messages, context, level, , stack, params]: Parameters<ConsoleLogger['printMessages']>
  ): void {
    super.printMessages(messages, context, level, 'stderr', stack, params);
  }
}
