/** Reaching supervisors by the names of their listener sockets. */
import { readdirSync, unlinkSync } from "node:fs";
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

/** A connection to the supervisor, or undefined when nobody listens under that name. */
export function connectSupervisor(socketDirectory: string, token: string): OwnedFd | undefined {
  const path = socketPath(socketDirectory, token);
  try {
    return connectUnix(path).fd;
  } catch (thrown) {
    if (thrown instanceof SyscallError && (thrown.code === "ENOENT" || thrown.code === "ECONNREFUSED")) {
      return undefined;
    }
    throw thrown;
  }
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
