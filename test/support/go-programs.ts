/** Clients that are Go modules, and programs that use such modules, built by tools/go-programs.sh from one set of exact versions. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const project = join(import.meta.dir, "../..");
const directory = join(project, ".build/go/bin");

export type GoProgram = "api" | "containers" | "docker" | "docker-compose" | "reaper";

export type GoPrograms =
  | { readonly path: (name: GoProgram) => string }
  /** Why there are none. */
  | { readonly missing: string };

/** Waits for a build that is under way; why it cannot be. A registry out of reach is no failure of what is tested. */
function failureOf(script: string, ...words: readonly string[]): string | undefined {
  if (Bun.which("go") === null) return "no go is installed";
  const built = Bun.spawnSync([join(project, "tools", script), ...words], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  if (built.exitCode === 0) return undefined;
  return `go cannot build it: ${built.stderr.toString().trim().split("\n").at(-1) ?? ""}`;
}

export function goPrograms(): GoPrograms {
  const missing = failureOf("go-programs.sh");
  if (missing !== undefined) return { missing };
  return {
    path(name) {
      const path = join(directory, name);
      if (!existsSync(path)) throw new Error(`tools/go-programs.sh builds no ${name}`);
      return path;
    },
  };
}

/** A client that tools/go-client.sh builds by itself, from what it was published with. */
export type GoClient = "act" | "dive" | "prometheus" | "traefik";

export function goClient(name: GoClient): { readonly path: string } | { readonly missing: string } {
  const missing = failureOf("go-client.sh", name);
  return missing === undefined ? { path: join(directory, name) } : { missing };
}

/** The version of a program that is built as it is published. */
export function goClientVersion(name: GoClient): string {
  const script = readFileSync(join(project, "tools/go-client.sh"), "utf8");
  const version = new RegExp(`^ +\\[${name}\\]=.*@v(.+)$`, "m").exec(script)?.[1];
  if (version === undefined) throw new Error(`tools/go-client.sh does not name ${name}`);
  return version;
}

/** The version of a module that the programs are built from. */
export function goModuleVersion(module: string, programs: "go" | GoClient = "go"): string {
  const file = readFileSync(join(project, "test/compat/programs", programs, "go.mod"), "utf8");
  const lines = file.split("\n").map((each) => each.replace(/^require/, "").trim());
  const version = lines.find((each) => each.startsWith(`${module} v`))?.split(" ")[1];
  if (version === undefined) throw new Error(`go.mod does not name ${module}`);
  return version.replace("+incompatible", "");
}
