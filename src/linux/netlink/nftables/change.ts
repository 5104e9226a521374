/** What others are told of a change of nftables: which object of which table, and who made it. Pure; bytes come from the kernel. */
import { Attributes, type NetlinkMessage } from "../message.ts";
import { type NftMessage, nftMessages, nftType } from "./request.ts";

const headerBytes = 4;
/** Every object says in its first attribute in which table it is; a table says its name there. */
const tableAttribute = 1;

export interface NftChange {
  readonly message: NftMessage;
  /** AF_*, or 1 for `inet`. */
  readonly family: number;
  readonly table: string;
  /** The netlink port of whoever made it. */
  readonly port: number;
}

const names = new Map<number, NftMessage>(
  (Object.keys(nftMessages) as NftMessage[]).map((message) => [nftType(message), message]),
);

/** Undefined for what is no change of an object, such as the new generation's number. */
export function decodeChange(message: NetlinkMessage): NftChange | undefined {
  const kind = names.get(message.type);
  const family = message.payload[0];
  if (kind === undefined || family === undefined || message.payload.length < headerBytes) return undefined;
  const table = new Attributes(message.payload.subarray(headerBytes)).string(tableAttribute);
  return table === undefined ? undefined : { message: kind, family, table, port: message.port };
}
