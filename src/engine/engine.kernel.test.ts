/** The engine with all its real parts, in this process: what containers see, how they end, what stays behind. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { collect, EngineFixture } from "../../test/support/engine-in-process.ts";
import { succeeds, until } from "../../test/support/until.ts";
import { containerInspect, containerSummary } from "../docker/types/container.ts";
import { TiffinError } from "../lib/errors.ts";

const fixture = new EngineFixture();
beforeAll(async () => {
  await fixture.open();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

async function failure(work: Promise<unknown>): Promise<TiffinError> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof TiffinError) return thrown;
    throw thrown;
  }
  throw new Error("it did not fail");
}

async function containerNames(): Promise<string[]> {
  const list = await fixture.engine.containers.list({ all: true, size: false, filters: {} });
  return list.flatMap((each) => each.Names);
}

test("a program's output and exit code come back, and with remove nothing stays", async () => {
  const result = await fixture.run(["sh", "-c", "echo out; echo err >&2; exit 7"]);
  expect(result).toEqual({ code: 7, stdout: "out\n", stderr: "err\n", error: undefined });
  expect(await containerNames()).toEqual([]);
});

test("standard input reaches the program and its end is seen", async () => {
  expect((await fixture.run(["cat"], {}, { input: "typed\n" })).stdout).toBe("typed\n");
  expect((await fixture.run(["wc", "-c"], {}, { input: "x".repeat(300_000) })).stdout.trim()).toBe("300000");
});

test("no byte of a large output is lost", async () => {
  const { stdout, code } = await fixture.run(["sh", "-c", "seq 1 200000"]);
  expect(code).toBe(0);
  expect(stdout.length).toBe(1_288_895);
  expect(stdout.endsWith("\n199999\n200000\n")).toBe(true);
});

test.each([
  [["nosuchprogram"], 127, "executable file not found in $PATH"],
  [["/no/such/path"], 127, "no such file or directory"],
  [["/etc/passwd"], 126, "permission denied"],
  [["/etc"], 126, ""],
] as const)("running %p fails with exit code %d and leaves nothing", async (cmd, exitCode, words) => {
  const error = await failure(fixture.run(cmd));
  expect(error.exitCode).toBe(exitCode);
  expect(error.message).toContain(words);
  expect(await containerNames()).toEqual([]);
});

test("environment, directory, user and host name are as asked", async () => {
  const { stdout } = await fixture.run(["sh", "-c", "echo $A $HOME $(pwd) $(id -u):$(id -g) $(hostname)"], {
    Env: ["A=b"],
    WorkingDir: "/made/for/this",
    User: "4321:12",
    Hostname: "lunch",
  });
  expect(stdout).toBe("b / /made/for/this 4321:12 lunch\n");
  expect((await failure(fixture.run(["true"], { User: "nobodyatall" }))).message).toBe(
    "unable to find user nobodyatall: no matching entries in passwd file",
  );
});

test("a container that stays can be listed, inspected, restarted and removed", async () => {
  const { containers } = fixture.engine;
  const id = await fixture.start(
    ["sh", "-c", "echo x >> /count; wc -l < /count; exec sleep 1000"],
    {},
    "stays",
  );
  const inspected = await containers.inspect("stays", { size: true });
  expect(() => containerInspect(inspected, "")).not.toThrow();
  expect(inspected.State).toMatchObject({ Status: "running", Running: true, ExitCode: 0 });
  expect(inspected.Tiffin.StartPhases["totalMs"]).toBeGreaterThan(0);
  const [summary] = await containers.list({ all: false, size: false, filters: { name: ["stays"] } });
  expect(() => containerSummary(summary, "")).not.toThrow();
  expect(summary?.Status).toStartWith("Up ");
  expect((await failure(containers.start(id))).kind).toBe("notModified");
  expect((await failure(containers.remove(id, { force: false, volumes: false }))).code).toBe(
    "container.active",
  );
  await containers.stop(id, { timeoutSeconds: 0 });
  expect((await containers.inspect(id, { size: false })).State).toMatchObject({
    Status: "exited",
    ExitCode: 137,
  });
  expect((await failure(containers.stop(id, {}))).kind).toBe("notModified");
  await containers.start(id);
  await containers.stop(id, { timeoutSeconds: 0 });
  await containers.remove(id, { force: false, volumes: false });
  expect((await failure(containers.inspect(id, { size: false }))).kind).toBe("notFound");
});

test("inspect shows every field of Docker's document, and all 64 bits of a number of bytes", async () => {
  const { containers } = fixture.engine;
  const { Id } = await containers.create({
    body: { Image: "base", Cmd: ["true"], HostConfig: { NetworkMode: "none", Memory: 2n ** 63n - 1n } },
  });
  await containers.start(Id);
  await fixture.reopen();
  const { HostConfig, Config } = await fixture.engine.containers.inspect(Id, { size: false });
  expect([HostConfig.Memory, HostConfig.MemorySwap]).toEqual([2n ** 63n - 1n, 2n ** 63n - 1n]);
  expect(HostConfig).toMatchObject({
    NanoCpus: 0,
    Binds: null,
    PortBindings: {},
    Dns: [],
    Runtime: "tiffin",
  });
  expect(Config).toMatchObject({
    Tty: false,
    Volumes: null,
    Entrypoint: null,
    Domainname: "",
    OnBuild: null,
  });
  await fixture.engine.containers.remove(Id, { force: true, volumes: false });
});

test("an exec that no kernel could start is refused at its creation", async () => {
  const id = await fixture.start(["sleep", "1000"]);
  const { execs } = fixture.engine;
  for (const body of [
    { Cmd: ["a\0b"] },
    { Cmd: ["true"], Env: ["A=\0"] },
    { Cmd: ["true"], Env: [`A=${"x".repeat(200_000)}`] },
    { Cmd: ["true"], WorkingDir: `/${"x".repeat(300)}` },
  ]) {
    expect((await failure(execs.create(id, body))).kind).toBe("invalid");
  }
  await fixture.engine.containers.remove(id, { force: true, volumes: false });
});

test("a kernel parameter of the host is refused at the creation", async () => {
  const { containers } = fixture.engine;
  const body = { Image: "base", Cmd: ["true"] };
  for (const HostConfig of [
    { NetworkMode: "none", Sysctls: { "vm.swappiness": "1" } },
    { NetworkMode: "host", Sysctls: { "net.ipv4.ip_forward": "0" } },
  ]) {
    const error = await failure(containers.create({ body: { ...body, HostConfig } }));
    expect([error.kind, error.code]).toEqual(["invalid", "plan.sysctl-of-host"]);
  }
});

test("a name belongs to one container", async () => {
  const { containers } = fixture.engine;
  const id = await fixture.start(["true"], {}, "taken");
  const error = await failure(fixture.start(["true"], {}, "taken"));
  expect([error.kind, error.message]).toEqual([
    "conflict",
    `Conflict. The container name "/taken" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  ]);
  await containers.rename("taken", "free");
  expect((await containers.inspect("free", { size: false })).Id).toBe(id);
  await containers.remove("free", { force: true, volumes: false });
});

test("stop sends the stop signal and waits for the program to end by itself", async () => {
  const { containers } = fixture.engine;
  const script = "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done";
  const id = await fixture.start(["sh", "-c", script]);
  await logText(id, "ready\n");
  await containers.stop(id, { timeoutSeconds: 20 });
  expect((await containers.inspect(id, { size: false })).State.ExitCode).toBe(5);
  expect(await allLogs(id)).toBe("ready\nbye\n");
  await containers.remove(id, { force: false, volumes: false });
});

async function allLogs(id: string, follow = false): Promise<string> {
  const reading = await fixture.engine.containers.logs(
    id,
    { follow, stdout: true, stderr: true },
    new AbortController().signal,
  );
  let text = "";
  for await (const batch of reading.batches) for (const entry of batch) text += Buffer.from(entry.bytes);
  return text;
}

async function logText(id: string, wanted: string): Promise<void> {
  await until(`${wanted} in the log`, async () => (await allLogs(id)).includes(wanted));
}

test("containers are found by the source of a bind and by the one isolation; copies are told", async () => {
  const { containers, events } = fixture.engine;
  const source = `${fixture.directory}/found-by`;
  mkdirSync(source);
  const id = await fixture.start(["sleep", "1000"], { HostConfig: { Binds: [`${source}:/found`] } });
  const told: string[] = [];
  const names = async (filters: Record<string, string[]>): Promise<number> =>
    (await containers.list({ all: true, size: false, filters })).length;
  expect(await names({ volume: [source], isolation: ["default"] })).toBe(1);
  expect(await names({ volume: [`${source}/below`] })).toBe(0);
  using _listening = events.subscribe(({ type, action }) => {
    if (type === "container") told.push(action);
  });
  const { bytes } = await containers.getArchive(id, "/etc/hostname");
  for await (const _ of bytes);
  await containers.putArchive(
    id,
    { path: "/", keepTypes: false, ownedByUser: false },
    (async function* () {
      yield new Uint8Array(1024);
    })(),
  );
  expect(told).toEqual(["archive-path", "extract-to-dir"]);
  await containers.remove(id, { force: true, volumes: false });
});

test("logs are kept, selected, followed to the end", async () => {
  const { containers } = fixture.engine;
  const id = await fixture.start(["sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.02; done"]);
  expect(await allLogs(id, true)).toBe("1\n2\n3\n4\n5\n");
  const tail = await containers.logs(
    id,
    { follow: false, stdout: true, stderr: false, tail: 2 },
    new AbortController().signal,
  );
  const seen: string[] = [];
  for await (const batch of tail.batches)
    for (const entry of batch) seen.push(String(Buffer.from(entry.bytes)));
  expect(seen).toEqual(["4\n", "5\n"]);
  await containers.remove(id, { force: true, volumes: false });
});

test("a terminal is one, has the size asked for, and can be resized", async () => {
  const session = await fixture.engine.containers.run({
    create: {
      Image: "base",
      Cmd: ["sh", "-c", "tty; stty size; read x; until stty size | grep 44; do :; done"],
      Tty: true,
      OpenStdin: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      HostConfig: { NetworkMode: "none", ConsoleSize: [33, 99] },
    },
    remove: true,
  });
  expect(session.tty).toBe(true);
  let text = "";
  let resized = false;
  const output = Promise.withResolvers<void>();
  session.stream.listen({
    data(chunk) {
      text += Buffer.from(chunk).toString();
      if (resized || !text.includes("33 99")) return;
      resized = true;
      session.resize({ height: 44, width: 111 }).then(
        () => session.stream.write(new TextEncoder().encode("\n")),
        () => session.stream.destroy(),
      );
    },
    end: () => output.resolve(),
    close: () => output.resolve(),
  });
  // The end of the process may be known before the last of what it has written.
  const [{ StatusCode }] = await Promise.all([session.exited, output.promise]);
  expect(StatusCode).toBe(0);
  expect(text.split("\r\n").slice(0, 2)).toEqual(["/dev/pts/0", "33 99"]);
  expect(text).toContain("44 111\r\n");
});

test("a client that attaches before the start misses nothing", async () => {
  const { containers } = fixture.engine;
  const { Id } = await containers.create({
    body: { Image: "base", Cmd: ["echo", "early"], HostConfig: { NetworkMode: "none" } },
  });
  const attached = await containers.attach(Id, {
    stdin: false,
    stdout: true,
    stderr: true,
    logs: false,
    stream: true,
  });
  const output = collect(attached.stream, false);
  const { exit } = await containers.wait(Id, "next-exit", new AbortController().signal);
  await containers.start(Id);
  expect((await exit).StatusCode).toBe(0);
  expect((await output).stdout).toBe("early\n");
  const past = await containers.attach(Id, {
    stdin: false,
    stdout: true,
    stderr: true,
    logs: true,
    stream: false,
  });
  expect((await collect(past.stream, false)).stdout).toBe("early\n");
  await containers.remove(Id, { force: false, volumes: false });
});

test("wait tells not-running at once, next-exit and removed when they happen, and can be given up", async () => {
  const { containers } = fixture.engine;
  const id = await fixture.start(["sh", "-c", "sleep 1000"]);
  const abort = new AbortController();
  const given = await containers.wait(id, "not-running", abort.signal);
  abort.abort();
  expect((await failure(given.exit)).kind).toBe("cancelled");
  const exit = (await containers.wait(id, "not-running", new AbortController().signal)).exit;
  const removed = (await containers.wait(id, "removed", new AbortController().signal)).exit;
  await containers.kill(id, "KILL");
  expect((await exit).StatusCode).toBe(137);
  expect(
    (await (await containers.wait(id, "not-running", new AbortController().signal)).exit).StatusCode,
  ).toBe(137);
  await containers.remove(id, { force: false, volumes: false });
  expect((await removed).StatusCode).toBe(137);
});

test("exec runs inside, with its own exit code, user and environment", async () => {
  const { execs, containers } = fixture.engine;
  const id = await fixture.start(["sleep", "1000"], { Env: ["A=1"], Hostname: "inside" });
  const session = await execs.run(id, {
    Cmd: ["sh", "-c", "hostname; echo $A $B; id -u; ps | grep -c sleep; exit 9"],
    Env: ["B=2"],
    User: "1000",
    AttachStdout: true,
    AttachStderr: true,
  });
  const output = collect(session.stream, false);
  expect(await session.exited).toEqual({ StatusCode: 9 });
  expect((await output).stdout.split("\n").slice(0, 3)).toEqual(["inside", "1 2", "1000"]);
  const { Id } = await execs.create(id, { Cmd: ["cat"], AttachStdin: true, AttachStdout: true });
  const { stream } = await execs.start(Id, {});
  const echoed = collect(stream, false);
  stream.write(new TextEncoder().encode("through"));
  stream.end();
  expect((await echoed).stdout).toBe("through");
  expect(await execs.inspect(Id)).toMatchObject({ Running: false, ExitCode: 0, ContainerID: id });
  expect((await failure(execs.start(Id, {}))).kind).toBe("conflict");
  expect((await failure(execs.run(id, { Cmd: ["nosuch"], AttachStdout: true }))).exitCode).toBe(127);
  const stranger = execs.run(id, { Cmd: ["true"], User: "nobodyatall", AttachStdout: true });
  expect((await failure(stranger)).exitCode).toBe(126);
  const missing = await execs.create(id, { Cmd: ["nosuch"], AttachStdout: true, AttachStderr: true });
  const told = await execs.start(missing.Id, {});
  expect((await collect(told.stream, false)).stderr).toContain(
    'exec: "nosuch": executable file not found in $PATH',
  );
  expect((await execs.inspect(missing.Id)).ExitCode).toBe(127);
  await containers.remove(id, { force: true, volumes: false });
  expect((await failure(execs.inspect(Id))).kind).toBe("notFound");
});

test("memory, process and file limits bite", async () => {
  const id = await fixture.start(["sh", "-c", "head -c 100m /dev/zero | tail"], {
    HostConfig: { Memory: 16 * 1024 * 1024, MemorySwap: 16 * 1024 * 1024 },
  });
  const { exit } = await fixture.engine.containers.wait(id, "not-running", new AbortController().signal);
  await exit;
  const { State } = await fixture.engine.containers.inspect(id, { size: false });
  expect([State.ExitCode, State.OOMKilled]).toEqual([137, true]);
  await fixture.engine.containers.remove(id, { force: true, volumes: false });
  const forks = await fixture.run(["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait"], {
    HostConfig: { PidsLimit: 5 },
  });
  expect(forks.stderr).toContain("can't fork");
  const open = await fixture.run(["sh", "-c", "ulimit -n"], {
    HostConfig: { Ulimits: [{ Name: "nofile", Soft: 64, Hard: 64 }] },
  });
  expect(open.stdout).toBe("64\n");
});

test("binds, volumes and tmpfs are where they should be, and leave as they should", async () => {
  const { containers } = fixture.engine;
  const host = `${fixture.directory}/bound`;
  mkdirSync(host);
  writeFileSync(`${host}/file`, "from the host");
  const bound = await fixture.run(
    ["sh", "-c", "cat /b/file; echo no > /b/file; echo yes > /w/made; touch /v/x; df /t | tail -1"],
    {
      HostConfig: {
        Binds: [`${host}:/b:ro`, `${host}/new/deep:/w`, "named:/v"],
        Tmpfs: { "/t": "size=1m" },
      },
    },
  );
  expect(bound.stdout).toStartWith("from the host");
  expect(bound.stdout).toContain("1024");
  expect(bound.stderr).toContain("Read-only file system");
  expect(readFileSync(`${host}/new/deep/made`, "utf8")).toBe("yes\n");
  expect((await fixture.run(["ls", "/v"], { HostConfig: { Binds: ["named:/v"] } })).stdout).toBe("x\n");
  const missing = await failure(
    fixture.run(["true"], { HostConfig: { Mounts: [{ Type: "bind", Source: "/no/such", Target: "/x" }] } }),
  );
  expect([missing.kind, missing.message]).toEqual([
    "invalid",
    'invalid mount config for type "bind": bind source path does not exist: /no/such',
  ]);
  // An image's files fill a new volume.
  const filled = await fixture.run(["ls", "/etc"], { Volumes: { "/etc": {} } });
  expect(filled.stdout).toContain("passwd\n");
  expect(await containers.list({ all: true, size: false, filters: {} })).toEqual([]);
});

test("read-only, capabilities, privileges, init and namespaces are as asked", async () => {
  expect((await fixture.run(["touch", "/x"], { HostConfig: { ReadonlyRootfs: true } })).stderr).toContain(
    "Read-only file system",
  );
  const chown = ["chown", "1:1", "/tmp"];
  expect((await fixture.run(chown)).code).toBe(0);
  expect((await fixture.run(chown, { HostConfig: { CapDrop: ["CHOWN"] } })).code).toBe(1);
  const capabilities = ["sh", "-c", "grep CapEff /proc/self/status"];
  expect((await fixture.run(capabilities)).stdout).toContain("00000000a80425fb");
  expect(
    (
      await fixture.run(["sh", "-c", "mount -t tmpfs x /mnt && echo ok"], {
        HostConfig: { Privileged: true },
      })
    ).stdout,
  ).toBe("ok\n");
  expect((await fixture.run(["sh", "-c", "mount -t tmpfs x /mnt"])).code).not.toBe(0);
  const makesGroup = ["sh", "-c", "mkdir /sys/fs/cgroup/below 2>&1 || mkdir /sys/fs/cgroup/pids/below 2>&1"];
  expect((await fixture.run(makesGroup)).stdout).toContain("Read-only file system");
  const writable = { SecurityOpt: ["writable-cgroups=true"] };
  expect((await fixture.run(makesGroup, { HostConfig: writable })).code).toBe(0);
  expect((await fixture.run(["sh", "-c", "echo $$"], { HostConfig: { Init: true } })).stdout).not.toBe("1\n");
  expect((await fixture.run(["sh", "-c", "echo $$"])).stdout).toBe("1\n");
  expect((await fixture.run(["sh", "-c", "kill -TERM $$; echo alive"])).stdout).toBe("alive\n");
  const hostPid = await fixture.run(["sh", "-c", "echo $$"], { HostConfig: { PidMode: "host" } });
  expect(Number(hostPid.stdout)).toBeGreaterThan(1);
});

test("a user namespace maps root to nobody in particular", async () => {
  const result = await fixture.run(
    ["sh", "-c", "id -u; cat /proc/self/uid_map; touch /mine && ls -ln /mine; ls -ln /etc/passwd"],
    {
      HostConfig: { UsernsMode: "private" },
    },
  );
  expect(result.stderr).toBe("");
  const lines = result.stdout.split("\n");
  expect(lines[0]).toBe("0");
  expect(lines[1]?.trim().split(/\s+/)).toEqual(["0", "1048576", "65536"]);
  expect(lines[2]).toMatch(/ 0 +0 .*\/mine$/);
  expect(lines[3]).toMatch(/ 0 +0 .*passwd$/);
});

test("the default network gives an address, ports and names; containers can share one", async () => {
  const { containers } = fixture.engine;
  const id = await fixture.start(["httpd", "-f", "-p", "80", "-h", "/etc"], {
    HostConfig: {
      NetworkMode: "bridge",
      PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] },
    },
  });
  const { NetworkSettings } = await containers.inspect(id, { size: false });
  const address = NetworkSettings.IPAddress ?? "";
  expect(address).toMatch(/^[0-9.]+$/);
  const port = NetworkSettings.Ports["80/tcp"]?.[0]?.HostPort ?? "";
  const answer = async (url: string): Promise<string> =>
    await succeeds(async () => await (await fetch(url)).text());
  expect(await answer(`http://127.0.0.1:${port}/hostname`)).toContain(id.slice(0, 12));
  const other = await fixture.run(["wget", "-qO-", `http://${address}/passwd`], {
    HostConfig: { NetworkMode: "bridge" },
  });
  expect(other.stdout).toContain("root:");
  const shared = await fixture.run(["wget", "-qO-", "http://127.0.0.1/passwd"], {
    HostConfig: { NetworkMode: `container:${id}` },
  });
  expect(shared.stdout).toContain("root:");
  const taken = await failure(
    fixture.run(["true"], {
      HostConfig: {
        NetworkMode: "bridge",
        PortBindings: { "1/tcp": [{ HostIp: "127.0.0.1", HostPort: port }] },
      },
    }),
  );
  expect([taken.kind, taken.message]).toEqual([
    "conflict",
    `Bind for 127.0.0.1:${port} failed: port is already allocated`,
  ]);
  await containers.remove(id, { force: true, volumes: false });
});

test("bad wishes are refused before anything is made", async () => {
  const attempt = (body: object): Promise<unknown> => fixture.run(["true"], body);
  const refusals: [object, string, string][] = [
    [{ Image: "nosuch" }, "notFound", "No such image: nosuch:latest"],
    [{ HostConfig: { Memory: 1024 } }, "invalid", "Minimum memory limit allowed is 6MB"],
    [{ WorkingDir: "x" }, "invalid", "the working directory 'x' is invalid, it needs to be an absolute path"],
    [{ HostConfig: { NanoCpus: 9e12 } }, "invalid", "range of CPUs is from 0.01 to "],
    [{ HostConfig: { NetworkMode: "nosuch" } }, "notFound", "network nosuch not found"],
    [{ HostConfig: { CapAdd: ["FLY"] } }, "invalid", 'invalid CapAdd: unknown capability: "CAP_FLY"'],
    [{ HostConfig: { Binds: ["/a:/x", "/b:/x"] } }, "invalid", "Duplicate mount point: /x"],
    [{ Env: ["=x"] }, "invalid", "invalid environment variable: =x"],
    [{ StopSignal: "SIGFUN" }, "invalid", "invalid signal: SIGFUN"],
    [
      { HostConfig: { SecurityOpt: ["writable-cgroups=true"], CgroupnsMode: "host" } },
      "invalid",
      "writable-cgroups needs a cgroup namespace of the container's own",
    ],
    [{ HostConfig: { Sysctls: { "net/../vm/nosuch": "1" } } }, "invalid", 'sysctl "net/../vm/nosuch" is not'],
    [{ HostConfig: { PidMode: "container:nosuch" } }, "invalid", "No such container: nosuch"],
    [{ HostConfig: { IpcMode: "container:nosuch" } }, "invalid", "No such container: nosuch"],
    [{ Healthcheck: { Interval: 1000 } }, "invalid", "Interval in Healthcheck cannot be less than 1ms"],
    [{ HostConfig: { NetworkMode: "container:nosuch" } }, "notFound", "No such container: nosuch"],
  ];
  for (const [body, kind, message] of refusals) {
    const error = await failure(attempt(body));
    expect(`${error.kind} ${error.message}`).toStartWith(`${kind} ${message}`);
  }
  expect(await containerNames()).toEqual([]);
});

test("a restart policy starts the container again until somebody stops it", async () => {
  const { containers } = fixture.engine;
  const id = await fixture.start(["sh", "-c", "echo run; sleep 0.05; exit 1"], {
    HostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 } },
  });
  await until("two restarts", async () => (await containers.inspect(id, { size: false })).RestartCount >= 2);
  await (await containers.wait(id, "next-exit", new AbortController().signal)).exit;
  expect((await allLogs(id)).split("\n").filter(Boolean)).toHaveLength(3);
  await containers.remove(id, { force: true, volumes: false });
});

test("containers and their output survive a change of engines, and exits in between are known", async () => {
  const script = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done";
  const lives = await fixture.start(["sh", "-c", script], {}, "lives");
  const ends = await fixture.start(["sh", "-c", "sleep 1; exit 42"], {}, "ends");
  const { State: ending } = await fixture.engine.containers.inspect(ends, { size: false });
  await fixture.close();
  await until("its end", () => !existsSync(`/proc/${ending.Pid}`));
  await fixture.open();
  const { containers } = fixture.engine;
  expect((await containers.inspect("ends", { size: false })).State).toMatchObject({
    Status: "exited",
    ExitCode: 42,
  });
  expect((await containers.inspect("lives", { size: false })).State.Status).toBe("running");
  const attached = await containers.attach(lives, {
    stdin: false,
    stdout: true,
    stderr: true,
    logs: false,
    stream: true,
  });
  const output = collect(attached.stream, false);
  // What it prints from here on is for the attached as well.
  const before = (await allLogs(lives)).length;
  await until("more output", async () => (await allLogs(lives)).length >= before + 20);
  await containers.stop(lives, { timeoutSeconds: 0 });
  const numbers = (await allLogs(lives)).split("\n").filter(Boolean).map(Number);
  const heard = (await output).stdout.split("\n").filter(Boolean).map(Number);
  expect(heard.length).toBeGreaterThan(3);
  expect(heard).toEqual(numbers.slice(-heard.length));
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  for (const id of [lives, ends]) await containers.remove(id, { force: false, volumes: false });
});

test("nothing was reported that no client heard of", () => {
  expect(fixture.reported).toEqual([]);
});

test("a list that was asked for before says what has changed since", async () => {
  const { containers, networks } = fixture.engine;
  const listed = async () => {
    const [one] = await containers.list({ all: true, size: false, filters: { name: ["listed"] } });
    if (one === undefined) throw new Error("it is not listed");
    const [network] = Object.values(one.NetworkSettings?.Networks ?? {});
    return { names: one.Names, state: one.State, network: network?.NetworkID, address: network?.IPAddress };
  };
  const { Id: first } = await networks.create({ Name: "listing" });
  await fixture.start(["sleep", "1000"], { HostConfig: { NetworkMode: "listing" } }, "listed");
  const running = await listed();
  expect(running).toMatchObject({ names: ["/listed"], state: "running", network: first });
  expect(await listed()).toEqual(running);
  await containers.rename("listed", "listed-anew");
  expect(await listed()).toEqual({ ...running, names: ["/listed-anew"] });
  await containers.stop("listed-anew", { timeoutSeconds: 0 });
  expect(await listed()).toMatchObject({ state: "exited", network: first, address: "" });
  await networks.remove("listing");
  const { Id: second } = await networks.create({ Name: "listing" });
  expect(await listed()).toMatchObject({ network: second });
  await containers.remove("listed-anew", { force: true, volumes: true });
  await networks.remove("listing");
});

test("statistics that are followed go on with the next run of the container, its links included, and hold nothing afterwards", async () => {
  const { containers } = fixture.engine;
  await fixture.start(["sleep", "1000"], { HostConfig: { NetworkMode: "bridge" } }, "followed");
  const sockets = (): number =>
    readFileSync("/proc/self/net/netlink", "utf8").split("\n").length + readdirSync("/proc/self/fd").length;
  const before = sockets();
  const stop = new AbortController();
  const options = { stream: true, oneShot: false };
  let restarted = false;
  for await (const document of await containers.stats("followed", options, stop.signal)) {
    const isThere = Object.keys(document.networks ?? {}).includes("eth0");
    if (isThere && restarted) stop.abort();
    if (!isThere || restarted) continue;
    restarted = true;
    await containers.restart("followed", { timeoutSeconds: 0 });
  }
  expect(restarted).toBe(true);
  await containers.stop("followed", { timeoutSeconds: 0 });
  await containers.remove("followed", { force: true, volumes: true });
  await until("the descriptors to go", () => sockets() <= before);
});
