/** `link`: links of every kind. */

import { makeTunDevice } from "../../kernel/named-netns/mod.ts";
import { findLink, inNetns, NetlinkError } from "../../kernel/netlink/mod.ts";
import { formatMac, parseMac } from "../../linux/netlink/ipv4.ts";
import { deleteLink, type Link, type LinkSettings, newLink, setLink } from "../../linux/netlink/link.ts";
import { type LinkDetails, linkFlagNames } from "../../linux/netlink/link-details.ts";
import type { WordReader } from "../arguments.ts";
import type { Change } from "../change.ts";
import { isDevice, kindModules, readKind, type WantedKind } from "../kinds.ts";
import { misuse } from "../lab-error.ts";
import { allLinks, checkLinkName, linkOf, netnsNumbers, requireFree } from "../links.ts";
import { attempt, type Hint, type Namespace, type Session } from "../session.ts";
import { table } from "../table.ts";

const largestMtu = 0x7fff_ffff;
const quote = JSON.stringify;

/** What tells a link from another of its name. */
export function linkIdentity(link: Link): string {
  return `${link.index} ${formatMac(link.mac)}`;
}

export function add(session: Session, words: WordReader): void {
  const { here } = session;
  const name = checkLinkName(words.next("the name of the link"));
  session.lock();
  const kind = readKind(words, here);
  makeLink(session, name, kind);
}

export function makeLink(session: Session, name: string, kind: WantedKind): void {
  const { here, journal } = session;
  requireFree(here, name);
  if (kind.kind === "veth" && kind.peer.name === name) {
    throw misuse(`both ends of the cable are called ${quote(name)}`);
  }
  const lacks: Hint = {
    message: `this kernel has no links of kind ${kind.kind}`,
    remedy: `modprobe ${kindModules[kind.kind] ?? kind.kind} loads it where it is a module`,
  };
  journal.record(
    { what: "link", at: here.place, name, kind: isDevice(kind) ? "tun" : kind.kind },
    () =>
      attempt(
        `make link ${quote(name)} of kind ${kind.kind} in ${here.label}`,
        () => {
          if (isDevice(kind)) inNetns(here.fd, () => makeTunDevice(name, kind.kind));
          else here.socket.execute([newLink({ name }, kind)]);
        },
        isDevice(kind) ? { ENOENT: lacks, ENODEV: lacks } : { EOPNOTSUPP: lacks },
      ),
    () => {
      const made = findLink(here.socket, name);
      return made === undefined ? "" : linkIdentity(made);
    },
  );
}

interface Wishes {
  settings: Omit<LinkSettings, "master">;
  master?: string;
  netns?: string;
  name?: string;
}

function readWishes(words: WordReader): Wishes {
  const wishes: Wishes = { settings: {} };
  const put = (settings: LinkSettings): void => {
    wishes.settings = { ...wishes.settings, ...settings };
  };
  do {
    const word = words.next("what to set");
    if (word === "up" || word === "down") put({ up: word === "up" });
    else if (word === "netns") wishes.netns = words.next("the namespace");
    else if (word === "master") wishes.master = checkLinkName(words.next("the bridge"));
    else if (word === "nomaster") wishes.master = "";
    else if (word === "name") wishes.name = checkLinkName(words.next("the new name"));
    else if (word === "mtu") put({ mtuBytes: words.number("the MTU", 0, largestMtu) });
    else if (word === "address") {
      const text = words.next("the hardware address");
      const mac = parseMac(text);
      if (mac === undefined) {
        throw misuse(`the hardware address is ${quote(text)}, wanted six bytes such as 02:00:00:00:00:01`);
      }
      put({ mac });
    } else throw words.unexpected(word);
  } while (words.more);
  return wishes;
}

/** In the order in which the kernel goes about it: first the move, so that all else is done where the link is then. */
export function set(session: Session, words: WordReader): void {
  session.lock();
  let namespace = session.here;
  let link = linkOf(namespace, words.next("the name of the link"));
  const wishes = readWishes(words);
  if (wishes.netns !== undefined) {
    const to = session.target(wishes.netns);
    if (to.place.identity !== namespace.place.identity) {
      moveLink(session, namespace, link, to);
      namespace = to;
      link = linkOf(namespace, link.name);
    }
  }
  if (wishes.name !== undefined && wishes.name !== link.name) {
    renameLink(session, namespace, link, wishes.name);
    link = linkOf(namespace, wishes.name);
  }
  changeLink(session, namespace, link, wishes.settings, wishes.master);
}

function moveLink(session: Session, from: Namespace, link: Link, to: Namespace): void {
  requireFree(to, link.name);
  const what = `move link ${quote(link.name)} from ${from.label} to ${to.label}`;
  session.journal.record(
    { what: "move", at: from.place, name: link.name, index: link.index, to: to.place },
    () =>
      attempt(what, () => from.socket.execute([setLink(link.index, { netnsFd: to.fd.raw })]), {
        EINVAL: { message: "a link of its kind stays where it is" },
      }),
  );
}

function renameLink(session: Session, namespace: Namespace, link: Link, name: string): void {
  requireFree(namespace, name);
  session.journal.record(
    { what: "rename", at: namespace.place, name: link.name, index: link.index, to: name },
    () =>
      attempt(
        `rename link ${quote(link.name)} in ${namespace.label} to ${quote(name)}`,
        () => namespace.socket.execute([setLink(link.index, { name })]),
        { EBUSY: { message: "it is up", remedy: `tiffin lab link set ${link.name} down` } },
      ),
  );
}

