/** What a script that makes a container by hand has to know of the engine: addresses, files of layers, namespaces of others. */
import { formatIpv4, formatMac, parseIpv4, parseMac } from "../../../linux/netlink/ipv4.ts";
import { formatIpv6, parseIpv6Prefix } from "../../../linux/netlink/ipv6.ts";
import {
  type HiddenWords,
  type Language,
  languages,
  lowerSlotName,
  type Plan,
  type ScriptSurroundings,
} from "../../../plan/mod.ts";
import {
  type EndpointRecord,
  macOf,
  networkByHand,
  type PublishedPort,
  spareAddress,
} from "../../network/mod.ts";
import { type Container, holdOf, holdsNothing, isAlive, type NetworkHold } from "../record/mod.ts";
import { donorSharedMemory } from "../runtime-spec/mod.ts";
import type { WantedPort } from "../specification/mod.ts";
import { endpointRequest, type StartContext, sharedContainer } from "../start/mod.ts";

/** What it has of networks, or where it does not run what it could have: addresses that nobody has now. */
export function expectedHold(context: StartContext, container: Container): NetworkHold {
  const { network } = container.document.specification;
  const held = holdOf(container.state);
  if (network.kind !== "networks" || held.endpoints.length > 0) return held;
  const endpoints = network.endpoints.flatMap((wanted, index) => expectedEndpoint(context, wanted, index));
  return endpoints.length === 0 ? holdsNothing : { endpoints, ports: network.ports.map(expectedPort) };
}

type WantedEndpoint = Parameters<typeof endpointRequest>[1];

function expectedEndpoint(context: StartContext, wanted: WantedEndpoint, index: number): EndpointRecord[] {
  const request = endpointRequest(context, wanted);
  const network = context.networks.byId(request.network);
  if (network === undefined) return [];
  const holds = [...context.registry.all()].map(({ state }) => holdOf(state));
  const taken = new Set(holds.flatMap(({ endpoints }) => endpoints.map(({ address }) => address)));
  const address = parseIpv4(request.address ?? "") ?? spareAddress(network, taken);
  if (address === undefined) return [];
  const subnet6 = parseIpv6Prefix(network.ipv6?.subnet ?? "");
  const address6 =
    request.address6 ?? (subnet6 === undefined ? "" : formatIpv6(subnet6.network + BigInt(address)));
  return [
    {
      id: "",
      network: network.id,
      link: `eth${index}`,
      address: formatIpv4(address),
      prefixLength: Number(network.subnet.split("/")[1] ?? 0),
      gateway: network.internal ? "" : network.gateway,
      mac: formatMac(parseMac(request.mac ?? "") ?? macOf(address)),
      gatewayPriority: request.gatewayPriority ?? 0,
      ...(network.ipv6 !== undefined &&
        subnet6 !== undefined && {
          ipv6: {
            address: address6,
            prefixLength: subnet6.length,
            gateway: network.internal ? "" : network.ipv6.gateway,
          },
        }),
    },
  ];
}

const firstDynamicPort = 49_152;
const dynamicPorts = 16_384;

/** Where the kernel would choose, one of those that it chooses from. */
function expectedPort({
  containerPort,
  protocol,
  hostPort,
  hostAddress = "",
  mode,
}: WantedPort): PublishedPort {
  return {
    containerPort,
    protocol,
    hostAddress: hostAddress === "" ? "0.0.0.0" : hostAddress,
    hostPort: hostPort === 0 ? firstDynamicPort + (containerPort % dynamicPorts) : hostPort,
    ...(mode !== undefined && { mode }),
  };
}

export function scriptSurroundings(
  context: StartContext,
  container: Container,
  plan: Plan,
  hold: NetworkHold,
  language: Language,
  masked: ReadonlySet<string>,
  hidden: HiddenWords,
): ScriptSurroundings {
  const { id, name, state, document } = container;
  const { specification, image } = document;
  const { network, namespaces } = specification;
  const vocabulary = languages[language];
  const sources = new Map<string, string>();
  for (const [index, path] of context.layers.lowerPaths(image.chain).entries()) {
    sources.set(lowerSlotName(index), path);
  }
  const notes: string[] = [];
  const ofShared = (wanted: { readonly kind: string; readonly container?: string }, file: string): string => {
    const { state: other } = sharedContainer(context, wanted.container ?? "");
    return isAlive(other) ? `/proc/${other.pid}/ns/${file}` : "";
  };
  if (network.kind === "container") sources.set("netns", ofShared(network, "net"));
  if (namespaces.pid.kind === "container") sources.set("held:pid", ofShared(namespaces.pid, "pid"));
  if (namespaces.ipc.kind === "container") {
    sources.set("held:ipc", ofShared(namespaces.ipc, "ipc"));
    for (const op of plan.ops) {
      if (op.op !== "mountSetattr" || !op.target.includes(donorSharedMemory)) continue;
      const slot = plan.receives.find((each) => each.slot === op.fields.mount);
      if (slot !== undefined) sources.set(slot.name, "");
    }
  }
  const isHeld = plan.ops.some(({ op }) => op === "idMap");
  const isNamed = network.kind === "networks" || network.kind === "none";
  const [group] = plan.hostOps;
  const hasPlaces = hold.endpoints.length > 0;
  if (masked.size > 0) {
    notes.push(
      vocabulary.say(
        "values of {0} environment variables are masked and taken from who runs this; explain --show-secrets writes them in",
        masked.size,
      ),
    );
  }
  return {
    name: name === "" ? id.slice(0, 12) : name,
    id,
    vocabulary,
    sources,
    network: isNamed
      ? networkByHand(id, hold.endpoints, hold.ports, context.networks, vocabulary, isHeld)
      : undefined,
    masked,
    hidden,
    notes,
    rival: hasPlaces && isAlive(state) && group?.op === "cgroupCreate" ? group.target : undefined,
  };
}
