/** Plans with groups, an overlay root and an exec, on the real kernel. */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { busyboxSpec, makeBusyboxRoot } from "../../test/support/busybox-root.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { until } from "../../test/support/until.ts";
import { attachFlags } from "../abi/schema.ts";
import { cgroupHierarchies, listCgroups, removeCgroup } from "../kernel/cgroup.ts";
import { openPidfd } from "../kernel/pidfd.ts";
import { probe } from "../kernel/probe.ts";
import { randomHex } from "../lib/ids.ts";
import { UndoStack } from "../lib/undo-stack.ts";
import { cgroupPath, unifiedHierarchy } from "../linux/cgroup.ts";
import type { OciResources } from "../oci/mod.ts";
import { type ContainerOptions, compileContainer, compileExec, type Plan } from "../plan/mod.ts";
import { applyHostOps, openCgroupSlots, openRuntime, type Runtime, removeCgroups } from "./mod.ts";

const executor = new URL("../../executor/build/tiffin-executor", import.meta.url).pathname;
const facts = probe();
const parent = `/tiffin-test-${randomHex(6)}`;
let files: TemporaryDirectory;
let runtime: Runtime;
let undo: UndoStack;
let count = 0;

beforeAll(() => {
  files = temporaryDirectory("host-ops");
  for (const name of ["lower", "upper", "work"]) mkdirSync(`${files.path}/${name}`);
  makeBusyboxRoot(`${files.path}/lower`);
  runtime = openRuntime({ executor, runDirectory: `${files.path}/run` });
  undo = new UndoStack();
});
afterEach(async () => {
  expect(await undo.unwind()).toEqual([]);
  expect(listCgroups(facts.cgroup, parent)).toEqual([]);
});
afterAll(async () => {
  runtime.close();
  await removeCgroup(facts.cgroup, parent);
  files[Symbol.dispose]();
});

function planOf(args: readonly string[], resources: OciResources, clients = 0): Plan {
  count += 1;
  const spec = busyboxSpec(args);
  const options: ContainerOptions = {
    id: `c${count}`,
    cgroupParent: parent,
    rootfs: {
      kind: "overlay",
      lowers: [{ kind: "directory", path: `${files.path}/lower` }],
      upper: `${files.path}/upper`,
      work: `${files.path}/work`,
    },
    network: { kind: "host" },
    stdio: { kind: "pipes", stdin: false },
    supervise: {
      kind: "supervise",
      stdinOnce: false,
      oom: true,
      attachClients: Array.from({ length: clients }, () => ({ flags: attachFlags.stdout })),
    },
  };
  return compileContainer({ ...spec, linux: { ...spec.linux, resources } }, facts, options);
}

/** Performs the host's part and launches; the groups are in `undo`. */
async function start(plan: Plan) {
  expect(applyHostOps(plan, facts, undo)).toEqual([]);
  const fds = openCgroupSlots(plan, facts);
  try {
    return await runtime.launch({ plan, fds });
  } finally {
    for (const fd of fds.values()) fd[Symbol.dispose]();
  }
}

test("the process is in its groups, from outside and from inside, and its file goes to the upper layer", async () => {
  const plan = planOf(["sh", "-c", "echo x > /made; cat /proc/self/cgroup > /groups; sleep 1000"], {
    memory: { limit: 32 * 1024 * 1024 },
    pids: { limit: 50 },
  });
  const process = await start(plan);
  const own = readFileSync(`/proc/${process.pid}/cgroup`, "utf8");
  for (const name of ["memory", "pids"]) {
    const hierarchy = facts.cgroup.mode === "v2" ? unifiedHierarchy : name;
    expect(own).toContain(`${parent}/c${count}`);
    expect(existsSync(cgroupPath(facts.cgroup, hierarchy, `${parent}/c${count}`) ?? "")).toBe(true);
  }
  await until(
    "the container to say its groups",
    () =>
      existsSync(`${files.path}/upper/groups`) && readFileSync(`${files.path}/upper/groups`, "utf8") !== "",
  );
  expect(readFileSync(`${files.path}/upper/groups`, "utf8")).not.toContain(parent);
  expect(existsSync(`${files.path}/lower/made`)).toBe(false);
  process.signal(9);
  await process.exited;
});

test("a process that eats its memory is reported as killed for it", async () => {
  const plan = planOf(["tail", "/dev/zero"], { memory: { limit: 8 * 1024 * 1024, swap: 8 * 1024 * 1024 } });
  const process = await start(plan);
  expect(await process.exited).toMatchObject({ exitCode: 137, oomKilled: true });
});

test("an exec joins the container and reports its own exit code", async () => {
  const plan = planOf(["sleep", "1000"], {});
  const container = await start(plan);
  using pidfd = openPidfd(container.pid);
  if (pidfd === undefined) throw new Error("the container has ended");
  const directory = `${parent}/c${count}`;
  const exec = compileExec(
    { user: { uid: 0, gid: 0 }, cwd: "/", env: ["PATH=/bin"], args: ["sh", "-c", "echo in $$; exit 4"] },
    {
      id: `c${count}`,
      namespaces: ["pid", "mount", "uts", "ipc", "cgroup", "network"],
      cgroupHierarchies: plan.receives
        .filter(({ name }) => name.startsWith("cgroup:"))
        .map(({ name }) => name.slice("cgroup:".length)),
      cgroupV2: plan.receives.some(({ name }) => name === "cgroup"),
    },
    facts,
    {
      stdio: { kind: "pipes", stdin: false },
      supervise: { kind: "supervise", stdinOnce: false, attachClients: [{ flags: attachFlags.stdout }] },
    },
  );
  const fds = openCgroupSlots(exec, facts, directory);
  const process = await runtime.launch({ plan: exec, fds: new Map([...fds, ["pidfd", pidfd]]) });
  for (const fd of fds.values()) fd[Symbol.dispose]();
  const output = Promise.withResolvers<string>();
  let text = "";
  process.attachments[0]?.listen({
    data: (chunk) => {
      text += new TextDecoder().decode(chunk.subarray(8));
    },
    end() {},
    close: () => output.resolve(text),
  });
  expect(await process.exited).toMatchObject({ exitCode: 4 });
  expect(await output.promise).toBe("in 2\n");
  container.signal(9);
  expect(await container.exited).toMatchObject({ exitCode: 137, oomKilled: false });
});

test("a write that fails undoes every group that was made", async () => {
  const plan = planOf(["true"], { cpu: { cpus: "4096" } });
  expect(() => applyHostOps(plan, facts, undo)).toThrow("cpuset.cpus");
  expect(listCgroups(facts.cgroup, parent)).toEqual([`c${count}`]);
});

test("groups are removed by name after a crash, once or more often", async () => {
  const plan = planOf(["true"], { pids: { limit: 5 } });
  applyHostOps(plan, facts, undo);
  undo.disarm();
  await removeCgroups(facts, `${parent}/c${count}`);
  await removeCgroups(facts, `${parent}/c${count}`);
  expect(cgroupHierarchies(facts.cgroup).length).toBeGreaterThan(0);
});
