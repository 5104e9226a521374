import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { addAddress } from "../../linux/netlink/address.ts";
import { parseIpv4 } from "../../linux/netlink/ipv4.ts";
import { deleteLink, newLink, setLink } from "../../linux/netlink/link.ts";
import {
  decodeNeighbour,
  deleteNeighbour,
  dumpNeighbours,
  neighbourStates,
  setNeighbour,
} from "../../linux/netlink/neighbour.ts";
import {
  accept,
  counter,
  ctState,
  drop,
  iifname,
  jump,
  oifname,
} from "../../linux/netlink/nftables/phrase.ts";
import {
  addElements,
  deleteElements,
  deleteTable,
  newChain,
  newRule,
  newSet,
  newTable,
  type SetElement,
} from "../../linux/netlink/nftables/request.ts";
import { addRoute, deleteRoute } from "../../linux/netlink/route.ts";
import type { OwnedFd } from "../owned-fd.ts";
import { cString, syscall } from "../syscall.ts";
import {
  createNetns,
  deleteFlows,
  deleteLinkUnseen,
  findChain,
  findLink,
  inNetns,
  listAddresses,
  listElements,
  listFlows,
  listLinks,
  listRoutes,
  listRules,
  NetlinkError,
  NetlinkSocket,
  nftTransaction,
  openNetnsOfPid,
  readSysctl,
  tableExists,
  writeSysctl,
} from "./mod.ts";

/** A namespace of the test's own; its sockets reach nothing else. */
let netns: OwnedFd;
let route: NetlinkSocket;
let netfilter: NetlinkSocket;
const table = { family: "inet", table: "tiffin_test" } as const;

beforeAll(() => {
  const made = createNetns(() => ({
    route: NetlinkSocket.open("route"),
    netfilter: NetlinkSocket.open("netfilter"),
  }));
  netns = made.netns;
  ({ route, netfilter } = made.result);
  route.execute([setLink("lo", { up: true })]);
});

afterAll(() => {
  route[Symbol.dispose]();
  netfilter[Symbol.dispose]();
  netns[Symbol.dispose]();
});

function refusal(work: () => unknown): string {
  try {
    work();
    return "no error";
  } catch (thrown) {
    if (!(thrown instanceof NetlinkError)) throw thrown;
    return `${thrown.code} ${thrown.index}`;
  }
}

test("a pair of links is made, joined to a bridge, described and deleted", () => {
  route.execute([
    newLink({ name: "br0", up: true }, { kind: "bridge", stp: false, multicastSnooping: false }),
    newLink({ name: "v0" }, { kind: "veth", peer: { name: "v1" } }),
    setLink("v1", { up: true }),
  ]);
  const bridge = findLink(route, "br0");
  route.execute([
    setLink("v0", { master: bridge?.index ?? 0, noIpv6LinkLocal: true, up: true }),
    setLink("v0", { port: { hairpin: true, isolated: false } }),
  ]);
  const port = findLink(route, "v0");
  const peer = findLink(route, "v1");
  expect(port).toMatchObject({ kind: "veth", up: true, hairpin: true, master: bridge?.index ?? -1 });
  expect(port?.peerIndex).toBe(peer?.index ?? -1);
  expect(findLink(route, port?.index ?? 0)?.name).toBe("v0");
  expect(listLinks(route, { master: bridge?.index ?? 0 }).map((link) => link.name)).toEqual(["v0"]);
  expect(listLinks(route, { kind: "bridge" }).map((link) => link.name)).toEqual(["br0"]);
  route.execute([deleteLink("v1"), deleteLink("br0")]);
  expect(findLink(route, "v0")).toBeUndefined();
  expect(listLinks(route).map((link) => link.name)).toEqual(["lo"]);
});

test("addresses, routes and neighbours", () => {
  route.execute([newLink({ name: "br0", up: true }, { kind: "bridge" })]);
  const linkIndex = findLink(route, "br0")?.index ?? 0;
  const address = parseIpv4("10.1.0.1") ?? 0;
  const gateway = parseIpv4("10.1.0.7") ?? 0;
  const byGateway = { destination: { network: parseIpv4("10.9.0.0") ?? 0, length: 16 }, gateway };
  const mac = Uint8Array.of(2, 0, 0, 0, 0, 7);
  route.execute([
    addAddress({ linkIndex, address, prefixLength: 24 }),
    addRoute(byGateway),
    setNeighbour({ linkIndex, address: gateway, mac, state: neighbourStates.permanent }),
  ]);
  expect(listAddresses(route, linkIndex)).toEqual([{ linkIndex, address, prefixLength: 24 }]);
  expect(listRoutes(route)).toContainEqual({ ...byGateway, linkIndex, table: 254, type: 1 });
  const neighbours = () =>
    route.dump(dumpNeighbours(), decodeNeighbour).filter((item) => item.linkIndex === linkIndex);
  expect(neighbours()).toContainEqual({ linkIndex, address: gateway, mac, state: neighbourStates.permanent });
  route.execute([deleteNeighbour(linkIndex, gateway), deleteRoute(byGateway)]);
  expect(neighbours().some((item) => item.address === gateway)).toBe(false);
  route.execute([deleteLink("br0")]);
});

