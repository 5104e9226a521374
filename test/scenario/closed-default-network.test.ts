/** A default network whose containers do not reach each other, and what they reach all the same. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { succeeds } from "../support/until.ts";

let engine: TestEngine;
const closed = { arguments: ["--icc=false"] };

beforeAll(async () => {
  engine = await startEngine(closed);
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const output = async (...words: readonly string[]): Promise<string> => await engine.output(...words);
const pings = async (network: string, address: string): Promise<boolean> =>
  (await engine.cli("run", "--rm", "--network", network, "base", "ping", "-c", "1", "-W", "1", address))
    .exitCode === 0;

async function addressOf(name: string): Promise<string> {
  return await output("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name);
}

test("--icc=false: containers of the default network reach the host and not each other, published ports are reached", async () => {
  const serve = "mkdir /www; echo closed > /www/index.html; exec httpd -f -p 80 -h /www";
  await output("run", "-d", "--name", "one", "-p", "127.0.0.1::80", "base", "sh", "-c", serve);
  expect(await pings("bridge", await addressOf("one"))).toBe(false);
  const gateway = await output("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge");
  expect(await pings("bridge", gateway)).toBe(true);
  const published = await output("port", "one", "80");
  const page = async () => await (await fetch(`http://${published}/`, { keepalive: false })).text();
  expect(await succeeds(page)).toBe("closed\n");
  const options = await output("network", "inspect", "-f", "{{json .Options}}", "bridge");
  expect(options).toContain('"com.docker.network.bridge.enable_icc":"false"');
});

test("a network of users says for itself whether it is open", async () => {
  const closedOption = ["-o", "com.docker.network.bridge.enable_icc=false"];
  await output("network", "create", "open");
  await output("network", "create", ...closedOption, "shut");
  for (const [network, isOpen] of [
    ["open", true],
    ["shut", false],
  ] as const) {
    await output("run", "-d", "--name", `in-${network}`, "--network", network, "base", "sleep", "1000");
    expect(await pings(network, await addressOf(`in-${network}`))).toBe(isOpen);
  }
});

test("the next engine decides anew", async () => {
  await engine.stop();
  await engine.start();
  const options = await output("network", "inspect", "-f", "{{json .Options}}", "bridge");
  expect(options).toContain('"com.docker.network.bridge.enable_icc":"true"');
  await output("run", "-d", "--name", "two", "base", "sleep", "1000");
  expect(await pings("bridge", await addressOf("two"))).toBe(true);
});
