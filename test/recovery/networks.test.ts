/**
 * SIGKILL of the engine at every step of making, joining, leaving and removing a network. Whatever the moment: the next engine
 * comes up, the container is in each network wholly or not at all, its others work, and after removal nothing is left.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { type NetworkStep, networkSteps } from "../../src/engine/network/mod.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { EngineOverAndOver } from "../support/engine-over-and-over.ts";
import { succeeds, until } from "../support/until.ts";

const sleeping = ["base", "sleep", "1000"];

/** A link of the host's that networks stand on, with a peer that is nobody's. */
const parent = `lunch${process.pid}`;
const inVm = process.env["TIFFIN_VM"] === "1";
const onParent = ["--subnet", "192.0.2.0/24", "-o", `parent=${parent}`];

/** By driver, what makes the network; the small machine is for kinds of links that others lack, and slow. */
const kinds: Readonly<Record<string, readonly string[]>> = inVm
  ? {
      ipvlan: ["-d", "ipvlan", ...onParent],
      vlan: ["-d", "vlan", "-o", "id=10", ...onParent],
    }
  : {
      bridge: [],
      macvlan: ["-d", "macvlan", ...onParent],
      vxlan: ["-d", "vxlan", "-o", "id=77", "-o", "peers=192.0.2.9"],
    };
const steps: readonly NetworkStep[] = inVm ? ["connect.link"] : networkSteps;

const lifeOf = (kind: string): readonly (readonly string[])[] => [
  ["network", "create", ...(kinds[kind] ?? []), "second"],
  // It gives the default route as long as the container is in it.
  ["network", "connect", "--gw-priority", "5", "second", "victim"],
  // The name server of the first network is the container's, as long as it is there.
  ...(kind === "bridge" ? ["first", "second"] : ["second", "first"]).map((network) => [
    "network",
    "disconnect",
    network,
    "victim",
  ]),
  ["network", "rm", "second"],
];

async function untilKilled(engine: TestEngine, kind: string): Promise<void> {
  for (const words of lifeOf(kind)) {
    const { stderr } = await engine.cli(...words);
    if (stderr.includes("the connection to the engine was lost")) return;
    expect([words, stderr]).toEqual([words, ""]);
  }
  throw new Error("no step passed the failpoint");
}

const engines = new EngineOverAndOver();
beforeAll(() => {
  Bun.spawnSync(["ip", "link", "add", parent, "type", "veth", "peer", "name", `${parent}b`]);
  for (const link of [parent, `${parent}b`]) Bun.spawnSync(["ip", "link", "set", link, "up"]);
});
afterAll(async () => {
  await engines[Symbol.asyncDispose]();
  Bun.spawnSync(["ip", "link", "del", parent]);
});

describe.each(Object.keys(kinds))("joining a network of the driver %s", (kind) => {
  const hasRules = kind === "bridge" || kind === "vxlan";
  test.each(steps.filter((step) => hasRules || step !== "network.rules"))(
    "killed at %s: the container is in each network wholly or not at all, and nothing is left after removal",
    async (name) => {
      await engines.with(async (engine, before) => {
        await engine.output("network", "create", "first");
        await engine.output("run", "-d", "--name", "victim", "--network", "first", ...sleeping);
        await engine.output("run", "-d", "--name", "friend", "--network", "first", ...sleeping);
        await engine.crash();
        await engine.start({ env: { TIFFIN_FAILPOINT: `${name}:kill` } });
        await untilKilled(engine, kind);
        await engine.ended();
        await engine.start();
        const networks = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";
        const told = (await engine.output("inspect", "-f", networks, "victim"))
          .trim()
          .split(" ")
          .filter(Boolean);
        const links = (await engine.output("exec", "victim", "ls", "/sys/class/net")).split("\n");
        expect(links.length).toBe(1 + told.length);
        const members = await engine.output(
          "network",
          "inspect",
          "-f",
          "{{range .Containers}}{{.Name}} {{end}}",
          "first",
        );
        expect(members.includes("victim")).toBe(told.includes("first"));
        // The way to everywhere else is that of a network that it is in.
        const routes = await engine.output("exec", "victim", "ip", "route");
        expect(routes.startsWith("default via ")).toBe(told.length > 0);
        if (told.length > 0) {
          const asked = await engine.cli(
            "exec",
            "victim",
            "timeout",
            "5",
            "nslookup",
            "victim",
            "127.0.0.11",
          );
          expect(asked.stdout).toMatch(/Name:\s+victim/);
        }
        if (told.includes("first")) await engine.output("exec", "victim", "ping", "-c1", "-W2", "friend");
        // All of it can be done now.
        await engine.cli("network", "create", ...(kinds[kind] ?? []), "second");
        if (!told.includes("second")) await engine.output("network", "connect", "second", "victim");
        await engine.output("network", "disconnect", "second", "victim");
        await engine.output("rm", "-f", "victim", "friend");
        await engine.output("network", "rm", "first", "second");
        expect(await engine.leftoversOfOthers(before)).toEqual([]);
      });
    },
  );
});

test("after a reboot, when the kernel has nothing left, networks are as they were, containers have their addresses, names and ports, and no address is there twice", async () => {
  await using engine = await startEngine();
  const links = () => readdirSync("/sys/class/net").filter((name) => name.startsWith(`tf${engine.tag}`));
  const address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
  const inspect = async (format: string, name: string) => await engine.output("inspect", "-f", format, name);
  await engine.output("network", "create", "--subnet", "198.18.77.0/28", "kept");
  const before = await engine.output("network", "inspect", "kept");
  const run = async (name: string, ...options: readonly string[]) =>
    await engine.output("run", "-d", "--name", name, "--network", "kept", ...options, ...sleeping);
  await run("fixed", "--ip", "198.18.77.9", "--restart", "always");
  const web = ["base", "httpd", "-f", "-p", "80", "-h", "/etc"];
  const publish = ["--restart", "always", "-p", "127.0.0.1::80"];
  await engine.output("run", "-d", "--name", "caller", "--network", "kept", ...publish, ...web);
  await run("ended");
  await engine.powerCut();
  expect(links()).toEqual([]);
  await engine.start();
  for (const name of ["fixed", "caller"]) {
    await until(`${name} runs again`, async () => (await inspect("{{.State.Running}}", name)) === "true");
  }
  const withoutContainers = (text: string): unknown => {
    const [network] = JSON.parse(text) as readonly [Readonly<Record<string, unknown>>];
    return { ...network, Containers: {} };
  };
  const after = await engine.output("network", "inspect", "kept");
  expect(withoutContainers(after)).toEqual(withoutContainers(before));
  expect(await inspect(address, "fixed")).toBe("198.18.77.9");
  const [, port = ""] = (await engine.output("port", "caller")).split(" -> ");
  const page = await succeeds(async () => await fetch(`http://${port}/hostname`));
  expect((await page.text()).trim()).toBe((await inspect("{{.Config.Hostname}}", "caller")).trim());
  await engine.output("exec", "caller", "ping", "-c1", "-W2", "fixed");
  await engine.output("start", "ended");
  const names = ["fixed", "caller", "ended"];
  const addresses = await Promise.all(names.map(async (name) => await inspect(address, name)));
  expect(new Set(addresses).size).toBe(names.length);
  await engine.output("exec", "ended", "ping", "-c1", "-W2", "caller");
  await engine.output("rm", "-f", ...names);
  await engine.output("network", "rm", "kept");
  await engine.stop();
});
