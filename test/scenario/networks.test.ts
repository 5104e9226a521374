/** Networks of users: made, joined, left and removed, by the command line and by Docker's own client. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { dockerClients } from "../support/docker-clients.ts";
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

async function refused(...args: readonly string[]): Promise<string> {
  const { exitCode, stderr } = await engine.cli(...args);
  expect(exitCode).not.toBe(0);
  return stderr;
}

/** Runs in the network namespace of a container, as a program there that knows more than busybox. */
async function inNetworkOf(container: string, program: string): Promise<string> {
  const pid = await output("inspect", "-f", "{{.State.Pid}}", container);
  const child = Bun.spawn(["nsenter", "-t", pid, "-n", process.execPath, "-e", program], {
    stderr: "inherit",
  });
  return (await new Response(child.stdout).text()).trim();
}

/** The container's address in a network. */
async function addressIn(container: string, network: string): Promise<string> {
  return await output(
    "inspect",
    "-f",
    `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`,
    container,
  );
}

const sleeping = ["base", "sleep", "1000"];

test("a container is in two networks, each with its address, alias and way; networks do not reach each other", async () => {
  await output("network", "create", "--subnet", "10.61.7.0/24", "--gateway", "10.61.7.9", "one");
  await output(
    "network",
    "create",
    "--label",
    "meal=lunch",
    "-o",
    "com.docker.network.driver.mtu=1400",
    "two",
  );
  await output(
    "run",
    "-d",
    "--name",
    "both",
    "--network",
    "name=one,alias=left,ip=10.61.7.33",
    "--network",
    "two",
    ...sleeping,
  );
  await output("run", "-d", "--name", "inner", "--network", "two", ...sleeping);
  await output("run", "-d", "--name", "outer", "--network", "one", ...sleeping);
  expect(await addressIn("both", "one")).toBe("10.61.7.33");
  expect(await output("exec", "both", "cat", "/sys/class/net/eth0/mtu", "/sys/class/net/eth1/mtu")).toBe(
    "1500\n1400",
  );
  expect(await output("exec", "both", "ip", "route", "show", "default")).toContain("via 10.61.7.9 dev eth0");
  const aliases = '{{index (index .NetworkSettings.Networks "one").Aliases 0}}';
  expect(await output("inspect", "-f", aliases, "both")).toBe("left");
  for (const from of ["inner", "outer"]) {
    const network = from === "inner" ? "two" : "one";
    await output("exec", from, "ping", "-c1", "-W2", await addressIn("both", network));
  }
  const inner = await addressIn("inner", "two");
  expect((await engine.cli("exec", "outer", "ping", "-c1", "-W1", inner)).exitCode).toBe(1);
  expect(await output("network", "ls", "--filter", "label=meal=lunch", "--format", "{{.Name}}")).toBe("two");
  expect(await output("ps", "--filter", "network=one", "--format", "{{.Names}}")).toBe("outer\nboth");
  const members = await output("network", "inspect", "-f", "{{range .Containers}}{{.Name}} {{end}}", "two");
  expect(members.trim().split(" ").sort()).toEqual(["both", "inner"]);
  expect(await refused("network", "rm", "two")).toContain(
    'error while removing network: network two has active endpoints (name:"both"',
  );
  await output("rm", "-f", "both", "inner", "outer");
  expect(await output("network", "rm", "one", "two")).toBe("one\ntwo");
});

