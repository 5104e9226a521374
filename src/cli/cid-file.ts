/** `--cidfile`: refuses to reuse a file, writes the container's ID once it exists. */
import { errnoOf } from "../client/api-error.ts";
import type { CliIo } from "./io.ts";

export class CidFile {
  readonly #io: CliIo;
  readonly #path: string;

  /** `path` empty: no file is wanted. Throws when it exists already. */
  constructor(io: CliIo, path: string) {
    this.#io = io;
    this.#path = path;
    if (path === "") return;
    try {
      io.readFile(path);
    } catch (thrown) {
      if (errnoOf(thrown) === "ENOENT") return;
      throw thrown;
    }
    throw new Error(`container ID file found, make sure the other container isn't running or delete ${path}`);
  }

  write(id: string): void {
    if (this.#path !== "") this.#io.createFile(this.#path, id);
  }
}
