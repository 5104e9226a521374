import { expect, test } from "bun:test";
import type { NetworkCreateBody } from "../../docker/types/network.ts";
import { TiffinError } from "../../lib/errors.ts";
import { builtInNetworks } from "./built-in-networks.ts";
import type { Network } from "./model.ts";
import { type FilterMap, networkPruneTest, networkTest } from "./network-filters.ts";
import { networkRequest } from "./network-request.ts";

function refusal(work: () => unknown): string {
  try {
    work();
    return "no error";
  } catch (thrown) {
    if (!(thrown instanceof TiffinError)) throw thrown;
    return `${thrown.kind}: ${thrown.message}`;
  }
}

test("what a client asks for is understood", () => {
  const body: NetworkCreateBody = {
    Name: "lunch",
    Driver: "bridge",
    Internal: true,
    IPAM: {
      Config: [
        {
          Subnet: "10.9.0.0/24",
          Gateway: "10.9.0.9",
          IPRange: "10.9.0.64/26",
          AuxiliaryAddresses: { printer: "10.9.0.70" },
        },
      ],
      Options: { a: "b" },
    },
    Options: {
      "com.docker.network.bridge.name": "lunch0",
      "com.docker.network.bridge.enable_icc": "false",
      "com.docker.network.bridge.enable_ip_masquerade": "0",
      "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
      "com.docker.network.driver.mtu": "1400",
      unknown: "kept",
    },
    Labels: { x: "y" },
  };
  expect(networkRequest(body)).toEqual({
    name: "lunch",
    driver: "bridge",
    subnet: "10.9.0.0/24",
    gateway: "10.9.0.9",
    ipRange: "10.9.0.64/26",
    auxiliary: { printer: "10.9.0.70" },
    bridge: "lunch0",
    openWithin: false,
    masquerade: false,
    hostAddress: "127.0.0.1",
    mtu: 1400,
    internal: true,
    attachable: false,
    labels: { x: "y" },
    options: body.Options ?? {},
    ipamOptions: { a: "b" },
  });
});

test("a network has a pool of each family", () => {
  const body = {
    Name: "lunch",
    EnableIPv6: true,
    IPAM: { Config: [{ Subnet: "fd00:1::/64", Gateway: "fd00:1::9" }, { Subnet: "10.9.0.0/24" }] },
  };
  expect(networkRequest(body)).toMatchObject({
    subnet: "10.9.0.0/24",
    ipv6: { subnet: "fd00:1::/64", gateway: "fd00:1::9" },
  });
  expect(networkRequest({ Name: "lunch", EnableIPv6: true }).ipv6).toEqual({});
});

const odd: readonly [Partial<NetworkCreateBody>, string][] = [
  [{ Name: "" }, "invalid: network name cannot be blank"],
  [{ Name: " " }, "invalid: network name cannot be blank"],
  [{ Name: "bridge" }, "forbidden: operation is not permitted on predefined bridge network"],
  [{ Name: "none" }, "forbidden: operation is not permitted on predefined none network"],
  [{ Driver: "host" }, 'forbidden: only one instance of "host" network is allowed'],
  [{ Driver: "null" }, 'forbidden: only one instance of "null" network is allowed'],
  [{ Driver: "nosuch" }, 'notFound: could not resolve driver "nosuch": plugin "nosuch" not found'],
  [{ Driver: "overlay" }, "notImplemented: network driver overlay is not supported"],
  [
    { Driver: "macvlan", Options: { macvlan_mode: "x" } },
    'invalid: invalid value "x" for option macvlan_mode: wanted private, vepa, bridge, passthru',
  ],
  [
    { Driver: "ipvlan", Options: { ipvlan_mode: "l4" } },
    'invalid: invalid value "l4" for option ipvlan_mode: wanted l2, l3, l3s',
  ],
  [
    { Driver: "macvlan", Options: { parent: "a b" } },
    'invalid: invalid value "a b" for option parent: wanted the name of a link',
  ],
  [{ Driver: "vlan", Options: { parent: "eth0" } }, "invalid: the driver vlan needs the option id"],
  [
    { Driver: "vlan", Options: { parent: "eth0", id: "4095" } },
    'invalid: invalid value "4095" for option id: wanted a number from 1 to 4094',
  ],
  [{ Driver: "vxlan" }, "invalid: the driver vxlan needs the option id"],
  [
    { Driver: "vxlan", Options: { id: "5", peer: "10.0.0.1" } },
    'invalid: unknown option "peer" for the driver vxlan: it has id, peers, port, local, dev',
  ],
  [
    { Driver: "vxlan", Options: { id: "5", peers: "10.0.0.1,fd00::1" } },
    "invalid: the peers of a vxlan are of one family: IPv4 or IPv6",
  ],
  [
    { Driver: "vxlan", Options: { id: "5", peers: "host" } },
    'invalid: invalid value "host" for option peers: wanted an IP address',
  ],
  [{ EnableIPv4: false, EnableIPv6: true }, "notImplemented: a network without IPv4 is not supported"],
  [{ EnableIPv4: false }, "invalid: IPv4 or IPv6 must be enabled"],
  [{ Scope: "swarm" }, "notImplemented: network scope swarm is not supported"],
  [{ ConfigOnly: true }, "notImplemented: a configuration-only network is not supported"],
  [{ IPAM: { Driver: "nosuch" } }, "notFound: could not find IPAM driver nosuch"],
  [
    { IPAM: { Config: [{ Subnet: "fd00::/64" }] } },
    "invalid: IPv6 subnet fd00::/64 in a network without IPv6: ask for it with --ipv6",
  ],
  [
    { IPAM: { Config: [{ Gateway: "10.0.0.1" }] } },
    "invalid: every ip-range or gateway must have a corresponding subnet",
  ],
  [
    { IPAM: { Config: [{ Subnet: "10.0.0.0/24" }, { Subnet: "10.0.1.0/24" }] } },
    "invalid: bridge driver doesn't support multiple subnets",
  ],
  [
    { Options: { "com.docker.network.driver.mtus": "1400" } },
    'invalid: unknown option "com.docker.network.driver.mtus": wanted com.docker.network.driver.mtu',
  ],
  [
    { Driver: "macvlan", Options: { parnet: "eth0" } },
    'invalid: unknown option "parnet" for the driver macvlan: it has parent, macvlan_mode',
  ],
  [
    { Driver: "ipvlan", Options: { macvlan_mode: "bridge" } },
    'invalid: unknown option "macvlan_mode" for the driver ipvlan: it has parent, ipvlan_mode, ipvlan_flag',
  ],
  [
    { Options: { "com.docker.network.driver.mtu": "x" } },
    'invalid: invalid value "x" for option com.docker.network.driver.mtu: wanted a number of bytes',
  ],
  [
    { Options: { "com.docker.network.bridge.enable_icc": "x" } },
    'invalid: invalid value "x" for option com.docker.network.bridge.enable_icc: wanted true or false',
  ],
];

