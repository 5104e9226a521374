/** Well-known messages of Google. */
import { field } from "../protobuf/field.ts";
import { message, type Of } from "../protobuf/message.ts";

const nsPerSecond = 1_000_000_000n;

export const timestamp = message({ seconds: field.integer(1), nanos: field.int32(2) });
export type Timestamp = Of<typeof timestamp>;

export const any = message({ typeUrl: field.text(1), value: field.bytes(2) });

export const rpcStatus = message({
  code: field.int32(1),
  message: field.text(2),
  details: field.messages(3, any),
});

/** @param atNs Since 1970. */
export function timestampOf(atNs: bigint): Timestamp {
  return { seconds: Number(atNs / nsPerSecond), nanos: Number(atNs % nsPerSecond) };
}

export function timestampOfMs(atMs: number): Timestamp {
  return timestampOf(BigInt(Math.round(atMs * 1000)) * 1000n);
}