/** `master` by name, "" for none. */
export function changeLink(
  session: Session,
  namespace: Namespace,
  link: Link,
  settings: Omit<LinkSettings, "master">,
  master?: string,
): void {
  const bridge = master === undefined || master === "" ? undefined : linkOf(namespace, master);
  if (Object.keys(settings).length === 0 && master === undefined) return;
  const at = namespace.place;
  const former = link.master === 0 ? "" : (findLink(namespace.socket, link.master)?.name ?? "");
  const change: Change = {
    what: "settings",
    at,
    name: link.name,
    index: link.index,
    ...(settings.up === undefined ? {} : { up: link.up }),
    ...(settings.mtuBytes === undefined ? {} : { mtu: link.mtuBytes }),
    ...(settings.mac === undefined ? {} : { mac: formatMac(link.mac) }),
    ...(master === undefined ? {} : { master: former }),
  };
  const wanted = { ...settings, ...(master === undefined ? {} : { master: bridge?.index ?? 0 }) };
  session.journal.record(change, () =>
    attempt(
      `change link ${quote(link.name)} in ${namespace.label}`,
      () => {
        // Of one message that is refused midway the kernel keeps the first half; so one message each.
        const parts: LinkSettings[] = [];
        if (wanted.mac !== undefined) parts.push({ mac: wanted.mac });
        if (wanted.mtuBytes !== undefined) parts.push({ mtuBytes: wanted.mtuBytes });
        if (wanted.master !== undefined) parts.push({ master: wanted.master });
        if (wanted.up !== undefined) parts.push({ up: wanted.up });
        for (const [index, part] of parts.entries()) {
          try {
            namespace.socket.execute([setLink(link.index, part)]);
          } catch (thrown) {
            restore(namespace, link, parts.slice(0, index));
            throw thrown;
          }
        }
      },
      {
        EOPNOTSUPP: {
          message: bridge === undefined ? "its kind does not take that" : `${quote(master)} takes no ports`,
        },
        ELOOP: { message: `${quote(link.name)} cannot be plugged into that` },
      },
    ),
  );
}

/** What had been set before one setting was refused. */
function restore(namespace: Namespace, link: Link, parts: readonly LinkSettings[]): void {
  for (const part of parts.toReversed()) {
    const before: LinkSettings =
      part.mac !== undefined
        ? { mac: link.mac }
        : part.mtuBytes !== undefined
          ? { mtuBytes: link.mtuBytes }
          : part.master !== undefined
            ? { master: link.master }
            : { up: link.up };
    try {
      namespace.socket.execute([setLink(link.index, before)]);
    } catch (thrown) {
      if (!(thrown instanceof NetlinkError)) throw thrown;
    }
  }
}

export function ls(session: Session, words: WordReader): void {
  const wanted = words.optional();
  words.end();
  const { here } = session;
  if (wanted !== undefined) linkOf(here, wanted);
  const links = allLinks(here.socket);
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const shown = links.filter(({ name }) => wanted === undefined || name === wanted);
  const documents = shown.map((link) => linkDocument(link, names, links));
  session.show(documents, () => {
    const numbers = netnsNumbers(session, here);
    return table(
      ["INDEX", "NAME", "KIND", "STATE", "MTU", "ADDRESS", "MASTER", "OTHER END"],
      shown.map((link) => [
        String(link.index),
        link.name,
        link.description,
        link.up ? link.operationalState : "off",
        String(link.mtuBytes),
        formatMac(link.mac),
        names.get(link.master) ?? "",
        otherEnd(link, names, numbers),
      ]),
    );
  });
}

function otherEnd(
  link: LinkDetails,
  names: ReadonlyMap<number, string>,
  numbers: ReadonlyMap<number, string>,
): string {
  if (link.peerIndex === 0) return "";
  if (link.peerNetnsId === undefined) return names.get(link.peerIndex) ?? "";
  return `#${link.peerIndex} in ${numbers.get(link.peerNetnsId) ?? `namespace ${link.peerNetnsId}`}`;
}

function linkDocument(link: LinkDetails, names: ReadonlyMap<number, string>, links: readonly LinkDetails[]) {
  const peer = link.peerNetnsId === undefined ? names.get(link.peerIndex) : undefined;
  const master = names.get(link.master);
  const below = peer === undefined ? undefined : links.find(({ index }) => index === link.peerIndex);
  return {
    ifindex: link.index,
    ...(link.peerNetnsId === undefined ? {} : { link_index: link.peerIndex }),
    ...(peer === undefined ? {} : { link: peer }),
    ifname: link.name,
    flags: [...linkFlagNames(link.flags), ...(below?.up === false ? ["M-DOWN"] : [])],
    mtu: link.mtuBytes,
    ...(master === undefined ? {} : { master }),
    operstate: link.operationalState,
    link_type: link.linkType,
    ...(link.mac.length === 0 ? {} : { address: formatMac(link.mac) }),
    ...(link.peerNetnsId === undefined ? {} : { link_netnsid: link.peerNetnsId }),
    ...(link.kind === "" ? {} : { linkinfo: { info_kind: link.kind } }),
  };
}

export function rm(session: Session, words: WordReader): void {
  const { here } = session;
  const link = linkOf(here, words.next("the name of the link"));
  words.end();
  removeLink(session, link);
}

export function removeLink(session: Session, link: Link): void {
  const { here, journal } = session;
  // What is written about it while it is there is written about it for the last time.
  const about = journal.entries.filter(
    ({ change }) =>
      "at" in change &&
      "name" in change &&
      change.at.identity === here.place.identity &&
      change.name === link.name,
  );
  attempt(
    `remove link ${quote(link.name)} from ${here.label}`,
    () => here.socket.execute([deleteLink(link.index)]),
    { EOPNOTSUPP: { message: "it is no link that can be removed" } },
  );
  for (const { id } of about) journal.forget(id);
}
