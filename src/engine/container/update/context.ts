import type { ContainerContext } from "../context.ts";
import type { MountsContext } from "../mounts/mod.ts";
import type { StartContext } from "../start/mod.ts";

/** What changes a container works with. */
export interface UpdateContext
  extends MountsContext,
    StartContext,
    Pick<
      ContainerContext,
      | "config"
      | "events"
      | "facts"
      | "fail"
      | "images"
      | "networks"
      | "registry"
      | "report"
      | "runtime"
      | "store"
    > {}
