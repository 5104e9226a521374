/**
 * Containers that another OCI runtime makes out of what the engine prepares: seen from inside they are as the engine's own,
 * everything that is done to a container is done to them, and nothing of them stays on the host.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { type CommandResult, startEngine, type TestEngine } from "../support/engine-harness.ts";
import type { HostSnapshot } from "../support/host-snapshot.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;
let before: HostSnapshot;
const runtimes = ["crun", "runc"] as const;

beforeAll(async () => {
  engine = await startEngine();
  mkdirSync(`${engine.directory}/data/below`, { recursive: true });
  writeFileSync(`${engine.directory}/data/file`, "of the host\n");
  // What an engine makes once, it keeps.
  for (const runtime of runtimes) await engine.output("run", "--rm", "--runtime", runtime, "base", "true");
  before = engine.snapshot();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** What a program can learn of its confinement, one line each. */
const look = `
grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Uid|Gid)' /proc/self/status
hostname; cat /proc/sys/kernel/domainname; pwd; ulimit -n; ulimit -Hn; echo "$WORD $HOME"; umask
cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_unprivileged_port_start
awk '$2 ~ "^/(data|once|hosts|mem|etc/.*)$" { split($4, o, ","); print $2, $3, o[1] }' /proc/mounts | sort
cat /data/file /hosts; ls -l /dev | grep -v ' core ' | awk '{ print $1, $5, $6, $NF }' | sort
(echo no > /data/file) 2>/dev/null || echo closed
(echo no > /root-file) 2>/dev/null || echo closed root
cat /proc/keys | wc -c; ls /proc/acpi | wc -l; (echo 1 > /proc/sys/vm/swappiness) 2>/dev/null || echo closed sysctl
ip -o link | awk '{ print $2 }' | cut -d@ -f1; ip route | awk '{ print $1 }'
mount -t tmpfs x /mnt 2>/dev/null || echo no mounts
unshare -U true 2>/dev/null || echo no namespaces
readlink /proc/self/fd/0; ls /proc/self/fd | wc -l; awk '{ print ($6 == $1) }' /proc/1/stat
`;

function confined(): string[] {
  const data = `${engine.directory}/data`;
  return [
    ...[
      "-m",
      "64m",
      "--pids-limit",
      "40",
      "--cpu-shares",
      "512",
      "--ulimit",
      "nofile=100:200",
      "--hostname",
      "inside",
    ],
    ...[
      "--domainname",
      "example.org",
      "-e",
      "WORD=said",
      "-w",
      "/made/here",
      "--cap-drop",
      "ALL",
      "--cap-add",
      "CHOWN",
    ],
    ...["--group-add", "77", "--oom-score-adj", "300", "--sysctl", "net.ipv4.ip_unprivileged_port_start=99"],
    ...["-v", `${data}:/data:ro`, "-v", `${data}/file:/hosts`, "--tmpfs", "/mem:size=1m", "--read-only"],
    ...["--device", "/dev/fuse", "--security-opt", "no-new-privileges"],
  ];
}

/** The container's own group, its limits as the kernel has them. */
async function limitsOf(name: string): Promise<string> {
  const pid = await engine.output("inspect", "--format", "{{.State.Pid}}", name);
  const script = `for f in memory/memory.limit_in_bytes pids/pids.max cpu/cpu.shares devices/devices.list; do
    h=\${f%%/*}; g=$(grep ":$h:" /proc/${pid}/cgroup | cut -d: -f3); echo "$f"; sort /sys/fs/cgroup/$h$g/\${f#*/}; done`;
  return await new Response(Bun.spawn(["sh", "-c", script]).stdout).text();
}

test("a container is the same inside whichever runtime makes it: user, capabilities, filter, limits, mounts, devices, network", async () => {
  const own = await engine.output("run", "--rm", ...confined(), "base", "sh", "-c", look);
  expect(own).toContain("of the host");
  await engine.output("run", "-d", "--name", "own", ...confined(), "base", "sleep", "1000");
  const ownLimits = await limitsOf("own");
  expect(ownLimits).toContain("67108864");
  for (const runtime of runtimes) {
    const same = await engine.output(
      "run",
      "--rm",
      "--runtime",
      runtime,
      ...confined(),
      "base",
      "sh",
      "-c",
      look,
    );
    expect([runtime, ...same.split("\n")]).toEqual([runtime, ...own.split("\n")]);
    await engine.output(
      "run",
      "-d",
      "--name",
      runtime,
      "--runtime",
      runtime,
      ...confined(),
      "base",
      "sleep",
      "1000",
    );
    expect(await limitsOf(runtime)).toBe(ownLimits);
    await engine.output("rm", "-f", runtime);
  }
  await engine.output("rm", "-f", "own");
});

