/**
 * The mount option `remount`: the mount that an earlier entry, or the root itself, has at the destination changes. A
 * file system changes only where the container has made it: others may be in use by somebody else.
 */
import { slotNone } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { atFlags, resolveFlags } from "../linux/open-flags.ts";
import type { Compilation } from "./compilation.ts";
import type { MountContext } from "./mount-context.ts";

/** `made`: the slot of the mount, where an earlier entry has made a new file system. */
export function remountInPlace(
  compilation: Compilation,
  context: MountContext,
  made: number | undefined,
): void {
  const { builder } = compilation;
  const { destination, request, cause } = context;
  const { own, tree, parameters, propagation } = request;
  const mount = made ?? openMount(compilation, context);
  if (parameters.length > 0) {
    if (made === undefined) refuse(context);
    builder.child({ op: "reconfigure", fields: { mount, options: parameters } }, cause, destination);
  }
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

function openMount({ builder, open }: Compilation, { root, destination: path, cause }: MountContext): number {
  const out = builder.slot();
  const flags = open.path | open.closeOnExec;
  const resolve = resolveFlags.inRoot | resolveFlags.noMagicLinks;
  builder.child({ op: "open", fields: { out, dir: root, path, flags, mode: 0, resolve } }, cause);
  return out;
}

function refuse({ request, destination, cause }: MountContext): never {
  throw new TiffinError(
    "invalid",
    "plan.remount-parameters",
    `${cause}: remount with ${request.parameters.join(",")}, but no earlier entry makes a file system at ${destination}`,
    { remedy: "give the parameters where it is mounted" },
  );
}
