import type { ContainerContext } from "../context.ts";
import type { MountsContext } from "../mounts/mod.ts";

/** What changes a container works with. */
export interface UpdateContext
  extends MountsContext,
    Pick<
      ContainerContext,
      "config" | "facts" | "fail" | "images" | "networks" | "registry" | "report" | "runtime" | "store"
    > {}
