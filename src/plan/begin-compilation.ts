/** The beginning of every plan of a container: what was asked for is checked, and what comes with START is named. */
import { TiffinError } from "../lib/errors.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import { openFlagsOf } from "../linux/open-flags.ts";
import type { RuntimeSpec } from "../oci/mod.ts";
import { bindIdmapSlot } from "./bind-mounts.ts";
import { PlanBuilder } from "./builder.ts";
import { cgroupSlotNames, decideContainerCgroups } from "./cgroups.ts";
import type { Compilation } from "./compilation.ts";
import { idmapSlotName } from "./identity.ts";
import { readMountOptions } from "./mount-request.ts";
import { checkRights, decideNamespaces } from "./namespaces.ts";
import { type ContainerOptions, layersSlotName, lowerSlotName, sizedSlotName } from "./options.ts";
import { preserveSlotNames } from "./process.ts";
import { stdioSlotNames } from "./stdio.ts";
import { holdSlotNames, supervisionSlotNames } from "./supervise.ts";
import { checkProcess, checkSpec } from "./validate.ts";

/** Checks what a container is to be and announces what its plan receives. */
export function beginCompilation(
  spec: RuntimeSpec,
  facts: HostFacts,
  options: ContainerOptions,
): Compilation {
  const { process, linux = {} } = spec;
  if (process === undefined) {
    throw new TiffinError("invalid", "plan.no-process", "the specification has no process");
  }
  checkProcess(process);
  const namespaces = decideNamespaces({ linux, options });
  checkRights(namespaces, facts);
  checkSpec(spec, linux, namespaces, options);
  const cgroups = decideContainerCgroups(linux.resources, facts, options, spec.mounts);
  const open = openFlagsOf(facts.kernel.machine);
  // Another runtime moves the process into its groups by itself.
  const groups = options.foreign === undefined ? cgroupSlotNames(cgroups.v1, cgroups.v2) : [];
  const receives = receivedNames(spec, options, groups);
  const builder = new PlanBuilder(receives, options.unprivileged === true);
  return { spec, process, linux, facts, options, namespaces, cgroups, builder, open };
}

/** Everything that START brings, each once. */
function receivedNames(
  spec: RuntimeSpec,
  options: ContainerOptions,
  cgroupNames: readonly string[],
): string[] {
  const linux = spec.linux ?? {};
  const names = new Set<string>();
  if (options.network.kind === "slot") names.add("netns");
  for (const name of cgroupNames) names.add(name);
  for (const name of supervisionSlotNames(options.supervise)) names.add(name);
  for (const name of stdioSlotNames(options.stdio)) names.add(name);
  for (const name of preserveSlotNames(options)) names.add(name);
  for (const name of holdSlotNames(options)) names.add(name);
  if (options.rootfs.kind === "overlay") {
    for (const [index, lower] of options.rootfs.lowers.entries()) {
      if (lower.kind === "image")
        names.add(lower.attached === undefined ? lowerSlotName(index) : layersSlotName);
    }
    if (options.rootfs.sized !== undefined) names.add(sizedSlotName);
    if (options.rootfs.idmap === true) {
      names.add(idmapSlotName(linux.uidMappings ?? [], linux.gidMappings ?? []));
    }
  }
  for (const [index, mount] of (spec.mounts ?? []).entries()) {
    if (options.bindSources?.get(index)?.received === true) names.add(`bind:${index}`);
    const request = readMountOptions(mount.options ?? []);
    const idmap = bindIdmapSlot({ linux }, { mount, request });
    if (idmap !== undefined) names.add(idmap);
  }
  return [...names];
}
