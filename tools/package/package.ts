/**
 * `npm run package`: a .deb and a tarball of the built program, with units, manual pages, completions and a configuration file.
 * Made with `dpkg-deb` alone; the same sources give the same files.
 *
 *   bun tools/package/package.ts [--out DIR] [--fast] [--version VERSION] [--architecture amd64|arm64]
 */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import packageFile from "../../package.json";
import { bashScript, zshScript } from "../../src/cli/completion/bash-script.ts";
import { completables } from "../../src/cli/completion/completable.ts";
import { fishScript } from "../../src/cli/completion/fish-script.ts";
import { serviceUnit, serviceUnitName, socketUnit, socketUnitName } from "../../src/cli/service/units.ts";
import { currentVersion } from "../../src/engine/store/schema.ts";
import { configSchema } from "../../src/main/config-file.ts";
import { pagesOf } from "../manual-pages.ts";
import { maintainer, papersOf } from "./papers.ts";

const root = join(import.meta.dir, "../..");
const schemaPlace = "usr/share/doc/tiffin/tiffin.schema.json";
const kilobyte = 1024;
/** As Debian calls this machine. */
const ownArchitecture = process.arch === "x64" ? "amd64" : process.arch;
const maintainerScripts = ["preinst", "postinst", "prerm", "postrm"] as const;

export interface PackageOptions {
  /** Where the two files go. */
  readonly out: string;
  readonly packing: "small" | "fast";
  readonly version: string;
  /** As Debian calls it; this machine's without it. The program of another one is made by `tools/build-arm64.sh`. */
  readonly architecture?: string;
}

function programOf(architecture: string): string {
  return architecture === ownArchitecture ? "dist/tiffin" : `dist/${architecture}/tiffin`;
}

function run(words: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): string {
  const done = Bun.spawnSync([...words], { cwd, env: { ...process.env, ...env }, stdin: "ignore" });
  if (done.exitCode === 0) return done.stdout.toString().trim();
  throw new Error(`${words.join(" ")} failed: ${done.stderr.toString()}`);
}

/** What is in the package besides the program: path below the root, and text. */
async function textFiles(): Promise<ReadonlyMap<string, string>> {
  const commands = await completables();
  const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
  return new Map([
    ["etc/tiffin/tiffin.json", json({ $schema: `file:///${schemaPlace}` })],
    [schemaPlace, json(configSchema())],
    ["usr/share/doc/tiffin/README.md", readFileSync(join(root, "README.md"), "utf8")],
    [`usr/lib/systemd/system/${socketUnitName}`, socketUnit()],
    [`usr/lib/systemd/system/${serviceUnitName}`, serviceUnit("/usr/bin/tiffin")],
    ["usr/share/bash-completion/completions/tiffin", bashScript(commands)],
    ["usr/share/zsh/vendor-completions/_tiffin", zshScript(commands)],
    ["usr/share/fish/vendor_completions.d/tiffin.fish", fishScript(commands)],
  ]);
}

function put(place: string, content: string | Uint8Array): void {
  mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
  writeFileSync(place, content);
  chmodSync(place, 0o644);
}

/** The tree as it is below /. */
async function layOut(tree: string, architecture: string, version: string): Promise<void> {
  const time = sourceTime();
  for (const [path, text] of await textFiles()) put(join(tree, path), text);
  for (const [path, content] of papersOf("tiffin", version, time)) put(join(tree, path), content);
  for (const [name, text] of await pagesOf(dayOf(time))) {
    put(
      join(tree, `usr/share/man/man${name.at(-1)}/${name}.gz`),
      Bun.gzipSync(Buffer.from(text), { level: 9 }),
    );
  }
  mkdirSync(join(tree, "usr/bin"), { recursive: true, mode: 0o755 });
  copyFileSync(join(root, programOf(architecture)), join(tree, "usr/bin/tiffin"));
  chmodSync(join(tree, "usr/bin/tiffin"), 0o755);
  symlinkSync("tiffin", join(tree, "usr/bin/tiffin-runtime"));
}

function control(version: string, architecture: string, bytes: number): string {
  return `Package: tiffin
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${Math.ceil(bytes / kilobyte)}
Depends: libc6 (>= 2.28), passwd
Recommends: ca-certificates, busybox-static
Section: admin
Priority: optional
Description: container engine that shows every step it takes
 Runs containers with the commands of Docker and answers its API, starts them in
 milliseconds, and can show every kernel operation that it performs.
`;
}

/** Calls `make` with the laid out tree; true to the umask, whatever the caller's is. */
async function withTree(
  { out, version, architecture = ownArchitecture }: PackageOptions,
  make: (tree: string) => void,
): Promise<void> {
  const work = join(out, "package.new");
  const tree = join(work, "tree");
  rmSync(work, { recursive: true, force: true });
  const before = process.umask(0o022);
  try {
    await layOut(tree, architecture, version);
    make(tree);
  } finally {
    process.umask(before);
    rmSync(work, { recursive: true, force: true });
  }
}