describe.each(runtimes)("%s", (runtime) => {
  const cli = async (...words: readonly string[]): Promise<CommandResult> => await engine.cli(...words);

  test("output, input, exit codes and failures are those of every container", async () => {
    const run = ["run", "--rm", "--runtime", runtime];
    const { stdout } = await engine.cliWith({ input: "given" }, ...run, "-i", "base", "cat");
    expect(stdout).toBe("given");
    expect((await cli(...run, "base", "sh", "-c", "exit 7")).exitCode).toBe(7);
    const missing = await cli(...run, "base", "no-such-program");
    expect(missing.exitCode).toBe(127);
    expect(missing.stderr).toContain("OCI runtime create failed");
    expect(missing.stderr).toContain("no-such-program");
    expect((await cli(...run, "base", "/etc/passwd")).exitCode).toBe(126);
    // One that has ended before anybody looks.
    for (let round = 0; round < 5; round += 1) expect((await cli(...run, "base", "true")).exitCode).toBe(0);
  });

  test("a terminal is the container's own, of the size that the client has, and follows it", async () => {
    await using session = engine.terminal(["run", "-it", "--rm", "--runtime", runtime, "base", "sh"], {
      rows: 31,
      columns: 97,
    });
    await session.typeUntil("tty; stty size; echo end-of-it\r", /\/dev\/pts\/0[\s\S]*31 97[\s\S]*end-of-it/);
    session.resize(12, 34);
    await session.typeUntil("stty size\r", /12 34/);
    session.type("exit 3\r");
    expect(await session.exited()).toBe(3);
  });

  test("exec, top, stats, pause, cp, update, logs, restart and stop work on it, and inspect names its runtime", async () => {
    const start = "trap 'echo told; exit 5' TERM; echo begun; while :; do sleep 0.1; done";
    await engine.output("run", "-d", "--name", "life", "--runtime", runtime, "base", "sh", "-c", start);
    expect(await engine.output("inspect", "-f", "{{.HostConfig.Runtime}}", "life")).toBe(runtime);
    // Their first process is theirs for a moment, before it becomes ours.
    await until(
      "the program to run",
      async () => (await engine.output("exec", "life", "cat", "/proc/1/comm")) === "sh",
    );
    expect((await cli("exec", "life", "sh", "-c", "exit 4")).exitCode).toBe(4);
    expect(await engine.output("top", "life")).toContain("while :");
    expect(await engine.output("stats", "--no-stream", "--format", "{{.Name}}", "life")).toBe("life");
    await engine.output("pause", "life");
    expect(await engine.output("ps", "--format", "{{.Status}}", "-f", "name=life")).toContain("(Paused)");
    await engine.output("unpause", "life");
    writeFileSync(`${engine.directory}/copied`, "over");
    await engine.cli("cp", `${engine.directory}/copied`, "life:/copied");
    expect(await engine.output("exec", "life", "cat", "/copied")).toBe("over");
    await engine.output("update", "-m", "32m", "--memory-swap", "64m", "life");
    expect(await limitsOf("life")).toContain("33554432");
    await engine.output("stop", "life");
    expect(await engine.output("inspect", "-f", "{{.State.ExitCode}}", "life")).toBe("5");
    await until(
      "the last line is in its log",
      async () => (await engine.output("logs", "life")) === "begun\ntold",
    );
    await engine.output("start", "life");
    await engine.output("kill", "life");
    await engine.output("wait", "life");
    await engine.output("rm", "life");
  });

  test("it outlives the engine's end, and the next engine knows it and its exit code", async () => {
    const wait = "while [ ! -e /go ]; do sleep 0.1; done; echo gone on; exit 9";
    await engine.output("run", "-d", "--name", "lives", "--runtime", runtime, "base", "sh", "-c", wait);
    await engine.crash();
    await engine.start();
    expect(await engine.output("ps", "-q", "-f", "name=lives")).not.toBe("");
    await engine.output("exec", "lives", "touch", "/go");
    expect(await engine.output("wait", "lives")).toBe("9");
    expect(await engine.output("logs", "lives")).toBe("gone on");
    await engine.output("rm", "lives");
  });

  test("namespaces of other containers and of the host are shared as with every container", async () => {
    await engine.output("run", "-d", "--name", "first", "--ipc", "shareable", "base", "sleep", "1000");
    const address = await engine.output("exec", "first", "ip", "-o", "-4", "addr", "show", "eth0");
    const shared = ["--network", "container:first", "--pid", "container:first", "--ipc", "container:first"];
    const seen = ["sh", "-c", "ip -o -4 addr show eth0; cat /proc/1/comm; ls -di /dev/shm | xargs"];
    const [same, processes, memory] = (
      await engine.output("run", "--rm", "--runtime", runtime, ...shared, "base", ...seen)
    ).split("\n");
    expect(same).toBe(address);
    expect(processes).toBe("sleep");
    expect(memory).toBe(await engine.output("exec", "first", "ls", "-di", "/dev/shm"));
    await engine.output("rm", "-f", "first");
    const host = ["--network", "host", "--pid", "host", "--uts", "host"];
    const ids = "for n in net uts pid; do readlink /proc/self/ns/$n; done";
    const own = await new Response(Bun.spawn(["sh", "-c", ids]).stdout).text();
    expect(await engine.output("run", "--rm", "--runtime", runtime, ...host, "base", "sh", "-c", ids)).toBe(
      own.trim(),
    );
  });

  test("a supervisor that is killed takes the container with it, and nothing is left", async () => {
    await engine.output("run", "-d", "--name", "orphan", "--runtime", runtime, "base", "sleep", "1000");
    const pid = Number(await engine.output("inspect", "-f", "{{.State.Pid}}", "orphan"));
    const [, parent = ""] = /^PPid:\s+(\d+)$/m.exec(await Bun.file(`/proc/${pid}/status`).text()) ?? [];
    process.kill(Number(parent), "SIGKILL");
    expect(await engine.output("wait", "orphan")).toBe("137");
    await engine.output("rm", "orphan");
  });
});

