/**
 * The resident helper: decides commands for fronts, several at a time, and keeps nothing of any. It leaves when nobody
 * has asked for a while, or when its program's file has been replaced; whoever finds it gone does without it.
 */
import { front } from "../../abi/front.ts";
import { executorName } from "../../abi/schema.ts";
import { descriptorStatus, listDirectory } from "../../kernel/directory.ts";
import { openFile, openFlags, readText, removeFile, writeKernelFile } from "../../kernel/files.ts";
import { sealedMemfd } from "../../kernel/memfd.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import { hasBeenSilent, isSender, type Peer, peerOf } from "../../kernel/peer.ts";
import { waitPidfd } from "../../kernel/pidfd.ts";
import { cString, syscall, trySyscall } from "../../kernel/syscall.ts";
import { listenUnix } from "../../kernel/unix-listener.ts";
import { monotonicMs } from "../../lib/clock.ts";
import { parseMountInfo } from "../../linux/mountinfo.ts";
import { atFlags } from "../../linux/open-flags.ts";
import { prctlOptions } from "../../linux/prctl.ts";
import { parseProcessCgroups } from "../../linux/proc.ts";
import { rlimitNumbers } from "../../linux/rlimits.ts";
import { ExecutorProcess } from "../host/executor-process.ts";
import { NotHere } from "../host/host.ts";
import { runRuntimeCommand } from "../run-command.ts";
import { FrontConnection, FrontGone } from "./front-connection.ts";
import { frontHost } from "./front-host.ts";
import { areAlike, isAtHome, type Likeness, likenessOf } from "./likeness.ts";
import { helperDirectory, helperName, ownProgram, stateDirectory } from "./place.ts";
import { receiveRequest } from "./request.ts";
import { isListening, lockFd } from "./start-helper.ts";
import { WaitLoop } from "./wait-loop.ts";

export interface HelperOptions {
  readonly version: string;
  /** The executor's binary. */
  readonly executor: Uint8Array;
  /** How long to stay when nobody asks. */
  readonly idleMs: number;
}

const backlog = 1024;
const acceptCloexec = 0o2000000;
const refusedPauseMs = 5;
/** What a command may have open at a time: streams, groups in every hierarchy, record, plan, hooks. */
const fdsOfCommand = 48;
const mostFds = 65_536;
const foreverMs = 2 ** 31 - 1;
const usualUmask = 0o022;
/** Whoever started it may have been protected. */
const usualOomScore = "0";

/** As many descriptors as this process may have; how many those are. */
function raiseFdLimit(): number {
  const limits = new BigUint64Array(2);
  syscall("prlimit64", "descriptor limit", 0, rlimitNumbers.RLIMIT_NOFILE, 0, limits);
  const hard = limits[1] ?? 0n;
  limits[0] = hard;
  trySyscall("prlimit64", 0, rlimitNumbers.RLIMIT_NOFILE, limits, 0);
  return Number(hard < BigInt(mostFds) ? hard : BigInt(mostFds));
}

/** Out of the groups of whoever started it: they could not be removed while it is there. False when it cannot. */
function leaveGroups(): boolean {
  for (const { root, mountPoint, type } of parseMountInfo(readText("/proc/self/mountinfo"))) {
    if (type.startsWith("cgroup") && root === "/") writeKernelFile(`${mountPoint}/cgroup.procs`, "0");
  }
  return parseProcessCgroups(readText("/proc/self/cgroup")).every(({ path }) => path === "/");
}

/** Sockets of helpers that were killed. */
function removeLeftOvers(): void {
  using directory = openFile(undefined, helperDirectory, openFlags.readOnly | openFlags.directory);
  for (const { name } of listDirectory(directory, helperDirectory)) {
    const path = `${helperDirectory}/${name}`;
    if (!isListening(path)) removeFile(path);
  }
}

class Helper {
  readonly #options: HelperOptions;
  readonly #executor: OwnedFd;
  readonly #own: Likeness;
  readonly #loop = new WaitLoop();
  readonly #commandLimit: number;
  #commands = 0;
  #lastMs = monotonicMs();

  constructor(options: HelperOptions, own: Likeness) {
    this.#options = options;
    this.#own = own;
    this.#commandLimit = Math.floor(raiseFdLimit() / fdsOfCommand);
    this.#executor = sealedMemfd(executorName, options.executor, { executable: true });
  }

