/** Kinds of links: what the words behind `type KIND` ask for. */
import { parseIpAddress } from "../linux/netlink/ip-address.ts";
import { ipvlanModes, type LinkKind, macvlanModes } from "../linux/netlink/link.ts";
import type { WordReader } from "./arguments.ts";
import { listed, misuse } from "./lab-error.ts";
import { checkLinkName, linkOf, requireFree } from "./links.ts";
import { kindOutlines } from "./outline.ts";
import type { Namespace } from "./session.ts";

/** Kinds that are made by a message, or by opening a device. */
export type WantedKind = LinkKind | DeviceKind;
export interface DeviceKind {
  readonly kind: "tap" | "tun";
}

export function isDevice(kind: WantedKind): kind is DeviceKind {
  return kind.kind === "tap" || kind.kind === "tun";
}

/** What a kernel that lacks the kind has to be given. */
export const kindModules: Readonly<Record<string, string>> = { vlan: "8021q", tap: "tun" };

const largestVlan = 4094;
const largestVxlan = 0xff_ffff;
const largestPort = 65535;

/** Settings by their first word, each at most once. */
function settings(
  words: WordReader,
  readers: Readonly<Record<string, () => void>>,
  needed: readonly string[],
  kind: string,
): void {
  const seen = new Set<string>();
  while (words.more) {
    const word = words.next("a setting");
    const read = Object.hasOwn(readers, word) ? readers[word] : undefined;
    if (read === undefined) throw words.unexpected(word);
    if (seen.has(word)) throw misuse(`${word} is there twice`);
    seen.add(word);
    read();
  }
  const lacking = needed.filter((word) => !seen.has(word));
  if (lacking.length > 0) throw misuse(`a link of type ${kind} needs ${listed(lacking)}`);
}

function oneOf<W extends string>(table: Readonly<Record<W, number>>, word: string, what: string): W {
  for (const name in table) if (name === word) return name;
  throw misuse(`${what} is ${JSON.stringify(word)}, wanted one of ${listed(Object.keys(table))}`);
}

function address(words: WordReader, what: string): Uint8Array {
  const word = words.next(what);
  const bytes = parseIpAddress(word);
  if (bytes === undefined) throw misuse(`${what} is ${JSON.stringify(word)}, wanted an IPv4 or IPv6 address`);
  return bytes;
}

export function readKind(words: WordReader, namespace: Namespace): WantedKind {
  words.expect("type");
  const kind = words.next("the kind of link");
  let parent = 0;
  const link = (): void => {
    parent = linkOf(namespace, words.next("the link below")).index;
  };
  switch (kind) {
    case "veth": {
      let peer: string | undefined;
      const readPeer = (): void => {
        words.expect("name");
        peer = checkLinkName(words.next("the name of the peer"));
        requireFree(namespace, peer);
      };
      settings(words, { peer: readPeer }, [], kind);
      return { kind, peer: peer === undefined ? {} : { name: peer } };
    }
    case "bridge":
    case "dummy":
    case "tap":
    case "tun":
      words.end();
      return { kind };
    case "vlan": {
      let id = 0;
      const readId = (): void => {
        id = words.number("the id of the VLAN", 0, largestVlan);
      };
      settings(words, { link, id: readId }, ["link", "id"], kind);
      return { kind, parent, id };
    }
    case "macvlan": {
      let mode: keyof typeof macvlanModes = "bridge";
      const readMode = (): void => {
        mode = oneOf(macvlanModes, words.next("the mode"), "the mode");
      };
      settings(words, { link, mode: readMode }, ["link"], kind);
      return { kind, parent, mode };
    }
    case "ipvlan": {
      let mode: keyof typeof ipvlanModes = "l2";
      const readMode = (): void => {
        mode = oneOf(ipvlanModes, words.next("the mode"), "the mode");
      };
      settings(words, { link, mode: readMode }, ["link"], kind);
      return { kind, parent, mode };
    }
    case "vxlan":
      return readVxlan(words, link, () => parent);
    default:
      throw misuse(
        `there is no kind of link ${JSON.stringify(kind)}; there are ${listed(kindOutlines.map(({ name }) => name))}`,
      );
  }
}

function readVxlan(words: WordReader, link: () => void, parentOf: () => number): LinkKind {
  let id = 0;
  let port = 4789;
  const ends: { remote?: Uint8Array; local?: Uint8Array } = {};
  settings(
    words,
    {
      link,
      id: () => {
        id = words.number("the id of the VXLAN", 0, largestVxlan);
      },
      dstport: () => {
        port = words.number("the port", 1, largestPort);
      },
      remote: () => {
        ends.remote = address(words, "the remote address");
      },
      local: () => {
        ends.local = address(words, "the local address");
      },
    },
    ["id"],
    "vxlan",
  );
  const parent = parentOf();
  return { kind: "vxlan", id, port, ...ends, ...(parent === 0 ? {} : { parent }) };
}
