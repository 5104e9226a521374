/** What the program gives to its commands, and how they write. No `process.stdout`: it costs 12 ms. */
import { writeAll } from "../../kernel/io.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError } from "../../kernel/syscall.ts";

export interface RuntimeHost {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The bytes of the executor's binary. */
  executor(): Promise<Uint8Array>;
}

const standard = { 1: new OwnedFd(1, "standard output"), 2: new OwnedFd(2, "standard error") } as const;
const encoder = new TextEncoder();

/** Writes all of `text`. A reader that has gone away is no error of ours. */
export function print(fd: 1 | 2, text: string): void {
  try {
    writeAll(standard[fd], encoder.encode(text));
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
  }
}

/** `path` from the directory of `from`, which is only asked for when it matters: it may have been removed. */
export function absolutePath(path: string, from: { readonly cwd: string }): string {
  return path.startsWith("/") ? path : `${from.cwd}/${path}`;
}
