/** Volumes are there as soon as a container that names them is made: the real docker clients, our own, and Docker's own engine. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dockerClients } from "../support/docker-clients.ts";
import { request, startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});
afterEach(async () => {
  await engine.cli("rm", "-f", "made");
  await engine.output("volume", "prune", "-af");
});

const clients = [
  ["tiffin", tiffinCommand()] as const,
  ...dockerClients.map(({ version, path }) => [`docker ${version}`, [path]] as const),
];

describe.each(clients)("%s", (_client, program) => {
  async function output(...args: readonly string[]): Promise<string> {
    const { code, stdout } = await outcomeOf(
      Bun.spawn([...program, ...args], {
        env: { ...process.env, DOCKER_HOST: engine.host, TIFFIN_HOST: engine.host },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      }),
    );
    expect(code).toBe(0);
    return stdout.trimEnd();
  }

  test("create makes named and anonymous volumes, filled with what the image has there", async () => {
    await output("create", "--name", "made", "-v", "kept:/etc", "-v", "/anonymous", "base", "true");
    const names = (await output("volume", "ls", "-q")).split("\n");
    expect(names).toHaveLength(2);
    expect(names).toContain("kept");
    const place = await output("volume", "inspect", "--format", "{{.Mountpoint}}", "kept");
    expect(existsSync(`${place}/passwd`)).toBe(true);
    await output("rm", "-v", "made");
    expect(await output("volume", "ls", "-q")).toBe("kept");
  });
});

async function story(socket: string) {
  const ask = async (method: string, path: string, body?: unknown) =>
    await request(socket, method, `/v1.41${path}`, body);
  const create = async (name: string, ...binds: readonly string[]) => {
    const HostConfig = { NetworkMode: "none", Binds: binds };
    const body = { Image: "base", Cmd: ["true"], Volumes: { "/own": {} }, HostConfig };
    return (await ask("POST", `/containers/create?name=${name}`, body)).status;
  };
  const volumes = async () => {
    const { Volumes } = (await ask("GET", "/volumes")).json() as {
      Volumes: readonly { Name: string }[] | null;
    };
    return (Volumes ?? []).map(({ Name }) => Name.replace(/^[0-9a-f]{64}$/, "ANONYMOUS")).sort();
  };
  const seen = [await create("made", "kept:/etc"), await volumes()];
  // A name that is taken: nothing is made for a container that is not.
  seen.push(await create("made", "other:/etc"), await volumes());
  seen.push(await create("second", "kept:/x"), await volumes());
  await ask("DELETE", "/containers/made?v=1");
  seen.push(await volumes());
  await ask("DELETE", "/containers/second?v=1");
  seen.push(await volumes());
  await ask("DELETE", "/volumes/kept");
  const until = Math.floor(Date.now() / 1000) + 1;
  const filters = encodeURIComponent(JSON.stringify({ type: ["volume"], event: ["create", "destroy"] }));
  const { text } = await ask("GET", `/events?since=1&until=${until}&filters=${filters}`);
  const told = text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { Action: string; Actor: { ID: string } })
    .map(({ Action, Actor }) => `${Action} ${Actor.ID.replace(/^[0-9a-f]{64}$/, "ANONYMOUS")}`);
  // Older engines of Docker's tell of a volume's creation again whenever a container names it.
  const once = told.filter((line, index) => line !== "create kept" || told.indexOf(line) === index);
  return { seen, told: once.sort() };
}

if (hasDockerd) {
  test("what is there and what is told, as Docker's engine has it", async () => {
    await using docker = await OwnDockerd.start();
    await using fresh = await startEngine();
    expect(await story(fresh.socket)).toEqual(await story(docker.socket));
  });
} else {
  test.skip("what is there and what is told, as Docker's engine has it (dockerd is not installed)", () => {});
}
