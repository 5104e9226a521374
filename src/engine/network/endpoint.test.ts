import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { until } from "../../../test/support/until.ts";
import {
  createNetns,
  findLink,
  inNetns,
  listLinks,
  NetlinkError,
  NetlinkSocket,
} from "../../kernel/netlink/mod.ts";
import { TiffinError } from "../../lib/errors.ts";
import { parseIpv4, parsePrefix } from "../../linux/netlink/ipv4.ts";
import { newLink, setLink } from "../../linux/netlink/link.ts";
import { macOf } from "./decide.ts";
import {
  type EndpointGround,
  type EndpointPlan,
  prepareEndpoint,
  prepareNamespace,
  wireProcess,
} from "./endpoint.ts";

const gateway = parseIpv4("10.1.0.1") ?? 0;
const address = parseIpv4("10.1.0.2") ?? 0;
const plan: EndpointPlan = { hostLink: "tf01234567", address, mac: macOf(address) };

/** A namespace that plays the host, with a bridge. */
function host() {
  const { netns, result: route } = createNetns(() => NetlinkSocket.open("route"));
  route.execute([newLink({ name: "tiffin0", up: true }, { kind: "bridge" })]);
  const ground: EndpointGround = {
    route,
    bridge: "tiffin0",
    bridgeIndex: findLink(route, "tiffin0")?.index ?? 0,
    subnet: parsePrefix("10.1.0.0/16") ?? { network: 0, length: 0 },
    gateway,
    internal: false,
    mtu: 0,
    isolated: false,
  };
  return {
    route,
    ground,
    links: () =>
      listLinks(route)
        .map((link) => link.name)
        .filter((name) => name !== "lo"),
    [Symbol.dispose]() {
      route[Symbol.dispose]();
      netns[Symbol.dispose]();
    },
  };
}

const descriptors = () => readdirSync("/proc/self/fd").length;

// A thread that the runtime starts while this one is inside belongs to the namespace and keeps it; it does so once.
test("an endpoint lives as long as its namespace", async () => {
  using there = host();
  const { netns } = prepareEndpoint(there.ground, plan);
  expect(there.links()).toEqual(["tiffin0", plan.hostLink]);
  using inside = inNetns(netns, () => NetlinkSocket.open("route"));
  expect(listLinks(inside).map((link) => [link.name, link.up])).toEqual([
    ["lo", true],
    ["eth0", true],
  ]);
  inside[Symbol.dispose]();
  netns[Symbol.dispose]();
  await until("only the loopback to be left", () => there.links().length <= 1);
});

/** One way to fail at each place: before, at and after the links come to be. */
const failures: readonly [string, Partial<EndpointGround>, Partial<EndpointPlan>, string][] = [
  ["the host link's name is taken", {}, { hostLink: "tiffin0" }, "vethAdd"],
  ["the bridge is gone", { bridgeIndex: 9999 }, {}, "bridgePort"],
  ["the gateway is elsewhere", { gateway: parseIpv4("192.0.2.1") ?? 0 }, {}, "defaultRoute"],
  ["the name of the bridge is wrong", { bridge: "other0" }, {}, "linkSettle"],
];

test.each(failures)("%s: the op is named and nothing stays", async (_, groundChange, planChange, op) => {
  using there = host();
  const before = descriptors();
  const attempt = () => prepareEndpoint({ ...there.ground, ...groundChange }, { ...plan, ...planChange });
  try {
    attempt();
    expect.unreachable();
  } catch (thrown) {
    if (!(thrown instanceof TiffinError)) throw thrown;
    expect([thrown.kind, thrown.code]).toEqual(["internal", "network.op-failed"]);
    expect(thrown.message).toContain(` ${op} `);
    expect(thrown.cause).toBeInstanceOf(NetlinkError);
  }
  // A socket of an announcement is closed on another thread.
  await until("the descriptors to be closed", () => descriptors() <= before);
  await until("only the loopback to be left", () => there.links().length <= 1);
});

test("wiring a process that is gone is refused and leaves nothing", () => {
  using there = host();
  const before = descriptors();
  const placed = {
    ground: there.ground,
    plan,
    link: "eth0",
    givesDefaultRoute6: false,
    givesDefaultRoute: true,
  };
  expect(() => wireProcess([placed], 2 ** 22 + 1)).toThrow("ENOENT");
  expect([descriptors(), there.links()]).toEqual([before, ["tiffin0"]]);
});

test("an isolated namespace has its loopback up", () => {
  using netns = prepareNamespace();
  using inside = inNetns(netns, () => NetlinkSocket.open("route"));
  expect(listLinks(inside).map((link) => [link.name, link.up])).toEqual([["lo", true]]);
  expect(() => inside.execute([setLink("eth0", { up: true })])).toThrow("ENODEV");
});
