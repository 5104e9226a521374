/** `linux.intelRdt` on a machine without it. What resctrl is told where there is one: src/linux and src/kernel. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { groupsNamed, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const mounted = readFileSync("/proc/self/mountinfo", "utf8").includes(" - resctrl ");

eachRuntime(
  "without a mounted resctrl a container that wants Intel RDT is refused, and nothing is left",
  async (bundle) => {
    const spec = specOf(["/bin/true"]);
    for (const intelRdt of [{}, { closID: "gold" }, { schemata: ["L3:0=f"], enableMonitoring: true }]) {
      const { code, stderr } = await bundle.run({ ...spec, linux: { ...spec.linux, intelRdt } });
      expect(code).toBe(1);
      expect(stderr).toContain("resctrl");
    }
    expect((await bundle.call("state", bundle.id)).code).toBe(1);
    expect(groupsNamed(bundle.id)).toEqual([]);
  },
  {
    impossible: mounted ? "resctrl is mounted on this machine" : undefined,
    except: {
      runc: "1.1 goes on without it unless a cache schema is named, but the specification wants an error",
      crun: "1.8 goes on without it, but the specification wants an error",
    },
  },
);

eachRuntime(
  "update of a class of Intel RDT that the container has not is an error",
  async (bundle) => {
    await bundle.create(specOf(["/bin/sleep", "1000"]));
    const { code, stderr } = await bundle.call("update", "--l3-cache-schema", "L3:0=f", bundle.id);
    expect(code).toBe(1);
    expect(stderr).toContain("Intel RDT");
  },
  { except: { crun: "1.8 has no such flag" } },
);
