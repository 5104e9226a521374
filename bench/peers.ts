/** The peers that this machine has, and what each needs to run the same `true` in the same busybox root. */
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const peerImage = "tiffin-bench:latest";

/** A root directory with busybox and its applets, made once in `directory`. */
export function busyboxRoot(directory: string): string {
  const root = join(directory, "rootfs");
  for (const name of ["bin", "dev", "etc", "proc", "root", "sys", "tmp"])
    mkdirSync(join(root, name), { recursive: true });
  cpSync("/bin/busybox", join(root, "bin/busybox"));
  const applets = Bun.spawnSync(["/bin/busybox", "--list"]).stdout.toString().trim().split("\n");
  for (const applet of applets) {
    const path = join(root, "bin", applet);
    if (applet !== "busybox" && !existsSync(path)) symlinkSync("busybox", path);
  }
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  return root;
}

export function has(program: string): boolean {
  return Bun.which(program) !== null;
}

/** An OCI bundle whose process is `args`, from the runtime's own `spec` command. */
export function bundle(directory: string, root: string, runtime: string, args: readonly string[]): string {
  mkdirSync(directory, { recursive: true });
  const config = join(directory, "config.json");
  if (!existsSync(config)) Bun.spawnSync([runtime, "spec"], { cwd: directory });
  const spec: unknown = JSON.parse(readFileSync(config, "utf8"));
  // The file comes from the peer's own `spec` command; these three members are in every one.
  const edited = spec as {
    root: { path: string };
    process: { terminal: boolean; args: readonly string[]; rlimits?: unknown };
  };
  edited.root.path = root;
  edited.process.terminal = false;
  edited.process.args = args;
  delete edited.process.rlimits;
  writeFileSync(config, JSON.stringify(edited));
  return directory;
}

/** Whether `engine` (docker or podman) is here and works. */
export function answers(engine: string): boolean {
  return (
    has(engine) && Bun.spawnSync([engine, "info"], { stdout: "ignore", stderr: "ignore" }).exitCode === 0
  );
}

const tried = new Map<string, boolean>();

/** Gives `engine` the bench image; false when the engine does not answer, or runs nothing: it would end the whole bench. */
export function importImage(engine: string, root: string): boolean {
  const known = tried.get(engine);
  if (known !== undefined) return known;
  const works = hasImage(engine, root) && runsIt(engine);
  tried.set(engine, works);
  return works;
}

function runsIt(engine: string): boolean {
  const run = Bun.spawnSync([engine, "run", "--rm", peerImage, "true"], { stdout: "ignore", stderr: "pipe" });
  if (run.exitCode !== 0) console.log(`  ${engine} runs nothing here: ${run.stderr.toString().trim()}`);
  return run.exitCode === 0;
}

/** Gives `engine` the bench image, whatever becomes of its default network. */
export function hasImage(engine: string, root: string): boolean {
  if (!answers(engine)) return false;
  if (
    Bun.spawnSync([engine, "image", "inspect", peerImage], { stdout: "ignore", stderr: "ignore" })
      .exitCode === 0
  )
    return true;
  const made = Bun.spawnSync(["sh", "-c", `tar -C '${root}' -c . | ${engine} import - ${peerImage}`], {
    stdout: "ignore",
    stderr: "ignore",
  });
  return made.exitCode === 0;
}
