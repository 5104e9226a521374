import { expect, test } from "bun:test";
import { TiffinError } from "../../lib/errors.ts";
import { formatPrefix, type Prefix, parsePrefix } from "../../linux/netlink/ipv4.ts";
import { decideSubnet, parseSubnet, subnetCandidates } from "./subnet.ts";

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

function decide(wish: { configured?: string; remembered?: string; taken?: string[] }): string {
  try {
    return formatPrefix(
      decideSubnet({
        configured: wish.configured === undefined ? undefined : prefix(wish.configured),
        remembered: wish.remembered === undefined ? undefined : prefix(wish.remembered),
        taken: (wish.taken ?? []).map(prefix),
      }),
    );
  } catch (thrown) {
    return thrown instanceof TiffinError ? `${thrown.kind} ${thrown.code}` : String(thrown);
  }
}

test("a free host gives the first candidate, a busy one the next that overlaps nothing", () => {
  expect(decide({ taken: ["172.17.0.0/16", "192.0.2.0/24"] })).toBe("172.30.0.0/16");
  expect(decide({ taken: ["172.30.7.0/24"] })).toBe("172.31.0.0/16");
  expect(decide({ taken: ["172.16.0.0/12"] })).toBe("10.230.0.0/16");
  expect(decide({ taken: ["172.16.0.0/12", "10.0.0.0/8"] })).toBe("192.168.208.0/20");
});

test("the subnet of last time stays while it is free", () => {
  expect(decide({ remembered: "10.99.0.0/24" })).toBe("10.99.0.0/24");
  expect(decide({ remembered: "10.99.0.0/24", taken: ["10.99.0.7/32"] })).toBe("172.30.0.0/16");
});

test("a configured subnet is taken or refused, never replaced", () => {
  expect(decide({ configured: "10.99.0.0/24", remembered: "10.98.0.0/24" })).toBe("10.99.0.0/24");
  expect(decide({ configured: "10.99.0.0/24", taken: ["10.0.0.0/8"] })).toBe("conflict network.subnet-taken");
});

test("a host that routes everything has no room", () => {
  const all = ["10.0.0.0/8", ...subnetCandidates.map(formatPrefix)];
  expect(decide({ taken: all })).toBe("unavailable network.no-free-subnet");
  // With the large ones gone there are smaller ones.
  expect(decide({ taken: subnetCandidates.map(formatPrefix) })).toBe("10.170.0.0/20");
});

test.each(["", "172.30.0.1/16", "10.0.0.0/7", "10.0.0.0/31", "fd00::/64"])(
  "%p is no subnet to configure",
  (text) => {
    expect(() => parseSubnet(text)).toThrow(TiffinError);
  },
);

test("candidates do not overlap each other", () => {
  for (const [index, one] of subnetCandidates.entries()) {
    const others = subnetCandidates.filter((_, other) => other !== index);
    expect(decideSubnet({ configured: one, remembered: undefined, taken: others })).toEqual(one);
  }
});
