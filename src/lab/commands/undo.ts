/**
 * `undo`: takes back what the journal tells of, last things first. What is not there any more, or is another thing of the
 * same name, is left alone; what is refused stays in the journal.
 */

import {
  namedNetnsNames,
  netnsIdentity,
  openNamedNetns,
  removeNamedNetns,
  removeNamedNetnsDirectory,
} from "../../kernel/named-netns/mod.ts";
import { findLink, NetlinkError } from "../../kernel/netlink/mod.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { deleteInterfaceAddress } from "../../linux/netlink/interface-address.ts";
import { parseIpAddress } from "../../linux/netlink/ip-address.ts";
import { deleteIpRoute } from "../../linux/netlink/ip-route.ts";
import { formatMac, parseMac } from "../../linux/netlink/ipv4.ts";
import { deleteLink, type Link, setLink } from "../../linux/netlink/link.ts";
import type { WordReader } from "../arguments.ts";
import type { Change, Place } from "../change.ts";
import type { Entry } from "../journal.ts";
import { refused } from "../lab-error.ts";
import { foundText, type Namespace, type Session } from "../session.ts";
import { addressOn } from "./addr.ts";

const quote = JSON.stringify;
/** What a request says when what it is about is gone. */
const goneCodes = ["ENODEV", "ESRCH", "ENOENT", "EADDRNOTAVAIL"];

/** Done, or not to be done; undefined: what it is about is gone. */
type Outcome = "done" | "gone" | { readonly kept: string };

function whereText({ name }: Place): string {
  return name === "" ? "" : ` in ${quote(name)}`;
}

function describe(change: Change): string {
  switch (change.what) {
    case "names":
      return "directory /run/netns";
    case "netns":
      return `network namespace ${quote(change.name)}`;
    case "link":
      return `link ${quote(change.name)}${whereText(change.at)}`;
    case "settings":
      return `settings of link ${quote(change.name)}${whereText(change.at)}`;
    case "rename":
      return `name ${quote(change.to)} of link ${quote(change.name)}${whereText(change.at)}`;
    case "move":
      return `move of link ${quote(change.name)} to ${change.to.name === "" ? "the caller's namespace" : quote(change.to.name)}`;
    case "address":
      return `address ${change.address}/${change.length} of link ${quote(change.link)}${whereText(change.at)}`;
    case "route":
      return `route to ${change.destination === undefined ? "default" : `${change.destination}/${change.length}`}${whereText(change.at)}`;
  }
}

/** The link that the entry tells of; undefined when it is gone or another one has its name. */
function sameLink(namespace: Namespace, name: string, index: number): Link | undefined {
  const link = findLink(namespace.socket, name);
  return link?.index === index ? link : undefined;
}

function undoNetns(name: string, identity: string | undefined): Outcome {
  using netns = openNamedNetns(name);
  // Whoever was killed before the mount has left a plain file.
  if (netns !== undefined && identity !== undefined && netnsIdentity(netns) !== identity) return "gone";
  if (netns === undefined && identity !== undefined) return "gone";
  return removeNamedNetns(name) ? "done" : "gone";
}

function undoLink(
  namespace: Namespace,
  change: Change & { what: "link" },
  identity: string | undefined,
): Outcome {
  const link = findLink(namespace.socket, change.name);
  if (link === undefined || link.kind !== change.kind) return "gone";
  const [index, mac] = identity?.split(" ") ?? [];
  const macText = formatMac(link.mac);
  if (identity !== undefined && index !== String(link.index) && (mac === "" || mac !== macText))
    return "gone";
  namespace.socket.execute([deleteLink(link.index)]);
  return "done";
}

function undoSettings(namespace: Namespace, change: Change & { what: "settings" }): Outcome {
  const link = sameLink(namespace, change.name, change.index);
  if (link === undefined) return "gone";
  if (change.up !== undefined && change.up !== link.up && !change.up) {
    namespace.socket.execute([setLink(link.index, { up: false })]);
  }
  if (change.master !== undefined) {
    // A bridge that is gone has let its ports go.
    const master = change.master === "" ? 0 : (findLink(namespace.socket, change.master)?.index ?? 0);
    if (master !== link.master) namespace.socket.execute([setLink(link.index, { master })]);
  }
  if (change.mtu !== undefined && change.mtu !== link.mtuBytes) {
    namespace.socket.execute([setLink(link.index, { mtuBytes: change.mtu })]);
  }
  const mac = change.mac === undefined ? undefined : parseMac(change.mac);
  if (mac !== undefined) namespace.socket.execute([setLink(link.index, { mac })]);
  if (change.up === true && !link.up) namespace.socket.execute([setLink(link.index, { up: true })]);
  return "done";
}

