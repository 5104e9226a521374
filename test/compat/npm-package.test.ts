/** The npm packages as a user gets them: packed, installed in an empty project, on Node and on Bun, against a real engine. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { makeClientPackage } from "../../tools/package/npm/npm.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { nodePackages } from "../support/node-packages.ts";
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
const cancelling = "cancel-everything.ts";

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
  copyFileSync(join(import.meta.dir, "programs/npm", cancelling), join(project, "src", cancelling));
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

describe("whoever gives a call up is told so at once, and nothing is left to run", () => {
  test.each(Object.entries(runtimes))(
    "on %s",
    async (_name, words) => {
      const compiled = join(project, "compiled", cancelling.replace(/ts$/, "js"));
      const done = await run([...words, compiled], project, { TIFFIN_HOST: engine.host });
      expect(done).toEqual({ code: 0, stdout: "done\n", stderr: "" });
    },
    120_000,
  );
});

/** A consumer as strict as there are, in both kinds of module. */
const consumer = `import { connect, type Container, type Engine, errorKinds, TiffinError } from "tiffin";
export async function main(): Promise<readonly Container[]> {
  const engine: Engine = await connect();
  const made = await engine.containers.run("base", { command: ["true"] });
  try {
    for await (const { text } of made.logs()) text.trim();
  } catch (thrown) {
    if (thrown instanceof TiffinError && errorKinds.includes(thrown.kind)) return [];
    throw thrown;
  }
  return [made];
}
`;

interface Compiler {
  /** Of typescript. */
  readonly directory: string;
  readonly typeRoots: readonly string[];
}

/** What `tsc` says of the consumer, with neither declarations of libraries nor anything else left unchecked. */
async function compile(name: string, { directory: compiler, typeRoots }: Compiler, options: object) {
  const own = join(project, name);
  mkdirSync(own);
  for (const extension of ["ts", "mts", "cts"]) writeFileSync(join(own, `main.${extension}`), consumer);
  const always = {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    target: "ES2022",
    lib: ["ES2022"],
    types: ["node"],
    typeRoots,
  };
  const files = "module" in options && options.module === "esnext" ? ["main.ts"] : ["main.mts", "main.cts"];
  const document = { compilerOptions: { ...always, ...options }, files };
  writeFileSync(join(own, "tsconfig.json"), JSON.stringify(document));
  return await run([process.execPath, join(compiler, "bin/tsc"), "-p", own], own);
}

const ways = [
  { module: "node16", moduleResolution: "node16" },
  { module: "nodenext", moduleResolution: "nodenext" },
  { module: "esnext", moduleResolution: "bundler" },
] as const;
const right = { code: 0, stdout: "", stderr: "" };

describe("the declarations are right by every way of finding them", () => {
  const newest = {
    directory: join(root, "node_modules/typescript"),
    typeRoots: [join(root, "node_modules/@types")],
  };
  test.each(ways)("%o", async (way) => {
    expect(await compile(`new-${way.module}`, newest, way)).toEqual(right);
  });

  test("for those who declare everything, and for browsers' declarations instead of Node's", async () => {
    const strictest = { isolatedDeclarations: true, declaration: true, lib: ["ES2022", "ESNext.Disposable"] };
    expect(await compile("strictest", newest, { ...ways[0], ...strictest })).toEqual(right);
    expect(await compile("browser", newest, { ...ways[0], lib: ["ES2022", "DOM"], types: [] })).toEqual(
      right,
    );
  });

  const old = nodePackages("typescript-5.0", ["typescript@5.0.4", "@types/node@20.10.0"]);
  test.skipIf("missing" in old)(
    "TypeScript 5.0 takes them too, also by the way of before packages had exports",
    async () => {
      if ("missing" in old) return;
      const modules = join(old.directory, "node_modules");
      const compiler = { directory: join(modules, "typescript"), typeRoots: [join(modules, "@types")] };
      for (const way of ways) expect(await compile(`old-${way.module}`, compiler, way)).toEqual(right);
      const node10 = { module: "commonjs", moduleResolution: "node" };
      expect(await compile("old-node10", compiler, node10)).toEqual(right);
      expect(
        await compile("old-browser", compiler, { ...node10, lib: ["ES2022", "DOM"], types: [] }),
      ).toEqual(right);
    },
  );
});

test.each(Object.entries(runtimes))(
  "on %s who requires it has the same classes as who imports it",
  async (_name, words) => {
    const file = join(project, "both.cjs");
    writeFileSync(
      file,
      `const { TiffinError, ...others } = require("tiffin");
import("tiffin").then((them) => console.log(them.TiffinError === TiffinError, Object.keys(others).join()));`,
    );
    expect(await run([...words, file], project)).toEqual({ ...right, stdout: "true connect,errorKinds\n" });
  },
);

test("the package depends on nothing but the program of this machine", () => {
  const document = JSON.parse(readFileSync(join(project, "node_modules/tiffin/package.json"), "utf8"));
  expect(document.dependencies).toBeUndefined();
  expect(Object.keys(document.optionalDependencies)).toEqual(["tiffin-linux-x64", "tiffin-linux-arm64"]);
  const installed = readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."));
  expect(installed.sort()).toEqual(["tiffin", `tiffin-linux-${process.arch}`].sort());
  const license = readFileSync(join(root, "LICENSE"), "utf8");
  expect(readFileSync(join(project, "node_modules/tiffin/LICENSE"), "utf8")).toBe(license);
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
