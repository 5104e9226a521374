/**
 * Look-ups of names from outside in plain objects: `table[name]` finds `constructor` and `__proto__` in every one of them.
 * `findLookups` reads all of `src/` for objects with any names (`Record<string, ...>`) that are indexed by something that is not
 * a literal, without `Object.hasOwn` before it or `own` of src/lib/own.ts; `lookups.test.ts` runs it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

export interface Lookup {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** Where the names are this program's own, with the reason. */
const ownNames: readonly (readonly [file: string, text: string, why: string])[] = [
  ["src/plan/render-shell.ts", "unshareWords[kind]", "the kinds of a table"],
  ["src/plan/unused-slots.ts", "schema[field]", "the fields of an operation"],
  ["src/plan/testdata/check-plan.ts", "values[field]", "the fields of an operation"],
  ["src/abi/message.ts", "values[field]", "the fields of a message"],
  ["src/abi/encode.ts", "values[field.name]", "the fields of an operation"],
  ["src/cli/exit-reports.ts", "numbers[signal]", "Node's names of signals"],
  ["src/cli/commands/version.ts", "architectures[process.arch]", "Node's names of machines"],
  ["src/cli/flags/parse.ts", "this.values[name]", "the names of declared flags"],
  ["src/cli/testing/fake-io.ts", "options.files", "the paths of a test"],
  ["src/cli/container-config/port-specs.ts", "bindings[key]", "always `port/protocol`"],
  ["src/oci-runtime/criu/options.ts", "annotations?.[configAnnotation]", "a constant"],
  [
    "src/oci-runtime/resident/request.ts",
    "environment[name]",
    "written and read alike, and none of these is read",
  ],
];

/** `name: Readonly<Record<string, ...>>` of a constant, a parameter or a field. */
const declaration = /\b(\w+)\??: (?:Readonly<)?(?:Partial<)?Record<string,/g;

/** Look-ups in `text`, which stands for the file `file`. */
export function lookupsIn(file: string, text: string): Lookup[] {
  const names = new Set([...text.matchAll(declaration)].map((match) => match[1] ?? ""));
  if (names.size === 0) return [];
  const indexed = new RegExp(
    `\\b(${[...names].join("|")})(?:\\?\\.)?\\[(?!["'\`\\d\\]])([^\\]]+)\\](?! =[^=])`,
    "g",
  );
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    if (/^\s*(\*|\/\/|\/\*)/.test(line)) return [];
    return [...line.matchAll(indexed)].flatMap(([, name, key]) => {
      const guarded = `Object.hasOwn(${name}, ${key})`;
      if (lines.slice(Math.max(0, index - 3), index + 1).some((each) => each.includes(guarded))) return [];
      const known = ownNames.some(([where, what]) => where === file && line.includes(what));
      return known ? [] : [{ file, line: index + 1, text: line.trim() }];
    });
  });
}

export function findLookups(source: string): Lookup[] {
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .flatMap((name) => {
      const path = join(source, name);
      return lookupsIn(relative(join(source, ".."), path), readFileSync(path, "utf8"));
    });
}