test("an unknown runtime is one error in Docker's words; one without its program says so; what is none is found out", async () => {
  const run = async (...words: readonly string[]): Promise<CommandResult> =>
    await engine.cli("run", "--rm", ...words, "base", "true");
  const unknown = await run("--runtime", "nosuch");
  expect(unknown.exitCode).toBe(125);
  expect(unknown.stderr).toContain("unknown or invalid runtime name: nosuch");
  await engine.stop();
  await engine.start({
    arguments: ["--add-runtime", "gone=/nowhere/gone", "--add-runtime", "none=/bin/true"],
  });
  const gone = await run("--runtime", "gone");
  expect(gone.exitCode).toBe(125);
  expect(gone.stderr).toContain("/nowhere/gone");
  const none = await run("--runtime", "none");
  expect(none.exitCode).toBe(125);
  expect(none.stderr).toContain("cannot be taken over");
  const info = await engine.http("GET", "/info");
  expect(info.json()).toMatchObject({
    DefaultRuntime: "tiffin",
    Runtimes: { tiffin: {}, crun: {}, runc: {}, gone: { path: "/nowhere/gone" } },
  });
});

test("what another runtime cannot do is refused with the reason", async () => {
  for (const [words, reason] of [
    [["--init"], "--init is not possible with the runtime crun"],
    [["--userns", "private"], "a user namespace of its own is not possible with the runtime crun"],
  ] as const) {
    const { exitCode, stderr } = await engine.cli(
      "run",
      "--rm",
      "--runtime",
      "crun",
      ...words,
      "base",
      "true",
    );
    expect([exitCode, stderr.includes(reason)]).toEqual([125, true]);
  }
});

test("an engine that fails or is killed at a step of a start leaves nothing of the runtime's, or a container that runs and goes", async () => {
  for (const runtime of runtimes) {
    for (const step of ["start.sync", "start.sync:kill", "start.launched:kill"]) {
      await engine.stop();
      await engine.start({ env: { TIFFIN_FAILPOINT: step } });
      const name = `step-${runtime}`;
      await engine.cli("run", "-d", "--name", name, "--runtime", runtime, "base", "sleep", "1000");
      if (step.endsWith(":kill")) await engine.ended();
      else await engine.stop();
      await engine.start();
      await engine.output("rm", "-f", name);
    }
  }
});

test("nothing of all of them is left on the host", async () => {
  expect(await engine.leftoversOfOthers(before)).toEqual([]);
});
