/** Networks with IPv6, in the model and in the kernel. */
import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { inOwnNetns } from "../../../test/support/in-own-netns.ts";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { until } from "../../../test/support/until.ts";
import {
  inNetns,
  listIpRoutes,
  listLinks,
  NetlinkSocket,
  readSysctl,
  writeSysctl,
} from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { addIpv6Address } from "../../linux/netlink/address.ts";
import { decodeInterfaceAddress, dumpInterfaceAddresses } from "../../linux/netlink/interface-address.ts";
import { formatIpAddress, parseIpAddress } from "../../linux/netlink/ip-address.ts";
import { decodeNeighbourEntry, dumpNeighbourEntries } from "../../linux/netlink/ip-neighbour.ts";
import { decodeIpRoute, lookUpRoute } from "../../linux/netlink/ip-route.ts";
import { deleteLink, newLink, setLink } from "../../linux/netlink/link.ts";
import { migratedDatabase } from "../store/testing/migrated-database.ts";
import { builtInIds } from "./built-in-networks.ts";
import type { EndpointRequest, NetworkRequest, Networks, Place } from "./model.ts";
import { openNetworks } from "./open-networks.ts";
import { type Started, startIn } from "./testing/started.ts";

const inet6 = 10;

inOwnNetns(import.meta.path, () => {
  let route: NetlinkSocket;
  let database: Database;
  let networks: Networks;
  const opened: Disposable[] = [];

  beforeEach(async () => {
    route = NetlinkSocket.open("route");
    route.execute([setLink("lo", { up: true })]);
    database = migratedDatabase();
    networks = await openNetworks({ tag: "", db: database });
    await networks.recover([]);
  });

  afterEach(async () => {
    for (const thing of opened.splice(0)) thing[Symbol.dispose]();
    await networks.remove();
    expect(listLinks(route).map((link) => link.name)).toEqual(["lo"]);
    database.close();
    route[Symbol.dispose]();
  });

  function make(name: string, change: Partial<NetworkRequest> = {}): string {
    return networks.create({ name, ipv6: { subnet: "fd00:77::/64" }, ...change }).id;
  }

  async function start(id: string, ...endpoints: readonly EndpointRequest[]): Promise<Started> {
    return startIn(networks, opened, id, { endpoints, ports: [] });
  }

  const address6 = ({ endpoints }: Place): string => endpoints[0]?.ipv6?.address ?? "";

  /** Global addresses by link, and the gateway of the default route. */
  function inside(netns: OwnedFd): { addresses: string[]; gateway: string } {
    using socket = inNetns(netns, () => NetlinkSocket.open("route"));
    const name = new Map(listLinks(socket).map((link) => [link.index, link.name]));
    const addresses = socket
      .dump(dumpInterfaceAddresses(), decodeInterfaceAddress)
      .filter(({ family, scope }) => family === inet6 && scope === 0)
      .map(({ values, prefixLength, linkIndex }) => {
        return `${name.get(linkIndex)} ${formatIpAddress(values[0]?.bytes ?? new Uint8Array(4))}/${prefixLength}`;
      });
    const way = listIpRoutes(socket, inet6).find(
      ({ length, gateway }) => length === 0 && gateway !== undefined,
    );
    return {
      addresses: addresses.sort(),
      gateway: way?.gateway === undefined ? "" : formatIpAddress(way.gateway),
    };
  }

  /** In the namespace, or on the host; `ping` of busybox asks once. */
  function ping(from: OwnedFd | undefined, address: string): boolean {
    const words = ["busybox", "ping", "-6", "-c1", "-W3", address];
    return runIn(from, words) === 0;
  }

  function runIn(netns: OwnedFd | undefined, words: readonly string[]): number {
    const enter = netns === undefined ? [] : ["nsenter", `--net=/proc/${process.pid}/fd/${netns.raw}`];
    return Bun.spawnSync([...enter, ...words], { stdout: "ignore", stderr: "ignore" }).exitCode;
  }

  test("a container has an address of each family at once, and reaches its neighbours and the gateway by both", async () => {
    const network = make("six");
    const one = await start("one", { network });
    const two = await start("two", { network });
    expect([address6(one), address6(two)]).toEqual(["fd00:77::2", "fd00:77::3"]);
    expect(one.endpoints[0]?.ipv6).toEqual({
      address: "fd00:77::2",
      prefixLength: 64,
      gateway: "fd00:77::1",
    });
    expect(inside(one.netns)).toEqual({ addresses: ["eth0 fd00:77::2/64"], gateway: "fd00:77::1" });
    expect(ping(one.netns, "fd00:77::3")).toBe(true);
    expect(ping(one.netns, "fd00:77::1")).toBe(true);
    // From an address that is not the bridge's own.
    const lo = listLinks(route).find(({ name }) => name === "lo")?.index ?? 0;
    route.execute([addIpv6Address(lo, parseIpAddress("2001:db8:1::1") ?? new Uint8Array(16), 128)]);
    // The kernel makes the route to an address in its own time.
    await until("the address to be the host's", () => ping(undefined, "2001:db8:1::1"));
    expect(
      runIn(undefined, ["busybox", "ping", "-6", "-c1", "-W2", "-I", "2001:db8:1::1", "fd00:77::3"]),
    ).toBe(0);
    expect(ping(undefined, "fd00:77::2")).toBe(true);
    expect(readSysctl("net/ipv6/conf/all/forwarding")).toBe("1");
  });

  test("what comes to a container's IPv6 address, and to its gateway's, is taken in from the first packet on", async () => {
    const local = 2;
    for (let turn = 0; turn < 20; turn += 1) {
      const network = make(`six${turn}`, { ipv6: { subnet: `fd00:77:0:${turn}::/64` } });
      const gateway = parseIpAddress(`fd00:77:0:${turn}::1`) ?? new Uint8Array(16);
      const one = await start(`c${turn}`, { network });
      using socket = inNetns(one.netns, () => NetlinkSocket.open("route"));
      const destination = parseIpAddress(address6(one)) ?? new Uint8Array(16);
      expect([turn, socket.get(lookUpRoute(destination), decodeIpRoute).type]).toEqual([turn, local]);
      expect([turn, route.get(lookUpRoute(gateway), decodeIpRoute).type]).toEqual([turn, local]);
    }
  });

  test("a container of a network without IPv6 has none, whatever other network it is in", async () => {
    const network = make("six");
    const both = await start("both", { network: builtInIds.bridge }, { network });
    expect(inside(both.netns)).toEqual({ addresses: ["eth1 fd00:77::2/64"], gateway: "fd00:77::1" });
    const plain = await start("plain", { network: builtInIds.bridge });
    expect(inside(plain.netns)).toEqual({ addresses: [], gateway: "" });
    const joined = networks.connect("plain", { network }, plain.live, plain.netns);
    expect(inside(plain.netns)).toEqual({ addresses: ["eth1 fd00:77::3/64"], gateway: "fd00:77::1" });
    const live = { containerId: "plain", ...joined };
    networks.disconnect("plain", network, live, plain.netns);
    expect(inside(plain.netns)).toEqual({ addresses: [], gateway: "" });
  });

  test("the default route goes by the network with the highest priority that has IPv6", async () => {
    const first = make("a-first");
    const second = make("b-second", { ipv6: { subnet: "fd00:78::/64" } });
    const place = await start("one", { network: first }, { network: second, gatewayPriority: 5 });
    expect(inside(place.netns).gateway).toBe("fd00:78::1");
    networks.disconnect("one", second, place.live, place.netns);
    expect(inside(place.netns).gateway).toBe("fd00:77::1");
  });

  test("what goes out has the host's address, and nothing from outside reaches a container by itself", async () => {
    const network = make("six");
    const one = await start("one", { network });
    const outside = networks.createIsolatedNetns();
    opened.push(outside);
    route.execute([
      newLink({ name: "out0" }, { kind: "veth", peer: { name: "in0", netnsFd: outside.raw } }),
      setLink("out0", { up: true }),
    ]);
    using far = inNetns(outside, () => NetlinkSocket.open("route"));
    far.execute([setLink("in0", { up: true })]);
    const indexIn = (socket: NetlinkSocket, name: string): number =>
      listLinks(socket).find((link) => link.name === name)?.index ?? 0;
    const bytes = (text: string): Uint8Array => parseIpAddress(text) ?? new Uint8Array(16);
    route.execute([addIpv6Address(indexIn(route, "out0"), bytes("2001:db8::1"), 64)]);
    far.execute([addIpv6Address(indexIn(far, "in0"), bytes("2001:db8::2"), 64)]);
    // Without a way back to the container's own address an answer comes only to the host's.
    await until("the cable to the outside", () => ping(undefined, "2001:db8::2"));
    expect(ping(one.netns, "2001:db8::2")).toBe(true);
    runIn(outside, ["ip", "-6", "route", "add", "default", "via", "2001:db8::1"]);
    expect(ping(outside, "2001:db8::1")).toBe(true);
    expect(ping(outside, "fd00:77::2")).toBe(false);
    route.execute([deleteLink("out0")]);
  });

  test("a published port answers by both families at one port, and only at an address that was named", async () => {
    const network = make("six");
    const ports = [
      { containerPort: 80, protocol: "tcp" },
      { containerPort: 81, protocol: "tcp", hostAddress: "fd00:77::1" },
    ] as const;
    const one = await networks.acquire("one", { endpoints: [{ network }], ports });
    opened.push(one.netns);
    const [four, six, named] = one.ports;
    expect([four, six, named].map((port) => port?.hostAddress)).toEqual(["0.0.0.0", "::", "fd00:77::1"]);
    expect(six?.hostPort).toBe(four?.hostPort ?? 0);
    const elements = (map: string): string =>
      Bun.spawnSync(["nft", "list", "map", "inet", "tiffin", map]).stdout.toString();
    if (Bun.which("nft") !== null) {
      expect(elements("published6_any")).toContain(`tcp . ${six?.hostPort} : fd00:77::2 . 80`);
      expect(elements("published6")).toContain(`tcp . fd00:77::1 . ${named?.hostPort} : fd00:77::2 . 81`);
    }
    const taken = await networks
      .acquire("two", {
        endpoints: [{ network }],
        ports: [{ containerPort: 80, protocol: "tcp", hostAddress: "::", hostPort: six?.hostPort ?? 0 }],
      })
      .catch((thrown: Error) => thrown.message);
    expect(taken).toBe(`Bind for [::]:${six?.hostPort} failed: port is already allocated`);
    using pages = temporaryDirectory("pages");
    writeFileSync(`${pages.path}/menu`, "lunch");
    const enter = (netns: OwnedFd | undefined): string[] =>
      netns === undefined ? [] : ["nsenter", `--net=/proc/${process.pid}/fd/${netns.raw}`];
    const server = Bun.spawn(
      [...enter(one.netns), "busybox", "httpd", "-f", "-p", "[fd00:77::2]:80", "-h", pages.path],
      {
        stdout: "ignore",
        stderr: "ignore",
      },
    );
    try {
      const asked = (from: OwnedFd | undefined, address: string): string => {
        const script = `exec 3<>/dev/tcp/${address}/${six?.hostPort}; printf "GET /menu HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3`;
        const { stdout } = Bun.spawnSync([...enter(from), "timeout", "2", "bash", "-c", script], {
          stderr: "ignore",
        });
        return stdout.toString().split("\n").at(-1) ?? "";
      };
      await until("the container's server", () => asked(undefined, "fd00:77::1") === "lunch");
      const two = await start("two", { network });
      expect(asked(two.netns, "fd00:77::1")).toBe("lunch");
      expect(asked(one.netns, "fd00:77::1")).toBe("lunch");
    } finally {
      server.kill();
      await server.exited;
    }
    await networks.release("one");
    if (Bun.which("nft") !== null) expect(elements("published6_any")).not.toContain("fd00:77::2");
  });

  test("an internal network has no way out by IPv6 either", async () => {
    const network = make("closed", { internal: true });
    const one = await start("one", { network });
    const two = await start("two", { network });
    expect(inside(one.netns).gateway).toBe("");
    expect(ping(one.netns, address6(two))).toBe(true);
  });

  test("a wanted address is given, once, and gone addresses come back", async () => {
    const network = make("six", { ipv6: { subnet: "fd00:77::/126" } });
    const one = await start("one", { network, address6: "fd00:77::3" });
    expect(address6(one)).toBe("fd00:77::3");
    const refused = async (address: string): Promise<string> =>
      await networks.acquire("late", { endpoints: [{ network, address6: address }], ports: [] }).then(
        () => "given",
        (thrown: Error) => thrown.message,
      );
    expect(await refused("fd00:77::3")).toBe("address fd00:77::3 is already in use");
    expect(await refused("fd00:78::3")).toBe(
      "address fd00:78::3 cannot be given: it is not in fd00:77::/126",
    );
    expect(await refused("nonsense")).toBe('"nonsense" is no IPv6 address');
    const two = await start("two", { network });
    expect(address6(two)).toBe("fd00:77::2");
    expect(await refused("")).toStartWith(
      "no available IPv6 addresses on network six: all addresses of fd00:77::/126",
    );
    for (const place of [one, two]) place.netns[Symbol.dispose]();
    await networks.release("one");
    await networks.release("two");
    expect(address6(await start("three", { network }))).toStartWith("fd00:77::");
  });

  test("a network without a subnet gets one of the engine's own unique local ones, and the next another", () => {
    const subnets = ["one", "two"].map((name) => networks.byId(make(name, { ipv6: {} }))?.ipv6?.subnet ?? "");
    expect(subnets[0]).toMatch(/^fd[0-9a-f:]+::\/64$/);
    expect(subnets[1]).not.toBe(subnets[0]);
  });

  test("the next engine knows the addresses of both families, of those who live and of those who do not", async () => {
    const network = make("six");
    const one = await start("one", { network });
    await start("two", { network });
    await networks.close();
    networks = await openNetworks({ tag: "", db: database });
    await networks.recover([one.live]);
    expect(networks.byId(network)?.ipv6?.subnet).toBe("fd00:77::/64");
    expect(ping(one.netns, "fd00:77::1")).toBe(true);
    const late = await networks
      .acquire("late", { endpoints: [{ network, address6: "fd00:77::2" }], ports: [] })
      .catch((thrown: Error) => thrown.message);
    expect(late).toBe("address fd00:77::2 is already in use");
    expect(address6(await start("three", { network, address6: "fd00:77::3" }))).toBe("fd00:77::3");
  });

  test.each([{ address: "10.77.0.99" }, { address6: "fd00:77::99" }])(
    "an address that moves to another MAC is announced to those who knew the old one: %p",
    async (wanted) => {
      const network = make("six", { subnet: "10.77.0.0/24" });
      const moving = wanted.address ?? wanted.address6;
      const watcher = await start("watcher", { network });
      const macs = ["02:00:00:00:00:01", "02:00:00:00:00:02"];
      const known = (): string[] => {
        using socket = inNetns(watcher.netns, () => NetlinkSocket.open("route"));
        return socket
          .dump(dumpNeighbourEntries(), decodeNeighbourEntry)
          .filter(({ destination, mac }) => {
            const text = destination === undefined ? "" : formatIpAddress(destination);
            return mac !== undefined && text === moving;
          })
          .map(({ mac }) => Buffer.from(mac ?? []).toString("hex"));
      };
      for (const [index, mac] of macs.entries()) {
        const place = await start(`c${index}`, { network, ...wanted, mac });
        const words = ["busybox", "ping", "-c1", "-W3", moving];
        if (index === 0) expect(runIn(watcher.netns, words)).toBe(0);
        expect(known()).toEqual([mac.replaceAll(":", "")]);
        place.netns[Symbol.dispose]();
        await networks.release(`c${index}`);
      }
    },
  );

  test("what cannot be is refused in words", () => {
    make("six");
    const refusals: readonly [Partial<NetworkRequest>, string][] = [
      [{ ipv6: { subnet: "fd00:77::/96" } }, "Pool overlaps with other one on this address space"],
      [{ ipv6: { subnet: "fd00:1::1/64" } }, "is not an IPv6 network up to /126"],
      [{ ipv6: { subnet: "fd00:1::/127" } }, "is not an IPv6 network up to /126"],
      [{ ipv6: { subnet: "fd00:1::/64", gateway: "fd00:2::1" } }, "no matching subnet for gateway fd00:2::1"],
      [{ ipv6: { subnet: "fd00:1::/64", gateway: "10.0.0.1" } }, 'invalid gateway address "10.0.0.1"'],
      [{ ipv6: { subnet: "fd00:1::/64", gateway: "fd00:1::" } }, "is no host address"],
      [{ ipv6: { subnet: "fd00:1::/64", ipRange: "fd00:2::/80" } }, "no matching subnet for range"],
      [
        { ipv6: { subnet: "fd00:1::/64", auxiliary: { a: "fd00:2::1" } } },
        "no matching subnet for aux-address",
      ],
      [{ ipv6: { subnet: "fd00:1::/64" }, mtu: 1000 }, "IPv6 needs at least 1280 bytes"],
    ];
    for (const [change, message] of refusals) expect(() => make("bad", change)).toThrow(message);
    expect(networks.all().map(({ name }) => name)).toEqual(["bridge", "host", "none", "six"]);
  });

  test("an IPv6 that is switched off for new links is on for the network that wants it", async () => {
    writeSysctl("net/ipv6/conf/default/disable_ipv6", "1");
    try {
      const network = make("six");
      const one = await start("one", { network });
      expect(ping(one.netns, "fd00:77::1")).toBe(true);
    } finally {
      writeSysctl("net/ipv6/conf/default/disable_ipv6", "0");
    }
  });
});
