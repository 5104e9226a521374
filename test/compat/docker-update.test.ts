/** `update`: the real docker clients and our own change a container alike; the same table asked of Docker's own engine. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
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
  await engine.cli("rm", "-f", "target", "other");
});

const clients = [
  ["tiffin", tiffinCommand()] as const,
  ...dockerClients.map(({ version, path }) => [`docker ${version}`, [path]] as const),
];

/** The group as the container sees it, on either version of cgroups. */
const memoryLimit = [
  "exec",
  "target",
  "sh",
  "-c",
  "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max",
];
const pidLimit = [
  "exec",
  "target",
  "sh",
  "-c",
  "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max",
];
const mib = 2 ** 20;

describe.each(clients)("%s", (_client, program) => {
  const call = async (...args: readonly string[]) =>
    await outcomeOf(
      Bun.spawn([...program, ...args], {
        env: { ...process.env, DOCKER_HOST: engine.host, TIFFIN_HOST: engine.host },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      }),
    );

  test("limits of one that runs hold at once, after its restart, and after that of the engine", async () => {
    await engine.output("run", "-d", "--name", "target", "-m", "64m", "base", "sleep", "1000");
    await engine.output("create", "--name", "other", "base", "true");
    const limits = ["--memory", "32m", "--memory-swap", "48m", "--pids-limit", "20", "--cpu-shares", "512"];
    const cpu = ["--cpus", "0.5", "--cpuset-cpus", "0"];
    const restart = ["--restart", "on-failure:3"];
    expect(await call("update", ...limits, ...cpu, ...restart, "target", "other")).toMatchObject({
      code: 0,
      stdout: "target\nother\n",
    });
    const shown =
      "{{with .HostConfig}}{{.Memory}} {{.MemorySwap}} {{.PidsLimit}} {{.CpuShares}} {{.NanoCpus}} {{.CpusetCpus}} {{.RestartPolicy.Name}} {{.RestartPolicy.MaximumRetryCount}}{{end}}";
    const wanted = `${32 * mib} ${48 * mib} 20 512 500000000 0 on-failure 3`;
    const holds = async () => {
      expect(await engine.output("inspect", "--format", shown, "target")).toBe(wanted);
      expect(await engine.output(...memoryLimit)).toBe(String(32 * mib));
      expect(await engine.output(...pidLimit)).toBe("20");
      expect(await engine.output("exec", "target", "nproc")).toBe("1");
    };
    await holds();
    expect(await engine.output("inspect", "--format", shown, "other")).toBe(wanted);
    await engine.output("restart", "-t", "0", "target");
    await holds();
    await engine.stop();
    await engine.start();
    await holds();
    await engine.output("restart", "-t", "0", "target");
    await holds();
  });

  test("what is refused changes nothing; no options are none", async () => {
    await engine.output("run", "-d", "--name", "target", "-m", "64m", "base", "sleep", "1000");
    const id = await engine.output("inspect", "--format", "{{.Id}}", "target");
    const refused = await call("update", "--pids-limit", "7", "--memory", "1g", "target");
    expect(refused).toEqual({
      code: 1,
      stdout: "",
      stderr: `Error response from daemon: Cannot update container ${id}: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time\n`,
    });
    expect(await engine.output(...memoryLimit)).toBe(String(64 * mib));
    expect(await engine.output(...pidLimit)).not.toBe("7");
    const none = await call("update", "target");
    expect(none).toMatchObject({ code: 1, stdout: "" });
    expect(none.stderr).toContain("you must provide one or more flags when using this command");
  });
});

