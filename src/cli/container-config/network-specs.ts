/** `--network` in its short and long form, with the endpoint options beside it, as a create request carries them. Pure. */
import type { EndpointSettings } from "../../docker/types/networking.ts";
import { parseCsvLine } from "../flags/csv-line.ts";

export interface NetworkOption {
  readonly target: string;
  readonly aliases: readonly string[];
  readonly ip: string;
  readonly ip6: string;
  readonly mac: string;
  readonly linkLocalIps: readonly string[];
  readonly driverOptions: Readonly<Record<string, string>>;
}

const shortForm = { aliases: [], ip: "", ip6: "", mac: "", linkLocalIps: [], driverOptions: {} };

/** `NAME`, or `name=NAME,alias=A,ip=1.2.3.4,...`. */
export function parseNetwork(text: string): NetworkOption {
  if (!text.includes("=")) return { target: text, ...shortForm };
  let option: NetworkOption = { target: "", ...shortForm };
  for (const field of parseCsvLine(text)) {
    const equals = field.indexOf("=");
    if (equals < 0) throw new Error(`invalid field ${field}`);
    const key = field.slice(0, equals).trim().toLowerCase();
    const value = field.slice(equals + 1).trim();
    if (key === "name") option = { ...option, target: value };
    else if (key === "alias") option = { ...option, aliases: [...option.aliases, value] };
    else if (key === "ip") option = { ...option, ip: value };
    else if (key === "ip6") option = { ...option, ip6: value };
    else if (key === "mac-address") option = { ...option, mac: value };
    else if (key === "link-local-ip") option = { ...option, linkLocalIps: [...option.linkLocalIps, value] };
    else if (key === "driver-opt") {
      const at = value.indexOf("=");
      if (at < 0) throw new Error("invalid key value pair format in driver options");
      const name = value.slice(0, at);
      option = { ...option, driverOptions: { ...option.driverOptions, [name]: value.slice(at + 1) } };
    } else throw new Error(`invalid field key ${key}`);
  }
  if (option.target === "") throw new Error(`no name set for network`);
  return option;
}

/** The separate options that speak about the first network. */
export interface EndpointOptions {
  readonly aliases: readonly string[];
  readonly ip: string;
  readonly ip6: string;
  readonly mac: string;
  readonly linkLocalIps: readonly string[];
}

export interface NetworkChoice {
  /** Undefined: the engine's default. */
  readonly mode: string | undefined;
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
}

function isUserDefined(name: string): boolean {
  return !["", "default", "bridge", "host", "none"].includes(name) && !name.startsWith("container:");
}

/** What joins a network beside those that are there. */
export function endpointOf(option: NetworkOption): EndpointSettings {
  const ipam = {
    ...(option.ip === "" ? {} : { IPv4Address: option.ip }),
    ...(option.ip6 === "" ? {} : { IPv6Address: option.ip6 }),
    ...(option.linkLocalIps.length === 0 ? {} : { LinkLocalIPs: option.linkLocalIps }),
  };
  return {
    ...(Object.keys(ipam).length === 0 ? {} : { IPAMConfig: ipam }),
    ...(option.aliases.length === 0 ? {} : { Aliases: option.aliases }),
    ...(option.mac === "" ? {} : { MacAddress: option.mac }),
    ...(Object.keys(option.driverOptions).length === 0 ? {} : { DriverOpts: option.driverOptions }),
  };
}

function merged(option: NetworkOption, extra: EndpointOptions): NetworkOption {
  const twice = (what: string): Error =>
    new Error(`conflicting options: cannot specify both --${what} and per-network ${what}`);
  if (option.ip !== "" && extra.ip !== "") throw twice("ip");
  if (option.ip6 !== "" && extra.ip6 !== "") throw twice("ip6");
  if (option.mac !== "" && extra.mac !== "") throw twice("mac-address");
  if (option.aliases.length > 0 && extra.aliases.length > 0) throw twice("network-alias");
  return {
    ...option,
    ip: option.ip || extra.ip,
    ip6: option.ip6 || extra.ip6,
    mac: option.mac || extra.mac,
    aliases: [...option.aliases, ...extra.aliases],
    linkLocalIps: [...option.linkLocalIps, ...extra.linkLocalIps],
  };
}

/** Throws `Error` with Docker's wording for choices that exclude each other. */
export function networkChoice(options: readonly NetworkOption[], extra: EndpointOptions): NetworkChoice {
  const given = options.length === 0 ? [{ target: "default", ...shortForm }] : options;
  const endpoints: Record<string, EndpointSettings> = {};
  const userDefined = given.filter((option) => isUserDefined(option.target)).length;
  if (userDefined > 0 && userDefined < given.length) {
    throw new Error(
      "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
    );
  }
  for (const [index, option] of given.entries()) {
    if (option.target === "") throw new Error("no name set for network");
    const whole = index === 0 ? merged(option, extra) : option;
    if (whole.aliases.length > 0 && !isUserDefined(option.target)) {
      throw new Error("network-scoped aliases are only supported for user-defined networks");
    }
    if (Object.hasOwn(endpoints, option.target)) {
      throw new Error(`network ${JSON.stringify(option.target)} is specified multiple times`);
    }
    const endpoint = endpointOf(whole);
    if (Object.keys(endpoint).length > 0 || given.length > 1) endpoints[option.target] = endpoint;
  }
  return { mode: options[0]?.target, endpoints };
}
