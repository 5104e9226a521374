import { expect, test } from "bun:test";
import { TiffinError } from "../../lib/errors.ts";
import type { PortRequest } from "./model.ts";
import { checkPorts } from "./port-request.ts";

const web: PortRequest = { containerPort: 80, protocol: "tcp", hostPort: 8080 };

test("no address is every address, no port is any port, a range is a range", () => {
  const { ports, warnings } = checkPorts([
    web,
    { containerPort: 53, protocol: "udp", hostAddress: "127.0.0.1" },
    { ...web, hostPortEnd: 8090, hostAddress: "" },
  ]);
  expect(ports.map(({ hostAddress, firstPort, lastPort }) => [hostAddress, firstPort, lastPort])).toEqual([
    [0, 8080, 8080],
    [0x7f00_0001, 0, 0],
    [0, 8080, 8090],
  ]);
  expect(warnings).toEqual([]);
});

test("where rewriting leads nowhere, to ::1 and from one family to the other, the engine listens; SCTP is left out and said so", () => {
  const modeOf = (change: Partial<PortRequest>, hasIpv6: boolean) => {
    const { ports, warnings } = checkPorts([{ ...web, ...change }], undefined, "nat", hasIpv6);
    return warnings[0] ?? ports[0]?.mode;
  };
  expect([modeOf({ hostAddress: "::1" }, false), modeOf({ hostAddress: "::" }, false)]).toEqual([
    "socket",
    "socket",
  ]);
  expect([modeOf({ hostAddress: "::1" }, true), modeOf({ hostAddress: "::" }, true)]).toEqual([
    "socket",
    "nat",
  ]);
  expect(modeOf({ hostAddress: "::1", protocol: "sctp" }, false)).toBe(
    "Port 80/sctp is not published on [::1]: this network has no IPv6",
  );
  expect(modeOf({ hostAddress: "::1", protocol: "sctp" }, true)).toBe(
    "Port 80/sctp is not published on [::1]: SCTP is only rewritten, and nothing to ::1 is",
  );
});

test.each<[string, Partial<PortRequest>]>([
  ["container port 0", { containerPort: 0 }],
  ["container port 65536", { containerPort: 65_536 }],
  ["a fraction", { hostPort: 80.5 }],
  ["a negative host port", { hostPort: -1 }],
  ["a range that runs backwards", { hostPortEnd: 8079 }],
  ["a name for an address", { hostAddress: "localhost" }],
])("%s is refused", (_, change) => {
  try {
    checkPorts([{ ...web, ...change }]);
    expect.unreachable();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(TiffinError);
    expect(thrown).toMatchObject({ kind: "invalid", code: "network.port-invalid" });
  }
});
