/** Docker's word for a container's place in the network. Pure. */
import { type ContainerSpecification, defaultNetworkName } from "../specification/mod.ts";

/** `host`, `none`, `container:<name>`, or the name of the first network. */
export function networkMode(network: ContainerSpecification["network"]): string {
  switch (network.kind) {
    case "container":
      return `container:${network.container}`;
    case "networks":
      return network.endpoints[0]?.network ?? defaultNetworkName;
    case "host":
    case "none":
      return network.kind;
  }
}
