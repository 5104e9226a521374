/**
 * The runtime itself in a user namespace, as its root: it has every capability there and none on the host. As in a rootless engine,
 * which makes the namespace first and calls the runtime inside.
 */
import { expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LinuxSpec, OciIdMapping, OciNamespaceType, RuntimeSpec } from "../../src/oci/mod.ts";
import type { Outcome } from "../support/outcome.ts";
import { type Bundle, shell } from "./bundle.ts";
import { asUser, collect, eachRuntimeOfUser, giveToUser } from "./test-user.ts";

const ownMounts = ["unshare", "--user", "--mount", "--map-root-user"];
const manyIds = [...ownMounts, "--map-auto"];
const nested: readonly OciIdMapping[] = [
  { containerID: 0, hostID: 1, size: 1 },
  { containerID: 1, hostID: 2, size: 100 },
];
const usual = ["pid", "mount", "uts", "ipc", "network"] as const;

function namespaces(...types: readonly OciNamespaceType[]): Pick<LinuxSpec, "namespaces"> {
  return { namespaces: types.map((type) => ({ type })) };
}

function spec(script: string, linux: Partial<LinuxSpec> = {}): RuntimeSpec {
  const base = shell(script, { oomScoreAdj: 300 });
  const mounts = (base.mounts ?? []).map((mount) => ({
    ...mount,
    options: (mount.options ?? []).filter((option) => option !== "gid=5"),
  }));
  return { ...base, mounts, linux: { ...base.linux, ...linux } };
}

/** Runs the script with the words of the runtime as its own, in the namespace that `around` makes. */
async function inside(
  bundle: Bundle,
  around: readonly string[],
  document: RuntimeSpec,
  script = `"$@" run ${bundle.id}`,
): Promise<Outcome> {
  giveToUser(bundle, document);
  const runtime = [bundle.runtime, "--root", join(bundle.root, "state")];
  return await collect(bundle, [
    ...asUser(bundle.directory),
    ...around,
    "sh",
    "-c",
    script,
    "sh",
    ...runtime,
  ]);
}

const look =
  "id -u; head -c 1 /dev/zero | wc -c; ls -d /sys/kernel; cat /proc/self/oom_score_adj; : > /made; stat -c %u /made";
const seen = "0\n1\n/sys/kernel\n300\n0\n";

eachRuntimeOfUser("in a user namespace: with mounts of its own and many ids", async (bundle) => {
  const { code, stdout } = await inside(bundle, manyIds, spec(look));
  expect({ code, stdout }).toEqual({ code: 0, stdout: seen });
});

eachRuntimeOfUser("in a user namespace: with one id and the host's mounts", async (bundle) => {
  const { code, stdout } = await inside(bundle, ["unshare", "--user", "--map-root-user"], spec(look));
  expect({ code, stdout }).toEqual({ code: 0, stdout: seen });
});

eachRuntimeOfUser(
  "in a user namespace: without a network of its own, the host's /sys is bound",
  async (bundle) => {
    const linux = namespaces("pid", "mount", "uts", "ipc");
    const { code, stdout } = await inside(bundle, manyIds, spec(look, linux));
    expect({ code, stdout }).toEqual({ code: 0, stdout: seen });
  },
  { except: { runc: "1.1 mounts no sysfs there and gives up" } },
);

eachRuntimeOfUser("in a user namespace: a nested one", async (bundle) => {
  const script = `cat /proc/self/uid_map; ${look.replace(": > /made; stat -c %u /made", "echo end")}`;
  const linux = { ...namespaces(...usual, "user"), uidMappings: nested, gidMappings: nested };
  const { code, stdout } = await inside(bundle, manyIds, spec(script, linux));
  expect(code).toBe(0);
  expect(stdout.replaceAll(/ +/g, " ")).toBe(` 0 1 1\n 1 2 100\n${seen.slice(0, -"0\n".length)}end\n`);
});

