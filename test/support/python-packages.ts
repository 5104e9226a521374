/** Python programs with packages of exact versions from the registry, in a directory that stays from run to run. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

/** A Python that has `pip`, which may be a package of its own. */
const python = [Bun.which("python3"), "/usr/bin/python3"].find(
  (path): path is string =>
    path !== null &&
    existsSync(path) &&
    Bun.spawnSync([path, "-m", "pip", "--version"], { stdout: "ignore", stderr: "ignore" }).success,
);

export type PythonPackages =
  | { readonly command: readonly string[] }
  /** Why there are none. */
  | { readonly missing: string };

/** A registry out of reach is no failure of what is tested. */
export function pythonPackages(name: string, requirements: readonly string[]): PythonPackages {
  if (python === undefined) return { missing: "no python3 with pip is installed" };
  const directory = join(import.meta.dir, "../../.build", `python-${name}`);
  if (!existsSync(directory)) {
    const unfinished = `${directory}.${process.pid}`;
    const options = [
      "--quiet",
      "--disable-pip-version-check",
      "--no-deps",
      "--only-binary=:all:",
      "--retries=1",
    ];
    const pip = Bun.spawnSync(
      [python, "-m", "pip", "install", ...options, "--target", unfinished, ...requirements],
      {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
        timeout: 60_000,
      },
    );
    if (pip.exitCode !== 0) {
      rmSync(unfinished, { recursive: true, force: true });
      const said = pip.stderr.toString().trim().split("\n").at(-1) ?? "";
      return { missing: `pip cannot install it: ${said}` };
    }
    renameSync(unfinished, directory);
  }
  return { command: ["env", `PYTHONPATH=${directory}`, python] };
}
