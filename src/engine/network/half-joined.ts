/**
 * A container that runs, and that an engine died about while it joined or left a network: what that made in its namespace goes,
 * and the way to everywhere else is again that of a network that it is in.
 */
import { deleteLinkUnseen, inNetns, listLinks, NetlinkSocket } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import type { EndpointRecord } from "./model.ts";

/** The names that we give. */
const ownName = /^eth\d+$/;
/** Their other end goes with what the host has of them. */
const withoutHostEnd: ReadonlySet<string> = new Set(["macvlan", "ipvlan"]);

export function removeHalfJoined(netns: OwnedFd, endpoints: readonly Pick<EndpointRecord, "link">[]): void {
  const known = new Set(endpoints.map(({ link }) => link));
  using route = inNetns(netns, () => NetlinkSocket.open("route"));
  for (const { name, kind } of listLinks(route)) {
    if (!ownName.test(name) || known.has(name) || !withoutHostEnd.has(kind)) continue;
    inNetns(netns, () => deleteLinkUnseen(name));
  }
}
