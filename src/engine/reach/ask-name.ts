/** What the name of the target stands for to who asks: its /etc/hosts, and the name server that its /etc/resolv.conf names. */
import { lookup } from "node:dns/promises";
import { openDirectory, openFlags, openInRoot } from "../../kernel/files.ts";
import { readToEnd } from "../../kernel/io.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { UdpAttempt } from "../../kernel/udp-attempt.ts";
import { pause, within } from "../../lib/timer.ts";
import { parseIpAddress } from "../../linux/netlink/ip-address.ts";
import type { NameAnswer } from "./facts.ts";

const fileLimitBytes = 64 * 1024;
const answerLimitMs = 1500;
const lookEveryMs = 2;
const namePort = 53;
const records = { a: 1, aaaa: 28 } as const;
const lengths = { a: 4, aaaa: 16 } as const;
type Family = keyof typeof records;
const internet = 1;
const wantsRecursion = 0x01;
const headerBytes = 12;
const longestLabel = 63;
const pointerMark = 0xc0;

export interface Asker {
  readonly pid: number;
  readonly netns: OwnedFd | undefined;
  /** Its own name, which the name server of a network knows without asking anybody. */
  readonly own: string;
}

/** As a process with that root and network namespace would find it out. */
export async function askName(name: string, { pid, netns, own }: Asker): Promise<NameAnswer> {
  using root = openDirectory(`/proc/${pid}/root`);
  const inHosts = foundAt("/etc/hosts", hostsAddresses(readInside(root, "etc/hosts"), name));
  if (inHosts !== undefined) return inHosts;
  const by = nameServerOf(readInside(root, "etc/resolv.conf"));
  const server = parseIpAddress(by);
  if (server === undefined) return { kind: "silent", by };
  const [a, aaaa, alive] = await Promise.all([
    askServer(netns, server, name, "a"),
    askServer(netns, server, name, "aaaa"),
    askServer(netns, server, own, "a"),
  ]);
  if (a === undefined && aaaa === undefined) {
    // It waits for servers of its own, and so it has no such name itself.
    return { kind: alive === undefined ? "silent" : "unknown", by };
  }
  const found = [
    ...(a === undefined ? [] : addressesIn(a, "a")),
    ...(aaaa === undefined ? [] : addressesIn(aaaa, "aaaa")),
  ];
  return foundAt(by, found) ?? { kind: "unknown", by };
}

/** The first IPv4 address is followed, or where there is none the first of IPv6. */
export function foundAt(
  by: string,
  addresses: readonly Uint8Array[],
): Extract<NameAnswer, { kind: "found" }> | undefined {
  const sorted = [...addresses].sort((one, other) => one.length - other.length);
  const [address, ...also] = sorted;
  return address === undefined ? undefined : { kind: "found", by, address, also };
}

/** As programs of the host find it out. */
export async function askHost(name: string): Promise<NameAnswer> {
  const by = "host";
  const found = lookup(name, { all: true }).catch(() => []);
  if (!(await within(found, answerLimitMs))) return { kind: "silent", by };
  const addresses = (await found).flatMap(({ address }) => parseIpAddress(address) ?? []);
  return foundAt(by, addresses) ?? { kind: "unknown", by };
}

/** Whatever a container has put there; empty when it cannot be read. */
function readInside(root: OwnedFd, path: string): string {
  try {
    using file = openInRoot(root, path, openFlags.readOnly | openFlags.nonBlocking);
    return new TextDecoder().decode(readToEnd(file, fileLimitBytes));
  } catch (thrown) {
    if (thrown instanceof SyscallError) return "";
    throw thrown;
  }
}

export function hostsAddresses(text: string, name: string): Uint8Array[] {
  return text.split("\n").flatMap((line) => {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const isMeant = names.some((each) => each.toLowerCase() === name.toLowerCase());
    return isMeant ? (parseIpAddress(address) ?? []) : [];
  });
}

/** resolv.conf(5): without any it is this very machine. */
export function nameServerOf(text: string): string {
  return /^\s*nameserver\s+(\S+)/m.exec(text)?.[1] ?? "127.0.0.1";
}

async function askServer(
  netns: OwnedFd | undefined,
  server: Uint8Array,
  name: string,
  family: Family,
): Promise<Uint8Array | undefined> {
  const query = nameQuery(name, family);
  if (query === undefined) return undefined;
  try {
    using attempt = new UdpAttempt(netns, server, namePort);
    attempt.send(query);
    for (let waited = 0; waited < answerLimitMs; waited += lookEveryMs) {
      const answer = attempt.look();
      if (answer !== undefined) return answer;
      await pause(lookEveryMs);
    }
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
  }
  return undefined;
}

/** Undefined: no name can be like that. RFC 1035 */
export function nameQuery(name: string, family: Family = "a"): Uint8Array | undefined {
  const labels = name
    .replace(/\.$/, "")
    .split(".")
    .map((label) => new TextEncoder().encode(label));
  if (labels.some(({ length }) => length === 0 || length > longestLabel) || name.length > 253)
    return undefined;
  const header = [0x74, 0x77, wantsRecursion, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  const question = labels.flatMap((label) => [label.length, ...label]);
  return Uint8Array.from([...header, ...question, 0, 0, records[family], 0, internet]);
}

/** An answer with more is cut there. */
const mostAddresses = 16;

/** The addresses of an answer. */
export function addressesIn(answer: Uint8Array, family: Family): Uint8Array[] {
  const found: Uint8Array[] = [];
  if (answer.length < headerBytes) return found;
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  let at = headerBytes;
  const skipName = (): void => {
    for (let length = answer[at] ?? 0; length !== 0; length = answer[at] ?? 0) {
      if (length >= pointerMark) {
        at += 2;
        return;
      }
      at += 1 + length;
    }
    at += 1;
  };
  for (let left = view.getUint16(4); left > 0; left -= 1) {
    skipName();
    at += 4;
  }
  for (let left = view.getUint16(6); left > 0; left -= 1) {
    skipName();
    if (at + 10 > answer.length || found.length === mostAddresses) return found;
    const [type, length] = [view.getUint16(at), view.getUint16(at + 8)];
    at += 10;
    const isOne = type === records[family] && length === lengths[family] && at + length <= answer.length;
    if (isOne) found.push(answer.slice(at, at + length));
    at += length;
  }
  return found;
}
