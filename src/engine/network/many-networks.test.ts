/** Several networks, and containers in several of them, in the model and in the kernel. */

import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { inOwnNetns } from "../../../test/support/in-own-netns.ts";
import { pause, settled, until } from "../../../test/support/until.ts";
import {
  findLink,
  inNetns,
  listAddresses,
  listLinks,
  listRoutes,
  NetlinkSocket,
  tableExists,
  writeSysctl,
} from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { monotonicMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import { addAddress } from "../../linux/netlink/address.ts";
import { formatIpv4, parseIpv4 } from "../../linux/netlink/ipv4.ts";
import { deleteLink, newLink, setLink } from "../../linux/netlink/link.ts";
import { migratedDatabase } from "../store/testing/migrated-database.ts";
import { builtInIds } from "./built-in-networks.ts";
import { type EndpointRecord, type LiveContainer, type Networks, networkSteps } from "./model.ts";
import { hostNames } from "./names.ts";
import { openNetworks } from "./open-networks.ts";
import { connectOutcome, serveTcp, tryTcp } from "./testing/raw-socket.ts";
import { Failpoint, type Started, startIn } from "./testing/started.ts";

const names = hostNames("");

inOwnNetns(import.meta.path, () => {
  let route: NetlinkSocket;
  let netfilter: NetlinkSocket;
  let database: Database;
  let networks: Networks;
  const opened: Disposable[] = [];

  const failpoint = new Failpoint();
  const { fail } = failpoint;

  beforeEach(async () => {
    route = NetlinkSocket.open("route");
    netfilter = NetlinkSocket.open("netfilter");
    route.execute([setLink("lo", { up: true })]);
    database = migratedDatabase();
    failpoint.at = undefined;
    networks = await openNetworks({ tag: "", db: database, fail });
    await networks.recover([]);
  });

  afterEach(async () => {
    for (const thing of opened.splice(0)) thing[Symbol.dispose]();
    await networks.remove();
    expect(listLinks(route).map((link) => link.name)).toEqual(["lo"]);
    expect(tableExists(netfilter, names.table)).toBe(false);
    database.close();
    route[Symbol.dispose]();
    netfilter[Symbol.dispose]();
  });

  async function start(
    id: string,
    ids: readonly string[],
    ports: Parameters<Networks["acquire"]>[1]["ports"] = [],
  ): Promise<Started> {
    return startIn(networks, opened, id, { endpoints: ids.map((network) => ({ network })), ports });
  }

  function addressIn(endpoints: readonly EndpointRecord[], network: string): string {
    return endpoints.find((endpoint) => endpoint.network === network)?.address ?? "";
  }

  /** What the kernel has in a namespace: links with their addresses, and where the default route goes. */
  function inside(netns: OwnedFd): { links: Record<string, string[]>; gateway: string } {
    using socket = inNetns(netns, () => NetlinkSocket.open("route"));
    const addresses = listAddresses(socket);
    const links = listLinks(socket).map(({ name, index }): [string, string[]] => [
      name,
      addresses.filter(({ linkIndex }) => linkIndex === index).map(({ address }) => formatIpv4(address)),
    ]);
    const way = listRoutes(socket).find(({ destination }) => destination.length === 0)?.gateway;
    return { links: Object.fromEntries(links), gateway: way === undefined ? "" : formatIpv4(way) };
  }

  function reach(from: OwnedFd | undefined, address: string, to: OwnedFd | undefined): string {
    using server = serveTcp(to, 80);
    return tryTcp(from, { address, port: 80 }, server);
  }

  const bridges = (): string[] =>
    listLinks(route, { kind: "bridge" })
      .map(({ name }) => name)
      .sort();
  const leases = (): unknown[] => database.query("SELECT container_id FROM network_lease").all();

  test("a container with two endpoints is in both networks, which do not reach each other", async () => {
    const one = networks.create({ name: "one" });
    const two = networks.create({ name: "two" });
    const both = await start("both", [two.id, one.id]);
    const a = await start("a", [one.id]);
    const b = await start("b", [two.id]);
    const [first, second] = both.endpoints;
    expect(both.endpoints.map(({ link, network }) => [link, network])).toEqual([
      ["eth0", two.id],
      ["eth1", one.id],
    ]);
    // Of two that may give it, the first by name gives the default route.
    expect(inside(both.netns)).toEqual({
      links: { lo: ["127.0.0.1"], eth0: [first?.address ?? ""], eth1: [second?.address ?? ""] },
      gateway: one.gateway,
    });
    expect(reach(a.netns, addressIn(both.endpoints, one.id), both.netns)).toBe(
      addressIn(a.endpoints, one.id),
    );
    expect(reach(b.netns, addressIn(both.endpoints, two.id), both.netns)).toBe(
      addressIn(b.endpoints, two.id),
    );
    expect(reach(undefined, addressIn(both.endpoints, two.id), both.netns)).toBe(two.gateway);
    // Neither by its own address, nor through the other's container.
    expect(connectOutcome(a.netns, { address: addressIn(b.endpoints, two.id), port: 80 })).toBe(
      "EINPROGRESS",
    );
    expect(connectOutcome(a.netns, { address: addressIn(both.endpoints, two.id), port: 80 })).toBe(
      "EINPROGRESS",
    );
    expect(leases()).toHaveLength(4);
    await networks.release("both");
    expect(leases()).toHaveLength(2);
  });

  test("published ports lead to the endpoint that gives the default route, from every network", async () => {
    const one = networks.create({ name: "one" });
    const two = networks.create({ name: "two" });
    const closed = networks.create({ name: "closed", internal: true });
    const port = { containerPort: 80, protocol: "tcp", hostPort: 8080 } as const;
    const web = await start("web", [closed.id, two.id], [port]);
    const a = await start("a", [one.id]);
    const b = await start("b", [two.id]);
    const c = await start("c", [closed.id]);
    using server = serveTcp(web.netns, 80);
    const at = (from: OwnedFd | undefined, address: string) => tryTcp(from, { address, port: 8080 }, server);
    expect(at(undefined, "127.0.0.1")).toBe(two.gateway);
    expect(at(b.netns, two.gateway)).toBe(two.gateway);
    expect(at(a.netns, one.gateway)).toBe(two.gateway);
    expect(connectOutcome(c.netns, { address: one.gateway, port: 8080 })).toBe("ENETUNREACH");
  });

  test("an internal network is closed, and one without traffic within isolates its containers", async () => {
    const closed = networks.create({ name: "closed", internal: true });
    const apart = networks.create({ name: "apart", openWithin: false });
    const a = await start("a", [closed.id]);
    const b = await start("b", [closed.id]);
    expect(inside(a.netns).gateway).toBe("");
    expect(a.endpoints[0]?.gateway).toBe("");
    expect(reach(a.netns, addressIn(b.endpoints, closed.id), b.netns)).toBe(
      addressIn(a.endpoints, closed.id),
    );
    const c = await start("c", [apart.id], [{ containerPort: 80, protocol: "tcp", hostPort: 8081 }]);
    const d = await start("d", [apart.id]);
    expect(connectOutcome(d.netns, { address: addressIn(c.endpoints, apart.id), port: 80 })).toBe(
      "EINPROGRESS",
    );
    // The published way is open. (With br_netfilter a rewritten packet is bridged from port to port, and these are apart.)
    if (existsSync("/proc/sys/net/bridge")) writeSysctl("net/bridge/bridge-nf-call-iptables", "0");
    using server = serveTcp(c.netns, 80);
    expect(tryTcp(d.netns, { address: apart.gateway, port: 8081 }, server)).toBe(apart.gateway);
  });

  test("settings of a network show in the kernel", () => {
    const network = networks.create({
      name: "own",
      subnet: "10.99.0.0/24",
      gateway: "10.99.0.200",
      ipRange: "10.99.0.16/30",
      auxiliary: { printer: "10.99.0.17" },
      bridge: "lunch0",
      mtu: 1400,
    });
    const link = findLink(route, "lunch0");
    expect([link?.mtuBytes, link?.up]).toEqual([1400, true]);
    expect(listAddresses(route, link?.index).map(({ address }) => formatIpv4(address))).toEqual([
      "10.99.0.200",
    ]);
    expect(networks.find("own")).toEqual(network);
    networks.delete(network.id);
    expect(findLink(route, "lunch0")).toBeUndefined();
  });

  test("a running container is connected and disconnected: links, default route and ports follow", async () => {
    const one = networks.create({ name: "one" });
    const two = networks.create({ name: "two" });
    const port = { containerPort: 80, protocol: "tcp", hostPort: 8080 } as const;
    const web = await start("web", [two.id], [port]);
    const a = await start("a", [one.id]);
    using server = serveTcp(web.netns, 80);
    const published = () => tryTcp(undefined, { address: "127.0.0.1", port: 8080 }, server);
    expect(published()).toBe(two.gateway);
    const more = networks.connect("web", { network: one.id }, web.live, web.netns);
    expect(more.endpoints.map(({ link }) => link)).toEqual(["eth0", "eth1"]);
    expect(inside(web.netns).gateway).toBe(one.gateway);
    expect(published()).toBe(one.gateway);
    const to = { address: addressIn(more.endpoints, one.id), port: 80 };
    expect(tryTcp(a.netns, to, server)).toBe(addressIn(a.endpoints, one.id));
    const now = { containerId: "web", ...more };
    const less = networks.disconnect("web", one.id, now, web.netns);
    expect(less).toEqual({ endpoints: web.endpoints, ports: web.ports });
    expect(inside(web.netns)).toEqual({
      links: { lo: ["127.0.0.1"], eth0: [addressIn(web.endpoints, two.id)] },
      gateway: two.gateway,
    });
    expect(published()).toBe(two.gateway);
    const none = networks.disconnect("web", two.id, { containerId: "web", ...less }, web.netns);
    expect(none).toEqual({ endpoints: [], ports: [] });
    expect(connectOutcome(undefined, { address: "127.0.0.1", port: 8080 })).toBe("ECONNREFUSED");
    // A priority decides before the name.
    const again = networks.connect("web", { network: one.id }, { ...web.live, ...none }, web.netns);
    const high = { network: two.id, gatewayPriority: 1 };
    networks.connect("web", high, { ...web.live, ...again }, web.netns);
    expect(inside(web.netns).gateway).toBe(two.gateway);
  });

  test("a network in use and a built-in one are not deleted, and no name, subnet or bridge is given twice", async () => {
    const one = networks.create({ name: "one", subnet: "10.99.0.0/24" });
    const code = (work: () => unknown): string => {
      try {
        work();
        return "no error";
      } catch (thrown) {
        if (!(thrown instanceof TiffinError)) throw thrown;
        return `${thrown.kind} ${thrown.code}`;
      }
    };
    const place = await start("a", [one.id]);
    expect(code(() => networks.delete(one.id))).toBe("forbidden network.in-use");
    expect(code(() => networks.delete(builtInIds.bridge))).toBe("forbidden network.built-in");
    expect(code(() => networks.create({ name: "one" }))).toBe("conflict network.name-taken");
    expect(code(() => networks.create({ name: "x", subnet: "10.99.0.128/25" }))).toBe(
      "forbidden network.subnet-overlaps",
    );
    expect(code(() => networks.create({ name: "x", bridge: "lo" }))).toBe("conflict network.bridge-taken");
    const bad = (change: object) =>
      code(() => networks.create({ name: "x", subnet: "10.98.0.0/24", ...change }));
    expect(bad({ subnet: "10.98.0.1/24" })).toBe("invalid network.subnet-invalid");
    expect(bad({ gateway: "10.97.0.1" })).toBe("invalid network.gateway-invalid");
    expect(bad({ gateway: "10.98.0.255" })).toBe("invalid network.gateway-invalid");
    expect(bad({ ipRange: "10.97.0.0/24" })).toBe("invalid network.range-invalid");
    expect(bad({ auxiliary: { x: "10.97.0.3" } })).toBe("invalid network.auxiliary-invalid");
    expect(bad({ mtu: 20 })).toBe("invalid network.mtu-invalid");
    expect(bad({ mtu: 70_000 })).toBe("invalid network.mtu-invalid");
    expect(bad({ bridge: "a b" })).toBe("invalid network.bridge-invalid");
    expect(networks.all().map(({ name }) => name)).toEqual(["bridge", "host", "none", "one"]);
    place.netns[Symbol.dispose]();
    await networks.release("a");
    networks.delete(one.id);
    expect(bridges()).toEqual(["tiffin0"]);
    expect(database.query("SELECT name FROM network ORDER BY name").all()).toHaveLength(3);
  });

  test.each(networkSteps)(
    "failing at %s leaves no link, row, address or element more or less",
    async (step) => {
      const one = networks.create({ name: "one", subnet: "10.99.0.0/29" });
      const two = networks.create({ name: "two", subnet: "10.98.0.0/29" });
      const web = await start("web", [one.id]);
      const look = () => ({
        bridges: bridges(),
        inside: inside(web.netns),
        leases: leases(),
        rows: database.query("SELECT id FROM network").all(),
        known: networks.all().map(({ name }) => name),
      });
      // Sockets of announcements are closed on another thread, and what is made ahead of need is made a moment later.
      const descriptors = () => readdirSync("/proc/self/fd").length;
      let open = descriptors();
      await until("the descriptors to come to rest", async () => {
        const last = open;
        await pause(100, "those being closed or made");
        open = descriptors();
        return open === last;
      });
      const before = look();
      const unchanged = async () => {
        expect(look()).toEqual(before);
        await until("no descriptor more", () => descriptors() <= open);
      };
      failpoint.at = step;
      const word = step.split(".")[0];
      if (word === "connect") {
        expect(() => networks.connect("web", { network: two.id }, web.live, web.netns)).toThrow(step);
        await unchanged();
      } else if (word === "disconnect") {
        expect(() => networks.disconnect("web", one.id, web.live, web.netns)).toThrow(step);
      } else if (step === "network.unlinked" || step === "network.forgotten") {
        expect(() => networks.delete(two.id)).toThrow(step);
      } else {
        expect(() => networks.create({ name: "three" })).toThrow(step);
        await unchanged();
      }
      failpoint.at = undefined;
      // Whatever had happened, the same can be done now, and every address is there.
      if (word === "disconnect") networks.disconnect("web", one.id, web.live, web.netns);
      if (step === "network.unlinked") networks.delete(two.id);
      if (word === "connect") {
        const more = networks.connect("web", { network: two.id }, web.live, web.netns);
        networks.disconnect("web", two.id, { ...web.live, ...more }, web.netns);
      }
      if (networks.find("two") === undefined) networks.create({ name: "two", subnet: "10.98.0.0/29" });
      const id = networks.resolve("two").id;
      await networks.release("web");
      for (let index = 0; index < 5; index += 1)
        await networks.acquireUnwired(`u${index}`, { endpoints: [{ network: id }], ports: [] });
    },
  );

  test("the next engine has the networks again; what was half connected is taken back", async () => {
    const one = networks.create({ name: "one" });
    const two = networks.create({ name: "two", internal: true, labels: { x: "y" } });
    const web = await start("web", [one.id]);
    const a = await start("a", [one.id]);
    networks.connect("web", { network: two.id }, web.live, web.netns);
    await networks.close();
    // A reboot in small: a bridge and the rules are gone.
    route.execute([deleteLink(two.bridge)]);
    networks = await openNetworks({ tag: "", db: database, fail });
    expect(networks.all().filter(({ name }) => name === "one" || name === "two")).toEqual([one, two]);
    // The state of the container does not know of the second network.
    await networks.recover([web.live, a.live]);
    expect(Object.keys(inside(web.netns).links)).toEqual(["lo", "eth0"]);
    expect(reach(a.netns, addressIn(web.endpoints, one.id), web.netns)).toBe(addressIn(a.endpoints, one.id));
    expect(bridges()).toEqual(["tiffin0", one.bridge, two.bridge].sort());
    expect(leases()).toHaveLength(2);
  });

  test("a network that the host does not take any more keeps no other from coming back", async () => {
    networks.create({ name: "one" });
    networks.create({ name: "lost", bridge: "lunch0" });
    await networks.close();
    route.execute([deleteLink("lunch0")]);
    route.execute([newLink({ name: "lunch0" }, { kind: "veth", peer: { name: "lunch1" } })]);
    const told: string[] = [];
    const report = (thrown: unknown): void => void told.push(String(thrown));
    networks = await openNetworks({ tag: "", db: database, report });
    await networks.recover([]);
    expect(told.some((line) => line.includes("network lost cannot be set up"))).toBe(true);
    const a = await start("a", [networks.resolve("one").id]);
    expect(inside(a.netns).gateway).not.toBe("");
    await networks.release("a");
    // What somebody else made under that name stays.
    networks.delete(networks.resolve("lost").id);
    route.execute([deleteLink("lunch0")]);
  });

  test("a start, a connect and a new network cost the same with 100 networks as with one", async () => {
    const one = networks.create({ name: "one" });
    const median = (times: number[]): number => times.sort((a, b) => a - b)[times.length >> 1] ?? 0;
    const measure = async (): Promise<Record<string, number>> => {
      const times: Record<string, number[]> = { acquire: [], connect: [], create: [] };
      const timed = (name: string, work: () => void): void => {
        const begin = monotonicMs();
        work();
        times[name]?.push(monotonicMs() - begin);
      };
      for (let round = 0; round < 15; round += 1) {
        const begin = monotonicMs();
        const place = await networks.acquire("x", { endpoints: [{ network: one.id }], ports: [] });
        times["acquire"]?.push(monotonicMs() - begin);
        const live = { containerId: "x", endpoints: place.endpoints, ports: place.ports };
        timed("connect", () => networks.connect("x", { network: builtInIds.bridge }, live, place.netns));
        place.netns[Symbol.dispose]();
        await networks.release("x");
        timed("create", () => void networks.create({ name: `round${round}` }));
        networks.delete(networks.resolve(`round${round}`).id);
      }
      return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
    };
    const few = await measure();
    const begin = monotonicMs();
    for (let index = 0; index < 99; index += 1) networks.create({ name: `more${index}` });
    const made = (monotonicMs() - begin) / 99;
    const many = await measure();
    const report = `with 1: ${JSON.stringify(few)}, with 100: ${JSON.stringify(many)}, each made in ${made} ms`;
    process.stderr.write(`${report}\n`);
    // Generous, for a machine that does other things meanwhile.
    expect(many["acquire"] ?? 0).toBeLessThan(3 * (few["acquire"] ?? 0) + 2);
    expect(many["connect"] ?? 0).toBeLessThan(3 * (few["connect"] ?? 0) + 2);
    // Another engine has them all at once, and its look at the host stays small.
    await networks.close();
    const opening = monotonicMs();
    networks = await openNetworks({ tag: "", db: database });
    await networks.recover([]);
    process.stderr.write(`100 networks taken over in ${monotonicMs() - opening} ms\n`);
    expect(networks.all()).toHaveLength(103);
  }, 60_000);

  test("what a network had, name, subnets and bridge, is there for the next one as soon as it is removed", () => {
    const request = {
      name: "again",
      subnet: "10.66.0.0/24",
      bridge: "again0",
      ipv6: { subnet: "fd00:66::/64" },
    };
    for (let round = 0; round < 12; round += 1) {
      networks.delete(networks.create(request).id);
      expect(bridges()).toEqual(["tiffin0"]);
      const free = networks.create({ ...request, name: "other", bridge: "other0" });
      networks.delete(free.id);
    }
    expect(networks.find("again")).toBeUndefined();
  });

  test("a network whose bridge somebody deleted is removed all the same", () => {
    route.execute([newLink({ name: "theirs0" }, { kind: "bridge" }), setLink("theirs0", { up: true })]);
    const own = networks.create({ name: "own", bridge: "own0" });
    const adopted = networks.create({ name: "adopted", bridge: "theirs0", subnet: "10.66.0.0/24" });
    route.execute([deleteLink("own0"), deleteLink("theirs0")]);
    networks.delete(own.id);
    networks.delete(adopted.id);
    expect(bridges()).toEqual(["tiffin0"]);
  });

  test("what is made ahead of need grows with the demand up to a limit, for a few networks, and goes when the engine stops", async () => {
    const pairs = (): number => listLinks(route, { kind: "veth" }).length;
    const least = 2;
    const most = 16;
    const others = 4;
    await until("the default network has some", () => pairs() === least);
    for (let count = 0; count < 2 * most; count += 1) {
      const place = await networks.acquire("x", { endpoints: [{ network: builtInIds.bridge }], ports: [] });
      place.netns[Symbol.dispose]();
      await networks.release("x");
    }
    await until("there are as many as may be", () => pairs() === most);
    for (let index = 0; index < others + 2; index += 1) {
      const { id } = networks.create({ name: `used${index}` });
      const place = await networks.acquire("x", { endpoints: [{ network: id }], ports: [] });
      place.netns[Symbol.dispose]();
      await networks.release("x");
    }
    await until("the networks used last have some too", () => pairs() > most);
    const bridgeIndexes = new Map(
      listLinks(route, { kind: "bridge" }).map(({ index, name }) => [index, name]),
    );
    const served = () =>
      new Set(listLinks(route, { kind: "veth" }).map(({ master = 0 }) => bridgeIndexes.get(master)));
    await until("only those have", () => served().size === 1 + others);
    await networks.close();
    await until("nothing is there", () => pairs() === 0);
    networks = await openNetworks({ tag: "", db: database, fail });
    await networks.recover([]);
  });

  test("a bridge that was there before is adopted, keeps what it has and stays", () => {
    route.execute([newLink({ name: "theirs0" }, { kind: "bridge" }), setLink("theirs0", { up: true })]);
    const linkIndex = findLink(route, "theirs0")?.index ?? 0;
    const theirs = parseIpv4("10.66.0.1") ?? 0;
    route.execute([addAddress({ linkIndex, address: theirs, prefixLength: 24 })]);
    const addresses = (): string[] =>
      listAddresses(route, linkIndex)
        .map(({ address }) => formatIpv4(address))
        .sort();
    const make = (name: string, subnet: string, gateway: string) =>
      networks.create({ name, bridge: "theirs0", subnet, gateway });
    const other = make("other", "10.67.0.0/24", "10.67.0.1");
    expect(addresses()).toEqual(["10.66.0.1", "10.67.0.1"]);
    expect(() => make("second", "10.68.0.0/24", "10.68.0.1")).toThrow(
      "there is a link theirs0 on this host already",
    );
    networks.delete(other.id);
    expect(addresses()).toEqual(["10.66.0.1"]);
    const same = make("same", "10.66.0.0/24", "10.66.0.1");
    expect(addresses()).toEqual(["10.66.0.1"]);
    networks.delete(same.id);
    expect(addresses()).toEqual(["10.66.0.1"]);
    expect(() => networks.create({ name: "lo", bridge: "lo" })).toThrow(
      "there is a link lo on this host already",
    );
    route.execute([deleteLink("theirs0")]);
  });

  /** Ten thousand with the variable; fewer show the same of most faults. */
  const cycles = Number(process.env["TIFFIN_CYCLES"] ?? "60");

  test("containers that join and leave a network of 13 addresses leave nothing, and no address is there twice", async () => {
    const network = networks.create({
      name: "small",
      subnet: "10.66.0.0/28",
      ipv6: { subnet: "fd00:66::/124" },
    }).id;
    const containers = await Promise.all(["a", "b", "c"].map((id) => start(id, [builtInIds.bridge])));
    // With what is made ahead of need after these starts.
    const before = await settled("descriptors", () => readdirSync("/proc/self/fd").length);
    const held: { readonly place: Started; readonly live: LiveContainer }[] = [];
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      const place = containers[cycle % containers.length];
      if (place === undefined) throw new Error("no container");
      const { live, netns } = place;
      const joined = networks.connect(live.containerId, { network }, live, netns);
      held.push({ place, live: { containerId: live.containerId, ...joined } });
      const all = held.map((each) => addressIn(each.live.endpoints, network));
      expect(new Set(all).size).toBe(all.length);
      const oldest = held.length === containers.length ? held.shift() : undefined;
      if (oldest !== undefined) {
        networks.disconnect(oldest.live.containerId, network, oldest.live, oldest.place.netns);
      }
    }
    for (const { live, place } of held) networks.disconnect(live.containerId, network, live, place.netns);
    expect(networks.countOf(network)).toBe(0);
    for (const { netns } of containers) expect(Object.keys(inside(netns).links)).toEqual(["lo", "eth0"]);
    await until("sockets are closed", () => readdirSync("/proc/self/fd").length <= before + 8);
    networks.delete(network);
  }, 600_000);
});