test("a link that was deleted unseen is found by nobody, and its name is free", () => {
  const make = newLink({ name: "brief0" }, { kind: "bridge" });
  for (let round = 0; round < 3; round += 1) {
    route.execute([make, setLink("brief0", { up: true })]);
    expect(route.indexNow("brief0")).toBe(findLink(route, "brief0")?.index);
    inNetns(netns, () => deleteLinkUnseen("brief0"));
    expect(route.indexNow("brief0")).toBeUndefined();
    expect(findLink(route, "brief0")).toBeUndefined();
    inNetns(netns, () => deleteLinkUnseen("brief0"));
  }
  expect(route.indexNow("no link has such a name")).toBeUndefined();
});

test("a link that goes while it is asked for aloud is gone all the same", () => {
  const make = newLink({ name: "brief1" }, { kind: "bridge" });
  for (let round = 0; round < 20; round += 1) {
    route.execute([make]);
    inNetns(netns, () => deleteLinkUnseen("brief1", 0));
    expect(route.indexNow("brief1")).toBeUndefined();
  }
});

test("a batch reports each refusal with its place and the kernel's sentence", () => {
  const good = newLink({ name: "br1" }, { kind: "bridge" });
  const badRoute = addRoute({
    destination: { network: 0, length: 0 },
    gateway: parseIpv4("203.0.113.1") ?? 0,
  });
  const outcomes = route.executeEach([good, good, badRoute, deleteLink("br1"), deleteLink("br1")]);
  expect(outcomes.map((outcome) => outcome?.code)).toEqual([
    undefined,
    "EEXIST",
    "ENETUNREACH",
    undefined,
    "ENODEV",
  ]);
  expect(outcomes[2]?.text).toBe("Nexthop has invalid gateway");
  expect(outcomes[2]?.object).toBe("default route");
  expect(refusal(() => route.execute([deleteLink("br1")]))).toBe("ENODEV 0");
});

test("dumps larger than a datagram are whole, and batches larger than an exchange too", () => {
  const sink = createNetns(() => undefined).netns;
  const pair = (index: number) =>
    newLink({ name: `pair${index}` }, { kind: "veth", peer: { name: `peer${index}`, netnsFd: sink.raw } });
  const before = listLinks(route).length;
  route.execute(Array.from({ length: 150 }, (_, index) => pair(index)));
  expect(listLinks(route)).toHaveLength(before + 150);
  // The kernel takes the pairs down with the namespace of their peers, all at once.
  sink[Symbol.dispose]();
});

const protocol = Uint8Array.of(6);
const port = (number: number) => Uint8Array.of(number >> 8, number & 0xff);
const element = (number: number): SetElement => ({
  key: [protocol, port(number)],
  data: [Uint8Array.of(10, 1, 0, 9), port(80)],
});

test("a table with chains, rules, maps and elements, and all of it gone in one transaction", () => {
  nftTransaction(netfilter, [
    newTable(table),
    newChain(table, "sub"),
    newChain(table, "forward", { type: "filter", hook: "forward", priority: -5, policy: "drop" }),
    newRule(table, "forward", { phrases: [iifname("a"), counter, accept], comment: "one" }),
    newRule(table, "forward", { phrases: [oifname("a"), jump("sub")], comment: "two" }),
    newRule(table, "sub", { phrases: [drop] }),
    newSet(
      table,
      { name: "ports", key: ["inet_proto", "inet_service"], data: ["ipv4_addr", "inet_service"] },
      1,
    ),
    newSet(table, { name: "verdicts", key: ["ipv4_addr"], data: "verdict" }, 2),
    newSet(table, { name: "plain", key: ["mark"] }, 3),
    ...addElements(table, "ports", [element(8080)]),
    ...addElements(table, "verdicts", [
      { key: [Uint8Array.of(10, 0, 0, 1)], data: { verdict: "drop" } },
      { key: [Uint8Array.of(10, 0, 0, 2)], data: { verdict: "jump", chain: "sub" } },
    ]),
    ...addElements(table, "plain", [{ key: [Uint8Array.of(1, 0, 0, 0)] }]),
  ]);
  expect(findChain(netfilter, table, "forward")).toMatchObject({ base: true, policy: "drop" });
  expect(findChain(netfilter, table, "none")).toBeUndefined();
  expect(listRules(netfilter, table, "forward")).toMatchObject([
    { comment: "one", jumpsTo: [] },
    { comment: "two", jumpsTo: ["sub"] },
  ]);
  expect(listElements(netfilter, table, "verdicts")).toHaveLength(2);
  expect(listElements(netfilter, table, "plain")).toEqual([{ key: Uint8Array.of(1, 0, 0, 0) }]);
  nftTransaction(netfilter, [deleteTable(table)]);
  expect(tableExists(netfilter, table)).toBe(false);
});

