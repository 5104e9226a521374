/**
 * nftables requests: tables, chains, sets, maps, elements and rules, and the batch that makes them one atomic
 * transaction. Nothing here is performed alone: `batch` frames what is to happen together. nft(8)
 */
import { netlinkLimits } from "../limits.ts";
import { type MessageWriter, messageFlags, type NetlinkRequest } from "../message.ts";
import {
  type NftFamily,
  nftFamilies,
  type Verdict,
  writeExpression,
  writeValue,
  writeVerdict,
} from "./expression.ts";
import type { Phrase } from "./phrase.ts";

const subsystem = 10;
const batchBegin = 0x10;
const batchEnd = 0x11;
export const nftMessages = {
  newTable: 0,
  getTable: 1,
  deleteTable: 2,
  newChain: 3,
  getChain: 4,
  deleteChain: 5,
  newRule: 6,
  getRule: 7,
  deleteRule: 8,
  newSet: 9,
  getSet: 10,
  deleteSet: 11,
  newSetElement: 12,
  getSetElement: 13,
  deleteSetElement: 14,
} as const;
export type NftMessage = keyof typeof nftMessages;

/** The netlink type of an nftables message. */
export function nftType(message: NftMessage): number {
  return (subsystem << 8) | nftMessages[message];
}

export const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
const policies = { drop: 0, accept: 1 } as const;
const setFlags = { interval: 0x4, map: 0x8 } as const;
/** NFT_SET_ELEM_INTERVAL_END */
const intervalEnd = 1;
/** libnftnl's user data of a set: type 0 (byte order of the key), length, BYTEORDER_HOST_ENDIAN. */
const keyInHostOrder = Uint8Array.of(0, 4, 1, 0, 0, 0);
const verdictDataType = 0xffff_ff00;
const listElement = 1;
/** Elements of one message: well below the 64 KiB that an attribute holds. */
const elementsPerMessage = 512;

export interface TableReference {
  readonly family: NftFamily;
  readonly table: string;
}

export interface BaseChain {
  readonly type: "filter" | "nat" | "route";
  readonly hook: keyof typeof hooks;
  /** Lower runs earlier; conntrack is -200, destination NAT -100, filter 0, source NAT 100. */
  readonly priority: number;
  readonly policy: keyof typeof policies;
}

/** The types that keys and data are made of: number in nft's own list, bytes on the wire. */
export const fieldTypes = {
  ipv4_addr: { id: 7, bytes: 4 },
  ipv6_addr: { id: 8, bytes: 16 },
  inet_proto: { id: 12, bytes: 1 },
  inet_service: { id: 13, bytes: 2 },
  mark: { id: 19, bytes: 4 },
  ifname: { id: 41, bytes: 16 },
} as const;
export type FieldType = keyof typeof fieldTypes;

export interface SetDeclaration {
  readonly name: string;
  readonly key: readonly FieldType[];
  /** Absent: a set. `verdict` or fields: a map. */
  readonly data?: "verdict" | readonly FieldType[];
  /** Its elements are the ends of ranges: each start, and each first value after a range with `end`. */
  readonly interval?: boolean;
}

/** One field per part, in the order of the declaration, unpadded. */
export interface SetElement {
  readonly key: readonly Uint8Array[];
  readonly data?: readonly Uint8Array[] | Verdict;
  /** In a set of ranges: the first value that is outside again. */
  readonly end?: boolean;
}

export interface Rule {
  readonly phrases: readonly Phrase[];
  /** Kept with the rule; nft and iptables show it. */
  readonly comment?: string;
}

/** struct nfgenmsg */
export function nfHeader(family: number, resource = 0): Uint8Array {
  return Uint8Array.of(family, 0, resource >>> 8, resource & 0xff);
}

function request(
  message: NftMessage,
  flags: number,
  reference: TableReference,
  object: string,
  body: (writer: MessageWriter) => void,
): NetlinkRequest {
  return {
    type: nftType(message),
    flags: messageFlags.request | flags,
    object: `nftables ${reference.family} ${object}`,
    body(writer) {
      writer.raw(nfHeader(nftFamilies[reference.family]));
      // The table's name is attribute 1 of every kind of object.
      writer.string(1, reference.table);
      body(writer);
    },
  };
}

/** Makes the table; an existing one is left as it is. */
export function newTable(reference: TableReference): NetlinkRequest {
  return request("newTable", messageFlags.create, reference, `table ${reference.table}`, (writer) =>
    writer.u32be(2, 0),
  );
}

