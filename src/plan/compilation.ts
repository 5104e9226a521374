/** What the sections of the compiler share while one container is compiled. */
import type { HostFacts } from "../linux/host-facts.ts";
import type { OpenFlags } from "../linux/open-flags.ts";
import type { LinuxSpec, OciProcess, RuntimeSpec } from "../oci/mod.ts";
import type { PlanBuilder } from "./builder.ts";
import type { CgroupPlan } from "./cgroups.ts";
import type { Namespaces } from "./namespaces.ts";
import type { ContainerOptions } from "./options.ts";

export interface Compilation {
  readonly spec: RuntimeSpec;
  readonly process: OciProcess;
  readonly linux: LinuxSpec;
  readonly facts: HostFacts;
  readonly options: ContainerOptions;
  readonly namespaces: Namespaces;
  readonly cgroups: CgroupPlan;
  readonly builder: PlanBuilder;
  /** O_* of the host's machine. */
  readonly open: OpenFlags;
}

/** The container has a user namespace, so its child has none of the host's rights. */
export function hasUserNamespace({ namespaces }: Pick<Compilation, "namespaces">): boolean {
  return namespaces.has("user");
}
