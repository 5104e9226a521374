import type { Database } from "bun:sqlite";
import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { inOwnNetns } from "../../../test/support/in-own-netns.ts";
import { pause, settled, succeeds, until } from "../../../test/support/until.ts";
import {
  createNetns,
  findLink,
  inNetns,
  listElements,
  listLinks,
  listRules,
  NetlinkSocket,
  nftTransaction,
  readSysctl,
  tableExists,
  writeSysctl,
} from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { monotonicMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import { addAddress, deleteAddress } from "../../linux/netlink/address.ts";
import { parseIpv4 } from "../../linux/netlink/ipv4.ts";
import { deleteLink, newLink, setLink } from "../../linux/netlink/link.ts";
import { deleteTable, flushChain, newChain, newTable } from "../../linux/netlink/nftables/request.ts";
import { addRoute } from "../../linux/netlink/route.ts";
import { migratedDatabase } from "../store/testing/migrated-database.ts";
import { builtInIds } from "./built-in-networks.ts";
import { deleteContents, hostRuleset, portContents, renderRuleset } from "./firewall.ts";
import { isUntouched } from "./lent-namespaces.ts";
import type {
  EndpointRecord,
  EndpointRequest,
  LiveContainer,
  Networks,
  PlaceRequest,
  PortRequest,
  PublishedPort,
} from "./model.ts";
import { hostNames } from "./names.ts";
import { openNetworks } from "./open-networks.ts";
import { removeNetworkRemains } from "./remains.ts";
import { connectOutcome, RawSocket, receiveOutcome, serveTcp, tryTcp } from "./testing/raw-socket.ts";

const hostAddress = "198.51.100.1";
const outsideAddress = "198.51.100.2";
const names = hostNames("");

type Wish = Omit<EndpointRequest, "network"> & { readonly ports: readonly PortRequest[] };

function placeRequest({ ports, ...wish }: Wish): PlaceRequest {
  return { endpoints: [{ network: builtInIds.bridge, ...wish }], ports };
}

interface Started extends EndpointRecord {
  readonly netns: OwnedFd;
  readonly hostLink: string;
  readonly ports: readonly PublishedPort[];
  readonly warnings: readonly string[];
}

function hostLinkOf(containerId: string, db: Database): string {
  const row = db
    .query<{ host_link: string }, [string]>("SELECT host_link FROM network_lease WHERE container_id = ?")
    .get(containerId);
  return row?.host_link ?? "";
}

/** A place in the default network alone. */
async function acquire(networks: Networks, id: string, wish: Wish, db: Database): Promise<Started> {
  const { endpoints, ...place } = await networks.acquire(id, placeRequest(wish));
  const [endpoint] = endpoints;
  if (endpoint === undefined) throw new Error("no endpoint");
  return { ...endpoint, ...place, hostLink: hostLinkOf(id, db) };
}

async function acquireUnwired(networks: Networks, id: string, wish: Wish) {
  const { endpoints, ...place } = await networks.acquireUnwired(id, placeRequest(wish));
  const [endpoint] = endpoints;
  if (endpoint === undefined) throw new Error("no endpoint");
  return { ...endpoint, ...place };
}

/** What the container store knows of a container with that endpoint. */
function liveOf(
  containerId: string,
  { netns: _netns, hostLink: _link, warnings: _warnings, ports, ...endpoint }: Started,
): LiveContainer {
  return { containerId, endpoints: [endpoint], ports };
}

inOwnNetns(import.meta.path, () => {
  let route: NetlinkSocket;
  let netfilter: NetlinkSocket;
  /** A neighbour of the host on its outer link, which knows a route to the containers' subnet. */
  let outside: OwnedFd;
  let database: Database;
  let network: Networks;
  const opened: Disposable[] = [];
  const directories: string[] = [];

  beforeAll(() => {
    route = NetlinkSocket.open("route");
    netfilter = NetlinkSocket.open("netfilter");
    const made = createNetns(() => NetlinkSocket.open("route"));
    outside = made.netns;
    const peer = { name: "eth0", netnsFd: outside.raw };
    route.execute([
      setLink("lo", { up: true }),
      newLink({ name: "uplink" }, { kind: "veth", peer }),
      setLink("uplink", { up: true }),
    ]);
    const address = (text: string, index: number | undefined) =>
      addAddress({ linkIndex: index ?? 0, address: parseIpv4(text) ?? 0, prefixLength: 24 });
    route.execute([address(hostAddress, findLink(route, "uplink")?.index)]);
    made.result.execute([
      setLink("lo", { up: true }),
      setLink("eth0", { up: true }),
      address(outsideAddress, findLink(made.result, "eth0")?.index),
      addRoute({ destination: { network: 0, length: 0 }, gateway: parseIpv4(hostAddress) ?? 0 }),
    ]);
  });

  beforeEach(async () => {
    database = migratedDatabase();
    network = await openNetworks({ tag: "", db: database });
    await network.recover([]);
  });

  afterEach(async () => {
    for (const thing of opened.splice(0)) thing[Symbol.dispose]();
    await network.remove();
    expect(listLinks(route).map((link) => link.name)).toEqual(["lo", "uplink"]);
    expect(tableExists(netfilter, names.table)).toBe(false);
    database.close();
    for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
  });

  function keep<T extends Disposable>(thing: T): T {
    opened.push(thing);
    return thing;
  }

  /** A path in a directory that goes after the test. */
  function temporary(name: string): string {
    const directory = mkdtempSync("/tmp/tiffin-test-network-");
    directories.push(directory);
    return `${directory}/${name}`;
  }

  async function start(id: string, ports: readonly PortRequest[] = []): Promise<Started> {
    const endpoint = await acquire(network, id, { ports }, database);
    keep(endpoint.netns);
    return endpoint;
  }

  async function failure(work: Promise<unknown>): Promise<string> {
    try {
      await work;
      return "no error";
    } catch (thrown) {
      if (!(thrown instanceof TiffinError)) throw thrown;
      return `${thrown.kind} ${thrown.code}`;
    }
  }

  /** What a connect from the neighbour to `port` comes to. */
  function fromOutside(port: number, address = hostAddress): string {
    return connectOutcome(outside, { address, port });
  }

  const tcp80: PortRequest = { containerPort: 80, protocol: "tcp", hostPort: 8080 };

  const mark = "net/ipv4/ip_default_ttl";

  /** A short life, in a namespace that is marked as ours. `use` has a hand in it meanwhile. */
  async function life(id: string, use: (netns: OwnedFd) => unknown = () => {}, cannotChange = true) {
    const place = await network.acquire(id, { ...placeRequest({ ports: [] }), cannotChange });
    using netns = place.netns;
    inNetns(netns, () => writeSysctl(mark, "77"));
    await use(netns);
    return place.endpoints[0]?.address ?? "";
  }

  const firstReady = async (): Promise<void> => {
    network.warm();
    await until("a namespace that is ready", () => listLinks(route).length > 3);
  };

  /** The address with which a marked namespace serves again. */
  async function servesAgain(): Promise<string | undefined> {
    const addresses: string[] = [];
    let found: string | undefined;
    for (let number = 0; number < 20; number += 1) {
      const { netns, endpoints } = await network.acquire(`next${number}`, placeRequest({ ports: [] }));
      using entered = netns;
      const address = endpoints[0]?.address ?? "";
      addresses.push(address);
      if (inNetns(entered, () => readSysctl(mark)) === "77") found = address;
    }
    expect(new Set(addresses).size).toBe(20);
    for (let number = 0; number < 20; number += 1) await network.release(`next${number}`);
    return found;
  }

  test("a namespace that its container has left as it was serves again, with its address", async () => {
    await firstReady();
    // The kernel takes a moment to forget the sockets by which it was made.
    const address = await life("a", (netns) =>
      until("the kernel to have forgotten", () => isUntouched(netns)),
    );
    await network.release("a");
    expect(await servesAgain()).toBe(address);
  });

  test.each<readonly [string, (netns: OwnedFd) => void]>([
    [
      "from which something was sent",
      (netns) => void connectOutcome(netns, { address: network.hostGateway, port: 9 }),
    ],
    ["in which something was sent", (netns) => void connectOutcome(netns, { address: "127.0.0.1", port: 9 })],
    [
      "in which somebody holds a socket",
      (netns) => void keep(inNetns(netns, () => NetlinkSocket.open("route"))),
    ],
    ["in which somebody has a hand", () => network.keepOut("a")],
  ])("a namespace %s goes with its container", async (_what, use) => {
    await firstReady();
    await life("a", use);
    await network.release("a");
    expect(await servesAgain()).toBeUndefined();
  });

  test("a namespace that its container may change goes with it", async () => {
    await firstReady();
    await life("a", () => {}, false);
    await network.release("a");
    expect(await servesAgain()).toBeUndefined();
  });

  test("endpoints reach each other, the host reaches them, they reach the world behind the host's address", async () => {
    const a = await start("a");
    const b = await start("b");
    using server = serveTcp(b.netns, 80);
    const to = { address: b.address, port: 80 };
    expect(tryTcp(a.netns, to, server)).toBe(a.address);
    expect(tryTcp(undefined, to, server)).toBe(network.hostGateway);
    using world = serveTcp(outside, 7000);
    expect(tryTcp(a.netns, { address: outsideAddress, port: 7000 }, world)).toBe(hostAddress);
  });

  test.each(["0", "1"])(
    "a published port answers from outside, on every address of the host, on 127.0.0.1 and from containers; bridge-nf-call-iptables %s",
    async (bridgeNetfilter) => {
      // The file is there only with br_netfilter, which Docker loads.
      if (existsSync("/proc/sys/net/bridge"))
        writeSysctl("net/bridge/bridge-nf-call-iptables", bridgeNetfilter);
      const a = await start("a", [tcp80]);
      const b = await start("b");
      using server = serveTcp(a.netns, 80);
      expect(a.ports).toEqual([
        { containerPort: 80, protocol: "tcp", hostAddress: "0.0.0.0", hostPort: 8080 },
      ]);
      const at = (address: string) => ({ address, port: 8080 });
      expect(tryTcp(outside, at(hostAddress), server)).toBe(outsideAddress);
      expect(tryTcp(undefined, at(hostAddress), server)).toBe(hostAddress);
      expect(tryTcp(undefined, at("127.0.0.1"), server)).toBe(network.hostGateway);
      expect(tryTcp(undefined, at(network.hostGateway), server)).toBe(network.hostGateway);
      expect(tryTcp(b.netns, at(network.hostGateway), server)).toBe(network.hostGateway);
      expect(tryTcp(b.netns, at(hostAddress), server)).toBe(network.hostGateway);
      expect(tryTcp(a.netns, at(hostAddress), server)).toBe(network.hostGateway);
    },
  );

  test("a port published on one address answers there and nowhere else", async () => {
    const a = await start("a", [
      { ...tcp80, hostAddress },
      { ...tcp80, hostAddress: "127.0.0.1", hostPort: 8081 },
    ]);
    using server = serveTcp(a.netns, 80);
    expect(tryTcp(outside, { address: hostAddress, port: 8080 }, server)).toBe(outsideAddress);
    expect(connectOutcome(undefined, { address: "127.0.0.1", port: 8080 })).toBe("ECONNREFUSED");
    expect(tryTcp(undefined, { address: "127.0.0.1", port: 8081 }, server)).toBe(network.hostGateway);
    expect(fromOutside(8081)).toBe("ECONNREFUSED");
  });

  test("after release the port is closed and free, and releasing again is nothing", async () => {
    const a = await start("a", [tcp80]);
    using _server = serveTcp(a.netns, 80);
    await network.release("a");
    await network.release("a");
    expect(fromOutside(8080)).toBe("ECONNREFUSED");
    using other = serveTcp(undefined, 8080);
    expect(tryTcp(outside, { address: hostAddress, port: 8080 }, other)).toBe(outsideAddress);
  });

  test("neighbours cannot reach a container's own address", async () => {
    const a = await start("a", [tcp80]);
    using _server = serveTcp(a.netns, 81);
    expect(fromOutside(81, a.address)).toBe("EINPROGRESS");
  });

  test("a container cannot reach what listens on the host's loopback", async () => {
    const a = await start("a", [tcp80]);
    using server = serveTcp(undefined, 9000, "127.0.0.1");
    // A container with CAP_NET_ADMIN sends packets for 127.0.0.1 to its gateway.
    inNetns(a.netns, () => {
      writeSysctl("net/ipv4/conf/all/route_localnet", "1");
      using inside = NetlinkSocket.open("route");
      const loopback = parseIpv4("127.0.0.1") ?? 0;
      inside.execute([deleteAddress({ linkIndex: 1, address: loopback, prefixLength: 8 })]);
      inside.execute([
        addRoute({
          destination: { network: loopback, length: 32 },
          gateway: parseIpv4(network.hostGateway) ?? 0,
        }),
      ]);
    });
    const target = { address: "127.0.0.1", port: 9000 };
    expect(tryTcp(a.netns, target, server)).toBe("EINPROGRESS");
    // The way is open without the guard: the test tests something.
    nftTransaction(netfilter, [flushChain(names.table, "guard")]);
    expect(tryTcp(a.netns, target, server)).toBe(a.address);
  });

  test("what a container sends as another network is dropped", async () => {
    const a = await start("a", []);
    using server = RawSocket.open(undefined, "udp").bind({ address: "0.0.0.0", port: 9001 });
    const stranger = "203.0.113.9";
    inNetns(a.netns, () => {
      using inside = NetlinkSocket.open("route");
      inside.execute([addAddress({ linkIndex: 1, address: parseIpv4(stranger) ?? 0, prefixLength: 32 })]);
    });
    const say = (address: string): string => {
      using client = RawSocket.open(a.netns, "udp").bind({ address, port: 9002 });
      client.sendTo(`from ${address}`, { address: network.hostGateway, port: 9001 });
      return receiveOutcome(server);
    };
    expect(say(a.address)).toBe(`from ${a.address}`);
    expect(say(stranger)).toBe("EAGAIN");
    // The way is open without the guard: the test tests something.
    nftTransaction(netfilter, [flushChain(names.table, "source")]);
    writeSysctl("net/ipv4/conf/all/rp_filter", "0");
    writeSysctl(`net/ipv4/conf/${names.defaultBridge}/rp_filter`, "0");
    expect(say(stranger)).toBe(`from ${stranger}`);
  });

  test("rules that somebody flushes are there again at once, and nobody is answered each time", async () => {
    const a = await start("a", [tcp80]);
    using server = serveTcp(a.netns, 80);
    const target = { address: hostAddress, port: 8080 };
    const isThere = (): boolean =>
      tableExists(netfilter, names.table) && listRules(netfilter, names.table, "guard").length > 0;
    for (const flush of [deleteTable(names.table), flushChain(names.table, "guard")]) {
      nftTransaction(netfilter, [flush]);
      expect(isThere()).toBe(false);
      const flushed = monotonicMs();
      await until("the rules to be back", async () => isThere());
      expect(monotonicMs() - flushed).toBeLessThan(2000);
      expect(tryTcp(outside, target, server)).toBe(outsideAddress);
    }
    const mappings = a.ports.map((port) => ({ port, address: parseIpv4(a.address) ?? 0 }));
    nftTransaction(netfilter, deleteContents(names.table, portContents(mappings)));
    await until(
      "the port to be back",
      async () => listElements(netfilter, names.table, "published_any").length > 0,
    );
  });

  test("a port in the mode socket is one of the host's own: its firewall has its say, and it moves with the container", async () => {
    const port = { ...tcp80, mode: "socket" } as const;
    const a = await start("a", [
      port,
      { containerPort: 53, protocol: "udp", hostPort: 8053, mode: "socket" },
    ]);
    expect(a.ports.map(({ mode }) => mode)).toEqual(["socket", "socket"]);
    expect(listElements(netfilter, names.table, "published_any")).toEqual([]);
    const answered = async (): Promise<string> => {
      using server = serveTcp(a.netns, 80);
      using client = RawSocket.open(outside, "tcp").connect({ address: hostAddress, port: 8080 });
      client.send("hello");
      // The engine, which is this process, passes it on.
      const { connection, from } = await succeeds(async () => server.accept());
      using answering = connection;
      expect(await succeeds(async () => answering.receive().text)).toBe("hello");
      answering.send("world");
      expect(await succeeds(async () => client.receive().text)).toBe("world");
      return from.address;
    };
    expect(await answered()).toBe(network.hostGateway);
    using udp = RawSocket.open(a.netns, "udp").bind({ address: "0.0.0.0", port: 53 });
    using asking = RawSocket.open(outside, "udp").bind({ address: "0.0.0.0", port: 5353 });
    asking.sendTo("question", { address: hostAddress, port: 8053 });
    const { text, from } = await succeeds(async () => udp.receive());
    udp.sendTo("answer", from);
    expect([text, await succeeds(async () => asking.receive().text)]).toEqual(["question", "answer"]);
    // A rule for the host's own ports holds.
    const input = { family: "inet", table: "host_firewall" } as const;
    nftTransaction(netfilter, [
      newTable(input),
      newChain(input, "input", { type: "filter", hook: "input", priority: 0, policy: "drop" }),
    ]);
    expect(connectOutcome(outside, { address: hostAddress, port: 8080 })).toBe("EINPROGRESS");
    await until("the chain to be known", async () => {
      const { warnings } = await start("c", [{ containerPort: 9, protocol: "tcp" }]);
      return warnings.some((text) => text.includes("past chain input of table host_firewall"));
    });
    nftTransaction(netfilter, [deleteTable(input)]);
    expect(await failure(start("b", [port]))).toBe("conflict network.port-allocated");
    await network.release("a");
    expect(connectOutcome(outside, { address: hostAddress, port: 8080 })).toBe("ECONNREFUSED");
    expect(await failure(start("b", [{ ...port, protocol: "sctp" }]))).toBe("invalid network.port-invalid");
  });

  test("SCTP ports are rewritten, and taken once, on kernels without such sockets too", async () => {
    const sctp = { containerPort: 36412, protocol: "sctp", hostPort: 36412 } as const;
    await start("a", [sctp]);
    const [element] = listElements(netfilter, names.table, "published_any");
    expect(element?.key[0]).toBe(132);
    expect(await failure(start("b", [sctp]))).toBe("conflict network.port-allocated");
    expect((await start("b", [{ ...sctp, hostPortEnd: 36413 }])).ports[0]?.hostPort).toBe(36413);
    expect((await start("c", [{ containerPort: 1, protocol: "sctp" }])).ports[0]?.hostPort).toBeGreaterThan(
      1023,
    );
    // Another protocol has ports of its own.
    await start("d", [{ ...sctp, protocol: "tcp" }]);
  });

  test("beside firewalld's table containers call out and are called, after it was loaded again too", async () => {
    const firewalld = { family: "inet", table: "firewalld" } as const;
    const load = (): void =>
      nftTransaction(netfilter, [
        newTable(firewalld),
        deleteTable(firewalld),
        newTable(firewalld),
        newChain(firewalld, "filter_FORWARD", {
          type: "filter",
          hook: "forward",
          priority: 10,
          policy: "drop",
        }),
      ]);
    const a = await start("a", [tcp80]);
    using server = serveTcp(a.netns, 80);
    using _world = serveTcp(outside, 9003);
    const works = (): boolean =>
      connectOutcome(a.netns, { address: outsideAddress, port: 9003 }) === "connected" &&
      tryTcp(outside, { address: hostAddress, port: 8080 }, server) === outsideAddress;
    try {
      load();
      expect(works()).toBe(false);
      await until("the rules in firewalld's chain", async () => works());
      load();
      await until("the rules in the new chain", async () => works());
    } finally {
      nftTransaction(netfilter, [newTable(firewalld), deleteTable(firewalld)]);
    }
  });

  test("a taken port is a conflict in Docker's words, and nothing stays behind", async () => {
    await start("a", [tcp80]);
    const wanted = { ports: [{ ...tcp80, hostPort: 8090 }, tcp80] };
    expect(await failure(acquire(network, "b", wanted, database))).toBe("conflict network.port-allocated");
    await expect(acquire(network, "b", wanted, database)).rejects.toThrow(
      "Bind for 0.0.0.0:8080 failed: port is already allocated",
    );
    using _free = serveTcp(undefined, 8090);
    expect(() => serveTcp(undefined, 8080)).toThrow("EADDRINUSE");
    expect(database.query("SELECT container_id FROM network_lease").all()).toEqual([{ container_id: "a" }]);
  });

  test("port 0 takes a free port, a range the first free one", async () => {
    const a = await start("a", [{ containerPort: 80, protocol: "tcp" }]);
    expect(a.ports[0]?.hostPort).toBeGreaterThan(1023);
    const range = { containerPort: 80, protocol: "tcp", hostPort: 8100, hostPortEnd: 8101 } as const;
    expect((await start("b", [range])).ports[0]?.hostPort).toBe(8100);
    expect((await start("c", [range])).ports[0]?.hostPort).toBe(8101);
    expect(await failure(start("d", [range]))).toBe("conflict network.port-allocated");
  });

  test("bad ports and addresses are refused by kind", async () => {
    const port = (change: Partial<PortRequest>) => failure(start("a", [{ ...tcp80, ...change }]));
    expect(await port({ containerPort: 0 })).toBe("invalid network.port-invalid");
    expect(await port({ hostPort: 65536 })).toBe("invalid network.port-invalid");
    expect(await port({ hostAddress: "nowhere" })).toBe("invalid network.port-invalid");
    expect(await port({ hostAddress: "203.0.113.7" })).toBe("invalid network.address-not-local");
    const address = (text: string) => failure(acquire(network, "a", { ports: [], address: text }, database));
    expect(await address("10.0.0.1")).toBe("invalid network.address-invalid");
    expect(await address("172.30")).toBe("invalid network.address-invalid");
    expect(await address(network.hostGateway)).toBe("conflict network.address-in-use");
    expect(await failure(acquire(network, "a", { ports: [], mac: "02:zz" }, database))).toBe(
      "invalid network.address-invalid",
    );
    const sctp = { ...tcp80, protocol: "sctp", hostAddress: "::" } as const;
    expect((await start("a", [sctp])).warnings).toHaveLength(1);
  });

  test("a wanted address and MAC are given, even one that was made ahead of need", async () => {
    // One links the test's own namespaces.
    await until("a link to be made", () => listLinks(route, { kind: "veth" }).length >= 2);
    const address = "172.30.0.3";
    const a = await acquire(network, "a", { ports: [], address, mac: "02:42:00:00:00:99" }, database);
    keep(a.netns);
    expect([a.address, a.mac]).toEqual([address, "02:42:00:00:00:99"]);
    using server = serveTcp(a.netns, 80);
    expect(tryTcp(undefined, { address, port: 80 }, server)).toBe(network.hostGateway);
    expect(await failure(acquire(network, "b", { ports: [], address }, database))).toBe(
      "conflict network.address-in-use",
    );
  });

  test("a UDP client that was there before reaches each new container from the same port", async () => {
    using client = RawSocket.open(outside, "udp").bind({ address: outsideAddress, port: 5555 });
    const to = { address: hostAddress, port: 5060 };
    client.sendTo("nobody", to);
    for (const id of ["a", "b"]) {
      const endpoint = await start(id, [{ containerPort: 5353, protocol: "udp", hostPort: 5060 }]);
      using server = RawSocket.open(endpoint.netns, "udp").bind({ address: "0.0.0.0", port: 5353 });
      client.sendTo(`for ${id}`, to);
      const { text, from } = server.receive();
      expect([text, from]).toEqual([`for ${id}`, { address: outsideAddress, port: 5555 }]);
      server.sendTo(`from ${id}`, from);
      expect(client.receive()).toEqual({ text: `from ${id}`, from: to });
      await network.release(id);
    }
    client.sendTo("late", to);
    expect(receiveOutcome(client)).toBe("EAGAIN");
  });

  test("UDP on 127.0.0.1", async () => {
    const a = await start("a", [
      { containerPort: 53, protocol: "udp", hostAddress: "127.0.0.1", hostPort: 5300 },
    ]);
    using server = RawSocket.open(a.netns, "udp").bind({ address: "0.0.0.0", port: 53 });
    using client = RawSocket.open(undefined, "udp").connect({ address: "127.0.0.1", port: 5300 });
    client.send("question");
    const { text, from } = server.receive();
    expect(text).toBe("question");
    server.sendTo("answer", from);
    expect(receiveOutcome(client)).toBe("answer");
  });

  test("an isolated namespace has a loopback and no way out", () => {
    const netns = keep(network.createIsolatedNetns());
    using server = serveTcp(netns, 80);
    expect(tryTcp(netns, { address: "127.0.0.1", port: 80 }, server)).toBe("127.0.0.1");
    expect(connectOutcome(netns, { address: hostAddress, port: 80 })).toBe("ENETUNREACH");
  });

  test("a namespace that belongs to a user namespace is wired by pid", async () => {
    const process = Bun.spawn(["unshare", "--user", "--map-root-user", "--net", "sleep", "60"]);
    try {
      const home = readlinkSync("/proc/self/ns/net");
      await until(
        "the thread to be in the other namespace",
        () => readlinkSync(`/proc/${process.pid}/ns/net`) !== home,
      );
      const a = await acquireUnwired(network, "a", { ports: [tcp80] });
      a.wire(process.pid);
      expect(findLink(route, hostLinkOf("a", database))?.up).toBe(true);
      // Answers come from the other end, where nobody listens.
      expect(connectOutcome(undefined, { address: a.address, port: 80 })).toBe("ECONNREFUSED");
      expect(fromOutside(8080)).toBe("ECONNREFUSED");
      await network.release("a");
    } finally {
      process.kill("SIGKILL");
      await process.exited;
    }
  });

  test("the next engine takes over: living containers keep all, the dead lose all", async () => {
    const a = await start("a", [tcp80]);
    await start("b", [{ ...tcp80, hostPort: 8082 }]);
    using server = serveTcp(a.netns, 80);
    await network.close();
    network = await openNetworks({ tag: "", db: database });
    expect(tryTcp(outside, { address: hostAddress, port: 8080 }, server)).toBe(outsideAddress);
    await network.recover([liveOf("a", a)]);
    expect(tryTcp(outside, { address: hostAddress, port: 8080 }, server)).toBe(outsideAddress);
    expect(fromOutside(8082)).toBe("ECONNREFUSED");
    expect(listLinks(route, { kind: "veth" }).map((link) => link.name)).toContain(a.hostLink);
    expect(database.query("SELECT container_id FROM network_lease").all()).toEqual([{ container_id: "a" }]);
    expect((await start("c")).address).not.toBe(a.address);
    expect(() => serveTcp(undefined, 8080)).toThrow("EADDRINUSE");
    await network.release("a");
    expect(fromOutside(8080)).toBe("ECONNREFUSED");
  });

  test("a killed engine leaves no link, and its leases go at the next start", async () => {
    await network.close();
    const path = temporary("leases.db");
    const script = `
      import { migratedDatabase } from ${JSON.stringify(`${import.meta.dir}/../store/testing/migrated-database.ts`)};
      import { openNetworks } from ${JSON.stringify(`${import.meta.dir}/open-networks.ts`)};
      const network = await openNetworks({ tag: "", db: migratedDatabase(${JSON.stringify(path)}) });
      await network.recover([]);
      const endpoints = [{ network: ${JSON.stringify(builtInIds.bridge)} }];
      await network.acquire("a", { endpoints, ports: [{ containerPort: 80, protocol: "tcp", hostPort: 8080 }] });
      await Bun.sleep(50);
      await network.acquire("b", { endpoints, ports: [] });
      console.log("ready");
      await Bun.sleep(60000);`;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    for await (const _ready of child.stdout) break;
    // Two in use, and at least one made ahead of need.
    await until("spare networks", () => listLinks(route, { kind: "veth" }).length > 3);
    child.kill("SIGKILL");
    await child.exited;
    await until(
      "the kernel to remove the spare networks",
      () => listLinks(route, { kind: "veth" }).length <= 1,
    );
    database.close();
    database = migratedDatabase(path);
    network = await openNetworks({ tag: "", db: database });
    await network.recover([]);
    expect(database.query("SELECT * FROM network_lease").all()).toEqual([]);
    expect(fromOutside(8080)).toBe("ECONNREFUSED");
    using _free = serveTcp(undefined, 8080);
  });

  test("an engine with a tag has its own subnet and names, and neither touches the other's", async () => {
    const a = await start("a", [tcp80]);
    const otherDatabase = migratedDatabase();
    const other = await openNetworks({ tag: "0a1b2c", db: otherDatabase });
    await other.recover([]);
    expect(other.find("bridge")?.subnet).not.toBe(network.find("bridge")?.subnet);
    expect(other.find("bridge")?.bridge).toBe("tf0a1b2cbr");
    const b = await acquire(other, "b", { ports: [{ ...tcp80, hostPort: 8083 }] }, otherDatabase);
    using server = serveTcp(b.netns, 80);
    expect(tryTcp(outside, { address: hostAddress, port: 8083 }, server)).toBe(outsideAddress);
    // The two networks are strangers to each other.
    expect(connectOutcome(a.netns, { address: b.address, port: 80 })).toBe("EINPROGRESS");
    await network.recover([liveOf("a", a)]);
    expect(findLink(route, b.hostLink)).toBeDefined();
    b.netns[Symbol.dispose]();
    await other.remove();
    expect(findLink(route, a.hostLink)).toBeDefined();
    using mine = serveTcp(a.netns, 80);
    expect(tryTcp(outside, { address: hostAddress, port: 8080 }, mine)).toBe(outsideAddress);
  });

  test("what a lost instance left goes by its tag alone", async () => {
    const otherDatabase = migratedDatabase();
    const lost = await openNetworks({ tag: "0a1b2c", db: otherDatabase });
    keep((await acquire(lost, "b", { ports: [] }, database)).netns);
    await lost.close();
    removeNetworkRemains("0a1b2c");
    removeNetworkRemains("0a1b2c");
    expect(listLinks(route).filter((link) => link.name.startsWith("tf0a1b2c"))).toEqual([]);
    expect(tableExists(netfilter, hostNames("0a1b2c").table)).toBe(false);
    expect(tableExists(netfilter, names.table)).toBe(true);
  });

  test("rules and bridge that somebody deleted come back with the ports, and links find their bridge", async () => {
    const a = await start("a", [tcp80]);
    using server = serveTcp(a.netns, 80);
    nftTransaction(netfilter, [deleteTable(names.table)]);
    route.execute([deleteLink(names.defaultBridge)]);
    await start("b", [{ ...tcp80, hostPort: 8084 }]);
    expect(tryTcp(outside, { address: hostAddress, port: 8080 }, server)).toBe(outsideAddress);
  });

  test("what was made ahead of need finds the bridge that came back, too", async () => {
    await start("a", [tcp80]);
    await until("something made ahead", () => listLinks(route, { kind: "veth" }).length >= 4);
    route.execute([deleteLink(names.defaultBridge)]);
    await until("the next look", () => findLink(route, names.defaultBridge) !== undefined);
    for (const [index, id] of ["b", "c", "d"].entries()) {
      const { netns } = await start(id, [{ ...tcp80, hostPort: 8090 + index }]);
      using server = serveTcp(netns, 80);
      expect(tryTcp(outside, { address: hostAddress, port: 8090 + index }, server)).toBe(outsideAddress);
    }
  }, 30_000);

  test("a bridge that was deleted while no engine ran comes back with its containers", async () => {
    const a = await start("a", [tcp80]);
    using server = serveTcp(a.netns, 80);
    await network.close();
    route.execute([deleteLink(names.defaultBridge)]);
    network = await openNetworks({ tag: "", db: database });
    await network.recover([liveOf("a", a)]);
    expect(tryTcp(outside, { address: hostAddress, port: 8080 }, server)).toBe(outsideAddress);
  });

  test("a database of a time when the bridge had another subnet does not move it away from its containers", async () => {
    const a = await start("a", [tcp80]);
    using server = serveTcp(a.netns, 80);
    const subnet = network.find("bridge")?.subnet ?? "";
    const start16 = subnet.split(".").slice(0, 2).join(".");
    await network.close();
    database.run("UPDATE network SET document = replace(document, ?, '172.19')", [start16]);
    network = await openNetworks({ tag: "", db: database });
    await network.recover([liveOf("a", a)]);
    expect(network.find("bridge")?.subnet).toBe(subnet);
    expect(tryTcp(outside, { address: hostAddress, port: 8080 }, server)).toBe(outsideAddress);
  });

  test("forwarding that somebody switched off comes back while the engine runs", async () => {
    await start("a", [tcp80]);
    const path = "/proc/sys/net/ipv4/ip_forward";
    expect(readFileSync(path, "utf8").trim()).toBe("1");
    writeFileSync(path, "0");
    await until("the next look", () => readFileSync(path, "utf8").trim() === "1");
  }, 30_000);

  test("10000 containers pass through 13 addresses: no duplicate, no leak, no address twice in a row", async () => {
    await network.remove();
    database.close();
    database = migratedDatabase();
    network = await openNetworks({ tag: "", db: database, subnet: "172.30.7.0/28" });
    const live = new Map<string, string>();
    let last = "";
    for (let cycle = 0; cycle < 10_000; cycle += 1) {
      if (live.size === 10) {
        const [oldest = ""] = live.keys();
        live.delete(oldest);
        await network.release(oldest);
      }
      const { address } = await acquireUnwired(network, `c${cycle}`, { ports: [] });
      if (address === last || [...live.values()].includes(address)) throw new Error(`${address} given twice`);
      live.set(`c${cycle}`, address);
      last = address;
    }
    for (const id of live.keys()) await network.release(id);
    expect(database.query("SELECT * FROM network_lease").all()).toEqual([]);
    for (let more = 0; more < 13; more += 1) await acquireUnwired(network, `d${more}`, { ports: [] });
    expect(await failure(acquire(network, "e", { ports: [] }, database))).toBe(
      "unavailable network.addresses-exhausted",
    );
  });

  test("a bridge with all its ports taken says so", async () => {
    await network.close();
    const master = findLink(route, names.defaultBridge)?.index ?? 0;
    const sink = createNetns(() => undefined).netns;
    route.execute(
      Array.from({ length: 1023 }, (_, index) =>
        newLink({ name: `fill${index}`, master }, { kind: "veth", peer: { netnsFd: sink.raw } }),
      ),
    );
    network = await openNetworks({ tag: "", db: database });
    expect(await failure(acquire(network, "a", { ports: [] }, database))).toBe(
      "unavailable network.bridge-full",
    );
    sink[Symbol.dispose]();
    await until("the links to be gone", () => !listLinks(route).some((link) => link.name.startsWith("fill")));
  }, 120_000);

  test("descriptors and the thread's namespace are as before", async () => {
    const held = (): number => readdirSync("/proc/self/fd").length;
    const before = [await settled("descriptors", held), readlinkSync("/proc/thread-self/ns/net")];
    const second = await openNetworks({ tag: "0a1b2c", db: migratedDatabase() });
    await second.recover([]);
    for (let round = 0; round < 5; round += 1) {
      const a = await acquire(second, "a", { ports: [tcp80] }, database);
      a.netns[Symbol.dispose]();
      await pause(10, "the dead one had time to take spare networks");
    }
    await second.remove();
    expect([held(), readlinkSync("/proc/thread-self/ns/net")]).toEqual(before);
  });

  test("the first packet to a fresh endpoint arrives", async () => {
    for (let round = 0; round < 15; round += 1) {
      await network.remove();
      network = await openNetworks({ tag: "", db: database });
      const a = await acquire(network, "a", { ports: [tcp80] }, database);
      using server = serveTcp(a.netns, 80);
      expect(tryTcp(undefined, { address: "127.0.0.1", port: 8080 }, server)).toBe(network.hostGateway);
      a.netns[Symbol.dispose]();
    }
  });

  test.skipIf(Bun.which("nft") === null)(
    "the kernel holds the rules that are printed (skipped without the nft command)",
    () => {
      const listed = Bun.spawnSync(["nft", "list", "table", "inet", "tiffin"]).stdout.toString();
      const wanted = renderRuleset(hostRuleset(names.table));
      const rules = listed.split("\n").filter((line) => !line.includes("elements = "));
      expect(normalized(rules.join("\n"))).toEqual(normalized(wanted));
      for (const elements of ['{ "tiffin0" }', '{ "tiffin0" . "tiffin0" }', "{ 172.30.0.0/16 }"]) {
        expect(listed).toContain(`elements = ${elements}`);
      }
    },
  );

  /** nft writes priorities as words and says what it derived. */
  function normalized(text: string): string[] {
    const words: Record<string, string> = {
      raw: "-300",
      mangle: "-150",
      dstnat: "-100",
      filter: "0",
      srcnat: "100",
    };
    return text
      .split("\n")
      .map((line) => line.trim().replace(" meta nfproto ipv4", ""))
      .map((line) =>
        line.replace(
          /priority (\w+);/,
          (whole, word: string) => `priority ${words[word] ?? whole.slice(9, -1)};`,
        ),
      )
      .filter((line) => line !== "");
  }

  function iptables(...args: string[]): string {
    const { stdout, stderr, exitCode } = Bun.spawnSync(["iptables", ...args]);
    if (exitCode !== 0) throw new Error(stderr.toString());
    return stdout.toString();
  }

  test.skipIf(Bun.which("iptables") === null)(
    "beside Docker's dropping iptables everything works, and removal restores its rules (skipped without iptables)",
    async () => {
      const setUp = [
        ["-P", "FORWARD", "DROP"],
        ["-N", "DOCKER-USER"],
        ["-A", "FORWARD", "-j", "DOCKER-USER"],
        ["-A", "FORWARD", "-i", "docker0", "!", "-o", "docker0", "-j", "ACCEPT"],
      ];
      for (const args of setUp) iptables(...args);
      try {
        const before = iptables("-S");
        await network.recover([]);
        // Saving and restoring, as firewall services do at a reload, keeps comments in another form.
        Bun.spawnSync(["sh", "-c", "iptables-save > $0 && iptables-restore < $0", temporary("rules")]);
        await network.recover([]);
        const rules = iptables("-S", "FORWARD").trim().split("\n");
        expect(rules.map((rule) => rule.replace(/ -m comment --comment "[^"]*"/, ""))).toEqual([
          "-P FORWARD DROP",
          "-A FORWARD -j DOCKER-USER",
          "-A FORWARD -i tiffin0 ! -o docker0 -j ACCEPT",
          "-A FORWARD -o tiffin0 -j ACCEPT",
          "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
        ]);
        const a = await start("a", [tcp80]);
        const b = await start("b");
        using server = serveTcp(a.netns, 80);
        expect(tryTcp(outside, { address: hostAddress, port: 8080 }, server)).toBe(outsideAddress);
        expect(tryTcp(b.netns, { address: a.address, port: 80 }, server)).toBe(b.address);
        using world = serveTcp(outside, 7000);
        expect(tryTcp(a.netns, { address: outsideAddress, port: 7000 }, world)).toBe(hostAddress);
        await network.remove();
        expect(iptables("-S")).toBe(before);
        network = await openNetworks({ tag: "", db: database });
        expect(listRules(netfilter, { family: "ip", table: "filter" }, "FORWARD")).toHaveLength(4);
      } finally {
        await network.remove();
        for (const args of [["-P", "FORWARD", "ACCEPT"], ["-F"], ["-X"]]) iptables(...args);
        network = await openNetworks({ tag: "", db: database });
      }
    },
  );
});