test("a transaction that fails anywhere changes nothing", () => {
  const attempt = () =>
    nftTransaction(netfilter, [
      newTable(table),
      newChain(table, "a"),
      newRule(table, "missing", { phrases: [accept] }),
    ]);
  // 0 is the frame that opens the batch.
  expect(refusal(attempt)).toBe("ENOENT 3");
  expect(tableExists(netfilter, table)).toBe(false);
  expect(refusal(() => nftTransaction(netfilter, [deleteTable(table)]))).toBe("ENOENT 1");
});

test("thousands of elements go in and out in one transaction each", () => {
  const elements = Array.from({ length: 5000 }, (_, index) => element(10_000 + index));
  nftTransaction(netfilter, [
    newTable(table),
    newSet(
      table,
      { name: "ports", key: ["inet_proto", "inet_service"], data: ["ipv4_addr", "inet_service"] },
      1,
    ),
    ...addElements(table, "ports", elements),
  ]);
  expect(listElements(netfilter, table, "ports")).toHaveLength(5000);
  nftTransaction(
    netfilter,
    deleteElements(
      table,
      "ports",
      elements.slice(1).map(({ key }) => ({ key })),
    ),
  );
  expect(listElements(netfilter, table, "ports")).toHaveLength(1);
  const gone = deleteElements(table, "ports", [{ key: [protocol, port(1)] }]);
  expect(refusal(() => nftTransaction(netfilter, gone))).toBe("ENOENT 1");
  nftTransaction(netfilter, [deleteTable(table)]);
});

test("flows are found and deleted by what they are", () => {
  // Tracking is on only where some rule asks for it.
  nftTransaction(netfilter, [
    newTable(table),
    newChain(table, "out", { type: "filter", hook: "output", priority: 0, policy: "accept" }),
    newRule(table, "out", { phrases: [ctState("new"), accept] }),
  ]);
  const socket = inNetns(netns, () => syscall("socket", "udp", 2, 2 | 0o2000000, 0));
  for (const number of [5060, 5061]) {
    const to = Uint8Array.of(2, 0, ...port(number), 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
    syscall("sendto", "udp", socket, Uint8Array.of(1), 1, 0, to, 16);
  }
  syscall("close", "udp", socket);
  const targets = () => listFlows(netfilter, () => true).map((flow) => flow.original.destinationPort);
  expect(targets().sort()).toEqual([5060, 5061]);
  expect(deleteFlows(netfilter, (flow) => flow.original.destinationPort === 5060)).toBe(1);
  expect(targets()).toEqual([5061]);
  expect(deleteFlows(netfilter, (flow) => flow.original.destinationPort === 5060)).toBe(0);
  nftTransaction(netfilter, [deleteTable(table)]);
});

test("the thread is back in its namespace, whatever happens inside, and no descriptor is lost", () => {
  const here = () => {
    const target = new Uint8Array(64);
    const link = cString("/proc/thread-self/ns/net");
    const length = syscall("readlinkat", "namespace", -100, link, target, target.length);
    return Buffer.from(target.subarray(0, length)).toString();
  };
  const open = () => readdirSync("/proc/self/fd").length;
  const before = [here(), open()];
  expect(inNetns(netns, here)).not.toBe(before[0] ?? "");
  expect(() =>
    inNetns(netns, () => {
      throw new Error("inside");
    }),
  ).toThrow("inside");
  expect(() =>
    createNetns(() => {
      throw new Error("inside");
    }),
  ).toThrow("inside");
  expect([here(), open()]).toEqual(before);
  using own = openNetnsOfPid(process.pid);
  expect(inNetns(own, here)).toBe(here());
  expect(() => openNetnsOfPid(2 ** 22 + 1)).toThrow("ENOENT");
});

test("no thread that the runtime starts meanwhile is born in the namespace", () => {
  const home = readlinkSync("/proc/thread-self/ns/net");
  const elsewhere = () =>
    readdirSync("/proc/self/task").filter(
      (thread) => readlinkSync(`/proc/self/task/${thread}/ns/net`) !== home,
    );
  // Enough work for the compiler's and the collector's threads.
  const made = createNetns(() => {
    let kept: { readonly index: number }[] = [];
    for (let index = 0; index < 2_000_000; index += 1) {
      kept.push({ index });
      if (kept.length > 100_000) kept = [];
    }
    return elsewhere();
  });
  using _netns = made.netns;
  expect([made.result, elsewhere()]).toEqual([[], []]);
});

test("sysctls are those of the namespace that the thread is in", () => {
  const name = "net/ipv4/ip_unprivileged_port_start";
  const outside = readSysctl(name);
  inNetns(netns, () => writeSysctl(name, "77"));
  expect(inNetns(netns, () => readSysctl(name))).toBe("77");
  expect(readSysctl(name)).toBe(outside);
});
