/**
 * What containers write to whose size is limited: a file system of its own in a file, mounted when it is first looked into and kept
 * until the container goes or this engine does. A container that runs keeps its own mount, which is of the same file system.
 */
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { fileSystemMaker, mountSized, startMaking } from "../../kernel/sized-file-system.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import { pause } from "../../lib/timer.ts";
import { writing } from "./write-failure.ts";

/** In the container's directory. */
export const sizedName = "writable";
const lookEveryMs = 2;
const topMode = 0o755;
const privateMode = 0o700;

export class SizedDirectories implements Disposable {
  /** Container directories that have been looked at, and what is mounted of them. */
  readonly #known = new Map<string, OwnedFd | undefined>();

  /** Makes the file system of the container's directory, with empty directories in it. */
  async make(directory: string, sizeBytes: number): Promise<void> {
    const program = fileSystemMaker();
    if (program === undefined) {
      throw new TiffinError(
        "unavailable",
        "layer.no-file-system-maker",
        "cannot limit the size of a container: the host has no mke2fs",
        { remedy: "install it with: apt-get install e2fsprogs" },
      );
    }
    const making = writing(() => startMaking(program, `${directory}/${sizedName}`, sizeBytes));
    let status = making.ended();
    for (; status === undefined; status = making.ended()) await pause(lookEveryMs);
    if (status === "gone" || status.kind !== "exited" || status.code !== 0) {
      throw new TiffinError(
        "internal",
        "layer.no-file-system",
        `cannot limit the size of a container: ${program} ended with ${JSON.stringify(status)} for ${sizeBytes} bytes in ${directory}`,
      );
    }
    this.#known.delete(directory);
    const place = this.placeOf(directory) ?? directory;
    mkdirSync(`${place}/upper`);
    chmodSync(`${place}/upper`, topMode);
    mkdirSync(`${place}/work`, { mode: privateMode });
  }

  /** Where it is for this process; undefined when the directory has no limit. */
  placeOf(directory: string): string | undefined {
    if (!this.#known.has(directory)) {
      const path = `${directory}/${sizedName}`;
      // Once made it is there or not for good.
      if (!existsSync(directory)) return undefined;
      this.#known.set(directory, existsSync(path) ? mounted(path) : undefined);
    }
    const mount = this.#known.get(directory);
    return mount === undefined ? undefined : `/proc/${process.pid}/fd/${mount.raw}`;
  }

  /** A further mount of it, for one who takes it elsewhere. */
  openAgain(directory: string): OwnedFd | undefined {
    return this.placeOf(directory) === undefined ? undefined : mounted(`${directory}/${sizedName}`);
  }

  letGo(directory: string): void {
    this.#known.get(directory)?.[Symbol.dispose]();
    this.#known.delete(directory);
  }

  [Symbol.dispose](): void {
    for (const directory of [...this.#known.keys()]) this.letGo(directory);
  }
}

function mounted(path: string): OwnedFd {
  try {
    return mountSized(path);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    throw new TiffinError(
      "unavailable",
      "layer.not-mounted",
      `cannot mount what the container has written: ${thrown.message}`,
      { remedy: `repair it with: e2fsck ${path}`, cause: thrown },
    );
  }
}
