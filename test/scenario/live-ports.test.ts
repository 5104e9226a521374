/** Ports of a container that runs: published, moved and taken back with `update`, all of an update or nothing. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { freePort } from "../support/free-port.ts";
import { succeeds } from "../support/until.ts";

let engine: TestEngine;
const [first, second, third] = [freePort(), freePort(), freePort()];

const serve =
  "mkdir -p /a /b; echo first > /a/index.html; echo other > /b/index.html; httpd -p 80 -h /a; exec httpd -f -p 81 -h /b";

beforeAll(async () => {
  engine = await startEngine();
  await engine.output("run", "-d", "--name", "web", "-p", `127.0.0.1:${third}:81`, "base", "sh", "-c", serve);
  await succeeds(async () => await page(third));
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const output = async (...words: readonly string[]): Promise<string> => await engine.output(...words);

async function page(port: number): Promise<string> {
  const options = { signal: AbortSignal.timeout(1000), keepalive: false };
  return await (await fetch(`http://127.0.0.1:${port}/`, options)).text();
}

test("a port is published while the container runs, and port, ps and inspect show it", async () => {
  expect(await output("update", "--publish-add", `${first}:80`, "web")).toBe("web");
  expect(await page(first)).toBe("first\n");
  expect(await page(third)).toBe("other\n");
  expect(await output("port", "web", "80/tcp")).toBe(`0.0.0.0:${first}`);
  expect(await output("ps", "--format", "{{.Ports}}")).toContain(`0.0.0.0:${first}->80/tcp`);
  const inspected = await output(
    "inspect",
    "--format",
    "{{json .NetworkSettings.Ports}} {{json .HostConfig.PortBindings}} {{json .Config.ExposedPorts}}",
    "web",
  );
  expect(inspected).toContain(`"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"${first}"}]`);
  expect(inspected).toContain(`"80/tcp":[{"HostIp":"","HostPort":"${first}"}]`);
  expect(inspected).toContain('"80/tcp":{}');
});

test("a host port leads to another port of the container without being free in between", async () => {
  const moved = ["--publish-rm", "80", "--publish-add", `${first}:81`, "web"];
  await output("update", ...moved);
  expect(await page(first)).toBe("other\n");
  expect((await engine.cli("port", "web", "80/tcp")).exitCode).toBe(1);
  await output("update", "--publish-rm", "81/tcp", "--publish-add", `${first}:80`, "web");
  expect(await page(first)).toBe("first\n");
  await expect(page(third)).rejects.toThrow();
});

test("what is published lasts over a restart of the engine and one of the container", async () => {
  await engine.stop();
  await engine.start();
  expect(await page(first)).toBe("first\n");
  await output("restart", "-t", "0", "web");
  expect(await succeeds(async () => await page(first))).toBe("first\n");
  expect(await output("port", "web")).toBe(`80/tcp -> 0.0.0.0:${first}`);
});

test("a port that is taken, one that is not published and one of nobody are told in words, and nothing changes", async () => {
  const listener = Bun.serve({ hostname: "0.0.0.0", port: second, fetch: () => new Response("another") });
  const before = await output("inspect", "web");
  try {
    for (const [flags, text] of [
      [["--publish-rm", "80", "--publish-add", `${second}:80`], "port is already allocated"],
      [["--publish-add", `${first}:81`], `Bind for 0.0.0.0:${first} failed: port is already allocated`],
      [["--publish-rm", "99/udp"], "port 99/udp is not published"],
      [["--publish-add", "nonsense"], "invalid containerPort: nonsense"],
      [["--publish-rm", "80", "--memory", "1k"], "Minimum memory limit"],
      [
        ["--publish-rm", "80", "--publish-add", `${third}:81`, "--mount-add", "type=tmpfs,target=/proc/self"],
        "/proc",
      ],
    ] as const) {
      const { stderr, exitCode } = await engine.cli("update", ...flags, "web");
      expect(stderr).toContain(text);
      expect(exitCode).not.toBe(0);
    }
  } finally {
    await listener.stop(true);
  }
  expect(await output("inspect", "web")).toBe(before);
  expect(await page(first)).toBe("first\n");
  await output("run", "-d", "--name", "alone", "--network", "none", "base", "sleep", "1000");
  expect((await engine.cli("update", "--publish-add", "80", "alone")).stderr).toContain(
    "ports of a container whose network is none cannot be published",
  );
});

test("an update that fails after the ports takes them back", async () => {
  await engine.stop();
  await engine.start({ env: { TIFFIN_FAILPOINT: "update.group" } });
  const changes = ["--publish-rm", "80", "--publish-add", `${first}:81`, "--publish-add", `${second}:80`];
  expect((await engine.cli("update", ...changes, "web")).stderr).toContain("failpoint update.group");
  expect(await page(first)).toBe("first\n");
  expect(await output("port", "web")).toBe(`80/tcp -> 0.0.0.0:${first}`);
  Bun.listen({ hostname: "0.0.0.0", port: second, socket: { data() {} } }).stop(true);
  await engine.stop();
  await engine.start();
});

test("the engine listens itself where that was chosen, and a stopped container has its new ports at the next start", async () => {
  const socket = ["--annotation", "tiffin.publish-mode=socket"];
  await output("run", "-d", "--name", "own", ...socket, "-p", `${second}:81`, "base", "sh", "-c", serve);
  expect(await succeeds(async () => await page(second))).toBe("other\n");
  await output("update", "--publish-rm", "81", "--publish-add", `${second}:80`, "own");
  expect(await page(second)).toBe("first\n");
  await output("stop", "-t", "0", "own");
  await output("update", "--publish-add", `${third}:81`, "own");
  await output("start", "own");
  expect(await succeeds(async () => await page(third))).toBe("other\n");
  await output("rm", "-f", "own");
  Bun.listen({ hostname: "0.0.0.0", port: second, socket: { data() {} } }).stop(true);
});

test("ports of a removed container are free, those of updates too", async () => {
  await output("rm", "-f", "web");
  for (const port of [first, second, third]) {
    Bun.listen({ hostname: "0.0.0.0", port, socket: { data() {} } }).stop(true);
  }
  await expect(page(first)).rejects.toThrow();
});
