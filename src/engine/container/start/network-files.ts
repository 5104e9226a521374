/** `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` of a container, as text. Pure. */
import type { EndpointRecord } from "../../network/mod.ts";
import type { HostLine } from "../specification/mod.ts";

export interface HostsInput {
  /** The container's own ones. */
  readonly addresses: readonly string[];
  readonly hostname: string;
  readonly domainname: string;
  readonly extraHosts: readonly HostLine[];
  /** Lines for linked containers. */
  readonly links?: readonly string[];
  readonly gateway: string;
}

export const hostsHead = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::\tip6-localnet",
  "ff00::\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

export function renderHosts(input: HostsInput): string {
  const lines = [...hostsHead];
  for (const { name, address } of input.extraHosts) {
    lines.push(`${address === "host-gateway" ? input.gateway : address}\t${name}`);
  }
  lines.push(...(input.links ?? []));
  for (const address of input.addresses) lines.push(ownLine(address, input));
  return `${lines.join("\n")}\n`;
}

/** Those of both families. */
export function addressesOf({ address, ipv6 }: Pick<EndpointRecord, "address" | "ipv6">): string[] {
  return ipv6 === undefined ? [address] : [address, ipv6.address];
}

/** By what names the container finds itself. */
export function ownLine(address: string, names: Pick<HostsInput, "hostname" | "domainname">): string {
  return `${address}\t${ownNames(names).join(" ")}`;
}

/** The same text without some lines and with others at its end; what else somebody wrote stays. */
export function changedHosts(
  text: string,
  remove: (line: string) => boolean,
  add: readonly string[],
): string {
  const kept = text.split("\n").filter((line) => line !== "" && !remove(line) && !add.includes(line));
  return `${[...kept, ...add].join("\n")}\n`;
}

/** The full name, and the short one where that is another. */
function ownNames({ hostname, domainname }: Pick<HostsInput, "hostname" | "domainname">): string[] {
  const full = domainname === "" ? hostname : `${hostname}.${domainname}`;
  const dot = full.indexOf(".");
  return dot > 0 ? [full, full.slice(0, dot)] : [full];
}

export interface ResolverInput {
  /** The text of the host's resolv.conf. */
  readonly host: string;
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** The container has the host's network, so its loopback servers are reachable. */
  readonly hostNetwork: boolean;
  /** A server of ours knows the names of the container's networks, and whom to ask for all others. */
  readonly nameServer: boolean;
}

/** Where Docker's images expect it. */
const ownServer = "127.0.0.11";

/** Used when the host names no server that a container could reach. */
const publicServers = ["8.8.8.8", "8.8.4.4"];

export function renderResolver(input: ResolverInput): string {
  const plain = input.servers.length + input.search.length + input.options.length === 0;
  if (input.hostNetwork && plain) return input.host;
  const found = readResolver(input.host);
  const reachable = input.hostNetwork ? found.servers : found.servers.filter((server) => !isLoopback(server));
  const asked = input.servers.length > 0 ? input.servers : reachable;
  const servers = input.nameServer ? [ownServer] : asked;
  const search = input.search.length > 0 ? input.search : found.search;
  const chosen = input.options.length > 0 ? input.options : found.options;
  // A name of one label is one of ours before it is another's.
  const options =
    input.nameServer && !chosen.some((option) => option.startsWith("ndots:"))
      ? [...chosen, "ndots:0"]
      : chosen;
  const lines = (servers.length > 0 ? servers : publicServers).map((server) => `nameserver ${server}`);
  // A single dot is the way to say "no search list".
  if (search.length > 0 && !(search.length === 1 && search[0] === "."))
    lines.push(`search ${search.join(" ")}`);
  if (options.length > 0) lines.push(`options ${options.join(" ")}`);
  return `${lines.join("\n")}\n`;
}

interface ResolverFile {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** Every start reads the host's, which seldom changes. */
let lastRead: { readonly text: string; readonly found: ResolverFile } | undefined;

function readResolver(text: string): ResolverFile {
  if (lastRead?.text !== text) lastRead = { text, found: decodeResolver(text) };
  return lastRead.found;
}

function decodeResolver(text: string): ResolverFile {
  const servers: string[] = [];
  let search: string[] = [];
  let options: string[] = [];
  for (const line of text.split("\n")) {
    const [word = "", ...rest] = line.trim().split(/\s+/);
    if (word === "nameserver" && rest[0] !== undefined) servers.push(rest[0]);
    if (word === "search" || word === "domain") search = rest;
    if (word === "options") options = rest;
  }
  return { servers, search, options };
}

function isLoopback(server: string): boolean {
  return server.startsWith("127.") || server === "::1";
}

/** Whether a resolv.conf names only servers on the host's loopback, as a local caching resolver writes it. */
export function namesOnlyLoopback(text: string): boolean {
  const { servers } = readResolver(text);
  return servers.length > 0 && servers.every(isLoopback);
}
