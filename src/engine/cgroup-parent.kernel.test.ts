/** `--cgroup-parent` on the real kernel: in every hierarchy, by many containers, across a crash; what is not ours stays. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { EngineFixture } from "../../test/support/engine-in-process.ts";
import { cgroupHierarchies } from "../kernel/cgroup.ts";
import { makeCgroupParents, releaseCgroupParents } from "../kernel/cgroup-parents.ts";
import { cgroupPath } from "../linux/cgroup.ts";
import { errorOf } from "./testing/error-of.ts";

const fixture = new EngineFixture();
beforeAll(async () => {
  await fixture.open();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

const parent = `/tiffin-parent-test-${process.pid}`;

/** Where the directory exists, by hierarchy. */
function present(directory: string): string[] {
  const { cgroup } = fixture.engine.facts;
  return cgroupHierarchies(cgroup).filter((hierarchy) =>
    existsSync(cgroupPath(cgroup, hierarchy, directory) ?? "/nowhere"),
  );
}

test("a container is below its parent in every hierarchy that it is in, with its limits, and nothing stays", async () => {
  const { containers } = fixture.engine;
  const HostConfig = { CgroupParent: `${parent.slice(1)}/./deep/`, Memory: 64 * 1024 * 1024, PidsLimit: 77 };
  const first = await fixture.start(["sleep", "1000"], { HostConfig });
  const second = await fixture.start(["sleep", "1000"], { HostConfig: { CgroupParent: `${parent}/deep` } });
  const { State, HostConfig: shown } = await containers.inspect(first, { size: false });
  expect(shown.CgroupParent).toBe(HostConfig.CgroupParent);
  const groups = readFileSync(`/proc/${State.Pid}/cgroup`, "utf8");
  const memory = /^\d+:(?:memory|):(.*)$/m.exec(groups)?.[1];
  expect(memory).toBe(`${parent}/deep/${first}`);
  expect(present(`${parent}/deep/${first}`)).toEqual(present(`${parent}/deep/${second}`));
  const { cgroup } = fixture.engine.facts;
  const pids =
    cgroup.v1.find(({ controllers }) => controllers.includes("pids"))?.mountPoint ?? cgroup.v2?.mountPoint;
  expect(readFileSync(`${pids}${parent}/deep/${first}/pids.max`, "utf8")).toBe("77\n");
  const inside = await fixture.engine.execs.run(first, { Cmd: ["true"], AttachStdout: true });
  expect((await inside.exited).StatusCode).toBe(0);
  await containers.remove(first, { force: true, volumes: true });
  expect(present(`${parent}/deep/${first}`)).toEqual([]);
  expect(present(parent)).not.toEqual([]);
  await containers.remove(second, { force: true, volumes: true });
  expect(present(parent)).toEqual([]);
});

test("a parent that somebody else made stays, with what is set on it", async () => {
  const { cgroup } = fixture.engine.facts;
  const paths = cgroupHierarchies(cgroup).map((hierarchy) => `${cgroupPath(cgroup, hierarchy, parent)}`);
  for (const path of paths) mkdirSync(path);
  try {
    const id = await fixture.start(["true"], { HostConfig: { CgroupParent: `${parent}/ours` } });
    const { exit } = await fixture.engine.containers.wait(id, "not-running", new AbortController().signal);
    await exit;
    await fixture.engine.containers.remove(id, { force: true, volumes: true });
    expect(present(`${parent}/ours`)).toEqual([]);
    expect(present(parent)).toEqual(cgroupHierarchies(cgroup));
  } finally {
    for (const path of paths) if (existsSync(path)) rmdirSync(path);
  }
});

test("an engine's mark is its own: another engine's parents are not taken away", () => {
  const { cgroup } = fixture.engine.facts;
  const [hierarchy = ""] = cgroupHierarchies(cgroup);
  makeCgroupParents(cgroup, hierarchy, `${parent}/a`, "one");
  releaseCgroupParents(cgroup, `${parent}/a`, "other");
  expect(present(`${parent}/a`)).toEqual([hierarchy]);
  releaseCgroupParents(cgroup, `${parent}/a`, "one");
  expect(present(parent)).toEqual([]);
});

test("what a crashed engine left below a parent goes with the next one's start", async () => {
  const id = await fixture.start(["sleep", "1000"], { HostConfig: { CgroupParent: parent } });
  const { Pid } = (await fixture.engine.containers.inspect(id, { size: false })).State;
  await fixture.reopen();
  expect((await fixture.engine.containers.inspect(id, { size: false })).State.Pid).toBe(Pid);
  expect(present(`${parent}/${id}`)).not.toEqual([]);
  await fixture.engine.containers.remove(id, { force: true, volumes: true });
  expect(present(parent)).toEqual([]);
});

test.each([
  ["/a/../b", "it must not lead upwards (..)"],
  ["system.slice", '"system.slice" is a slice of systemd'],
  ["/x/memory.max", '"memory.max" is the name of a file of the kernel'],
  ["a\nb", "it contains control characters"],
  [`/${"x".repeat(256)}`, "a name in it has more than 255 bytes"],
  ["/tiffin/x", "it is a group of the engine itself"],
])("%p is refused at creation", async (CgroupParent, why) => {
  const error = await errorOf(fixture.start(["true"], { HostConfig: { CgroupParent } }));
  expect([error.kind, error.code]).toEqual(["invalid", "container.cgroup-parent"]);
  expect(error.message).toContain(why);
});
