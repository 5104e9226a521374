/** A default network whose containers do not reach each other, and what they reach all the same. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { succeeds, until } from "../support/until.ts";

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

test("--icc=false: a link opens the exposed ports of the linked container to the linking one, as long as both run", async () => {
  const serve = "mkdir /www; echo menu > /www/index.html; httpd -p 80 -h /www; exec httpd -f -p 81 -h /www";
  await output("run", "-d", "--name", "store", "--expose", "80", "base", "sh", "-c", serve);
  await output(
    "run",
    "-d",
    "--name",
    "web",
    "--link",
    "store:db",
    "--link",
    "store",
    "base",
    "sleep",
    "1000",
  );
  await output("run", "-d", "--name", "stranger", "base", "sleep", "1000");
  const address = await addressOf("store");
  const asks = async (from: string, where: string): Promise<string> =>
    (await engine.cli("exec", from, "timeout", "1", "wget", "-qO-", `http://${where}/index.html`)).stdout;
  await until("the linked server", async () => (await asks("web", "db:80")) === "menu\n");
  expect([await asks("web", "db:81"), await asks("stranger", `${address}:80`)]).toEqual(["", ""]);
  for (const name of ["store", "web"]) {
    await engine.crash();
    await engine.start({ ...closed, env: { TIFFIN_FAILPOINT: "update.leave:once" } });
    expect(await asks("web", "db:80")).toBe("menu\n");
    // A leave that is taken back takes the links back with it.
    const failed = await engine.cli("update", "--network-rm", "bridge", name);
    expect(failed.stderr).toContain("failpoint update.leave");
    await until("the linked server again", async () => (await asks("web", "db:80")) === "menu\n");
    expect(await asks("stranger", `${address}:80`)).toBe("");
  }
  // Whoever has the address next is not linked.
  await output("stop", "-t", "0", "store");
  const flows = (): string =>
    Bun.spawnSync(["nft", "list", "set", "inet", `tiffin_${engine.tag}`, "linked"]).stdout.toString();
  expect(flows()).not.toContain(address);
  await output("start", "store");
  await until("the linked server, wherever it is", async () => (await asks("web", "db:80")) === "menu\n");
  expect((await engine.http("DELETE", "/v1.41/containers/web/db?link=1")).status).toBe(204);
  expect((await engine.http("DELETE", "/v1.41/containers/web/store?link=1")).status).toBe(204);
  expect(flows()).not.toContain("elements");
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
