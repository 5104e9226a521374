/** The bench: gives its command line the process that it runs in. */
import { defaultRun } from "../engine/config.ts";
import { trySyscall } from "../kernel/syscall.ts";
import { runLab } from "../lab/mod.ts";

const sigkill = 9;
const encoder = new TextEncoder();

export async function runBench(words: readonly string[]): Promise<number> {
  const failpoint = process.env["TIFFIN_FAILPOINT"];
  return await runLab(words, {
    env: process.env,
    runDirectory: defaultRun,
    print(fd, text) {
      let bytes = encoder.encode(text);
      while (bytes.length > 0) {
        const written = trySyscall("write", fd, bytes, bytes.length);
        if (written <= 0) return;
        bytes = bytes.subarray(written);
      }
    },
    step(name) {
      if (failpoint === `lab.${name}:kill`) trySyscall("kill", trySyscall("getpid"), sigkill);
    },
  });
}
