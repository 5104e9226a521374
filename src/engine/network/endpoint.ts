/**
 * Makes endpoints: a network namespace joined to the bridge by a veth pair. Everything lives as long as the namespace,
 * and the namespace as long as the fd or a process in it; so an engine that is killed leaves nothing of what it
 * had made ahead of need.
 */

import { createNetns, inNetns, NetlinkSocket, openNetnsOfPid } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import type { Prefix } from "../../linux/netlink/ipv4.ts";
import { type ApplyContext, applyNetOps } from "./apply.ts";
import { decideEndpoint, decideIsolated } from "./decide.ts";
import type { NetOp } from "./op.ts";

/** What all endpoints of a network have in common. */
export interface EndpointGround {
  readonly route: NetlinkSocket;
  readonly bridge: string;
  readonly bridgeIndex: number;
  readonly subnet: Prefix;
  readonly gateway: number;
}

export interface EndpointPlan {
  readonly hostLink: string;
  readonly address: number;
  readonly mac: Uint8Array;
}

export interface PreparedEndpoint extends EndpointPlan {
  readonly netns: OwnedFd;
}

/** A new namespace with a configured eth0. */
export function prepareEndpoint(ground: EndpointGround, plan: EndpointPlan): PreparedEndpoint {
  const ops = decideEndpoint({ ...ground, ...plan });
  const { netns, result: inside } = createNetns(() => enter(ops));
  return connect(ground, plan, ops, netns, inside);
}

/** The same in the namespace that process `pid` lives in; the fd is the caller's to close. */
export function wireEndpoint(ground: EndpointGround, plan: EndpointPlan, pid: number): PreparedEndpoint {
  const ops = decideEndpoint({ ...ground, ...plan });
  const netns = openNetnsOfPid(pid);
  try {
    return connect(
      ground,
      plan,
      ops,
      netns,
      inNetns(netns, () => enter(ops)),
    );
  } catch (thrown) {
    netns[Symbol.dispose]();
    throw thrown;
  }
}

/** A new namespace with `lo` up and nothing else. */
export function prepareIsolated(): OwnedFd {
  const ops = decideIsolated();
  const { netns, result: inside } = createNetns(() => enter(ops));
  using route = inside;
  try {
    applyNetOps(ops.filter(hasSocket), { route });
    return netns;
  } catch (thrown) {
    netns[Symbol.dispose]();
    throw thrown;
  }
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

function connect(
  ground: EndpointGround,
  plan: EndpointPlan,
  ops: readonly NetOp[],
  netns: OwnedFd,
  inside: NetlinkSocket,
): PreparedEndpoint {
  using route = inside;
  const contexts: Record<NetOp["in"], ApplyContext> = {
    host: {
      route: ground.route,
      peerNetnsFd: netns.raw,
      knownLinks: new Map([[ground.bridge, ground.bridgeIndex]]),
    },
    namespace: { route },
  };
  try {
    for (const run of runsByPlace(ops.filter(hasSocket))) applyNetOps(run, contexts[run[0].in]);
    return { ...plan, netns };
  } catch (thrown) {
    // The pair goes with the namespace.
    netns[Symbol.dispose]();
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
