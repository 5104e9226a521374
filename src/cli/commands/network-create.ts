/** `tiffin network create`. */
import type { IpamPool, NetworkCreateBody } from "../../docker/types/network.ts";
import { defineCommand } from "../command.ts";
import { list, text, toggle } from "../flags/flag.ts";
import { parseOptionPairs } from "../flags/option-pairs.ts";

interface Address {
  readonly value: bigint;
  readonly bits: 32 | 128;
}

/** An address as a number; undefined when the text is none. */
function parseAddress(text: string): Address | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const value = text.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
    return { value, bits: 32 };
  }
  if (!text.includes(":") || !/^[0-9a-f:]+$/i.test(text)) return undefined;
  const [head = "", tail] = text.split("::");
  const words = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const first = words(head);
  const last = words(tail ?? "");
  const missing = 8 - first.length - last.length;
  if (missing < 0) return undefined;
  const all = [...first, ...Array.from({ length: missing }, () => "0"), ...last];
  return { value: BigInt(`0x${all.map((word) => word.padStart(4, "0")).join("")}`), bits: 128 };
}

/** Whether the subnet has the address in it; that of a range is its first one. */
function isWithin(subnet: string, text: string): boolean {
  const [base = "", length = ""] = subnet.split("/");
  const network = parseAddress(base);
  const address = parseAddress(text.split("/")[0] ?? "");
  if (network === undefined || address === undefined || network.bits !== address.bits) return false;
  const shift = BigInt(network.bits - Number(length));
  return network.value >> shift === address.value >> shift;
}

interface PoolWords {
  readonly subnet: readonly string[];
  readonly "ip-range": readonly string[];
  readonly gateway: readonly string[];
  readonly "aux-address": readonly string[];
}

/** One pool per subnet, each with what lies in it. */
function poolsOf(words: PoolWords): IpamPool[] {
  if (words.subnet.length < words["ip-range"].length || words.subnet.length < words.gateway.length) {
    throw new Error("every ip-range or gateway must have a corresponding subnet");
  }
  const pools = words.subnet.map((subnet) => ({
    Subnet: subnet,
    IPRange: "",
    Gateway: "",
    AuxiliaryAddresses: {} as Record<string, string>,
  }));
  const poolOf = (address: string, what: string): (typeof pools)[number] => {
    const pool = pools.find(({ Subnet }) => isWithin(Subnet, address));
    if (pool === undefined) throw new Error(`no matching subnet for ${what} ${address}`);
    return pool;
  };
  for (const range of words["ip-range"]) {
    const pool = poolOf(range, "range");
    if (pool.IPRange !== "") {
      throw new Error(
        `cannot configure multiple ranges (${range}, ${pool.IPRange}) on the same subnet (${pool.Subnet})`,
      );
    }
    pool.IPRange = range;
  }
  for (const gateway of words.gateway) {
    const pool = poolOf(gateway, "gateway");
    if (pool.Gateway !== "") {
      throw new Error(
        `cannot configure multiple gateways (${gateway}, ${pool.Gateway}) for the same subnet (${pool.Subnet})`,
      );
    }
    pool.Gateway = gateway;
  }
  for (const [name, address] of Object.entries(parseOptionPairs(words["aux-address"]))) {
    poolOf(address, "aux-address").AuxiliaryAddresses[name] = address;
  }
  return pools.map(({ Subnet, IPRange, Gateway, AuxiliaryAddresses }) => ({
    Subnet,
    ...(IPRange !== "" && { IPRange }),
    ...(Gateway !== "" && { Gateway }),
    ...(Object.keys(AuxiliaryAddresses).length > 0 && { AuxiliaryAddresses }),
  }));
}

export const command = defineCommand({
  names: ["network create"],
  usage: "[OPTIONS] NETWORK",
  summary: "Create a network",
  flags: {
    attachable: toggle("", "Enable manual container attachment"),
    "aux-address": list("", "Addresses that are somebody else's (name=address)"),
    "config-from": text("", "The network from which to copy the configuration"),
    "config-only": toggle("", "Create a configuration only network"),
    driver: text("d", "Driver to manage the network", "bridge"),
    gateway: list("", "Gateway of a subnet"),
    ingress: toggle("", "Create swarm routing-mesh network"),
    internal: toggle("", "Restrict external access to the network"),
    "ip-range": list("", "Give containers addresses from this part of a subnet"),
    "ipam-driver": text("", "IP address management driver", "default"),
    "ipam-opt": list("", "IPAM driver specific options"),
    ipv4: toggle("", "Enable IPv4 address assignment", true),
    ipv6: toggle("", "Enable IPv6 address assignment"),
    label: list("", "Set metadata on a network"),
    opt: list("o", "Driver specific options"),
    scope: text("", "Control the network's scope"),
    subnet: list("", "Subnet in CIDR format"),
  },
  least: 1,
  most: 1,
  async run({ values, given, positionals, context }) {
    const [name = ""] = positionals;
    const pools = poolsOf(values);
    const body: NetworkCreateBody = {
      Name: name,
      Driver: values.driver,
      ...(values.scope !== "" && { Scope: values.scope }),
      Internal: values.internal,
      Attachable: values.attachable,
      Ingress: values.ingress,
      ConfigOnly: values["config-only"],
      ...(values["config-from"] !== "" && { ConfigFrom: { Network: values["config-from"] } }),
      ...(given.has("ipv4") && { EnableIPv4: values.ipv4 }),
      ...(given.has("ipv6") && { EnableIPv6: values.ipv6 }),
      IPAM: {
        Driver: values["ipam-driver"],
        Options: parseOptionPairs(values["ipam-opt"]),
        Config: pools,
      },
      Options: parseOptionPairs(values.opt),
      Labels: parseOptionPairs(values.label),
    };
    const api = await context.api();
    const { Id, Warning } = await api.document("networkCreate", { body });
    if (Warning !== "") context.err(`WARNING: ${Warning}\n`);
    context.out(`${Id}\n`);
    return 0;
  },
});
