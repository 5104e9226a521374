/** What goes over the wire when files are synchronised: fsutil's packets, and chunks of bytes. Numbers are those of its wire.proto. */
import { field } from "../protobuf/field.ts";
import { message, type Of } from "../protobuf/message.ts";

export const packetTypes = { stat: 0, request: 1, data: 2, end: 3, error: 4 } as const;

/** `mode` is in Go's form: permissions, and bits of its own for the type. `modifiedAtNs` counts from 1970. */
export const fileStat = message({
  path: field.text(1),
  mode: field.uint32(2),
  uid: field.uint32(3),
  gid: field.uint32(4),
  size: field.integer(5),
  modifiedAtNs: field.int64(6),
  linkName: field.text(7),
  deviceMajor: field.integer(8),
  deviceMinor: field.integer(9),
  attributes: field.bytesMap(10),
});
export type FileStat = Of<typeof fileStat>;

export const packet = message({
  type: field.uint32(1),
  stat: field.message(2, fileStat),
  id: field.uint32(3),
  data: field.bytes(4),
});
export type Packet = Of<typeof packet>;

/** A piece of a stream: of a file that is sent, an agent's conversation, a connection within a call. */
export const bytesMessage = message({ data: field.bytes(1) });
