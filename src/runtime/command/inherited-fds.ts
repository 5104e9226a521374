/**
 * Descriptors of the caller that the program gets: the three standard ones, `--preserve-fds`, and those of socket
 * activation (LISTEN_FDS), which also changes the environment.
 */
import { readLink } from "../../kernel/files.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import { trySyscall } from "../../kernel/syscall.ts";
import { usage } from "./flags.ts";
import type { RuntimeHost } from "./host.ts";

const firstInherited = 3;
const inheritedLimit = 20;
const standardNames = ["stdin", "stdout", "stderr"] as const;

export interface InheritedFds {
  /** How many descriptors from 3 on. */
  readonly count: number;
  /** By slot name; they stay open when this is forgotten. */
  readonly fds: ReadonlyMap<string, OwnedFd>;
  /** Variables for the program. */
  readonly env: readonly string[];
}

function listenFds(host: RuntimeHost): number {
  const count = Number(host.env["LISTEN_FDS"] ?? "0");
  const forUs =
    host.env["LISTEN_PID"] === undefined || Number(host.env["LISTEN_PID"]) === trySyscall("getpid");
  return forUs && Number.isInteger(count) && count > 0 ? count : 0;
}

/** `preserve`: the value of --preserve-fds. Throws `invalid` for descriptors that the caller has not opened. */
export function inheritedFds(host: RuntimeHost, preserve: number, withStandard: boolean): InheritedFds {
  const listening = listenFds(host);
  const count = listening + preserve;
  if (preserve < 0 || count > inheritedLimit)
    throw usage(`${count} descriptors to preserve, at most ${inheritedLimit}`);
  const fds = new Map<string, OwnedFd>();
  if (withStandard) for (const [fd, name] of standardNames.entries()) fds.set(name, new OwnedFd(fd, name));
  for (let fd = firstInherited; fd < firstInherited + count; fd += 1) {
    const target = readLink(`/proc/self/fd/${fd}`);
    // The event loop of this very program takes the first free numbers.
    if (target === undefined || target.startsWith("anon_inode:[event")) {
      throw usage(`descriptor ${fd} is to be preserved, but it is not open`);
    }
    fds.set(`preserve:${fd}`, new OwnedFd(fd, `descriptor ${fd}`));
  }
  return { count, fds, env: listening === 0 ? [] : [`LISTEN_FDS=${listening}`, "LISTEN_PID=1"] };
}
