/**
 * Makes endpoints: a network namespace joined to bridges by veth pairs. Everything lives as long as the namespace, and
 * the namespace as long as the fd or a process in it; so an engine that is killed leaves nothing of what it had made
 * ahead of need.
 */

import {
  createNetns,
  inNetns,
  NetlinkError,
  NetlinkSocket,
  openNetnsOfPid,
  PacketSocket,
} from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { TiffinError } from "../../lib/errors.ts";
import { decodeIpRoute, lookUpRoute } from "../../linux/netlink/ip-route.ts";
import type { Prefix } from "../../linux/netlink/ipv4.ts";
import { type Ipv6Prefix, ipv6Bytes } from "../../linux/netlink/ipv6.ts";
import { routeTypes } from "../../linux/netlink/route.ts";
import { type ApplyContext, applyNetOps, macInUse } from "./apply.ts";
import { decideChild, decideEndpoint, decideNamespace, defaultRoute6By, defaultRouteBy } from "./decide.ts";
import type { ChildKind, NetOp } from "./op.ts";

/** What all endpoints of a network have in common. */
export interface EndpointGround {
  readonly route: NetlinkSocket;
  readonly bridge: string;
  readonly bridgeIndex: number;
  readonly subnet: Prefix;
  readonly gateway: number;
  readonly ipv6?: { readonly subnet: Ipv6Prefix; readonly gateway: bigint } | undefined;
  /** Endpoints are links on `bridge` instead of ports of it. */
  readonly child?: ChildKind | undefined;
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
  readonly address6?: bigint | undefined;
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
  readonly givesDefaultRoute6: boolean;
}

/** A link on a parent that has the same MAC as one that is going. */
const mostTries = 30;
const betweenTriesMs = 10;
/** How long an address is waited for that the kernel has not made a way to. */
const mostSettlingMs = 1000;
const betweenLooksMs = 0.1;
const nothing = new Int32Array(new SharedArrayBuffer(4));

/** The first link in a container. */
export const firstLink = "eth0";

/** A new namespace with a configured eth0. */
export function prepareEndpoint(ground: EndpointGround, plan: EndpointPlan): PreparedEndpoint {
  const gives = !ground.internal;
  const placed = { ground, plan, link: firstLink, givesDefaultRoute: gives, givesDefaultRoute6: gives };
  return { ...plan, netns: prepareNamespace([placed]) };
}

