/** `POST /networks/create`: what a client's words ask for. Pure. */
import type { IpamPool, NetworkCreateBody } from "../../docker/types/network.ts";
import { TiffinError } from "../../lib/errors.ts";
import { attachedDrivers, attachmentRequest } from "./attachment-request.ts";
import type { NetworkDriver, NetworkRequest } from "./model.ts";

function invalid(message: string): TiffinError {
  return new TiffinError("invalid", "network.request", message);
}

function missing(what: string): TiffinError {
  return new TiffinError("notImplemented", "network.unsupported", `${what} is not supported`);
}

/** Docker's rule for names of things. */
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const longestName = 255;
const predefined = ["bridge", "host", "none", "default"];

/** Errors: invalid `network.request`, notImplemented `network.unsupported`, notFound `network.driver`, forbidden `network.built-in`. */
export function networkRequest(body: NetworkCreateBody): NetworkRequest {
  const { Name: name, IPAM } = body;
  checkName(name);
  const driver = checkedDriver(body.Driver || "bridge");
  checkUnsupported(body);
  if ((IPAM?.Driver || "default") !== "default") {
    throw new TiffinError("notFound", "network.driver", `could not find IPAM driver ${IPAM?.Driver}`);
  }
  const options = body.Options ?? {};
  const attached = attachedDrivers.find((each) => each === driver);
  return {
    name,
    driver,
    ...(attached !== undefined && { attachment: attachmentRequest(attached, options) }),
    ...poolsOf(IPAM?.Config ?? [], body.EnableIPv6 ?? false),
    ...settingsOf(options),
    internal: body.Internal ?? false,
    attachable: body.Attachable ?? false,
    labels: body.Labels ?? {},
    options,
    ipamOptions: IPAM?.Options ?? {},
  };
}

function checkName(name: string): void {
  if (name.trim() === "") throw invalid("network name cannot be blank");
  if (predefined.includes(name)) {
    throw new TiffinError(
      "forbidden",
      "network.built-in",
      `operation is not permitted on predefined ${name} network`,
    );
  }
  if (name.length > longestName || !namePattern.test(name)) {
    throw invalid(
      `invalid network name ${JSON.stringify(name)}: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at most ${longestName}`,
    );
  }
}

function checkedDriver(driver: string): NetworkDriver {
  const known = ["bridge" as const, ...attachedDrivers].find((each) => each === driver);
  if (known !== undefined) return known;
  if (driver === "host" || driver === "null") {
    throw new TiffinError(
      "forbidden",
      "network.driver",
      `only one instance of "${driver}" network is allowed`,
    );
  }
  if (driver === "overlay") throw missing(`network driver ${driver}`);
  throw new TiffinError(
    "notFound",
    "network.driver",
    `could not resolve driver ${JSON.stringify(driver)}: plugin ${JSON.stringify(driver)} not found`,
    { remedy: `use one of the drivers bridge, ${attachedDrivers.join(", ")}` },
  );
}

function checkUnsupported(body: NetworkCreateBody): void {
  if (body.EnableIPv4 === false) {
    if (body.EnableIPv6 !== true) throw invalid("IPv4 or IPv6 must be enabled");
    throw missing("a network without IPv4");
  }
  if (body.ConfigOnly === true || (body.ConfigFrom?.Network ?? "") !== "")
    throw missing("a configuration-only network");
  if (body.Ingress === true) throw missing("an ingress network");
  if (body.Scope !== undefined && body.Scope !== "" && body.Scope !== "local") {
    throw missing(`network scope ${body.Scope}`);
  }
}

