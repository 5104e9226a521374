/** What a container sees of itself and of the host, checked from inside and from outside, on the real kernel. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const output = async (...args: readonly string[]): Promise<string> => await engine.output(...args);

/** Starts a sleeping container and returns its first process as the host sees it. */
async function sleeper(name: string, ...options: string[]): Promise<number> {
  await output("run", "-d", "--name", name, ...options, "base", "sleep", "1000");
  return Number(await output("inspect", "--format", "{{.State.Pid}}", name));
}

test("every namespace that Docker makes is new, and none is the host's", async () => {
  const pid = await sleeper("namespaces");
  for (const namespace of ["pid", "mnt", "net", "uts", "ipc", "cgroup"]) {
    const inside = await output("exec", "namespaces", "readlink", `/proc/self/ns/${namespace}`);
    expect(inside).toBe(readlinkSync(`/proc/${pid}/ns/${namespace}`));
    expect(inside).not.toBe(readlinkSync(`/proc/self/ns/${namespace}`));
  }
});

test("processes: PID 1 is the program and only the container's own are visible", async () => {
  expect(await output("run", "--rm", "base", "sh", "-c", "echo $$; ls /proc | grep -c '^[0-9]'")).toMatch(
    /^1\n[123]$/,
  );
});

test("mounts: nothing of the host's tree is reachable, and the host sees none of the container's", async () => {
  const pid = await sleeper("mounts");
  const inside = readFileSync(`/proc/${pid}/mountinfo`, "utf8");
  const root = inside.split("\n").find((line) => line.split(" ")[4] === "/");
  expect(root).toContain(" overlay ");
  expect(existsSync(`/proc/${pid}/root${engine.directory}`)).toBe(false);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(engine.directory);
});

test("uts: hostname of its own, the container's short id by default", async () => {
  const id = await output("run", "-d", "base", "sleep", "1000");
  expect(await output("exec", id, "hostname")).toBe(id.slice(0, 12));
  expect(await output("run", "--rm", "-h", "moon", "base", "hostname")).toBe("moon");
});

test("ipc: two containers have namespaces of their own", async () => {
  await sleeper("ipc-one");
  const pid = await sleeper("ipc-two");
  expect(readlinkSync(`/proc/${pid}/ns/ipc`)).not.toBe(
    await output("exec", "ipc-one", "readlink", "/proc/self/ns/ipc"),
  );
});

test("cgroup: the container's own directory is its root", async () => {
  const seen = await output("run", "--rm", "base", "cat", "/proc/self/cgroup");
  const memory = seen.split("\n").find((line) => line.includes(":memory:"));
  if (memory !== undefined) expect(memory).toEndWith(":memory:/");
  expect(seen).not.toContain("tiffin");
});

test("network: loopback and one link with an address of the bridge's subnet", async () => {
  const links = await output("run", "--rm", "base", "sh", "-c", "ls /sys/class/net; ip -4 -o addr show eth0");
  expect(links).toContain("eth0");
  expect(links).toContain("lo");
  expect(links).not.toContain("docker0");
  expect(links).toMatch(/inet \d+\.\d+\.\d+\.\d+\/\d+/);
  expect(await output("run", "--rm", "--network", "none", "base", "ls", "/sys/class/net")).toBe("lo");
});

test("network host: the host's own links", async () => {
  const pid = await sleeper("host-network", "--network", "host");
  expect(readlinkSync(`/proc/${pid}/ns/net`)).toBe(readlinkSync("/proc/self/ns/net"));
});

test("user: root of the container is nobody of note on the host", async () => {
  const pid = await sleeper("userns", "--userns", "private");
  expect(await output("exec", "userns", "id", "-u")).toBe("0");
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  expect(Number(/^Uid:\s+(\d+)/m.exec(status)?.[1])).toBeGreaterThanOrEqual(65_536);
  expect(readlinkSync(`/proc/${pid}/ns/user`)).not.toBe(readlinkSync("/proc/self/ns/user"));
  expect(await output("exec", "userns", "sh", "-c", "touch /made && stat -c %u /made /bin/busybox")).toBe(
    "0\n0",
  );
});

test("secrets of the kernel are masked and its switches read-only", async () => {
  const script =
    "cat /proc/kcore 2>/dev/null | wc -c; cat /proc/timer_list | wc -c; ls /proc/acpi 2>/dev/null | wc -l; ls /sys/firmware | wc -l;" +
    "echo x 2>/dev/null > /proc/sys/kernel/core_pattern || echo refused; echo 1 2>/dev/null > /proc/sysrq-trigger || echo refused";
  expect(await output("run", "--rm", "base", "sh", "-c", script)).toBe("0\n0\n0\n0\nrefused\nrefused");
});

