/** Programs and libraries of exact versions from npm's registry, in a directory that stays from run to run. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

export type NodePackages =
  | { readonly directory: string }
  /** Why there are none. */
  | { readonly missing: string };

/** A registry out of reach is no failure of what is tested. No script of a package is run. */
export function nodePackages(name: string, packages: readonly string[]): NodePackages {
  if (Bun.which("node") === null || Bun.which("npm") === null)
    return { missing: "no node with npm is installed" };
  const directory = join(import.meta.dir, "../../.build", `node-${name}`);
  if (!existsSync(directory)) {
    const unfinished = `${directory}.${process.pid}`;
    const options = ["--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional", "--loglevel=error"];
    const npm = Bun.spawnSync(["npm", "install", "--prefix", unfinished, ...options, ...packages], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: 90_000,
    });
    if (npm.exitCode !== 0) {
      rmSync(unfinished, { recursive: true, force: true });
      const said = npm.stderr.toString().trim().split("\n")[0] ?? "";
      return { missing: `npm cannot install it: ${said}` };
    }
    renameSync(unfinished, directory);
  }
  return { directory };
}
