/** Which OCI runtimes containers may have: the engine itself, those that the host has, and those that its settings name. */
import { TiffinError } from "../lib/errors.ts";
import { own } from "../lib/own.ts";
import { type EngineConfig, ownRuntime, type RuntimeProgram } from "./config.ts";

/** Taken where they are installed, without a setting. */
const usual = ["crun", "runc"];
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function installed(name: string): string | undefined {
  return Bun.which(name, { PATH: searchPath }) ?? undefined;
}

/** All that can be asked for; the engine's own is not among them. */
export function foreignRuntimes({ runtimes }: EngineConfig): Readonly<Record<string, RuntimeProgram>> {
  const found = usual.flatMap((name): [string, RuntimeProgram][] => {
    const path = installed(name);
    return path === undefined ? [] : [[name, { path, arguments: [] }]];
  });
  return { ...Object.fromEntries(found), ...runtimes };
}

/** The program behind `name`. Errors: `invalid` for a name that nobody knows, `unavailable` for a program that is gone. */
export function runtimeProgram(config: EngineConfig, name: string): RuntimeProgram {
  const known = foreignRuntimes(config);
  const program = own(known, name);
  if (program === undefined) {
    throw new TiffinError("invalid", "container.runtime", `unknown or invalid runtime name: ${name}`, {
      remedy: `known are ${[ownRuntime, ...Object.keys(known)].join(", ")}: install it, or name its program in runtimes of tiffin.json`,
      exitCode: 125,
    });
  }
  const path = installed(program.path);
  if (path !== undefined) return { ...program, path };
  throw new TiffinError(
    "unavailable",
    "container.runtime-missing",
    `the runtime ${name} cannot be used: ${program.path} is no program: no such file, or it may not be executed`,
    { remedy: "install it, or correct its path in runtimes of tiffin.json", exitCode: 125 },
  );
}

/** The directory of the host over which the bundle of a start is mounted, for its runtime alone. It stays empty. */
export function foreignPlace({ run }: EngineConfig): string {
  return `${run}/bundle`;
}
