/** The npm packages as a user gets them: packed, installed in an empty project, on Node and on Bun, against a real engine. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { makeClientPackage } from "../../tools/package/npm/npm.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = join(import.meta.dir, "../..");
const examples = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".ts"));
const directory = temporaryDirectory("npm");
const project = join(directory.path, "project");
const runtimes = { node: ["node"], bun: [process.execPath] } as const;
let engine: TestEngine;

async function run(words: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) {
  const child = Bun.spawn([...words], {
    cwd,
    env: { ...process.env, npm_config_update_notifier: "false", npm_config_fund: "false", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  return await outcomeOf(child);
}

async function succeed(words: readonly string[], cwd: string): Promise<string> {
  const done = await run(words, cwd);
  expect(done, `${words.join(" ")}: ${done.stdout}${done.stderr}`).toMatchObject({ code: 0 });
  return done.stdout.trim();
}

const readme = readFileSync(join(root, "README.md"), "utf8");

/** The program of the README, and what it says that it prints. */
const [, readmeProgram = "", readmeOutput = ""] =
  /```ts\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/.exec(readme) ?? [];
const readmeExample = `${readmeProgram}\n/* prints\n${readmeOutput}*/\n`;

/** Programs by the name of their file, the README's among them. */
const programs = new Map([
  ...examples.map((name) => [name, readFileSync(join(root, "examples", name), "utf8")] as const),
  ["readme.ts", readmeExample],
]);

/** What stands in for the hundred megabytes of the program. */
function makeProgramPackage(): string {
  const made = join(directory.path, "program");
  const cpu = process.arch === "x64" ? "x64" : "arm64";
  mkdirSync(made);
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  writeFileSync(
    join(made, "package.json"),
    JSON.stringify({ name: `tiffin-linux-${cpu}`, version, os: ["linux"], cpu: [cpu] }),
  );
  writeFileSync(join(made, "tiffin"), '#!/bin/sh\necho "the program: $*"\n');
  chmodSync(join(made, "tiffin"), 0o755);
  return made;
}

/** The examples as a user compiles them, by the package's own declarations. */
async function compileExamples(): Promise<void> {
  mkdirSync(join(project, "src"));
  for (const [name, text] of programs) writeFileSync(join(project, "src", name), text);
  const options = {
    target: "ES2022",
    lib: ["ES2022", "ESNext.Disposable"],
    module: "NodeNext",
    moduleResolution: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ["node"],
    typeRoots: [join(root, "node_modules/@types")],
    outDir: "compiled",
    rootDir: "src",
  };
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({ compilerOptions: options, include: ["src"] }),
  );
  await succeed([join(root, "node_modules/.bin/tsc")], project);
}

beforeAll(async () => {
  mkdirSync(project);
  const made = makeClientPackage(directory.path);
  const tarball = await succeed(["npm", "pack", "--silent", "--pack-destination", directory.path], made);
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "empty", private: true, type: "module" }),
  );
  const packed = join(directory.path, basename(tarball));
  await succeed(["npm", "install", "--offline", "--no-audit", makeProgramPackage(), packed], project);
  await compileExamples();
  engine = await startEngine();
}, 120_000);

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

/** What the comment at the end of an example says that it prints. */
function promisedBy(example: string): string {
  return /\/\* prints\n([\s\S]*)\*\/\n$/.exec(programs.get(example) ?? "")?.[1] ?? "";
}

describe.each(Object.entries(runtimes))("on %s", (_name, words) => {
  test.each([...programs.keys()])(
    "the example %s prints what it promises",
    async (example) => {
      const compiled = join(project, "compiled", example.replace(/ts$/, "js"));
      const done = await run([...words, compiled], project, { TIFFIN_HOST: engine.host });
      expect(done).toEqual({ code: 0, stdout: promisedBy(example), stderr: "" });
    },
    60_000,
  );
});

test("the package depends on nothing but the program of this machine", () => {
  const document = JSON.parse(readFileSync(join(project, "node_modules/tiffin/package.json"), "utf8"));
  expect(document.dependencies).toBeUndefined();
  expect(Object.keys(document.optionalDependencies)).toEqual(["tiffin-linux-x64", "tiffin-linux-arm64"]);
  const installed = readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."));
  expect(installed.sort()).toEqual(["tiffin", `tiffin-linux-${process.arch}`].sort());
});

test("the command of the package becomes the program", async () => {
  const done = await run(["node_modules/.bin/tiffin", "ps", "-a"], project);
  expect(done).toEqual({ code: 0, stdout: "the program: ps -a\n", stderr: "" });
});

test("without the program the command says what to install", async () => {
  const bare = join(directory.path, "bare/node_modules/tiffin/bin");
  mkdirSync(bare, { recursive: true });
  await succeed(["cp", join(project, "node_modules/tiffin/bin/tiffin"), bare], directory.path);
  const done = await run([join(bare, "tiffin"), "ps"], directory.path);
  expect(done.code).toBe(1);
  expect(done.stderr).toMatch(/^tiffin: the package tiffin-linux-\w+ is not installed; /);
});