test("a running container joins and leaves; what it is in outlives a restart and an engine that is killed", async () => {
  await output("network", "create", "early");
  await output("network", "create", "--subnet", "10.61.8.0/24", "late");
  const port = freePort();
  await output(
    "run",
    "-d",
    "--name",
    "web",
    "--network",
    "late",
    "-p",
    `127.0.0.1:${port}:80`,
    "base",
    "sh",
    "-c",
    "mkdir /w; echo up > /w/index.html; exec httpd -f -p 80 -h /w",
  );
  const page = async (): Promise<string> =>
    await succeeds(async () => await (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text());
  expect(await page()).toBe("up\n");
  await output("network", "connect", "--alias", "server", "early", "web");
  expect(await page()).toBe("up\n");
  expect(await refused("network", "connect", "early", "web")).toContain(
    "endpoint with name web already exists in network early",
  );
  const early = await addressIn("web", "early");
  await engine.crash();
  await engine.start();
  expect(await addressIn("web", "early")).toBe(early);
  expect(await output("run", "--rm", "--network", "early", "base", "wget", "-qO-", `http://${early}/`)).toBe(
    "up",
  );
  expect(await page()).toBe("up\n");
  await output("network", "disconnect", "late", "web");
  expect(await page()).toBe("up\n");
  expect(await refused("network", "disconnect", "late", "web")).toContain("is not connected to network late");
  await output("network", "connect", "--ip", "10.61.8.77", "late", "web");
  await output("stop", "-t", "0", "web");
  await output("start", "web");
  expect(await addressIn("web", "late")).toBe("10.61.8.77");
  expect(await output("exec", "web", "ls", "/sys/class/net")).toBe("eth0\neth1\nlo");
  await output("network", "disconnect", "early", "web");
  await output("rm", "-f", "web");
  // A container that does not run joins too, and leaves its last one.
  await output("create", "--name", "idle", "--network", "early", ...sleeping);
  await output("network", "connect", "late", "idle");
  await output("network", "disconnect", "early", "idle");
  await output("network", "disconnect", "late", "idle");
  await output("start", "idle");
  expect(await output("exec", "idle", "ls", "/sys/class/net")).toBe("lo");
  await output("rm", "-f", "idle");
  expect((await output("network", "prune", "-f")).split("\n").sort()).toEqual([
    "Deleted Networks:",
    "early",
    "late",
  ]);
});

test("a port in the mode socket is served by the engine, and again by the next one", async () => {
  const port = freePort();
  const serving = "mkdir /w; echo up > /w/index.html; exec httpd -f -p 80 -h /w";
  const annotation = ["--annotation", "tiffin.publish-mode=80/tcp=socket"];
  const published = ["-p", `127.0.0.1:${port}:80`];
  await output("run", "-d", "--name", "served", ...annotation, ...published, "base", "sh", "-c", serving);
  const page = async (): Promise<string> =>
    await succeeds(async () => await (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text());
  expect(await page()).toBe("up\n");
  await engine.crash();
  await engine.start();
  expect(await page()).toBe("up\n");
  expect(await output("port", "served")).toBe(`80/tcp -> 127.0.0.1:${port}`);
  await output("rm", "-f", "served");
  await expect(fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).rejects.toThrow();
  expect(await refused("create", "--annotation", "tiffin.publish-mode=fast", ...published, "base")).toContain(
    'found "fast", wanted nat, socket or PORT/PROTOCOL=MODE',
  );
});

test("an internal network has no way out, and one without traffic within no way across", async () => {
  await output("network", "create", "--internal", "closed");
  await output("network", "create", "-o", "com.docker.network.bridge.enable_icc=false", "apart");
  expect(await output("run", "--rm", "--network", "closed", "base", "ip", "route")).not.toContain("default");
  await output("run", "-d", "--name", "shy", "--network", "apart", ...sleeping);
  const shy = await addressIn("shy", "apart");
  const ping = await engine.cli("run", "--rm", "--network", "apart", "base", "ping", "-c1", "-W1", shy);
  expect(ping.exitCode).toBe(1);
  await output("rm", "-f", "shy");
  await output("network", "rm", "closed", "apart");
});

test("events tell of networks, and of containers that come and go", async () => {
  const since = String(Math.floor(Date.now() / 1000) - 1);
  await output("network", "create", "told");
  await output("run", "-d", "--name", "comes", "--network", "told", ...sleeping);
  await output("network", "connect", "bridge", "comes");
  await output("network", "disconnect", "bridge", "comes");
  await output("rm", "-f", "comes");
  await output("network", "rm", "told");
  const until = String(Math.floor(Date.now() / 1000) + 1);
  const format = "{{.Action}} {{.Actor.Attributes.name}}";
  const lines = await output(
    "events",
    "--since",
    since,
    "--until",
    until,
    "--filter",
    "type=network",
    "--format",
    format,
  );
  // Other tests' networks came before.
  expect(lines.slice(lines.indexOf("create told")).split("\n")).toEqual([
    "create told",
    "connect told",
    "connect bridge",
    "disconnect bridge",
    "disconnect told",
    "destroy told",
  ]);
});

test("names: of containers, aliases in turn, short ids, both ways, and only in networks that one is in", async () => {
  await output("network", "create", "named");
  await output("network", "create", "--internal", "hushed");
  await output(
    "run",
    "-d",
    "--name",
    "first",
    "--network",
    "named",
    "--network-alias",
    "service",
    ...sleeping,
  );
  await output(
    "run",
    "-d",
    "--name",
    "second",
    "--network",
    "named",
    "--network-alias",
    "service",
    ...sleeping,
  );
  await output("run", "-d", "--name", "quiet", "--network", "hushed", ...sleeping);
  const lookUp = async (from: string, name: string): Promise<string> => {
    const { stdout } = await engine.cli("exec", from, "nslookup", name);
    const answers = [...stdout.matchAll(/(?:^Address: |name = )(.*)$/gm)].map((match) => match[1] ?? "");
    return answers.sort().join(" ");
  };
  const [first, second] = [await addressIn("first", "named"), await addressIn("second", "named")];
  expect(await lookUp("second", "first")).toBe(first);
  expect(await lookUp("second", "FIRST.named")).toBe(first);
  expect(await lookUp("first", "service")).toBe([first, second].sort().join(" "));
  expect(await lookUp("first", (await output("inspect", "-f", "{{.Id}}", "second")).slice(0, 12))).toBe(
    second,
  );
  expect(await lookUp("first", second)).toBe("second.named");
  expect(await lookUp("first", "quiet")).toBe("");
  const missing = await engine.cli("exec", "quiet", "nslookup", "nobody");
  expect(missing.stdout + missing.stderr).toContain("NXDOMAIN");
  // Who joins while it runs is found and finds, and who leaves is not.
  await output("run", "-d", "--name", "guest", ...sleeping);
  await output("network", "connect", "named", "guest");
  expect(await lookUp("first", "guest")).toBe(await addressIn("guest", "named"));
  await output("rename", "guest", "friend");
  expect(await lookUp("first", "friend")).toBe(await addressIn("friend", "named"));
  expect(await lookUp("first", "guest")).toBe("");
  await output("network", "disconnect", "named", "friend");
  expect(await lookUp("first", "friend")).toBe("");
  // A container finds others from its first moment, and the next engine goes on answering.
  expect(
    await output("run", "--rm", "--network", "named", "base", "ping", "-c1", "-W2", "service"),
  ).toContain("1 packets received");
  await engine.crash();
  await engine.start();
  expect(await lookUp("second", "first")).toBe(first);
  await output("rm", "-f", "first", "second", "quiet", "friend");
  await output("network", "rm", "named", "hushed");
});

test("a name is answered by TCP too, and the rest is asked of the container's own servers", async () => {
  await output("network", "create", "asking");
  const seen: string[] = [];
  const upstream = await Bun.udpSocket({
    hostname: "127.0.0.77",
    port: 53,
    socket: {
      data(socket, data, port, address) {
        seen.push(data.subarray(12, 20).toString("latin1"));
        // The question, and one record of 192.0.2.7.
        const answer = Buffer.concat([data, Buffer.from("c00c00010001000000050004c0000207", "hex")]);
        answer[2] = 0x81;
        answer[3] = 0x80;
        answer[7] = 1;
        socket.send(answer, port, address);
      },
    },
  });
  try {
    await output("run", "-d", "--name", "asker", "--network", "asking", "--dns", "127.0.0.77", ...sleeping);
    const { stdout } = await engine.cli("exec", "asker", "nslookup", "-type=a", "far.example");
    expect(stdout).toContain("Address: 192.0.2.7");
    expect(seen[0]).toContain("far");
    const pid = await output("inspect", "-f", "{{.State.Pid}}", "asker");
    const program = `
      const query = Buffer.from("00151234010000010000000000000561736b65720000010001".replace("0015", "0017"), "hex");
      const answer = await new Promise((resolve, reject) => Bun.connect({ hostname: "127.0.0.11", port: 53, socket: {
        open: (socket) => void socket.write(query), data: (socket, data) => { socket.end(); resolve(data); }, error: (_s, e) => reject(e) } }));
      console.log([...answer.subarray(-4)].join("."));`;
    const child = Bun.spawnSync(["nsenter", "-t", pid, "-n", process.execPath, "-e", program]);
    expect(child.stdout.toString().trim()).toBe(await addressIn("asker", "asking"));
  } finally {
    upstream.close();
    await output("rm", "-f", "asker");
    await output("network", "rm", "asking");
  }
});

test("a container has few connections to the name server at a time, and none for long", async () => {
  await output("network", "create", "holding");
  await output("run", "-d", "--name", "holder", "--network", "holding", ...sleeping);
  try {
    const program = `
      let held = 100;
      const endedAt = [];
      const all = Array.from({ length: 100 }, () => new Promise((resolve) => {
        const end = () => { held -= 1; endedAt.push(performance.now()); resolve(); };
        Bun.connect({ hostname: "127.0.0.11", port: 53, socket: { data() {}, close: end, connectError: end } }).catch(() => {});
      }));
      await Promise.all(all);
      console.log(endedAt.filter((at) => at - endedAt[0] < 5000).length, held);`;
    expect(await inNetworkOf("holder", program)).toBe("68 0");
  } finally {
    await output("rm", "-f", "holder");
    await output("network", "rm", "holding");
  }
}, 60_000);

test("who asks and is gone before the answer takes no answer from the others, and no words from the engine", async () => {
  await output("network", "create", "asking");
  await output("run", "-d", "--name", "gone", "--network", "asking", ...sleeping);
  try {
    const program = `
      const query = Buffer.from("12340100000100000000000004676f6e650000010001", "hex");
      let answers = 0;
      const socket = { data: () => { answers += 1; }, error() {} };
      for (let turn = 0; turn < 50; turn += 1) {
        const gone = await Bun.udpSocket({ socket });
        gone.send(query, 53, "127.0.0.11");
        gone.close();
        const before = answers;
        const stays = await Bun.udpSocket({ socket });
        stays.send(query, 53, "127.0.0.11");
        for (const end = Date.now() + 10000; answers === before && Date.now() < end; ) await new Promise(setImmediate);
        stays.close();
      }
      console.log(answers);`;
    expect(await inNetworkOf("gone", program)).toBe("50");
    expect(engine.log).not.toContain("ECONNREFUSED");
  } finally {
    await output("rm", "-f", "gone");
    await output("network", "rm", "asking");
  }
}, 150_000);

test("what cannot be is refused in one sentence, and nothing is left of it", async () => {
  const before = engine.snapshot();
  await output("network", "create", "--subnet", "10.61.9.0/29", "small");
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["network", "create", "small"], "network with name small already exists"],
    [
      ["network", "create", "--subnet", "10.61.9.4/30", "other"],
      "Pool overlaps with other one on this address space",
    ],
    [["network", "create", "--subnet", "10.61.10.0/33", "other"], "is not an IPv4 network"],
    [
      ["network", "create", "--subnet", "10.61.10.0/24", "--gateway", "10.61.11.1", "other"],
      "no matching subnet for gateway 10.61.11.1",
    ],
    [
      ["network", "create", "--gateway", "10.61.11.1", "other"],
      "every ip-range or gateway must have a corresponding subnet",
    ],
    [["network", "create", "-o", "com.docker.network.driver.mtu=9", "other"], "invalid MTU 9"],
    [
      ["network", "create", "-o", "com.docker.network.bridge.name=lo", "other"],
      "there is a link lo on this host already",
    ],
    [["network", "create", "-d", "nosuch", "other"], 'plugin "nosuch" not found'],
    [["network", "create", "a\u0007b"], "invalid network name"],
    [["network", "rm", "nosuch"], "network nosuch not found"],
    [["network", "rm", "host"], "host is a pre-defined network and cannot be removed"],
    [["network", "ls", "--filter", "foo=bar"], "invalid filter 'foo'"],
    [
      ["run", "--rm", "--network", "small", "--ip", "10.61.9.1", "base", "true"],
      "address 10.61.9.1 is already in use",
    ],
    [
      ["run", "--rm", "--network", "small", "--ip", "10.1.1.1", "base", "true"],
      "address 10.1.1.1 is not in 10.61.9.0/29",
    ],
    [["run", "--rm", "--network", "nosuch", "base", "true"], "network nosuch not found"],
    [
      ["run", "--rm", "--network", "bridge", "--network-alias", "x", "base", "true"],
      "only supported for user-defined networks",
    ],
  ];
  for (const [words, message] of cases) expect(await refused(...words)).toContain(message);
  await output("network", "rm", "small");
  expect(await engine.leftovers(before)).toEqual([]);
});

