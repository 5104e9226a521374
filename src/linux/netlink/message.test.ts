import { expect, test } from "bun:test";
import { addAddress, decodeAddress } from "./address.ts";
import { decodeLink, newLink, setLink } from "./link.ts";
import { Attributes, decodeMessages, encodeRequests, MessageWriter, NetlinkDecodeError } from "./message.ts";
import { decodeNeighbour, setNeighbour } from "./neighbour.ts";
import { decodeRule } from "./nftables/decode.ts";
import { accept, iifname, jump } from "./nftables/phrase.ts";
import { addElements, newRule } from "./nftables/request.ts";
import { addRoute, decodeRoute } from "./route.ts";

function written(body: (writer: MessageWriter) => void): Attributes {
  const writer = new MessageWriter();
  body(writer);
  return new Attributes(writer.finish());
}

test("attributes of every type come back", () => {
  const attributes = written((writer) => {
    writer.u8(1, 0xfe);
    writer.u16(2, 0xfedc);
    writer.u16be(3, 0x1f90);
    writer.u32(4, 0xfedc_ba98);
    writer.u32be(5, 1);
    writer.i32be(6, -300);
    writer.u64be(7, 2n ** 63n);
    writer.string(8, "tiffin0");
    writer.bytes(9, Uint8Array.of(1, 2, 3));
    writer.flag(10);
    writer.nest(11, () => writer.nest(12, () => writer.string(1, "deep")));
  });
  expect(attributes.u8(1)).toBe(0xfe);
  expect(attributes.u16(2)).toBe(0xfedc);
  expect(attributes.u16be(3)).toBe(0x1f90);
  expect(attributes.u32(4)).toBe(0xfedc_ba98);
  expect(attributes.u32be(5)).toBe(1);
  expect(attributes.i32be(6)).toBe(-300);
  expect(attributes.u64be(7)).toBe(2n ** 63n);
  expect(attributes.string(8)).toBe("tiffin0");
  expect(attributes.bytes(9)).toEqual(Uint8Array.of(1, 2, 3));
  expect(attributes.has(10)).toBe(true);
  expect(attributes.nested(11)?.nested(12)?.string(1)).toBe("deep");
  expect(attributes.has(13)).toBe(false);
});

test("a writer that is used again carries nothing over", () => {
  const writer = new MessageWriter();
  writer.bytes(1, new Uint8Array(100).fill(0xff));
  writer.clear();
  writer.string(1, "a");
  writer.u8(2, 1);
  expect(writer.finish()).toEqual(Uint8Array.of(6, 0, 1, 0, 97, 0, 0, 0, 5, 0, 2, 0, 1, 0, 0, 0));
});

test("values that the wire cannot hold are refused before they wrap", () => {
  const writer = new MessageWriter();
  expect(() => writer.u8(1, 256)).toThrow(RangeError);
  expect(() => writer.u16(1, -1)).toThrow(RangeError);
  expect(() => writer.u32(1, 2 ** 32)).toThrow(RangeError);
  expect(() => writer.i32be(1, 2 ** 31)).toThrow(RangeError);
  expect(() => writer.bytes(1, new Uint8Array(65_532))).toThrow(RangeError);
  const nest = () =>
    writer.nest(1, () => [1, 2].forEach((type) => void writer.bytes(type, new Uint8Array(40_000))));
  expect(nest).toThrow(RangeError);
  const endless = () => {
    for (;;) writer.bytes(1, new Uint8Array(60_000));
  };
  expect(endless).toThrow(/over the limit/);
});

test("many requests share a datagram, numbered in order, however large it grows", () => {
  const requests = Array.from({ length: 500 }, (_, index) =>
    newLink({ name: `v${index}` }, { kind: "veth", peer: { name: `p${index}`, netnsFd: 9 } }),
  );
  const messages = decodeMessages(encodeRequests(requests, 100));
  expect(messages.map((message) => message.sequence)).toEqual(requests.map((_, index) => 100 + index));
  expect(messages.map((message) => decodeLink(message).name)).toEqual(
    requests.map((_, index) => `v${index}`),
  );
});

