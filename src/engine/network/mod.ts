/** The door of the network folder. */
export type {
  DefaultNetwork,
  Endpoint,
  EndpointRequest,
  LiveEndpoint,
  NetworkOptions,
  PortProtocol,
  PortRequest,
  PublishedPort,
  UnwiredEndpoint,
} from "./model.ts";
export { openNetwork } from "./open-network.ts";
export { removeNetworkRemains } from "./remains.ts";
