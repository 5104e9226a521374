/** Links of a namespace, looked up for the commands. */

import { namedNetnsNames } from "../kernel/named-netns/mod.ts";
import { findLink, type NetlinkSocket } from "../kernel/netlink/mod.ts";
import { dumpLinks, type Link, linkMessages } from "../linux/netlink/link.ts";
import { decodeLinkDetails, type LinkDetails } from "../linux/netlink/link-details.ts";
import { decodeNetnsId, netnsIdOf } from "../linux/netlink/netns-id.ts";
import { listed, missing, misuse, taken } from "./lab-error.ts";
import type { Namespace, Session } from "./session.ts";

const longestNameBytes = 15;

/** Throws for what the kernel takes for no name of a link. */
export function checkLinkName(name: string): string {
  const bytes = new TextEncoder().encode(name).length;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  const wrong = /[/:\s\u0000-\u001f\u007f]/.test(name) || name === "." || name === ".." || name.includes("%");
  if (bytes < 1 || bytes > longestNameBytes || wrong) {
    throw misuse(
      `${JSON.stringify(name)} is no name of a link: 1 to 15 bytes without "/", ":", "%", spaces and control characters are`,
    );
  }
  return name;
}

export function allLinks(socket: NetlinkSocket): LinkDetails[] {
  return socket.dump(dumpLinks(), (message) =>
    message.type === linkMessages.new ? decodeLinkDetails(message) : undefined,
  );
}

export function linkOf(namespace: Namespace, name: string): Link {
  const link = findLink(namespace.socket, checkLinkName(name));
  if (link !== undefined) return link;
  const names = allLinks(namespace.socket).map((one) => one.name);
  throw missing(`there is no link ${JSON.stringify(name)} in ${namespace.label}; found ${listed(names)}`);
}

export function requireFree(namespace: Namespace, name: string): void {
  const link = findLink(namespace.socket, checkLinkName(name));
  if (link === undefined) return;
  const kind = link.kind === "" ? "" : ` of kind ${link.kind}`;
  throw taken(`there is a link ${JSON.stringify(name)}${kind} in ${namespace.label} already`);
}

/** Names of namespaces by the number that `namespace` has for them. */
export function netnsNumbers(session: Session, namespace: Namespace): Map<number, string> {
  const numbers = new Map<number, string>();
  for (const name of namedNetnsNames()) {
    const other = session.findNamed(name);
    if (other === undefined) continue;
    const id = namespace.socket.get(netnsIdOf(other.fd.raw), decodeNetnsId);
    if (id !== undefined) numbers.set(id, name);
  }
  return numbers;
}