/** Makes a table that only this socket can change, and that the kernel takes away with it. NFT_TABLE_F_OWNER, Linux 5.12 */
export function newOwnedTable(reference: TableReference): NetlinkRequest {
  const owned = 2;
  return request("newTable", messageFlags.create, reference, `table ${reference.table}`, (writer) =>
    writer.u32be(2, owned),
  );
}

/** Deletes the table with all that is in it; ENOENT when there is none. */
export function deleteTable(reference: TableReference): NetlinkRequest {
  return request("deleteTable", 0, reference, `table ${reference.table}`, () => undefined);
}

export function newChain(reference: TableReference, name: string, base?: BaseChain): NetlinkRequest {
  return request("newChain", messageFlags.create, reference, `chain ${name}`, (writer) => {
    writer.string(3, checkedName(name));
    if (base === undefined) return;
    writer.nest(4, () => {
      writer.u32be(1, hooks[base.hook]);
      writer.i32be(2, base.priority);
    });
    writer.u32be(5, policies[base.policy]);
    writer.string(7, base.type);
  });
}

/** Removes every rule of a chain. */
export function flushChain(reference: TableReference, name: string): NetlinkRequest {
  return request("deleteRule", 0, reference, `rules of chain ${name}`, (writer) => writer.string(2, name));
}

/** Where a new rule goes: the chain's start or end, or right after the rule with that handle. */
export type RulePlace = "first" | "last" | { readonly after: bigint };

export function newRule(
  reference: TableReference,
  chain: string,
  rule: Rule,
  place: RulePlace = "last",
): NetlinkRequest {
  const append = place === "first" ? 0 : messageFlags.append;
  return request("newRule", messageFlags.create | append, reference, `rule in ${chain}`, (writer) => {
    writer.string(2, chain);
    if (typeof place === "object") writer.u64be(6, place.after);
    writer.nest(4, () => {
      for (const phrase of rule.phrases) {
        for (const expression of phrase.expressions) writeExpression(writer, expression);
      }
    });
    if (rule.comment !== undefined) writer.bytes(7, commentUserData(rule.comment));
  });
}

/** libnftnl's user data: type 0 (comment), length, NUL-terminated text. */
function commentUserData(comment: string): Uint8Array {
  const text = new TextEncoder().encode(`${comment}\0`);
  if (text.length + 2 > netlinkLimits.nftUserDataBytes) {
    throw new RangeError(`rule comment has ${text.length} bytes, ${netlinkLimits.nftUserDataBytes - 2} fit`);
  }
  return Uint8Array.of(0, text.length, ...text);
}

export function deleteRule(reference: TableReference, chain: string, handle: bigint): NetlinkRequest {
  return request("deleteRule", 0, reference, `rule ${handle} in ${chain}`, (writer) => {
    writer.string(2, chain);
    writer.u64be(3, handle);
  });
}

/** Concatenated types are numbered six bits each. */
function typeId(fields: readonly FieldType[]): number {
  return fields.reduce((id, field) => id * 64 + fieldTypes[field].id, 0);
}

/** In registers and sets every field starts on a 32-bit boundary. */
function paddedBytes(bytes: number): number {
  return (bytes + 3) & ~3;
}

function typeBytes(fields: readonly FieldType[]): number {
  const [only] = fields;
  if (fields.length === 1 && only !== undefined) return fieldTypes[only].bytes;
  return fields.reduce((sum, field) => sum + paddedBytes(fieldTypes[field].bytes), 0);
}

/** `id` is any number that no other new set of the same batch has. */
export function newSet(reference: TableReference, declaration: SetDeclaration, id: number): NetlinkRequest {
  const { data } = declaration;
  return request("newSet", messageFlags.create, reference, `set ${declaration.name}`, (writer) => {
    writer.string(2, checkedName(declaration.name));
    const interval = declaration.interval === true ? setFlags.interval : 0;
    writer.u32be(3, interval | (data === undefined ? 0 : setFlags.map));
    writer.u32be(4, typeId(declaration.key));
    writer.u32be(5, typeBytes(declaration.key));
    if (data === "verdict") writer.u32be(6, verdictDataType);
    else if (data !== undefined) {
      writer.u32be(6, typeId(data));
      writer.u32be(7, typeBytes(data));
    }
    writer.u32be(10, id);
    // Without it nft shows a link's name back to front, which is none.
    if (declaration.key.length === 1 && declaration.key[0] === "ifname") writer.bytes(13, keyInHostOrder);
  });
}

function joined(fields: readonly Uint8Array[]): Uint8Array {
  const [only] = fields;
  if (fields.length === 1 && only !== undefined) return only;
  const bytes = new Uint8Array(fields.reduce((sum, field) => sum + paddedBytes(field.length), 0));
  let at = 0;
  for (const field of fields) {
    bytes.set(field, at);
    at += paddedBytes(field.length);
  }
  return bytes;
}

