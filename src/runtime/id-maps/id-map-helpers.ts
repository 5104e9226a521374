/**
 * The id maps of an ordinary user's container with more than the own id: written by the set-uid programs newuidmap(1)
 * and newgidmap(1), which check the ranges that /etc/subuid and /etc/subgid grant to whoever calls them.
 */
import { exists } from "../../kernel/files.ts";
import { readToEnd } from "../../kernel/io.ts";
import { exitCodeOf, reapChild } from "../../kernel/pidfd.ts";
import { socketPair } from "../../kernel/socket-pair.ts";
import { spawn } from "../../kernel/spawn.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { LinuxSpec, OciIdMapping } from "../../oci/mod.ts";

/** Of whoever asks: PATH says where the programs are. */
type Environment = Readonly<Record<string, string | undefined>>;

const defaultPath = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";
const saidLimitBytes = 64 * 1024;

/**
 * Maps the ids of the new user namespace that process `pid` is in. Throws `unavailable` when a program is missing,
 * `forbidden` when it refuses.
 */
export function mapIdsByHelpers(env: Environment, linux: LinuxSpec, pid: number): void {
  runHelper(env, "newuidmap", "uidMappings", linux.uidMappings ?? [], pid);
  runHelper(env, "newgidmap", "gidMappings", linux.gidMappings ?? [], pid);
}

function runHelper(
  env: Environment,
  name: string,
  field: "uidMappings" | "gidMappings",
  mappings: readonly OciIdMapping[],
  pid: number,
): void {
  const path = env["PATH"] ?? defaultPath;
  const program = path
    .split(":")
    .map((directory) => `${directory}/${name}`)
    .find((candidate) => candidate.startsWith("/") && exists(candidate));
  if (program === undefined) {
    throw new TiffinError(
      "unavailable",
      "runtime.no-id-map-helper",
      `linux.${field} maps more than the caller's own id, which takes ${name}, and PATH has no such program`,
      { remedy: "install it (Debian: the package uidmap), or map the own id alone" },
    );
  }
  const rows = mappings.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size].map(String));
  const { code, said } = outcomeOf(program, [name, String(pid), ...rows]);
  if (code === 0) return;
  throw new TiffinError(
    "forbidden",
    "runtime.id-map-refused",
    `linux.${field} was not accepted: ${said === "" ? `${name} exited with ${code}` : said}`,
    { remedy: `grant the range to this user in /etc/${name === "newuidmap" ? "subuid" : "subgid"}` },
  );
}

function outcomeOf(
  program: string,
  argv: readonly string[],
): { readonly code: number; readonly said: string } {
  const [ours, theirs] = socketPair(`output of ${program}`);
  using output = ours;
  const pid = spawn({ executable: program, argv, fds: [[theirs, 2]] });
  theirs[Symbol.dispose]();
  const said = new TextDecoder().decode(readToEnd(output, saidLimitBytes)).trim();
  const end = reapChild(pid, { block: true });
  return { code: end === "running" || end === "gone" ? 255 : exitCodeOf(end), said };
}
