/**
 * What the start of the engine loads: everything that its entry point reaches by imports that are not `import()`. Loading is most of
 * the time until its first answer, so what only some requests want is imported by them.
 */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const transpiler = new Bun.Transpiler({ loader: "ts" });
const builtIn = /^(?:node:|bun(?::|$))/;

export interface Reached {
  /** Files below `source`, by the file that wants them first. */
  readonly files: ReadonlyMap<string, string>;
  /** Installed packages, likewise. */
  readonly packages: ReadonlyMap<string, string>;
}

/** What `entry`, a file below `source`, loads with itself. */
export function reachedFrom(source: string, entry: string): Reached {
  const files = new Map<string, string>([[entry, ""]]);
  const packages = new Map<string, string>();
  for (const [file] of files) {
    const path = join(source, file);
    for (const { kind, path: specifier } of transpiler.scanImports(readFileSync(path, "utf8"))) {
      if (kind !== "import-statement" || builtIn.test(specifier)) continue;
      if (!specifier.startsWith(".")) {
        if (!packages.has(specifier)) packages.set(specifier, file);
        continue;
      }
      const target = relative(source, join(dirname(path), specifier));
      if (target.endsWith(".ts") && !files.has(target)) files.set(target, file);
    }
  }
  return { files, packages };
}

/** How `file` comes to be loaded: who wants it, who wants that one, up to the entry point. */
export function wayTo({ files }: Reached, file: string): string[] {
  const way = [file];
  for (let by = files.get(file); by !== undefined && by !== ""; by = files.get(by)) way.push(by);
  return way;
}
