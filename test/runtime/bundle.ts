/** A bundle in a temporary directory, a state directory of its own, and the runtime called on them. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OciHook, OciHooks, OciMount, OciProcess, RuntimeSpec } from "../../src/oci/mod.ts";
import { makeBusyboxRoot } from "../support/busybox-root.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";

const mounts: readonly OciMount[] = [
  { destination: "/proc", type: "proc", source: "proc" },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
];

const groups = "/sys/fs/cgroup";
const capabilities = ["CAP_KILL", "CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"];

/** `changes` replace whole sections. */
export function specOf(args: readonly string[], process: Partial<OciProcess> = {}): RuntimeSpec {
  return {
    ociVersion: "1.0.2",
    hostname: "box",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args,
      env: ["PATH=/bin"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      ...process,
    },
    root: { path: "rootfs" },
    mounts,
    linux: {
      namespaces: (["pid", "mount", "uts", "ipc", "network"] as const).map((type) => ({ type })),
    },
  };
}

export function shell(script: string, process: Partial<OciProcess> = {}): RuntimeSpec {
  return specOf(["/bin/sh", "-c", script], process);
}

export class Bundle implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "tiffin-test-runtime-"));
  readonly path: string;
  readonly rootfs: string;
  readonly root: string;
  /** No other container on this machine has it. */
  readonly id: string;
  readonly runtime: string;
  readonly #globals: readonly string[];
  readonly #ids = new Set<string>();
  readonly #input: string;

  /** `globals` are flags of every call. */
  constructor(runtime: string, globals: readonly string[] = []) {
    this.runtime = runtime;
    this.#globals = globals;
    this.path = join(this.directory, "bundle");
    this.root = join(this.directory, "state");
    this.rootfs = join(this.path, "rootfs");
    mkdirSync(this.rootfs, { recursive: true });
    makeBusyboxRoot(this.rootfs);
    // A root that is mapped to nobody of the host must be able to enter.
    chmodSync(this.directory, 0o755);
    this.id = this.directory.slice(this.directory.lastIndexOf("/") + 1).replace("tiffin-test-", "t-");
    this.#ids.add(this.id);
    this.#input = join(tmpdir(), `tiffin-test-input-${this.id}`);
  }

  configure(spec: RuntimeSpec | Readonly<Record<string, unknown>>): void {
    writeFileSync(join(this.path, "config.json"), JSON.stringify(spec));
  }

  /** Runs a command to its end. */
  async call(...words: readonly string[]): Promise<Outcome> {
    return await this.callWith({}, ...words);
  }

  async callWith(
    options: { readonly stdin?: string; readonly cwd?: string; readonly globals?: readonly string[] },
    ...words: readonly string[]
  ): Promise<Outcome> {
    const child = Bun.spawn(
      [this.runtime, "--root", this.root, ...this.#globals, ...(options.globals ?? []), ...words],
      {
        cwd: options.cwd ?? this.path,
        stdin: options.stdin === undefined ? this.#noInput() : Buffer.from(options.stdin),
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    return await outcomeOf(child);
  }

  /** `run` of the specification: what it printed and how it ended. */
  async run(spec: RuntimeSpec, ...flags: readonly string[]): Promise<Outcome> {
    this.configure(spec);
    return await this.call("run", ...flags, this.id);
  }

  /**
   * Calls a command whose container keeps the standard streams open: they go to files, so that its end can be
   * told from the container's.
   */
  async detached(...words: readonly string[]): Promise<Outcome> {
    const [out, err] = [join(this.directory, "stdout"), join(this.directory, "stderr")];
    for (const file of [out, err]) writeFileSync(file, "");
    const child = Bun.spawn([this.runtime, "--root", this.root, ...this.#globals, ...words], {
      cwd: this.path,
      stdin: this.#noInput(),
      stdout: Bun.file(out),
      stderr: Bun.file(err),
    });
    const code = await child.exited;
    return { code, stdout: readFileSync(out, "utf8"), stderr: readFileSync(err, "utf8") };
  }

  /**
   * crun gives its standard streams to the root of a user namespace, the host's /dev/null as well: it gets a file, outside
   * of the directory, which containers must not see.
   */
  #noInput(): "ignore" | Bun.BunFile {
    if (!this.runtime.endsWith("crun")) return "ignore";
    writeFileSync(this.#input, "");
    return Bun.file(this.#input);
  }

  async create(spec: RuntimeSpec, ...flags: readonly string[]): Promise<Outcome> {
    this.configure(spec);
    return await this.detached("create", ...flags, this.id);
  }

  async start(): Promise<Outcome> {
    return await this.call("start", this.id);
  }

  async state(): Promise<Readonly<Record<string, unknown>>> {
    const { code, stdout, stderr } = await this.call("state", this.id);
    if (code !== 0) throw new Error(`state ended with ${code}: ${stderr}`);
    // A decode border: the tests look at single fields.
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  async status(): Promise<unknown> {
    return (await this.state())["status"];
  }

  /** What the container, started with `create`, has printed until now. */
  output(): string {
    return readFileSync(join(this.directory, "stdout"), "utf8");
  }

  /** A hook that appends `word` and what it reads to the file `name` of the test directory. */
  hook(name: string, word: string): OciHook {
    const file = join(this.directory, name);
    return {
      path: "/bin/sh",
      args: ["sh", "-c", `echo ${word} >> ${file}; cat > ${file}.${word}`],
      env: ["PATH=/bin:/usr/bin"],
    };
  }

  hooks(names: readonly (keyof OciHooks)[]): OciHooks {
    return Object.fromEntries(names.map((name) => [name, [this.hook("hooks", name)]]));
  }

  read(name: string): string {
    return readFileSync(join(this.directory, name), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#ids) await this.call("delete", "--force", id);
    rmSync(this.directory, { recursive: true, force: true });
    rmSync(this.#input, { force: true });
    const left = [...this.#ids].flatMap((id) =>
      groupsNamed(id).map((hierarchy) => join(groups, hierarchy, id)),
    );
    // Other runtimes leave some after failures. Ours must not, in any case.
    for (const group of left) rmdirSync(group);
    if (left.length > 0 && this.runtime.includes("tiffin")) throw new Error(`left behind: ${left.join(" ")}`);
  }
}

/**
 * Removes the empty groups named `name` with all below, in each hierarchy: runtimes remove the container's own group and
 * leave its parents, which for a relative path may be below the group that this test runs in.
 */
export function removeGroups(name: string): void {
  const found = Bun.spawnSync(["find", groups, "-depth", "-type", "d", "-path", `*/${name}*`]);
  for (const path of found.stdout.toString().split("\n")) {
    if (path !== "") rmdirSync(path);
  }
}

/** The cgroup hierarchies that have a directory named `id` at their top; "." is a v2 hierarchy that is alone. */
export function groupsNamed(id: string): string[] {
  return [".", ...readdirSync(groups)].filter((name) => {
    try {
      return readdirSync(join(groups, name)).includes(id);
    } catch {
      return false;
    }
  });
}
