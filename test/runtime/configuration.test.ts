/** The document as a whole: versions, values, annotations, what features promises about it. */
import { expect } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { OciNamespaceType, RuntimeSpec } from "../../src/oci/mod.ts";
import { until } from "../support/until.ts";
import { type Bundle, groupsNamed, removeGroups, shell, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const accepted = ["1.0.0-rc1", "1.0.0-rc5", "1.0.0", "1.0.2-dev", "1.1.0+dev", "1.2.1", "1.3.0", "1.17.3"];

eachRuntime(
  "every version 1 of the specification is taken, releases and others",
  async (bundle) => {
    for (const ociVersion of accepted) {
      const { code } = await bundle.run({ ...specOf(["/bin/true"]), ociVersion });
      expect({ ociVersion, code }).toEqual({ ociVersion, code: 0 });
    }
  },
  { except: { crun: "1.8 knows none after 1.0" } },
);

eachRuntime(
  "another version, or what is no version, is refused",
  async (bundle) => {
    for (const ociVersion of ["2.0.0", "0.9.0", "1", "1.0", "one", "v1.0.2", ""]) {
      const { code } = await bundle.run({ ...specOf(["/bin/true"]), ociVersion });
      expect({ ociVersion, code }).toEqual({ ociVersion, code: 1 });
    }
  },
  { except: { crun: "1.8 does not look at it", runc: "1.1 does not look at it" } },
);

eachRuntime(
  "annotations of every kind of key are part of the state, with the version that it complies with",
  async (bundle) => {
    const annotations = {
      "org.opencontainers.image.os": "linux",
      "org.example.empty": "",
      plain: "x",
      ü: "ü",
    };
    await bundle.create({ ...specOf(["/bin/sleep", "1000"]), annotations });
    const state = await bundle.state();
    expect(state).toMatchObject({ annotations, id: bundle.id, status: "created" });
    expect(state["ociVersion"]).toMatch(/^1\.\d+\.\d+/);
  },
);

eachRuntime(
  "state has no pid of a process that has ended; a created one can be killed, a stopped one cannot",
  async (bundle) => {
    await bundle.create(specOf(["/bin/sleep", "1000"]));
    expect((await bundle.call("kill", bundle.id, "KILL")).code).toBe(0);
    await until("it has stopped", async () => (await bundle.status()) === "stopped");
    expect((await bundle.state())["pid"] ?? 0).toBe(0);
    expect((await bundle.call("kill", bundle.id, "TERM")).code).not.toBe(0);
    expect((await bundle.start()).code).not.toBe(0);
    expect(await bundle.status()).toBe("stopped");
    expect((await bundle.call("delete", bundle.id)).code).toBe(0);
  },
);

eachRuntime("a start, or a delete, of what runs changes nothing", async (bundle) => {
  await bundle.create(shell("echo once >> /tmp/count; exec sleep 1000"));
  await bundle.start();
  await until("the program runs", () => Bun.file(join(bundle.rootfs, "tmp", "count")).size > 0);
  for (const command of ["start", "delete"]) expect((await bundle.call(command, bundle.id)).code).not.toBe(0);
  expect(await bundle.status()).toBe("running");
  expect(bundle.read("bundle/rootfs/tmp/count")).toBe("once\n");
});

eachRuntime(
  "what a container uses but has not made is still there after it: binds, joined namespaces, its root",
  async (bundle) => {
    mkdirSync(join(bundle.path, "data"));
    const bind = { destination: "/data", type: "none", source: "data", options: ["bind"] };
    const spec = shell(": > /data/new; : > /made");
    expect((await bundle.run({ ...spec, mounts: [...(spec.mounts ?? []), bind] })).code).toBe(0);
    expect(await Bun.file(join(bundle.path, "data", "new")).exists()).toBe(true);
    expect(await Bun.file(join(bundle.rootfs, "made")).exists()).toBe(true);
    expect(groupsNamed(bundle.id)).toEqual([]);
  },
);

eachRuntime(
  "a limit of no processes lets none be made, one below it is no limit",
  async (bundle) => {
    const limited = (limit: number): RuntimeSpec => {
      const spec = shell("true | true && echo made");
      return { ...spec, ociVersion: "1.3.0", linux: { ...spec.linux, resources: { pids: { limit } } } };
    };
    expect((await bundle.run(limited(-1))).stdout).toBe("made\n");
    expect((await bundle.run(limited(0))).stdout).toBe("");
  },
  {
    except: {
      crun: "1.8 takes 0 for no limit, as specifications before 1.3 let it",
      runc: "1.1 takes 0 for no limit, as specifications before 1.3 let it",
    },
  },
);

eachRuntime("in configurations before 1.3 a limit of no processes is none", async (bundle) => {
  const spec = shell("true | true && echo made");
  const linux = { ...spec.linux, resources: { pids: { limit: 0 } } };
  expect((await bundle.run({ ...spec, ociVersion: "1.0.2", linux })).stdout).toBe("made\n");
});

eachRuntime("settings of cgroup v2 files for a controller that is not there are an error", async (bundle) => {
  const spec = specOf(["/bin/true"]);
  for (const key of ["nosuchcontroller.max", "../../pids/pids.max"]) {
    const resources = { unified: { [key]: "1" } };
    expect((await bundle.run({ ...spec, linux: { ...spec.linux, resources } })).code).not.toBe(0);
  }
});

/** A decode border: a document of the specification. */
async function featuresOf(bundle: Bundle): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse((await bundle.call("features")).stdout) as Record<string, unknown>;
}

