/** What images and containers have done to runtimes, done to these. Nothing of the host may change or be left over. */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Bundle, groupsNamed, shell, specOf } from "./bundle.ts";
import { eachRuntime, runtimes } from "./runtimes.ts";

const ours = runtimes.find(({ name }) => name === "tiffin")?.path;
const mayRun = ours !== undefined && process.geteuid?.() === 0;

function digest(path: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
}

test.skipIf(!mayRun)("no program of the host can be written to through /proc/self/exe", async () => {
  await using bundle = new Bundle(ours ?? "");
  const before = digest(bundle.runtime);
  writeFileSync(join(bundle.rootfs, "bin", "self"), "#!/proc/self/exe\n");
  chmodSync(join(bundle.rootfs, "bin", "self"), 0o755);
  // The program is its own interpreter: whatever starts, it is not the runtime with rights over its file.
  const told = await bundle.run(specOf(["/bin/self"]));
  expect(told.code).not.toBe(0);
  const script =
    "for i in 1 2 3 4 5 6 7 8 9; do for p in /proc/[0-9]*; do (echo x > $p/exe) 2>/dev/null && echo wrote $p; done; done";
  await bundle.create(shell(`exec sleep 1000`));
  await bundle.start();
  const told2 = await bundle.call("exec", bundle.id, "/bin/sh", "-c", script);
  expect(told2.stdout).toBe("");
  expect(digest(bundle.runtime)).toBe(before);
});

eachRuntime("links of the image at mount points lead nowhere outside", async (bundle) => {
  const outside = join(bundle.directory, "outside");
  mkdirSync(outside);
  rmSync(join(bundle.rootfs, "sys"), { recursive: true });
  symlinkSync(`../../../../../../../..${outside}`, join(bundle.rootfs, "sys"));
  symlinkSync(outside, join(bundle.rootfs, "data"));
  const spec = specOf(["/bin/true"]);
  const data = { destination: "/data/made", type: "tmpfs", source: "tmpfs" };
  await bundle.run({ ...spec, mounts: [...(spec.mounts ?? []), data] });
  expect(existsSync(join(outside, "made"))).toBe(false);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(bundle.directory);
});

eachRuntime(
  "a null device that is a link does not unmask a kernel file",
  async (bundle) => {
    rmSync(join(bundle.rootfs, "dev"), { recursive: true });
    mkdirSync(join(bundle.rootfs, "dev"));
    // A file of the container's own uts namespace: where the attack works, nothing of the host changes.
    symlinkSync("/proc/sys/kernel/domainname", join(bundle.rootfs, "dev", "null"));
    const spec = shell(
      "(echo taken > /proc/version) 2>/dev/null; cat /proc/sys/kernel/domainname /proc/version",
    );
    const mounts = (spec.mounts ?? []).filter(({ destination }) => !destination.startsWith("/dev"));
    const linux = { ...spec.linux, maskedPaths: ["/proc/version"] };
    const { stdout } = await bundle.run({ ...spec, mounts, linux });
    expect(stdout).not.toContain("taken");
    expect(stdout).not.toContain("Linux version");
  },
  { except: { runc: "1.1.5 has CVE-2025-31133", crun: "1.8.1 has CVE-2025-31133" } },
);

eachRuntime("many at once: each gets its own answer, nothing is left", async (bundle) => {
  bundle.configure(shell("echo $HOSTNAME; exit 3"));
  const ids = Array.from({ length: 12 }, (_, index) => `${bundle.id}-${index}`);
  const outcomes = await Promise.all(ids.map((id) => bundle.call("run", id)));
  expect(outcomes.map(({ code }) => code)).toEqual(ids.map(() => 3));
  for (const id of ids) expect(groupsNamed(id)).toEqual([]);
});

eachRuntime(
  "of two that claim one id, one gets it",
  async (bundle) => {
    bundle.configure(specOf(["/bin/sleep", "1000"]));
    const create = () => bundle.detached("create", bundle.id);
    const made = await Promise.all([create(), create()]);
    expect(made.map(({ code }) => code).sort()).toEqual([0, 1]);
    const starts = await Promise.all([bundle.start(), bundle.start(), bundle.start()]);
    expect(starts.filter(({ code }) => code === 0).length).toBe(1);
  },
  {
    except: {
      runc: "1.1 has no lock: two starts may both end with 0",
      crun: "1.8 has no lock: two starts may both end with 0",
    },
  },
);

test.skipIf(!mayRun)("a container of 4 MB of memory starts", async () => {
  await using bundle = new Bundle(ours ?? "");
  const spec = specOf(["/bin/true"]);
  const resources = { memory: { limit: 4 * 1024 * 1024 } };
  const told = await bundle.run({ ...spec, linux: { ...spec.linux, resources } });
  expect({ code: told.code, stderr: told.stderr }).toEqual({ code: 0, stderr: "" });
});

test.skipIf(!mayRun)("a configuration of more than 10 MB is refused", async () => {
  await using bundle = new Bundle(ours ?? "");
  const told = await bundle.run({
    ...specOf(["/bin/true"]),
    annotations: { a: "x".repeat(11 * 1024 * 1024) },
  });
  expect(told.code).toBe(1);
  expect(told.stderr).toContain("config.json");
});
