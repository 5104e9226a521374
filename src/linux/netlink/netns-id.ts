/** rtnetlink numbers of network namespaces: by which a namespace calls another where an end of a link is. */
import { Attributes, messageFlags, type NetlinkMessage, type NetlinkRequest } from "./message.ts";

const getNetnsId = 90;
const attribute = { id: 1, fd: 3 } as const;
const headerBytes = 4;
const none = 0xffff_ffff;

/** RTM_GETNSID of the namespace that `fd` is open on. */
export function netnsIdOf(fd: number): NetlinkRequest {
  return {
    type: getNetnsId,
    flags: messageFlags.request,
    object: "network namespace",
    body(writer) {
      writer.raw(new Uint8Array(headerBytes));
      writer.u32(attribute.fd, fd);
    },
  };
}

/** Undefined when it has no number here. */
export function decodeNetnsId({ payload }: NetlinkMessage): number | undefined {
  const id = new Attributes(payload.subarray(headerBytes)).u32(attribute.id);
  return id === none ? undefined : id;
}