function undoMove(session: Session, change: Change & { what: "move" }): Outcome {
  const target = session.placed(change.to);
  const home = session.placed(change.at);
  const link = target === undefined ? undefined : findLink(target.socket, change.name);
  if (target === undefined || home === undefined || link === undefined) return "gone";
  const back = { netnsFd: home.fd.raw };
  const withIndex = setLink(link.index, { ...back, newIndex: change.index });
  const [failure] = target.socket.executeEach([withIndex]);
  if (failure === undefined) return "done";
  // The number is taken, or the kernel knows of no wish for one.
  target.socket.execute([setLink(link.index, back)]);
  return "done";
}

function undoRename(namespace: Namespace, change: Change & { what: "rename" }): Outcome {
  const link = sameLink(namespace, change.to, change.index);
  if (link === undefined) return "gone";
  if (link.up) namespace.socket.execute([setLink(link.index, { up: false })]);
  namespace.socket.execute([setLink(link.index, { name: change.name })]);
  if (link.up) namespace.socket.execute([setLink(link.index, { up: true })]);
  return "done";
}

function undoAddress(namespace: Namespace, change: Change & { what: "address" }): Outcome {
  const link = findLink(namespace.socket, change.link);
  const address = parseIpAddress(change.address);
  if (link === undefined || address === undefined) return "gone";
  const prefix = { address, length: change.length };
  namespace.socket.execute([deleteInterfaceAddress(addressOn(link.index, prefix))]);
  return "done";
}

function undoRoute(namespace: Namespace, change: Change & { what: "route" }): Outcome {
  const link = change.link === undefined ? undefined : findLink(namespace.socket, change.link);
  if (change.link !== undefined && link === undefined) return "gone";
  const [destination, gateway, source] = [change.destination, change.gateway, change.source].map((text) =>
    text === undefined ? undefined : parseIpAddress(text),
  );
  namespace.socket.execute([
    deleteIpRoute({
      family: change.family,
      length: change.length,
      ...(destination === undefined ? {} : { destination }),
      ...(gateway === undefined ? {} : { gateway }),
      ...(source === undefined ? {} : { source }),
      ...(link === undefined ? {} : { linkIndex: link.index }),
      ...(change.metric === undefined ? {} : { metric: change.metric }),
    }),
  ]);
  return "done";
}

function takeBack(session: Session, { change, identity }: Entry): Outcome {
  if ("at" in change && change.at.name === "" && session.placed(change.at) === undefined) {
    return { kept: "it was made from another network namespace; call undo there" };
  }
  switch (change.what) {
    case "names":
      return removeNamedNetnsDirectory(change)
        ? "done"
        : { kept: `somebody uses it: ${namedNetnsNames().join(", ") || "it is busy"}` };
    case "netns":
      return undoNetns(change.name, identity);
    case "move":
      return undoMove(session, change);
    default: {
      const namespace = session.placed(change.at);
      if (namespace === undefined) return "gone";
      switch (change.what) {
        case "link":
          return undoLink(namespace, change, identity);
        case "settings":
          return undoSettings(namespace, change);
        case "rename":
          return undoRename(namespace, change);
        case "address":
          return undoAddress(namespace, change);
        case "route":
          return undoRoute(namespace, change);
      }
    }
  }
}

function attemptBack(session: Session, entry: Entry): Outcome {
  try {
    return takeBack(session, entry);
  } catch (thrown) {
    const code = thrown instanceof NetlinkError || thrown instanceof SyscallError ? thrown.code : "";
    return goneCodes.includes(code) ? "gone" : { kept: foundText(thrown) };
  }
}

export function undo(session: Session, words: WordReader): void {
  words.end();
  const { journal, host } = session;
  const rows: { what: string; outcome: string }[] = [];
  const kept: string[] = [];
  for (const entry of journal.entries.toReversed()) {
    const outcome = attemptBack(session, entry);
    host.step("undo.change");
    const what = describe(entry.change);
    if (typeof outcome === "object") {
      // The directory of names is nobody's in particular: others go on using it.
      if (entry.change.what === "names") journal.forget(entry.id);
      else kept.push(`${what}: ${outcome.kept}`);
      rows.push({ what, outcome: `kept: ${outcome.kept}` });
    } else {
      journal.forget(entry.id);
      rows.push({ what, outcome: outcome === "done" ? "taken back" : "gone already" });
    }
    host.step("undo.noted");
  }
  session.show(rows, () => rows.map((row) => `${row.outcome}: ${row.what}`));
  if (kept.length > 0) throw refused(`could not take back everything: ${kept.join("; ")}`);
}