test("lengths that do not fit are refused", () => {
  const header = (length: number) => {
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setUint32(0, length, true);
    return bytes;
  };
  expect(() => decodeMessages(header(15))).toThrow(NetlinkDecodeError);
  expect(() => decodeMessages(header(17))).toThrow(NetlinkDecodeError);
  expect(() => decodeMessages(new Uint8Array(3))).toThrow(NetlinkDecodeError);
  expect(() => new Attributes(Uint8Array.of(3, 0, 1, 0))).toThrow(NetlinkDecodeError);
  expect(() => new Attributes(Uint8Array.of(9, 0, 1, 0, 0, 0, 0, 0))).toThrow(NetlinkDecodeError);
  expect(() => new Attributes(Uint8Array.of(5, 0, 1, 0, 7)).u32(1)).toThrow(NetlinkDecodeError);
});

test("nesting has a limit", () => {
  const writer = new MessageWriter();
  const nest = (depth: number): void => writer.nest(1, () => (depth > 0 ? nest(depth - 1) : undefined));
  nest(30);
  const descend = (attributes: Attributes | undefined): unknown =>
    attributes && descend(attributes.nested(1));
  expect(() => descend(new Attributes(writer.finish()))).toThrow(NetlinkDecodeError);
});

/** Requests have the layout of the kernel's answers, so the decoders read them too. */
function reread<T>(request: Parameters<typeof encodeRequests>[0][number], decode: (message: never) => T): T {
  const [message] = decodeMessages(encodeRequests([request], 1));
  return decode(message as never);
}

test("what is asked for is what is read", () => {
  const mac = Uint8Array.of(2, 0x74, 10, 1, 0, 1);
  const link = reread(
    newLink({ name: "br0", mac, mtuBytes: 1400, up: true }, { kind: "bridge", stp: false }),
    decodeLink,
  );
  expect(link).toMatchObject({ name: "br0", kind: "bridge", mtuBytes: 1400, up: true, mac });
  expect(reread(setLink(7, { master: 3, port: { hairpin: true } }), decodeLink)).toMatchObject({
    index: 7,
    master: 3,
    hairpin: true,
  });
  const address = { linkIndex: 4, address: 0x0a01_0001, prefixLength: 24 };
  expect(reread(addAddress(address, 0x0a01_00ff), decodeAddress)).toEqual(address);
  const route = { destination: { network: 0x0a09_0000, length: 16 }, gateway: 0x0a01_0007, linkIndex: 4 };
  expect(reread(addRoute(route), decodeRoute)).toMatchObject(route);
  const neighbour = { linkIndex: 4, address: 0x0a01_0007, mac, state: 0x80 };
  expect(reread(setNeighbour(neighbour), decodeNeighbour)).toEqual(neighbour);
  const table = { family: "ip", table: "filter" } as const;
  const rule = newRule(table, "FORWARD", {
    phrases: [iifname("br0"), jump("OTHER"), accept],
    comment: "why",
  });
  expect(() => reread(rule, decodeRule)).toThrow("without a handle");
});

test("names that the kernel would cut are refused", () => {
  const make = (name: string) => () => encodeRequests([newLink({ name }, { kind: "dummy" })], 1);
  for (const name of ["", "sixteen-letters-", "a/b", "a b"]) expect(make(name)).toThrow(RangeError);
  expect(make("fifteen-letters")).not.toThrow();
  expect(() => setLink("old", { name: "new" })).toThrow(RangeError);
});

test("long element lists are spread over messages that fit", () => {
  const table = { family: "inet", table: "t" } as const;
  const elements = Array.from({ length: 1200 }, (_, index) => ({
    key: [Uint8Array.of(index >> 8, index & 255)],
  }));
  const requests = addElements(table, "s", elements);
  expect(requests).toHaveLength(3);
  expect(decodeMessages(encodeRequests(requests, 1))).toHaveLength(3);
});
