/** Containers of an ordinary user: one mapped id, no cgroups, no rights on the host. */
import { expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeSpec } from "../../src/oci/mod.ts";
import { Bundle, shell } from "./bundle.ts";
import { runtimes } from "./runtimes.ts";

const runtime = runtimes.find(({ name }) => name === "tiffin")?.path ?? "";
const mayRun = runtime !== "" && process.geteuid?.() === 0 && Bun.which("setpriv") !== null;
const user = 1000;
const drop = ["setpriv", "--reuid", String(user), "--regid", String(user), "--clear-groups"];

function spec(script: string): RuntimeSpec {
  const base = shell(script);
  const mapping = [{ containerID: 0, hostID: user, size: 1 }];
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
    },
  };
}

async function asUser(
  bundle: Bundle,
  ...words: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  // The container keeps the streams of a create open, so they go to files.
  const [out, err] = [join(bundle.root, "out"), join(bundle.root, "err")];
  for (const file of [out, err]) writeFileSync(file, "");
  const child = Bun.spawn([...drop, runtime, "--root", join(bundle.root, "state"), ...words], {
    cwd: bundle.path,
    stdin: "ignore",
    stdout: Bun.file(out),
    stderr: Bun.file(err),
  });
  const code = await child.exited;
  return { code, stdout: await Bun.file(out).text(), stderr: await Bun.file(err).text() };
}

function prepare(bundle: Bundle, script: string): void {
  mkdirSync(bundle.root);
  Bun.spawnSync(["chown", "-R", `${user}:${user}`, bundle.path, bundle.root]);
  chownSync(bundle.path, user, user);
  chmodSync(bundle.directory, 0o755);
  bundle.configure(spec(script));
}

test.skipIf(!mayRun)("run: root inside, the user outside", async () => {
  await using bundle = new Bundle(runtime);
  prepare(bundle, "id -u; cat /proc/self/uid_map; head -c 1 /dev/zero | wc -c; echo x > /made");
  const told = await asUser(bundle, "run", bundle.id);
  expect(told.stderr).toBe("");
  expect(told.stdout.replaceAll(/ +/g, " ")).toBe(`0\n 0 ${user} 1\n1\n`);
});

test.skipIf(!mayRun)("create, start, exec, kill, delete", async () => {
  await using bundle = new Bundle(runtime);
  prepare(bundle, "exec sleep 1000");
  expect((await asUser(bundle, "create", bundle.id)).code).toBe(0);
  expect((await asUser(bundle, "start", bundle.id)).code).toBe(0);
  const told = await asUser(bundle, "exec", bundle.id, "/bin/sh", "-c", "id -u; cat /proc/1/comm; exit 3");
  expect(told).toEqual({ code: 3, stdout: "0\nsleep\n", stderr: "" });
  expect((await asUser(bundle, "delete", "--force", bundle.id)).code).toBe(0);
  expect((await asUser(bundle, "list", "--quiet")).stdout).toBe("");
});

test.skipIf(!mayRun)("limits that cannot be kept are refused", async () => {
  await using bundle = new Bundle(runtime);
  prepare(bundle, "true");
  const base = spec("true");
  bundle.configure({ ...base, linux: { ...base.linux, resources: { memory: { limit: 1_000_000_000 } } } });
  const told = await asUser(bundle, "run", bundle.id);
  expect(told.code).toBe(1);
  expect(told.stderr).toContain("linux.resources.memory");
});
