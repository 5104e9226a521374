/**
 * NLMSG_ERROR: the kernel's answer to a request that has no other answer, with the sentence and the offending
 * attribute of the extended ack when the kernel had something to say.
 */
import {
  Attributes,
  messageFlags,
  messageHeaderBytes,
  NetlinkDecodeError,
  type NetlinkMessage,
} from "./message.ts";

const extended = { text: 1, offset: 2 } as const;

export interface Acknowledgement {
  readonly sequence: number;
  /** 0 is success, else a positive errno. */
  readonly errno: number;
  /** The kernel's own sentence (NLMSGERR_ATTR_MSG). */
  readonly text: string | undefined;
  /** Byte offset in the request of the attribute that the kernel rejected. */
  readonly offset: number | undefined;
}

/** Decodes an NLMSG_ERROR or the end of a failed dump (NLMSG_DONE carries an errno too). */
export function decodeAcknowledgement(message: NetlinkMessage): Acknowledgement {
  const { payload, flags, sequence } = message;
  if (payload.length < 4) {
    throw new NetlinkDecodeError(`netlink acknowledgement has ${payload.length} bytes, wanted at least 4`);
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const errno = 0 - view.getInt32(0, true);
  const attributes = extendedAttributes(payload, view, flags);
  return {
    sequence,
    errno,
    text: attributes?.string(extended.text),
    offset: attributes?.u32(extended.offset),
  };
}

/** Attributes follow the echoed request header, and the whole echoed request when the kernel did not cap it. */
function extendedAttributes(payload: Uint8Array, view: DataView, flags: number): Attributes | undefined {
  if ((flags & messageFlags.ackTlvs) === 0) return undefined;
  if (payload.length < 4 + messageHeaderBytes) return new Attributes(payload.subarray(4));
  const echoed = (flags & messageFlags.capped) !== 0 ? messageHeaderBytes : view.getUint32(4, true);
  const start = 4 + ((echoed + 3) & ~3);
  return start <= payload.length ? new Attributes(payload.subarray(start)) : undefined;
}
