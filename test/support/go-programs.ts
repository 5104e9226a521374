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

/** Waits for a build that is under way. A registry out of reach is no failure of what is tested. */
export function goPrograms(): GoPrograms {
  if (Bun.which("go") === null) return { missing: "no go is installed" };
  const built = Bun.spawnSync([join(project, "tools/go-programs.sh")], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  if (built.exitCode !== 0) {
    const said = built.stderr.toString().trim().split("\n").at(-1) ?? "";
    return { missing: `go cannot build it: ${said}` };
  }
  return {
    path(name) {
      const path = join(directory, name);
      if (!existsSync(path)) throw new Error(`tools/go-programs.sh builds no ${name}`);
      return path;
    },
  };
}

/** The version of a module that the programs are built from. */
export function goModuleVersion(module: string): string {
  const file = readFileSync(join(project, "test/compat/programs/go/go.mod"), "utf8");
  const line = file.split("\n").find((each) => each.trim().startsWith(`${module} v`));
  const version = line?.trim().split(" ")[1];
  if (version === undefined) throw new Error(`go.mod does not name ${module}`);
  return version.replace("+incompatible", "");
}
