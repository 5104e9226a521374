import { expect, test } from "bun:test";
import { formatIpv4, parseIpv4, parsePrefix } from "../../linux/netlink/ipv4.ts";
import { AddressPool } from "./address-pool.ts";

function pool(text: string, after?: string): AddressPool {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(text);
  return new AddressPool(prefix, { after: parseIpv4(after ?? "") });
}

function take(from: AddressPool): string | undefined {
  const address = from.take();
  return address === undefined ? undefined : formatIpv4(address);
}

test("network, gateway and broadcast are never given", () => {
  const small = pool("10.0.0.0/29");
  expect([take(small), take(small), take(small), take(small), take(small), take(small)]).toEqual([
    "10.0.0.2",
    "10.0.0.3",
    "10.0.0.4",
    "10.0.0.5",
    "10.0.0.6",
    undefined,
  ]);
  for (const address of ["10.0.0.0", "10.0.0.1", "10.0.0.7", "10.0.1.2"]) {
    expect(small.takeExactly(parseIpv4(address) ?? 0)).toBe(false);
  }
});

test("what came back rests until all others had their turn", () => {
  const small = pool("10.0.0.0/29");
  const first = small.take() ?? 0;
  small.give(first);
  expect([take(small), take(small), take(small), take(small)]).toEqual([
    "10.0.0.3",
    "10.0.0.4",
    "10.0.0.5",
    "10.0.0.6",
  ]);
  expect(take(small)).toBe("10.0.0.2");
});

test("a later life goes on where the earlier one stopped", () => {
  expect(take(pool("10.0.0.0/24", "10.0.0.77"))).toBe("10.0.0.78");
  expect(take(pool("10.0.0.0/24", "10.0.0.254"))).toBe("10.0.0.2");
  expect(take(pool("10.0.0.0/24", "192.168.0.9"))).toBe("10.0.0.2");
});

test("a wanted address is given once", () => {
  const wide = pool("10.0.0.0/16");
  const wanted = parseIpv4("10.0.0.2") ?? 0;
  expect(wide.takeExactly(wanted)).toBe(true);
  expect(wide.takeExactly(wanted)).toBe(false);
  expect(take(wide)).toBe("10.0.0.3");
  wide.give(wanted);
  wide.give(wanted);
  expect(wide.usedCount).toBe(1);
});

test("a range is for those who do not ask, and what is reserved for nobody", () => {
  const prefix = parsePrefix("10.0.0.0/24") ?? { network: 0, length: 0 };
  const number = (text: string): number => parseIpv4(text) ?? 0;
  const ranged = new AddressPool(prefix, {
    gateway: number("10.0.0.129"),
    range: parsePrefix("10.0.0.128/30") ?? prefix,
    reserved: [number("10.0.0.130")],
  });
  expect(ranged.capacity).toBe(2);
  expect([take(ranged), take(ranged), take(ranged)]).toEqual(["10.0.0.128", "10.0.0.131", undefined]);
  expect(ranged.takeExactly(number("10.0.0.7"))).toBe(true);
  for (const text of ["10.0.0.129", "10.0.0.130", "10.0.0.0", "10.0.0.255"])
    expect(ranged.takeExactly(number(text))).toBe(false);
});
