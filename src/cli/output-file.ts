/** `--output FILE` of commands that send bytes: a whole file or none, and never a terminal. */
import { errnoOf } from "../client/api-error.ts";
import type { CliContext } from "./context.ts";
import type { CliIo } from "./io.ts";

/**
 * Where the bytes of `what` go: the file at `path`, or standard output without one. Refuses before anything is asked of the
 * engine, so that a wrong path costs nothing.
 */
export function outputOf({ io }: CliContext, path: string, what: string): Output {
  if (path !== "") {
    refusePath(io, path, what);
    return new FileOutput(io, path);
  }
  if (io.isTerminal(1)) {
    throw new Error("cowardly refusing to save to a terminal. Use the -o flag or redirect");
  }
  return { write: (bytes) => io.write(1, bytes), finish() {}, [Symbol.dispose]() {} };
}

export interface Output extends Disposable {
  write(bytes: Uint8Array): void;
  /** All has been written. Without it nothing is left. */
  finish(): void;
}

function refusePath(io: CliIo, path: string, what: string): void {
  const slash = path.replace(/\/+$/, "").lastIndexOf("/");
  const directory = slash === -1 ? "." : path.slice(0, slash) || "/";
  if (io.pathKind(directory) === "missing") {
    throw new Error(`failed to ${what}: invalid output path: stat ${directory}: no such file or directory`);
  }
  const kind = io.pathKind(path);
  if (kind === "missing" || kind === "file") return;
  const found = {
    directory: "a directory",
    device: "a character device file",
    irregular: "an irregular file",
  };
  throw new Error(`failed to ${what}: cannot write to ${found[kind]}`);
}

/** Beside its place until it is whole: an earlier file of that name stays as long. */
class FileOutput implements Output {
  readonly #path: string;
  readonly #file: ReturnType<CliIo["beginFile"]>;

  constructor(io: CliIo, path: string) {
    this.#path = path;
    this.#file = this.#telling(() => io.beginFile(path));
  }

  write(bytes: Uint8Array): void {
    this.#telling(() => this.#file.write(bytes));
  }

  finish(): void {
    this.#telling(() => this.#file.finish());
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #telling<T>(work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      const code = errnoOf(thrown);
      if (code === undefined) throw thrown;
      throw new Error(`cannot write ${this.#path}: ${code}`, { cause: thrown });
    }
  }
}
