import { expect, test } from "bun:test";
import { parseIpv4, parsePrefix } from "../../linux/netlink/ipv4.ts";
import {
  addContents,
  bridgeContents,
  deleteContents,
  hostRuleset,
  portContents,
  renderRuleset,
} from "./firewall.ts";

const table = { family: "inet", table: "tiffin" } as const;

test("the table, which is the same for any number of networks", () => {
  expect(renderRuleset(hostRuleset(table))).toBe(
    `table inet tiffin {
  set bridges {
    type ifname
  }
  set internal {
    type ifname
  }
  set within {
    type ifname . ifname
  }
  set masqueraded {
    type ifname
  }
  set subnets {
    type ipv4_addr
    flags interval
  }
  set subnets6 {
    type ipv6_addr
    flags interval
  }
  set linked {
    type ipv4_addr . ipv4_addr . inet_proto . inet_service
  }
  map published {
    type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service
  }
  map published_any {
    type inet_proto . inet_service : ipv4_addr . inet_service
  }
  map published6 {
    type inet_proto . ipv6_addr . inet_service : ipv6_addr . inet_service
  }
  map published6_any {
    type inet_proto . inet_service : ipv6_addr . inet_service
  }
  chain guard {
    type filter hook prerouting priority -300; policy accept;
    iifname @bridges ip daddr 127.0.0.0/8 drop comment "host loopback is not for containers"
  }
  chain source {
    type filter hook prerouting priority -150; policy accept;
    ct state established accept
    ip6 saddr fe80::/10 accept
    ip6 saddr :: accept
    iifname @bridges fib saddr . iif oif 0 drop comment "a source that is not of the network"
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    ip daddr 127.0.0.0/8 return comment "loopback ports are not for neighbours"
    dnat ip to meta l4proto . ip daddr . th dport map @published
    fib daddr type local dnat ip to meta l4proto . th dport map @published_any
    dnat ip6 to meta l4proto . ip6 daddr . th dport map @published6
    fib daddr type local dnat ip6 to meta l4proto . th dport map @published6_any
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip6 daddr ::1 return comment "the engine passes on itself"
    dnat ip to meta l4proto . ip daddr . th dport map @published
    fib daddr type local dnat ip to meta l4proto . th dport map @published_any
    dnat ip6 to meta l4proto . ip6 daddr . th dport map @published6
    fib daddr type local dnat ip6 to meta l4proto . th dport map @published6_any
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    iifname . oifname @within accept comment "within a network"
    iifname @internal drop comment "internal networks are closed"
    oifname @internal drop comment "internal networks are closed"
    oifname @bridges ct state established,related accept
    oifname @bridges ct status dnat accept comment "published ports"
    ip saddr . ip daddr . meta l4proto . th dport @linked accept comment "links"
    oifname @bridges drop comment "nothing else reaches a container"
    iifname @bridges accept comment "containers may call out"
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    oifname @bridges ip saddr 127.0.0.0/8 masquerade comment "127.0.0.1 to a published port"
    oifname @bridges ip saddr @subnets ct status dnat masquerade comment "container to a published port"
    oifname @bridges ip6 saddr @subnets6 ct status dnat masquerade comment "container to a published port"
    iifname . oifname @within return
    ip saddr . ip daddr . meta l4proto . th dport @linked return
    iifname @masqueraded masquerade comment "containers to the world"
  }
}`,
  );
});

const subnet = parsePrefix("172.30.0.0/16") ?? { network: 0, length: 0 };
const plain = { link: "tfn0123", subnet, internal: false, openWithin: true, masquerade: true };

test("a network is elements of sets, by what it may", () => {
  const setsOf = (change: Partial<typeof plain>): string[] =>
    bridgeContents({ ...plain, ...change }).map(({ set, elements }) => `${set} ${elements.length}`);
  expect(setsOf({})).toEqual(["bridges 1", "within 1", "masqueraded 1", "subnets 2"]);
  expect(setsOf({ internal: true, masquerade: false })).toEqual([
    "bridges 1",
    "internal 1",
    "within 1",
    "subnets 2",
  ]);
  expect(setsOf({ openWithin: false })).toEqual(["bridges 1", "masqueraded 1", "subnets 2"]);
  // Nothing comes after the last address of all.
  const last = parsePrefix("255.255.255.0/24") ?? subnet;
  expect(setsOf({ subnet: last }).at(-1)).toBe("subnets 1");
});

test("an IPv6 network is a range of its own set, and its ports are of maps of their own", () => {
  const ipv6 = { subnet: { network: 0xfd00n << 112n, length: 64 } };
  expect(bridgeContents({ ...plain, ipv6 }).at(-1)).toMatchObject({
    set: "subnets6",
    elements: [{}, { end: true }],
  });
  const last = { subnet: { network: 0xffffn << 112n, length: 16 } };
  expect(bridgeContents({ ...plain, ipv6: last }).at(-1)?.elements.length).toBe(1);
  const port = { containerPort: 80, protocol: "tcp", hostAddress: "::", hostPort: 8080 } as const;
  const mappings = [
    { port, address: 2n },
    { port: { ...port, hostAddress: "::1" }, address: 2n },
  ];
  expect(portContents(mappings).map(({ set }) => set)).toEqual(["published6_any", "published6"]);
});

test("a container's ports are one request per map", () => {
  const address = parseIpv4("172.30.0.2") ?? 0;
  const port = { containerPort: 80, protocol: "tcp", hostAddress: "0.0.0.0", hostPort: 8080 } as const;
  const mappings = [
    { port, address },
    { port: { ...port, hostPort: 8081 }, address },
    { port: { ...port, hostAddress: "127.0.0.1" }, address },
  ];
  const objects = ["nftables inet elements of published_any", "nftables inet elements of published"];
  const contents = portContents(mappings);
  expect(addContents(table, contents).map((request) => request.object)).toEqual(objects);
  expect(deleteContents(table, contents).map((request) => request.object)).toEqual(objects);
  expect(addContents(table, [])).toEqual([]);
});
