/**
 * Executing a program in a network namespace in the place of this process, with what `ip netns exec` gives it: a mount
 * namespace of its own in which /sys shows that network, and files of /etc/netns/NAME over those of /etc.
 */
import { mountPropagations, umountFlags } from "../../linux/mount-flags.ts";
import { listDirectory } from "../directory.ts";
import { openFlags, openIfPresent } from "../files.ts";
import type { OwnedFd } from "../owned-fd.ts";
import { releaseSignals } from "../signal-pipe.ts";
import { addressOf, cString, SyscallError, syscall, trySyscall } from "../syscall.ts";

const cloneNewnet = 0x4000_0000;
const cloneNewns = 0x0002_0000;
const msBind = 0x1000;
const msRecursive = 0x4000;
const lastOrdinarySignal = 31;
/** SIGKILL and SIGSTOP have no other action. */
const fixedSignals = [9, 19];
const setMask = 2;
const signalSetBytes = 8;

/** The calling thread goes for good: afterwards nothing but `executeProgram` makes sense. */
export function enterNetnsForGood(netns: OwnedFd, name: string): void {
  syscall("setns", netns.what, netns.raw, cloneNewnet);
  syscall("unshare", "mount namespace", cloneNewns);
  syscall("mount", "/", 0, cString("/"), 0, mountPropagations.slave | msRecursive, 0);
  trySyscall("umount2", cString("/sys"), umountFlags.detach);
  syscall("mount", "/sys", cString(name), cString("/sys"), cString("sysfs"), 0, 0);
  const from = `/etc/netns/${name}`;
  using directory = openIfPresent(undefined, from, openFlags.readOnly | openFlags.directory);
  if (directory === undefined) return;
  for (const { name: file } of listDirectory(directory, from)) {
    const to = `/etc/${file}`;
    // As `ip` does: what is not in /etc cannot be covered.
    trySyscall("mount", cString(`${from}/${file}`), cString(to), 0, msBind, 0);
  }
}

/** execve(2) of the first of `paths` that can be; returns only by the `SyscallError` of the most telling refusal. */
export function executeProgram(
  paths: readonly string[],
  argv: readonly string[],
  environment: readonly string[],
): never {
  const ordinary = Array.from({ length: lastOrdinarySignal }, (_, index) => index + 1);
  releaseSignals(ordinary.filter((signal) => !fixedSignals.includes(signal)));
  trySyscall("rt_sigprocmask", setMask, new BigUint64Array(1), 0, signalSetBytes);
  const lists = [argv, environment].map((texts) => texts.map(cString));
  const [words, variables] = lists.map((texts) =>
    BigUint64Array.from([...texts.map((text) => BigInt(addressOf(text))), 0n]),
  );
  let refusal = new SyscallError("execve", 2, argv[0] ?? "");
  for (const path of paths) {
    const result = trySyscall("execve", cString(path), words ?? 0, variables ?? 0);
    const error = new SyscallError("execve", -result, path);
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR") refusal = error;
  }
  // What the kernel was shown lives until here.
  if (lists.length === 0) throw new Error("unreachable");
  throw refusal;
}
