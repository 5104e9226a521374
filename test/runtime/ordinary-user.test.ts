/**
 * Containers of an ordinary user: its own id alone, or the ids that newuidmap(1) may map for it. The user and its
 * grants exist only in the mount namespace of each command.
 */
import { expect } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LinuxSpec, OciIdMapping, OciProcess, RuntimeSpec } from "../../src/oci/mod.ts";
import { type Bundle, type Outcome, shell } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const user = 4321;
const granted = 300_000;
const drop = [
  "setpriv",
  ...["--reuid", String(user), "--regid", String(user), "--clear-groups", "--inh-caps=-all"],
];
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

/** The account files of the machine with the user and its grants. */
function prepare(bundle: Bundle, document: RuntimeSpec): void {
  const accounts = join(bundle.directory, "etc");
  mkdirSync(accounts);
  const row = { passwd: `tiffin-test:x:${user}:${user}::/:/bin/sh\n`, group: `tiffin-test:x:${user}:\n` };
  for (const [name, line] of Object.entries(row)) {
    writeFileSync(join(accounts, name), readFileSync(`/etc/${name}`, "utf8") + line);
  }
  for (const name of ["subuid", "subgid"]) {
    writeFileSync(join(accounts, name), `tiffin-test:${granted}:1000\n`);
  }
  mkdirSync(bundle.root);
  Bun.spawnSync(["chown", "-R", `${user}:${user}`, bundle.path, bundle.root]);
  bundle.configure(document);
}

async function asUser(bundle: Bundle, ...words: readonly string[]): Promise<Outcome> {
  return await asUserWith(bundle, [], ...words);
}

async function asUserWith(
  bundle: Bundle,
  environment: readonly string[],
  ...words: readonly string[]
): Promise<Outcome> {
  // The container keeps the streams of a create open, so they go to files.
  const [out, err] = [join(bundle.root, "out"), join(bundle.root, "err")];
  for (const file of [out, err]) writeFileSync(file, "");
  const bind = (name: string): string => `mount --bind ${bundle.directory}/etc/${name} /etc/${name}`;
  const script = [
    ...["passwd", "group"].map(bind),
    // A machine without the programs lacks the files as well.
    ...["subuid", "subgid"].map((name) => `[ ! -e /etc/${name} ] || ${bind(name)}`),
    'exec "$@"',
  ].join("; ");
  const child = Bun.spawn(
    [
      ...["unshare", "--mount", "sh", "-c", script, "sh", ...drop, "env", ...environment],
      ...[bundle.runtime, "--root", join(bundle.root, "state"), ...words],
    ],
    { cwd: bundle.path, stdin: "ignore", stdout: Bun.file(out), stderr: Bun.file(err) },
  );
  const code = await child.exited;
  return { code, stdout: readFileSync(out, "utf8"), stderr: readFileSync(err, "utf8") };
}

const spaces = / +/g;

eachRuntime("an ordinary user: root inside, the user outside", async (bundle) => {
  const script = "id -u; cat /proc/self/uid_map; head -c 1 /dev/zero | wc -c; echo x > /made";
  prepare(bundle, spec(script, own));
  const told = await asUser(bundle, "run", bundle.id);
  expect(told.code).toBe(0);
  expect(told.stdout.replaceAll(spaces, " ")).toBe(`0\n 0 ${user} 1\n1\n`);
});

async function manyIds(bundle: Bundle): Promise<void> {
  const script =
    "cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; id -u; id -g; id -G; : > /tmp/made; stat -c '%u %g' /tmp/made";
  const process = { user: { uid: 7, gid: 8, additionalGids: [9, 10] } };
  const document = spec(script, many, {}, process);
  const tmp = { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"] };
  prepare(bundle, { ...document, mounts: [...(document.mounts ?? []), tmp] });
  const told = await asUser(bundle, "run", bundle.id);
  expect(told.code).toBe(0);
  const map = ` 0 ${user} 1\n 1 ${granted} 1000\n`;
  expect(told.stdout.replaceAll(spaces, " ")).toBe(`${map}${map}allow\n7\n8\n8 9 10\n7 8\n`);
}

eachRuntime("an ordinary user: more ids through newuidmap and newgidmap", manyIds, {
  except: { runc: "1.1 refuses additional groups of ordinary users, which the kernel allows here" },
});

eachRuntime("an ordinary user: a range that is not granted is refused", async (bundle) => {
  prepare(bundle, spec("true", [...own, { containerID: 1, hostID: granted, size: 1001 }]));
  const told = await asUser(bundle, "run", bundle.id);
  expect(told.code).not.toBe(0);
  expect(told.stderr).toMatch(/new[ug]idmap: [ug]id range .* not allowed/);
  expect((await asUser(bundle, "list", "--quiet")).stdout).toBe("");
});

eachRuntime(
  "an ordinary user: without newuidmap it is said what is missing",
  async (bundle) => {
    prepare(bundle, spec("true", many));
    const told = await asUserWith(bundle, [`PATH=${bundle.directory}`], "run", bundle.id);
    expect(told.code).toBe(1);
    expect(told.stderr).toContain("PATH has no such program");
    expect(told.stderr).toContain("uidmap");
  },
  { except: { crun: "other words", runc: "other words" } },
);

eachRuntime("an ordinary user: create, start, exec, kill, delete", async (bundle) => {
  prepare(bundle, spec("exec sleep 1000", many));
  expect((await asUser(bundle, "create", bundle.id)).code).toBe(0);
  expect((await asUser(bundle, "start", bundle.id)).code).toBe(0);
  const exec = (...words: readonly string[]): Promise<Outcome> => asUser(bundle, "exec", ...words);
  const told = await exec(bundle.id, "/bin/sh", "-c", "id -u; cat /proc/1/comm; exit 3");
  expect(told).toMatchObject({ code: 3, stdout: "0\nsleep\n" });
  const asOther = await exec("--user", "5:6", bundle.id, "/bin/sh", "-c", "id");
  expect(asOther.stdout).toContain("uid=5 gid=6");
  expect((await asUser(bundle, "kill", bundle.id, "KILL")).code).toBe(0);
  expect((await asUser(bundle, "delete", "--force", bundle.id)).code).toBe(0);
  expect((await asUser(bundle, "list", "--quiet")).stdout).toBe("");
});

eachRuntime(
  "an ordinary user: limits that cannot be kept are refused",
  async (bundle) => {
    prepare(bundle, spec("true", own, { resources: { memory: { limit: 1_000_000_000 } } }));
    const told = await asUser(bundle, "run", bundle.id);
    expect(told.code).toBe(1);
    expect(told.stderr).toContain("memory");
  },
  { except: { crun: "1.8 goes on without the limit, which breaks: what cannot be applied is an error" } },
);

eachRuntime("an ordinary user: a group that it may not make is refused", async (bundle) => {
  prepare(bundle, spec("true", own, { cgroupsPath: `/tiffin-test-other/${bundle.id}` }));
  const told = await asUser(bundle, "run", bundle.id);
  expect(told.code).toBe(1);
  expect(told.stderr).toContain("cgroup");
});
