import { expect, test } from "bun:test";
import { parseIpv4, parsePrefix } from "../../linux/netlink/ipv4.ts";
import type { RuleState } from "../../linux/netlink/nftables/decode.ts";
import {
  decideBridgeRemoval,
  decideEndpoint,
  decideForeign,
  decideNamespace,
  decideNewRules,
  decideRemoval,
  decideSetup,
  macOf,
} from "./decide.ts";
import type { ForeignChain } from "./foreign-firewall.ts";
import { hostNames } from "./names.ts";
import { renderNetOp } from "./op.ts";

const names = hostNames("");
const subnet = parsePrefix("172.30.0.0/16") ?? { network: 0, length: 0 };
const gateway = parseIpv4("172.30.0.1") ?? 0;
const bridge = {
  link: "tiffin0",
  network: "bridge",
  subnet,
  gateway,
  internal: false,
  openWithin: true,
  masquerade: true,
  mtu: 0,
};
const desired = { names, bridges: [bridge], ports: [], links: [] };
const observedBridge = { index: 5, up: true, addresses: [{ address: gateway, prefixLength: 16 }] };
const settled = {
  bridges: new Map([["tiffin0", observedBridge]]),
  forwarding: true,
  forwarding6: true,
  routeLocalnet: new Set(["tiffin0"]),
  foreignForward: [],
};

function iptables(rules: readonly RuleState[]): ForeignChain[] {
  return [{ table: { family: "ip", table: "filter" }, name: "FORWARD", way: "through", rules }];
}

function lines(ops: readonly Parameters<typeof renderNetOp>[0][]): string[] {
  return ops.map(renderNetOp);
}

const table =
  "host tableReplace inet tiffin, 5 elements  # NAT, published ports, protection of containers; back: tableDelete";

test("on a fresh host everything is made", () => {
  const fresh = {
    bridges: new Map(),
    forwarding: false,
    forwarding6: false,
    routeLocalnet: new Set<string>(),
    foreignForward: [],
  };
  expect(lines(decideSetup(desired, fresh))).toEqual([
    "host bridgeAdd tiffin0 02:74:ac:1e:00:01  # network bridge; back: linkDelete tiffin0",
    "host ipv6Quiet tiffin0  # the bridge needs no link-local address; back: linkDelete tiffin0",
    "host addressAdd 172.30.0.1/16 of tiffin0  # gateway of 172.30.0.0/16; back: addressDelete",
    "host linkUp tiffin0  # network bridge; back: linkDelete tiffin0",
    "host sysctl net/ipv4/ip_forward = 1  # packets between containers and the world are forwarded; back: sysctl net/ipv4/ip_forward = 0",
    "host sysctl net/ipv4/conf/tiffin0/route_localnet = 1  # published ports answer on 127.0.0.1; back: linkDelete tiffin0",
    table,
  ]);
});

test("on a settled host only the table is replaced", () => {
  expect(lines(decideSetup(desired, settled))).toEqual([table]);
});

test("an address of another subnet goes, and a bridge that is down comes up", () => {
  const other = { address: parseIpv4("172.31.0.1") ?? 0, prefixLength: 16 };
  const observed = {
    ...settled,
    bridges: new Map([["tiffin0", { index: 5, up: false, addresses: [other] }]]),
  };
  expect(lines(decideSetup(desired, observed))).toEqual([
    "host addressDelete 172.31.0.1/16 of tiffin0  # the subnet is 172.30.0.0/16; back: addressAdd",
    "host addressAdd 172.30.0.1/16 of tiffin0  # gateway of 172.30.0.0/16; back: addressDelete",
    "host linkUp tiffin0  # network bridge; back: linkDelete tiffin0",
    table,
  ]);
});

const dockerUser = { chain: "FORWARD", handle: 7n, comment: undefined, jumpsTo: ["DOCKER-USER"] };
const ourOut = { chain: "FORWARD", handle: 9n, comment: "tiffin tiffin0 out", jumpsTo: [] };

test("beside iptables our rules are inserted once, after the administrator's", () => {
  const cause = "# FORWARD of filter may drop; back: ruleDelete";
  const inRule = 'oifname "tiffin0" counter accept comment "tiffin tiffin0 in"';
  const outRule = 'iifname "tiffin0" oifname != "docker0" counter accept comment "tiffin tiffin0 out"';
  expect(lines(decideForeign(["tiffin0"], []))).toEqual([]);
  // The last inserted stands first.
  expect(lines(decideForeign(["tiffin0"], iptables([dockerUser])))).toEqual([
    `host ruleInsert ip filter FORWARD after handle 7: ${inRule}  ${cause}`,
    `host ruleInsert ip filter FORWARD after handle 7: ${outRule}  ${cause}`,
  ]);
  expect(lines(decideForeign(["tiffin0"], iptables([ourOut])))).toEqual([
    `host ruleInsert ip filter FORWARD first: ${inRule}  ${cause}`,
  ]);
});

