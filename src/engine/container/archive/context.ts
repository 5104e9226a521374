import type { ContainerContext } from "../context.ts";
import type { MountsContext } from "../mounts/mod.ts";

/** What copies read and write. */
export interface ArchiveContext
  extends MountsContext,
    Pick<ContainerContext, "events" | "facts" | "fail" | "registry" | "users"> {}
