/** Reaching supervisors by the names of their listener sockets. */
import { readdirSync, unlinkSync } from "node:fs";
import { exists } from "../kernel/files.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { SyscallError } from "../kernel/syscall.ts";
import { connectUnix } from "../kernel/unix-stream.ts";
import { TiffinError } from "../lib/errors.ts";

const tokenPattern = /^[0-9a-f]{16}$/;

/** The socket of a token; refuses what is not one, since tokens come from a database and become paths. */
export function socketPath(socketDirectory: string, token: string): string {
  if (!tokenPattern.test(token)) {
    throw new TiffinError(
      "internal",
      "runtime.bad-token",
      `supervisor token ${JSON.stringify(token)} is malformed`,
    );
  }
  return `${socketDirectory}/${token}`;
}

/**
 * A connection to the supervisor; `gone` when nobody listens under that name, `busy` when it has not accepted those that
 * came before. Never waits: a supervisor that is stopped would hold up the whole engine.
 */
export function connectSupervisor(socketDirectory: string, token: string): OwnedFd | "gone" | "busy" {
  const path = socketPath(socketDirectory, token);
  try {
    return connectUnix(path, { wait: false }).fd;
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    if (thrown.code === "ENOENT" || thrown.code === "ECONNREFUSED") return "gone";
    if (thrown.code === "EAGAIN") return "busy";
    throw thrown;
  }
}

/** Whether somebody listens under that name, alive or stopped. */
export function isListening(socketDirectory: string, token: string): boolean {
  const connection = connectSupervisor(socketDirectory, token);
  if (connection === "gone") return false;
  if (connection !== "busy") connection[Symbol.dispose]();
  return true;
}

/** Whether the socket is there, listened to or not. */
export function hasSocket(socketDirectory: string, token: string): boolean {
  return exists(socketPath(socketDirectory, token));
}

/** All tokens that have a socket, alive or not. */
export function listTokens(socketDirectory: string): string[] {
  return readdirSync(socketDirectory).filter((name) => tokenPattern.test(name));
}

export function removeSocket(socketDirectory: string, token: string): void {
  try {
    unlinkSync(socketPath(socketDirectory, token));
  } catch (thrown) {
    if (!(thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT")) throw thrown;
  }
}
