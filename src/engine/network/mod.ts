/** The door of the network folder. */

export { answersNames, builtInIds, hasNameServer, isBuiltIn } from "./built-in-networks.ts";
export { type HandNetwork, networkByHand, spareAddress } from "./by-hand.ts";
export { macOf } from "./decide.ts";
export { type Asker, NameServers } from "./dns/mod.ts";
export type {
  EndpointRecord,
  EndpointRequest,
  Leave,
  LinkWay,
  LiveContainer,
  Network,
  NetworkOptions,
  NetworkRequest,
  NetworkStep,
  Networks,
  Place,
  PortChange,
  PortProtocol,
  PortRequest,
  PublishedPort,
  PublishMode,
  Reconnected,
  UnwiredPlace,
} from "./model.ts";
export { networkDrivers, networkSteps } from "./model.ts";
export { NetworkService } from "./network-service.ts";
export { openNetworks } from "./open-networks.ts";
export type { Member } from "./present.ts";
export { removeNetworkRemains } from "./remains.ts";