/** One pool per family. */
function poolsOf(pools: readonly IpamPool[], hasIpv6: boolean): Partial<NetworkRequest> {
  const ipv4 = pools.filter((pool) => !isIpv6Pool(pool));
  const ipv6 = pools.filter(isIpv6Pool);
  if (ipv4.length > 1 || ipv6.length > 1) throw invalid("bridge driver doesn't support multiple subnets");
  if (ipv6.length > 0 && !hasIpv6) {
    throw invalid(`IPv6 subnet ${ipv6[0]?.Subnet} in a network without IPv6: ask for it with --ipv6`);
  }
  return {
    ...(ipv4[0] !== undefined && poolOf(ipv4[0])),
    ...(hasIpv6 && { ipv6: ipv6[0] === undefined ? {} : poolOf(ipv6[0]) }),
  };
}

function isIpv6Pool({ Subnet = "", Gateway = "", IPRange = "" }: IpamPool): boolean {
  return (Subnet || Gateway || IPRange).includes(":");
}

function poolOf({ Subnet = "", Gateway = "", IPRange = "", AuxiliaryAddresses }: IpamPool) {
  if (Subnet === "" && (Gateway !== "" || IPRange !== "")) {
    throw invalid("every ip-range or gateway must have a corresponding subnet");
  }
  return { subnet: Subnet, gateway: Gateway, ipRange: IPRange, auxiliary: AuxiliaryAddresses ?? {} };
}

const bridgeOption = "com.docker.network.bridge.";
const driverOption = "com.docker.network.driver.";

/** How links are called in containers: here always eth0, eth1 and so on. */
const interfacePrefix = "com.docker.network.container_iface_prefix";

const bridgeOptions = [
  "name",
  "enable_icc",
  "enable_ip_masquerade",
  "host_binding_ipv4",
  "default_bridge",
  "gateway_mode_ipv4",
  "gateway_mode_ipv6",
  "inhibit_ipv4",
  "trusted_host_interfaces",
].map((key) => bridgeOption + key);
const driverOptions = ["mtu"].map((key) => driverOption + key);

/** Under the names that are ours to know a slip would go unnoticed, and a network be open that was to be closed. */
function refuseUnknownOptions(options: Readonly<Record<string, string>>): void {
  for (const key of Object.keys(options)) {
    for (const [prefix, known] of [
      [bridgeOption, bridgeOptions],
      [driverOption, driverOptions],
    ] as const) {
      if (!key.startsWith(prefix) || known.includes(key)) continue;
      throw invalid(`unknown option ${JSON.stringify(key)}: wanted ${known.join(", ")}`);
    }
  }
}

/** What options that Docker knows ask for; those of others are kept, as Docker keeps them. */
function settingsOf(options: Readonly<Record<string, string>>): Partial<NetworkRequest> {
  refuseUnknownOptions(options);
  const option = (key: string): string | undefined =>
    Object.hasOwn(options, key) ? options[key] : undefined;
  for (const key of ["gateway_mode_ipv4", "gateway_mode_ipv6", "inhibit_ipv4", "trusted_host_interfaces"]) {
    const value = option(bridgeOption + key) ?? "";
    if (!["", "nat", "false"].includes(value)) throw missing(`option ${bridgeOption}${key}=${value}`);
  }
  const prefix = option(interfacePrefix) ?? "";
  if (prefix !== "" && prefix !== "eth") throw missing(`option ${interfacePrefix}=${prefix}`);
  const truth = (key: string): boolean => {
    const value = option(bridgeOption + key) ?? "";
    if (["", "1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
    if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return false;
    throw invalid(
      `invalid value ${JSON.stringify(value)} for option ${bridgeOption}${key}: wanted true or false`,
    );
  };
  const mtu = option(`${driverOption}mtu`) ?? "";
  if (!/^\d{0,9}$/.test(mtu)) {
    throw invalid(
      `invalid value ${JSON.stringify(mtu)} for option ${driverOption}mtu: wanted a number of bytes`,
    );
  }
  return {
    bridge: option(`${bridgeOption}name`) ?? "",
    openWithin: truth("enable_icc"),
    masquerade: truth("enable_ip_masquerade"),
    hostAddress: option(`${bridgeOption}host_binding_ipv4`) ?? "",
    mtu: Number(mtu),
  };
}