interface Case {
  readonly create: object;
  readonly update: object;
}
const cases: Readonly<Record<string, Case>> = {
  nothing: { create: {}, update: {} },
  "memory where there was none": { create: {}, update: { Memory: 64 * mib } },
  "memory and its sum": { create: {}, update: { Memory: 64 * mib, MemorySwap: 128 * mib } },
  "less memory": { create: { Memory: 64 * mib }, update: { Memory: 32 * mib } },
  "more memory than the sum": { create: { Memory: 64 * mib }, update: { Memory: 256 * mib } },
  "too little memory": { create: {}, update: { Memory: mib } },
  "a sum below": { create: {}, update: { Memory: 64 * mib, MemorySwap: 32 * mib } },
  "unlimited sum": { create: { Memory: 64 * mib }, update: { MemorySwap: -1 } },
  reservation: { create: { Memory: 64 * mib }, update: { MemoryReservation: 32 * mib } },
  "reservation above": {
    create: {},
    update: { Memory: 64 * mib, MemorySwap: -1, MemoryReservation: 128 * mib },
  },
  shares: { create: { CpuShares: 512 }, update: { CpuShares: 2048 } },
  "quota and period": { create: {}, update: { CpuPeriod: 50_000, CpuQuota: 25_000 } },
  "quota too small": { create: {}, update: { CpuQuota: 10 } },
  "cpus over a quota": { create: { CpuQuota: 50_000 }, update: { NanoCpus: 5e8 } },
  "cpus over a period": { create: { CpuPeriod: 50_000 }, update: { NanoCpus: 5e8 } },
  "a quota over cpus": { create: { NanoCpus: 5e8 }, update: { CpuQuota: 50_000 } },
  "a period over cpus": { create: { NanoCpus: 5e8 }, update: { CpuPeriod: 50_000 } },
  "other cpus": { create: { NanoCpus: 5e8 }, update: { NanoCpus: 2.5e8 } },
  cpuset: { create: {}, update: { CpusetCpus: "0", CpusetMems: "0" } },
  "cpuset beyond": { create: {}, update: { CpusetCpus: "999" } },
  pids: { create: {}, update: { PidsLimit: 33 } },
  policy: { create: {}, update: { RestartPolicy: { Name: "always" } } },
  "policy with a count": {
    create: {},
    update: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 4 } },
  },
  "policy of one that goes": {
    create: { AutoRemove: true },
    update: { RestartPolicy: { Name: "always" } },
  },
};

async function answers(socket: string) {
  const ask = async (method: string, path: string, body?: unknown) =>
    await request(socket, method, `/v1.41${path}`, body);
  const look = async (id: string) => {
    const { HostConfig } = (await ask("GET", `/containers/${id}/json`)).json() as {
      HostConfig: Record<string, unknown>;
    };
    const names = ["Memory", "MemorySwap", "MemoryReservation", "CpuShares", "CpuPeriod", "CpuQuota"];
    const more = ["NanoCpus", "CpusetCpus", "CpusetMems", "PidsLimit", "RestartPolicy"];
    const shown = Object.fromEntries([...names, ...more].map((name) => [name, HostConfig[name]]));
    // Newer engines than the one that is asked here say what no policy is.
    return JSON.parse(JSON.stringify(shown).replace('"Name":""', '"Name":"no"')) as unknown;
  };
  const found: Record<string, unknown> = {};
  for (const [name, { create, update }] of Object.entries(cases)) {
    for (const runs of [false, true]) {
      const made = await ask("POST", "/containers/create", {
        Image: "base",
        Cmd: ["sleep", "1000"],
        HostConfig: { NetworkMode: "none", ...create },
      });
      const { Id } = made.json() as { Id: string };
      if (runs) await ask("POST", `/containers/${Id}/start`);
      const answer = await ask("POST", `/containers/${Id}/update`, update);
      const { message } = answer.json() as { message?: string };
      found[`${name}${runs ? ", running" : ""}`] = {
        refused: answer.status >= 400,
        ...(answer.status < 500 && { message: message?.replace(Id, "ID") }),
        after: await look(Id),
      };
      await ask("DELETE", `/containers/${Id}?force=1`);
    }
  }
  return found;
}

if (hasDockerd) {
  test("the API answers as Docker's does, for containers that run and that do not", async () => {
    await using docker = await OwnDockerd.start();
    const wanted = await answers(docker.socket);
    expect(await answers(engine.socket)).toEqual(wanted);
  });
} else {
  test.skip("the API answers as Docker's does (dockerd is not installed)", () => {});
}
