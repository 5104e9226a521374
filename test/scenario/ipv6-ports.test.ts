/** Published ports at the host's IPv6 addresses, ::1 among them, of containers with and without IPv6. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { inOwnNetns } from "../support/in-own-netns.ts";
import { succeeds, until } from "../support/until.ts";

inOwnNetns(import.meta.path, () => {
  let engine: TestEngine;
  const output = async (...words: readonly string[]): Promise<string> => await engine.output(...words);

  beforeAll(async () => {
    for (const words of [
      ["link", "set", "lo", "up"],
      ["address", "add", "2001:db8::1/128", "dev", "lo"],
    ])
      Bun.spawnSync(["ip", ...words]);
    engine = await startEngine();
    await output("network", "create", "--ipv6", "--subnet", "fd00:99::/64", "six");
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  async function serve(name: string, ...options: readonly string[]): Promise<void> {
    const script = `mkdir /www; echo ${name} > /www/index.html; exec httpd -f -p 80 -h /www`;
    await output("run", "-d", "--name", name, ...options, "base", "sh", "-c", script);
  }

  /** The host port of the container's 80 at that host address. */
  async function portOf(name: string, address: string): Promise<string> {
    const lines = (await output("port", name, "80")).split("\n");
    return lines.find((line) => line.startsWith(`${address}:`))?.slice(address.length + 1) ?? "";
  }

  const page = async (where: string): Promise<string> =>
    await succeeds(async () => await (await fetch(`http://${where}/`, { keepalive: false })).text());

  test.each(["bridge", "six"])(
    "-p [::1]::80 answers there and nowhere else, in the network %s",
    async (network) => {
      await serve(`one-${network}`, "--network", network, "-p", "[::1]::80");
      const port = await portOf(`one-${network}`, "[::1]");
      expect(await page(`[::1]:${port}`)).toBe(`one-${network}\n`);
      for (const other of ["127.0.0.1", "[2001:db8::1]"]) {
        expect(fetch(`http://${other}:${port}/`)).rejects.toThrow();
      }
      const taken = await engine.cli("run", "--rm", "-p", `[::1]:${port}:80`, "base", "true");
      expect(taken.stderr).toContain(`Bind for [::1]:${port} failed: port is already allocated`);
      await engine.crash();
      await engine.start();
      expect(await page(`[::1]:${port}`)).toBe(`one-${network}\n`);
    },
  );

  test("a container without IPv6 is reached at [::], and one with it at every address of both families", async () => {
    await serve("four", "-p", "[::]::80");
    const four = await portOf("four", "[::]");
    for (const address of ["[::1]", "[2001:db8::1]"]) expect(await page(`${address}:${four}`)).toBe("four\n");
    await serve("both", "--network", "six", "-p", "80");
    const both = await portOf("both", "0.0.0.0");
    expect(await portOf("both", "[::]")).toBe(both);
    for (const address of ["[::1]", "[2001:db8::1]", "127.0.0.1"]) {
      expect(await page(`${address}:${both}`)).toBe("both\n");
    }
  });

  test("beside an ip6tables whose FORWARD drops, a container of one network reaches a published port of another one", async () => {
    const ip6tables = (...words: string[]): string =>
      Bun.spawnSync(["ip6tables", ...words]).stdout.toString();
    ip6tables("-P", "FORWARD", "DROP");
    await output("network", "create", "--ipv6", "--subnet", "fd00:98::/64", "seven");
    await serve("far", "--network", "seven", "-p", "80");
    await output("run", "-d", "--name", "near", "--network", "six", "base", "sleep", "1000");
    await until("our rules to be there", () => ip6tables("-S", "FORWARD").includes(" -j ACCEPT"));
    const ask = ["timeout", "2", "wget", "-qO-", `http://[2001:db8::1]:${await portOf("far", "[::]")}/`];
    const page = async (): Promise<string> => (await engine.cli("exec", "near", ...ask)).stdout;
    await until("the page", async () => (await page()) === "far\n");
    ip6tables("-F", "FORWARD");
    await until("the page again", async () => (await page()) === "far\n");
  });

  test.each(["bridge", "six"])("by UDP, too, in the network %s", async (network) => {
    const name = `echo-${network}`;
    const ports = ["-p", "[::1]::7000/udp"];
    await output("run", "-d", "--name", name, "--network", network, ...ports, "base", "sleep", "1000");
    const pid = await output("inspect", "-f", "{{.State.Pid}}", name);
    const echo =
      'await Bun.udpSocket({ hostname: "::", port: 7000, socket: { data: (socket, data, port, address) => void socket.send(data, port, address) } });';
    const server = Bun.spawn(["nsenter", "-t", pid, "-n", process.execPath, "-e", echo]);
    const port = Number((await output("port", name, "7000/udp")).split(":").at(-1));
    let heard = "";
    const client = await Bun.udpSocket({
      hostname: "::",
      connect: { hostname: "::1", port },
      socket: {
        data: (_socket, data) => {
          heard = data.toString();
        },
      },
    });
    try {
      await until("the echo", () => {
        client.send("lunch");
        return heard === "lunch";
      });
    } finally {
      client.close();
      server.kill();
      await server.exited;
    }
  });
});