test.each(odd)("%p is refused", (change, message) => {
  expect(refusal(() => networkRequest({ Name: "lunch", ...change }))).toBe(message);
});

test.each(["a b", "-a", "a/b", "a\u0001", "ä", "a".repeat(256), "a\n"])("%p is no name", (name) => {
  expect(refusal(() => networkRequest({ Name: name }))).toStartWith("invalid: invalid network name");
});

const networks: readonly Network[] = [
  ...builtInNetworks(1),
  { ...builtInNetworks(1)[0], id: "abc".padEnd(64, "0"), name: "lunch", createdMs: 5000, labels: { x: "y" } },
];

function listed(filters: FilterMap): string[] {
  return networks.filter(networkTest(filters, () => 0)).map(({ name }) => name);
}

test("filters of lists", () => {
  expect(listed({})).toEqual(["bridge", "host", "none", "lunch"]);
  expect(listed({ name: ["un", "hos"] })).toEqual(["host", "lunch"]);
  expect(listed({ id: ["^abc"] })).toEqual(["lunch"]);
  expect(listed({ driver: ["null", "host"] })).toEqual(["host", "none"]);
  expect(listed({ label: ["x=y"], type: ["custom"] })).toEqual(["lunch"]);
  expect(listed({ label: ["x=z"] })).toEqual([]);
  expect(listed({ scope: ["local"], dangling: ["true"] })).toEqual(["lunch"]);
  expect(listed({ type: ["builtin"] })).toEqual(["bridge", "host", "none"]);
  expect(refusal(() => listed({ foo: ["bar"] }))).toBe("invalid: invalid filter 'foo'");
  expect(refusal(() => listed({ type: ["x"] }))).toBe("invalid: invalid filter: 'type'='x'");
  expect(refusal(() => listed({ name: ["("] }))).toBe(
    "invalid: invalid filter 'name=(': error parsing regexp: missing closing ): `(`",
  );
  expect(refusal(() => listed({ __proto__: ["x"] } as FilterMap))).toBe("no error");
});

test("filters of prunes", () => {
  const pruned = (filters: FilterMap): string[] =>
    networks.filter(networkPruneTest(filters, 10_000)).map(({ name }) => name);
  expect(pruned({ until: ["2s"] })).toEqual(["bridge", "host", "none", "lunch"]);
  expect(pruned({ until: ["6s"] })).toEqual(["bridge", "host", "none"]);
  expect(pruned({ label: ["x"] })).toEqual(["lunch"]);
  expect(pruned({ "label!": ["x=y"] })).toEqual(["bridge", "host", "none"]);
  expect(refusal(() => pruned({ name: ["x"] }))).toBe("invalid: invalid filter 'name'");
  expect(refusal(() => pruned({ until: ["x"] }))).toBe("invalid: invalid filter 'until=x'");
});
