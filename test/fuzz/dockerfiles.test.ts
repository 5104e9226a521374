/**
 * Dockerfiles made of parts of real ones, put together and damaged at random: each is taken or refused in words, in time, whatever it
 * says. `TIFFIN_FUZZ_SEED` chooses them, `TIFFIN_FUZZ=full` tries a hundred times as many.
 */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { DockerfileError, parseDockerfile } from "../../src/docker/dockerfile/parse-dockerfile.ts";
import { compileDockerfile } from "../../src/engine/build/compile/mod.ts";

const seed = Number(process.env["TIFFIN_FUZZ_SEED"] ?? "1");
const rounds = process.env["TIFFIN_FUZZ"] === "full" ? 200_000 : 2000;
const corpus = `${import.meta.dir}/../compat/programs/dockerfiles`;
const lines = readdirSync(corpus)
  .filter((name) => name.endsWith(".Dockerfile"))
  .flatMap((name) => readFileSync(`${corpus}/${name}`, "utf8").split("\n"));
/** `@` stands for a dollar sign. */
const odd = [
  ..."@ @{ } \\ ` \" ' # << <<-EOF EOF = , : -- [ ] * ? ** // .. \0 \u2028 \ufeff".split(" "),
  ..."@{A:-@{B:-@{C}}} @{x/a*/b} @{x##*} @{:-} --mount=type=cache,target=/x, --from= constructor __proto__".split(
    " ",
  ),
  "\n",
  "\r\n",
  "\t",
  "\\\n",
].map((text) => text.replaceAll("@", "$"));

/** The same numbers for the same seed. */
function numbersFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function made(next: () => number): string {
  const pick = (from: readonly string[]): string => from[Math.floor(next() * from.length)] ?? "";
  const some = ["FROM base", ...Array.from({ length: 1 + Math.floor(next() * 12) }, () => pick(lines))];
  let text = some.join("\n");
  for (let damage = Math.floor(next() * 4); damage > 0; damage -= 1) {
    const at = Math.floor(next() * text.length);
    const gone = Math.floor(next() * 6);
    text = text.slice(0, at) + pick(odd) + text.slice(at + gone);
  }
  return text;
}

const host = { os: "linux", architecture: "amd64", variant: "" };

function compile(text: string): void {
  compileDockerfile({
    file: parseDockerfile(text),
    target: "",
    arguments: () => undefined,
    argumentNames: [],
    host,
    platform: host,
    platformPrefix: "",
    labels: {},
    noCache: false,
    noCacheStages: [],
    pull: false,
    network: "default",
    entitlements: new Set(),
    contexts: new Map([["context", { kind: "local", local: { receive: async () => undefined } }]]),
    ignored: new Map(),
    bases: new Map(),
  });
}

test("whatever a Dockerfile says, it is compiled or refused in words, at a line that it has", () => {
  const next = numbersFrom(seed);
  for (let round = 0; round < rounds; round += 1) {
    const text = made(next);
    try {
      compile(text);
    } catch (thrown) {
      if (!(thrown instanceof DockerfileError))
        throw new Error(`${JSON.stringify(text)}: ${String(thrown)}`, { cause: thrown });
      expect(thrown.message).not.toMatch(/^$|undefined|is not a function|Cannot read/);
      expect(thrown.firstLine).toBeGreaterThan(0);
      expect(thrown.firstLine).toBeLessThanOrEqual(text.split("\n").length);
    }
  }
});