/** Files carry the time of the sources, so that the same ones give the same package. */
function sourceTime(): string {
  return Bun.spawnSync(["git", "log", "-1", "--format=%ct"], { cwd: root }).stdout.toString().trim() || "0";
}

/** As manual pages write it. */
function dayOf(time: string): string {
  return new Date(Number(time) * 1000).toISOString().slice(0, "2000-01-01".length);
}

function makeTarball(tree: string, options: PackageOptions): string {
  const { out, version, packing, architecture = ownArchitecture } = options;
  const tarball = join(out, `tiffin-${version}-linux-${architecture}.tar.gz`);
  const alike = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", `--mtime=@${sourceTime()}`];
  const level = packing === "small" ? "-9" : "-1";
  run(["tar", "-C", tree, ...alike, "-I", `gzip -n ${level}`, "-cf", tarball, "etc", "usr"], out);
  return tarball;
}

function makeDeb(tree: string, options: PackageOptions): string {
  const { out, version, packing, architecture = ownArchitecture } = options;
  const metadata = join(tree, "DEBIAN");
  mkdirSync(metadata, { mode: 0o755 });
  const bytes = statSync(join(tree, "usr/bin/tiffin")).size;
  put(join(metadata, "control"), control(version, architecture, bytes));
  put(join(metadata, "conffiles"), "/etc/tiffin/tiffin.json\n");
  for (const name of maintainerScripts) {
    const text = readFileSync(join(import.meta.dir, name), "utf8")
      .replaceAll("@STATE_VERSION@", String(currentVersion))
      .replaceAll("@VERSION@", version);
    put(join(metadata, name), text);
    chmodSync(join(metadata, name), 0o755);
  }
  const deb = join(out, `tiffin_${version}_${architecture}.deb`);
  // A higher level takes minutes for a few percent.
  const compression = packing === "small" ? ["-Zxz", "-z2"] : ["-Znone"];
  run(["dpkg-deb", "--root-owner-group", ...compression, "--build", tree, deb], out, {
    SOURCE_DATE_EPOCH: sourceTime(),
  });
  return deb;
}

/** The .deb of the program that is built already. */
export async function makeDebAlone(options: PackageOptions): Promise<string> {
  let deb = "";
  await withTree(options, (tree) => {
    deb = makeDeb(tree, options);
  });
  return deb;
}

/** The tarball of the program that is built already. */
export async function makeTarballAlone(options: PackageOptions): Promise<string> {
  let tarball = "";
  await withTree(options, (tree) => {
    tarball = makeTarball(tree, options);
  });
  return tarball;
}

/** The name `docker` for Tiffin, for scripts and for `ssh://` of other machines; of no architecture. */
export function makeDockerDeb({ out, version }: Pick<PackageOptions, "out" | "version">): string {
  const tree = join(out, "docker-package.new");
  rmSync(tree, { recursive: true, force: true });
  const before = process.umask(0o022);
  try {
    put(join(tree, "usr/bin/docker"), readFileSync(join(import.meta.dir, "docker")));
    chmodSync(join(tree, "usr/bin/docker"), 0o755);
    const page = Buffer.from(".so man1/tiffin.1\n");
    put(join(tree, "usr/share/man/man1/docker.1.gz"), Bun.gzipSync(page, { level: 9 }));
    const papers = papersOf("tiffin-docker", version, sourceTime());
    for (const [path, content] of papers) put(join(tree, path), content);
    put(
      join(tree, "DEBIAN/control"),
      `Package: tiffin-docker
Version: ${version}
Architecture: all
Maintainer: ${maintainer}
Depends: tiffin
Conflicts: docker.io, docker-ce-cli, podman-docker
Section: admin
Priority: optional
Description: command docker, performed by tiffin
 One script gives Tiffin the name that other programs call, and that other
 machines call by ssh.
`,
    );
    const deb = join(out, `tiffin-docker_${version}_all.deb`);
    run(["dpkg-deb", "--root-owner-group", "--build", tree, deb], out, { SOURCE_DATE_EPOCH: sourceTime() });
    return deb;
  } finally {
    process.umask(before);
    rmSync(tree, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: join(root, "dist") },
      fast: { type: "boolean", default: false },
      version: { type: "string", default: packageFile.version },
      architecture: { type: "string", default: ownArchitecture },
    },
  });
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });
  const options: PackageOptions = {
    out,
    version: values.version,
    packing: values.fast ? "fast" : "small",
    architecture: values.architecture,
  };
  await withTree(options, (tree) => {
    console.log(makeTarball(tree, options));
    console.log(makeDeb(tree, options));
  });
  console.log(makeDockerDeb(options));
}
