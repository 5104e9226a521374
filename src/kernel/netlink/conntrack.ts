/** Connection tracking operations on a netfilter socket. */
import {
  conntrackMessages,
  decodeFlow,
  deleteFlow,
  dumpFlows,
  type Flow,
} from "../../linux/netlink/conntrack.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

/** The IPv4 flows of this network namespace that `wanted` picks. Reads all of them. */
export function listFlows(socket: NetlinkSocket, wanted: (flow: Flow) => boolean): Flow[] {
  return socket.dump(dumpFlows(), (message) => {
    if (message.type !== conntrackMessages.new) return undefined;
    const flow = decodeFlow(message);
    return flow !== undefined && wanted(flow) ? flow : undefined;
  });
}

/** Deletes the flows that `wanted` picks and returns how many; one that ended by itself meanwhile does not count. */
export function deleteFlows(socket: NetlinkSocket, wanted: (flow: Flow) => boolean): number {
  const requests = listFlows(socket, wanted).map((flow) => deleteFlow(flow.identity));
  const outcomes = socket.executeEach(requests);
  const failure = outcomes.find((outcome) => outcome !== undefined && outcome.code !== "ENOENT");
  if (failure !== undefined) throw failure;
  return requests.length - outcomes.filter((outcome) => outcome !== undefined).length;
}
