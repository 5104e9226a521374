import { expect, test } from "bun:test";
import { decodeAcknowledgement } from "./acknowledgement.ts";
import { addressMessages, decodeAddress } from "./address.ts";
import { decodeFlow } from "./conntrack.ts";
import { decodeInterfaceAddress } from "./interface-address.ts";
import { decodeNeighbourEntry } from "./ip-neighbour.ts";
import { decodeIpRoute } from "./ip-route.ts";
import { formatIpv4, formatMac, formatPrefix } from "./ipv4.ts";
import { decodeLink, linkMessages } from "./link.ts";
import { decodeLinkDetails } from "./link-details.ts";
import { decodeMessages, messageTypes, NetlinkDecodeError, type NetlinkMessage } from "./message.ts";
import { decodeNeighbour } from "./neighbour.ts";
import { decodeNetnsId } from "./netns-id.ts";
import { decodeChange } from "./nftables/change.ts";
import { decodeChain, decodeElements, decodeRule } from "./nftables/decode.ts";
import { decodeRoute } from "./route.ts";
import { decodeRule as decodePolicyRule } from "./rule.ts";
import { type Captured, captured, capturedNames } from "./testing/captured.ts";

/** The messages of an exchange without the end of a dump. */
function messagesOf(name: Captured): NetlinkMessage[] {
  return captured(name)
    .flatMap(decodeMessages)
    .filter((message) => message.type !== messageTypes.done);
}

function only(name: Captured): NetlinkMessage {
  const [message, ...more] = messagesOf(name);
  if (message === undefined || more.length > 0) throw new Error(`${name} is not one message`);
  return message;
}

test("links", () => {
  const port = decodeLink(only("linkVeth"));
  expect(port).toMatchObject({ name: "v0", kind: "veth", up: true, mtuBytes: 1500, hairpin: true });
  const bridge = decodeLink(only("linkBridge"));
  expect(bridge).toMatchObject({ name: "br0", kind: "bridge", master: 0, hairpin: false });
  expect(formatMac(bridge.mac)).toBe("02:74:0a:01:00:01");
  expect(port.master).toBe(bridge.index);
  expect(decodeLink(only("linkLoopback"))).toMatchObject({ index: 1, name: "lo", kind: "", mtuBytes: 65536 });
});

test("addresses", () => {
  const found = messagesOf("addresses").map(decodeAddress);
  expect(
    found.map((item) => item && `${item.linkIndex} ${formatIpv4(item.address)}/${item.prefixLength}`),
  ).toEqual(["1 127.0.0.1/8", "2 10.1.0.1/24"]);
  expect(messagesOf("addresses").every((message) => message.type === addressMessages.new)).toBe(true);
});

test("routes of every table", () => {
  const routes = messagesOf("routes").map(decodeRoute);
  const lines = routes.map((route) => {
    if (route === undefined) return "other family";
    const gateway = route.gateway === undefined ? "" : ` via ${formatIpv4(route.gateway)}`;
    return `${formatPrefix(route.destination)}${gateway} dev ${route.linkIndex} table ${route.table} type ${route.type}`;
  });
  expect(lines).toContain("10.1.0.0/24 dev 2 table 254 type 1");
  expect(lines).toContain("10.9.0.0/16 via 10.1.0.7 dev 2 table 254 type 1");
  expect(lines).toContain("127.0.0.1/32 dev 1 table 255 type 2");
});

test("neighbours", () => {
  const permanent = messagesOf("neighbours")
    .map(decodeNeighbour)
    .find((neighbour) => neighbour?.state === 0x80);
  expect(formatIpv4(permanent?.address ?? 0)).toBe("10.1.0.7");
  expect(formatMac(permanent?.mac ?? new Uint8Array())).toBe("02:00:00:00:00:07");
});

test("acknowledgements, with the kernel's sentence where there is one", () => {
  const decoded = (name: Captured) => decodeAcknowledgement(only(name));
  expect(decoded("success")).toEqual({ sequence: 7, errno: 0, text: undefined, offset: undefined });
  expect(decoded("linkMissing")).toMatchObject({ errno: 19, text: undefined });
  expect(decoded("linkExists")).toMatchObject({ errno: 17 });
  expect(decoded("badGateway")).toMatchObject({ errno: 101, text: "Nexthop has invalid gateway" });
  expect(decoded("badScope")).toMatchObject({ errno: 22, text: "ipv4: Invalid scope value" });
  expect(decoded("transactionRefused")).toMatchObject({ sequence: 9, errno: 2, offset: 28 });
});

test("nftables objects", () => {
  expect(decodeChain(only("forwardChain"))).toEqual({
    family: 2,
    table: "filter",
    name: "FORWARD",
    base: true,
    hook: 2,
    type: "filter",
    policy: "drop",
  });
  expect(messagesOf("forwardRules").map(decodeRule)).toMatchObject([
    { chain: "FORWARD", comment: undefined, jumpsTo: ["DOCKER-USER"] },
    { chain: "FORWARD", comment: "tiffin br0 out", jumpsTo: [] },
  ]);
  expect(messagesOf("mapElements").flatMap(decodeElements)).toEqual([
    { key: Uint8Array.of(6, 0, 0, 0, 0x1f, 0x90, 0, 0), data: Uint8Array.of(10, 1, 0, 9, 0, 80, 0, 0) },
  ]);
});

test("flows", () => {
  const flow = decodeFlow(only("flows"));
  const loopback = 0x7f00_0001;
  expect(flow?.original).toEqual({
    source: loopback,
    destination: loopback,
    protocol: 17,
    sourcePort: 5555,
    destinationPort: 5060,
  });
  expect(flow?.reply).toMatchObject({ sourcePort: 5060, destinationPort: 5555 });
  expect(flow?.identity.id).toHaveLength(4);
});

const decoders = [
  decodeInterfaceAddress,
  decodeIpRoute,
  decodeLinkDetails,
  decodeNeighbourEntry,
  decodeNetnsId,
  decodePolicyRule,
  decodeLink,
  decodeAddress,
  decodeRoute,
  decodeNeighbour,
  decodeChain,
  decodeRule,
  decodeElements,
  decodeChange,
  decodeFlow,
  decodeAcknowledgement,
];

/** A small generator with a fixed seed, so that a failure comes back. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test.each(capturedNames)(
  "cut, swollen and scrambled %s datagrams are decoded or refused, nothing else",
  (name) => {
    const random = randomFrom(42);
    for (const datagram of captured(name)) {
      for (let round = 0; round < 1500; round += 1) {
        const bytes = datagram.slice(0, round % 3 === 0 ? random(datagram.length + 1) : datagram.length);
        for (let flips = random(4); flips > 0 && bytes.length > 0; flips -= 1) {
          bytes[random(bytes.length)] = random(256);
        }
        try {
          for (const message of decodeMessages(bytes))
            for (const decode of decoders) tryDecode(decode, message);
        } catch (thrown) {
          if (!(thrown instanceof NetlinkDecodeError)) throw thrown;
        }
      }
    }
  },
);

function tryDecode(decode: (message: NetlinkMessage) => unknown, message: NetlinkMessage): void {
  try {
    decode(message);
  } catch (thrown) {
    if (!(thrown instanceof NetlinkDecodeError)) throw thrown;
  }
}

test("a link message must have its header", () => {
  const message = { type: linkMessages.new, flags: 0, sequence: 1, port: 0, payload: new Uint8Array(15) };
  expect(() => decodeLink(message)).toThrow(NetlinkDecodeError);
});
