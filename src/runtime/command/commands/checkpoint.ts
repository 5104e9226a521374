/** `checkpoint` and `restore` need criu(8), which this build does not drive. */
import { exists } from "../../../kernel/files.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { CommandContext } from "../command.ts";

export function checkpoint({ host }: CommandContext): never {
  const path = host.env["PATH"] ?? "";
  const installed = path.split(":").some((directory) => directory !== "" && exists(`${directory}/criu`));
  if (!installed) {
    throw new TiffinError(
      "unavailable",
      "runtime.no-criu",
      "cannot checkpoint or restore: criu is not installed",
    );
  }
  throw new TiffinError(
    "notImplemented",
    "runtime.checkpoint",
    "checkpoint and restore through criu are not supported yet",
  );
}
