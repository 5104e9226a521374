/** What an image may have in the places that the runtime itself reads, and what keeps an image busy after its end. */
import { expect, test } from "bun:test";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { until } from "../support/until.ts";
import { Bundle, shell, specOf } from "./bundle.ts";
import { eachRuntime, runtimes } from "./runtimes.ts";

const ours = runtimes.find(({ name }) => name === "tiffin")?.path;
const mayRun = ours !== undefined && process.geteuid?.() === 0;

/** In place of /etc/passwd, which says what HOME is. */
const files: Readonly<Record<string, (path: string) => void>> = {
  "a pipe": (path) => void Bun.spawnSync(["mkfifo", path]),
  "a link to a device": (path) => symlinkSync("/dev/zero", path),
  "a link to a file of the host": (path) => symlinkSync("/proc/1/root/etc/passwd", path),
  "a link to itself": (path) => symlinkSync("passwd", path),
  "a device": (path) => void Bun.spawnSync(["mknod", path, "c", "1", "5"]),
  "a directory": (path) => mkdirSync(path),
  nonsense: (path) =>
    writeFileSync(path, "root:x:0:0\n::::::::::\nroot:x:99999999999999999999:0::/wrong:\n\0\0"),
};

test.skipIf(!mayRun)("an /etc/passwd that is none: the program runs in /, for run and exec", async () => {
  await using bundle = new Bundle(ours ?? "");
  const passwd = join(bundle.rootfs, "etc", "passwd");
  bundle.configure(specOf(["/bin/sleep", "1000"]));
  await bundle.detached("run", "-d", bundle.id);
  bundle.configure(shell("echo $HOME"));
  for (const [name, make] of Object.entries(files)) {
    rmSync(passwd, { recursive: true, force: true });
    make(passwd);
    const outcomes = [
      await bundle.call("run", `${bundle.id}-2`),
      // Of a user who is not the container's, or nobody would look.
      await bundle.call("exec", "--user", "77", bundle.id, "/bin/sh", "-c", "echo $HOME"),
    ];
    for (const { code, stdout } of outcomes)
      expect({ name, code, stdout }).toEqual({ name, code: 0, stdout: "/\n" });
  }
  rmSync(passwd, { recursive: true });
  writeFileSync(passwd, "");
  truncateSync(passwd, 2 ** 31);
  for (const words of [
    ["run", `${bundle.id}-2`],
    ["exec", "--user", "77", bundle.id, "/bin/true"],
  ]) {
    const told = await bundle.call(...words);
    expect(told.code).toBe(words[0] === "run" ? 1 : 255);
    expect(told.stderr).toMatch(/^tiffin-runtime: \/etc\/passwd .*larger.*\n$/);
  }
});

eachRuntime("a mount namespace that is made meanwhile holds nothing of a container", async (bundle) => {
  // moby#27381: a service with a private /tmp kept what was mounted when it started.
  await bundle.create(specOf(["/bin/sleep", "1000"]));
  const service = Bun.spawn(["unshare", "--mount", "sleep", "1000"], { stdout: "ignore" });
  try {
    await bundle.start();
    await until("the service", () => readFileSync(`/proc/${service.pid}/comm`, "utf8") === "sleep\n");
    expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
    rmSync(bundle.rootfs, { recursive: true });
    for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
      let mounts = "";
      try {
        mounts = readFileSync(`/proc/${name}/mountinfo`, "utf8");
      } catch {
        // It has ended, or is a thread of the kernel.
      }
      expect(mounts).not.toContain(bundle.directory);
    }
  } finally {
    service.kill("SIGKILL");
    await service.exited;
  }
});

eachRuntime("the last bytes of a program arrive, with its exit code, for run and exec", async (bundle) => {
  const [count, size] = [3, 500_000];
  const script = `head -c ${size} /dev/zero | tr '\\0' x; exit 7`;
  Bun.spawnSync(["ln", "-s", "busybox", join(bundle.rootfs, "bin", "tr")]);
  bundle.configure(shell(script));
  for (let turn = 0; turn < count; turn += 1) {
    const { code, stdout } = await bundle.call("run", `${bundle.id}-2`);
    expect({ code, bytes: stdout.length, whole: stdout === "x".repeat(size) }).toEqual({
      code: 7,
      bytes: size,
      whole: true,
    });
  }
  bundle.configure(specOf(["/bin/sleep", "1000"]));
  await bundle.detached("run", "-d", bundle.id);
  const calls = Array.from({ length: count }, () => bundle.call("exec", bundle.id, "/bin/sh", "-c", script));
  for (const { code, stdout } of await Promise.all(calls)) {
    expect({ code, whole: stdout === "x".repeat(size) }).toEqual({ code: 7, whole: true });
  }
});

test.skipIf(!mayRun)("what a volume has in place of /proc receives no setting", async () => {
  // CVE-2019-16884, CVE-2025-52881
  await using bundle = new Bundle(ours ?? "");
  const decoys = [
    "sys/net/ipv4/ip_forward",
    "self/oom_score_adj",
    "self/attr/apparmor/exec",
    "self/attr/exec",
  ];
  const volume = join(bundle.directory, "volume");
  for (const name of decoys) {
    mkdirSync(join(volume, name, ".."), { recursive: true });
    writeFileSync(join(volume, name), "decoy");
  }
  const spec = shell("cat /real/sys/net/ipv4/ip_forward /real/self/oom_score_adj", { oomScoreAdj: 432 });
  const mounts = [
    { destination: "/proc", type: "bind", source: volume, options: ["rbind"] },
    { destination: "/real", type: "proc", source: "proc" },
    ...(spec.mounts ?? []).filter(({ destination }) => destination !== "/proc"),
  ];
  const linux = { ...spec.linux, sysctl: { "net.ipv4.ip_forward": "1" }, readonlyPaths: ["/proc/sys"] };
  const told = await bundle.run({ ...spec, mounts, linux });
  expect(told).toMatchObject({ code: 0, stdout: "1\n432\n" });
  for (const name of decoys) expect(readFileSync(join(volume, name), "utf8")).toBe("decoy");
});
