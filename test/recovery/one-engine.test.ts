/** Engines that would share a directory: the second is refused, at once and by name; and an engine ends when it is told to. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { startEngine, tiffinCommand } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

interface Directories {
  readonly root: string;
  readonly run: string;
  readonly socket: string;
}

function daemon({ root, run, socket }: Directories): Bun.Subprocess<"ignore", "ignore", "pipe"> {
  const command = tiffinCommand("daemon", "--root", root, "--run", run, "--host", `unix://${socket}`);
  return Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
}

test("a second engine with the same root, or the same run directory, is refused and changes nothing", async () => {
  await using engine = await startEngine();
  await engine.output("run", "-d", "--name", "stays", "base", "sleep", "1000");
  const other = `${engine.directory}/other`;
  const { root, run } = engine;
  for (const [shared, directories] of [
    [root, { root, run: `${other}/run`, socket: `${other}.sock` }],
    [run, { root: `${other}/root`, run, socket: `${other}.sock` }],
  ] as const) {
    const second = daemon(directories);
    const text = await new Response(second.stderr).text();
    expect([await second.exited, text]).toEqual([1, expect.stringContaining(`${shared}/lock is locked`)]);
  }
  expect(await engine.output("exec", "stays", "echo", "here")).toBe("here");
});

test("SIGTERM ends an engine at every moment of its start, and the next one starts", async () => {
  const directory = mkdtempSync("/tmp/tiffin-test-term-");
  try {
    for (let delayMs = 0; delayMs <= 300; delayMs += 30) {
      const started = daemon({
        root: `${directory}/root`,
        run: `${directory}/run`,
        socket: `${directory}/s`,
      });
      const begun = performance.now();
      await until("the moment", () => performance.now() - begun >= delayMs);
      started.kill("SIGTERM");
      const code = await started.exited;
      // Before the program has taken the signal over, it has the kernel's own action.
      expect([0, 143]).toContain(code);
    }
  } finally {
    const { root, run, socket } = {
      root: `${directory}/root`,
      run: `${directory}/run`,
      socket: `${directory}/s`,
    };
    Bun.spawnSync(
      tiffinCommand("daemon", "--root", root, "--run", run, "--host", `unix://${socket}`, "--uninstall"),
    );
    rmSync(directory, { recursive: true, force: true });
  }
});
