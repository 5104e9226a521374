/**
 * A program that calls a command for each of its tries, one after the other, and inherits what processes they leave.
 * Arguments: a JSON object (see `Tries`). Prints a JSON list of `Try`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { syscall } from "../../src/kernel/syscall.ts";

export interface Tries {
  readonly command: readonly string[];
  readonly cwd: string;
  /** Values of TIFFIN_FAILPOINT. */
  readonly failpoints: readonly string[];
}

export interface Try {
  readonly failpoint: string;
  readonly code: number;
  readonly stderr: string;
  /** Names of living processes of a start that nobody waits for any more. */
  readonly left: readonly string[];
}

const setChildSubreaper = 36;

function startsOf(parent: number): string[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      const [, comm = "", state = "", owner = ""] =
        /^\d+ \((.*)\) (.) (\d+) /.exec(readFileSync(`/proc/${name}/stat`, "utf8")) ?? [];
      return comm.startsWith("tf-") && state !== "Z" && Number(owner) === parent ? [comm] : [];
    } catch {
      return [];
    }
  });
}

if (import.meta.main) {
  syscall("prctl", "child subreaper", setChildSubreaper, 1, 0, 0, 0);
  // A decode border: our own test wrote it.
  const { command, cwd, failpoints } = JSON.parse(process.argv[2] ?? "") as Tries;
  const tries = failpoints.map((failpoint): Try => {
    const child = Bun.spawnSync([...command], {
      cwd,
      env: { ...process.env, TIFFIN_FAILPOINT: failpoint },
      stdout: "pipe",
      stderr: "pipe",
    });
    return { failpoint, code: child.exitCode, stderr: child.stderr.toString(), left: startsOf(process.pid) };
  });
  process.stdout.write(JSON.stringify(tries));
}