eachRuntimeOfUser("in a user namespace: create, start, exec, kill, delete", async (bundle) => {
  const { id } = bundle;
  const script = [
    `"$@" create ${id} && "$@" start ${id}`,
    `"$@" exec ${id} /bin/sh -c 'echo $$; cat /proc/1/comm; id -u; exit 3'; echo $?`,
    `"$@" exec --user 5:6 ${id} /bin/id -u`,
    `"$@" kill ${id} KILL; "$@" delete --force ${id}; "$@" list -q`,
  ].join("\n");
  const { stdout } = await inside(bundle, manyIds, spec("exec sleep 1000"), script);
  expect(stdout).toMatch(/^\d+\nsleep\n0\n3\n5\n$/);
});

eachRuntimeOfUser(
  "in a user namespace: the clocks of a time namespace",
  async (bundle) => {
    const linux = { ...namespaces(...usual, "time"), timeOffsets: { boottime: { secs: 86_400 } } };
    const { code, stdout } = await inside(bundle, manyIds, spec("cat /proc/self/timens_offsets", linux));
    expect(code).toBe(0);
    expect(stdout).toMatch(/boottime +86400 +0\n/);
  },
  {
    except: {
      crun: "1.8 cannot write the offsets there",
      runc: "1.1 knows no time namespace",
    },
  },
);

eachRuntimeOfUser(
  "in a user namespace: a slave bind hears of later mounts of the host",
  async (bundle) => {
    const base = spec("exec sleep 1000");
    const [source, full] = [join(bundle.path, "data"), join(bundle.path, "full")];
    mkdirSync(join(source, "in"), { recursive: true });
    mkdirSync(full);
    writeFileSync(join(full, "file"), "heard\n");
    const bind = { destination: "/data", type: "bind", source, options: ["rbind", "rslave"] };
    const script = [
      `mount --bind ${source} ${source}; mount --make-rshared ${source}`,
      `"$@" create ${bundle.id} && "$@" start ${bundle.id}`,
      `mount --bind ${full} ${source}/in`,
      `"$@" exec ${bundle.id} cat /data/in/file; "$@" delete --force ${bundle.id}`,
    ].join("\n");
    const document = { ...base, mounts: [...(base.mounts ?? []), bind] };
    const { stdout } = await inside(bundle, manyIds, document, script);
    expect(stdout).toContain("heard\n");
  },
  { except: { crun: "1.8 cuts its mounts off before it binds" } },
);

eachRuntimeOfUser("in a user namespace: a proc of the host's processes is refused", async (bundle) => {
  const { code, stderr } = await inside(
    bundle,
    manyIds,
    spec("true", namespaces("mount", "uts", "ipc", "network")),
  );
  expect(code).toBe(1);
  expect(stderr).toContain("proc");
});

eachRuntimeOfUser("in a user namespace: groups are left alone where they are forbidden", async (bundle) => {
  const base = spec("id -u; id -g");
  const { code, stdout } = await inside(bundle, ownMounts, base);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "0\n0\n" });
});

eachRuntimeOfUser(
  "in a user namespace: rw does not loosen a source that the host has mounted read-only",
  async (bundle) => {
    const base = spec(
      "cat /data/file; (: > /data/new) 2>/dev/null || echo read-only; grep -c ' /data ro,' /proc/self/mountinfo",
    );
    const source = join(bundle.path, "data");
    mkdirSync(source);
    writeFileSync(join(source, "file"), "content\n");
    const bind = { destination: "/data", type: "bind", source, options: ["rbind", "rw", "exec"] };
    giveToUser(bundle, { ...base, mounts: [...(base.mounts ?? []), bind] });
    const mount = `mount --bind ${source} ${source} && mount -o remount,bind,ro,nosuid ${source} && exec "$@"`;
    const runtime = [bundle.runtime, "--root", join(bundle.root, "state"), "run", bundle.id];
    const own = ["unshare", "--mount", "sh", "-c", mount, "sh"];
    const told = await collect(bundle, [...own, ...asUser(bundle.directory), ...manyIds, ...runtime]);
    expect(told.stdout).toBe("content\nread-only\n1\n");
  },
);
