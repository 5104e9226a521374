/**
 * Runs a test file inside a network namespace of its own, where it may do to "the host" what it likes. The file calls
 * `inOwnNetns` at its top: the outer run starts itself again below `unshare --net` and reports that run as one test,
 * the inner run registers the tests.
 */
import { expect, test } from "bun:test";

const marker = "TIFFIN_TEST_OWN_NETNS";
/** What is done over and over on demand (TIFFIN_CYCLES) takes longer. */
const limitMs = process.env["TIFFIN_CYCLES"] === undefined ? 120_000 : 1_800_000;

export function inOwnNetns(file: string, register: () => void): void {
  if (process.env[marker] === file) {
    register();
    return;
  }
  test(
    "in a network namespace of its own",
    async () => {
      const child = Bun.spawn(
        ["unshare", "--net", process.execPath, "test", "--timeout", `${limitMs}`, file],
        {
          env: { ...process.env, [marker]: file },
          stdout: "pipe",
          stderr: "pipe",
        },
      );
      const [out, err, code] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      expect(code === 0 ? "passed" : `${out}\n${err}`).toBe("passed");
    },
    limitMs,
  );
}
