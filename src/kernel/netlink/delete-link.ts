/**
 * The kernel takes a link out of sight at once and then waits for tens of milliseconds until nobody can be using it any more. Only
 * the former concerns us: the request is sent on another thread, and a look at the link's name does not wait for the lock that is held
 * meanwhile. From then on nobody finds the link, and a link of that name can be made: whoever asks for that comes after this one.
 */

import { errno } from "../../linux/errno.ts";
import { deleteLink } from "../../linux/netlink/link.ts";
import { messageFlags, type NetlinkRequest } from "../../linux/netlink/message.ts";
import { NetlinkError } from "./netlink-error.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

const betweenLooksMs = 0.2;
/** Who is not heard by then is asked in the ordinary way, which says what is wrong. */
const usualPatienceMs = 1000;
const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Deletes a link of the calling thread's network namespace; one that is gone already is no failure. */
export function deleteLinkUnseen(link: string, patienceMs = usualPatienceMs): void {
  using route = NetlinkSocket.open("route");
  if (route.indexNow(link) === undefined) return;
  const request = deleteLink(link);
  NetlinkSocket.open("route").performElsewhere({ ...request, flags: messageFlags.request });
  const end = performance.now() + patienceMs;
  while (route.indexNow(link) !== undefined) {
    if (performance.now() > end) {
      askAloud(route, request);
      return;
    }
    Atomics.wait(nothing, 0, 0, betweenLooksMs);
  }
}

/** The other thread may have been heard in between. */
function askAloud(route: NetlinkSocket, request: NetlinkRequest): void {
  try {
    route.execute([request]);
  } catch (thrown) {
    if (!(thrown instanceof NetlinkError) || thrown.errno !== errno.ENODEV) throw thrown;
  }
}
