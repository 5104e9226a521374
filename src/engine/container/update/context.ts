import type { ContainerContext } from "../context.ts";

/** What changes a container works with. */
export interface UpdateContext
  extends Pick<ContainerContext, "config" | "events" | "facts" | "fail" | "registry"> {}
