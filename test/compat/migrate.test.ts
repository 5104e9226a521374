/** What a real Docker engine and a real podman have is taken over, and they are left as they were. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;

const sparseBytes = 3 * 1024 ** 3;
const accessList = "01000700ffffffff020004000700000004000500ffffffff10000500ffffffff20000100ffffffff";
const dressing = `
import os, struct, sys
place = sys.argv[1]
os.setxattr(place + "/shelf/today", "user.course", b"soup\\0x")
entries = [(1, 7, -1), (2, 4, 7), (4, 5, -1), (16, 5, -1), (32, 1, -1)]
access = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
os.setxattr(place + "/shelf", "system.posix_acl_access", access)
os.setxattr(place + "/shelf/today", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
with open(place + "/holes", "wb") as file:
    file.seek(1 << 30); file.write(b"middle"); file.truncate(${sparseBytes})
os.utime(place + "/shelf/today", ns=(1, 1234567890123456789))
`;
const undressing = `
import os, sys
place = sys.argv[1]
found = os.stat(place + "/holes")
file = open(place + "/holes", "rb"); file.seek(1 << 30)
print(os.getxattr(place + "/shelf/today", "user.course"), os.getxattr(place + "/shelf", "system.posix_acl_access").hex())
print(os.getxattr(place + "/shelf/today", "security.capability").hex())
print(found.st_size, found.st_blocks < 1000, file.read(6), os.stat(place + "/shelf/today").st_mtime_ns)
`;

async function run(words: readonly string[]) {
  const child = Bun.spawn([...words], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  return await outcomeOf(child);
}

async function succeed(words: readonly string[]): Promise<string> {
  const done = await run(words);
  expect(done, `${words.join(" ")}: ${done.stderr}`).toMatchObject({ code: 0 });
  return done.stdout.trim();
}

beforeAll(async () => {
  engine = await startEngine();
}, 60_000);

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
});

describe.skipIf(!hasDockerd)("docker", () => {
  let other: OwnDockerd;
  const docker = (...words: readonly string[]) =>
    succeed(["docker", "-H", `unix://${other.socket}`, ...words]);
  const migrate = (...words: readonly string[]) =>
    engine.cli("system", "migrate", "docker", "--from", `unix://${other.socket}`, ...words);
  const stateOfOther = async () =>
    [
      await docker("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}"),
      await docker("images", "-a", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"),
      await docker("volume", "ls", "--format", "{{.Name}}"),
    ]
      .flatMap((text) => text.split("\n").sort())
      .join("\n");

  beforeAll(async () => {
    other = await OwnDockerd.start();
    await docker("tag", "base", "lunch:monday");
    await docker("volume", "create", "--label", "course=soup", "pantry");
    const write =
      "mkdir /pantry/shelf; echo bread > /pantry/shelf/today; chown 7:8 /pantry/shelf/today; ln -s shelf/today /pantry/first; echo more > /other/file";
    await docker(
      "run",
      "--network",
      "none",
      "--name",
      "cook",
      "-v",
      "pantry:/pantry",
      "-v",
      "/other",
      "-e",
      "COURSE=soup",
      "--label",
      "who=cook",
      "-m",
      "64m",
      "lunch:monday",
      "sh",
      "-c",
      write,
    );
    const place = await docker("volume", "inspect", "-f", "{{.Mountpoint}}", "pantry");
    // What a tar of the usual kind loses: marks of somebody's, parts of seconds, a file that is mostly holes.
    await succeed(["python3", "-c", dressing, place]);
    const busy = ["--network", "none", "-v", "torn:/torn", "base", "sleep", "600"];
    await docker("run", "-d", "--name", "busy", ...busy);
    await docker("create", "--name", "reader", "-v", "torn:/torn:ro", "base", "true");
  }, 90_000);

  afterAll(async () => {
    await other?.[Symbol.asyncDispose]();
  });

  test("a dry run shows the plan and does nothing", async () => {
    const done = await migrate("--dry-run");
    expect(done).toMatchObject({ exitCode: 0, stderr: "" });
    expect(done.stdout).toContain("base:latest");
    expect(done.stdout).toMatch(/^image {5}lunch:monday \(.*\): to be taken$/m);
    expect(done.stdout).toContain("container busy: left, it runs; stop it there first\n");
    expect(done.stdout).toContain("volume    pantry: to be taken\n");
    expect(done.stdout).toContain("volume    torn: left, busy runs and writes there; stop it first\n");
    expect(done.stdout).toContain(
      "container reader: left, busy runs and writes to its volume torn; stop it first\n",
    );
    expect((await engine.cli("volume", "ls", "-q")).stdout).toBe("");
  });

  test("killed after any step, it goes on from there", async () => {
    const steps = (await migrate("--dry-run")).stdout.match(/: to be taken$/gm)?.length ?? 0;
    expect(steps).toBeGreaterThan(4);
    for (let rounds = 0; rounds < steps - 1; rounds += 1) {
      const words = ["system", "migrate", "docker", "--from", `unix://${other.socket}`];
      const child = Bun.spawn(tiffinCommand("-H", engine.host, ...words), {
        stdout: "pipe",
        stderr: "ignore",
      });
      const decoder = new TextDecoder();
      let told = "";
      for await (const piece of child.stdout) {
        told += decoder.decode(piece);
        if (told.includes(": taken\n")) break;
      }
      child.kill("SIGKILL");
      await child.exited;
      expect(told).toContain(": taken\n");
      if ((await migrate("--dry-run")).stdout.match(/: to be taken$/m) === null) break;
    }
  }, 60_000);

  test("images, volumes and stopped containers are here afterwards, and there as before", async () => {
    const source = await docker("volume", "inspect", "-f", "{{.Mountpoint}}", "pantry");
    const contentOfSource = () =>
      succeed(["sh", "-c", `cd ${source} && find . -printf '%p %m %U:%G %T@ %C@ %s %l\\n' | sort`]);
    const before = await stateOfOther();
    const contentBefore = await contentOfSource();
    const done = await migrate();
    expect(done).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await stateOfOther()).toBe(before);
    expect(await contentOfSource()).toBe(contentBefore);
    const place = await engine.output("volume", "inspect", "-f", "{{.Mountpoint}}", "pantry");
    expect(await succeed(["python3", "-c", undressing, place.trim()])).toBe(
      `b'soup\\x00x' 02000000${accessList}\n0100000200040000000000000000000000000000\n${sparseBytes} True b'middle' 1234567890123456789`,
    );
    expect((await engine.cli("volume", "inspect", "-f", "{{.Labels.course}}", "pantry")).stdout).toBe(
      "soup\n",
    );
    const look = "stat -c '%u:%g' /pantry/shelf/today; cat /pantry/first; readlink /pantry/first";
    const seen = await engine.cli("run", "--rm", "-v", "pantry:/pantry", "base", "sh", "-c", look);
    expect(seen.stdout).toBe("7:8\nbread\nshelf/today\n");
    const format =
      "{{.Config.Image}} {{.Config.Env}} {{.HostConfig.Memory}} {{.Config.Labels.who}} {{.State.Status}}";
    const cook = (await engine.cli("inspect", "-f", format, "cook")).stdout;
    expect(cook).toStartWith("lunch:monday [COURSE=soup");
    expect(cook).toEndWith(" 67108864 cook created\n");
    expect((await engine.cli("start", "-a", "cook")).exitCode).toBe(0);
    // Its anonymous volume came with it.
    expect((await engine.cli("cp", "cook:/other/file", "-")).stdout).toContain("more\n");
    expect((await engine.cli("ps", "-aq", "--filter", "name=tiffin-migrate")).stdout).toBe("");
  }, 60_000);

  test("a second time there is nothing to take; a copy that was cut off is made again", async () => {
    await engine.cli("rm", "-f", "cook");
    await engine.cli("volume", "rm", "pantry");
    // As a run that was killed in the middle leaves it.
    await engine.cli("create", "--name", "tiffin-migrate-pantry", "-v", "pantry:/volume", "base", "true");
    const done = await migrate();
    expect(done).toMatchObject({ exitCode: 0, stderr: "" });
    expect(done.stdout).toContain("volume    pantry: taken\n");
    expect(done.stdout).toContain("container cook: taken\n");
    const again = await migrate();
    expect(again.exitCode).toBe(0);
    expect(again.stdout).not.toContain("taken\n");
  }, 60_000);
});

test("an engine that does not listen is named", async () => {
  const done = await engine.cli("system", "migrate", "docker", "--from", "unix:///nowhere/docker.sock");
  expect(done.exitCode).toBe(1);
  expect(done.stderr).toStartWith("cannot reach docker at unix:///nowhere/docker.sock");
  expect((await engine.cli("system", "migrate", "lxd")).stderr).toStartWith('cannot migrate from "lxd"');
});

test.skipIf(!existsSync("/usr/bin/podman"))(
  "podman, whose images, volumes and containers are asked for by its own service",
  async () => {
    using directory = temporaryDirectory("podman");
    const podman = ["podman", "--root", `${directory.path}/root`, "--runroot", `${directory.path}/run`];
    const socket = `${directory.path}/sock`;
    await succeed([
      ...podman,
      "--storage-driver",
      "vfs",
      "volume",
      "create",
      "--label",
      "course=fruit",
      "cellar",
    ]);
    const place = await succeed([
      ...podman,
      "--storage-driver",
      "vfs",
      "volume",
      "inspect",
      "-f",
      "{{.Mountpoint}}",
      "cellar",
    ]);
    await Bun.write(`${place}/apples`, "red\n");
    const tar = Bun.spawn(["sh", "-c", `echo x > ${directory.path}/f; tar -C ${directory.path} -c f`], {
      stdout: "pipe",
    });
    await Bun.write(`${directory.path}/fs.tar`, await new Response(tar.stdout).arrayBuffer());
    await succeed([
      ...podman,
      "--storage-driver",
      "vfs",
      "import",
      `${directory.path}/fs.tar`,
      "localhost/orchard:1",
    ]);
    await succeed([
      ...podman,
      "--storage-driver",
      "vfs",
      "create",
      "--name",
      "picker",
      "--network",
      "none",
      "-v",
      "cellar:/cellar",
      "-e",
      "A=b",
      "localhost/orchard:1",
      "/f",
    ]);
    const service = Bun.spawn(
      [...podman, "--storage-driver", "vfs", "system", "service", "--time", "0", `unix://${socket}`],
      { stdout: "ignore", stderr: "ignore" },
    );
    try {
      await until("podman to listen", () => existsSync(socket));
      const done = await engine.cli("system", "migrate", "podman", "--from", `unix://${socket}`);
      expect(done).toMatchObject({ exitCode: 0, stderr: "" });
      const seen = await engine.cli("run", "--rm", "-v", "cellar:/c", "base", "cat", "/c/apples");
      expect(seen.stdout).toBe("red\n");
      expect(
        (await engine.cli("inspect", "-f", "{{.Config.Image}} {{.State.Status}}", "picker")).stdout,
      ).toBe("localhost/orchard:1 created\n");
      expect(
        await succeed([
          ...podman,
          "--storage-driver",
          "vfs",
          "ps",
          "-a",
          "--format",
          "{{.Names}} {{.State}}",
        ]),
      ).toBe("picker Created");
    } finally {
      service.kill();
      await service.exited;
    }
  },
  90_000,
);
