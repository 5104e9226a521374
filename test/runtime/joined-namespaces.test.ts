/** Namespaces that exist: of another container with a user namespace of its own, of each kind, and a mount namespace. */
import { expect } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LinuxSpec, OciIdMapping, OciNamespaceType, RuntimeSpec } from "../../src/oci/mod.ts";
import type { Outcome } from "../support/outcome.ts";
import { until } from "../support/until.ts";
import { type Bundle, shell, specOf } from "./bundle.ts";
import { eachOfOurs, eachRuntime } from "./runtimes.ts";
import { callAsUser, collect, eachRuntimeOfUser, giveToUser, user } from "./test-user.ts";

const files = { user: "user", ipc: "ipc", network: "net", pid: "pid", uts: "uts", cgroup: "cgroup" } as const;
const kinds = ["user", "ipc", "network", "pid", "uts", "cgroup"] as const;

function mappings(hostID: number, size: number): Pick<LinuxSpec, "uidMappings" | "gidMappings"> {
  const rows: readonly OciIdMapping[] = [{ containerID: 0, hostID, size }];
  return { uidMappings: rows, gidMappings: rows };
}

/** A container that sleeps in namespaces of its own, `types` and a mount namespace. */
function sleeper(types: readonly OciNamespaceType[], maps: Partial<LinuxSpec> = {}): RuntimeSpec {
  const base = specOf(["/bin/sleep", "1000"]);
  return withoutGroup({
    ...base,
    linux: { namespaces: ["mount" as const, ...types].map((type) => ({ type })), ...maps },
  });
}

/** A terminal group is a group that a small map does not have. */
function withoutGroup(spec: RuntimeSpec): RuntimeSpec {
  const mounts = (spec.mounts ?? []).map((mount) => ({
    ...mount,
    options: (mount.options ?? []).filter((option) => option !== "gid=5"),
  }));
  return { ...spec, mounts };
}

/** A program in the namespaces of process `pid`. */
function joiner(
  script: string,
  pid: unknown,
  types: readonly (keyof typeof files)[],
  maps: Partial<LinuxSpec> = {},
): RuntimeSpec {
  const { hostname: _own, ...base } = shell(script);
  const joined = types.map((type) => ({ type, path: `/proc/${String(pid)}/ns/${files[type]}` }));
  return withoutGroup({ ...base, linux: { namespaces: [{ type: "mount" }, ...joined], ...maps } });
}

/** Which of the kinds the program shares with PID 1. */
const comparison = `for n in ${Object.values(files).join(" ")}; do [ $(readlink /proc/self/ns/$n) = $(readlink /proc/1/ns/$n) ] && echo $n; done; cat /proc/1/comm`;
const shared = `${Object.values(files).join("\n")}\nsleep\n`;

/** Runs a second container of the bundle. */
async function runSecond(bundle: Bundle, spec: RuntimeSpec): Promise<Outcome> {
  bundle.configure(spec);
  return await bundle.call("run", `${bundle.id}-2`);
}

eachRuntime("joined namespaces: every kind of a container with a user namespace", async (bundle) => {
  const maps = mappings(500_000, 1000);
  await bundle.create(sleeper(kinds, maps));
  await bundle.start();
  const { pid } = await bundle.state();
  const { code, stdout } = await runSecond(bundle, joiner(`id -u; ${comparison}`, pid, kinds, maps));
  expect({ code, stdout }).toEqual({ code: 0, stdout: `0\n${shared}` });
});

