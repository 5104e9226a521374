/**
 * The lane for what this machine's kernel lacks: every `*.v2.test.ts` runs again inside the small machine (pure cgroup v2).
 * Outside of it those tests skip themselves, so here is where they count.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";

const project = join(import.meta.dir, "..", "..");

test.skipIf(process.env["TIFFIN_VM"] === "1" || process.getuid?.() !== 0)(
  "everything that needs a pure cgroup v2 host passes in the small machine",
  async () => {
    const files = [...new Bun.Glob("{src,test}/**/*.v2.test.ts").scanSync(project)].sort();
    const machine = Bun.spawn(["bash", "test/vm/boot.sh", ...files], {
      cwd: project,
      stdout: "pipe",
      stderr: "pipe",
    });
    const output = await new Response(machine.stdout).text();
    const status = await machine.exited;
    const passed = Number(/(\d+) pass$/m.exec(output)?.[1] ?? 0);
    const failed = Number(/(\d+) fail$/m.exec(output)?.[1] ?? -1);
    if (status !== 0 || failed !== 0)
      throw new Error(output.slice(-8000) + (await new Response(machine.stderr).text()));
    expect(passed).toBeGreaterThanOrEqual(files.length);
  },
  600_000,
);
