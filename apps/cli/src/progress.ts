/** One moving line in a terminal; elsewhere a line per tenth, so that a log stays short. */
export class Progress {
  #tenth = -1;

  constructor(
    private readonly label: string,
    private readonly out: NodeJS.WriteStream = process.stderr,
  ) {}

  show(done: number, of: number, detail = ''): void {
    const text = `${this.label} ${done}/${of} ${detail}`;
    if (this.out.isTTY) {
      this.out.write(`\r\x1b[K${text}`);
      return;
    }
    const tenth = of === 0 ? 10 : Math.floor((done * 10) / of);
    if (tenth !== this.#tenth) this.out.write(`${text}\n`);
    this.#tenth = tenth;
  }

  /** Ends or clears the moving line, so that other output starts on its own. */
  clear(): void {
    if (this.out.isTTY) this.out.write('\r\x1b[K');
  }
}