const noFeatures = { crun: "1.8 has no features command" } as const;

eachRuntime(
  "versions from the least to the most that features names are taken",
  async (bundle) => {
    const { ociVersionMin, ociVersionMax } = await featuresOf(bundle);
    for (const ociVersion of [ociVersionMin, ociVersionMax]) {
      expect((await bundle.run({ ...specOf(["/bin/true"]), ociVersion: String(ociVersion) })).code).toBe(0);
    }
  },
  { except: noFeatures },
);

eachRuntime(
  "every mount option that features names is taken",
  async (bundle) => {
    const { mountOptions } = await featuresOf(bundle);
    mkdirSync(join(bundle.path, "data"));
    // These need something else to go with them.
    const special = new Set(["bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap"]);
    const words = (mountOptions as readonly string[]).filter((word) => !special.has(word));
    const mounts = words.map((word, index) => ({
      destination: `/m${index}`,
      type: "none",
      source: "data",
      options: ["rbind", word],
    }));
    const spec = specOf(["/bin/true"]);
    expect(await bundle.run({ ...spec, mounts: [...(spec.mounts ?? []), ...mounts] })).toMatchObject({
      code: 0,
      stderr: "",
    });
  },
  { except: { ...noFeatures, runc: "1.1 names access times whose recursive form it cannot set" } },
);

eachRuntime(
  "every capability and namespace that features names is taken",
  async (bundle) => {
    // A decode border: a document of the specification.
    const { linux } = (await featuresOf(bundle)) as {
      linux: { capabilities: string[]; namespaces: OciNamespaceType[] };
    };
    const all = linux.capabilities;
    const spec = specOf(["/bin/true"], { capabilities: { bounding: all, effective: all, permitted: all } });
    const told = await bundle.run(spec);
    expect({ code: told.code, unknown: told.stderr.includes("unknown") }).toEqual({
      code: 0,
      unknown: false,
    });
    const namespaces = linux.namespaces.filter((type) => type !== "user").map((type) => ({ type }));
    expect((await bundle.run({ ...spec, linux: { namespaces } })).code).toBe(0);
  },
  { except: { ...noFeatures, runc: "1.1 fails for capabilities that this host cannot give" } },
);

eachRuntime("a relative path of groups is the same place every time", async (bundle) => {
  const spec = specOf(["/bin/cat", "/proc/self/cgroup"]);
  const linux = { ...spec.linux, cgroupsPath: `${bundle.id}-top/inner`, resources: { pids: { limit: 50 } } };
  const places = new Set<string>();
  for (let round = 0; round < 2; round += 1) {
    const { stdout } = await bundle.run({ ...spec, linux });
    const line = stdout.split("\n").find((each) => /:pids:|^0::/.test(each) && each.includes("inner"));
    places.add(line ?? "none");
  }
  expect([...places].length).toBe(1);
  expect([...places][0]).toContain(`${bundle.id}-top/inner`);
  removeGroups(`${bundle.id}-top`);
});

eachRuntime("pids of containers are counted in groups of their id when no path is given", async (bundle) => {
  const spec = specOf(["/bin/cat", "/proc/self/cgroup"]);
  const { stdout } = await bundle.run({
    ...spec,
    linux: { ...spec.linux, resources: { pids: { limit: 50 } } },
  });
  expect(stdout).toContain(bundle.id);
});
