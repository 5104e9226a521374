/** The door of the netlink folder. */
export { deleteFlows, listFlows } from "./conntrack.ts";
export { deleteLinkUnseen } from "./delete-link.ts";
export {
  deleteAddresses,
  findLink,
  listAddresses,
  listIpRoutes,
  listLinkCounters,
  listLinks,
  listRoutes,
} from "./links.ts";
export { NetlinkError } from "./netlink-error.ts";
export { NetlinkSocket } from "./netlink-socket.ts";
export { createNetns, homeNetns, inNetns, openNetnsOfPid } from "./netns.ts";
export { type NftChanges, NftMonitor } from "./nft-monitor.ts";
export { NftTrace } from "./nft-trace.ts";
export {
  findChain,
  listChains,
  listElements,
  listRules,
  listRuleset,
  nftTransaction,
  tableExists,
} from "./nftables.ts";
export { PacketSocket } from "./packet-socket.ts";
export { readSysctl, writeSysctl } from "./sysctl.ts";