test("capabilities: Docker's default set, less, more, all", async () => {
  const effective = async (...options: string[]): Promise<string> =>
    (await output("run", "--rm", ...options, "base", "grep", "CapEff", "/proc/self/status")).split("\t")[1] ??
    "";
  expect(await effective()).toBe("00000000a80425fb");
  expect(await effective("--cap-drop", "ALL")).toBe("0000000000000000");
  expect(await effective("--cap-drop", "ALL", "--cap-add", "NET_ADMIN")).toBe("0000000000001000");
  const all = /^CapBnd:\t(\w+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  expect(await effective("--privileged")).toBe(all);
});

test("seccomp filters, and no_new_privs is as asked", async () => {
  expect(await output("run", "--rm", "base", "grep", "Seccomp:", "/proc/self/status")).toBe("Seccomp:\t2");
  expect(
    await output(
      "run",
      "--rm",
      "--security-opt",
      "seccomp=unconfined",
      "base",
      "grep",
      "Seccomp:",
      "/proc/self/status",
    ),
  ).toBe("Seccomp:\t0");
  expect(
    await output(
      "run",
      "--rm",
      "--security-opt",
      "no-new-privileges",
      "base",
      "grep",
      "NoNewPrivs",
      "/proc/self/status",
    ),
  ).toBe("NoNewPrivs:\t1");
  const unshare = await engine.cli("run", "--rm", "base", "unshare", "-U", "true");
  expect(unshare.exitCode).not.toBe(0);
});

test("only the three standard descriptors reach the program", async () => {
  await sleeper("descriptors");
  expect(await output("exec", "descriptors", "sh", "-c", "ls /proc/1/fd | tr '\\n' ' '")).toBe("0 1 2");
  const own = await output(
    "exec",
    "descriptors",
    "sh",
    "-c",
    "sleep 5 & sleep 0.3; ls /proc/$!/fd | tr '\\n' ' '; kill $!",
  );
  expect(own).toBe("0 1 2");
});

test("devices: the usual nodes work, the disk is out of reach", async () => {
  const script = "echo x > /dev/null && head -c 4 /dev/urandom | wc -c && test -c /dev/tty && ls /dev";
  const seen = await output("run", "--rm", "base", "sh", "-c", script);
  for (const name of ["full", "fd", "mqueue", "ptmx", "pts", "shm", "stdout", "zero"])
    expect(seen).toContain(name);
  const disk = await engine.cli(
    "run",
    "--rm",
    "--cap-add",
    "MKNOD",
    "base",
    "sh",
    "-c",
    "mknod /d b 254 0 && cat /d | head -c 1",
  );
  expect(disk.stderr).toContain("Operation not permitted");
});

test("--read-only keeps the root but not a tmpfs or a volume", async () => {
  const script =
    "touch /x 2>/dev/null || echo refused; touch /tmp/y && echo tmp; touch /dev/shm/z && echo shm";
  expect(await output("run", "--rm", "--read-only", "--tmpfs", "/tmp", "base", "sh", "-c", script)).toBe(
    "refused\ntmp\nshm",
  );
});

test("time: a container with an offset has a boot time of its own", async () => {
  const host = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  const inside = await output(
    "run",
    "--rm",
    "--annotation",
    "tiffin.time-offset=boottime=86400",
    "base",
    "sh",
    "-c",
    "cut -d. -f1 /proc/uptime; readlink /proc/self/ns/time",
  );
  const [uptime = "", namespace = ""] = inside.split("\n");
  expect(Number(uptime) - host).toBeWithin(86_300, 86_500);
  expect(namespace).not.toBe(readlinkSync("/proc/self/ns/time"));
});

test("what the engine keeps is for root alone, and none of its sockets has a name that a container beside it can reach", async () => {
  await sleeper("beside", "--network", "host");
  const modes = [engine.root, engine.run, `${engine.root}/tiffin.db`, `${engine.root}/tiffin.db-wal`].map(
    (path) => statSync(path).mode & 0o077,
  );
  expect(modes).toEqual([0, 0, 0, 0]);
  const own = new Set(
    engine.cgroup
      .processes()
      .flatMap((pid) => descriptorsOf(pid).flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? [])),
  );
  const seen = (await output("exec", "beside", "cat", "/proc/net/unix"))
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const named = seen.filter(([, , , , , , inode = "", name]) => own.has(inode) && name !== undefined);
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter(([, , , , , , , name]) => name?.startsWith("@"))).toEqual([]);
});

/** What a process has open; nothing when it has ended. */
function descriptorsOf(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  try {
    return readdirSync(directory).map((name) => readlinkSync(`${directory}/${name}`));
  } catch {
    return [];
  }
}
