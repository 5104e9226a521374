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
const recordA = 1;
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
  const inHosts = hostsAddress(readInside(root, "etc/hosts"), name);
  if (inHosts !== undefined) return { kind: "found", by: "/etc/hosts", address: inHosts };
  const by = nameServerOf(readInside(root, "etc/resolv.conf"));
  const server = parseIpAddress(by);
  if (server === undefined) return { kind: "silent", by };
  const [answer, alive] = await Promise.all([name, own].map((each) => askServer(netns, server, each)));
  // It waits for servers of its own, and so it has no such name itself.
  if (answer === undefined && alive !== undefined) return { kind: "unknown", by };
  if (answer === undefined) return { kind: "silent", by };
  const address = firstAddress(answer);
  return address === undefined ? { kind: "unknown", by } : { kind: "found", by, address };
}

/** As programs of the host find it out. */
export async function askHost(name: string): Promise<NameAnswer> {
  const by = "host";
  const found = lookup(name).catch(() => undefined);
  if (!(await within(found, answerLimitMs))) return { kind: "silent", by };
  const address = parseIpAddress((await found)?.address ?? "");
  return address === undefined ? { kind: "unknown", by } : { kind: "found", by, address };
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

export function hostsAddress(text: string, name: string): Uint8Array | undefined {
  for (const line of text.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (names.some((each) => each.toLowerCase() === name.toLowerCase())) return parseIpAddress(address);
  }
  return undefined;
}

/** resolv.conf(5): without any it is this very machine. */
export function nameServerOf(text: string): string {
  return /^\s*nameserver\s+(\S+)/m.exec(text)?.[1] ?? "127.0.0.1";
}

async function askServer(
  netns: OwnedFd | undefined,
  server: Uint8Array,
  name: string,
): Promise<Uint8Array | undefined> {
  const query = nameQuery(name);
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
export function nameQuery(name: string): Uint8Array | undefined {
  const labels = name
    .replace(/\.$/, "")
    .split(".")
    .map((label) => new TextEncoder().encode(label));
  if (labels.some(({ length }) => length === 0 || length > longestLabel) || name.length > 253)
    return undefined;
  const header = [0x74, 0x77, wantsRecursion, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  const question = labels.flatMap((label) => [label.length, ...label]);
  return Uint8Array.from([...header, ...question, 0, 0, recordA, 0, internet]);
}

/** The first IPv4 address of an answer; undefined when there is none. */
export function firstAddress(answer: Uint8Array): Uint8Array | undefined {
  if (answer.length < headerBytes) return undefined;
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
    if (at + 10 > answer.length) return undefined;
    const [type, length] = [view.getUint16(at), view.getUint16(at + 8)];
    at += 10;
    if (type === recordA && length === 4 && at + 4 <= answer.length) return answer.slice(at, at + 4);
    at += length;
  }
  return undefined;
}
