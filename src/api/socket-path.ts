/**
 * The unix socket of the API: taken over from an engine that is gone, never from one that lives, and open to root and
 * the members of group `tiffin` only.
 */
import { chownSync, lstatSync, readFileSync, statSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf, TiffinError } from "../lib/errors.ts";
import { connectDuplex } from "../transport/bun-duplex.ts";

/** sun_path of unix(7) with its final zero byte. */
const limitPathBytes = 107;
const groupName = "tiffin";
/** Leaves 0660. */
const socketUmask = 0o117;

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
}

async function answers(path: string): Promise<boolean> {
  try {
    (await connectDuplex({ unix: path })).destroy();
    return true;
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code === "ECONNREFUSED" || code === "ENOENT") return false;
    throw new TiffinError(
      "unavailable",
      "api.socket-unreachable",
      `cannot connect to ${path}: ${messageOf(thrown)}`,
      {
        cause: thrown,
      },
    );
  }
}

/** What can be known before anything is opened, the directory too perhaps. `conflict` when something else is at `path`. */
export function checkSocketPath(path: string): void {
  if (Buffer.byteLength(path) > limitPathBytes) {
    throw new TiffinError(
      "invalid",
      "api.socket-path",
      `socket path longer than ${limitPathBytes} bytes: ${path}`,
      { exitCode: 125 },
    );
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isSocket()) return;
  throw new TiffinError(
    "conflict",
    "api.socket-occupied",
    `cannot listen on ${path}: it exists and is no socket`,
    { remedy: "move it away, or give another address with --host", exitCode: 125 },
  );
}

/** Makes way for a new socket at `path`. `conflict` when an engine answers there. */
async function clearStale(path: string): Promise<void> {
  checkSocketPath(path);
  const directory = dirname(path);
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new TiffinError(
      "invalid",
      "api.socket-directory",
      `cannot listen on ${path}: there is no directory ${directory}`,
      { remedy: "make it, or give another address with --host", exitCode: 125 },
    );
  }
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  if (await answers(path)) {
    throw new TiffinError(
      "conflict",
      "api.socket-in-use",
      `cannot listen on ${path}: another engine answers there`,
      {
        remedy: "stop it, or choose other --root, --run and --host",
      },
    );
  }
  unlinkSync(path);
}

/** The id of group `tiffin` in an /etc/group text, if there is one. */
export function findGroupId(groupFile: string): number | undefined {
  for (const line of groupFile.split("\n")) {
    const [name, , id] = line.split(":");
    if (name === groupName && id !== undefined && /^[0-9]{1,10}$/.test(id)) return Number(id);
  }
  return undefined;
}

function readGroupFile(): string {
  try {
    return readFileSync("/etc/group", "utf8");
  } catch {
    // A host without the file has no group either.
    return "";
  }
}

/** Calls `bind`, which must listen on `path` synchronously, with everything around it right. */
export async function bindSocketPath(path: string, bind: () => void): Promise<void> {
  await clearStale(path);
  const before = process.umask(socketUmask);
  try {
    bind();
  } catch (cause) {
    throw new TiffinError("unavailable", "api.socket-bind", `cannot listen on ${path}: ${messageOf(cause)}`, {
      cause,
    });
  } finally {
    process.umask(before);
  }
  const groupId = findGroupId(readGroupFile());
  if (groupId !== undefined) chownSync(path, -1, groupId);
}