/** A new namespace with these endpoints, or with `lo` alone. */
export function prepareNamespace(endpoints: readonly PlacedEndpoint[] = []): OwnedFd {
  // What holds for new links is said once per link, so one follows the other.
  const [first, ...others] = endpoints;
  const isPort = first !== undefined && first.ground.child === undefined;
  const ops = [...decideNamespace(), ...(isPort ? opsOf(first) : [])];
  const { netns, result: inside } = createNetns(() => enter(ops));
  try {
    perform(isPort ? first : undefined, ops, netns, inside);
    for (const endpoint of isPort ? others : endpoints) joinNamespace(endpoint, netns);
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
  const ops = decideNamespace();
  perform(
    undefined,
    ops,
    netns,
    inNetns(netns, () => enter(ops)),
  );
  for (const endpoint of endpoints) joinNamespace(endpoint, netns);
}

/** One more endpoint in a namespace that is in use. The caller deletes the pair when it fails. */
export function joinNamespace(endpoint: PlacedEndpoint, netns: OwnedFd): void {
  if (endpoint.ground.child === undefined) {
    join(endpoint, netns);
    return;
  }
  for (let tries = 1; ; tries += 1) {
    try {
      join(endpoint, netns);
      return;
    } catch (thrown) {
      deleteIn(netns, endpoint.link);
      const isTaken = thrown instanceof TiffinError && thrown.code === macInUse;
      if (!isTaken || tries === mostTries) throw thrown;
      // The link of one that ended a moment ago goes when the kernel takes its namespace apart.
      Atomics.wait(nothing, 0, 0, betweenTriesMs);
    }
  }
}

function deleteIn(netns: OwnedFd, link: string): void {
  using route = inNetns(netns, () => NetlinkSocket.open("route"));
  const cause = "the endpoint could not be made";
  applyNetOps([{ in: "namespace", op: "linkDelete", link, cause, inverse: "childAdd" }], { route });
}

function join(endpoint: PlacedEndpoint, netns: OwnedFd): void {
  const ops = opsOf(endpoint);
  perform(
    endpoint,
    ops,
    netns,
    inNetns(netns, () => enter(ops)),
  );
}

/** Moves the default route of a namespace in use to another gateway, an IPv6 one where that is a bigint. */
export function moveDefaultRoute(gateway: number | bigint, netns: OwnedFd): void {
  using route = inNetns(netns, () => NetlinkSocket.open("route"));
  applyNetOps([typeof gateway === "bigint" ? defaultRoute6By(gateway) : defaultRouteBy(gateway)], { route });
}

function opsOf(placed: PlacedEndpoint): NetOp[] {
  const { ground, plan, link, givesDefaultRoute, givesDefaultRoute6 } = placed;
  const { ipv6, child, ...common } = ground;
  const wish = {
    ...common,
    ...plan,
    link,
    gateway: givesDefaultRoute ? ground.gateway : undefined,
    ...(ipv6 !== undefined &&
      plan.address6 !== undefined && {
        ipv6: {
          address: plan.address6,
          subnet: ipv6.subnet,
          gateway: givesDefaultRoute6 ? ipv6.gateway : undefined,
        },
      }),
  };
  return child === undefined
    ? decideEndpoint(wish)
    : decideChild({ ...wish, parent: ground.bridge, child, givesDefaultRoute });
}

interface Inside extends Disposable {
  readonly route: NetlinkSocket;
  readonly packets: PacketSocket | undefined;
}

/** What needs the thread to be inside: sysctls, and opening the socket that later ops use from outside. */
function enter(ops: readonly NetOp[]): Inside {
  const route = NetlinkSocket.open("route");
  try {
    applyNetOps(
      ops.filter((op) => op.in === "namespace" && !hasSocket(op)),
      { route },
    );
    const packets = ops.some(({ op }) => op === "announce") ? PacketSocket.open() : undefined;
    return {
      route,
      packets,
      [Symbol.dispose]() {
        route[Symbol.dispose]();
        packets?.[Symbol.dispose]();
      },
    };
  } catch (thrown) {
    route[Symbol.dispose]();
    throw thrown;
  }
}

function hasSocket(op: NetOp): boolean {
  return op.op !== "sysctl";
}

function perform(
  endpoint: PlacedEndpoint | undefined,
  ops: readonly NetOp[],
  netns: OwnedFd,
  inside: Inside,
): void {
  using entered = inside;
  const { route, packets } = entered;
  const ground = endpoint?.ground;
  const contexts: Record<NetOp["in"], ApplyContext> = {
    // Without endpoints nothing is done on the host.
    host: {
      route: ground?.route ?? route,
      peerNetnsFd: netns.raw,
      knownLinks: new Map(ground === undefined ? [] : [[ground.bridge, ground.bridgeIndex]]),
    },
    namespace: { route, packets },
  };
  for (const run of runsByPlace(ops.filter(hasSocket))) applyNetOps(run, contexts[run[0].in]);
  if (ground?.ipv6 !== undefined && endpoint?.plan.address6 !== undefined) {
    settleAddress(route, ipv6Bytes(endpoint.plan.address6));
  }
}

/** The kernel makes the way to an IPv6 address of its own in the background: until then what comes to it is refused. */
function settleAddress(route: NetlinkSocket, address: Uint8Array): void {
  const end = performance.now() + mostSettlingMs;
  while (!isTakenIn(route, address)) {
    if (performance.now() > end) return;
    Atomics.wait(nothing, 0, 0, betweenLooksMs);
  }
}

function isTakenIn(route: NetlinkSocket, address: Uint8Array): boolean {
  try {
    return route.get(lookUpRoute(address), decodeIpRoute).type === routeTypes.local;
  } catch (thrown) {
    // There is no way to it at all yet.
    if (thrown instanceof NetlinkError && thrown.code === "ENETUNREACH") return false;
    throw thrown;
  }
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
