/** Which groups a further process joins, looked up for this very process. */
import { expect, test } from "bun:test";
import { readText } from "../../kernel/files.ts";
import { probe } from "../../kernel/probe.ts";
import { unifiedHierarchy } from "../../linux/cgroup.ts";
import { parseProcessCgroups } from "../../linux/proc.ts";
import { processGroups } from "./mod.ts";

const { cgroup } = probe();
const own = parseProcessCgroups(readText("/proc/self/cgroup"));
const unified = own.find(({ hierarchyId }) => hierarchyId === 0)?.path;

test("hierarchies in which the container was given a group, and those that its main process has gone into since", () => {
  const joined = cgroup.v1.slice(0, 1).map(({ name }) => name);
  const elsewhere = processGroups({ directory: "/nowhere", facts: cgroup, joined }, process.pid);
  expect([...elsewhere]).toEqual(joined.map((name) => [name, "/nowhere"]));
  for (const { name, controllers } of cgroup.v1) {
    const path = own.find((each) => each.controllers.some((one) => controllers.includes(one)))?.path ?? "";
    const groups = processGroups({ directory: path, facts: cgroup, joined: [] }, process.pid);
    expect(groups.get(name)).toBe(path);
  }
});

test.skipIf(unified === undefined)(
  "in version 2 the group below, where the main process has gone there",
  () => {
    const path = unified ?? "";
    const joined = [unifiedHierarchy];
    const above = path.slice(0, path.lastIndexOf("/"));
    const of = (directory: string): string | undefined =>
      processGroups({ directory, facts: cgroup, joined }, process.pid).get(unifiedHierarchy);
    expect(of("/nowhere")).toBe("/nowhere");
    if (above !== "") expect(of(above)).toBe(path);
  },
);