for (const { path: client, version } of dockerClients) {
  test(`docker ${version} drives networks`, async () => {
    const docker = async (...words: readonly string[]): Promise<string> => {
      const child = Bun.spawn([client, ...words], {
        env: { ...process.env, DOCKER_HOST: engine.host },
        stdout: "pipe",
        stderr: "pipe",
      });
      const [out, err] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      expect([words, await child.exited, err]).toEqual([words, 0, ""]);
      return out.trim();
    };
    const id = await docker(
      "network",
      "create",
      "--subnet",
      "10.61.11.0/24",
      "--ip-range",
      "10.61.11.64/26",
      "--aux-address",
      "printer=10.61.11.65",
      "--label",
      "a=b",
      "meal",
    );
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await docker("network", "ls", "-q", "--no-trunc", "--filter", "name=meal")).toBe(id);
    await docker(
      "run",
      "-d",
      "--name",
      "eater",
      "--network",
      "meal",
      "--network-alias",
      "hungry",
      ...sleeping,
    );
    expect(await addressIn("eater", "meal")).toBe("10.61.11.64");
    await docker("network", "connect", "bridge", "eater");
    expect(await docker("exec", "eater", "ls", "/sys/class/net")).toBe("eth0\neth1\nlo");
    await docker("network", "disconnect", "bridge", "eater");
    const pool = "{{json (index .IPAM.Config 0)}} {{len .Containers}} {{.Labels.a}}";
    expect(await docker("network", "inspect", "-f", pool, "meal")).toBe(
      '{"Subnet":"10.61.11.0/24","IPRange":"10.61.11.64/26","Gateway":"10.61.11.1","AuxiliaryAddresses":{"printer":"10.61.11.65"}} 1 b',
    );
    await docker("rm", "-f", "eater");
    await docker("network", "rm", "meal");
  });
}
