/**
 * `linux.netDevices`: links of the host move into the container's network namespace and keep their addresses. The
 * kernel takes addresses off a link that changes its namespace, so they are read before and set again after. What
 * becomes of the links when the container ends is the kernel's business; a failed creation puts them back.
 */
import {
  findLink,
  homeNetns,
  inNetns,
  listLinks,
  NetlinkError,
  NetlinkSocket,
  openNetnsOfPid,
} from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { UndoStack } from "../../lib/undo-stack.ts";
import { addressMessages } from "../../linux/netlink/address.ts";
import {
  addInterfaceAddress,
  decodeInterfaceAddress,
  dumpInterfaceAddresses,
  type InterfaceAddress,
  isLasting,
} from "../../linux/netlink/interface-address.ts";
import { type Link, setLink } from "../../linux/netlink/link.ts";
import type { LinuxSpec } from "../../oci/mod.ts";

interface Move {
  readonly link: Link;
  /** Its name inside; one that ends in %d is completed by the kernel. */
  readonly newName: string;
  readonly addresses: readonly InterfaceAddress[];
}

/**
 * `pid` is the container's process. Returns its namespace, which `undo` needs until the creation has succeeded or has
 * been undone. Throws `invalid` before anything has moved for a device that the host does not have, or whose new
 * name is taken.
 */
export function moveNetworkDevices(
  devices: NonNullable<LinuxSpec["netDevices"]>,
  pid: number,
  undo: UndoStack,
): OwnedFd {
  const netns = openNetnsOfPid(pid);
  undo.push("network namespace", () => netns[Symbol.dispose]());
  using socket = NetlinkSocket.open("route");
  for (const move of decideMoves(devices, socket, netns)) {
    const before = namesIn(netns);
    undo.push(`network device ${move.link.name}`, () => putBack(netns, before, move));
    socket.execute([setLink(move.link.index, { up: false })]);
    socket.execute([setLink(move.link.index, { netnsFd: netns.raw, name: move.newName })]);
    inNetns(netns, () => settle(newcomer(before)?.index, move));
  }
  return netns;
}

function refuse(message: string): never {
  throw new TiffinError("invalid", "runtime.no-network-device", `linux.netDevices: ${message}`);
}

function decideMoves(
  devices: NonNullable<LinuxSpec["netDevices"]>,
  socket: NetlinkSocket,
  netns: OwnedFd,
): Move[] {
  const taken = new Set(namesIn(netns));
  const addresses = socket.dump(dumpInterfaceAddresses(), (message) =>
    message.type === addressMessages.new ? decodeInterfaceAddress(message) : undefined,
  );
  return Object.entries(devices).map(([name, { name: wanted = "" }]) => {
    const link = findLink(socket, name) ?? refuse(`the host has no device ${name}`);
    const newName = wanted === "" ? name : wanted;
    if (!newName.endsWith("%d")) {
      if (taken.has(newName)) refuse(`the container already has a device ${newName}`);
      taken.add(newName);
    }
    const own = addresses.filter((address) => address.linkIndex === link.index && isLasting(address));
    return { link, newName, addresses: own };
  });
}

function namesIn(netns: OwnedFd): string[] {
  return inNetns(netns, () => {
    using inside = NetlinkSocket.open("route");
    return listLinks(inside).map(({ name }) => name);
  });
}

/** The link that has come since; in the current namespace. */
function newcomer(before: readonly string[]): Link | undefined {
  using socket = NetlinkSocket.open("route");
  return listLinks(socket).find(({ name }) => !before.includes(name));
}

/** Addresses and state for the moved link, in the current namespace. */
function settle(index: number | undefined, { addresses, newName }: Move): void {
  if (index === undefined) refuse(`device ${newName} did not arrive`);
  using socket = NetlinkSocket.open("route");
  for (const address of addresses) socket.execute([addInterfaceAddress(address, index)]);
  socket.execute([setLink(index, { up: true })]);
}

/** A link that could not move has kept some. */
function addIfMissing(socket: NetlinkSocket, address: InterfaceAddress, index: number): void {
  try {
    socket.execute([addInterfaceAddress(address, index)]);
  } catch (thrown) {
    if (!(thrown instanceof NetlinkError) || thrown.code !== "EEXIST") throw thrown;
  }
}

/** What a failed creation owes the host: the link under its name, with its addresses, up if it was. */
function putBack(netns: OwnedFd, before: readonly string[], { link, addresses }: Move): void {
  inNetns(netns, () => {
    const moved = newcomer(before);
    if (moved === undefined) return;
    using inside = NetlinkSocket.open("route");
    inside.execute([setLink(moved.index, { up: false })]);
    inside.execute([setLink(moved.index, { netnsFd: homeNetns().raw, name: link.name })]);
  });
  using socket = NetlinkSocket.open("route");
  const back = findLink(socket, link.name);
  if (back === undefined) return;
  for (const address of addresses) addIfMissing(socket, address, back.index);
  if (link.up) socket.execute([setLink(back.index, { up: true })]);
}
