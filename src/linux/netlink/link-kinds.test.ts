/** Requests for kinds of links that few kernels of test machines have, against what iproute2 6.1 sends for the same wish. */
import { expect, test } from "bun:test";
import { parseIpAddress } from "./ip-address.ts";
import { type LinkKind, newLink } from "./link.ts";
import { Attributes, decodeMessages, encodeRequests } from "./message.ts";

const attribute = { link: 5, information: 18, kind: 1, data: 2 } as const;
const address = (text: string): Uint8Array => parseIpAddress(text) ?? new Uint8Array();

interface Golden {
  readonly wish: LinkKind;
  /** IFLA_INFO_DATA as `ip link add link v0 name x0 type ...` sends it. */
  readonly data: string;
  /** What it says beyond ours, which is what the kernel does anyway. */
  readonly more: readonly number[];
}

const goldens: readonly Golden[] = [
  { wish: { kind: "vlan", parent: 3, id: 5 }, data: "0600010005000000", more: [] },
  { wish: { kind: "macvlan", parent: 3, mode: "bridge" }, data: "0800010004000000", more: [] },
  {
    wish: { kind: "ipvlan", parent: 3, mode: "l3" },
    data: "06000100010000000600020000000000",
    more: [2],
  },
  {
    wish: { kind: "vxlan", parent: 3, id: 7, remote: address("10.0.0.9"), port: 4789 },
    data: "0800010007000000080002000a000009050007000100000006000f0012b50000",
    more: [7],
  },
  {
    wish: {
      kind: "vxlan",
      parent: 3,
      id: 7,
      remote: address("fd00::9"),
      local: address("fd00::1"),
      port: 4789,
    },
    data: `080001000700000014001100fd00${"0".repeat(24)}000114001000fd00${"0".repeat(24)}0009050007000100000006000f0012b50000`,
    more: [7],
  },
];

test.each(goldens)("a link of kind $wish.kind is asked for as ip does it", ({ wish, data, more }) => {
  const [message] = decodeMessages(encodeRequests([newLink({ name: "x0" }, wish)], 1));
  const attributes = new Attributes(message?.payload.subarray(16) ?? new Uint8Array());
  const information = attributes.nested(attribute.information);
  expect(attributes.u32(attribute.link)).toBe(3);
  expect(information?.string(attribute.kind)).toBe(wish.kind);
  const ours = information?.nested(attribute.data);
  const theirs = new Attributes(Uint8Array.fromHex(data));
  for (let type = 0; type < 64; type += 1) {
    if (more.includes(type)) expect(ours?.has(type)).toBe(false);
    else expect(ours?.bytes(type)).toEqual(theirs.bytes(type));
  }
});
