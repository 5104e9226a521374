import { errnoName, errnoText } from "../../linux/errno.ts";

/** The kernel refused a netlink request. `text` is its own sentence when it gave one (extended ack). */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
  readonly errno: number;
  /** The errno's symbolic name, for example `EEXIST`. */
  readonly code: string;
  /** What the request was about. */
  readonly object: string;
  readonly text: string | undefined;
  /** Which request of the batch, from 0. */
  readonly index: number;

  constructor(errno: number, object: string, text: string | undefined, index: number) {
    super(`netlink ${object}: ${errnoName(errno)}: ${text ?? errnoText(errno)}`);
    this.errno = errno;
    this.code = errnoName(errno);
    this.object = object;
    this.text = text;
    this.index = index;
  }
}
