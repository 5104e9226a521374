import { messageOf, TiffinError } from "../../lib/errors.ts";

/** Every failure that leaves this folder is a `TiffinError`; what the kernel says stays its cause. */
export function failing<T>(action: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof TiffinError) throw thrown;
    throw new TiffinError("internal", "network.failed", `cannot ${action}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
