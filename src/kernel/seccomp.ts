/**
 * Seccomp profiles to short BPF programs, kept by content, in memory and (given a directory) on disk, so an engine compiles
 * the default profile once in its life on a machine.
 */
import { shortenFilter } from "../linux/filter/mod.ts";
import type { SeccompProfile } from "../linux/seccomp.ts";
import { fileStatus, listDirectory } from "./directory.ts";
import { makeDirectory, openFile, openFlags, readBytes, removeFile, writeAtomically } from "./files.ts";
import { programLimitBytes, translateSeccomp } from "./seccomp-library.ts";
import { machine, SyscallError } from "./syscall.ts";

/** Bump when compilation changes: it is part of every cache key. */
const compilerVersion = 3;
const memoryCacheLimit = 64;
/** One is a few KB; a machine has few profiles, but who writes them may put a name of its own into each. */
const diskCacheLimit = 32;
const memoryCache = new Map<string, Uint8Array>();

/**
 * The profile as `struct sock_filter[]` for the `seccomp` op. `cacheDirectory` keeps programs across engines;
 * it is made when missing. Throws `TiffinError` `invalid` for words that a profile may not contain,
 * `unavailable` without libseccomp.
 */
export function compileSeccomp(profile: SeccompProfile, cacheDirectory?: string): Uint8Array {
  const key = cacheKey(profile);
  const known = memoryCache.get(key) ?? readCached(key, cacheDirectory);
  if (known !== undefined) {
    remember(key, known);
    return known;
  }
  const program = shortenFilter(translateSeccomp(profile));
  remember(key, program);
  writeCached(key, program, cacheDirectory);
  return program;
}

function remember(key: string, program: Uint8Array): void {
  memoryCache.delete(key);
  memoryCache.set(key, program);
  const oldest = memoryCache.keys().next().value;
  if (memoryCache.size > memoryCacheLimit && oldest !== undefined) memoryCache.delete(oldest);
}

function cacheKey(profile: SeccompProfile): string {
  const text = JSON.stringify([compilerVersion, machine, profile], (_, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : value,
  );
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

const digestBytes = 32;

function digestOf(key: string, program: Uint8Array): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(key).update(program).digest();
}

/** A cached file is the digest of key and program, then the program: a torn or foreign file is no program. */
function readCached(key: string, directory: string | undefined): Uint8Array | undefined {
  if (directory === undefined) return undefined;
  try {
    const content = readBytes(`${directory}/${key}.bpf`, programLimitBytes + digestBytes);
    const program = content.slice(digestBytes);
    const good = Buffer.compare(digestOf(key, program), content.subarray(0, digestBytes)) === 0;
    return good && program.length > 0 ? program : undefined;
  } catch (thrown) {
    if (thrown instanceof SyscallError) return undefined;
    throw thrown;
  }
}

/** The cache saves time and nothing else, so a full disk does not stop a container. */
function writeCached(key: string, program: Uint8Array, directory: string | undefined): void {
  if (directory === undefined) return;
  try {
    makeDirectory(directory, 0o700);
    writeAtomically(`${directory}/${key}.bpf`, Buffer.concat([digestOf(key, program), program]));
    dropOldest(directory);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
  }
}

/** Also of what a killed writer has left. */
function dropOldest(path: string): void {
  using directory = openFile(undefined, path, openFlags.readOnly | openFlags.directory);
  const entries = listDirectory(directory, path);
  if (entries.length <= diskCacheLimit) return;
  const byAge = entries.map(({ name }) => ({
    name,
    modifiedAtNs: fileStatus(name, directory)?.modifiedAtNs ?? 0n,
  }));
  byAge.sort((a, b) => (a.modifiedAtNs < b.modifiedAtNs ? -1 : 1));
  for (const { name } of byAge.slice(0, -diskCacheLimit)) removeFile(name, directory);
}
