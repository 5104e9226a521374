/**
 * Who may import whom. `findViolations` walks every import of `src/` (types included) and names the broken rule;
 * `layers.test.ts` runs it. A folder may always import itself.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** Layer -> layers it may import. The picture of the same rules is in docs/ARCHITECTURE.md. */
export const layers: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  linux: ["lib"],
  abi: ["lib", "linux"],
  oci: ["lib", "linux"],
  docker: ["lib"],
  archive: ["lib"],
  plan: ["lib", "linux", "abi", "oci"],
  transport: ["lib"],
  kernel: ["lib", "linux"],
  runtime: ["lib", "linux", "abi", "oci", "plan", "kernel", "transport"],
  engine: ["lib", "linux", "abi", "oci", "docker", "archive", "plan", "kernel", "runtime", "transport"],
  api: ["lib", "docker", "transport"],
  client: ["lib", "docker", "transport"],
  cli: ["lib", "docker", "client"],
  main: [
    "lib",
    "linux",
    "abi",
    "oci",
    "docker",
    "archive",
    "plan",
    "kernel",
    "runtime",
    "engine",
    "api",
    "client",
    "cli",
    "transport",
  ],
};

/** Layers that touch nothing outside memory: no files, no clock, no runtime of any kind. */
const pureLayers = ["linux", "abi", "oci", "docker", "archive", "plan"];

/** Modules and calls that belong to few places, with what to use instead. */
const bans: readonly { readonly pattern: RegExp; readonly allowed: RegExp; readonly instead: string }[] = [
  { pattern: /from "bun:ffi"|import\("bun:ffi"\)/, allowed: /^kernel\//, instead: "a wrapper in src/kernel" },
  { pattern: /\bprocess\.exit\(/, allowed: /^main\//, instead: "returning an exit code to src/main" },
  { pattern: /\bBun\.spawn(Sync)?\(|node:child_process/, allowed: /^main\//, instead: "src/kernel/spawn.ts" },
  {
    pattern: /\bDate\.now\(|\bMath\.random\(/,
    allowed: /^lib\//,
    instead: "src/lib/clock.ts or src/lib/ids.ts",
  },
  {
    pattern: /\bset(Timeout|Interval)\(|\bBun\.sleep\(|node:timers|\bAbortSignal\.timeout\(/,
    allowed: /^lib\/timer\.ts$/,
    instead: "src/lib/timer.ts, which takes numbers beyond 2^31 ms",
  },
  { pattern: /\bconsole\./, allowed: /^$/, instead: "the log or the io given to the command" },
];

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

function sourceFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => join(directory, name));
}

const importPattern =
  /^\s*(?:import|export)\b[^"']*?from\s+["']([^"']+)["']|^\s*import\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/;

function checkImport(source: string, file: string, line: number, specifier: string): Violation | undefined {
  const own = relative(source, file).split("/")[0] ?? "";
  const pure = pureLayers.includes(own);
  if (!specifier.startsWith(".")) {
    const foreign = specifier.startsWith("bun") || specifier.startsWith("node:");
    if (pure && foreign) return { file, line, text: `${own} is pure and must not import ${specifier}` };
    return undefined;
  }
  const target = relative(source, join(dirname(file), specifier)).split("/")[0] ?? "";
  if (target === own || target === "..") return undefined;
  const allowed = layers[own];
  if (allowed === undefined) return { file, line, text: `folder src/${own} is not in tools/layers.ts` };
  if (allowed.includes(target)) return undefined;
  return {
    file,
    line,
    text: `${own} must not import ${target}; it may import ${allowed.join(", ") || "nothing"}`,
  };
}

/** All broken rules below `source` (the `src` directory), in file order. */
export function findViolations(source: string): Violation[] {
  const violations: Violation[] = [];
  for (const file of sourceFiles(source)) {
    const name = relative(source, file);
    for (const [index, text] of readFileSync(file, "utf8").split("\n").entries()) {
      const match = importPattern.exec(text) ?? /^\}\s*from\s+["']([^"']+)["']/.exec(text);
      const specifier = match?.[1] ?? match?.[2] ?? match?.[3];
      if (specifier !== undefined) {
        const violation = checkImport(source, file, index + 1, specifier);
        if (violation !== undefined) violations.push(violation);
      }
      if (/^\s*(\*|\/\/)/.test(text)) continue;
      for (const ban of bans) {
        if (ban.pattern.test(text) && !ban.allowed.test(name)) {
          violations.push({ file, line: index + 1, text: `${text.trim()}: use ${ban.instead}` });
        }
      }
    }
  }
  return violations;
}

/** Import cycles among the files below `source`, each as the list of files on it. Type-only edges count. */
export function findCycles(source: string): string[][] {
  const edges = new Map<string, string[]>();
  for (const file of sourceFiles(source)) {
    const found: string[] = [];
    for (const match of readFileSync(file, "utf8").matchAll(/from\s+["'](\.[^"']+)["']/g)) {
      if (match[1] !== undefined) found.push(join(dirname(file), match[1]));
    }
    edges.set(file, found);
  }
  const cycles: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      cycles.push(path.slice(at).map((name) => relative(source, name)));
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const next of edges.get(file) ?? []) visit(next);
    path.pop();
    done.add(file);
  };
  for (const file of edges.keys()) visit(file);
  return cycles;
}
