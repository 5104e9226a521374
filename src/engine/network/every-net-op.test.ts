/** Every operation on networks, whatever it is: explained in every language, with an inverse, and done by hand. */
import { describe, expect, test } from "bun:test";
import { chapterOfNetworkOp, languages, networkOpNames } from "../../plan/mod.ts";
import { hostRuleset } from "./firewall.ts";
import { netOpScript } from "./net-op-script.ts";
import { type NetOp, renderNetOp, targetOf } from "./op.ts";

const reason = { in: "host", cause: "a wish", inverse: "its end" } as const;
const link = "eth0";
const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
const address = 0x0a00_0001;
const table = { family: "inet", table: "t" } as const;
const contents = [{ set: "bridges", elements: [{ key: [new TextEncoder().encode("tiffin0")] }] }];

/** Total: an operation that is not here does not compile. */
const samples: { readonly [N in NetOp["op"]]: NetOp & { readonly op: N } } = {
  bridgeAdd: { ...reason, op: "bridgeAdd", link, mac, mtu: 1400 },
  vethAdd: { ...reason, op: "vethAdd", link, peer: "eth1", peerMac: mac, mtu: 0 },
  ipv6Quiet: { ...reason, op: "ipv6Quiet", link },
  underlayAdd: { ...reason, op: "underlayAdd", link, made: { kind: "vlan", on: "eth9", id: 7 }, mtu: 0 },
  vxlanPeer: { ...reason, op: "vxlanPeer", link, peer: Uint8Array.of(192, 0, 2, 9) },
  childAdd: {
    ...reason,
    op: "childAdd",
    link,
    parent: "eth9",
    child: { kind: "macvlan", mode: "bridge" },
    mac,
    mtu: 0,
  },
  defaultRouteByLink: { ...reason, op: "defaultRouteByLink", link, hasIpv6: true },
  bridgePort: { ...reason, op: "bridgePort", link, bridge: "tiffin0" },
  bridgeHairpin: { ...reason, op: "bridgeHairpin", link },
  bridgeIsolate: { ...reason, op: "bridgeIsolate", link },
  neighbourForget: { ...reason, op: "neighbourForget", link, address },
  linkUp: { ...reason, op: "linkUp", link },
  linkSettle: { ...reason, op: "linkSettle", link },
  linkDelete: { ...reason, op: "linkDelete", link },
  linksDelete: { ...reason, op: "linksDelete", links: [link, "eth1"] },
  addressAdd: { ...reason, op: "addressAdd", link, address, prefixLength: 24 },
  addressDelete: { ...reason, op: "addressDelete", link, address, prefixLength: 24 },
  address6Add: { ...reason, op: "address6Add", link, address: 1n, prefixLength: 64 },
  defaultRoute: { ...reason, op: "defaultRoute", gateway: address },
  defaultRoute6: { ...reason, op: "defaultRoute6", gateway: 1n },
  announce: {
    ...reason,
    in: "namespace",
    op: "announce",
    link,
    mac,
    addresses: [Uint8Array.of(10, 0, 0, 1)],
  },
  sysctl: { ...reason, op: "sysctl", name: "net/ipv4/ip_forward", value: "1" },
  tableReplace: { ...reason, op: "tableReplace", ruleset: hostRuleset(table), contents },
  contentsAdd: { ...reason, op: "contentsAdd", table, contents },
  contentsDelete: { ...reason, op: "contentsDelete", table, contents },
  tableDelete: { ...reason, op: "tableDelete", table },
  ruleInsert: {
    ...reason,
    op: "ruleInsert",
    table,
    chain: "FORWARD",
    insertion: { place: "first", rule: { phrases: [], comment: "ours" } },
  },
  ruleDelete: { ...reason, op: "ruleDelete", table, chain: "FORWARD", handle: 7n },
};

test("the names that have words are those of the operations", () => {
  expect(Object.keys(samples).sort()).toEqual([...networkOpNames].sort());
});

describe("each operation on networks", () => {
  test.each(Object.values(samples))("$op", (op) => {
    for (const { ops } of Object.values(languages)) expect(ops[op.op]).not.toBe("");
    expect(["network", "firewall"]).toContain(chapterOfNetworkOp(op.op));
    expect(targetOf(op)).not.toBe("");
    expect(renderNetOp(op)).toContain("back: its end");
    const script = netOpScript(op, "space").join("\n");
    expect(script).not.toBe("");
    // What a shell cannot read would end the script in its middle.
    const checked = Bun.spawnSync(["sh", "-n"], { stdin: new TextEncoder().encode(script) });
    expect([checked.exitCode, checked.stderr.toString()]).toEqual([0, ""]);
  });
});
