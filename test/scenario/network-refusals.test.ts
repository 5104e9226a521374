/** What networks are asked for and cannot be: each is said clearly, nothing is made, and the engine goes on. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { inOwnNetns } from "../support/in-own-netns.ts";
import { numbersFrom } from "../support/random-numbers.ts";

inOwnNetns(import.meta.path, () => {
  let engine: TestEngine;
  const output = async (...words: readonly string[]): Promise<string> => await engine.output(...words);

  const sleeping = ["base", "sleep", "1000"] as const;

  beforeAll(async () => {
    for (const words of ["link set lo up", "link add lan0 type veth peer name lan1"])
      Bun.spawnSync(["ip", ...words.split(" ")]);
    engine = await startEngine();
    await output("network", "create", "--subnet", "10.9.0.0/24", "lunch");
    await output("run", "-d", "--name", "one", "--network", "lunch", "--ip", "10.9.0.9", ...sleeping);
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  const mtu = "com.docker.network.driver.mtu";
  const create = (...words: readonly string[]): readonly string[] => ["network", "create", ...words];
  const run = (...words: readonly string[]): readonly string[] => ["run", "--rm", ...words, "base", "true"];

  const refusals: readonly (readonly [words: readonly string[], message: string])[] = [
    [create("--subnet", "10.9.0.128/25", "x"), "Pool overlaps with other one on this address space"],
    [create("--subnet", "10.9.1.5/24", "x"), "is not an IPv4 network from /8 to /30"],
    [create("--subnet", "10.10.0.0/24", "--gateway", "10.11.0.1", "x"), "no matching subnet for gateway"],
    [create("--subnet", "10.10.0.0/24", "--ip-range", "10.11.0.0/25", "x"), "no matching subnet for range"],
    [
      create("--subnet", "10.10.0.0/24", "--aux-address", "a=10.11.0.3", "x"),
      "no matching subnet for aux-address",
    ],
    [
      create("--subnet", "10.10.0.0/24", "--aux-address", "a=10.10.0.1", "x"),
      "Address already in use by the gateway",
    ],
    [
      create("--ipv6", "--subnet", "fd00:8::/64", "--aux-address", "a=fd00:8::1", "x"),
      "Address already in use by the gateway",
    ],
    [create("--subnet", "224.0.1.0/24", "x"), "224.0.0.0/4 is for multicast"],
    [create("--subnet", "0.0.0.0/8", "x"), "0.0.0.0/8 means"],
    [create("--ipv6", "--subnet", "fe80::/64", "x"), "fe80::/10 is what every link has for itself"],
    [create("--ipv6", "--subnet", "ff02::/64", "x"), "ff00::/8 is for multicast"],
    [create("--ipv6", "--subnet", "::ffff:10.0.0.0/112", "x"), "::ffff:0:0/96 stands for IPv4"],
    [create("-o", "com.docker.network.container_iface_prefix=lan", "x"), "is not supported"],
    [create("-d", "macvlan", "-o", "parent=lo", "x"), "lo is no valid macvlan parent"],
    [create("-d", "ipvlan", "-o", "parent=lo", "x"), "lo is no valid ipvlan parent"],
    [create("-d", "macvlan", "-o", "parent=lo.5", "x"), "lo is no valid macvlan parent"],
    [create("-d", "vlan", "-o", "parent=lo", "-o", "id=5", "x"), "parent"],
    [create("lunch"), "network with name lunch already exists"],
    [create("-d", "nosuch", "x"), 'plugin "nosuch" not found'],
    [create("-o", "com.docker.network.bridge.enable_ic=false", "x"), "unknown option"],
    [create("-d", "macvlan", "-o", "parnet=lan0", "x"), 'unknown option "parnet" for the driver macvlan'],
    [
      create("-d", "macvlan", "-o", "parent=nolink", "x"),
      "the requested parent interface nolink was not found",
    ],
    [create("-o", `${mtu}=67`, "x"), "invalid MTU 67: wanted 68 to 65535 bytes"],
    [create("-o", `${mtu}=70000`, "x"), "invalid MTU 70000"],
    [create("-o", `${mtu}=-1`, "x"), 'invalid value "-1"'],
    [create("--ipv6", "-o", `${mtu}=1000`, "x"), "IPv6 needs at least 1280 bytes"],
    [create("-d", "macvlan", "-o", "parent=lan0", "-o", `${mtu}=9000`, "x"), "its parent lan0 has 1500"],
    [create("-d", "vxlan", "-o", "id=3", "-o", `${mtu}=70000`, "x"), "invalid MTU 70000"],
    [create("bell\u0007"), 'invalid network name "bell\\u0007"'],
    [create("-o", "com.docker.network.bridge.name=br\u001b[31m", "x"), "\\u001b"],
    [create("-o", "com.docker.network.bridge.name=averyveryverylongname", "x"), "averyveryverylongname"],
    [create("-o", "com.docker.network.bridge.name=lan0", "x"), "there is a link lan0 on this host already"],
    [run("--network", "lunch", "--ip", "10.9.0.9"), "address 10.9.0.9 is already in use"],
    [run("--network", "lunch", "--ip", "10.8.0.9"), "address 10.8.0.9 is not in 10.9.0.0/24"],
    [run("--network", "lunch", "--ip", "10.9.0.255"), "address 10.9.0.255 is already in use"],
    [run("--network", "lunch", "--ip6", "fd00::1"), "network lunch has no IPv6"],
    [run("--network", "lunch", "--network-alias", "a\tb"), 'invalid network alias "a\\tb"'],
    [run("--network", "lunch", "--mac-address", "01:00:5e:00:00:01"), "is not a valid mac address of a link"],
    [run("--network", "lunch", "--mac-address", "00:00:00:00:00:00"), "is not a valid mac address of a link"],
    [run("--network", "nosuch"), "network nosuch not found"],
    [["network", "rm", "lunch"], "network lunch has active endpoints"],
    [["network", "connect", "lunch", "one"], "endpoint with name one already exists in network lunch"],
    [["network", "connect", "--alias", "uno", "bridge", "one"], "only supported for user-defined networks"],
    [
      ["network", "connect", "--driver-opt", "a=b", "bridge", "one"],
      "driver-opt of a network is not supported",
    ],
    [
      ["network", "connect", "--link-local-ip", "169.254.7.7", "bridge", "one"],
      "link-local-ip is not supported",
    ],
    [["network", "connect", "--alias", "\u0001", "lunch", "one"], 'invalid network alias "\\u0001"'],
  ];

  test.each(refusals)("%p is refused", async (words, message) => {
    const { exitCode, stdout, stderr } = await engine.cli(...words);
    expect([exitCode === 0, stdout]).toEqual([false, ""]);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/op failed|EINVAL|undefined/);
  });

  test("an alias that is another container's name means both, in turn", async () => {
    await output("run", "-d", "--name", "two", "--network", "lunch", "--network-alias", "one", ...sleeping);
    expect((await output("exec", "two", "nslookup", "one")).match(/Address: 10\.9\.0\.\d+/g)).toHaveLength(2);
    await output("rm", "-f", "two");
  });

  test("whatever comes to a name server by UDP or TCP, it goes on to answer", async () => {
    const pid = await output("inspect", "-f", "{{.State.Pid}}", "one");
    const random = numbersFrom(53);
    const messages = Array.from({ length: 300 }, (_, index) => {
      const bytes = Buffer.alloc(random(index % 3 === 0 ? 600 : 40), 0).map(() => random(256));
      // Every other one begins as a question does.
      if (index % 2 === 0) bytes.set([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0].slice(0, bytes.length));
      return Buffer.from(bytes).toString("base64");
    });
    const program = `
      const messages = ${JSON.stringify(messages)}.map((text) => Buffer.from(text, "base64"));
      const udp = await Bun.udpSocket({ socket: {} });
      for (const message of messages) udp.send(message, 53, "127.0.0.11");
      // Connections beyond what one container may have are ended at once.
      for (const message of messages.slice(0, 100)) {
        const socket = await Bun.connect({ hostname: "127.0.0.11", port: 53, socket: { data() {} } }).catch(() => undefined);
        socket?.write(message);
        socket?.end();
      }
      process.exit(0);`;
    const sent = Bun.spawnSync(["nsenter", "-t", pid, "-n", process.execPath, "-e", program]);
    expect([sent.exitCode, sent.stderr.toString()]).toEqual([0, ""]);
    expect(await output("exec", "one", "nslookup", "one")).toContain("Address: 10.9.0.9");
  });

  test("nothing was made, and the engine has said nothing of it", async () => {
    const names = await output("network", "ls", "--format", "{{.Name}}");
    expect(names.split("\n").sort()).toEqual(["bridge", "host", "lunch", "none"]);
    expect(engine.running).toBe(true);
    await output("rm", "-f", "one");
    await output("network", "rm", "lunch");
  });
});
