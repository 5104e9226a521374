/** Prunes of containers and of everything: the same words to the real docker clients and to our own, and the same table asked of Docker's engine. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { dockerClients } from "../support/docker-clients.ts";
import { request, startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await engine.output("run", "-d", "--name", "runs", "base", "sleep", "1000");
});
afterAll(async () => {
  await engine.output("rm", "-f", "runs");
  await engine[Symbol.asyncDispose]();
});

const clients = [
  ["tiffin", tiffinCommand()] as const,
  ...dockerClients.map(({ version, path }) => [`docker ${version}`, [path]] as const),
];

describe.each(clients)("%s", (_client, program) => {
  async function call(input: string, ...args: readonly string[]) {
    const child = Bun.spawn([...program, ...args], {
      env: { ...process.env, DOCKER_HOST: engine.host, TIFFIN_HOST: engine.host },
      stdin: Buffer.from(input),
      stdout: "pipe",
      stderr: "pipe",
    });
    const { code, stdout, stderr } = await outcomeOf(child);
    return { code, stdout: stdout.replaceAll(/[0-9a-f]{64}/g, "ID"), stderr };
  }

  test("container prune: what does not run and the filters mean; it asks first", async () => {
    await engine.output("create", "--name", "kept", "--label", "keep=1", "base", "true");
    await engine.output("run", "--name", "ended", "base", "sh", "-c", "echo 0123456789 > /file");
    const since = String(Date.parse("2001-01-01") / 1000);
    const nothing = "Total reclaimed space: 0B\n";
    expect(await call("", "container", "prune", "-f", "--filter", `until=${since}`)).toMatchObject({
      code: 0,
      stdout: nothing,
    });
    const answered = await call("n\n", "container", "prune");
    expect(answered.stdout).toStartWith(
      "WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N]",
    );
    expect(await call("y\n", "container", "prune", "--filter", "label!=keep")).toMatchObject({ code: 0 });
    expect(await engine.output("ps", "-a", "--format", "{{.Names}}")).toBe("kept\nruns");
    expect(await call("", "container", "prune", "-f", "--filter", "label=keep=1")).toEqual({
      code: 0,
      stdout: `Deleted Containers:\nID\n\n${nothing}`,
      stderr: "",
    });
  });

  test("system prune: containers, then the networks and anonymous volumes that nobody uses any more, then images", async () => {
    await engine.output("network", "create", "unused");
    await engine.output("volume", "create", "named");
    await engine.output("run", "--name", "ended", "--network", "unused", "-v", "/x", "base", "touch", "/x/y");
    const { code, stdout } = await call("", "system", "prune", "-f", "--volumes");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Deleted Containers:\nID\n\nDeleted Networks:\nunused\n\nDeleted Volumes:\nID\n\nTotal reclaimed space: 0B\n$/,
    );
    expect(await engine.output("volume", "ls", "-q")).toBe("named");
    await engine.output("volume", "rm", "named");
    const all = await call("", "system", "prune", "-af");
    expect(all).toMatchObject({ code: 0, stdout: "Total reclaimed space: 0B\n" });
    expect(await engine.output("ps", "--format", "{{.Names}}")).toBe("runs");
    const both = await call("", "system", "prune", "-f", "--volumes", "--filter", "until=1h");
    expect(both).toMatchObject({ code: 1, stdout: "" });
    expect(both.stderr).toContain(`The "until" filter is not supported with "--volumes"`);
  });
});

/** What both engines answer to the same requests, and what their events tell. */
async function answers(socket: string) {
  const ask = async (method: string, path: string, body?: unknown) =>
    await request(socket, method, `/v1.41${path}`, body);
  const create = async (name: string, labels: Readonly<Record<string, string>>) => {
    const body = { Image: "base", Cmd: ["true"], Labels: labels, HostConfig: { NetworkMode: "none" } };
    await ask("POST", `/containers/create?name=${name}`, body);
  };
  const prune = async (filters: unknown) => {
    const asked = await ask(
      "POST",
      `/containers/prune?filters=${encodeURIComponent(JSON.stringify(filters))}`,
    );
    const { ContainersDeleted, SpaceReclaimed } = asked.json() as Record<string, unknown>;
    const deleted = Array.isArray(ContainersDeleted) ? ContainersDeleted.length : ContainersDeleted;
    return { status: asked.status, deleted, SpaceReclaimed };
  };
  const since = Math.floor(performance.timeOrigin / 1000);
  await create("one", { a: "1" });
  await create("two", { a: "2", b: "" });
  await create("three", {});
  const results = [
    await prune({ label: ["a=3"] }),
    await prune({ label: ["a"], "label!": ["b"] }),
    await prune({ until: ["1h"] }),
    await prune({ nosuch: ["1"] }),
    await prune({}),
    await prune({}),
  ];
  const until = Math.floor(Date.now() / 1000) + 1;
  const filters = encodeURIComponent(JSON.stringify({ type: ["container"], event: ["prune", "destroy"] }));
  const events = (await ask("GET", `/events?since=${since}&until=${until}&filters=${filters}`)).text;
  const told = events
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { Action: string; Actor: { Attributes: Record<string, string> } })
    .map(({ Action, Actor }) => `${Action} ${Actor.Attributes["reclaimed"] ?? Actor.Attributes["name"]}`);
  // Docker goes through its containers in no order.
  return { results, told: told.sort() };
}

if (hasDockerd) {
  test("the API answers and tells as Docker's does", async () => {
    await using docker = await OwnDockerd.start();
    await using fresh = await startEngine();
    const wanted = await answers(docker.socket);
    const found = await answers(fresh.socket);
    expect(found).toEqual(wanted);
  });
} else {
  test.skip("the API answers and tells as Docker's does (dockerd is not installed)", () => {});
}
