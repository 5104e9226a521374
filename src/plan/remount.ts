/** The mount option `remount`: the mount that an earlier entry, or the root itself, has at the destination changes. */
import { slotNone } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { atFlags, resolveFlags } from "../linux/open-flags.ts";
import type { Compilation } from "./compilation.ts";
import type { MountContext } from "./mount-context.ts";

export function remountInPlace({ builder, open }: Compilation, context: MountContext): void {
  const { root, destination, request, cause } = context;
  const { own, tree, parameters, propagation } = request;
  if (parameters.length > 0) {
    throw new TiffinError(
      "notImplemented",
      "plan.not-supported",
      `${cause}: remount with ${parameters.join(",")} is not supported, only attributes of the mount can change`,
      { remedy: "give the parameters where it is mounted" },
    );
  }
  const mount = builder.slot();
  const flags = open.path | open.closeOnExec;
  const path = destination;
  const resolve = resolveFlags.inRoot | resolveFlags.noMagicLinks;
  builder.child({ op: "open", fields: { out: mount, dir: root, path, flags, mode: 0, resolve } }, cause);
  const changes = [
    { ...tree, type: propagation?.recursive === true ? propagation.type : 0, flags: atFlags.recursive },
    { ...own, type: propagation?.recursive === false ? propagation.type : 0, flags: 0 },
  ];
  for (const { set, clear, type, flags: reach } of changes) {
    if (set === 0 && clear === 0 && type === 0) continue;
    const fields = { mount, path: null, flags: reach, userns: slotNone, set, clear, propagation: type };
    builder.child({ op: "mountSetattr", fields }, cause, destination);
  }
}
