/**
 * `--cidfile`: refuses to reuse a file, makes it before the container so that no container is left by a path that cannot be
 * written, and takes it away again when there is no container.
 */

import { errnoOf } from "../client/api-error.ts";
import { unreadable } from "./container-config/environment.ts";
import type { CliIo } from "./io.ts";

export class CidFile {
  readonly #io: CliIo;
  readonly #path: string;
  #isPending = false;

  /** `path` empty: no file is wanted. Throws when it exists already or cannot be made. */
  constructor(io: CliIo, path: string) {
    this.#io = io;
    this.#path = path;
    if (path === "") return;
    try {
      io.createFile(path);
    } catch (thrown) {
      if (errnoOf(thrown) === "EEXIST")
        throw new Error(
          `container ID file found, make sure the other container isn't running or delete ${path}`,
        );
      throw this.#failure(thrown);
    }
    this.#isPending = true;
  }

  write(id: string): void {
    if (!this.#isPending) return;
    try {
      this.#io.fillFile(this.#path, id);
    } catch (thrown) {
      throw this.#failure(thrown);
    }
    this.#isPending = false;
  }

  /** Without a container there is no file. */
  [Symbol.dispose](): void {
    if (this.#isPending) this.#io.removeFile(this.#path);
  }

  #failure(thrown: unknown): Error {
    return new Error(`failed to create the container ID file: ${unreadable(this.#path, thrown)}`);
  }
}
