/** The real docker clients against our socket: every one that this machine has. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { goModuleVersion, goPrograms } from "../support/go-programs.ts";
import { TerminalSession } from "../support/terminal.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await engine.cli("run", "--rm", "base", "true");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

if (dockerClients.length === 0) test.skip("docker: all of it (no client is installed)", () => {});

const clients = dockerClients.map(({ version, path }) => [version, path] as const);
const programs = goPrograms();
if ("missing" in programs) test.skip(`docker, the newest: all of it (${programs.missing})`, () => {});
else clients.push([goModuleVersion("github.com/docker/cli").slice(1), programs.path("docker")]);

describe.each(clients)("docker %s", (_version, docker) => {
  async function client(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const started = Bun.spawn([docker, ...args], {
      env: { ...process.env, DOCKER_HOST: engine.host },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([
      new Response(started.stdout).text(),
      new Response(started.stderr).text(),
      started.exited,
    ]);
    return { code, stdout, stderr };
  }

  async function output(...args: string[]): Promise<string> {
    const result = await client(...args);
    expect({ args, code: result.code, stderr: result.stderr }).toEqual({ args, code: 0, stderr: "" });
    return result.stdout.trim();
  }

  test("version and info", async () => {
    expect(await output("version", "--format", "{{.Server.Os}} {{.Server.APIVersion}}")).toMatch(
      /^linux 1\.\d+$/,
    );
    expect(await output("info", "--format", "{{.OSType}} {{.Driver}}")).toMatch(/^linux \w+/);
    expect(await output("version")).toContain("Server");
    expect((await client("info")).code).toBe(0);
    // Programs refuse engines whose version is older than some version of Docker's.
    const called = await output("version", "--format", "{{.Server.Version}}");
    expect(called).toMatch(/^28\.2\.0\+tiffin\.\d+\.\d+\.\d+$/);
    expect(await output("info", "--format", "{{.ServerVersion}}")).toBe(called);
  });

  test("run in the foreground: both streams and the exit code", async () => {
    expect(await client("run", "--rm", "base", "sh", "-c", "echo out; echo err >&2; exit 9")).toEqual({
      code: 9,
      stdout: "out\n",
      stderr: "err\n",
    });
  });

  test("diff, export and commit", async () => {
    await output(
      "run",
      "--name",
      "files",
      "base",
      "sh",
      "-c",
      "echo a > /made; rm /etc/group; echo >> /etc/profile",
    );
    expect((await output("diff", "files")).split("\n").sort()).toEqual([
      "A /made",
      "C /etc",
      "C /etc/profile",
      "D /etc/group",
    ]);
    const archive = `${engine.directory}/files.tar`;
    await output("export", "-o", archive, "files");
    const listed = Bun.spawnSync(["tar", "-tf", archive]).stdout.toString().split("\n");
    expect(["made", "etc/group", "bin/busybox"].map((path) => listed.includes(path))).toEqual([
      true,
      false,
      true,
    ]);
    const change = ["-c", 'CMD ["cat", "/made"]', "-c", "ENV A b c", "-a", "me", "-m", "why"];
    const id = await output("commit", ...change, "files", "committed:1");
    expect(await output("run", "--rm", "committed:1")).toBe("a");
    const format = "{{.Id}} {{.Author}} {{.Comment}} {{json .Config.Cmd}} {{index .Config.Env 1}}";
    expect(await output("image", "inspect", "-f", format, "committed:1")).toBe(
      `${id} me why ["cat","/made"] A=b c`,
    );
    expect(await output("history", "-q", "committed:1")).toContain(id.slice(7, 19));
    const refused = await client("commit", "-c", "RUN x", "files");
    expect([refused.code, refused.stderr]).toEqual([
      1,
      "Error response from daemon: RUN is not a valid change command\n",
    ]);
    await output("rm", "files");
    await output("rmi", "committed:1");
  });

  test("run -d, ps, logs, exec, inspect, stop, start, rm", async () => {
    const id = await output(
      "run",
      "-d",
      "--name",
      "one",
      "-e",
      "A=b",
      "base",
      "sh",
      "-c",
      "echo hello; exec sleep 1000",
    );
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await output("ps", "--format", "{{.Names}}|{{.Image}}|{{.State}}")).toBe("one|base|running");
    await until("its line", async () => (await output("logs", "one")) === "hello");
    expect(await client("exec", "one", "sh", "-c", "echo in; exit 3")).toEqual({
      code: 3,
      stdout: "in\n",
      stderr: "",
    });
    expect(
      await output(
        "inspect",
        "--format",
        "{{.State.Status}} {{.Config.Image}} {{index .Config.Cmd 0}}",
        "one",
      ),
    ).toBe("running base sh");
    expect(await output("stop", "-t", "0", "one")).toBe("one");
    expect(await output("ps", "-aq", "--no-trunc", "--filter", "status=exited")).toBe(id);
    expect(await output("start", "one")).toBe("one");
    expect(await output("kill", "one")).toBe("one");
    expect(await output("wait", "one")).toBe("137");
    expect(await output("rm", "one")).toBe("one");
    expect(await output("ps", "-aq")).toBe("");
  });

  test("images and image inspect", async () => {
    expect(await output("images", "--format", "{{.Repository}}:{{.Tag}}")).toBe("base:latest");
    expect(await output("image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", "base")).toMatch(
      /^linux\//,
    );
  });

  test("exit codes of failures: 125, 126, 127", async () => {
    expect((await client("run", "--rm", "--pull", "never", "nonsense")).code).toBe(125);
    expect((await client("run", "--rm", "base", "/etc/passwd")).code).toBe(126);
    expect((await client("run", "--rm", "base", "no-such-program")).code).toBe(127);
  });

  test("run -it on a terminal, typed at and resized; attach after a detach", async () => {
    const env = { DOCKER_HOST: engine.host };
    {
      await using terminal = new TerminalSession([docker, "run", "-it", "--name", "term", "base", "sh"], {
        rows: 30,
        columns: 90,
        env,
      });
      await terminal.see("#");
      terminal.type("x=42; stty size\n");
      await terminal.see("30 90");
      terminal.type("\x10\x11");
      await terminal.exited();
    }
    await using again = new TerminalSession([docker, "attach", "term"], { env });
    await again.typeUntil("echo x-$x\n", "x-42");
    again.type("exit 5\n");
    expect(await again.exited()).toBe(5);
    expect(await output("rm", "term")).toBe("term");
  });

  test("run -i pipes standard input", async () => {
    const started = Bun.spawn([docker, "run", "-i", "--rm", "base", "wc", "-c"], {
      env: { ...process.env, DOCKER_HOST: engine.host },
      stdin: new Blob(["x".repeat(300_000)]),
      stdout: "pipe",
    });
    expect((await new Response(started.stdout).text()).trim()).toBe("300000");
    expect(await started.exited).toBe(0);
  });

  test("cp in both directions", async () => {
    const directory = mkdtempSync("/tmp/tiffin-test-cp-");
    try {
      mkdirSync(`${directory}/tree/below`, { recursive: true });
      writeFileSync(`${directory}/tree/below/file`, "copied");
      await output("create", "--name", "copies", "base", "cat", "/srv/tree/below/file");
      await client("cp", `${directory}/tree`, "copies:/srv");
      expect(await output("start", "-a", "copies")).toBe("copied");
      await client("cp", "copies:/srv/tree", `${directory}/back`);
      expect(readFileSync(`${directory}/back/below/file`, "utf8")).toBe("copied");
      const missing = await client("cp", "copies:/nosuch", directory);
      expect([missing.code, missing.stderr]).toEqual([
        1,
        // Clients before 23 have words of their own.
        expect.stringMatching(
          /Could not find the file \/nosuch in container copies|No such container:path: copies:\/nosuch/,
        ),
      ]);
    } finally {
      await client("rm", "-f", "copies");
      rmSync(directory, { recursive: true });
    }
  });
});
