/** The default network with real traffic: containers among themselves, the host, published ports. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { freePort } from "../support/free-port.ts";
import { succeeds } from "../support/until.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const output = async (...args: readonly string[]): Promise<string> => await engine.output(...args);

const serve = "mkdir -p /www && echo page of $(hostname) > /www/index.html && exec httpd -f -p 80 -h /www";

/** Starts an HTTP server container and returns its address once it answers. */
async function server(name: string, ...options: string[]): Promise<string> {
  await output("run", "-d", "--name", name, "-h", name, ...options, "base", "sh", "-c", serve);
  const address = await output("inspect", "--format", "{{.NetworkSettings.IPAddress}}", name);
  expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  await fetchText(`http://${address}/`);
  return address;
}

async function fetchText(url: string): Promise<string> {
  return await succeeds(
    async () => await (await fetch(url, { signal: AbortSignal.timeout(2000), keepalive: false })).text(),
  );
}

test("a server is fetched from another container and from the host", async () => {
  const address = await server("web");
  expect(await output("run", "--rm", "base", "wget", "-qO-", `http://${address}/`)).toBe("page of web");
  expect(await fetchText(`http://${address}/`)).toBe("page of web\n");
});

test("-p: from 127.0.0.1, from the host's own address, from another container through the host", async () => {
  const port = freePort();
  await server("published", "-p", `${port}:80`);
  expect(await fetchText(`http://127.0.0.1:${port}/`)).toBe("page of published\n");
  const own =
    Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === "IPv4" && !one.internal)?.address ?? "";
  expect(await fetchText(`http://${own}:${port}/`)).toBe("page of published\n");
  expect(await output("run", "--rm", "base", "wget", "-qO-", `http://${own}:${port}/`)).toBe(
    "page of published",
  );
  // To itself through the host: the hairpin.
  expect(await output("exec", "published", "wget", "-qO-", `http://${own}:${port}/`)).toBe(
    "page of published",
  );
  expect(await output("ps", "--filter", "name=published", "--format", "{{.Ports}}")).toContain(
    `0.0.0.0:${port}->80/tcp`,
  );
  await output("rm", "-f", "published");
  await expect(fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1000) })).rejects.toThrow();
});

test("-p 127.0.0.1:: picks a free port that only the loopback answers", async () => {
  await server("local", "-p", "127.0.0.1::80");
  const port = await output(
    "inspect",
    "--format",
    '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}',
    "local",
  );
  expect(Number(port)).toBeGreaterThan(1023);
  expect(await fetchText(`http://127.0.0.1:${port}/`)).toBe("page of local\n");
  const own =
    Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === "IPv4" && !one.internal)?.address ?? "";
  await expect(fetch(`http://${own}:${port}/`, { signal: AbortSignal.timeout(1000) })).rejects.toThrow();
});

test("UDP: a published port answers", async () => {
  const outside = freePort();
  await output("run", "-d", "--name", "echo", "-p", `127.0.0.1:${outside}:5353/udp`, "base", "sleep", "1000");
  const pid = await output("inspect", "--format", "{{.State.Pid}}", "echo");
  // The image has no UDP server, so one of ours serves from inside the container's network namespace.
  const program =
    'const s = await Bun.udpSocket({ hostname: "0.0.0.0", port: 5353, socket: { data: (socket, data, port, address) => void socket.send("pong " + data, port, address) } });';
  const server = Bun.spawn(["nsenter", "-t", pid, "-n", process.execPath, "-e", program], {
    stdout: "inherit",
    stderr: "inherit",
  });
  const answer = Promise.withResolvers<string>();
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    connect: { hostname: "127.0.0.1", port: outside },
    // Refused until the server is there.
    socket: { data: (_socket, data) => answer.resolve(data.toString()), error: () => {} },
  });
  const repeat = setInterval(() => socket.send("ping"), 100);
  try {
    expect(await answer.promise).toBe("pong ping");
  } finally {
    clearInterval(repeat);
    socket.close();
    server.kill();
    await server.exited;
  }
});

test("a container reaches neither services on the host's loopback nor 127.0.0.1 of another", async () => {
  const host = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("host secret") });
  try {
    const gateway = await output("run", "--rm", "base", "sh", "-c", "ip route | awk '/default/ {print $3}'");
    const viaGateway = await engine.cli(
      "run",
      "--rm",
      "base",
      "wget",
      "-qO-",
      "-T",
      "1",
      `http://${gateway}:${host.port}/`,
    );
    expect(viaGateway.exitCode).not.toBe(0);
    const routed = await engine.cli(
      "run",
      "--rm",
      "--cap-add",
      "NET_ADMIN",
      "base",
      "sh",
      "-c",
      `ip route del local 127.0.0.0/8 table local 2>/dev/null; ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via ${gateway}; wget -qO- -T 1 http://127.0.0.1:${host.port}/`,
    );
    expect(routed.stdout).not.toContain("host secret");
  } finally {
    await host.stop(true);
  }
});

test("names: /etc/hosts has the container's own, resolv.conf is usable", async () => {
  const seen = await output(
    "run",
    "--rm",
    "-h",
    "moon",
    "base",
    "sh",
    "-c",
    "hostname; grep moon /etc/hosts | wc -l; grep -c nameserver /etc/resolv.conf",
  );
  expect(seen).toMatch(/^moon\n1\n[1-9]$/);
});

test("a taken port is an error, 125, and takes nothing", async () => {
  const blocker = Bun.serve({ hostname: "0.0.0.0", port: 0, fetch: () => new Response("") });
  try {
    const before = engine.snapshot();
    const result = await engine.cli("run", "-d", "--rm", "-p", `${blocker.port}:80`, "base", "sleep", "1000");
    expect(result.exitCode).toBe(125);
    expect(result.stderr).toContain("port is already allocated");
    expect(await engine.leftovers(before)).toEqual([]);
  } finally {
    await blocker.stop(true);
  }
});

test.each([
  // Whoever sends something has a namespace that serves nobody after it.
  ["that send something", "ping -c 1 $(hostname -i) >/dev/null; hostname -i", 10, 50],
  ["that send nothing", "hostname -i", 0, 49],
] as const)(
  "fifty starts %s take addresses and give them back",
  async (_what, script, moreThan, lessThan) => {
    for (let index = 0; index < 10; index += 1) await output("run", "--rm", "base", "true");
    const before = engine.snapshot();
    const addresses = new Set<string>();
    for (let index = 0; index < 50; index += 1) {
      addresses.add(await output("run", "--rm", "base", "sh", "-c", script));
    }
    expect(addresses.size).toBeGreaterThan(moreThan);
    expect(addresses.size).toBeLessThanOrEqual(lessThan);
    expect(
      (await engine.leftovers(before)).filter(
        (line) => !line.startsWith("networkNamespaces") && !line.startsWith("links"),
      ),
    ).toEqual([]);
  },
);
