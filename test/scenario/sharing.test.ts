/** What containers share with each other and the host by `--ipc`, and files that an engine puts over the image's. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

describe("--ipc", () => {
  const inside = async (name: string, script: string): Promise<string> =>
    await engine.output("exec", name, "sh", "-c", script);
  const namespaceOf = async (name: string): Promise<string> =>
    await inside(name, "readlink /proc/self/ns/ipc");

  test("container:X shares the namespace and the shared memory, also of one that shares itself", async () => {
    await engine.output("run", "-d", "--name", "donor", "--ipc", "shareable", "base", "sleep", "1000");
    await engine.output("run", "-d", "--name", "joins", "--ipc", "container:donor", "base", "sleep", "1000");
    await engine.output(
      "run",
      "-d",
      "--name",
      "joins-too",
      "--ipc",
      "container:joins",
      "base",
      "sleep",
      "1000",
    );
    await inside("donor", "echo from donor >/dev/shm/file");
    for (const name of ["joins", "joins-too"]) {
      expect(await inside(name, "cat /dev/shm/file")).toBe("from donor");
      expect(await namespaceOf(name)).toBe(await namespaceOf("donor"));
    }
    await inside("joins", "echo back >/dev/shm/other");
    expect(await inside("donor", "cat /dev/shm/other")).toBe("back");
    // What it is mounted with holds for whoever joins.
    expect(await inside("joins", "grep ' /dev/shm ' /proc/mounts | grep -c nosuid,nodev,noexec")).toBe("1");
    await engine.output("rm", "-f", "joins-too", "joins", "donor");
  });

  test("a container that does not share, or does not run, cannot be joined", async () => {
    const id = await engine.output("run", "-d", "--name", "keeps", "base", "sleep", "1000");
    await engine.output("run", "-d", "--name", "has-none", "--ipc", "none", "base", "sleep", "1000");
    const refused = await engine.cli("run", "--rm", "--ipc", "container:keeps", "base", "true");
    expect([refused.exitCode, refused.stderr]).toEqual([
      125,
      expect.stringContaining(
        `can't join IPC of container ${id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
      ),
    ]);
    expect((await engine.cli("run", "--rm", "--ipc", "container:has-none", "base", "true")).exitCode).toBe(
      125,
    );
    await engine.output("rm", "-f", "keeps", "has-none");
    await engine.output("create", "--name", "stopped", "--ipc", "shareable", "base", "true");
    expect((await engine.cli("run", "--rm", "--ipc", "container:stopped", "base", "true")).exitCode).toBe(
      125,
    );
    expect((await engine.cli("run", "--rm", "--ipc", "container:nobody", "base", "true")).exitCode).toBe(125);
  });

  test("host is the host's namespace and shared memory, with the message queues of it", async () => {
    const file = `/dev/shm/tiffin-test-${engine.tag}`;
    writeFileSync(file, "of the host");
    try {
      const text = await engine.output(
        "run",
        "--rm",
        "--ipc",
        "host",
        "base",
        "sh",
        "-c",
        `readlink /proc/self/ns/ipc; cat ${file}; grep -c ' /dev/mqueue mqueue ' /proc/mounts`,
      );
      expect(text.split("\n")).toEqual([readlinkSync("/proc/self/ns/ipc"), "of the host1"]);
    } finally {
      rmSync(file, { force: true });
    }
  });

  test("private and shareable have shared memory of their own, none has none", async () => {
    for (const mode of ["private", "shareable"]) {
      expect(
        await engine.output(
          "run",
          "--rm",
          "--ipc",
          mode,
          "--shm-size",
          "1m",
          "base",
          "sh",
          "-c",
          "ls /dev/shm | wc -l; df -k /dev/shm | tail -1 | awk '{print $2}'",
        ),
      ).toBe("0\n1024");
    }
    expect(
      await engine.output(
        "run",
        "--rm",
        "--ipc",
        "none",
        "base",
        "sh",
        "-c",
        "grep -c ' /dev/shm ' /proc/mounts || true",
      ),
    ).toBe("0");
  });
});

describe("hosts, hostname and resolv.conf", () => {
  const files = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];

  test("can be written, unless the root is read-only", async () => {
    for (const file of files) {
      expect((await engine.cli("run", "--rm", "base", "sh", "-c", `echo >>${file}`)).exitCode).toBe(0);
      const closed = await engine.cli(
        "run",
        "--rm",
        "--read-only",
        "base",
        "sh",
        "-c",
        `cat ${file} >/dev/null && echo >>${file}`,
      );
      expect([closed.exitCode, closed.stderr]).toEqual([1, expect.stringContaining("Read-only file system")]);
    }
    expect(existsSync("/etc/hosts")).toBe(true);
  });

  test("a full name is there with its short one", async () => {
    const line = async (...flags: string[]): Promise<string> => {
      const text = await engine.output("run", "--rm", ...flags, "base", "tail", "-n", "1", "/etc/hosts");
      return text.split("\t")[1] ?? "";
    };
    expect(await line("-h", "a.b.c")).toBe("a.b.c a");
    expect(await line("-h", "plain")).toBe("plain");
    expect(await line("-h", "plain", "--domainname", "b.c")).toBe("plain.b.c plain");
  });
});

test("a command's words with blanks are in quotes in lists, as Docker has them", async () => {
  await engine.output("create", "--name", "quotes", "base", "sh", "-c", "sleep  5", "x", "it's");
  expect(
    await engine.output("ps", "-a", "--no-trunc", "--filter", "name=quotes", "--format", "{{.Command}}"),
  ).toBe(`"sh -c 'sleep  5' x it's"`);
});