test("names are let through INPUT, to the address of the name servers and no further", () => {
  const input: ForeignChain = {
    table: { family: "ip", table: "filter" },
    name: "INPUT",
    way: "names",
    rules: [],
  };
  const rule =
    'iifname "tfn*" ip daddr 127.116.102.110 counter accept comment "tiffin tfn* names"  # INPUT of filter may drop; back: ruleDelete';
  expect(lines(decideForeign(["tfn*"], [input]))).toEqual([`host ruleInsert ip filter INPUT first: ${rule}`]);
  const ours = { chain: "INPUT", handle: 3n, comment: "tiffin tfn* names", jumpsTo: [] };
  expect(lines(decideForeign(["tfn*"], [{ ...input, rules: [ours] }]))).toEqual([]);
});

test("removal takes our rules, table, links and bridges, and nobody else's", () => {
  const why = (inverse: string) => `# the networks are removed; back: ${inverse}`;
  const remains = {
    table: names.table,
    patterns: ["tiffin0"],
    bridges: ["tiffin0"],
    endpointLinks: ["tf01234567"],
    foreignForward: iptables([dockerUser, ourOut]),
  };
  expect(lines(decideRemoval(remains, ["net/ipv4/ip_forward"]))).toEqual([
    `host ruleDelete ip filter FORWARD handle 9  ${why("ruleInsert")}`,
    `host tableDelete inet tiffin  ${why("tableReplace")}`,
    `host linksDelete tf01234567 tiffin0  ${why("bridgeAdd, vethAdd")}`,
    `host sysctl net/ipv4/ip_forward = 0  ${why("sysctl = 1")}`,
  ]);
  const gone = { ...remains, bridges: [], endpointLinks: [], foreignForward: [] };
  expect(lines(decideRemoval(gone, []))).toEqual([`host tableDelete inet tiffin  ${why("tableReplace")}`]);
});

const second = { ...bridge, link: names.bridgeOf("a".repeat(64)), network: "lunch" };

test("one more network is elements; all networks with names of ours share one pair of foreign rules", () => {
  const observed = { ...settled, foreignForward: iptables([dockerUser]) };
  const rules = lines(decideNewRules(names, second, observed));
  expect(rules.map((line) => line.split("  #")[0])).toEqual([
    "host contentsAdd inet tiffin, bridges within masqueraded subnets",
    'host ruleInsert ip filter FORWARD after handle 7: oifname "tfn*" counter accept comment "tiffin tfn* in"',
    'host ruleInsert ip filter FORWARD after handle 7: iifname "tfn*" oifname != "docker0" counter accept comment "tiffin tfn* out"',
  ]);
  const theirs = { chain: "FORWARD", handle: 11n, comment: "tiffin tfn* in", jumpsTo: [] };
  const removal = (remaining: (typeof bridge)[]) =>
    lines(decideBridgeRemoval(names, second, remaining, iptables([dockerUser, ourOut, theirs]))).map(
      (line) => line.split("  #")[0],
    );
  const own = [
    "host contentsDelete inet tiffin, bridges within masqueraded subnets",
    `host linkDelete ${second.link}`,
  ];
  expect(removal([bridge, { ...second, link: names.bridgeOf("b".repeat(64)) }])).toEqual(own);
  expect(removal([bridge])).toEqual(["host ruleDelete ip filter FORWARD handle 11", ...own]);
});

test("an endpoint explains itself", () => {
  const address = parseIpv4("172.30.0.2") ?? 0;
  const ops = decideEndpoint({
    hostLink: "tf01234567",
    bridge: "tiffin0",
    address,
    subnet,
    gateway,
    mac: macOf(address),
    link: "eth0",
    mtu: 0,
    isolated: true,
  });
  expect(lines(ops).map((line) => line.split("  #")[0])).toEqual([
    "namespace sysctl net/ipv6/conf/default/disable_ipv6 = 1",
    "host vethAdd tf01234567 with eth0 02:74:ac:1e:00:02",
    "host ipv6Quiet tf01234567",
    "host bridgePort tf01234567 of tiffin0",
    "host bridgeHairpin tf01234567",
    "host bridgeIsolate tf01234567",
    "host neighbourForget 172.30.0.2 of tiffin0",
    "host linkUp tf01234567",
    "namespace linkUp eth0",
    "namespace addressAdd 172.30.0.2/16 of eth0",
    "namespace defaultRoute via 172.30.0.1",
    "namespace linkSettle eth0",
    "host linkSettle tf01234567",
    "host linkSettle tiffin0",
    "namespace announce 172.30.0.2 at 02:74:ac:1e:00:02 of eth0",
  ]);
  expect(lines(decideNamespace()).map((line) => line.split("  #")[0])).toEqual([
    "namespace sysctl net/ipv4/ping_group_range = 0 2147483647",
    "namespace sysctl net/ipv4/ip_unprivileged_port_start = 0",
    "namespace linkUp lo",
  ]);
});
