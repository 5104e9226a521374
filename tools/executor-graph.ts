/**
 * Which file of the executor needs which other: by what the linker joins (`nm` of the objects, so macros and inline
 * functions count as what they became), and by `#include`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** File -> files it needs. */
export type FileGraph = ReadonlyMap<string, readonly string[]>;

/** One line of `nm -P`: a name, and a letter for what the object has of it. */
const symbolLine = /^(\S+) (\S)/;

/** The graph of one program, from what `nm -P` says of the object of each of its sources. */
export function linkGraph(symbols: ReadonlyMap<string, string>): FileGraph {
  const definedBy = new Map<string, string>();
  const wantedBy = new Map<string, string[]>();
  for (const [file, listing] of symbols) {
    const wanted: string[] = [];
    for (const line of listing.split("\n")) {
      const [, name = "", kind = ""] = symbolLine.exec(line) ?? [];
      if (kind === "U") wanted.push(name);
      else if (/[A-Z]/.test(kind)) definedBy.set(name, file);
    }
    wantedBy.set(file, wanted);
  }
  return new Map(
    [...wantedBy].map(([file, names]) => {
      const needed = names.flatMap((name) => definedBy.get(name) ?? []);
      return [file, [...new Set(needed)].filter((other) => other !== file).sort()];
    }),
  );
}

/** The sources below `directory` with this ending, without what is built from them. */
export function sourcesIn(directory: string, ending: RegExp): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => ending.test(name) && !name.startsWith("build/"))
    .sort();
}

/** What `nm` says of the objects of `sources`, which `make` has built. */
export function readSymbols(directory: string, sources: readonly string[]): Map<string, string> {
  return new Map(
    sources.map((source) => {
      const object = join(directory, "build", source.replace(/\.c$/, ".o"));
      const listing = Bun.spawnSync(["nm", "-P", object]);
      if (listing.success) return [source, listing.stdout.toString()];
      throw new Error(`nm ${object}: ${listing.stderr.toString().trim()}: run make -C executor first`);
    }),
  );
}

/** `#include "..."` of all files: first beside the file, then from the top, as the compiler looks. */
export function includeGraph(directory: string): FileGraph {
  return new Map(
    sourcesIn(directory, /\.[ch]$/).map((file) => {
      const text = readFileSync(join(directory, file), "utf8");
      const included = [...text.matchAll(/^#include "([^"]+)"/gm)].map(([, name = ""]) => {
        const beside = join(file, "..", name);
        return existsSync(join(directory, beside)) ? beside : name;
      });
      return [file, included];
    }),
  );
}
