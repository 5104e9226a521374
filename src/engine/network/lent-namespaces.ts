/**
 * Network namespaces that a short container has left as they were made: they serve again. Making one and taking it apart is most of
 * what the kernel does for a network, and a program that compiles, or lists a directory, has no use for it.
 *
 * Who may change a namespace is not lent one (the caller says so). Of all others nothing is left but what the
 * kernel counts: packets, and sockets, which others may hold beyond the container's end. Without either the namespace is as it was.
 */

import { openFlags } from "../../kernel/files.ts";
import { readSome } from "../../kernel/io.ts";
import { inNetns } from "../../kernel/netlink/mod.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import { cString, trySyscall } from "../../kernel/syscall.ts";
import { after, type Timer } from "../../lib/timer.ts";
import { atFlags } from "../../linux/open-flags.ts";
import type { PreparedEndpoint } from "./endpoint.ts";

/** Who runs longer is not waited for: nobody is to hold what it has, and somebody may have come by to change it. */
const longestRunMs = 2000;
/** The announcement of its address. */
const ownPackets = 1;

interface Lent {
  readonly piece: PreparedEndpoint;
  readonly network: string;
  readonly timer: Timer;
}

export class LentNamespaces {
  readonly #lent = new Map<string, Lent>();

  /** The container runs in `piece`, whose descriptor stays the caller's. */
  lend(containerId: string, network: string, piece: PreparedEndpoint): void {
    this.keepOut(containerId);
    const timer = after(longestRunMs, () => this.keepOut(containerId), { background: true });
    this.#lent.set(containerId, { piece: { ...piece, netns: piece.netns.duplicate() }, network, timer });
  }

  /** It is not what was made any more, or will not be. */
  keepOut(containerId: string): void {
    this.#forget(containerId)?.piece.netns[Symbol.dispose]();
  }

  /** Once nothing of the container runs: its namespace in that network, if it serves again; the caller's. */
  takeBack(containerId: string): { readonly network: string; readonly piece: PreparedEndpoint } | undefined {
    const lent = this.#forget(containerId);
    if (lent === undefined) return undefined;
    if (isUntouched(lent.piece.netns)) return lent;
    lent.piece.netns[Symbol.dispose]();
    return undefined;
  }

  close(): void {
    for (const containerId of [...this.#lent.keys()]) this.keepOut(containerId);
  }

  #forget(containerId: string): Lent | undefined {
    const lent = this.#lent.get(containerId);
    this.#lent.delete(containerId);
    lent?.timer.cancel();
    return lent;
  }
}

const files = ["sockstat", "dev"].map((name) => cString(`/proc/thread-self/net/${name}`));
const text = new Uint8Array(4096);
const decoder = new TextDecoder();

/** No socket of anybody's is in the namespace, and nobody has sent anything. */
export function isUntouched(netns: OwnedFd): boolean {
  const flags = openFlags.readOnly | openFlags.closeOnExec;
  const opened = inNetns(netns, () => files.map((path) => trySyscall("openat", atFlags.fdcwd, path, flags)));
  // What a file says is of the namespace that it was opened in.
  const [sockets, links] = opened.map(said);
  if (sockets?.startsWith("sockets: used 0\n") !== true || links === undefined) return false;
  return links.split("\n").slice(2).every(isQuiet);
}

/** Undefined for what could not be opened, or is longer than two links make it. */
function said(number: number): string | undefined {
  if (number < 0) return undefined;
  using file = new OwnedFd(number, "/proc/thread-self/net");
  const length = readSome(file, text);
  return length < text.length ? decoder.decode(text.subarray(0, length)) : undefined;
}

/** A line of /proc/net/dev: the name, eight counters of what came, eight of what was sent; bytes before packets. */
function isQuiet(line: string): boolean {
  if (line === "") return true;
  const [name = "", ...counters] = line.trim().split(/\s+/);
  const sent = Number(counters[9]);
  return name === "lo:" ? sent === 0 : sent <= ownPackets;
}
