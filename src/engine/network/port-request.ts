/** Checks of published ports before anything is touched. Pure. */
import { TiffinError } from "../../lib/errors.ts";
import { parseIpv4 } from "../../linux/netlink/ipv4.ts";
import { parseIpv6 } from "../../linux/netlink/ipv6.ts";
import type { PortRequest, PublishMode } from "./model.ts";

export interface CheckedPort {
  readonly request: PortRequest;
  /** 0: all addresses of IPv4, 0n: of IPv6. */
  readonly hostAddress: number | bigint;
  /** It has the host port of the one before it, which is of the other family. */
  readonly followsPort?: boolean;
  /** Host ports to try in order; [0] lets the kernel choose. */
  readonly firstPort: number;
  readonly lastPort: number;
  readonly mode: PublishMode;
}

const maximumPort = 65535;

function invalid(message: string): TiffinError {
  return new TiffinError("invalid", "network.port-invalid", message, { exitCode: 125 });
}

function isPort(port: number, minimum: number): boolean {
  return Number.isInteger(port) && port >= minimum && port <= maximumPort;
}

/** SCTP at an IPv6 address is left out with a warning where the network has no IPv6; anything else that is wrong throws `network.port-invalid`. */
export function checkPorts(
  requests: readonly PortRequest[],
  defaultAddress = "0.0.0.0",
  defaultMode: PublishMode = "nat",
  hasIpv6 = false,
): {
  readonly ports: readonly CheckedPort[];
  readonly warnings: readonly string[];
} {
  const ports: CheckedPort[] = [];
  const warnings: string[] = [];
  for (const request of requests) {
    const { containerPort, hostPort = 0, protocol } = request;
    const text =
      request.hostAddress === undefined || request.hostAddress === "" ? defaultAddress : request.hostAddress;
    const lastPort = request.hostPortEnd ?? hostPort;
    if (!isPort(containerPort, 1))
      throw invalid(`container port ${containerPort} is not from 1 to ${maximumPort}`);
    if (!isPort(hostPort, 0) || !isPort(lastPort, 0) || lastPort < hostPort) {
      throw invalid(
        `host port ${hostPort}${lastPort === hostPort ? "" : `-${lastPort}`} is not from 1 to ${maximumPort}`,
      );
    }
    // Nothing rewritten comes to ::1 or from one family to the other: there the engine listens itself.
    const isPassedOn = text.includes(":") && (!hasIpv6 || parseIpv6(text) === 1n);
    if (isPassedOn && protocol === "sctp") {
      warnings.push(
        `Port ${containerPort}/${protocol} is not published on [${text}]: ` +
          (hasIpv6 ? "SCTP is only rewritten, and nothing to ::1 is" : "this network has no IPv6"),
      );
      continue;
    }
    const hostAddress = parseIpv4(text) ?? parseIpv6(text);
    if (hostAddress === undefined) throw invalid(`${JSON.stringify(text)} is no IP address to publish on`);
    const mode = isPassedOn ? "socket" : (request.mode ?? defaultMode);
    if (mode === "socket" && protocol === "sctp") {
      throw invalid(`port ${containerPort}/sctp cannot be published in the mode socket: use nat`);
    }
    ports.push({ request, hostAddress, firstPort: hostPort, lastPort, mode });
    // The engine that listens at IPv4 has no clients to tell apart; nobody asked for that by IPv6.
    if (hasIpv6 && (request.hostAddress ?? "") === "" && hostAddress === 0 && mode === "nat") {
      ports.push({ request, hostAddress: 0n, followsPort: true, firstPort: hostPort, lastPort, mode });
    }
  }
  return { ports, warnings };
}
