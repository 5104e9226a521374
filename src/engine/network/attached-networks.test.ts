/** Networks on a link of the host's, and one that spans two hosts, in the model and in the kernel. */
import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { inOwnNetns } from "../../../test/support/in-own-netns.ts";
import { until } from "../../../test/support/until.ts";
import { findLink, inNetns, listLinks, NetlinkSocket } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { TiffinError } from "../../lib/errors.ts";
import { addAddress } from "../../linux/netlink/address.ts";
import { formatMac, parseIpv4 } from "../../linux/netlink/ipv4.ts";
import { deleteLink, newLink, setLink } from "../../linux/netlink/link.ts";
import { migratedDatabase } from "../store/testing/migrated-database.ts";
import { builtInIds } from "./built-in-networks.ts";
import type { EndpointRequest, NetworkRequest, Networks } from "./model.ts";
import { openNetworks } from "./open-networks.ts";
import { Failpoint, type Started, startIn } from "./testing/started.ts";

inOwnNetns(import.meta.path, () => {
  let route: NetlinkSocket;
  let database: Database;
  let networks: Networks;
  let wire: OwnedFd;
  const opened: Disposable[] = [];

  const failpoint = new Failpoint();
  const { fail } = failpoint;

  /** `lan0` is the host's link to a neighbour at 192.0.2.9, as a cable would be. */
  beforeEach(async () => {
    route = NetlinkSocket.open("route");
    route.execute([setLink("lo", { up: true })]);
    database = migratedDatabase();
    failpoint.at = undefined;
    networks = await openNetworks({ tag: "", db: database, fail });
    await networks.recover([]);
    wire = networks.createIsolatedNetns();
    route.execute([
      newLink({ name: "lan0" }, { kind: "veth", peer: { name: "far0", netnsFd: wire.raw } }),
      setLink("lan0", { up: true }),
    ]);
    using far = inNetns(wire, () => NetlinkSocket.open("route"));
    far.execute([setLink("far0", { up: true })]);
    const linkIndex = findLink(far, "far0")?.index ?? 0;
    far.execute([addAddress({ linkIndex, address: parseIpv4("192.0.2.9") ?? 0, prefixLength: 24 })]);
  });

  afterEach(async () => {
    for (const thing of opened.splice(0)) thing[Symbol.dispose]();
    await networks.remove();
    route.execute([deleteLink("lan0")]);
    wire[Symbol.dispose]();
    expect(listLinks(route).map((link) => link.name)).toEqual(["lo"]);
    database.close();
    route[Symbol.dispose]();
  });

  const macvlan = { kind: "macvlan", mode: "bridge", parent: "lan0" } as const;
  const lan = { subnet: "192.0.2.0/24", gateway: "192.0.2.9" } as const;

  function make(name: string, change: Partial<NetworkRequest> = {}): string {
    return networks.create({ name, driver: "macvlan", attachment: macvlan, ...lan, ...change }).id;
  }

  async function start(id: string, ...endpoints: readonly EndpointRequest[]): Promise<Started> {
    return startIn(networks, opened, id, { endpoints, ports: [] });
  }

  function ping(from: OwnedFd, address: string): boolean {
    const words = ["busybox", "ping", "-c1", "-W1", address];
    const enter = ["nsenter", `--net=/proc/${process.pid}/fd/${from.raw}`];
    return Bun.spawnSync([...enter, ...words], { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
  }

  function linksIn(netns: OwnedFd): string[] {
    using socket = inNetns(netns, () => NetlinkSocket.open("route"));
    return listLinks(socket).map(({ name, kind }) => `${name} ${kind}`);
  }

  const outcome = (work: () => unknown): string => {
    try {
      work();
      return "done";
    } catch (thrown) {
      if (!(thrown instanceof TiffinError)) throw thrown;
      return `${thrown.kind}: ${thrown.message}`;
    }
  };

  test("a container on a macvlan is a neighbour of those on the cable, and of its like", async () => {
    const network = make("lan");
    const one = await start("one", { network });
    const two = await start("two", { network, mac: "02:00:00:00:00:77" });
    expect(linksIn(one.netns)).toEqual(["lo ", "eth0 macvlan"]);
    expect(one.endpoints[0]).toMatchObject({ address: "192.0.2.1", gateway: "192.0.2.9", prefixLength: 24 });
    expect(two.endpoints[0]?.mac).toBe("02:00:00:00:00:77");
    await until("the cable carries", () => ping(one.netns, "192.0.2.9"));
    expect(ping(one.netns, "192.0.2.2")).toBe(true);
    expect(networks.countOf(network)).toBe(2);
  });

  test("its published ports lead nowhere, those of a bridge that it is in too lead there", async () => {
    const network = make("lan");
    const ports = [{ containerPort: 80, protocol: "tcp" }] as const;
    const alone = await networks.acquire("alone", { endpoints: [{ network }], ports });
    opened.push(alone.netns);
    expect(alone.ports).toEqual([]);
    const both = await networks.acquire("both", {
      endpoints: [{ network: builtInIds.bridge }, { network, gatewayPriority: 9 }],
      ports,
    });
    opened.push(both.netns);
    expect(both.ports.length).toBe(1);
    expect(linksIn(both.netns)).toEqual(["lo ", "eth0 veth", "eth1 macvlan"]);
  });

  test("a running container joins and leaves; an address that came back is given again", async () => {
    const network = make("lan");
    const one = await start("one", { network: builtInIds.bridge });
    const joined = networks.connect("one", { network, address: "192.0.2.7" }, one.live, one.netns);
    expect(linksIn(one.netns)).toEqual(["lo ", "eth0 veth", "eth1 macvlan"]);
    await until("the cable carries", () => ping(one.netns, "192.0.2.9"));
    networks.disconnect("one", network, { containerId: "one", ...joined }, one.netns);
    expect(linksIn(one.netns)).toEqual(["lo ", "eth0 veth"]);
    expect((await start("two", { network, address: "192.0.2.7" })).endpoints[0]?.address).toBe("192.0.2.7");
  });

  test("a container that starts again has its MAC and its address again", async () => {
    const network = make("lan");
    const request = { network, mac: "02:00:00:00:00:77", address: "192.0.2.7" } as const;
    for (let turn = 0; turn < 5; turn += 1) {
      const place = await networks.acquire("one", { endpoints: [request], ports: [] });
      expect(place.endpoints[0]).toMatchObject({ mac: request.mac, address: request.address });
      place.netns[Symbol.dispose]();
      await networks.release("one");
    }
  });

  test("a connection that fails leaves no link in the container", async () => {
    const network = make("lan");
    const one = await start("one", { network: builtInIds.bridge });
    for (const step of ["connect.address", "connect.row", "connect.link"] as const) {
      failpoint.at = step;
      expect(outcome(() => networks.connect("one", { network }, one.live, one.netns))).toContain(step);
      failpoint.at = undefined;
      expect(linksIn(one.netns)).toEqual(["lo ", "eth0 veth"]);
      expect(networks.countOf(network)).toBe(0);
    }
  });

  test("the next engine knows the network and who is in it", async () => {
    const network = make("lan");
    const one = await start("one", { network, address: "192.0.2.7" });
    await start("two", { network, address: "192.0.2.8" });
    await networks.close();
    networks = await openNetworks({ tag: "", db: database, fail });
    await networks.recover([one.live]);
    expect(networks.byId(network)).toMatchObject({ driver: "macvlan", attachment: macvlanOn("lan0") });
    const late = await networks
      .acquire("late", { endpoints: [{ network, address: "192.0.2.7" }], ports: [] })
      .catch((thrown: Error) => thrown.message);
    expect(late).toBe("address 192.0.2.7 is already in use");
    expect((await start("three", { network, address: "192.0.2.8" })).endpoints[0]?.address).toBe("192.0.2.8");
  });

  const macvlanOn = (link: string) => ({ kind: "macvlan", mode: "bridge", link });

  test("a parent that is gone, or is used otherwise, is named", async () => {
    const network = make("lan");
    expect(outcome(() => make("two", { subnet: "192.0.2.0/25", gateway: "" }))).toStartWith(
      "forbidden: invalid pool request",
    );
    const other = { subnet: "10.99.0.0/24", gateway: "" };
    expect(outcome(() => make("nowhere", { ...other, attachment: { ...macvlan, parent: "eth9" } }))).toBe(
      "invalid: the requested parent interface eth9 was not found on the Docker host: there is no link of that name",
    );
    expect(
      outcome(() => make("vlan", { ...other, attachment: { ...macvlan, parent: "eth9.10" } })),
    ).toContain("eth9.10 was not found");
    expect(outcome(() => make("long", { ...other, mtu: 9000 }))).toBe(
      "invalid: invalid MTU 9000: its parent lan0 has 1500",
    );
    const ipvlan = { kind: "ipvlan", mode: "l2", parent: "lan0" } as const;
    expect(outcome(() => make("mixed", { ...other, driver: "ipvlan", attachment: ipvlan }))).toBe(
      "conflict: network lan is already using parent interface lan0 with the driver macvlan",
    );
    const one = await start("one", { network, mac: "02:00:00:00:00:77" });
    const same = await networks
      .acquire("late", { endpoints: [{ network, mac: "02:00:00:00:00:77" }], ports: [] })
      .catch((thrown: Error) => thrown.message);
    expect(same).toBe("the MAC address for eth0 is already in use on the parent of the network");
    one.netns[Symbol.dispose]();
    expect(networks.all().map(({ name }) => name)).toEqual(["bridge", "host", "none", "lan"]);
  });

  test("a vxlan joins the containers of two hosts", async () => {
    // The other host is a namespace with an engine of its own at the far end of the cable.
    const linkIndex = findLink(route, "lan0")?.index ?? 0;
    route.execute([addAddress({ linkIndex, address: parseIpv4("192.0.2.8") ?? 0, prefixLength: 24 })]);
    const farDatabase = migratedDatabase();
    const far = await inNetns(wire, () => openNetworks({ tag: "", db: farDatabase }));
    await inNetns(wire, () => far.recover([]));
    try {
      const span = (side: Networks, peer: string, gateway: string, ipRange: string): string =>
        side.create({
          name: "span",
          driver: "vxlan",
          subnet: "10.88.0.0/24",
          gateway,
          ipRange,
          auxiliary: { other: gateway === "10.88.0.1" ? "10.88.0.2" : "10.88.0.1" },
          attachment: { kind: "vxlan", id: 88, port: 4789, local: "", dev: "", peers: [peer] },
        }).id;
      const near = span(networks, "192.0.2.9", "10.88.0.1", "10.88.0.0/25");
      const there = inNetns(wire, () => span(far, "192.0.2.8", "10.88.0.2", "10.88.0.128/25"));
      expect(networks.byId(near)?.mtu).toBe(1450);
      const one = await start("one", { network: near });
      const two = await inNetns(wire, () =>
        far.acquire("two", { endpoints: [{ network: there }], ports: [] }),
      );
      opened.push(two.netns);
      expect([one, two].map(({ endpoints }) => endpoints[0]?.address)).toEqual(["10.88.0.3", "10.88.0.128"]);
      await until("the containers reach each other", () => ping(one.netns, "10.88.0.128"));
      expect(ping(two.netns, "10.88.0.3")).toBe(true);
      expect(outcome(() => span(networks, "192.0.2.9", "10.89.0.1", ""))).toContain(
        "name span already exists",
      );
    } finally {
      for (const thing of opened.splice(0)) thing[Symbol.dispose]();
      await inNetns(wire, () => far.remove());
      farDatabase.close();
    }
  });

  test("a vxlan comes back with its peers, and goes with its network", async () => {
    const id = networks.create({
      name: "span",
      driver: "vxlan",
      attachment: {
        kind: "vxlan",
        id: 9,
        port: 4790,
        local: "",
        dev: "",
        peers: ["192.0.2.9", "192.0.2.10"],
      },
    }).id;
    const link = networks.byId(id)?.attachment?.link ?? "";
    const peers = (): string[] =>
      Bun.spawnSync(["bridge", "fdb", "show", "dev", link])
        .stdout.toString()
        .split("\n")
        .flatMap((line) => /^00:00:00:00:00:00 dst (\S+)/.exec(line)?.[1] ?? [])
        .sort();
    expect(peers()).toEqual(["192.0.2.10", "192.0.2.9"]);
    expect(formatMac(findLink(route, link)?.mac ?? new Uint8Array(6))).toMatch(/:/);
    await networks.close();
    // As after a reboot.
    for (const name of [link, networks.byId(id)?.bridge ?? ""]) route.execute([deleteLink(name)]);
    networks = await openNetworks({ tag: "", db: database, fail });
    await networks.recover([]);
    expect(peers()).toEqual(["192.0.2.10", "192.0.2.9"]);
    // The engine looks after its links while containers run.
    await start("one", { network: id });
    route.execute([deleteLink(link)]);
    await until("the next look", () => findLink(route, link) !== undefined && peers().length === 2);
    expect(findLink(route, link)?.master).toBe(findLink(route, networks.byId(id)?.bridge ?? "")?.index ?? -1);
    for (const thing of opened.splice(0)) thing[Symbol.dispose]();
    await networks.release("one");
    networks.delete(id);
    expect(findLink(route, link)).toBeUndefined();
    for (const step of ["network.row", "network.bridge", "network.rules"] as const) {
      failpoint.at = step;
      expect(
        outcome(() =>
          networks.create({
            name: "span",
            driver: "vxlan",
            attachment: { kind: "vxlan", id: 9, port: 4790, local: "", dev: "", peers: [] },
          }),
        ),
      ).toContain(step);
      failpoint.at = undefined;
      expect(listLinks(route).filter(({ kind }) => kind === "vxlan")).toEqual([]);
    }
  });
});
