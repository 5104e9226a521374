/**
 * A person at a terminal: starts a command on a new pseudo terminal, types, resizes, waits for what appears. Waits
 * are for text, never for time.
 */

export interface TerminalOptions {
  readonly rows?: number;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const waitLimitMs = 60_000;

export class TerminalSession {
  #text = "";
  #searchedTo = 0;
  #changed = Promise.withResolvers<void>();
  readonly #process: Bun.Subprocess;

  constructor(command: readonly string[], options: TerminalOptions = {}) {
    const decoder = new TextDecoder();
    this.#process = Bun.spawn([...command], {
      env: { ...process.env, TERM: "xterm", ...options.env },
      terminal: {
        rows: options.rows ?? 24,
        cols: options.columns ?? 80,
        data: (_terminal, data) => {
          this.#text += decoder.decode(data, { stream: true });
          this.#wake();
        },
      },
    });
    this.#process.exited.then(
      () => this.#wake(),
      () => this.#wake(),
    );
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** All output so far. */
  get text(): string {
    return this.#text;
  }

  /** Types exactly this; `\r` is Enter, `\x03` is Ctrl-C. */
  type(keys: string): void {
    this.#process.terminal?.write(keys);
  }

  /** Types `keys` again and again until `pattern` appears: what is typed while a program takes the terminal over may be lost. */
  async typeUntil(keys: string, pattern: RegExp | string): Promise<string> {
    const again = setInterval(() => this.type(keys), 500);
    try {
      this.type(keys);
      return await this.see(pattern);
    } finally {
      clearInterval(again);
    }
  }

  /** Changes the window; the foreground program gets SIGWINCH. */
  resize(rows: number, columns: number): void {
    this.#process.terminal?.resize(columns, rows);
  }

  /** Resolves with the match once `pattern` appears after what earlier calls have matched. */
  async see(pattern: RegExp | string): Promise<string> {
    const deadline = performance.now() + waitLimitMs;
    for (;;) {
      const found = this.#find(pattern);
      if (found !== undefined) return found;
      const remaining = deadline - performance.now();
      if (this.#process.exitCode !== null || remaining <= 0) {
        // The last bytes may come after the exit.
        await Bun.sleep(50);
        const late = this.#find(pattern);
        if (late !== undefined) return late;
        const why =
          remaining <= 0 ? "did not appear" : `did not appear before exit ${this.#process.exitCode}`;
        throw new Error(`${String(pattern)} ${why}; the terminal shows:\n${this.#text}`);
      }
      await Promise.race([this.#changed.promise, Bun.sleep(Math.min(remaining, 100))]);
    }
  }

  /** The exit code of the command. */
  async exited(): Promise<number> {
    return await this.#process.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    this.#process.terminal?.close();
  }

  #find(pattern: RegExp | string): string | undefined {
    const rest = this.#text.slice(this.#searchedTo);
    const match = typeof pattern === "string" ? rest.indexOf(pattern) : rest.search(pattern);
    if (match < 0) return undefined;
    const text = typeof pattern === "string" ? pattern : (pattern.exec(rest)?.[0] ?? "");
    this.#searchedTo += match + text.length;
    return text;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
