/** The host's static busybox: its bytes, and the names of the programs in it. */
import { readFileSync, statSync } from "node:fs";
import { readToEnd } from "../../kernel/io.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import { reapChild } from "../../kernel/pidfd.ts";
import { spawn } from "../../kernel/spawn.ts";
import { syscall } from "../../kernel/syscall.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";

export interface Busybox {
  readonly content: Uint8Array;
  readonly applets: readonly string[];
  /** When the program was built, as far as its file says: seconds since 1970. */
  readonly mtimeSeconds: number;
}

const oCloexec = 0o2000000;
const listLimitBytes = 64 * 1024;
const programLimitBytes = 32 * 1024 * 1024;
const appletPattern = /^[A-Za-z0-9_.[\]+-]{1,64}$/;
/** ELF program header type of a dynamic linker request; a program that has one is not static. */
const ptInterp = 3;

/** Reads `path` and asks it for its applets. Throws `unavailable` with the command that installs it. */
export function readBusybox(path: string): Busybox {
  let content: Uint8Array;
  let mtimeSeconds: number;
  try {
    const status = statSync(path);
    if (status.size > programLimitBytes) throw new RangeError(`file has ${status.size} bytes`);
    mtimeSeconds = Math.floor(status.mtimeMs / 1000);
    content = readFileSync(path);
  } catch (thrown) {
    throw unusable(path, messageOf(thrown), thrown);
  }
  if (!isStaticElf(content)) throw unusable(path, "it is not a static program");
  return { content, applets: listApplets(path), mtimeSeconds };
}

function unusable(path: string, why: string, cause?: unknown): TiffinError {
  return new TiffinError("unavailable", "image.no-busybox", `cannot make image "base" from ${path}: ${why}`, {
    remedy: "install it with: apt-get install busybox-static",
    cause,
  });
}

function listApplets(path: string): string[] {
  const ends = new Int32Array(2);
  syscall("pipe2", "applet list", ends, oCloexec);
  using reading = new OwnedFd(ends[0] ?? -1, "applet list");
  let pid: number;
  {
    using writing = new OwnedFd(ends[1] ?? -1, "applet list");
    pid = spawn({ executable: path, argv: ["busybox", "--list"], fds: [[writing, 1]] });
  }
  const text = new TextDecoder().decode(readToEnd(reading, listLimitBytes));
  reapChild(pid, { block: true });
  const applets = text.split("\n").filter((name) => appletPattern.test(name));
  if (!applets.includes("sh")) throw unusable(path, "it has no shell");
  return applets;
}

/** A 64-bit little-endian ELF file without an interpreter. */
function isStaticElf(content: Uint8Array): boolean {
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  if (content.length < 64 || view.getUint32(0) !== 0x7f454c46 || content[4] !== 2) return false;
  const tableAt = Number(view.getBigUint64(32, true));
  const entryBytes = view.getUint16(54, true);
  const entries = view.getUint16(56, true);
  if (tableAt + entries * entryBytes > content.length) return false;
  for (let index = 0; index < entries; index += 1) {
    if (view.getUint32(tableAt + index * entryBytes, true) === ptInterp) return false;
  }
  return true;
}
