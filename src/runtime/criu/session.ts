/**
 * One criu process (`criu swrk`) and the conversation with it: a request, criu's questions on the way, its answer. A
 * message is a packet of the socket that is criu's descriptor 3.
 */
import { readBytes } from "../../kernel/files.ts";
import { createMemfd } from "../../kernel/memfd.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { reapChild, signalPid } from "../../kernel/pidfd.ts";
import { receiveWithFds, sendWithFds } from "../../kernel/send-fds.ts";
import { socketPair } from "../../kernel/socket-pair.ts";
import { spawn } from "../../kernel/spawn.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import {
  type CriuFeatures,
  type CriuRequest,
  type CriuResponse,
  decodeResponse,
  encodeRequest,
  requestTypes,
} from "./messages.ts";

const socketNumber = 3;
/** Descriptors for criu alone get the numbers from here on. */
export const firstExtraFd = 4;
const messageBytes = 64 * 1024;
const diagnosisBytes = 64 * 1024;
const sigkill = 9;
/** The oldest that knows everything that is asked of it. */
const leastVersion = { major: 3, minor: 15 } as const;

const ownLockMajor = 4;

export interface CriuProgram {
  readonly path: string;
  readonly env: readonly string[];
}

/** What criu can do here. */
export interface CriuAbilities extends CriuFeatures {
  /** It can hold connections up without iptables, and lets them go again at a restore: 3.17 forgets that. */
  readonly ownLock: boolean;
}

/** A question on the way. `fd` comes with some; the callee owns it. */
export type OnNotification = (script: string, pid: number, fd: OwnedFd | undefined) => Promise<void> | void;

export class CriuSession implements Disposable {
  readonly pid: number;
  readonly #socket: OwnedFd;
  #reaped = false;

  /**
   * Starts criu. `fds`: its descriptors besides the socket, by their numbers there. Throws `SyscallError` when the
   * program cannot be executed.
   */
  constructor(program: CriuProgram, fds: readonly (readonly [ours: OwnedFd, theirs: number])[]) {
    const [ours, theirs] = socketPair("connection to criu", { type: "seqpacket" });
    using _theirs = theirs;
    this.#socket = ours;
    try {
      this.pid = spawn({
        executable: program.path,
        argv: ["criu", "swrk", String(socketNumber)],
        env: program.env,
        fds: [...fds, [theirs, socketNumber]],
        cwd: "/",
      });
    } catch (thrown) {
      ours[Symbol.dispose]();
      throw thrown;
    }
  }

  /**
   * Sends the request and returns criu's answer, which may say that it failed; undefined when criu ended without one.
   * A throwing `onNotification` ends criu's work and is thrown on, once criu has undone it.
   */
  async request(
    request: CriuRequest,
    onNotification: OnNotification = () => {},
  ): Promise<CriuResponse | undefined> {
    if (!this.#send(request)) return undefined;
    const buffer = new Uint8Array(messageBytes);
    let thrown: { readonly error: unknown } | undefined;
    for (;;) {
      const { length, fds } = receiveWithFds(this.#socket, buffer, 1);
      if (length === 0) break;
      const response = decodeResponse(buffer.subarray(0, length));
      if (response.type !== requestTypes.notify) {
        if (thrown !== undefined) throw thrown.error;
        return response;
      }
      try {
        const { script, pid } = response.notification ?? { script: "", pid: 0 };
        await onNotification(script, pid, fds[0]);
      } catch (error) {
        thrown ??= { error };
      }
      this.#send({ type: "notify", notifySuccess: thrown === undefined });
    }
    if (thrown !== undefined) throw thrown.error;
    return undefined;
  }

  /** Waits for the end of criu. */
  finish(): void {
    this.#socket[Symbol.dispose]();
    if (!this.#reaped) reapChild(this.pid, { block: true });
    this.#reaped = true;
  }

  [Symbol.dispose](): void {
    if (!this.#reaped) signalPid(this.pid, sigkill);
    this.finish();
  }

  /** False when criu is gone. */
  #send(request: CriuRequest): boolean {
    try {
      sendWithFds(this.#socket, encodeRequest(request), []);
      return true;
    } catch (thrown) {
      if (thrown instanceof SyscallError && thrown.code === "EPIPE") return false;
      throw thrown;
    }
  }
}

/**
 * Asks criu who it is and what it can do here. Throws `unavailable` when it is too old, or does not get as far as an
 * answer, which is how an old criu meets a new kernel.
 */
export async function checkCriu(program: CriuProgram): Promise<CriuAbilities> {
  using diagnosis = createMemfd("criu's words");
  using session = startCriu(program, diagnosis);
  const version = (await session.request({ type: "version", keepOpen: true }))?.version;
  if (version === undefined) {
    session.finish();
    throw new TiffinError(
      "unavailable",
      "runtime.criu-unusable",
      `${program.path} does not work on this kernel${firstError(readBytes(`/proc/thread-self/fd/${diagnosis.raw}`, diagnosisBytes))}`,
      { remedy: "see: criu check" },
    );
  }
  const { major, minor } = version;
  if (major < leastVersion.major || (major === leastVersion.major && minor < leastVersion.minor)) {
    throw new TiffinError(
      "unavailable",
      "runtime.criu-too-old",
      `${program.path} has version ${major}.${minor}, wanted ${leastVersion.major}.${leastVersion.minor} or later`,
    );
  }
  const wanted = { memoryTracking: true, lazyPages: true };
  const features = (await session.request({ type: "featureCheck", features: wanted }))?.features ?? {};
  return { ...features, ownLock: major >= ownLockMajor };
}

function startCriu(program: CriuProgram, diagnosis: OwnedFd): CriuSession {
  try {
    return new CriuSession(program, [[diagnosis, 2]]);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    throw new TiffinError("unavailable", "runtime.no-criu", `cannot execute ${program.path}: ${thrown.code}`);
  }
}

/** What criu tries at its start and can do without, though it calls it an error. */
const harmless = /^(rlimit|tun): /;

/** The first line that criu calls an error, as the end of a sentence: the cause; later ones follow from it. */
export function firstError(log: Uint8Array | string): string {
  const text = typeof log === "string" ? log : new TextDecoder().decode(log);
  const said = text.split("\n").flatMap((line) => {
    const reason = /\bError \([^)]*\):\s*(.*)$/.exec(line)?.[1]?.trim() ?? "";
    return reason === "" || harmless.test(reason) ? [] : [`: ${reason}`];
  });
  return said[0] ?? "";
}
