/** What the sections of the compiler share while one container is compiled. */
import type { CgroupDecision } from "../linux/cgroup.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import type { OpenFlags } from "../linux/open-flags.ts";
import type { LinuxSpec, OciNamespaceType, OciProcess, RuntimeSpec } from "../oci/mod.ts";
import type { PlanBuilder } from "./builder.ts";
import type { ContainerOptions } from "./options.ts";

export interface CgroupPlan {
  /** Path of the container's group in every hierarchy, `/tiffin/<id>`; null when cgroups are left alone. */
  readonly directory: string | null;
  /** Names of the v1 hierarchies in which the container has a group. */
  readonly v1: readonly string[];
  /** It has a group in cgroup v2, alone or beside v1. */
  readonly v2: boolean;
  readonly decision: CgroupDecision | null;
}

export interface Namespaces {
  /** Made for this container. */
  readonly created: ReadonlySet<OciNamespaceType>;
  /** Joined: the namespace file's path, or `slot` for the received `netns`. */
  readonly joined: ReadonlyMap<OciNamespaceType, string | "slot">;
  /** It has none of its own for its mounts: the one that is made for them is left again before the program. */
  readonly inheritsMounts: boolean;
  /** New or joined: not the engine's own. */
  has(type: OciNamespaceType): boolean;
}

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
