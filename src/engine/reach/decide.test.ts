/** Faults that no test makes on a real machine, decided from facts that are written down. */
import { expect, test } from "bun:test";
import type { Link } from "../../linux/netlink/link.ts";
import type { ReadChain, ReadExpression } from "../../linux/netlink/nftables/decode-ruleset.ts";
import { decide, NeedsWay } from "./decide.ts";
import { hostSpace, type ReachFacts, type Space, type Way, wayKey } from "./facts.ts";

const hostAddress = Uint8Array.of(192, 0, 2, 1);
const caller = Uint8Array.of(198, 51, 100, 7);
const up = 0x1 | 0x40 | 0x10000;

const outer: Link = {
  index: 2,
  name: "out0",
  flags: up,
  up: true,
  mtuBytes: 1500,
  mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
  master: 0,
  peerIndex: 0,
  peerNetnsId: undefined,
  kind: "",
  hairpin: false,
};

function input(...rules: readonly (readonly ReadExpression[])[]): ReadChain {
  return {
    family: 2,
    table: "filter",
    name: "INPUT",
    base: { hook: 1, priority: 0, type: "filter", policy: "accept" },
    rules: rules.map((expressions, index) => ({
      handle: BigInt(index + 1),
      comment: undefined,
      expressions,
    })),
  };
}

function host(change: Partial<Space>): Space {
  return {
    links: [outer],
    addresses: [{ linkIndex: 2, address: hostAddress, length: 24 }],
    neighbours: [],
    listeners: [{ protocol: "tcp", address: new Uint8Array(4), port: 22 }],
    ruleset: { chains: [], sets: [] },
    conntrack: { count: 10, max: 100 },
    filtersBridged: false,
    ...change,
  };
}

/** From outside to port 22 of the host. */
function decided(change: Partial<Space>, ways: readonly Way[] = []) {
  const answers = [...ways];
  const known = new Map<string, Way>();
  const facts: ReachFacts = {
    from: { kind: "outside", address: caller },
    target: {
      text: "192.0.2.1",
      address: hostAddress,
      container: undefined,
      isMachine: false,
      port: 22,
      protocol: "tcp",
    },
    name: { kind: "address" },
    containers: [],
    networks: [],
    spaces: new Map([[hostSpace, host(change)]]),
    ways: known,
  };
  for (;;) {
    try {
      return decide(facts);
    } catch (thrown) {
      if (!(thrown instanceof NeedsWay)) throw thrown;
      const isLocal = thrown.question.destination === hostAddress;
      known.set(
        wayKey(thrown.question),
        answers.shift() ?? { kind: "route", isLocal, linkIndex: 2, gateway: undefined, source: undefined },
      );
    }
  }
}

function stopOf(decision: ReturnType<typeof decide>): string | undefined {
  return decision.steps.find(({ outcome }) => outcome === "stop")?.say;
}

test("connections that are followed are counted, and one more than fits is dropped", () => {
  expect(decided({ conntrack: { count: 99, max: 100 } }).reachable).toBe(true);
  const full = decided({ conntrack: { count: 100, max: 100 } });
  expect([full.reachable, stopOf(full)]).toEqual([false, "conntrackFull"]);
  expect(full.remedy?.say).toBe("doConntrack");
  expect(full.remedy?.values["more"]).toBe(200);
});

test("an extension of iptables that cannot be read is told, and ends nothing by itself", () => {
  const geography: ReadExpression = { expr: "extension", kind: "match", name: "geoip" };
  const drop: ReadExpression = { expr: "verdict", verdict: { verdict: "drop" } };
  const decision = decided({ ruleset: { chains: [input([geography, drop])], sets: [] } });
  expect(decision.reachable).toBe(true);
  const note = decision.steps.find(({ say }) => say === "unreadable");
  expect(note?.values["rule"]).toBe('ip filter INPUT handle 1: xt match "geoip" drop');
});

test("chains that look at frames are told, as they are not followed", () => {
  const frames: ReadChain = { ...input([{ expr: "verdict", verdict: { verdict: "drop" } }]), family: 7 };
  const decision = decided({ ruleset: { chains: [frames], sets: [] } });
  expect(decision.reachable).toBe(true);
  expect(decision.steps[0]).toMatchObject({ say: "notFollowed", outcome: "note" });
});

test("iptables' own way to refuse, and to remark, are known", () => {
  const remark: ReadExpression = { expr: "extension", kind: "match", name: "comment" };
  const refuse: ReadExpression = { expr: "extension", kind: "target", name: "REJECT" };
  const decision = decided({ ruleset: { chains: [input([remark, refuse])], sets: [] } });
  expect(stopOf(decision)).toBe("rejected");
});

test("the kernel's reasons why it passes nothing on are told apart", () => {
  const back: Way = { kind: "route", isLocal: false, linkIndex: 2, gateway: undefined, source: undefined };
  expect(stopOf(decided({}, [back, { kind: "none", error: "EXDEV" }]))).toBe("sourceRefused");
  expect(stopOf(decided({}, [back, { kind: "none", error: "EHOSTUNREACH" }, back]))).toBe("notForwarding");
  expect(stopOf(decided({}, [back, { kind: "none", error: "ENETUNREACH" }]))).toBe("noRoute");
});

test("a socket of IPv6 at no address in particular hears IPv4, one at an address of its own does not", () => {
  const at = (address: Uint8Array) => decided({ listeners: [{ protocol: "tcp", address, port: 22 }] });
  expect(at(new Uint8Array(16)).reachable).toBe(true);
  expect(stopOf(at(Uint8Array.of(10, 0, 0, 1)))).toBe("otherAddressOnly");
  expect(stopOf(at(Uint8Array.of(127, 0, 0, 1)))).toBe("loopbackOnly");
});