  /** Until nobody has asked for a while. */
  async serve(listener: OwnedFd): Promise<void> {
    using program = openFile(undefined, ownProgram, openFlags.readOnly);
    void this.#acceptAll(listener);
    for (;;) {
      const isIdle = this.#commands === 0;
      const idleUntilMs = this.#lastMs + this.#options.idleMs;
      if (isIdle && (monotonicMs() >= idleUntilMs || descriptorStatus(program).links === 0)) return;
      // One waits for the listener, all others for their commands.
      const others = this.#commands > this.#loop.waiting - 1;
      await this.#loop.round(isIdle ? idleUntilMs : monotonicMs() + foreverMs, others);
    }
  }

  async #acceptAll(listener: OwnedFd): Promise<never> {
    for (;;) {
      await this.#loop.readable(listener, foreverMs);
      await this.#accept(listener);
    }
  }

  async #accept(listener: OwnedFd): Promise<void> {
    const fd = trySyscall("accept4", listener.raw, 0, 0, acceptCloexec);
    if (fd < 0) {
      // No descriptors are left for now: not again at once.
      await this.#loop.pause(refusedPauseMs);
      return;
    }
    const socket = new OwnedFd(fd, "connection of a front");
    if (this.#commands >= this.#commandLimit) {
      socket[Symbol.dispose]();
      return;
    }
    this.#commands += 1;
    // A mistake in one command must not end the others; its front sees the end of the connection.
    const answered = this.#answer(socket).catch(() => undefined);
    void answered.finally(() => {
      this.#commands -= 1;
      this.#lastMs = monotonicMs();
    });
  }

  async #answer(socket: OwnedFd): Promise<void> {
    using front = new FrontConnection(socket, this.#loop);
    using peer = peerOf(socket);
    // Silence is the answer to anyone else: a front then does without us.
    if (peer === undefined || !this.#mayStandInFor(peer) || !hasBeenSilent(socket, peer)) return;
    try {
      front.send("hello", {});
      await this.#perform(front, peer);
    } catch (thrown) {
      if (!(thrown instanceof FrontGone)) throw thrown;
    }
  }

  #mayStandInFor({ pid, pidfd }: Peer): boolean {
    const alike = areAlike(this.#own, likenessOf(pid));
    // If it still runs now, what was looked at was this process.
    return alike && !waitPidfd(pidfd);
  }

  async #perform(front: FrontConnection, peer: Peer): Promise<void> {
    const { version, executor } = this.#options;
    const request = await receiveRequest(front);
    try {
      if (!isSender(peer, front.sender)) throw new FrontGone("somebody else has asked");
      const host = frontHost({
        version,
        front,
        request,
        pid: peer.pid,
        loop: this.#loop,
        executor: this.#executor,
        sideExecutor: async () => new ExecutorProcess(executor),
      });
      host.checkPath(request.cwd);
      const code = await runRuntimeCommand(request.words, host, { residentOnly: true });
      front.send("end", { code });
      await front.flush();
    } catch (thrown) {
      if (!(thrown instanceof NotHere)) throw thrown;
      front.send("alone", {});
      await front.flush();
    } finally {
      for (const fd of request.standard) fd[Symbol.dispose]();
    }
  }
}

/** Serves until idle. Returns at once where a helper would be in the way: in a container, or in groups it cannot leave. */
export async function serveFronts(options: HelperOptions): Promise<void> {
  trySyscall("umask", usualUmask);
  const own = likenessOf("self");
  if (own === undefined || !isAtHome() || !leaveGroups()) return;
  writeKernelFile("/proc/self/oom_score_adj", usualOomScore);
  // Else it is named after /proc/self/exe, through which it was started.
  trySyscall("prctl", prctlOptions.setName, cString(front.programName), 0, 0, 0);
  const name = helperName();
  const path = `${helperDirectory}/${name}`;
  const helper = new Helper(options, own);
  // Nobody else starts one meanwhile.
  const lock = new OwnedFd(lockFd, helperDirectory);
  removeLeftOvers();
  using listener = listenUnix(helperDirectory, name, backlog);
  lock[Symbol.dispose]();
  await helper.serve(listener);
  removeFile(path);
  // Unless there are other helpers, or containers.
  for (const directory of [helperDirectory, stateDirectory]) {
    if (trySyscall("unlinkat", atFlags.fdcwd, cString(directory), atFlags.removeDirectory) !== 0) break;
  }
}
