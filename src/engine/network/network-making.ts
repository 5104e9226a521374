/** Networks are made and removed: what is wanted is decided beside what the host has, remembered, and built. */
import { findLink, listAddresses } from "../../kernel/netlink/mod.ts";
import { nowMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { formatIpv4, type Prefix } from "../../linux/netlink/ipv4.ts";
import type { ActiveEndpoints } from "./active-endpoints.ts";
import { BridgeNetwork } from "./bridge-network.ts";
import { isBuiltIn } from "./built-in-networks.ts";
import { decideAttachment } from "./decide-attachment.ts";
import type { Ipv6Surroundings } from "./decide-ipv6.ts";
import { decideNetwork } from "./decide-network.ts";
import type { EndpointStock } from "./endpoint-stock.ts";
import { failing } from "./failing.ts";
import type { HostSide } from "./host-side.ts";
import type {
  Adopted,
  Attachment,
  AttachmentRequest,
  Network,
  NetworkRequest,
  NetworkSettings,
  NetworkStep,
} from "./model.ts";
import type { HostNames } from "./names.ts";
import type { NetworkRegistry } from "./network-registry.ts";
import type { NetworkStore } from "./network-store.ts";
import { type NetworkSockets, observeTaken, observeTaken6 } from "./observe.ts";
import type { NetOp } from "./op.ts";
import type { SubnetPools } from "./subnet-pools.ts";
import { decideUnderlay, isParent, type Underlay } from "./underlay.ts";

/** What a vxlan adds to a frame, over IPv4 and over IPv6. */
const vxlanBytes = 50;
const vxlanBytes6 = 70;
const usualMtu = 1500;

export interface NetworkMakingParts {
  readonly names: HostNames;
  readonly store: NetworkStore;
  readonly sockets: NetworkSockets;
  readonly registry: NetworkRegistry;
  readonly active: ActiveEndpoints;
  readonly host: HostSide;
  readonly stock: EndpointStock;
  readonly pools: SubnetPools;
  readonly fail: (step: NetworkStep) => void;
}

export class NetworkMaking {
  readonly #names: HostNames;
  readonly #store: NetworkStore;
  readonly #sockets: NetworkSockets;
  readonly #registry: NetworkRegistry;
  readonly #active: ActiveEndpoints;
  readonly #host: HostSide;
  readonly #stock: EndpointStock;
  readonly #pools: SubnetPools;
  readonly #fail: (step: NetworkStep) => void;

  constructor(parts: NetworkMakingParts) {
    this.#names = parts.names;
    this.#store = parts.store;
    this.#sockets = parts.sockets;
    this.#registry = parts.registry;
    this.#active = parts.active;
    this.#host = parts.host;
    this.#stock = parts.stock;
    this.#pools = parts.pools;
    this.#fail = parts.fail;
  }

  opsOf(id: string): readonly NetOp[] {
    const bridge = this.#registry.bridgeOf(id);
    if (bridge === undefined) return [];
    return failing("look at the host's networks", () => {
      if (!bridge.isOnParent) return this.#host.opsOf(bridge.wish);
      const { attachment, network, mtu } = underlayOf(bridge.network);
      return decideUnderlay(attachment, network, "", mtu);
    });
  }

  create(request: NetworkRequest): Network {
    return failing(`make network ${request.name}`, () => {
      this.#registry.refuseTaken(request.name);
      const id = newId();
      const wanted = request.attachment;
      const attachment = wanted === undefined ? undefined : this.#attachmentOf(wanted, id, request.mtu ?? 0);
      const settings = decideNetwork(this.#withMtu(request), {
        own: this.#subnets(),
        // Of our own bridges the persisted subnets count, of all others what the host says. What is on a parent is
        // where the host may well be too.
        taken:
          isParent(attachment) && (request.subnet ?? "") !== ""
            ? []
            : observeTaken(this.#sockets.route, this.#ownIndexes(request)),
        attachment,
        ...this.#ipv6Surroundings(request),
        pools: this.#pools.ipv4,
        bridge: this.#names.bridgeOf(id),
      });
      const adopted = settings.bridge === "" ? undefined : this.#adopted(settings, request.bridge ?? "");
      const made = { id, name: request.name, createdMs: nowMs() };
      const network: Network = { ...settings, ...made, ...(adopted !== undefined && { adopted }) };
      const bridge = new BridgeNetwork(network, undefined);
      try {
        this.#store.addNetwork(network);
        this.#fail("network.row");
        if (bridge.isOnParent) {
          this.#host.addUnderlay(underlayOf(network));
          this.#fail("network.bridge");
        } else this.#host.add(bridge.wish, this.#fail);
      } catch (thrown) {
        if (bridge.isOnParent) this.#host.deleteUnderlay(underlayOf(network));
        else this.#host.delete(bridge.wish, true);
        this.#store.deleteNetwork(id);
        throw thrown;
      }
      this.#registry.add(network, bridge);
      return network;
    });
  }

  delete(id: string): void {
    const network = this.#registry.byId(id);
    if (network === undefined) return;
    if (isBuiltIn(id)) {
      throw new TiffinError(
        "forbidden",
        "network.built-in",
        `${network.name} is a pre-defined network and cannot be removed`,
      );
    }
    if (this.#active.countOf(id) > 0) {
      throw new TiffinError(
        "forbidden",
        "network.in-use",
        `error while removing network: network ${network.name} has active endpoints`,
      );
    }
    failing(`remove network ${network.name}`, () => {
      const bridge = this.#registry.bridgeOf(id);
      // What its last containers left rests on its bridge.
      this.#stock.settle(id);
      if (bridge?.isOnParent === false) this.#host.delete(bridge.wish);
      this.#fail("network.unlinked");
      this.#store.deleteNetwork(id);
      this.#registry.delete(id);
      if (bridge?.isOnParent === true) this.#host.deleteUnderlay(underlayOf(network));
      this.#fail("network.forgotten");
    });
  }

  #subnets(): Prefix[] {
    return [...this.#registry.bridgeNetworks()].map(({ wish }) => wish.subnet);
  }

  #attachmentOf(request: AttachmentRequest, id: string, mtu: number): Attachment {
    return decideAttachment(request, {
      mtu,
      networks: this.#registry.all(),
      ownLink: this.#names.underlayOf(id),
      linkOf: (name) => findLink(this.#sockets.route, name),
    });
  }

  /** Frames to other hosts are longer than those within. */
  #withMtu(request: NetworkRequest): NetworkRequest {
    const { attachment, mtu = 0 } = request;
    if (attachment?.kind !== "vxlan" || mtu !== 0) return request;
    const dev = attachment.dev === "" ? undefined : findLink(this.#sockets.route, attachment.dev);
    const added = attachment.peers.some((peer) => peer.includes(":")) ? vxlanBytes6 : vxlanBytes;
    return { ...request, mtu: (dev?.mtuBytes ?? usualMtu) - added };
  }

  /** Looked at only where it counts. */
  #ipv6Surroundings(request: NetworkRequest): Ipv6Surroundings {
    if (request.ipv6 === undefined) return { own6: [], taken6: [], pools6: [] };
    return {
      own6: [...this.#registry.bridgeNetworks()].flatMap(({ wish }) => wish.ipv6?.subnet ?? []),
      // See `create`: what is on a parent is where the host may be.
      taken6:
        request.attachment !== undefined &&
        request.attachment.kind !== "vxlan" &&
        (request.ipv6.subnet ?? "") !== ""
          ? []
          : observeTaken6(this.#sockets.route, this.#host.indexes()),
      pools6: this.#pools.ipv6,
    };
  }

  /** With that of a bridge that is to be adopted: its subnet may become the network's. */
  #ownIndexes({ bridge = "" }: NetworkRequest): ReadonlySet<number> {
    const found = /^[^/\s]{1,15}$/.test(bridge) ? findLink(this.#sockets.route, bridge) : undefined;
    return new Set([...this.#host.indexes(), ...(found?.kind === "bridge" ? [found.index] : [])]);
  }

  /** Undefined: there is no link of that name. Error: conflict `network.bridge-taken` for one that is no bridge, or another network's. */
  #adopted({ bridge: name, gateway }: NetworkSettings, wanted: string): Adopted | undefined {
    const { route } = this.#sockets;
    const found = findLink(route, name);
    if (found === undefined) return undefined;
    const rival = this.#registry.bridges().some(({ link }) => link === name);
    if (found.kind === "bridge" && name === wanted && !rival && !this.#names.isBridge(name)) {
      const isThere = listAddresses(route, found.index).some(
        ({ address }) => formatIpv4(address) === gateway,
      );
      return isThere ? "bridge-and-address" : "bridge";
    }
    throw new TiffinError(
      "conflict",
      "network.bridge-taken",
      `there is a link ${name} on this host already`,
      {
        remedy: "choose another com.docker.network.bridge.name, or delete the link",
      },
    );
  }
}

function underlayOf({ attachment, name, mtu }: Network): Underlay {
  if (attachment === undefined) throw new Error(`network ${name} stands on no link`);
  return { attachment, network: name, mtu };
}
