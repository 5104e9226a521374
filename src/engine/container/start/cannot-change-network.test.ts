import { expect, test } from "bun:test";
import { capabilityNames, defaultCapabilities } from "../../../linux/capabilities.ts";
import type { ContainerSpecification } from "../specification/mod.ts";
import { plainSpecification } from "../specification/plain.ts";
import { cannotChangeNetwork } from "./cannot-change-network.ts";

const plain = plainSpecification;
const [endpoint] = plain.network.kind === "networks" ? plain.network.endpoints : [];
if (endpoint === undefined) throw new Error("the plain container is in a network");
const within = (...endpoints: readonly (typeof endpoint)[]): Partial<ContainerSpecification> => ({
  network: { kind: "networks", endpoints, ports: [] },
});
const secured = (more: Partial<ContainerSpecification["security"]>): Partial<ContainerSpecification> => ({
  security: { ...plain.security, ...more },
});

test("an ordinary container cannot change its network, with a tmpfs or an image as well", () => {
  expect(cannotChangeNetwork(plain)).toBe(true);
  const mounts: ContainerSpecification["mounts"] = [{ kind: "tmpfs", target: "/t", options: [] }];
  expect(cannotChangeNetwork({ ...plain, mounts })).toBe(true);
  expect(cannotChangeNetwork({ ...plain, ...secured({ capabilities: [] }) })).toBe(true);
});

test.each<readonly [string, Partial<ContainerSpecification>]>([
  ["a privileged one", secured({ privileged: true })],
  ...capabilityNames
    .filter((name) => !(defaultCapabilities as readonly string[]).includes(name))
    .map((name) => [`one with ${name}`, secured({ capabilities: [name] })] as const),
  ["one whose settings are not write-protected", secured({ readonlyPaths: [] })],
  ["one with settings of its own", secured({ sysctls: { "net.ipv4.ip_forward": "0" } })],
  [
    "one that sees a directory of the host",
    {
      mounts: [
        {
          kind: "bind",
          source: "/",
          target: "/host",
          readOnly: true,
          propagation: "rprivate",
          createSource: false,
          recursive: true,
        },
      ],
    },
  ],
  [
    "one with a volume, behind which there may be anything",
    { mounts: [{ kind: "volume", volume: "v", target: "/v", readOnly: false, copy: true }] },
  ],
  ["one with the host's processes", { namespaces: { ...plain.namespaces, pid: { kind: "host" } } }],
  ["one with ids of its own", { namespaces: { ...plain.namespaces, user: "private" } }],
  ["one with devices of a vendor", { cdiDevices: ["vendor.com/net=1"] }],
  ["one with the host's network", { network: { kind: "host" } }],
  ["one in two networks", within(endpoint, { ...endpoint, network: "other" })],
  ["one with further addresses", within({ ...endpoint, linkLocalAddresses: ["169.254.1.1"] })],
  ["one with links", within({ ...endpoint, links: [{ container: "a", alias: "b" }] })],
  ["one with options for the driver", within({ ...endpoint, driverOptions: { a: "b" } })],
])("%s may", (_what, change) => {
  expect(cannotChangeNetwork({ ...plain, ...change })).toBe(false);
});
