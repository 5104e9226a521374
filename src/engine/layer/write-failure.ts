import { SyscallError } from "../../kernel/syscall.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";

const full: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** A failure to write a file of a layer, as an error of the layer. */
export function writing<T>(write: () => T): T {
  try {
    return write();
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    const kind = full.has(thrown.code) ? "unavailable" : "internal";
    throw new TiffinError(kind, "layer.write-failed", `cannot write the layer: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
