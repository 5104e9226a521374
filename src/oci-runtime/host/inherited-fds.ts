/**
 * Descriptors of the caller that the program gets: the three standard ones, `--preserve-fds`, and those of socket
 * activation (LISTEN_FDS), which also changes the environment.
 */
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { usage } from "../flags.ts";
import type { RuntimeHost } from "./host.ts";

const firstInherited = 3;
const inheritedLimit = 20;

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
  const forUs = host.env["LISTEN_PID"] === undefined || Number(host.env["LISTEN_PID"]) === host.pid;
  return forUs && Number.isInteger(count) && count > 0 ? count : 0;
}

/** `preserve`: the value of --preserve-fds. Throws `invalid` for descriptors that the caller has not opened. */
export function inheritedFds(host: RuntimeHost, preserve: number, withStandard: boolean): InheritedFds {
  const listening = listenFds(host);
  const count = listening + preserve;
  if (preserve < 0 || count > inheritedLimit)
    throw usage(`${count} descriptors to preserve, at most ${inheritedLimit}`);
  const fds = new Map<string, OwnedFd>();
  const [stdin, stdout, stderr] = host.standard;
  if (withStandard) {
    fds.set("stdin", stdin);
    fds.set("stdout", stdout);
    fds.set("stderr", stderr);
  }
  for (let fd = firstInherited; fd < firstInherited + count; fd += 1) {
    const inherited = host.inherited(fd);
    if (inherited === undefined) throw usage(`descriptor ${fd} is to be preserved, but it is not open`);
    fds.set(`preserve:${fd}`, inherited);
  }
  return { count, fds, env: listening === 0 ? [] : [`LISTEN_FDS=${listening}`, "LISTEN_PID=1"] };
}
