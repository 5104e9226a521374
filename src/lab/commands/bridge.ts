/** `bridge`: switches and what is plugged into them. */
import { findLink } from "../../kernel/netlink/mod.ts";
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import {
  decodeNeighbourEntry,
  dumpForwarding,
  type NeighbourEntry,
  neighbourFlags,
} from "../../linux/netlink/ip-neighbour.ts";
import { formatMac } from "../../linux/netlink/ipv4.ts";
import type { Link } from "../../linux/netlink/link.ts";
import { neighbourMessages, neighbourStates } from "../../linux/netlink/neighbour.ts";
import type { WordReader } from "../arguments.ts";
import { listed, misuse, refused } from "../lab-error.ts";
import { allLinks, checkLinkName, linkOf } from "../links.ts";
import type { Namespace, Session } from "../session.ts";
import { table } from "../table.ts";
import { changeLink, makeLink, removeLink } from "./link.ts";

const noArpState = 0x40;

function bridgeOf(namespace: Namespace, name: string): Link {
  const link = linkOf(namespace, name);
  if (link.kind === "bridge") return link;
  const bridges = allLinks(namespace.socket).filter(({ kind }) => kind === "bridge");
  const kind = link.kind === "" ? "no virtual link" : `of kind ${link.kind}`;
  throw misuse(
    `link ${JSON.stringify(name)} in ${namespace.label} is no bridge, it is ${kind}; bridges: ${listed(bridges.map((one) => one.name))}`,
  );
}

export function add(session: Session, words: WordReader): void {
  const name = checkLinkName(words.next("the name of the bridge"));
  words.end();
  session.lock();
  makeLink(session, name, { kind: "bridge" });
}

export function rm(session: Session, words: WordReader): void {
  const bridge = bridgeOf(session.here, words.next("the name of the bridge"));
  words.end();
  removeLink(session, bridge);
}

function read(session: Session, words: WordReader): readonly [bridge: Link, link: Link] {
  session.lock();
  const bridge = bridgeOf(session.here, words.next("the name of the bridge"));
  const link = linkOf(session.here, words.next("the name of the link"));
  words.end();
  return [bridge, link];
}

export function addif(session: Session, words: WordReader): void {
  const [bridge, link] = read(session, words);
  if (link.master !== 0) {
    const other = findLink(session.here.socket, link.master)?.name ?? String(link.master);
    throw refused(
      `cannot plug link ${JSON.stringify(link.name)} into ${JSON.stringify(bridge.name)}: it is plugged into ${JSON.stringify(other)}`,
      { remedy: `tiffin lab bridge delif ${other} ${link.name}` },
    );
  }
  changeLink(session, session.here, link, {}, bridge.name);
}

export function delif(session: Session, words: WordReader): void {
  const [bridge, link] = read(session, words);
  if (link.master !== bridge.index) {
    const ports = allLinks(session.here.socket).filter(({ master }) => master === bridge.index);
    throw refused(
      `cannot unplug link ${JSON.stringify(link.name)} from ${JSON.stringify(bridge.name)}: it is not plugged in; found ${listed(ports.map(({ name }) => name))}`,
    );
  }
  changeLink(session, session.here, link, {}, "");
}

export function show(session: Session, words: WordReader): void {
  const wanted = words.optional();
  words.end();
  const { here } = session;
  if (wanted !== undefined) bridgeOf(here, wanted);
  const links = allLinks(here.socket);
  const rows = links
    .filter(({ kind, name }) => kind === "bridge" && (wanted === undefined || name === wanted))
    .map((bridge) => ({
      ifindex: bridge.index,
      ifname: bridge.name,
      operstate: bridge.operationalState,
      address: formatMac(bridge.mac),
      ports: links.filter(({ master }) => master === bridge.index).map(({ name }) => name),
    }));
  session.show(rows, () =>
    table(
      ["BRIDGE", "STATE", "ADDRESS", "PORTS"],
      rows.map(({ ifname, operstate, address, ports }) => [ifname, operstate, address, ports.join(" ")]),
    ),
  );
}

function stateText(state: number): string {
  if ((state & neighbourStates.permanent) !== 0) return "permanent";
  if ((state & noArpState) !== 0) return "static";
  if ((state & neighbourStates.stale) !== 0) return "stale";
  return (state & neighbourStates.reachable) !== 0 ? "" : `state=${state.toString(16)}`;
}

function flagsOf({ flags }: NeighbourEntry): string[] {
  const names = [
    [neighbourFlags.self, "self"],
    [neighbourFlags.learnedOutside, "extern_learn"],
    [neighbourFlags.offloaded, "offload"],
    [neighbourFlags.sticky, "sticky"],
  ] as const;
  return names.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
}

export function fdb(session: Session, words: WordReader): void {
  const wanted = words.optional();
  words.end();
  const { here } = session;
  const bridge = wanted === undefined ? undefined : bridgeOf(here, wanted);
  const links = allLinks(here.socket);
  const names = new Map(links.map(({ index, name }) => [index, name]));
  // Of the bridge itself, of its ports, and what the ports have for themselves.
  const within = links
    .filter(({ index, master }) => bridge === undefined || index === bridge.index || master === bridge.index)
    .map(({ index }) => index);
  const rows = here.socket
    .dump(dumpForwarding(), (message) =>
      message.type === neighbourMessages.new ? decodeNeighbourEntry(message) : undefined,
    )
    .filter(({ linkIndex }) => within.includes(linkIndex))
    .map((entry) => {
      const master =
        entry.master === undefined ? undefined : (names.get(entry.master) ?? `if${entry.master}`);
      return {
        ...(entry.mac === undefined ? {} : { mac: formatMac(entry.mac) }),
        ifname: names.get(entry.linkIndex) ?? `if${entry.linkIndex}`,
        ...(entry.destination === undefined ? {} : { dst: formatIpAddress(entry.destination) }),
        ...(entry.vlan === undefined ? {} : { vlan: entry.vlan }),
        flags: flagsOf(entry),
        ...(master === undefined ? {} : { master }),
        state: stateText(entry.state),
      };
    });
  session.show(rows, () =>
    table(
      ["HARDWARE ADDRESS", "PORT", "BRIDGE", "VLAN", "STATE"],
      rows.map(({ mac, ifname, master, vlan, state, flags }) => [
        mac ?? "",
        ifname,
        master ?? "",
        vlan === undefined ? "" : String(vlan),
        [state, ...flags].filter((word) => word !== "").join(" "),
      ]),
    ),
  );
}
