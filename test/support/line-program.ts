/** A program that goes on and prints a line of JSON for whatever it comes to; ended with `using`. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { until } from "./until.ts";

export class LineProgram implements AsyncDisposable {
  readonly #file: string;
  readonly #child: Bun.Subprocess;

  /** Its lines are kept in `file`. It ends with this process, however that ends. */
  constructor(file: string, command: readonly string[]) {
    this.#file = file;
    const lines = openSync(file, "w");
    const errors = openSync(`${file}.errors`, "w");
    this.#child = Bun.spawn(["setpriv", "--pdeathsig", "KILL", ...command], {
      stdin: "ignore",
      stdout: lines,
      stderr: errors,
    });
    closeSync(lines);
    closeSync(errors);
  }

  #last(): unknown {
    const whole = readFileSync(this.#file, "utf8").split("\n").slice(0, -1).at(-1);
    return whole === undefined ? undefined : JSON.parse(whole);
  }

  /** Waits until the last that it has come to is `wanted`. */
  async comesTo(what: string, wanted: unknown): Promise<void> {
    await until(what, () => Bun.deepEquals(this.#last(), wanted)).catch((thrown: unknown) => {
      const said = readFileSync(`${this.#file}.errors`, "utf8");
      throw new Error(`${String(thrown)}: ${JSON.stringify(this.#last())}; ${said}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}
