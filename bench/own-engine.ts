/** An engine beside the bench's own, with directories of its own. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface OwnEngine extends AsyncDisposable {
  readonly host: string;
  /** From its start to its first answer. */
  readonly startMs: number;
}

/** An engine of `program` that nobody else uses; at its end nothing of it is left but its directory. */
export async function ownEngine(program: string, directory: string): Promise<OwnEngine> {
  mkdirSync(directory);
  const socket = join(directory, "sock");
  const host = `unix://${socket}`;
  const log = join(directory, "log");
  const began = performance.now();
  const engine = Bun.spawn(
    [program, "daemon", "--root", join(directory, "root"), "--run", join(directory, "run"), "--host", host],
    { stdin: "ignore", stdout: "ignore", stderr: Bun.file(log) },
  );
  for (;;) {
    const answer = await fetch("http://tiffin/_ping", { unix: socket }).catch(() => undefined);
    if (answer?.ok === true) break;
    if (performance.now() - began > 10_000) throw new Error(readFileSync(log, "utf8"));
    await Bun.sleep(1);
  }
  const startMs = performance.now() - began;
  return {
    host,
    startMs,
    async [Symbol.asyncDispose]() {
      engine.kill("SIGTERM");
      await engine.exited;
      const places = ["--root", join(directory, "root"), "--run", join(directory, "run")];
      Bun.spawnSync([program, "daemon", ...places, "--uninstall"]);
    },
  };
}
