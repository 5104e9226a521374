/**
 * `--publish` and `--expose`: `[[ADDRESS:]HOSTPORT[-LAST]:]PORT[-LAST][/PROTOCOL]`, in all of Docker's forms, to the two maps that
 * a create request carries. Pure.
 */
import { isIpAddress } from "../../docker/ip-address.ts";
import type { PortBinding } from "../../docker/types/host-config.ts";

interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface PortMaps {
  readonly exposed: Readonly<Record<string, Record<string, never>>>;
  readonly bindings: Readonly<Record<string, readonly PortBinding[]>>;
}

const protocols = ["tcp", "udp", "sctp"];
const lastPort = 65535;

function parseRange(text: string, onBad: (part: string) => Error): PortRange {
  const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(text);
  if (match === null) throw onBad(text);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first > lastPort || last > lastPort || last < first) throw onBad(text);
  return { first, last };
}

/** Splits `address:host:container` from the right; an IPv6 address is in brackets. */
function splitParts(text: string): { address: string; host: string; container: string } {
  const parts = text.split(":");
  const container = parts.pop() ?? "";
  const host = parts.pop() ?? "";
  const address = parts.join(":");
  if (address === "") return { address, host, container };
  return { address: /^\[(.*)\]$/.exec(address)?.[1] ?? address, host, container };
}

function splitProtocol(text: string): { ports: string; protocol: string } {
  const slash = text.indexOf("/");
  const protocol = slash < 0 ? "tcp" : text.slice(slash + 1).toLowerCase();
  const ports = slash < 0 ? text : text.slice(0, slash);
  return { ports, protocol: protocol === "" ? "tcp" : protocol };
}

const longFields: ReadonlySet<string> = new Set(["target", "published", "protocol", "mode"]);

/** `name=value` fields of the long `--publish` form, as the short form. */
function fromLongForm(text: string): string {
  const fields = new Map<string, string>();
  for (const field of text.split(",")) {
    const equals = field.indexOf("=");
    if (equals < 0) throw new Error(`invalid field: ${field}`);
    const key = field.slice(0, equals).toLowerCase();
    if (!longFields.has(key)) throw new Error(`invalid field key ${key}`);
    fields.set(key, field.slice(equals + 1));
  }
  const mode = fields.get("mode") ?? "ingress";
  if (mode !== "ingress" && mode !== "host")
    throw new Error(`invalid publish mode (${mode}): must be either 'ingress' or 'host'`);
  const target = fields.get("target");
  if (target === undefined) throw new Error("target port is required");
  const protocol = fields.get("protocol");
  const published = fields.get("published");
  return `${published === undefined ? "" : `${published}:`}${target}${protocol === undefined ? "" : `/${protocol}`}`;
}

function addPublished(
  text: string,
  exposed: Record<string, Record<string, never>>,
  bindings: Record<string, PortBinding[]>,
): void {
  const { ports, protocol } = splitProtocol(text.includes("=") ? fromLongForm(text) : text);
  const { address, host, container } = splitParts(ports);
  if (address !== "" && !isIpAddress(address)) throw new Error(`invalid IP address: ${address}`);
  if (container === "") throw new Error(`no port specified: ${text}<empty>`);
  if (!protocols.includes(protocol)) throw new Error(`invalid proto: ${protocol}`);
  const inside = parseRange(container, (part) => new Error(`invalid containerPort: ${part}`));
  const outside =
    host === "" ? undefined : parseRange(host, (part) => new Error(`invalid hostPort: ${part}`));
  const insideCount = inside.last - inside.first;
  const oneOfMany = outside !== undefined && insideCount === 0 && outside.last > outside.first;
  if (outside !== undefined && !oneOfMany && outside.last - outside.first !== insideCount) {
    throw new Error(`invalid ranges specified for container and host Ports: ${container} and ${host}`);
  }
  for (let offset = 0; offset <= insideCount; offset += 1) {
    const key = `${inside.first + offset}/${protocol}`;
    let hostPort = "";
    if (outside !== undefined) hostPort = oneOfMany ? host : String(outside.first + offset);
    exposed[key] = {};
    bindings[key] ??= [];
    bindings[key].push({ HostIp: address, HostPort: hostPort });
  }
}

function addExposed(text: string, exposed: Record<string, Record<string, never>>): void {
  const bad = (part: string): Error => {
    const reason = `strconv.ParseUint: parsing ${JSON.stringify(part)}: invalid syntax`;
    return new Error(`invalid range format for --expose: ${text}, error: ${reason}`);
  };
  if (text.includes(":")) throw new Error(`invalid port format for --expose: ${text}`);
  const { ports, protocol } = splitProtocol(text);
  if (!protocols.includes(protocol)) throw new Error(`invalid proto: ${protocol}`);
  const range = parseRange(ports, bad);
  for (let port = range.first; port <= range.last; port += 1) exposed[`${port}/${protocol}`] = {};
}

/** Throws `Error` with Docker's wording. */
export function portMaps(published: readonly string[], exposedSpecs: readonly string[]): PortMaps {
  const exposed: Record<string, Record<string, never>> = {};
  const bindings: Record<string, PortBinding[]> = {};
  for (const text of published) addPublished(text, exposed, bindings);
  for (const text of exposedSpecs) addExposed(text, exposed);
  return { exposed, bindings };
}
