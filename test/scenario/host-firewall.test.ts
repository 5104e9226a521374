/** Containers on a host whose firewall lets nobody in: names are answered all the same, and nothing else is reached. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { freePort } from "../support/free-port.ts";
import { inOwnNetns } from "../support/in-own-netns.ts";
import { until } from "../support/until.ts";

inOwnNetns(import.meta.path, () => {
  let engine: TestEngine;
  const output = async (...words: readonly string[]): Promise<string> => await engine.output(...words);

  function host(...command: string[]): string {
    const { stdout, stderr, exitCode } = Bun.spawnSync(command);
    if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
    return stdout.toString();
  }

  const rules = (): string => host("iptables", "-S", "INPUT");

  beforeAll(async () => {
    host("ip", "link", "set", "lo", "up");
    // As ufw begins.
    host("iptables", "-P", "INPUT", "DROP");
    host("iptables", "-A", "INPUT", "-i", "lo", "-j", "ACCEPT");
    host("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP");
    engine = await startEngine();
    await output("network", "create", "closed");
    await output("run", "-d", "--name", "soup", "--network", "closed", "base", "sleep", "1000");
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  async function inside(script: string): Promise<string> {
    return await output("run", "--rm", "--network", "closed", "base", "sh", "-c", script);
  }

  test("a name is answered at 127.0.0.11 and at the gateway, though INPUT drops", async () => {
    expect(rules()).toContain("-d 127.116.102.110/32 -i tf");
    const address = await output(
      "inspect",
      "-f",
      "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
      "soup",
    );
    expect(await inside("nslookup soup 127.0.0.11")).toContain(address);
    expect(await inside("nslookup soup $(ip route | grep default | cut -d' ' -f3)")).toContain(address);
  });

  test("a service of the host stays closed, at the gateway and at the address of the name servers", async () => {
    const server = Bun.serve({ hostname: "0.0.0.0", port: 0, fetch: () => new Response("host secret") });
    try {
      const gateway = "$(ip route | grep default | cut -d' ' -f3)";
      for (const address of [gateway, "127.116.102.110"]) {
        const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 1 ${address} ${server.port} 2>&1`;
        expect(await inside(`${ask} | grep -c secret || true`)).toBe("0");
      }
    } finally {
      await server.stop(true);
    }
  });

  test("a published port that is reached past the firewall is named when the container is made, and no other one", async () => {
    const past =
      /^WARNING: Port 0\.0\.0\.0:\d+\/tcp is reached past chain INPUT of table filter, which filters/gm;
    const warned = async (...words: readonly string[]): Promise<number> => {
      const { exitCode, stderr } = await engine.cli("run", "--rm", ...words);
      expect([words, exitCode]).toEqual([words, 0]);
      return (stderr.match(past) ?? []).length;
    };
    expect(await warned("-p", `${freePort()}:80`, "base", "true")).toBe(1);
    expect(await warned("-d", "-p", `${freePort()}:80`, "base", "true")).toBe(1);
    expect(await warned("-p", "80", "base", "true")).toBe(1);
    expect(await warned("-d", "-p", `127.0.0.1:${freePort()}:80`, "base", "true")).toBe(0);
    const bySocket = ["--annotation", "tiffin.publish-mode=socket"];
    expect(await warned("-d", ...bySocket, "-p", `${freePort()}:80`, "base", "true")).toBe(0);
    const created = await engine.http("POST", "/v1.41/containers/create?name=told", {
      Image: "base",
      HostConfig: { PortBindings: { "80/tcp": [{ HostPort: String(freePort()) }] } },
    });
    expect(created.text).toContain("is reached past chain INPUT");
    await output("rm", "told");
  });

  test("the rules come back after a flush, and go with the networks", async () => {
    const before = rules()
      .split("\n")
      .filter((line) => line.includes("127.116.102.110"));
    expect(before).toHaveLength(2);
    host("iptables", "-F", "INPUT");
    await output("network", "create", "second");
    await until("the rules are there again", () => before.every((line) => rules().includes(line)));
    await output("rm", "-f", "soup");
    await output("network", "rm", "closed", "second");
    expect(rules().match(/127\.116\.102\.110/g)).toHaveLength(1);
  });
});
