import { expect, test } from "bun:test";
import { filterOfInput } from "./host-firewall.ts";

const chain = { table: "filter", name: "INPUT", base: true, hook: 1, policy: "accept" } as const;

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
