/** The real docker clients and our own, with the same words: pause, restart, top, port, volumes, events. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await engine.cli("run", "--rm", "base", "true");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});
afterEach(async () => {
  const left = (await engine.output("ps", "-aq")).split("\n").filter(Boolean);
  if (left.length > 0) await engine.output("rm", "-f", ...left);
  await engine.output("volume", "prune", "-af");
});

if (dockerClients.length === 0) test.skip("docker: all of it (no client is installed)", () => {});

const clients = [
  ["tiffin", tiffinCommand()] as const,
  ...dockerClients.map(({ version, path }) => [`docker ${version}`, [path]] as const),
];

describe.each(clients)("%s", (client, program) => {
  const start = (...args: readonly string[]) =>
    Bun.spawn([...program, ...args], {
      env: { ...process.env, DOCKER_HOST: engine.host, TIFFIN_HOST: engine.host },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  async function call(...args: readonly string[]) {
    const { code, stdout, stderr } = await outcomeOf(start(...args));
    const plain = (text: string) => text.replaceAll(/[0-9a-f]{64}/g, "ID");
    return { code, stdout: plain(stdout), stderr: plain(stderr) };
  }
  async function output(...args: readonly string[]): Promise<string> {
    const result = await call(...args);
    expect({ args, code: result.code, stderr: result.stderr }).toEqual({ args, code: 0, stderr: "" });
    return result.stdout.trimEnd();
  }
  const refused = (text: string) => ({
    code: 1,
    stdout: "",
    stderr: `Error response from daemon: ${text}\n`,
  });
  const name = `life-${client.replaceAll(/[^0-9a-z]+/g, "-")}`;

  test("the output since a container's own start is all of it", async () => {
    for (let run = 0; run < 5; run += 1) {
      await output("run", "-d", "--name", name, "base", "echo", "first");
      await output("wait", name);
      const started = await output("inspect", "--format", "{{.State.StartedAt}}", name);
      expect(await output("logs", "--since", started, name)).toBe("first");
      await output("rm", name);
    }
  });

  test("pause stops every process and refuses what needs one; unpause lets them go on; stop ends a paused one", async () => {
    const script = "while true; do echo more >> /count; sleep 0.01; done";
    await output("run", "-d", "--name", name, "base", "sh", "-c", script);
    expect(await output("pause", name)).toBe(name);
    const count = async () =>
      await engine.output("inspect", "--format", "{{.State.Status}} {{.State.Paused}}", name);
    expect(await count()).toBe("paused true");
    expect(await output("ps", "--filter", `name=${name}`, "--format", "{{.Status}}")).toMatch(
      /^Up .+ \(Paused\)$/,
    );
    expect(await call("pause", name)).toEqual(refused("Container ID is already paused"));
    expect(await call("exec", name, "true")).toEqual(
      refused("Container ID is paused, unpause the container before exec"),
    );
    expect(await output("unpause", name)).toBe(name);
    expect(await call("unpause", name)).toEqual(refused("Container ID is not paused"));
    expect(
      await output(
        "exec",
        name,
        "sh",
        "-c",
        "a=$(wc -c < /count); sleep 0.2; test $a != $(wc -c < /count); echo $?",
      ),
    ).toBe("0");
    await output("pause", name);
    expect(await output("stop", "-t", "1", name)).toBe(name);
    expect(await count()).toBe("exited false");
    expect(await call("pause", name)).toEqual(refused("container ID is not running"));
    await output("start", name);
    await output("pause", name);
    expect(await output("rm", "-f", name)).toBe(name);
  });

  test("restart: another process, the same files; one with --rm is there again; a stopped one is started", async () => {
    await output("run", "-d", "--rm", "--name", name, "base", "sleep", "1000");
    const pid = async () => await engine.output("inspect", "--format", "{{.State.Pid}}", name);
    const first = await pid();
    await output("exec", name, "touch", "/mark");
    expect(await output("restart", "-t", "0", name)).toBe(name);
    expect(await pid()).not.toBe(first);
    expect(await output("exec", name, "ls", "/mark")).toBe("/mark");
    await output("rm", "-f", name);
    await output("create", "--name", name, "base", "sleep", "1000");
    expect(await output("restart", name)).toBe(name);
    expect(await output("inspect", "--format", "{{.State.Running}}", name)).toBe("true");
    await output("rm", "-f", name);
    expect(await call("restart", name)).toEqual(refused(`No such container: ${name}`));
  });

  test("top and port", async () => {
    const publish = ["-p", "127.0.0.1::80", "-p", "127.0.0.1::53/udp"];
    await output("run", "-d", "--name", name, ...publish, "base", "sh", "-c", "sleep 1000 & exec sleep 2000");
    await until("both processes", async () => (await output("top", name)).split("\n").length === 3);
    const [titles = "", ...rows] = (await output("top", name)).split("\n");
    expect(titles.split(/\s+/)).toEqual(["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
    expect(rows.map((row) => row.split(/\s{2,}/).at(-1)).sort()).toEqual(["sleep 1000", "sleep 2000"]);
    const own = (await output("top", name, "-o", "pid,args")).split("\n").slice(1);
    expect(own.map((row) => row.replace(/^\d+\s+/, "")).sort()).toEqual(["sleep 1000", "sleep 2000"]);
    expect((await call("top", name, "-o", "args")).stderr).toContain("Couldn't find PID field in ps output");
    // Old clients give them in any order.
    const ports = (await output("port", name)).split("\n").sort();
    expect(ports.map((line) => line.replace(/\d+$/, "N"))).toEqual([
      "53/udp -> 127.0.0.1:N",
      "80/tcp -> 127.0.0.1:N",
    ]);
    expect(`80/tcp -> ${await output("port", name, "80")}`).toBe(ports[1] ?? "");
    expect((await call("port", name, "81")).stderr).toMatch(
      /^Error: No public port '81(?:\/tcp)?' published for /,
    );
    await output("rm", "-f", name);
    expect(await call("top", name)).toEqual(refused(`No such container: ${name}`));
  });

  test("volumes: made, listed, in use, removed, pruned", async () => {
    expect(await output("volume", "create", "--label", "a=b", name)).toBe(name);
    expect(await output("volume", "create", name)).toBe(name);
    expect(
      await output("volume", "inspect", "--format", "{{.Driver}} {{.Labels}} {{.Options}} {{.Scope}}", name),
    ).toBe("local map[a:b] map[] local");
    expect(await output("volume", "ls", "-q", "-f", "label=a=b")).toBe(name);
    expect(await output("volume", "ls", "-q", "-f", "label=constructor")).toBe("");
    await output("run", "-d", "--name", name, "-v", `${name}:/data`, "base", "sleep", "1000");
    await output("exec", name, "sh", "-c", "echo kept > /data/file");
    expect(await call("volume", "rm", name)).toEqual(refused(`remove ${name}: volume is in use - [ID]`));
    expect(await output("volume", "ls", "-q", "-f", "dangling=true")).toBe("");
    await output("rm", "-f", name);
    expect(await output("run", "--rm", "-v", `${name}:/data`, "base", "cat", "/data/file")).toBe("kept");
    const anonymous = await output("volume", "create");
    expect(anonymous).toBe("ID");
    // Only what has no name of its own, unless all is asked for.
    const pruned = "Deleted Volumes:\nID\n\nTotal reclaimed space: 0B";
    expect(await output("volume", "prune", "-f")).toBe(pruned);
    expect(await output("volume", "ls", "-q")).toBe(name);
    expect(await output("volume", "rm", name)).toBe(name);
    expect((await call("volume", "rm", name)).stderr).toMatch(/no such volume/i);
    expect((await call("volume", "create", "a/b")).stderr).toContain(
      "includes invalid characters for a local volume name",
    );
    expect((await call("volume", "create", "-d", "nfs", "x1")).stderr).toContain('plugin "nfs" not found');
    expect((await call("volume", "create", "-o", "type=tmpfs", "x1")).stderr).toContain(
      'missing required option: "device"',
    );
  });

  test("events: what happens is told in order, to the end that was asked for", async () => {
    const format = ["--format", "{{.Type}} {{.Action}}"];
    const listener = start("events", "--filter", `container=${name}`, ...format);
    const chunks: string[] = [];
    const reading = (async () => {
      for await (const chunk of listener.stdout) chunks.push(new TextDecoder().decode(chunk));
    })();
    const heard = () => chunks.join("").split("\n").filter(Boolean);
    // Until it listens nothing is heard.
    await until("the listener", async () => {
      await output("run", "--rm", "--name", name, "-l", "mark=1", "base", "true");
      return heard().length > 0;
    });
    await until("the last event", () => heard().at(-1) === "container destroy");
    const told = heard().length;
    await output("run", "-d", "--name", name, "base", "sleep", "1000");
    await output("exec", name, "true");
    await output("rm", "-f", name);
    await until("all of them", () => heard().length >= told + 8);
    listener.kill();
    await reading;
    const exec = ["exec_create: true ", "exec_start: true ", "exec_die"];
    expect(heard().slice(told)).toEqual(
      ["create", "start", ...exec, "kill", "die", "destroy"].map((action) => `container ${action}`),
    );
    const past = await output(
      "events",
      "--since",
      "10m",
      "--until",
      "0s",
      "--filter",
      "label=mark=1",
      ...format,
    );
    const actions = past.split("\n").filter((line) => line !== "container attach");
    expect(actions.slice(-4)).toEqual(
      ["create", "start", "die", "destroy"].map((action) => `container ${action}`),
    );
    expect((await call("events", "--until", "0s", "--filter", "colour=red")).stderr).toContain(
      "invalid filter 'colour'",
    );
  });

  test("events: a commit pauses, and networks that hold nothing are joined and left too", async () => {
    const since = String(Date.now() / 1000);
    await output("run", "--rm", "--network", "host", "--name", name, "base", "true");
    await output("run", "-d", "--network", "none", "--name", name, "base", "sleep", "1000");
    await output("commit", name, name);
    await output("commit", "--pause=false", name, name);
    await output("rm", "-f", name);
    await output("rmi", name);
    const format = "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}";
    // The clients round what they reckon from now to whole seconds.
    const end = String((Date.now() + 10) / 1000);
    const past = await output("events", "--since", since, "--until", end, "--format", format);
    const wanted = /^(network|container (start|pause|unpause|commit|die)) /;
    const life = ["start", "pause", "unpause", "commit", "commit", "die"];
    const of = (actions: readonly string[]) => actions.map((action) => `container ${action} ${name}`);
    expect(past.split("\n").filter((line) => wanted.test(line))).toEqual([
      "network connect host",
      ...of(["start", "die"]),
      "network disconnect host",
      "network connect none",
      ...of(life),
      "network disconnect none",
    ]);
  });

  test("an expression that a backtracking matcher takes hours for is answered, and one that is none is refused", async () => {
    const slow = `${"a".repeat(60)}-b`;
    await output("create", "--name", slow, "base");
    await output("volume", "create", slow);
    for (const list of [
      ["ps", "-aq"],
      ["volume", "ls", "-q"],
      ["network", "ls", "-q"],
    ]) {
      expect(await output(...list, "--filter", "name=^(a+)+$")).toBe("");
      expect((await call(...list, "--filter", "name=(")).stderr).toContain("invalid filter 'name=(");
    }
    expect(await output("volume", "ls", "-q", "--filter", "name=^(a+)+.b$")).toBe(slow);
    expect(await output("ps", "-a", "--filter", "name=^(a+)+.b$", "--format", "{{.Names}}")).toBe(slow);
    await output("rm", slow);
    await output("volume", "rm", slow);
  });
});
