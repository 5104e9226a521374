import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { descriptorsOf, hostSnapshot, leftovers } from "./host-snapshot.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { TerminalSession } from "./terminal.ts";
import { TestCgroup } from "./test-cgroup.ts";
import { until } from "./until.ts";

test("a snapshot's surplus names files, processes and descriptors that were not there before", async () => {
  using directory = temporaryDirectory("support");
  const cgroup = new TestCgroup();
  const script = `read line; exec 5<${directory.path}/file; exec sleep 1000`;
  const holder = Bun.spawn(["sh", "-c", script], { stdin: "pipe" });
  try {
    const scope = {
      directories: [directory.path],
      linkPrefixes: ["tf-none"],
      cgroupParent: "/tiffin-test-none",
      tables: ["tiffin_none"],
      processes: () => cgroup.processes(),
      engine: holder.pid,
    };
    const before = hostSnapshot(scope);
    expect(leftovers(before, hostSnapshot(scope))).toEqual([]);
    writeFileSync(`${directory.path}/file`, "");
    holder.stdin.write("\n");
    holder.stdin.flush();
    const sleeper = Bun.spawn(cgroup.wrap(["sleep", "1000"]));
    const wanted = ["files", "descriptors"].map((kind) => `${kind}: ${directory.path}/file`);
    wanted.push("processes: sleep");
    await until("the file, the descriptor and the process", () =>
      wanted.every((line) => leftovers(before, hostSnapshot(scope)).includes(line)),
    );
    await cgroup.dispose();
    expect(await sleeper.exited).toBe(137);
  } finally {
    holder.kill("SIGKILL");
    await cgroup.dispose();
  }
});

test("mounts in other mount namespaces are seen", async () => {
  using directory = temporaryDirectory("support");
  const target = `${directory.path}/mounted`;
  mkdirSync(target);
  const child = Bun.spawn(
    ["unshare", "-m", "sh", "-c", `mount -t tmpfs none ${target} && echo ready && exec sleep 1000`],
    { stdout: "pipe" },
  );
  await child.stdout.getReader().read();
  const scope = {
    directories: [directory.path],
    linkPrefixes: [],
    cgroupParent: "/tiffin-test-none",
    tables: [],
    processes: () => [],
  };
  expect(hostSnapshot(scope).mounts.length).toBe(1);
  child.kill("SIGKILL");
  await child.exited;
  await until("no mount to be left", () => hostSnapshot(scope).mounts.length <= 0);
});

test("a terminal session types, sees, resizes and gets the exit code", async () => {
  await using session = new TerminalSession(["sh"], { rows: 10, columns: 40 });
  session.type("stty size\r");
  await session.see("10 40");
  session.resize(20, 90);
  session.type("stty size\r");
  await session.see(/20 90/);
  session.type("exit 3\r");
  expect(await session.exited()).toBe(3);
});

test("descriptors of a process that is gone are none", () => {
  expect(descriptorsOf(2 ** 22 + 1)).toEqual([]);
});
