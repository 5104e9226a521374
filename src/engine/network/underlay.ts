/** The link of the host's that a network of the drivers macvlan, ipvlan, vlan or vxlan stands on: what it is, and what makes it. Pure. */
import { parseIpAddress } from "../../linux/netlink/ip-address.ts";
import type { Attachment } from "./model.ts";
import type { NetOp } from "./op.ts";

export interface Underlay {
  readonly attachment: Attachment;
  readonly network: string;
  readonly mtu: number;
}

/** Nothing where the link is the administrator's, and has to be there. */
export function decideUnderlay(
  attachment: Attachment,
  network: string,
  bridge: string,
  mtu: number,
): NetOp[] {
  const { link, made } = attachment;
  if (made === undefined) return [];
  const cause = `network ${network}`;
  const inverse = `linkDelete ${link}`;
  const ops: NetOp[] = [{ in: "host", op: "underlayAdd", link, made, mtu, cause, inverse }];
  if (made.kind === "vxlan") {
    ops.push(
      { in: "host", op: "ipv6Quiet", link, cause: "it has no address of its own", inverse },
      { in: "host", op: "bridgePort", link, bridge, cause, inverse },
      ...made.peers.map(
        (peer): NetOp => ({
          in: "host",
          op: "vxlanPeer",
          link,
          peer: parseIpAddress(peer) ?? new Uint8Array(4),
          cause: "frames for everybody and for unknown ones go to each peer",
          inverse,
        }),
      ),
    );
  }
  ops.push({ in: "host", op: "linkUp", link, cause, inverse });
  return ops;
}

/** Containers have links of their own on it, and no bridge is between. */
export function isParent(attachment: Attachment | undefined): boolean {
  return attachment !== undefined && attachment.kind !== "vxlan";
}
