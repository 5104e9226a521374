/** The last step of every mount: its place in the container. */
import { missingTarget, slotNone } from "../abi/schema.ts";
import { atFlags } from "../linux/open-flags.ts";
import type { OciMount } from "../oci/mod.ts";
import type { Compilation } from "./compilation.ts";
import type { MountContext } from "./mount-context.ts";
import { readMountOptions } from "./mount-request.ts";

/**
 * What programs and the masks expect at /proc and /sys is there, or nothing is: an image that leads them elsewhere by a
 * symbolic link is refused, as by other runtimes.
 */
function mustNotFollow({ type, options = [] }: OciMount): boolean {
  return (type === "proc" || type === "sysfs") && readMountOptions(options).bind === "no";
}

/** Attaches a detached mount at the destination, making it when it is missing, and sets its propagation. */
export function attach(
  { builder }: Compilation,
  { root, destination, cause, request, mount: asked }: MountContext,
  mount: number,
  kind: "directory" | "file" = "directory",
): void {
  const create =
    kind === "file"
      ? missingTarget.file
      : mustNotFollow(asked)
        ? missingTarget.plainDirectory
        : missingTarget.directory;
  const mode = kind === "directory" ? 0o755 : 0o644;
  builder.child({ op: "moveMount", fields: { mount, root, path: destination, create, mode } }, cause);
  if (request.propagation === null) return;
  const { type, recursive } = request.propagation;
  builder.child(
    {
      op: "mountSetattr",
      fields: {
        mount,
        path: null,
        flags: recursive ? atFlags.recursive : 0,
        userns: slotNone,
        set: 0,
        clear: 0,
        propagation: type,
      },
    },
    cause,
    `propagation of ${destination}`,
  );
}
