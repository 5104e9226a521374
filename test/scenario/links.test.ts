/** Links: what one container alone calls another, on the default network and in networks of users. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const output = async (...args: readonly string[]): Promise<string> => await engine.output(...args);

const sleeping = ["base", "sleep", "1000"];

const addressOf = async (container: string): Promise<string> =>
  await output("inspect", "-f", "{{.NetworkSettings.IPAddress}}", container);

async function refused(...args: readonly string[]): Promise<string> {
  const { exitCode, stderr } = await engine.cli(...args);
  expect(exitCode).not.toBe(0);
  return stderr;
}

test("on the default network a linked container is in hosts and in the environment, and is found again after its restart", async () => {
  await output(
    "run",
    "-d",
    "--name",
    "store",
    "-e",
    "MODE=fast",
    "--expose",
    "80",
    "-h",
    "depot",
    ...sleeping,
  );
  await output("run", "-d", "--name", "web", "--link", "store:db", "--link", "store", ...sleeping);
  const hosts = async (): Promise<string[]> =>
    (await output("exec", "web", "cat", "/etc/hosts")).split("\n").filter((line) => line.includes("depot"));
  const address = await addressOf("store");
  expect(await hosts()).toEqual([`${address}\tdb depot store`, `${address}\tstore depot`]);
  const variables = await output(
    "exec",
    "web",
    "sh",
    "-c",
    "echo $DB_NAME $DB_PORT $DB_ENV_MODE; cat /proc/1/environ",
  );
  expect(variables).toStartWith(`/web/db tcp://${address}:80 fast\n`);
  expect(variables).toContain(`STORE_PORT_80_TCP_ADDR=${address}\0`);
  expect(await output("inspect", "-f", "{{json .HostConfig.Links}}", "web")).toBe(
    '["/store:/web/db","/store:/web/store"]',
  );
  await output("exec", "web", "sh", "-c", "echo 10.9.9.9 mine >> /etc/hosts");
  await output("stop", "-t", "0", "store");
  // Addresses go on from the one that was given last.
  await output("run", "-d", "--name", "other", ...sleeping);
  await output("rename", "store", "cellar");
  await output("start", "cellar");
  const moved = await addressOf("cellar");
  expect(moved).not.toBe(address);
  expect((await output("exec", "web", "cat", "/etc/hosts")).split("\n").slice(-4)).toEqual([
    `${await addressOf("web")}\t${(await output("inspect", "-f", "{{.Config.Hostname}}", "web")).trim()}`,
    "10.9.9.9 mine",
    expect.stringContaining(`${moved}\tdb depot`),
    expect.stringContaining(`${moved}\tstore depot`),
  ]);
  const remove = async (name: string) =>
    (await engine.http("DELETE", `/v1.41/containers/${name.replace(/^\//, "")}?link=1`)).status;
  expect([await remove("web"), await remove("/web/nobody"), await remove("/web/store")]).toEqual([
    409, 404, 204,
  ]);
  expect(await output("inspect", "-f", "{{json .HostConfig.Links}}", "web")).toBe('["/cellar:/web/db"]');
  await output("stop", "-t", "0", "cellar", "web");
  expect(await refused("start", "web")).toContain(
    "Cannot link to a non running container: /cellar AS /web/db",
  );
  await output("rm", "-f", "cellar", "web", "other");
});

test("links that cannot be are refused as Docker does", async () => {
  expect(await refused("create", "--link", "nobody:x", "base")).toContain(
    "could not get container for nobody: No such container: nobody",
  );
  expect(await refused("create", "--network", "none", "--link", "nobody:x", "base")).toContain(
    "conflicting options: a container in network none can't be used with links",
  );
  expect(await refused("create", "--network", "host", "--link", "nobody:x", "base")).toContain(
    "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
  );
  await output("network", "create", "alone");
  await output("run", "-d", "--name", "apart", "--network", "alone", ...sleeping);
  expect(await refused("run", "--rm", "--link", "apart:x", "base", "true")).toContain(
    "not attached to default bridge network",
  );
  await output("rm", "-f", "apart");
  await output("network", "rm", "alone");
});

test("in a network of users a link is a name for the one container that has it", async () => {
  await output("network", "create", "shared");
  await output("run", "-d", "--name", "store", "--network", "shared", ...sleeping);
  await output("run", "-d", "--name", "web", "--network", "shared", "--link", "store:db", ...sleeping);
  await output("run", "-d", "--name", "late", ...sleeping);
  await output("network", "connect", "--link", "store:shelf", "shared", "late");
  const finds = async (from: string, name: string): Promise<boolean> =>
    (await engine.cli("exec", from, "ping", "-c1", "-W2", name)).exitCode === 0;
  expect([await finds("web", "db"), await finds("late", "shelf"), await finds("late", "db")]).toEqual([
    true,
    true,
    false,
  ]);
  expect([await finds("web", "db.shared"), await finds("store", "db")]).toEqual([true, false]);
  expect(
    await output("inspect", "-f", '{{json (index .NetworkSettings.Networks "shared").Links}}', "late"),
  ).toBe('["store:shelf"]');
  await output("rm", "-f", "store", "web", "late");
  await output("network", "rm", "shared");
});

test("hosts and resolv.conf of a running container follow the networks that it joins and leaves", async () => {
  await output("network", "create", "joined");
  await output("run", "-d", "--name", "rover", ...sleeping);
  await output("run", "-d", "--name", "guest", "--network", "container:rover", ...sleeping);
  const own = async (from: string): Promise<number> => {
    const hostname = await output("exec", from, "hostname");
    const lines = (await output("exec", from, "cat", "/etc/hosts")).split("\n");
    return lines.filter((line) => line.endsWith(`\t${hostname}`)).length;
  };
  const resolver = async (from: string): Promise<string> =>
    await output("exec", from, "cat", "/etc/resolv.conf");
  const before = await resolver("rover");
  await output("network", "connect", "joined", "rover");
  expect([await own("rover"), await own("guest")]).toEqual([2, 2]);
  expect(await resolver("rover")).toContain("nameserver 127.0.0.11\n");
  expect(await resolver("guest")).toContain("nameserver 127.0.0.11\n");
  await output("network", "disconnect", "joined", "rover");
  expect([await own("rover"), await resolver("rover")]).toEqual([1, before]);
  // What somebody wrote is left alone.
  await output("exec", "rover", "sh", "-c", "echo nameserver 192.0.2.1 > /etc/resolv.conf");
  await output("network", "connect", "joined", "rover");
  expect(await resolver("rover")).toBe("nameserver 192.0.2.1");
  await output("rm", "-f", "guest", "rover");
  await output("network", "rm", "joined");
});
