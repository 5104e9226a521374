/** The networks that are always there, under the ids that they have everywhere: a lost database takes no identity away. */
import type { Network, NetworkSettings } from "./model.ts";

export const builtInIds = {
  bridge: "3e021a71a3fd6e9dcc2ba96f60909847718ab1b6e0c223d7e32926d8e2945ec9",
  host: "afe73e49802153a69df0f0e2096b1ba0e194c3f7bb43dae44a906b2c11facb3e",
  none: "85df1a36dc3f6d8d4d64f70442f28d83d0e669329aa4570ca17a740fa27adb4a",
} as const;

export function isBuiltIn(id: string): boolean {
  return Object.values(builtInIds).some((known) => known === id);
}

export const plainSettings: NetworkSettings = {
  driver: "bridge",
  subnet: "",
  gateway: "",
  ipRange: "",
  auxiliary: {},
  bridge: "",
  mtu: 0,
  internal: false,
  openWithin: true,
  masquerade: true,
  hostAddress: "0.0.0.0",
  attachable: false,
  labels: {},
  options: {},
  subnetChosen: false,
  ipamOptions: {},
};

/** `bridge` has its subnet and link still to come. */
export function builtInNetworks(createdMs: number): readonly [Network, Network, Network] {
  return [
    { ...plainSettings, id: builtInIds.bridge, name: "bridge", createdMs },
    { ...plainSettings, driver: "host", id: builtInIds.host, name: "host", createdMs },
    { ...plainSettings, driver: "null", id: builtInIds.none, name: "none", createdMs },
  ];
}

/** Its containers find each other by name. */
export function answersNames(network: Network | undefined): boolean {
  return network !== undefined && !isBuiltIn(network.id);
}

/** The host has an address in the network, and a name server there. */
export function hasNameServer(network: Network | undefined): boolean {
  return network !== undefined && network.bridge !== "" && answersNames(network);
}