/** A user namespace as an ordinary user makes one: it has one group, and setgroups is forbidden in it for ever. */
async function withoutGroups<T>(act: (pid: number) => Promise<T>): Promise<T> {
  const holder = Bun.spawn(["unshare", "--user", "--map-root-user", "sleep", "1000"], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  try {
    await until(
      "the map of the namespace",
      () =>
        readFileSync(`/proc/${holder.pid}/gid_map`, "utf8") !== "" &&
        readFileSync(`/proc/${holder.pid}/comm`, "utf8") === "sleep\n",
    );
    return await act(holder.pid);
  } finally {
    holder.kill("SIGKILL");
    await holder.exited;
  }
}

/** A program in the user namespace of process `pid` and in new ones of the other kinds. */
function entering(args: readonly string[], pid: number): RuntimeSpec {
  const { hostname: _own, ...base } = specOf(args);
  const others = ["mount", "pid", "ipc", "network", "uts"] as const;
  const namespaces = [
    { type: "user" as const, path: `/proc/${pid}/ns/user` },
    ...others.map((type) => ({ type })),
  ];
  return withoutGroup({ ...base, linux: { namespaces, ...mappings(0, 1) } });
}

const groupsOfProcess = "grep Groups /proc/self/status; cat /proc/self/setgroups; id -u";
const noGroups = "Groups:\t \ndeny\n0\n";

for (const wanted of [[], [0], [7]])
  eachRuntime(
    `joined namespaces: one that forbids setgroups, ${wanted.length === 0 ? "no groups" : `group ${wanted.join()}`} asked for`,
    async (bundle) => {
      await withoutGroups(async (pid) => {
        const spec = entering(["/bin/sh", "-c", groupsOfProcess], pid);
        const user = { uid: 0, gid: 0, additionalGids: wanted };
        const told = await bundle.run({ ...spec, process: { cwd: "/", ...spec.process, user } });
        expect(told).toEqual({ code: 0, stdout: noGroups, stderr: "" });
      });
    },
  );

eachRuntime("joined namespaces: another process in one that forbids setgroups", async (bundle) => {
  await withoutGroups(async (pid) => {
    await bundle.create(entering(["/bin/sleep", "1000"], pid));
    await bundle.start();
    const inside = await bundle.call("exec", "--user", "0:0", bundle.id, "/bin/sh", "-c", groupsOfProcess);
    expect({ code: inside.code, stdout: inside.stdout }).toEqual({ code: 0, stdout: noGroups });
    const document = join(bundle.directory, "process.json");
    const user = { uid: 0, gid: 0, additionalGids: [7] };
    writeFileSync(document, JSON.stringify({ cwd: "/", args: ["/bin/sh", "-c", groupsOfProcess], user }));
    const asking = await bundle.call("exec", "--process", document, bundle.id);
    expect({ code: asking.code, stdout: asking.stdout }).toEqual({ code: 0, stdout: noGroups });
    // One that the namespace does not have.
    expect((await bundle.call("exec", "--user", "5:5", bundle.id, "/bin/true")).code).not.toBe(0);
  });
});

eachOfOurs(
  "joined namespaces: groups of the caller do not go along into one that forbids setgroups",
  async (bundle) => {
    await withoutGroups(async (pid) => {
      bundle.configure(entering(["/bin/sh", "-c", groupsOfProcess], pid));
      mkdirSync(bundle.root);
      const words = [
        "setpriv",
        "--groups",
        "4,24",
        bundle.runtime,
        "--root",
        join(bundle.root, "state"),
        "run",
        bundle.id,
      ];
      const told = await collect(bundle, words);
      expect({ code: told.code, stdout: told.stdout }).toEqual({ code: 0, stdout: noGroups });
    });
  },
);

eachRuntimeOfUser(
  "joined namespaces: an ordinary user joins what it has made",
  async (bundle) => {
    const maps = mappings(user, 1);
    const types = ["user", "ipc", "network", "pid", "uts"] as const;
    giveToUser(bundle, sleeper(types, maps));
    expect((await callAsUser(bundle, "create", bundle.id)).code).toBe(0);
    expect((await callAsUser(bundle, "start", bundle.id)).code).toBe(0);
    const { stdout } = await callAsUser(bundle, "state", bundle.id);
    // A decode border.
    const { pid } = JSON.parse(stdout) as { pid: number };
    bundle.configure(joiner(`id -u; ${comparison}`, pid, types, maps));
    const told = await callAsUser(bundle, "run", `${bundle.id}-2`);
    // The group namespace is the host's for both.
    expect({ code: told.code, stdout: told.stdout }).toEqual({ code: 0, stdout: `0\n${shared}` });
  },
  { except: { crun: "1.8 enters the pid namespace before it has the rights to" } },
);

eachRuntime(
  "joined namespaces: the clocks of another container",
  async (bundle) => {
    const { linux = {} } = sleeper(["pid", "ipc", "network", "uts", "time"]);
    const base = sleeper(["pid"]);
    await bundle.create({ ...base, linux: { ...linux, timeOffsets: { boottime: { secs: 1_000_000 } } } });
    await bundle.start();
    const { pid } = await bundle.state();
    const { linux: joining = {}, ...spec } = joiner("cat /proc/uptime", pid, ["pid"]);
    const time = { type: "time" as const, path: `/proc/${String(pid)}/ns/time` };
    const namespaces = [...(joining.namespaces ?? []), time];
    const { code, stdout } = await runSecond(bundle, { ...spec, linux: { ...joining, namespaces } });
    expect(code).toBe(0);
    expect(Number(stdout.split(" ")[0])).toBeGreaterThan(1_000_000);
  },
  { except: { crun: "1.8 dies of time offsets here", runc: "1.1 knows no time namespace" } },
);

eachRuntime("joined namespaces: a mount namespace gets the container's root and mounts", async (bundle) => {
  const { linux: _linux, ...base } = shell(
    "readlink /proc/self/ns/mnt; ls -d /proc/version /sys/kernel /dev/zero /tmp",
  );
  const keeper = Bun.spawn(["unshare", "--mount", "--propagation", "private", "sleep", "1000"]);
  try {
    const path = `/proc/${keeper.pid}/ns/mnt`;
    await until("it has its namespace", () => readFileSync(`/proc/${keeper.pid}/comm`, "utf8") === "sleep\n");
    const namespaces = [
      { type: "mount" as const, path },
      ...(["pid", "uts", "ipc", "network"] as const).map((type) => ({ type })),
    ];
    const { code, stdout } = await bundle.run({ ...base, linux: { namespaces } });
    expect(code).toBe(0);
    const seen = stdout.trim().split("\n").slice(1).sort();
    expect(seen).toEqual(["/dev/zero", "/proc/version", "/sys/kernel", "/tmp"]);
    // Its root is the container's now, for everybody in it.
    expect(readdirSync(`/proc/${keeper.pid}/root`).sort()).toEqual(readdirSync(bundle.rootfs).sort());
  } finally {
    keeper.kill("SIGKILL");
    await keeper.exited;
  }
});

eachRuntime("joined namespaces: a file of another kind is refused", async (bundle) => {
  const { linux: _linux, ...base } = specOf(["/bin/true"]);
  const paths = ["/proc/self/ns/net", join(bundle.path, "config.json"), "/nothing"];
  for (const path of paths) {
    const namespaces = [
      { type: "mount" as const },
      { type: "ipc" as const, path },
      { type: "uts" as const },
      { type: "pid" as const },
    ];
    const { code } = await bundle.run({ ...base, linux: { namespaces } });
    expect({ path, code }).toEqual({ path, code: 1 });
  }
});

eachOfOurs("joined namespaces: a pipe in the place of one is refused and not waited for", async (bundle) => {
  const { linux: _linux, ...base } = specOf(["/bin/true"]);
  const pipe = join(bundle.path, "pipe");
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  const user = { type: "user" as const, path: `/proc/${process.pid}/ns/user` };
  for (const others of [[], [user]]) {
    const namespaces = [{ type: "mount" as const }, ...others, { type: "ipc" as const, path: pipe }];
    const { code, stderr } = await bundle.run({ ...base, hostname: "", mounts: [], linux: { namespaces } });
    expect({ others, code }).toEqual({ others, code: 1 });
    expect(stderr).toContain("ipc namespace");
  }
});

/** Kinds that anybody can own, and where the file system is that only an owner may mount. */
const ownable = { ipc: "", network: "", uts: "", cgroup: "", pid: "/proc", time: "" } as const;
const bothMaps = mappings(500_000, 1000);

/** A running container of the bundle: its process. */
async function runAs(bundle: Bundle, id: string, spec: RuntimeSpec): Promise<number> {
  const { hostname: _none, ...unnamed } = spec;
  bundle.configure(unnamed);
  const { code, stderr } = await bundle.detached("create", id);
  expect({ id, code, stderr }).toEqual({ id, code: 0, stderr: "" });
  expect(await bundle.call("start", id)).toMatchObject({ code: 0 });
  // A decode border.
  return (JSON.parse((await bundle.call("state", id)).stdout) as { pid: number }).pid;
}

for (const type of ["ipc", "network", "uts", "cgroup", "pid", "time"] as const) {
  const file = type === "network" ? "net" : type;
  const ids = (bundle: Bundle): readonly string[] =>
    ["host", "same", "other", "joiner"].map((name) => `${bundle.id}-${name}`);
  eachRuntime(
    `joined namespaces: a user namespace, and of ${type} the host's own, the same one's and another one's`,
    async (bundle) => {
      const types: readonly OciNamespaceType[] = type === "pid" ? ["pid"] : ["pid", type];
      const [host = "", same = "", other = "", joining = ""] = ids(bundle);
      try {
        const pids = new Map([
          [host, await runAs(bundle, host, sleeper(types))],
          [same, await runAs(bundle, same, sleeper(["user", ...types], bothMaps))],
          [other, await runAs(bundle, other, sleeper(["user", ...types], mappings(700_000, 1000)))],
        ]);
        for (const [id, pid] of pids) {
          const wanted = [`/proc/${pids.get(same)}/ns/user`, `/proc/${pid}/ns/${file}`];
          const namespaces = [
            { type: "mount" as const },
            { type: "user" as const, path: wanted[0] ?? "" },
            { type, path: wanted[1] ?? "" },
            ...(type === "pid" ? [] : [{ type: "pid" as const }]),
          ];
          const base = withoutGroup({
            ...specOf(["/bin/sleep", "1000"]),
            linux: { namespaces, ...bothMaps },
          });
          const mounts = (base.mounts ?? []).filter(({ destination }) => destination !== ownable[type]);
          const joiner = await runAs(bundle, joining, { ...base, mounts });
          const links = [`/proc/${joiner}/ns/user`, `/proc/${joiner}/ns/${file}`];
          expect({ id, links: links.map((path) => readlinkSync(path)) }).toEqual({
            id,
            links: wanted.map((path) => readlinkSync(path)),
          });
          const inside = await bundle.call("exec", joining, "/bin/true");
          expect({ id, code: inside.code, said: inside.stderr }).toEqual({ id, code: 0, said: "" });
          expect((await bundle.call("delete", "--force", joining)).code).toBe(0);
        }
      } finally {
        for (const id of ids(bundle)) await bundle.call("delete", "--force", id);
      }
    },
    {
      except: {
        runc: "1.1 enters the user namespace first",
        ...(type === "time" && { crun: "1.8 dies of time namespaces here" }),
        ...(type === "pid" && {
          crun: "1.8 looks for its own files in the container's /proc, which is not mounted",
        }),
      },
    },
  );
}