function elementRequests(
  message: "newSetElement" | "deleteSetElement",
  flags: number,
  reference: TableReference,
  set: string,
  elements: readonly SetElement[],
): NetlinkRequest[] {
  const requests: NetlinkRequest[] = [];
  for (let start = 0; start < elements.length; start += elementsPerMessage) {
    const part = elements.slice(start, start + elementsPerMessage);
    requests.push(
      request(message, flags, reference, `elements of ${set}`, (writer) => {
        writer.string(2, set);
        writer.nest(3, () => {
          for (const element of part) writer.nest(listElement, () => writeElement(writer, element));
        });
      }),
    );
  }
  return requests;
}

function writeElement(writer: MessageWriter, element: SetElement): void {
  const { data } = element;
  writer.nest(1, () => writeValue(writer, joined(element.key)));
  if (element.end === true) writer.u32be(3, intervalEnd);
  if (data === undefined) return;
  writer.nest(2, () => {
    if ("verdict" in data) writeVerdict(writer, data);
    else writeValue(writer, joined(data));
  });
}

/** Adds elements; one that is there with the same data is fine, with other data it is EEXIST. */
export function addElements(
  reference: TableReference,
  set: string,
  elements: readonly SetElement[],
): NetlinkRequest[] {
  return elementRequests("newSetElement", messageFlags.create, reference, set, elements);
}

/** Deletes elements; ENOENT when one is not there. */
export function deleteElements(
  reference: TableReference,
  set: string,
  elements: readonly SetElement[],
): NetlinkRequest[] {
  return elementRequests("deleteSetElement", 0, reference, set, elements);
}

/** Begin, the requests, end: all of them happen or none. The last request is acknowledged. */
export function batch(requests: readonly NetlinkRequest[]): NetlinkRequest[] {
  const frame = (type: number): NetlinkRequest => ({
    type,
    flags: messageFlags.request,
    object: "nftables transaction",
    body: (writer) => writer.raw(nfHeader(0, subsystem)),
  });
  const last = requests.length - 1;
  return [
    frame(batchBegin),
    ...requests.map((inner, index) =>
      index === last ? { ...inner, flags: inner.flags | messageFlags.ack } : inner,
    ),
    frame(batchEnd),
  ];
}

function checkedName(name: string): string {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes === 0 || bytes > netlinkLimits.nftNameBytes) {
    throw new RangeError(`${JSON.stringify(name)} is no nftables name: 1 to 255 bytes are`);
  }
  return name;
}

/** NFT_MSG_GETTABLE for one table; ENOENT when there is none. */
export function getTable(reference: TableReference): NetlinkRequest {
  return request("getTable", 0, reference, `table ${reference.table}`, () => undefined);
}

/** NFT_MSG_GETCHAIN for one chain; ENOENT when there is none. */
export function getChain(reference: TableReference, name: string): NetlinkRequest {
  return request("getChain", 0, reference, `chain ${name}`, (writer) => writer.string(3, name));
}

/** Every chain of every table of every family. */
export function dumpChains(): NetlinkRequest {
  return {
    type: nftType("getChain"),
    flags: messageFlags.request | messageFlags.dump,
    object: "nftables chains",
    body: (writer) => writer.raw(nfHeader(0)),
  };
}

/** NFT_MSG_GETRULE dump of one chain, in order. */
export function dumpRules(reference: TableReference, chain: string): NetlinkRequest {
  return request("getRule", messageFlags.dump, reference, `rules of ${chain}`, (writer) =>
    writer.string(2, chain),
  );
}

/** NFT_MSG_GETSETELEM dump of one set or map. */
export function dumpElements(reference: TableReference, set: string): NetlinkRequest {
  return request("getSetElement", messageFlags.dump, reference, `elements of ${set}`, (writer) =>
    writer.string(2, set),
  );
}

/** What there is of a kind, of every table of every family; the kernel gives rules in their order. */
export function dumpAll(message: "getChain" | "getRule" | "getSet"): NetlinkRequest {
  return {
    type: nftType(message),
    flags: messageFlags.request | messageFlags.dump,
    object: "nftables ruleset",
    body: (writer) => writer.raw(nfHeader(0)),
  };
}

/** NFT_MSG_GETSETELEM dump of a set of any family. */
export function dumpElementsOf(family: number, table: string, set: string): NetlinkRequest {
  return {
    type: nftType("getSetElement"),
    flags: messageFlags.request | messageFlags.dump,
    object: `nftables elements of ${set}`,
    body(writer) {
      writer.raw(nfHeader(family));
      writer.string(1, table);
      writer.string(2, set);
    },
  };
}
