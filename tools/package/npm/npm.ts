/**
 * `npm run package:npm`: the npm packages, ready for `npm publish`, as directories in `dist/npm`: `tiffin`, the client for
 * programs with its types and a command that finds the program, and one package with the program for each architecture that
 * has been built.
 *
 *   bun tools/package/npm/npm.ts [--out DIR] [--client-only]
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import packageFile from "../../../package.json";

const root = join(import.meta.dir, "../../..");

interface Platform {
  /** As npm calls it. */
  readonly cpu: "x64" | "arm64";
  readonly program: string;
}

/** Where `tools/build.sh` puts the program of each. */
const platforms: readonly Platform[] = [
  { cpu: "x64", program: process.arch === "x64" ? "dist/tiffin" : "dist/x64/tiffin" },
  { cpu: "arm64", program: process.arch === "arm64" ? "dist/tiffin" : "dist/arm64/tiffin" },
];

const common = { version: packageFile.version, license: packageFile.license };

function platformName({ cpu }: Platform): string {
  return `tiffin-linux-${cpu}`;
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
}

function run(words: readonly string[]): void {
  const done = Bun.spawnSync([...words], { cwd: root, stdin: "ignore" });
  if (done.exitCode === 0) return;
  throw new Error(`${words.join(" ")} failed:\n${done.stdout.toString()}${done.stderr.toString()}`);
}

/** Declarations name each other as modules of any TypeScript do. */
function nameAsModules(directory: string): void {
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".d.ts")) continue;
    const file = join(directory, name);
    writeFileSync(file, readFileSync(file, "utf8").replace(/(["'])(\.[^"']+)\.ts\1/g, "$1$2.js$1"));
  }
}

/** Declarations that the door of the package does not lead to are nobody's. */
function removeUnreachable(directory: string, door: string): void {
  const reached = new Set<string>();
  const walk = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(/["'](\.[^"']+)\.js["']/g))
      walk(join(dirname(file), `${name}.d.ts`));
  };
  walk(join(directory, door));
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    const file = join(directory, name);
    if (name.endsWith(".d.ts") && !reached.has(file)) rmSync(file);
  }
}

/** One module, which `require` loads; `import` gets its names, so that whoever uses both ways meets one class of errors. */
function writeModules(directory: string): void {
  const bundle = join(directory, "cjs/index.js");
  run([
    ...[process.execPath, "build", "src/sdk/mod.ts", "--target=node", "--format=cjs"],
    ...["--outfile", bundle],
  ]);
  writeJson(join(directory, "cjs/package.json"), { type: "commonjs" });
  const names = Object.keys(createRequire(import.meta.url)(bundle)).sort();
  const lines = names.map((name) => `export const ${name} = client.${name};`);
  writeFileSync(join(directory, "index.js"), `import client from "./cjs/index.js";\n${lines.join("\n")}\n`);
}

const door = "sdk/mod.d.ts";

/** The package for programs. */
export function makeClientPackage(out: string): string {
  const directory = join(out, "tiffin");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, "bin"), { recursive: true });
  writeModules(directory);
  const types = join(directory, "types");
  run(["tsc", "-p", "tools/package/npm/tsconfig.json", "--outDir", types]);
  nameAsModules(types);
  removeUnreachable(types, door);
  copyFileSync(join(import.meta.dir, "disposable.d.ts"), join(types, "disposable.d.ts"));
  const opened = readFileSync(join(types, door), "utf8");
  writeFileSync(join(types, door), `/// <reference path="../disposable.d.ts" />\n${opened}`);
  // A declaration is of the kind of module that the package.json above it says.
  cpSync(types, join(directory, "cjs/types"), { recursive: true });
  copyFileSync(join(import.meta.dir, "launcher.sh"), join(directory, "bin/tiffin"));
  chmodSync(join(directory, "bin/tiffin"), 0o755);
  copyFileSync(join(import.meta.dir, "README.md"), join(directory, "README.md"));
  copyFileSync(join(root, "LICENSE"), join(directory, "LICENSE"));
  writeJson(join(directory, "package.json"), {
    name: "tiffin",
    description: packageFile.description,
    ...common,
    type: "module",
    main: "./cjs/index.js",
    types: `./cjs/types/${door}`,
    exports: {
      ".": {
        import: { types: `./types/${door}`, default: "./index.js" },
        require: { types: `./cjs/types/${door}`, default: "./cjs/index.js" },
      },
      "./package.json": "./package.json",
    },
    bin: { tiffin: "bin/tiffin" },
    files: ["index.js", "types", "cjs", "bin"],
    engines: packageFile.engines,
    optionalDependencies: Object.fromEntries(
      platforms.map((each) => [platformName(each), packageFile.version]),
    ),
  });
  return directory;
}

/** The package with the program; undefined where it has not been built. */
export function makePlatformPackage(out: string, platform: Platform): string | undefined {
  const program = join(root, platform.program);
  if (!existsSync(program)) return undefined;
  const directory = join(out, platformName(platform));
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  linkOrCopy(program, join(directory, "tiffin"));
  copyFileSync(join(root, "LICENSE"), join(directory, "LICENSE"));
  writeFileSync(
    join(directory, "README.md"),
    `# ${platformName(platform)}\n\nThe program of the package [tiffin](https://www.npmjs.com/package/tiffin) for Linux on ${platform.cpu}.\n`,
  );
  writeJson(join(directory, "package.json"), {
    name: platformName(platform),
    description: `The program of the package tiffin for Linux on ${platform.cpu}`,
    ...common,
    os: ["linux"],
    cpu: [platform.cpu],
    libc: ["glibc"],
    files: ["tiffin"],
    preferUnplugged: true,
  });
  return directory;
}

/** A hundred megabytes are not copied where another name will do. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

export function makePackages(out: string): readonly string[] {
  const programs = platforms.map((platform) => makePlatformPackage(out, platform));
  return [makeClientPackage(out), ...programs.filter((made) => made !== undefined)];
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: join(root, "dist/npm") },
      "client-only": { type: "boolean", default: false },
    },
  });
  const out = resolve(values.out);
  for (const made of values["client-only"] ? [makeClientPackage(out)] : makePackages(out)) console.log(made);
}
