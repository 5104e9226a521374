/** Networks that a running container joins and leaves with `update`, in one with all else that changes. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { freePort } from "../support/free-port.ts";
import { succeeds } from "../support/until.ts";

let engine: TestEngine;
const [port, other] = [freePort(), freePort()];

beforeAll(async () => {
  engine = await startEngine();
  await output("network", "create", "kitchen");
  await output("network", "create", "--subnet", "10.213.7.0/24", "cellar");
  const serve = "mkdir /a; echo page >/a/index.html; exec httpd -f -p 80 -h /a";
  await output("run", "-d", "--name", "cook", "-p", `127.0.0.1:${port}:80`, "base", "sh", "-c", serve);
  await succeeds(async () => expect(await page(port)).toBe("page\n"));
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const output = async (...words: readonly string[]): Promise<string> => await engine.output(...words);
const networks = (): Promise<string> =>
  output("inspect", "--format", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}", "cook");
const links = (): Promise<string> => output("exec", "cook", "sh", "-c", "ls /sys/class/net | xargs");

async function page(at: number): Promise<string> {
  const options = { signal: AbortSignal.timeout(1000), keepalive: false };
  return await (await fetch(`http://127.0.0.1:${at}/`, options)).text();
}

test("networks are joined and left together with a port, a label and a limit", async () => {
  await output(
    ...["update", "--network-add", "name=cellar,ip=10.213.7.9,alias=chef", "--network-add", "kitchen"],
    ...["--network-rm", "bridge", "--publish-add", `127.0.0.1:${other}:80`, "--label-add", "in=cellar"],
    ...["--memory", "64m", "--memory-swap", "64m", "cook"],
  );
  expect(await networks()).toBe("cellar kitchen");
  expect(await links()).toBe("eth1 eth2 lo");
  expect(await output("exec", "cook", "ip", "-4", "addr")).toContain("10.213.7.9/24");
  expect(await page(port)).toBe("page\n");
  expect(await page(other)).toBe("page\n");
  expect(await output("run", "--rm", "--network", "cellar", "base", "wget", "-qO-", "http://chef/")).toBe(
    "page",
  );
  expect(await output("inspect", "--format", "{{.Config.Labels.in}} {{.HostConfig.Memory}}", "cook")).toBe(
    "cellar 67108864",
  );
});

test("an update that fails in any part leaves networks, ports and labels as they were", async () => {
  const before = await output("inspect", "cook");
  const routes = await output("exec", "cook", "ip", "route");
  const refused = async (...flags: readonly string[]): Promise<string> => {
    const { exitCode, stderr } = await engine.cli("update", "--label-add", "half=1", ...flags, "cook");
    expect(exitCode).toBe(1);
    return stderr;
  };
  const both = ["--network-add", "bridge", "--network-rm", "cellar"];
  expect(await refused(...both, "--publish-add", `127.0.0.1:${port}:81`)).toContain("port");
  expect(await refused(...both, "--cpuset-cpus", "4095")).toContain("4095");
  expect(await refused(...both, "--network-rm", "host")).toContain("host network");
  expect(await refused("--network-add", "kitchen")).toContain("already exists in network kitchen");
  expect(await refused("--network-rm", "bridge")).toContain("not connected to network bridge");
  expect(await refused("--network-add", "nowhere")).toContain("nowhere");
  expect(await output("inspect", "cook")).toBe(before);
  expect(await output("exec", "cook", "ip", "route")).toBe(routes);
  expect(await links()).toBe("eth1 eth2 lo");
  expect(await page(other)).toBe("page\n");
});

test("a network that was left already is joined again, at the same address, when the update fails after it", async () => {
  const before = await output(
    "inspect",
    "--format",
    "{{json .NetworkSettings.Ports}} {{.Config.Labels}}",
    "cook",
  );
  await engine.stop();
  await engine.start({ env: { TIFFIN_FAILPOINT: "update.leave" } });
  const flags = [
    "--network-add",
    "bridge",
    "--network-rm",
    "cellar",
    "--publish-rm",
    "80",
    "--label-add",
    "half=1",
  ];
  expect((await engine.cli("update", ...flags, "cook")).stderr).toContain("failpoint update.leave");
  expect(await networks()).toBe("cellar kitchen");
  expect(await output("exec", "cook", "ip", "-4", "addr")).toContain("10.213.7.9/24");
  expect(
    await output("inspect", "--format", "{{json .NetworkSettings.Ports}} {{.Config.Labels}}", "cook"),
  ).toBe(before);
  expect(await page(port)).toBe("page\n");
  expect(await page(other)).toBe("page\n");
  await engine.stop();
  await engine.start();
  expect(await page(port)).toBe("page\n");
});

test("what was joined and left lasts over the end of the engine and of the container", async () => {
  await engine.crash();
  await engine.start();
  expect(await networks()).toBe("cellar kitchen");
  await output("stop", "-t", "0", "cook");
  await output("update", "--network-rm", "kitchen", "--network-add", "bridge", "cook");
  await output("start", "cook");
  expect(await networks()).toBe("bridge cellar");
  expect(await output("exec", "cook", "ip", "-4", "addr")).toContain("10.213.7.9/24");
});
