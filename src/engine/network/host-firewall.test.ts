import { expect, test } from "bun:test";
import { filterOfInput, foreignInput } from "./host-firewall.ts";

const chain = {
  family: 2,
  type: "filter",
  table: "filter",
  name: "INPUT",
  base: true,
  hook: 1,
  policy: "accept",
} as const;

test("who filters the host's own ports is known by name, else by the chain that drops", () => {
  expect(filterOfInput([])).toBeUndefined();
  expect(filterOfInput([chain, { ...chain, hook: 2, policy: "drop" }])).toBeUndefined();
  expect(filterOfInput([{ ...chain, policy: "drop" }])).toBe("chain INPUT of table filter");
  expect(
    filterOfInput([
      { ...chain, policy: "drop" },
      { ...chain, name: "ufw-user-input", base: false },
    ]),
  ).toBe("ufw");
  expect(filterOfInput([{ ...chain, table: "firewalld", name: "filter_INPUT" }])).toBe("firewalld");
});

test("what may stop a container's questions is a chain of input that no rule of ours can be in", () => {
  const own = { ...chain, family: 1, table: "mine", name: "in" } as const;
  expect(foreignInput([chain, { ...chain, policy: "drop" }])).toEqual([]);
  expect(foreignInput([{ ...own, table: "firewalld" }])).toEqual([]);
  expect(
    foreignInput([
      { ...own, hook: 2 },
      { ...own, type: "nat" },
      { ...own, family: 10 },
    ]),
  ).toEqual([]);
  expect(foreignInput([own, { ...own, family: 2, policy: "drop" }])).toEqual([
    { table: { family: "inet", table: "mine" }, name: "in", drops: false },
    { table: { family: "ip", table: "mine" }, name: "in", drops: true },
  ]);
});
