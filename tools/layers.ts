/**
 * Who may import whom. `findViolations` walks every import of `src/` (types included) and names the broken rule;
 * `layers.test.ts` runs it. A folder may always import itself.
 *
 * A folder with a `mod.ts` is a room, and that file is its door: from outside nothing else in it may be imported,
 * neither by another layer nor by a neighbour. Folders beside each other form no circle, with doors or without
 * (`findFolderCircles`).
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { own } from "../src/lib/own.ts";
import { circlesOf } from "./circles.ts";

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
  buildkit: ["lib"],
  kernel: ["lib", "linux"],
  runtime: ["lib", "linux", "abi", "oci", "plan", "kernel", "transport"],
  "oci-runtime": ["lib", "linux", "abi", "oci", "plan", "kernel", "runtime"],
  lab: ["lib", "linux", "kernel"],
  observe: ["lib", "linux", "kernel"],
  engine: [
    "lib",
    "linux",
    "abi",
    "oci",
    "docker",
    "archive",
    "plan",
    "kernel",
    "runtime",
    "transport",
    "buildkit",
  ],
  api: ["lib", "docker", "transport"],
  client: ["lib", "docker", "archive", "transport"],
  // The package for programs: what it is made of runs on Node, too.
  sdk: ["lib", "docker", "archive", "client"],
  // Of the bench and of observation the command line knows the names, by side doors.
  cli: ["lib", "docker", "archive", "client", "lab", "observe"],
  // Commands of the command line, performed in the engine's process; of the API it knows the handler that it is given.
  front: ["lib", "linux", "abi", "client", "cli", "transport"],
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
    "oci-runtime",
    "lab",
    "observe",
    "engine",
    "api",
    "client",
    "cli",
    "front",
    "transport",
  ],
};

/** Layers that touch nothing outside memory: no files, no clock, no runtime of any kind. */
const pureLayers = ["linux", "abi", "oci", "docker", "archive", "plan"];

/**
 * Layers with a door that some may go round: the OCI runtime's start loads no more of them than it needs, and decoders of
 * documents are loaded by who decodes them.
 */
const deepImporters: Readonly<Record<string, readonly string[]>> = {
  plan: ["oci-runtime"],
  runtime: ["oci-runtime"],
  oci: ["oci-runtime", "engine"],
};

/** Files that may be imported past a door, because the door would load all that is behind it. */
const sideDoors: Readonly<Record<string, string>> = {
  "engine/config.ts": "the default places, which the command line wants without an engine",
  "plan/explain-failure.ts": "the words of a failure, loaded when there is one",
  "lab/outline.ts": "the bench's commands as data, for help and completion, without the bench",
  "observe/outline.ts": "the views of a process as data, for help and completion, without what reads them",
  "cli/template/quote.ts": "one function, which `ps` wants without the template language",
};

/** Modules and calls that belong to few places, with what to use instead. */
const bans: readonly { readonly pattern: RegExp; readonly allowed: RegExp; readonly instead: string }[] = [
  { pattern: /from "bun:ffi"|import\("bun:ffi"\)/, allowed: /^kernel\//, instead: "a wrapper in src/kernel" },
  { pattern: /\bprocess\.exit\(/, allowed: /^main\//, instead: "returning an exit code to src/main" },
  {
    pattern: /\bBun\.spawn(Sync)?\(|node:child_process/,
    allowed: /^(?:main\/|client\/dial\.ts$)/,
    instead: "src/kernel/spawn.ts",
  },
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
  {
    pattern: /from "[./]+\/docker\/types\/host-config\.ts"/,
    allowed: /^(?:cli|engine\/container\/(?:docker|view))\//,
    instead:
      "the fields of a ContainerSpecification: src/engine/container/docker alone reads Docker's documents",
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

/** The door that an import from `file` goes round, with `target` relative to `source`; undefined when it goes through. */
function passedDoor(source: string, file: string, target: string): string | undefined {
  if (sideDoors[target] !== undefined) return undefined;
  const folders = dirname(target).split("/");
  const importer = file.split("/")[0] ?? "";
  for (const index of folders.keys()) {
    const folder = folders.slice(0, index + 1).join("/");
    if (file.startsWith(`${folder}/`) || own(deepImporters, folder)?.includes(importer) === true) continue;
    if (existsSync(join(source, folder, "mod.ts"))) {
      // Behind this door there are others, which are its own to enter.
      return target === `${folder}/mod.ts` ? undefined : `${folder}/mod.ts`;
    }
  }
  return undefined;
}

function checkImport(source: string, file: string, line: number, specifier: string): Violation | undefined {
  const own = relative(source, file).split("/")[0] ?? "";
  const pure = pureLayers.includes(own);
  if (!specifier.startsWith(".")) {
    const foreign = specifier.startsWith("bun") || specifier.startsWith("node:");
    if (pure && foreign) return { file, line, text: `${own} is pure and must not import ${specifier}` };
    return undefined;
  }
  const path = relative(source, join(dirname(file), specifier));
  const target = path.split("/")[0] ?? "";
  if (target === "..") return undefined;
  const allowed = layers[own];
  if (target !== own && allowed === undefined) {
    return { file, line, text: `folder src/${own} is not in tools/layers.ts` };
  }
  if (target !== own && allowed?.includes(target) === false) {
    const wanted = allowed.join(", ") || "nothing";
    return { file, line, text: `${own} must not import ${target}; it may import ${wanted}` };
  }
  const door = passedDoor(source, relative(source, file), path);
  if (door === undefined) return undefined;
  return { file, line, text: `${path} is behind a door: import from ${door}, which may export it` };
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

/** The files that each file below `source` imports. */
function importsBelow(source: string): Map<string, string[]> {
  const edges = new Map<string, string[]>();
  for (const file of sourceFiles(source)) {
    const found: string[] = [];
    for (const match of readFileSync(file, "utf8").matchAll(/from\s+["'](\.[^"']+)["']/g)) {
      if (match[1] !== undefined) found.push(join(dirname(file), match[1]));
    }
    edges.set(file, found);
  }
  return edges;
}

/** Import cycles among the files below `source`, each as the list of files on it. Type-only edges count. */
export function findCycles(source: string): string[][] {
  return circlesOf(importsBelow(source)).map((circle) => circle.map((file) => relative(source, file)));
}

/**
 * Circles among folders that stand beside each other: a file here needs one there, and another there one here. No file
 * need be on a circle for that, but neither folder can then be understood without the other.
 */
export function findFolderCircles(source: string): string[][] {
  const folders = new Map<string, Set<string>>();
  for (const [file, targets] of importsBelow(source)) {
    for (const target of targets) {
      const from = relative(source, file).split("/");
      const to = relative(source, target).split("/");
      const split = from.findIndex((name, index) => name !== to[index]);
      if (split < 0 || split >= from.length - 1 || split >= to.length - 1) continue;
      const [own = "", other = ""] = [from, to].map((names) => names.slice(0, split + 1).join("/"));
      folders.set(own, (folders.get(own) ?? new Set()).add(other));
    }
  }
  return circlesOf(folders);
}
