/**
 * Makes endpoints: a network namespace joined to bridges by veth pairs. Everything lives as long as the namespace, and
 * the namespace as long as the fd or a process in it; so an engine that is killed leaves nothing of what it had made
 * ahead of need.
 */

import { createNetns, inNetns, NetlinkSocket, openNetnsOfPid } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import type { Prefix } from "../../linux/netlink/ipv4.ts";
import { type ApplyContext, applyNetOps } from "./apply.ts";
import { decideEndpoint, decideNamespace, defaultRouteBy } from "./decide.ts";
import type { NetOp } from "./op.ts";

/** What all endpoints of a network have in common. */
export interface EndpointGround {
  readonly route: NetlinkSocket;
  readonly bridge: string;
  readonly bridgeIndex: number;
  readonly subnet: Prefix;
  readonly gateway: number;
  /** No endpoint of it gives a default route. */
  readonly internal: boolean;
  /** Bytes; 0: the kernel's default. */
  readonly mtu: number;
  /** Its endpoints do not reach each other. */
  readonly isolated: boolean;
}

export interface EndpointPlan {
  readonly hostLink: string;
  readonly address: number;
  readonly mac: Uint8Array;
}

export interface PreparedEndpoint extends EndpointPlan {
  readonly netns: OwnedFd;
}

/** An endpoint on its way into a namespace. */
export interface PlacedEndpoint {
  readonly ground: EndpointGround;
  readonly plan: EndpointPlan;
  /** The link in the namespace: eth0, eth1 ... */
  readonly link: string;
  readonly givesDefaultRoute: boolean;
}

/** The first link in a container. */
export const firstLink = "eth0";

/** A new namespace with a configured eth0. */
export function prepareEndpoint(ground: EndpointGround, plan: EndpointPlan): PreparedEndpoint {
  const placed = { ground, plan, link: firstLink, givesDefaultRoute: !ground.internal };
  return { ...plan, netns: prepareNamespace([placed]) };
}

/** A new namespace with these endpoints, or with `lo` alone. */
export function prepareNamespace(endpoints: readonly PlacedEndpoint[] = []): OwnedFd {
  const ops = [...decideNamespace(), ...endpoints.flatMap(opsOf)];
  const { netns, result: inside } = createNetns(() => enter(ops));
  try {
    perform(endpoints, ops, netns, inside);
    return netns;
  } catch (thrown) {
    // The pairs go with the namespace.
    netns[Symbol.dispose]();
    throw thrown;
  }
}

/** Makes the namespace of process `pid`, which is new, as `prepareNamespace` does. */
export function wireProcess(endpoints: readonly PlacedEndpoint[], pid: number): void {
  using netns = openNetnsOfPid(pid);
  const ops = [...decideNamespace(), ...endpoints.flatMap(opsOf)];
  perform(
    endpoints,
    ops,
    netns,
    inNetns(netns, () => enter(ops)),
  );
}

/** One more endpoint in a namespace that is in use. The caller deletes the pair when it fails. */
export function joinNamespace(endpoint: PlacedEndpoint, netns: OwnedFd): void {
  const ops = opsOf(endpoint);
  perform(
    [endpoint],
    ops,
    netns,
    inNetns(netns, () => enter(ops)),
  );
}

/** Moves the default route of a namespace in use to another gateway. */
export function moveDefaultRoute(gateway: number, netns: OwnedFd): void {
  using route = inNetns(netns, () => NetlinkSocket.open("route"));
  applyNetOps([defaultRouteBy(gateway)], { route });
}

function opsOf({ ground, plan, link, givesDefaultRoute }: PlacedEndpoint): NetOp[] {
  return decideEndpoint({
    ...ground,
    ...plan,
    link,
    gateway: givesDefaultRoute ? ground.gateway : undefined,
  });
}

/** What needs the thread to be inside: sysctls, and opening the socket that later ops use from outside. */
function enter(ops: readonly NetOp[]): NetlinkSocket {
  const route = NetlinkSocket.open("route");
  try {
    applyNetOps(
      ops.filter((op) => op.in === "namespace" && !hasSocket(op)),
      { route },
    );
    return route;
  } catch (thrown) {
    route[Symbol.dispose]();
    throw thrown;
  }
}

function hasSocket(op: NetOp): boolean {
  return op.op !== "sysctl";
}

function perform(
  endpoints: readonly PlacedEndpoint[],
  ops: readonly NetOp[],
  netns: OwnedFd,
  inside: NetlinkSocket,
): void {
  using route = inside;
  const [first] = endpoints;
  const contexts: Record<NetOp["in"], ApplyContext> = {
    // Without endpoints nothing is done on the host.
    host: {
      route: first?.ground.route ?? route,
      peerNetnsFd: netns.raw,
      knownLinks: new Map(endpoints.map(({ ground }) => [ground.bridge, ground.bridgeIndex])),
    },
    namespace: { route },
  };
  for (const run of runsByPlace(ops.filter(hasSocket))) applyNetOps(run, contexts[run[0].in]);
}

/** Consecutive ops of the same place belong together: they share system calls. */
function runsByPlace(ops: readonly NetOp[]): [NetOp, ...NetOp[]][] {
  const runs: [NetOp, ...NetOp[]][] = [];
  for (const op of ops) {
    const run = runs.at(-1);
    if (run !== undefined && run[0].in === op.in) run.push(op);
    else runs.push([op]);
  }
  return runs;
}
