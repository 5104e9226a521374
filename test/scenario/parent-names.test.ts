/** Containers of networks on a parent, where the host has no address, find each other by name all the same. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { inOwnNetns } from "../support/in-own-netns.ts";

inOwnNetns(import.meta.path, () => {
  let engine: TestEngine;
  const output = async (...words: readonly string[]): Promise<string> => await engine.output(...words);

  function host(...command: string[]): void {
    const { stderr, exitCode } = Bun.spawnSync(command);
    if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  }

  /** Where names are asked for. */
  const dns = 53;
  const sleeping = ["base", "sleep", "1000"] as const;

  /** The small machine is for kinds of links that others lack, and slow. */
  const inVm = process.env["TIFFIN_VM"] === "1";
  const driver = inVm ? "ipvlan" : "macvlan";

  beforeAll(async () => {
    host("ip", "link", "set", "lo", "up");
    host("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1");
    for (const link of ["lan0", "lan1"]) host("ip", "link", "set", link, "up");
    engine = await startEngine();
    const onParent = ["network", "create", "-d", driver, "-o", "parent=lan0"];
    await output(...onParent, "--subnet", "192.0.2.0/24", "lan");
    await output(
      "run",
      "-d",
      "--name",
      "soup",
      "--network",
      "lan",
      "--network-alias",
      "starter",
      ...sleeping,
    );
    await output("run", "-d", "--name", "cook", "--network", "lan", ...sleeping);
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    host("ip", "link", "del", "lan0");
  });

  const lookUp = async (from: string, name: string): Promise<string> =>
    (await engine.cli("exec", from, "nslookup", name)).stdout;

  const addressOf = async (name: string): Promise<string> =>
    await output("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name);

  test("by name, alias, short id, with the network's name, and backwards", async () => {
    const address = await addressOf("soup");
    const id = (await output("inspect", "-f", "{{.Id}}", "soup")).slice(0, 12);
    for (const name of ["soup", "starter", id, "soup.lan", "SOUP"]) {
      expect([name, await lookUp("cook", name)]).toEqual([
        name,
        expect.stringContaining(`Address: ${address}`),
      ]);
    }
    expect(await lookUp("cook", address)).toContain("soup.lan");
    await output("exec", "cook", "ping", "-c1", "-W5", "starter");
  });

  if (inVm) {
    test("in a network of the driver vlan", async () => {
      const vlan = ["network", "create", "-d", "vlan", "-o", "parent=lan1", "-o", "id=10"];
      await output(...vlan, "--subnet", "203.0.113.0/24", "tagged");
      for (const name of ["here", "there"])
        await output("run", "-d", "--name", name, "--network", "tagged", ...sleeping);
      expect(await lookUp("here", "there")).toContain(await addressOf("there"));
      await output("exec", "here", "ping", "-c1", "-W5", "there");
      await output("rm", "-f", "here", "there");
      await output("network", "rm", "tagged");
    });
    return;
  }

  test("by TCP, too, and port 53 of the container stays its own", async () => {
    const pid = await output("inspect", "-f", "{{.State.Pid}}", "cook");
    const question = `
      const name = Buffer.from("\\x04soup\\0\\0\\x01\\0\\x01", "binary");
      const message = Buffer.concat([Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), name]);
      const own = Bun.listen({ hostname: "0.0.0.0", port: ${dns}, socket: { data() {} } });
      await Bun.connect({ hostname: "127.0.0.11", port: ${dns}, socket: {
        open(socket) { socket.write(Buffer.concat([Buffer.from([0, message.length]), message])); },
        data(_socket, data) { console.log([...data.subarray(-4)].join(".")); process.exit(0); },
      } });`;
    const asked = Bun.spawnSync(["nsenter", "-t", pid, "-n", process.execPath, "-e", question]);
    expect(asked.stdout.toString().trim()).toBe(await addressOf("soup"));
  });

  test("the next engine answers, after a crash and after a stop", async () => {
    for (const end of [() => engine.crash(), () => engine.stop()]) {
      await end();
      await engine.start();
      expect(await lookUp("cook", "soup")).toContain(await addressOf("soup"));
    }
  });

  test("one that joins and leaves while it runs finds the others for as long", async () => {
    await output("run", "-d", "--name", "guest", ...sleeping);
    const servers = async (): Promise<string> => await output("exec", "guest", "cat", "/etc/resolv.conf");
    const before = await servers();
    await output("network", "connect", "lan", "guest");
    expect(await servers()).toContain("nameserver 127.0.0.11");
    expect(await lookUp("guest", "soup")).toContain(await addressOf("soup"));
    expect(await lookUp("soup", "guest")).toContain("Address: 192.0.2.");
    // With a network that has a server on the host, that one answers for both, and then this one again.
    await output("network", "create", "kitchen");
    await output("network", "connect", "kitchen", "guest");
    expect(await lookUp("guest", "soup")).toContain(await addressOf("soup"));
    await output("network", "disconnect", "kitchen", "guest");
    expect(await lookUp("guest", "soup")).toContain(await addressOf("soup"));
    await output("network", "disconnect", "lan", "guest");
    expect(await servers()).toBe(before);
    await output("rm", "-f", "guest");
    await output("network", "rm", "kitchen");
  });

  test("what a network without a way out does not know is not there", async () => {
    const macvlan = ["network", "create", "-d", "macvlan", "-o", "parent=lan1", "--internal"];
    await output(...macvlan, "--subnet", "198.51.100.0/24", "vault");
    await output("run", "-d", "--name", "coin", "--network", "vault", ...sleeping);
    expect(await lookUp("coin", "nobody")).toContain("NXDOMAIN");
    expect(await lookUp("coin", "coin")).toContain("Address: 198.51.100.");
    await output("rm", "-f", "coin");
    await output("network", "rm", "vault");
  });

  test("no socket of the engine keeps the namespace of a container that has ended", async () => {
    const mac = ["--mac-address", "02:00:00:00:00:77"];
    await output("run", "-d", "--name", "short", "--network", "lan", ...mac, ...sleeping);
    for (let turn = 0; turn < 3; turn += 1) {
      await output("restart", "-t", "0", "short");
      expect(await lookUp("short", "soup")).toContain(await addressOf("soup"));
    }
    await output("rm", "-f", "short");
    // No MAC is there twice on a parent.
    await output("run", "--rm", "--network", "lan", ...mac, "base", "true");
  });
});
