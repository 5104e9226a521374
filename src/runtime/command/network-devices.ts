/**
 * `linux.netDevices`: links of the host move into the container's network namespace and keep their addresses. The
 * kernel takes addresses off a link that changes its namespace, so they are read before and set again after.
 */
import { findLink, inNetns, listAddresses, NetlinkSocket, openNetnsOfPid } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { TiffinError } from "../../lib/errors.ts";
import { addAddress } from "../../linux/netlink/address.ts";
import { setLink } from "../../linux/netlink/link.ts";
import type { LinuxSpec } from "../../oci/mod.ts";

/** `pid` is the container's process. Throws `invalid` for a device that the host does not have. */
export function moveNetworkDevices(devices: NonNullable<LinuxSpec["netDevices"]>, pid: number): void {
  using netns = openNetnsOfPid(pid);
  using socket = NetlinkSocket.open("route");
  for (const [name, { name: wanted }] of Object.entries(devices)) {
    const newName = wanted === undefined || wanted === "" ? name : wanted;
    moveDevice(socket, netns, name, newName);
  }
}

function moveDevice(socket: NetlinkSocket, netns: OwnedFd, name: string, newName: string): void {
  const link = findLink(socket, name);
  if (link === undefined) {
    throw new TiffinError(
      "invalid",
      "runtime.no-network-device",
      `linux.netDevices: the host has no device ${name}`,
    );
  }
  const addresses = listAddresses(socket, link.index);
  socket.execute([setLink(link.index, { up: false })]);
  socket.execute([setLink(link.index, { netnsFd: netns.raw, name: newName })]);
  inNetns(netns, () => {
    using inside = NetlinkSocket.open("route");
    const moved = findLink(inside, newName);
    if (moved === undefined) return;
    for (const address of addresses) inside.execute([addAddress({ ...address, linkIndex: moved.index })]);
    inside.execute([setLink(moved.index, { up: true })]);
  });
}
