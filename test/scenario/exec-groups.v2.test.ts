/** An exec beside an init that has divided its group: in cgroup v2 a group that hands on controllers takes no process. */
import { expect, test } from "bun:test";
import { probe } from "../../src/kernel/probe.ts";
import { startEngine } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

const init = [
  "mkdir /sys/fs/cgroup/init",
  "echo 0 >/sys/fs/cgroup/init/cgroup.procs",
  "echo +pids >/sys/fs/cgroup/cgroup.subtree_control",
  "echo ready",
  "exec sleep 1000",
].join(" && ");

test.skipIf(probe().cgroup.mode !== "v2")(
  "a container whose init has gone into a group below is entered where that is (skipped without cgroup v2 alone)",
  async () => {
    await using engine = await startEngine();
    await engine.output(
      "run",
      "-d",
      "--name",
      "divided",
      "--privileged",
      "--cgroupns",
      "private",
      "base",
      "sh",
      "-c",
      init,
    );
    await until("the init has divided its group", async () => {
      return (await engine.output("logs", "divided")) === "ready";
    });
    expect(await engine.output("exec", "divided", "cat", "/proc/self/cgroup")).toMatch(/^0::\/init$/m);
  },
);
