/** Containers of an ordinary user: its own id alone, or the ids that newuidmap(1) may map for it. */
import { expect } from "bun:test";
import { chownSync, existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { LinuxSpec, OciIdMapping, OciProcess, RuntimeSpec } from "../../src/oci/mod.ts";
import type { Outcome } from "../support/outcome.ts";
import { type Bundle, shell } from "./bundle.ts";
import { asUser, callAsUser, collect, eachRuntimeOfUser, giveToUser, granted, user } from "./test-user.ts";

const own: readonly OciIdMapping[] = [{ containerID: 0, hostID: user, size: 1 }];
const many: readonly OciIdMapping[] = [...own, { containerID: 1, hostID: granted, size: 1000 }];

function spec(
  script: string,
  mapping: readonly OciIdMapping[],
  more: Partial<LinuxSpec> = {},
  process: Partial<OciProcess> = {},
): RuntimeSpec {
  const base = shell(script, process);
  return {
    ...base,
    mounts: (base.mounts ?? []).map((mount) => ({
      ...mount,
      options: (mount.options ?? []).filter((option) => option !== "gid=5"),
    })),
    linux: {
      namespaces: [...(base.linux?.namespaces ?? []), { type: "user" }],
      uidMappings: mapping,
      gidMappings: mapping,
      ...more,
    },
  };
}

const spaces = / +/g;

eachRuntimeOfUser("an ordinary user: root inside, the user outside", async (bundle) => {
  const script = "id -u; cat /proc/self/uid_map; head -c 1 /dev/zero | wc -c; echo x > /made";
  giveToUser(bundle, spec(script, own));
  const told = await callAsUser(bundle, "run", bundle.id);
  expect(told.code).toBe(0);
  expect(told.stdout.replaceAll(spaces, " ")).toBe(`0\n 0 ${user} 1\n1\n`);
});

async function manyIds(bundle: Bundle): Promise<void> {
  const script =
    "cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; id -u; id -g; id -G; : > /tmp/made; stat -c '%u %g' /tmp/made";
  const process = { user: { uid: 7, gid: 8, additionalGids: [9, 10] } };
  const document = spec(script, many, {}, process);
  const tmp = { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"] };
  giveToUser(bundle, { ...document, mounts: [...(document.mounts ?? []), tmp] });
  const told = await callAsUser(bundle, "run", bundle.id);
  expect(told.code).toBe(0);
  const map = ` 0 ${user} 1\n 1 ${granted} 1000\n`;
  expect(told.stdout.replaceAll(spaces, " ")).toBe(`${map}${map}allow\n7\n8\n8 9 10\n7 8\n`);
}

eachRuntimeOfUser("an ordinary user: more ids through newuidmap and newgidmap", manyIds, {
  except: { runc: "1.1 refuses additional groups of ordinary users, which the kernel allows here" },
});

eachRuntimeOfUser("an ordinary user: a range that is not granted is refused", async (bundle) => {
  giveToUser(bundle, spec("true", [...own, { containerID: 1, hostID: granted, size: 1001 }]));
  const told = await callAsUser(bundle, "run", bundle.id);
  expect(told.code).not.toBe(0);
  expect(told.stderr).toMatch(/new[ug]idmap: [ug]id range .* not allowed/);
  expect((await callAsUser(bundle, "list", "--quiet")).stdout).toBe("");
});

eachRuntimeOfUser(
  "an ordinary user: without newuidmap it is said what is missing",
  async (bundle) => {
    giveToUser(bundle, spec("true", many));
    const command = [bundle.runtime, "--root", join(bundle.root, "state"), "run", bundle.id];
    const told = await collect(bundle, [
      ...asUser(bundle.directory, [`PATH=${bundle.directory}`]),
      ...command,
    ]);
    expect(told.code).toBe(1);
    expect(told.stderr).toContain("PATH has no such program");
    expect(told.stderr).toContain("uidmap");
  },
  { except: { crun: "other words", runc: "other words" } },
);

eachRuntimeOfUser("an ordinary user: create, start, exec, kill, delete", async (bundle) => {
  giveToUser(bundle, spec("exec sleep 1000", many));
  expect((await callAsUser(bundle, "create", bundle.id)).code).toBe(0);
  expect((await callAsUser(bundle, "start", bundle.id)).code).toBe(0);
  const exec = (...words: readonly string[]): Promise<Outcome> => callAsUser(bundle, "exec", ...words);
  const told = await exec(bundle.id, "/bin/sh", "-c", "id -u; cat /proc/1/comm; exit 3");
  expect(told).toMatchObject({ code: 3, stdout: "0\nsleep\n" });
  const asOther = await exec("--user", "5:6", bundle.id, "/bin/sh", "-c", "id");
  expect(asOther.stdout).toContain("uid=5 gid=6");
  expect((await callAsUser(bundle, "kill", bundle.id, "KILL")).code).toBe(0);
  expect((await callAsUser(bundle, "delete", "--force", bundle.id)).code).toBe(0);
  expect((await callAsUser(bundle, "list", "--quiet")).stdout).toBe("");
});

eachRuntimeOfUser(
  "an ordinary user: limits that cannot be kept are refused",
  async (bundle) => {
    giveToUser(bundle, spec("true", own, { resources: { memory: { limit: 1_000_000_000 } } }));
    const told = await callAsUser(bundle, "run", bundle.id);
    expect(told.code).toBe(1);
    expect(told.stderr).toContain("memory");
  },
  { except: { crun: "1.8 goes on without the limit, which breaks: what cannot be applied is an error" } },
);

eachRuntimeOfUser("an ordinary user: a group that it may not make is refused", async (bundle) => {
  giveToUser(bundle, spec("true", own, { cgroupsPath: `/tiffin-test-other/${bundle.id}` }));
  const told = await callAsUser(bundle, "run", bundle.id);
  expect(told.code).toBe(1);
  expect(told.stderr).toContain("cgroup");
});

eachRuntimeOfUser(
  "an ordinary user: without a user namespace it is refused",
  async (bundle) => {
    const { linux: _linux, ...base } = spec("true", own);
    const namespaces = (["pid", "mount", "uts", "ipc", "network"] as const).map((type) => ({ type }));
    giveToUser(bundle, { ...base, linux: { namespaces } });
    const told = await callAsUser(bundle, "run", bundle.id);
    expect(told.code).toBe(1);
    expect(told.stderr).not.toBe("");
  },
  { except: { crun: "1.8 makes one unasked; what is not listed is the runtime's own" } },
);

const handedOver = ["pids", "memory"].map((name) => `/sys/fs/cgroup/${name}`);

eachRuntimeOfUser(
  "an ordinary user: limits in the groups that were handed over, and in no others",
  async (bundle) => {
    const groups = handedOver.filter((path) => existsSync(path)).map((path) => `${path}/${bundle.id}-user`);
    for (const path of groups) {
      mkdirSync(path);
      chownSync(path, user, user);
    }
    try {
      const pids = { pids: { limit: 30 }, devices: [{ allow: false, access: "rwm" }] };
      const linux = { cgroupsPath: `/${bundle.id}-user/one`, resources: pids };
      giveToUser(bundle, spec("grep -c :pids:/.*-user/one /proc/self/cgroup", own, linux));
      const told = await callAsUser(bundle, "run", bundle.id);
      expect(told).toEqual({ code: 0, stdout: "1\n", stderr: "" });
      bundle.configure(spec("true", own, { ...linux, resources: { ...pids, blockIO: { weight: 100 } } }));
      const refused = await callAsUser(bundle, "run", bundle.id);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain("blockIO");
    } finally {
      for (const path of groups) rmdirSync(path);
    }
  },
  {
    except: {
      crun: "1.8 wants a group in every hierarchy",
      runc: "1.1 wants a group in every hierarchy",
      ...(!existsSync(handedOver[0] ?? "") && { tiffin: "this host has no cgroup v1 hierarchies" }),
    },
  },
);

eachRuntimeOfUser("an ordinary user: a state directory that it may not use is refused", async (bundle) => {
  giveToUser(bundle, spec("true", own));
  const command = [bundle.runtime, "--root", "/tiffin-test-state/below", "run", bundle.id];
  const told = await collect(bundle, [...asUser(bundle.directory), ...command]);
  expect(told.code).toBe(1);
  expect(told.stderr).toContain("/tiffin-test-state");
});

eachRuntimeOfUser(
  "an ordinary user: a checkpoint is refused, and the container goes on",
  async (bundle) => {
    giveToUser(bundle, spec("sleep 1000", own));
    const quiet = await callAsUser(bundle, "run", "--detach", bundle.id);
    expect(quiet.code).toBe(0);
    const told = await callAsUser(bundle, "checkpoint", bundle.id);
    expect([told.code, told.stderr]).toEqual([1, expect.stringContaining("criu works for root alone")]);
    expect((await callAsUser(bundle, "state", bundle.id)).stdout).toContain('"running"');
    await callAsUser(bundle, "delete", "--force", bundle.id);
  },
  { except: { runc: "1.1 lets criu fail", crun: "Debian builds it without criu" } },
);

eachRuntimeOfUser("an ordinary user without groups of its own is shown the caller's", async (bundle) => {
  const document = spec("ls /sys/fs/cgroup", own);
  const group = {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["ro", "nosuid"],
  };
  giveToUser(bundle, { ...document, mounts: [...(document.mounts ?? []), group] });
  const { stdout, stderr } = await callAsUser(bundle, "run", bundle.id);
  const known = readdirSync("/sys/fs/cgroup").find(
    (name) => name === "memory" || name === "cgroup.controllers",
  );
  expect({ names: stdout.trim().split("\n"), stderr }).toEqual({
    names: expect.arrayContaining([known]),
    stderr: "",
  });
});
